#!/usr/bin/env python3
"""Install Microsoft's CNTK 2.7 for `--engine cntk`: into .venv-cntk, a Python 3.6 of its own.

  python3 resources/install_cntk.py            install, or mend what is there
  python3 resources/install_cntk.py --check    only say whether it works

Needs a CPython 3.6 and Open MPI; where one is missing, this says how to get it and changes nothing. It never needs to
be root. Standard library only, any Python from 3.10 on. Exit status: 0 it works, 1 something is missing, 2 wrong usage.
resources/README-CNTK.md tells more.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
CHECK = REPOSITORY / "fastRCNN" / "engines" / "cntk_check.py"
SETTINGS = "tutorial.json"  # what the engine reads; written when the check has passed
PIP = "pip==21.3.1 --hash=sha256:deaf32dcd9ab821e359cd8330786bcd077604b5c5730c0b096eda46f95c24a2d\n"
PACKAGES = """\
cntk==2.7 --hash=sha256:9873ecfb48f3c52dac03fa38c57ae0f8d4c5755c9d409d37ae234edcf756e978 \
--hash=sha256:945a9aade50f386eed894d80b2fddb3f01dace8534580464ea06f38fd37a87a1
numpy==1.19.5 --hash=sha256:a4646724fba402aa7504cd48b4b50e783296b5e10a524c7a6da62e4a8ac9698d \
--hash=sha256:dbd18bcf4889b720ba13a27ec2f2aac1981bd41203b3a3b27ba7a33f88ae4827
scipy==1.5.4 --hash=sha256:368c0f69f93186309e1b4beb8e26d51dd6f5010b79264c0f1e9ca00cd92ea8c9 \
--hash=sha256:65923bc3809524e46fb7eb4d6346552cbb6a1ffc41be748535aa502a2e3d3389
"""  # the last releases with wheels for CPython 3.6, for Linux and Windows on x86-64
MPI_NAMES = {"libmpi.so.12": ("12", "20", "40"), "libmpi_cxx.so.1": ("1", "20", "40")}  # wanted -> versions that do
GET_PYTHON = """\
a CPython 3.6, 64 bit. CNTK's last wheels are made for it. To get one:
    pyenv (Debian, Ubuntu, any Linux)   sudo apt-get install build-essential libssl-dev zlib1g-dev libbz2-dev \
libffi-dev liblzma-dev curl git
                                        then https://github.com/pyenv/pyenv#installation and: pyenv install 3.6.15
    conda                               conda create --name python36 --channel conda-forge python=3.6
    Docker                              docker build --file resources/cntk.Dockerfile --tag tutorial-cntk .
  It is looked for in CNTK_PYTHON (the path of a python), pyenv, conda's environments, and as python3.6 on the PATH."""
GET_MPI = """\
Open MPI with its C++ library (libmpi.so.40 and libmpi_cxx.so.40, or older). CNTK does not load without. To get it:
    Debian 10 to 12                     sudo apt-get install libopenmpi3
    Ubuntu 20.04, 22.04                 sudo apt-get install libopenmpi3
    Ubuntu 24.04                        sudo apt-get install libopenmpi3t64
    without root, on these systems      mkdir mpi && cd mpi && apt-get download libopenmpi3 libhwloc15 \
libevent-core-2.1-7 libevent-pthreads-2.1-7
                                        for package in *.deb; do dpkg -x "$package" .; done
                                        then run this again with --mpi mpi/usr/lib/x86_64-linux-gnu
    conda                               its Open MPI may come without the C++ library: take the system's, as above
    Docker, newer systems               docker build --file resources/cntk.Dockerfile --tag tutorial-cntk .
  Open MPI 5 (Debian 13) has no C++ library any more."""
USE_TORCH = "Nothing else needs CNTK: --engine torch (the default) runs the same network with the same numbers."


class Missing(Exception):
    """Something that the user has to get first; its text says how."""


def main() -> None:
    """Install or check; leave with 1 and one message when something is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say whether CNTK works here")
    parser.add_argument("--python", type=Path, help="the CPython 3.6 to use, instead of looking for one")
    parser.add_argument("--mpi", type=Path, help="the folder that holds libmpi.so.* and libmpi_cxx.so.*")
    parser.add_argument(
        "--venv", type=Path, default=Path(os.environ.get("CNTK_VENV") or REPOSITORY / ".venv-cntk"),
        help="where CNTK goes (default: CNTK_VENV, or .venv-cntk here)",
    )  # fmt: skip
    given = parser.parse_args()
    try:
        if not given.check:
            install(given.venv.resolve(), given.python, given.mpi)
        print(check(given.venv.resolve()))
    except Missing as missing:
        sys.exit(f"error: {missing}\n{USE_TORCH}")
    except KeyboardInterrupt:
        sys.exit(130)


def install(environment: Path, python: Path | None, mpi: Path | None) -> None:
    """Make `environment` with pinned packages and links to MPI; `Missing` lists all that has to be there first."""
    supported_machine(platform.system(), platform.machine())
    faults = []
    found = find_python([python] if python else candidates(os.environ))
    if found is None:
        faults.append((f"{python} is no usable CPython 3.6. Needed: " if python else "") + GET_PYTHON)
    folder = None if os.name == "nt" else find_mpi([mpi] if mpi else library_folders(os.environ))
    if folder is None and os.name != "nt":
        faults.append((f"{mpi} does not hold both libraries. Needed: " if mpi else "") + GET_MPI)
    if faults:
        raise Missing("CNTK cannot be installed yet. Missing:\n" + "\n".join(f"- {fault}" for fault in faults))
    assert found is not None
    (environment / SETTINGS).unlink(missing_ok=True)
    make_environment(environment, found)
    settings = {"library_path": [] if folder is None else link_mpi(environment / "mpi", folder)}
    run_check(environment, settings["library_path"])
    write(environment / SETTINGS, json.dumps(settings) + "\n")


def check(environment: Path) -> str:
    """Return one line that says what works; `Missing` where nothing does."""
    settings = environment / SETTINGS
    if not settings.is_file():
        raise Missing(f"CNTK is not installed in {environment}. Run: python3 resources/install_cntk.py")
    answer = run_check(environment, json.loads(settings.read_text(encoding="utf-8"))["library_path"])
    return f"{answer} Use it with --engine cntk."


def supported_machine(system: str, machine: str) -> None:
    """Raise `Missing` on machines for which CNTK was never built."""
    if system not in ("Linux", "Windows") or machine.lower() not in ("x86_64", "amd64"):
        raise Missing(
            f"CNTK was built for Linux and Windows on x86-64 only, this is {system} on {machine}. Docker can run it: "
            "docker build --platform linux/amd64 --file resources/cntk.Dockerfile --tag tutorial-cntk ."
        )


def candidates(variables: Mapping[str, str]) -> Iterator[Path]:
    """Yield the places where a Python 3.6 may be, the user's own choice first."""
    if chosen := variables.get("CNTK_PYTHON"):
        yield Path(chosen)
    home = Path(variables.get("HOME") or variables.get("USERPROFILE") or "/")
    yield from sorted((Path(variables.get("PYENV_ROOT") or home / ".pyenv") / "versions").glob("3.6*/bin/python"))[::-1]
    for name in ("python3.6", "python3.6m", "python3"):
        if on_path := shutil.which(name, path=variables.get("PATH")):
            yield Path(on_path)
    environments = [Path(prefix) for name in ("CONDA_PREFIX", "CONDA_ROOT") if (prefix := variables.get(name))]
    known = home / ".conda" / "environments.txt"
    if known.is_file():
        environments += [Path(line) for line in known.read_text(encoding="utf-8").splitlines() if line.strip()]
    for environment in environments:
        yield environment / ("python.exe" if os.name == "nt" else "bin/python")


def find_python(places: Iterable[Path]) -> Path | None:
    """Return the first of `places` that is a CPython 3.6 of 64 bit that can make virtual environments."""
    question = (
        "import sys, platform, venv, ensurepip, ssl\n"
        "sys.exit(not (sys.version_info[:2] == (3, 6) and sys.maxsize > 2**32\n"
        "              and platform.python_implementation() == 'CPython'))"
    )
    for place in places:
        try:
            done = subprocess.run([place, "-E", "-c", question], capture_output=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return place
    return None


def library_folders(variables: Mapping[str, str]) -> Iterator[Path]:
    """Yield the folders where MPI's libraries may be."""
    if chosen := variables.get("CNTK_MPI"):
        yield Path(chosen)
    yield from (Path(folder) for folder in variables.get("LD_LIBRARY_PATH", "").split(os.pathsep) if folder)
    ldconfig = shutil.which("ldconfig", path=variables.get("PATH", "") + ":/sbin:/usr/sbin")
    if ldconfig:
        listed = subprocess.run([ldconfig, "-p"], capture_output=True, text=True).stdout
        for line in listed.splitlines():
            if line.strip().startswith("libmpi_cxx.so.") and "=>" in line:
                yield Path(line.split("=>")[1].strip()).parent
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib64/openmpi/lib", "/usr/lib/openmpi/lib", "/usr/local/lib"):
        yield Path(folder)
    if prefix := variables.get("CONDA_PREFIX"):
        yield Path(prefix) / "lib"


def find_mpi(folders: Iterable[Path]) -> Path | None:
    """Return the first of `folders` that holds both libraries. MPICH's libmpi.so.12 has no libmpi_cxx beside it."""
    for folder in folders:
        if all(_library(folder, wanted) for wanted in MPI_NAMES):
            return folder.resolve()
    return None


def link_mpi(links: Path, folder: Path) -> list[str]:
    """Make the names that CNTK asks for in `links`, pointing into `folder`; return the library path for the worker."""
    shutil.rmtree(links, ignore_errors=True)
    links.mkdir(parents=True)
    for wanted in MPI_NAMES:
        library = _library(folder, wanted)
        assert library is not None
        (links / wanted).symlink_to(library)
    usual = folder.parts[:3] in (("/", "usr", "lib"), ("/", "usr", "lib64")) and len(folder.parts) <= 4
    return [str(links)] if usual else [str(links), str(folder)]


def _library(folder: Path, wanted: str) -> Path | None:
    """Return the file in `folder` that can stand for the library `wanted`."""
    stem = wanted.rpartition(".")[0]
    names = [f"{stem}.{version}" for version in MPI_NAMES[wanted]]
    return next((folder / name for name in names if (folder / name).exists()), None)


def make_environment(environment: Path, python: Path) -> None:
    """Make the virtual environment with the pinned packages, their files compared with the hashes above."""
    if environment.exists() and not (environment / "pyvenv.cfg").is_file():
        raise Missing(f"{environment} is there, but is no virtual environment. Move it away and run this again.")
    inside = environment_python(environment)
    if find_python([inside]) is None:
        say(f"{environment}: a virtual environment of {python}")
        _run([python, "-E", "-m", "venv", "--clear", environment], "the virtual environment could not be made")
    say("CNTK 2.7, numpy and scipy: 115 MB to download, once")
    for requirements in (PIP, PACKAGES):
        with tempfile.TemporaryDirectory() as folder:
            listed = Path(folder) / "requirements.txt"
            listed.write_text(requirements, encoding="utf-8")
            command = [inside, "-E", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            command += ["--require-hashes", "--only-binary", ":all:", "--requirement", listed]
            _run(command, "pip could not install the packages (no network? a proxy?)")


def run_check(environment: Path, library_path: Sequence[str]) -> str:
    """Let the worker pool one ROI; return its line, or raise `Missing` with what it said."""
    variables = dict(os.environ)
    inherited = variables.get("LD_LIBRARY_PATH")
    if folders := [*library_path, *([inherited] if inherited else [])]:
        variables["LD_LIBRARY_PATH"] = os.pathsep.join(folders)
    command = [environment_python(environment), "-E", "-W", "ignore", CHECK]
    try:
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(
            f"CNTK's check did not run: {error}. Install it again: python3 resources/install_cntk.py"
        ) from None
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines() or ["nothing"]
        library = next((line for line in said if "cannot open shared object" in line), None)
        if library and "mpi" in library:
            raise Missing(f"CNTK does not load ({library.strip()}). Missing:\n- {GET_MPI}")
        if library:
            name = library.split(":")[-3].strip() if library.count(":") >= 2 else library.strip()
            raise Missing(f"CNTK does not load: the system lacks {name}. Get the package that holds it")
        raise Missing("CNTK is installed, but its check failed:\n" + "\n".join("  " + line for line in said[-8:]))
    return done.stdout.strip().splitlines()[-1]


def environment_python(environment: Path) -> Path:
    """Return the Python of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _run(command: Sequence[str | Path], what: str) -> None:
    """Run `command` with our terminal for its errors; `Missing` with `what` when it fails."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run([str(part) for part in command], env=variables, stdout=sys.stderr)
    if done.returncode != 0:
        raise Missing(f"{what}; what it said stands above.")


def write(path: Path, text: str) -> None:
    """Write `text` to `path`: at once or not at all."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def say(line: str) -> None:
    """Tell how far it is."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
