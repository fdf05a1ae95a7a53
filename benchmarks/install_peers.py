#!/usr/bin/env python3
"""Install the peers of the proposal benchmark, OpenCV contrib and dlib, into .venv-peers: a Python of their own.

  python3 benchmarks/install_peers.py
  python3 benchmarks/install_peers.py --yolo     YOLOv8n's package, ultralytics, into .venv-yolo (YOLO_VENV: another)

OpenCV contrib and the tutorial's OpenCV cannot be in one environment. dlib is compiled for some minutes and needs CMake
and a C++ compiler; without them OpenCV contrib alone is installed. PEERS_VENV names another folder.
ultralytics takes the PyTorch of requirements.txt; its licence is AGPL-3.0, which is why nothing of ours imports it.
Standard library only, any Python from 3.10 on. Exit status: 0 all work, 1 one does not.
"""

import argparse
import os
import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from helpers.errors import UserError  # noqa: E402
from helpers.processes import call, output_of  # noqa: E402
from helpers.virtual_environment import make_environment  # noqa: E402

DLIB = "dlib==20.0.1"
YOLO = "ultralytics==8.4.190"
CHECKS = {  # what -> a program that prints its version when it works
    "OpenCV contrib": "import cv2; cv2.ximgproc.segmentation; print(cv2.__version__)",
    "dlib": "import dlib; dlib.find_candidate_object_locations; print(dlib.__version__)",
}
YOLO_CHECKS = {
    "ultralytics": "from ultralytics import YOLO, __version__; print(__version__)",
}


def main() -> int:
    """Install what is missing, and say what works."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yolo", action="store_true", help="install ultralytics instead")
    requirements = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8")
    if parser.parse_args().yolo:
        # in one go, so that nothing brings another PyTorch
        return install(yolo_environment(), [[pinned("torch", requirements), YOLO]], YOLO_CHECKS)
    # one after the other, so that OpenCV is there where dlib cannot be compiled
    return install(peer_environment(), [[opencv_contrib(requirements)], [DLIB]], CHECKS)


def install(environment: Path, packages: list[list[str]], checks: dict[str, str]) -> int:
    """Install `packages` where they are missing, one list after the other, and say what of `checks` works."""
    python = environment_python(environment)
    try:
        if output_of([python, "-m", "pip", "--version"]) is None:
            make_environment(environment)
    except UserError as failure:
        sys.exit(f"error: {failure}")
    for together in packages:  # what is installed is left alone
        call([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *together])
    versions = {what: output_of([python, "-E", "-c", check]) for what, check in checks.items()}
    for what, version in versions.items():
        print(f"{what}: {version or 'does not work; what pip said stands above'}")
    return 0 if all(versions.values()) else 1


def opencv_contrib(requirements: str) -> str:
    """Return the package with contrib of the OpenCV version that `requirements`, the text of the file, pins."""
    return pinned("opencv-python", requirements).replace("opencv-python", "opencv-contrib-python-headless")


def pinned(package: str, requirements: str) -> str:
    """Return `package` with the version that `requirements`, the text of the file, pins; alone where it pins none."""
    found = re.search(rf"^{package}(==\S+)", requirements, re.MULTILINE)
    return package + (found[1] if found else "")


def peer_environment() -> Path:
    """Return the folder of the peers' virtual environment, whether it is there or not."""
    return Path(os.environ.get("PEERS_VENV") or REPOSITORY / ".venv-peers")


def yolo_environment() -> Path:
    """Return the folder of YOLO's virtual environment, whether it is there or not."""
    return Path(os.environ.get("YOLO_VENV") or REPOSITORY / ".venv-yolo")


def environment_python(environment: Path) -> Path:
    """Return the Python of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


if __name__ == "__main__":
    sys.exit(main())
