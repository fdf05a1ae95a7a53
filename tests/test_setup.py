"""Installed, all of it has one name, and nothing that lies beside a program of a user gets in its way."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, Runner

pytest.importorskip("setuptools", reason="needs setuptools: python -m pip install setuptools")

PARTS = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "PARAMETERS.py", "helpers", "fastRCNN", "webapp")
HOSTILE = 'raise SystemExit("a file of the user was imported instead of ours")\n'
# Imports every module; CNTK's worker runs in another Python.
ALL_MODULES = """
import pkgutil, sys, importlib, fastRCNN
names = [each.name for each in pkgutil.walk_packages(fastRCNN.__path__, "fastRCNN.")]
for name in names:
    if "engines.cntk_" not in name:
        importlib.import_module(name)
assert not {"helpers", "webapp", "PARAMETERS"} & sys.modules.keys()
print(len(names))
"""
SERVICE = """
import asyncio, sys
from pathlib import Path
from fastRCNN.webapp.serve.model_choice import ModelChoice
from fastRCNN.webapp.serve.worker_process import WorkerProcess

async def main():
    worker = await WorkerProcess.start(ModelChoice(Path(sys.argv[1]), "tiny"), max_pixels=10**6, patience=300)
    print(worker.about["classes"])
    worker.retire()
    await worker.process.wait()

asyncio.run(main())
"""


def loaded_setup():
    """Return setup.py, loaded."""
    spec = importlib.util.spec_from_file_location("setup_of_the_clone", REPOSITORY / "setup.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """An empty folder into which a copy of the clone was installed, without the network."""
    copy, target = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("installed")
    for part in PARTS:
        if (REPOSITORY / part).is_dir():
            shutil.copytree(REPOSITORY / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(REPOSITORY / part, copy / part)
    pip = [sys.executable, "-W", "ignore", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps",
           "--no-build-isolation", "--disable-pip-version-check", "--no-compile"]  # fmt: skip
    done = subprocess.run([*pip, "--target", target, copy], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not (copy / "build").exists()
    return target


@pytest.fixture
def beside(installed, tmp_path):
    """Runs Python in a folder where files of a user have the names of our modules."""
    for name in ("helpers", "webapp", "PARAMETERS"):
        (tmp_path / f"{name}.py").write_text(HOSTILE)
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("NUMBA_CACHE_DIR", None)

    def run(program: str, *arguments: object) -> str:
        (tmp_path / "mine.py").write_text(program)
        done = subprocess.run(
            [sys.executable, "mine.py", *map(str, arguments)], cwd=tmp_path, env=environment, capture_output=True,
            text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_one_name_and_the_pages(installed):
    assert [path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")] == ["fastRCNN"]
    inside = installed / "fastRCNN"
    for part in ("helpers", "webapp"):
        files = {path.relative_to(REPOSITORY / part) for path in (REPOSITORY / part).rglob("*.py")}
        files |= {path.relative_to(REPOSITORY / part) for path in (REPOSITORY / part).glob("*/static/*")}
        there = {path.relative_to(inside / part) for path in (inside / part).rglob("*") if path.is_file()}
        assert there == {path for path in files if path.parts[0] not in ("clients", "deploy")}
    (top_level,) = installed.glob("*.dist-info/top_level.txt")
    assert top_level.read_text().split() == ["fastRCNN"]


def test_every_module_can_be_imported(beside):
    files = [path for part in ("helpers", "fastRCNN", "webapp") for path in (REPOSITORY / part).rglob("*.py")]
    files = [path for path in files if path.parent.name not in ("clients", "deploy")]
    assert int(beside(ALL_MODULES)) == len(files) - 1 + 1  # fastRCNN itself is not listed, PARAMETERS is


def test_the_example_finds_what_the_clone_finds_and_machine_code_is_kept(beside, installed, finished: Runner):
    paths = [finished.root / "proc" / "tiny", finished.root / "data" / "tiny" / "testImages" / "5.png"]
    example = (REPOSITORY / "docs" / "use_detector.py").read_text(encoding="utf-8")
    found = beside(example, *paths)
    of_clone = subprocess.run(
        [sys.executable, REPOSITORY / "docs" / "use_detector.py", *paths], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert found.count("\n") >= 2 and found == of_clone.stdout
    assert list((installed / "fastRCNN" / "proposals").rglob("*.nbi"))


def test_the_service_starts_its_worker(beside, finished: Runner):
    pytest.importorskip("fastapi", reason="needs the extra serve")
    assert beside(SERVICE, finished.root).strip() == "['disc', 'square']"


def test_imports_are_rewritten():
    inside = loaded_setup().inside
    assert inside("from helpers.errors import UserError\n", "x.py") == "from fastRCNN.helpers.errors import UserError\n"
    assert (
        inside("def f():\n    from PARAMETERS import a\n", "x") == "def f():\n    from fastRCNN.PARAMETERS import a\n"
    )
    for same in ("from helpers_of_mine import a\n", "from fastRCNN.boxes import nms\n", "from . import helpers\n"):
        assert inside(same, "x.py") == same
    with pytest.raises(ValueError, match=r"x\.py:2: write `from helpers\.boxes import"):
        inside("import os\nimport helpers.boxes\n", "x.py")
