#!/usr/bin/env python3
"""Install the peers of the proposal benchmark, OpenCV contrib and dlib, into .venv-peers: a Python of their own.

  python3 benchmarks/install_peers.py

OpenCV contrib and the tutorial's OpenCV cannot be in one environment. dlib is compiled for some minutes and needs CMake
and a C++ compiler; without them OpenCV contrib alone is installed. PEERS_VENV names another folder.
Standard library only, any Python from 3.10 on. Exit status: 0 both work, 1 one does not.
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
CHECKS = {  # what -> a program that prints its version when it works
    "OpenCV contrib": "import cv2; cv2.ximgproc.segmentation; print(cv2.__version__)",
    "dlib": "import dlib; dlib.find_candidate_object_locations; print(dlib.__version__)",
}


def main() -> int:
    """Install what is missing, and say what works."""
    environment = peer_environment()
    python = environment_python(environment)
    try:
        if output_of([python, "-m", "pip", "--version"]) is None:
            make_environment(environment)
    except UserError as failure:
        sys.exit(f"error: {failure}")
    # one after the other, so that OpenCV is there where dlib cannot be compiled; what is installed is left alone
    for package in (opencv_contrib((REPOSITORY / "requirements.txt").read_text(encoding="utf-8")), DLIB):
        call([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package])
    versions = {what: output_of([python, "-E", "-c", check]) for what, check in CHECKS.items()}
    for what, version in versions.items():
        print(f"{what}: {version or 'does not work; what pip said stands above'}")
    return 0 if all(versions.values()) else 1


def opencv_contrib(requirements: str) -> str:
    """Return the package with contrib of the OpenCV version that `requirements`, the text of the file, pins."""
    pinned = re.search(r"^opencv-python(==\S+)", requirements, re.MULTILINE)
    return "opencv-contrib-python-headless" + (pinned[1] if pinned else "")


def peer_environment() -> Path:
    """Return the folder of the peers' virtual environment, whether it is there or not."""
    return Path(os.environ.get("PEERS_VENV") or REPOSITORY / ".venv-peers")


def environment_python(environment: Path) -> Path:
    """Return the Python of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    sys.exit(main())
