"""Pictures of strangers: kinds, sizes before decoding, damage."""

import io

import numpy as np
import pytest
from PIL import Image

from webapp.problems import Problem
from webapp.serve.decoding import decode, kind_of


def encoded(kind: str, size: tuple[int, int] = (30, 20), **options) -> bytes:
    """Return a picture by Pillow: not the project's own writer."""
    stream = io.BytesIO()
    Image.new("RGB", size, (200, 30, 60)).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_what_is_read(kind):
    data = encoded(kind)
    assert kind_of(data) == kind
    picture = decode(data, max_pixels=600)
    assert picture.shape == (20, 30, 3)
    np.testing.assert_allclose(picture[10, 10], (60, 30, 200), atol=4)
    with pytest.raises(Problem) as refused:
        decode(data, max_pixels=599)
    assert refused.value.kind == "too-large"
    assert "30 x 20" in refused.value.detail


def test_the_pixels_are_those_of_the_scripts(finished):
    from helpers.images import read_image

    path = finished.root / "data" / "tiny" / "testImages" / "5.png"
    np.testing.assert_array_equal(decode(path.read_bytes(), max_pixels=10**6), read_image(path))


def test_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode(encoded("JPEG", exif=exif), max_pixels=10**6).shape == (30, 20, 3)


@pytest.mark.parametrize(("kind", "name"), [("GIF", "GIF"), ("TIFF", "TIFF"), ("ICO", "ICO"), ("AVIF", "AVIF")])
def test_other_kinds(kind, name):
    data = b"\x00\x00\x00\x1cftypavif" + bytes(40) if kind == "AVIF" else encoded(kind)
    with pytest.raises(Problem) as refused:
        decode(data, max_pixels=10**6)
    assert refused.value.kind == "media-type"
    assert name in refused.value.detail


def test_damage():
    whole = encoded("JPEG", (200, 200))
    for data in (b"", b"text", whole[:3], whole[:40], whole[: len(whole) // 2], encoded("PNG")[:-20]):
        with pytest.raises(Problem) as refused:
            decode(data, max_pixels=10**6)
        assert refused.value.kind == "not-a-picture"
        assert "/" not in refused.value.detail, "no path of this machine"
