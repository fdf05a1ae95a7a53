"""The key, the Host header, other origins."""

import pytest


def test_the_key_is_asked_for(client_with_key, picture):
    client = client_with_key
    key = "a-key-for-these-tests"
    for path in ("/detect", "/detect/batch", "/vott", "/reload"):
        refused = client.post(path, content=picture)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
        assert key not in refused.text
    for path in ("/model", "/classes", "/metrics"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"x-api-key": key}).status_code == 200
    for path in ("/", "/docs", "/health", "/ready", "/openapi.json"):
        assert client.get(path).status_code == 200
    for headers in ({"authorization": f"Bearer {key}"}, {"authorization": f"bearer {key}"}, {"x-api-key": key}):
        assert client.post("/detect", content=picture, headers=headers).status_code == 200


@pytest.mark.parametrize("given", ["", "wrong", "a-key-for-these-test", "a-key-for-these-tests2", "schl\xfcssel"])
def test_a_wrong_key(client_with_key, picture, given):
    for headers in ({"authorization": f"Bearer {given}"}, {"x-api-key": given}, {"authorization": f"Basic {given}"}):
        encoded = {name: value.encode("latin-1") for name, value in headers.items()}
        assert client_with_key.post("/detect", content=picture, headers=encoded).status_code == 401


def test_only_known_hosts(client_with_key):
    for host in ("localhost", "localhost:8080", "LOCALHOST"):
        assert client_with_key.get("/health", headers={"host": host}).status_code == 200
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1@evil", "", "["):
        answer = client_with_key.get("/health", headers={"host": host})
        assert answer.status_code == 421
        assert answer.json()["type"] == "/docs#wrong-host"


def test_other_origins(client_with_key):
    ask = {"access-control-request-method": "POST", "access-control-request-headers": "contenttype"}
    known = client_with_key.options("/vott", headers={"origin": "https://example.org", **ask})
    assert known.status_code == 200
    assert known.headers["access-control-allow-origin"] == "https://example.org"
    other = client_with_key.options("/vott", headers={"origin": "https://evil.example", **ask})
    assert "access-control-allow-origin" not in other.headers


def test_reload_with_the_key(client_with_key, picture):
    headers = {"x-api-key": "a-key-for-these-tests"}
    before = client_with_key.post("/detect", content=picture, headers=headers).json()
    version = client_with_key.get("/model", headers=headers).json()["version"]
    answer = client_with_key.post("/reload", headers=headers)
    assert answer.status_code == 200
    assert answer.json()["version"] == version, "the files are the same"
    assert client_with_key.post("/detect", content=picture, headers=headers).json() == before
    assert 'fastrcnn_reloads_total{outcome="done"} 1.0' in client_with_key.get("/metrics", headers=headers).text
