"""The service's addresses, in this process: what they answer, and what they answer to what is wrong."""

import json
import struct
import zlib
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from openapi_spec_validator import validate

from webapp.problems import KINDS, MEDIA_TYPE

FORM = "multipart/form-data; boundary=x"


def problem(response, status: int, kind: str) -> str:
    """Check that `response` is this problem and return its sentence."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == MEDIA_TYPE
    document = response.json()
    assert document["type"] == f"/docs#{kind}"
    assert document["status"] == status
    assert document["title"] == KINDS[kind].title
    assert document["request_id"] == response.headers["x-request-id"]
    assert document["detail"]
    return document["detail"]


def scored(finished, capsys, name: str, form: str):
    """Return what step 6 prints for a test picture."""
    capsys.readouterr()
    finished("6_scoreImage.py", str(finished.root / "data/tiny/testImages" / name), "--format", form, "--quiet")
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("form", "of_step_6"), [("tutorial", "v1"), ("v2", "v2")])
def test_answers_are_those_of_step_6(client, finished, capsys, form, of_step_6):
    for name in ("5.png", "6.png"):
        picture = (finished.root / "data/tiny/testImages" / name).read_bytes()
        answer = client.post(f"/detect?format={form}", files={"image": ("any.png", picture)})
        assert answer.status_code == 200
        assert answer.json() == scored(finished, capsys, name, of_step_6)


def test_a_form_and_a_raw_body_give_the_same(client, picture, picture_kinds):
    expected = client.post("/detect", files={"image": picture}).json()
    assert {record["label"] for record in expected} == {"disc", "square"}
    for kind in ("image/png", "application/octet-stream", ""):
        assert client.post("/detect", content=picture, headers={"content-type": kind}).json() == expected
    for kind, data in picture_kinds.items():
        found = client.post("/detect?threshold=0.5", content=data, headers={"content-type": kind}).json()
        assert {record["label"] for record in found} == {"disc", "square"}, kind


def test_threshold_max_classes_and_nms(client, picture):
    everything = client.post("/detect", content=picture).json()
    assert len(everything) > 1
    limit = everything[0]["score"]
    assert client.post(f"/detect?threshold={limit}", content=picture).json() == everything[:1]
    assert client.post("/detect?max=1", content=picture).json() == everything[:1]
    discs = client.post("/detect?classes=disc", content=picture).json()
    assert discs == [each for each in everything if each["label"] == "disc"]
    both = client.post("/detect?classes=disc&classes=square", content=picture).json()
    assert both == everything
    assert len(client.post("/detect?nms=1", content=picture).json()) > len(everything)
    assert len(client.post("/detect?nms=0", content=picture).json()) <= len(everything)


def test_coco_custom_vision_and_details_say_the_same(client, picture):
    v2 = client.post("/detect", content=picture).json()
    coco = client.post("/detect?format=coco", content=picture).json()
    numbers = {"disc": 1, "square": 2}
    for mine, other in zip(v2, coco, strict=True):
        width, height = mine["right"] - mine["left"] + 1, mine["bottom"] - mine["top"] + 1
        assert other["bbox"] == [mine["left"], mine["top"], width, height]
        assert (other["category_id"], other["score"]) == (numbers[mine["label"]], mine["score"])
    vision = client.post("/detect?format=customvision", content=picture).json()["predictions"]
    for mine, other in zip(v2, vision, strict=True):
        assert other["tagName"] == mine["label"]
        assert 0 <= other["probability"] <= 1
        assert other["boundingBox"]["left"] == pytest.approx(mine["left"] / 120)
        assert other["boundingBox"]["height"] == pytest.approx((mine["bottom"] - mine["top"] + 1) / 90)
    details = client.post("/detect?format=details", content=picture).json()
    assert (details["width"], details["height"]) == (120, 90)
    assert [{k: v for k, v in each.items() if k != "class"} for each in details["detections"]] == v2
    assert len(details["rois"]) == 120
    assert set(details["seconds"]) == {"decoding", "rois", "network", "scoring"}


def test_the_drawn_picture(client, picture):
    for kind in ("image/jpeg", "image/png"):
        answer = client.post("/detect?threshold=0", content=picture, headers={"accept": kind})
        assert answer.headers["content-type"] == kind
        drawn = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
        assert drawn.shape == (90, 120, 3)
    original = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert (drawn != original).any(axis=2).sum() > 100
    untouched = client.post("/detect?threshold=1000", content=picture, headers={"accept": "image/png"})
    np.testing.assert_array_equal(cv2.imdecode(np.frombuffer(untouched.content, np.uint8), 1), original)


def test_batch(client, picture):
    single = client.post("/detect", content=picture).json()
    files = [("image", picture), ("image", b"no picture"), ("image", picture)]
    results = client.post("/detect/batch", files=files).json()["results"]
    assert [each["status"] for each in results] == [200, 400, 200]
    assert results[0]["result"] == results[2]["result"] == single
    assert results[1]["problem"]["type"] == "/docs#not-a-picture"
    problem(client.post("/detect/batch", files=[("image", picture)] * 5), 413, "too-large")


def test_vott(client, picture):
    """As VoTT 1 asks: the frame's name as text, the picture as a blob that claims to be a PNG."""
    answer = client.post("/vott", data={"filename": "17"}, files={"image": ("blob", picture, "image/png")})
    expected = client.post("/detect?threshold=0.5", content=picture).json()
    content = answer.json()
    assert content["classes"] == {"background": 0, "disc": 1, "square": 2}
    regions = content["frames"]["17.jpg"]["regions"]
    assert regions == [
        {"class": content["classes"][e["label"]], "x1": e["left"], "y1": e["top"], "x2": e["right"], "y2": e["bottom"]}
        for e in expected
    ]


def png_of(width: int, height: int) -> bytes:
    """Return a PNG that claims this size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def test_what_is_no_picture(client, picture):
    for data in (b"", b"hello", b"\xff\xd8\xff", picture[: len(picture) // 2], b"\x89PNG\r\n\x1a\n" + bytes(50)):
        problem(client.post("/detect", content=data), 400, "not-a-picture")
    assert "GIF" in problem(client.post("/detect", content=b"GIF89a" + bytes(20)), 415, "media-type")
    problem(client.post("/detect", content=picture, headers={"content-type": "text/plain"}), 415, "media-type")


def test_what_is_too_large(client, picture):
    problem(client.post("/detect", content=bytes(3 << 20)), 413, "too-large")
    problem(client.post("/detect", content=bytes(1 << 26)), 413, "too-large")
    problem(client.post("/detect", files={"image": bytes(3 << 20)}), 413, "too-large")
    detail = problem(client.post("/detect", content=png_of(8000, 8000)), 413, "too-large")
    assert "8000 x 8000" in detail, "refused by its header, before decoding"
    problem(client.post("/detect", content=png_of(60_000, 60_000)), 413, "too-large")
    assert client.post("/detect", content=picture).status_code == 200


@pytest.mark.parametrize(
    "query",
    ["threshold=a", "threshold=nan", "threshold=inf", "nms=2", "nms=-1", "max=0", "max=1.5", "format=xml",
     "classes=cat", "treshold=0.5", "max="],
)  # fmt: skip
def test_wrong_parameters(client, picture, query):
    name = query.partition("=")[0]
    assert name in problem(client.post(f"/detect?{query}", content=picture), 422, "parameter")


def test_damaged_forms(client, picture):
    part = b'--x\r\nContent-Disposition: form-data; name="other"; filename="a"\r\n\r\n' + picture + b"\r\n--x--\r\n"
    for body, kind in ((b"nothing", FORM), (b"", FORM), (part, FORM), (part, "multipart/form-data")):
        problem(client.post("/detect", content=body, headers={"content-type": kind}), 400, "bad-request")
    two = client.post("/detect", files=[("image", picture)] * 2)
    assert "batch" in problem(two, 400, "bad-request")


def test_other_addresses_methods_and_forms(client, picture):
    problem(client.get("/nowhere"), 404, "not-found")
    refused = client.get("/detect")
    problem(refused, 405, "method")
    assert refused.headers["allow"] == "POST"
    problem(client.post("/detect", content=picture, headers={"accept": "text/html"}), 406, "not-acceptable")
    assert client.head("/health").status_code == 200
    assert client.head("/health").content == b""


def test_model_classes_health_metrics(client, picture):
    model = client.get("/model").json()
    assert model["dataset"] == "tiny"
    assert model["classes"] == ["disc", "square"]
    assert model["measured"]["mAP_area"] > 0.9
    assert model["trained"].startswith("20")
    assert "/" not in json.dumps(model), "no path of this machine is told"
    classes = client.get("/classes").json()["classes"]
    assert classes[0] == {"name": "disc", "number": 1, "color": "#0072b2"}
    assert client.get("/health").json()["status"] == "ok"
    client.post("/detect", content=picture)
    text = client.get("/metrics").text
    assert 'fastrcnn_requests_total{method="POST",path="/detect",status="200"}' in text
    assert 'fastrcnn_stage_seconds_count{stage="network"}' in text


def test_reload_without_a_key_is_refused(client):
    problem(client.post("/reload"), 403, "forbidden")


def test_headers(client, picture):
    for path in ("/", "/docs", "/static/app.js", "/health", "/nowhere"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers
    answer = client.post("/detect", content=picture, headers={"x-request-id": "mine-1"})
    assert answer.headers["x-request-id"] == "mine-1"
    assert "network;dur=" in answer.headers["server-timing"]
    assert answer.headers["cache-control"] == "no-store"
    forged = client.get("/health", headers={"x-request-id": "a b\tc"}).headers["x-request-id"]
    assert len(forged) == 16


class Links(HTMLParser):
    """Collects what a page refers to, and code and styles inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("src", "href"):
                self.links.append(value)
            if name == "style" or name.startswith("on"):
                self.inline.append(name)
        if (tag == "script" and not any(name == "src" for name, _ in attrs)) or tag == "style":
            self.inline.append(tag)


def test_pages_need_nothing_from_elsewhere(client):
    for path in ("/", "/docs"):
        page = Links()
        page.feed(client.get(path).text)
        assert not page.inline
        for link in page.links:
            assert link.startswith(("/", "#")) and not link.startswith("//"), link
            if link.startswith("/"):
                assert client.get(link).status_code == 200, link


def test_openapi_document_is_valid(client, client_with_key):
    for each in (client, client_with_key):
        document = each.get("/openapi.json").json()
        validate(document)
        paths = {"/detect", "/detect/batch", "/vott", "/model", "/classes", "/reload", "/health", "/ready", "/metrics"}
        assert set(document["paths"]) == paths
    text = client.get("/docs").text
    for path in paths:
        assert f"<code>{path}</code>" in text
    for kind in KINDS:
        assert f'id="{kind}"' in text
