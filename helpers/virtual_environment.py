"""The virtual environment .venv with the packages of requirements.txt: made once, mended when it is broken or old.

Standard library only: `run.py` uses this before any package is installed.
"""

import ast
import hashlib
import os
import platform
import re
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from helpers.errors import UserError
from helpers.processes import call, output_of, shown

CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def set_up(repository: Path) -> Path:
    """Make `repository`/.venv with the packages of requirements.txt, unless it is up to date; return its Python."""
    environment, requirements = repository / ".venv", repository / "requirements.txt"
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = environment / "installed.txt"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    usable = output_of([python, "-c", "import sys; print(sys.version)"]) == sys.version
    if usable and stamp.is_file() and stamp.read_text() == wanted:
        return python
    begin = time.monotonic()
    print(f"Set-up: the packages of requirements.txt go to {shown(environment)} (this once, some minutes).", flush=True)
    if not usable or output_of([python, "-m", "pip", "--version"]) is None:
        make_environment(environment)
    install(python, requirements)
    stamp.write_text(wanted)
    print(f"Set-up done in {time.monotonic() - begin:.0f} s.", flush=True)
    return python


def make_environment(environment: Path) -> None:
    """Make a virtual environment with pip in it, in place of a broken one or one of another Python."""
    if environment.exists() and not (environment / "pyvenv.cfg").is_file():
        raise UserError(f"{environment} is there, but is no virtual environment. Move it away and run this again.")
    maker = getattr(sys, "_base_executable", None) or sys.executable  # not the Python that is being replaced
    if call([maker, "-m", "venv", "--clear", environment]) != 0:
        raise UserError(
            f"{maker} could not make the virtual environment {environment}; its message is above. On Debian and "
            "Ubuntu the modules venv and pip are a package of their own: sudo apt install python3-venv"
        )


def install(python: Path, requirements: Path) -> None:
    """Install the pinned packages: torch in its small CPU build where no NVIDIA GPU is, OpenCV as the system allows."""
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    pinned = re.search(r"^torch==([\d.]+)", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    arguments: list[str] = []
    if pinned:
        folders = wheel_folders(output_of([*pip, "config", "list"]) or "")
        arguments, reason = torch_source(pinned[1], folders, has_nvidia_gpu, index_answers)
        print(f"torch {pinned[1]}: {reason}", flush=True)
    quiet = [] if sys.stdout.isatty() else ["-qq"]  # pip's progress is for somebody who watches
    if call([*pip, "install", *quiet, "-r", requirements, *arguments]) != 0:
        raise UserError(
            "pip could not install the packages; its message is above. It needs the internet, or a folder of wheels: "
            f"fill one on another computer with 'pip download -r {requirements.name}' and set PIP_FIND_LINKS to it."
        )
    mend_opencv(python, pip)


def torch_source(
    version: str, folders: Sequence[Path], has_gpu: Callable[[], bool], index_answers: Callable[[], bool]
) -> tuple[list[str], str]:
    """Choose where torch comes from: further arguments for pip, and the reason in words.

    The CPU build has 200 MB, the one with CUDA several GB. `folders` are the wheel folders that pip is configured with.
    """
    if sys.platform == "darwin":
        return [], "the build for macOS"
    if has_gpu():
        return [], "the build with CUDA, as there is an NVIDIA GPU"
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    ours = re.compile(rf"torch-{re.escape(version)}\+cpu-{python}-.*{platform.machine()}\.whl", re.IGNORECASE)
    for folder in folders:
        if any(ours.fullmatch(urllib.parse.unquote(wheel.name)) for wheel in folder.glob("torch-*.whl")):
            return [f"torch=={version}+cpu"], f"the CPU build in {folder}"
    if index_answers():
        return [f"torch=={version}+cpu", "--extra-index-url", CPU_INDEX], f"the CPU build from {CPU_INDEX}"
    return [], "what pip finds (download.pytorch.org, which has the small CPU build, did not answer)"


def wheel_folders(pip_config: str) -> list[Path]:
    """Return the folders that `pip config list` names as find-links."""
    found: dict[Path, None] = {}
    for line in pip_config.splitlines():
        name, _, value = line.partition("=")
        if name.endswith("find-links"):
            for place in ast.literal_eval(value).split():
                url = urllib.parse.urlparse(place)
                folder = Path(urllib.request.url2pathname(url.path)) if url.scheme == "file" else Path(place)
                if folder.is_dir():
                    found[folder] = None
    return list(found)


def has_nvidia_gpu() -> bool:
    """An NVIDIA GPU is there, and its driver."""
    return (output_of(["nvidia-smi", "-L"]) or "").startswith("GPU")


def index_answers(url: str = f"{CPU_INDEX}/torch/", seconds: float = 3.0) -> bool:
    """Whether PyTorch's own package index answers in time, name look-up included."""
    answers: list[int] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(url, timeout=seconds) as answer:
                answers.append(answer.status)
        except (OSError, ValueError):
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answers == [200]


def mend_opencv(python: Path, pip: Sequence[str]) -> None:
    """Replace opencv-python by its twin without windows where the system lacks what windows need (libGL)."""
    tried = subprocess.run([str(python), "-c", "import cv2"], capture_output=True, text=True)
    if tried.returncode == 0:
        return
    missing = re.search(r"(lib[\w.+-]+): cannot open shared object", tried.stderr)
    version = output_of([python, "-c", "from importlib.metadata import version; print(version('opencv-python'))"])
    if not missing or not version:
        raise UserError(f"OpenCV was installed, but does not load:\n{tried.stderr.strip()}")
    print(f"No {missing[1]} here, which OpenCV needs for windows: opencv-python-headless takes its place.", flush=True)
    call([*pip, "uninstall", "--yes", "--quiet", "opencv-python", "opencv-python-headless"])
    if call([*pip, "install", "--quiet", "--no-deps", f"opencv-python-headless=={version}"]) != 0:
        raise UserError(f"pip could not install opencv-python-headless {version}; its message is above.")
    if call([python, "-c", "import cv2"]) != 0:
        raise UserError("opencv-python-headless does not load either; its message is above.")
