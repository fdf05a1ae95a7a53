"""Dockerfile, compose example, proxies and systemd unit: they name what there is, and keep what they promise."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from PARAMETERS import get_parameters, make_parser
from webapp.serve.command_line import add_options

REPOSITORY = Path(__file__).resolve().parents[3]
DEPLOY = REPOSITORY / "webapp" / "deploy"
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions, continued lines joined."""
    lines = [line for line in DOCKERFILE.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def parsed(options: list[str]):
    """Parse `options` as 7_serve.py does: an option that is not there is an error."""
    parser = make_parser("")
    add_options(parser)
    return get_parameters(options, parser)


def test_dockerfile():
    made = instructions()
    names = [name for name, _ in made]
    assert names.count("FROM") == 2 and names[0] == "FROM"
    assert all("-slim" in rest for name, rest in made if name == "FROM")
    last = made[len(names) - 1 - names[::-1].index("FROM") :]
    assert ("USER", "10001") in last, "not root"
    assert any(name == "HEALTHCHECK" and "/ready" in rest for name, rest in last)
    for name, rest in made:
        if name == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert (REPOSITORY / source).exists(), source
    entry = yaml.safe_load(next(rest for name, rest in last if name == "ENTRYPOINT"))
    assert entry[:2] == ["python", "7_serve.py"]
    assert parsed(entry[2:]).host == "0.0.0.0"


def test_what_goes_into_the_image():
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").split()
    assert "*" in ignored, "everything is left out but what is named"
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert kept == {"requirements.txt", "PARAMETERS.py", "7_serve.py", "LICENSE", "helpers", "fastRCNN", "webapp"}
    copied = {part.rstrip("/") for name, rest in instructions() if name == "COPY" for part in rest.split()[:-1]}
    assert copied - {"--from=build", "/opt/venv", "/app"} == kept


def test_the_service_needs_no_test_package():
    """The Dockerfile cuts requirements.txt at a heading: above it is all that the service needs, pinned."""
    heading = re.search(r"/(\^# [^/]+)/,\$d", DOCKERFILE)[1][1:]
    text = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8")
    above, below = text.split(heading)
    for package in ("torch", "fastapi", "uvicorn", "python-multipart", "prometheus-client", "opencv-python", "pillow"):
        assert re.search(rf"^{package}==", above, re.MULTILINE), package
    for package in ("pytest", "schemathesis", "selenium", "onnxruntime"):
        assert re.search(rf"^{package}==", below, re.MULTILINE), package


def test_compose():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    detector, proxy = compose["services"]["detector"], compose["services"]["proxy"]
    assert detector["read_only"] is True and detector["cap_drop"] == ["ALL"]
    assert "ports" not in detector, "only the proxy is reached from outside"
    assert compose["networks"]["inside"]["internal"] is True
    assert detector["networks"] == ["inside"]
    assert {"80:80", "443:443"} == set(proxy["ports"])
    assert all(each["read_only"] for each in detector["volumes"] if isinstance(each, dict))
    options = [re.sub(r"\$\{\w+:-(\w+)\}|\$\{\w+:\?\}", r"\1", each) or "site" for each in detector["command"]]
    assert parsed(options).public_host == ["site", "detector"]
    for volume in proxy["volumes"] + detector["volumes"]:
        if isinstance(volume, dict) and volume["source"].startswith("./"):
            assert (DEPLOY / volume["source"]).is_file()


def test_systemd_unit(tmp_path):
    file = DEPLOY / "fast-rcnn.service"
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read_string(file.read_text(encoding="utf-8"))
    command = unit["Service"]["ExecStart"].split()
    assert command[1] == "7_serve.py"
    assert parsed(command[2:]).log_format == "json"
    assert unit["Service"]["KillMode"] == "mixed", "workers finish what they have"
    assert "HUP" in unit["Service"]["ExecReload"]
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    copy = tmp_path / file.name
    copy.write_text(file.read_text(encoding="utf-8").replace("/opt/fast-rcnn/.venv/bin/python", "/bin/true"))
    ended = subprocess.run(["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True)
    assert "Unknown" not in ended.stderr and ended.returncode == 0, ended.stderr
