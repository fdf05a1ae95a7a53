"""What to do where a package is missing, so that the first error of a newcomer helps.

Standard library only, and nothing that a Python older than the packages need cannot read.
"""

import sys
from pathlib import Path
from types import TracebackType

_REPOSITORY = Path(__file__).resolve().parent.parent


def explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print one message where an import failed for want of a package, and what Python prints of any other error."""
    package = (getattr(error, "name", None) or "").split(".")[0]
    if not isinstance(error, ImportError) or not package or _is_ours(package):
        sys.__excepthook__(kind, error, trace)
    else:
        print(message(package, sys.executable, sys.argv[0]), file=sys.stderr)


def message(package: str, python: str, script: str) -> str:
    """Return what to do so that `script` finds `package`, which `python` lacks."""
    environment = _REPOSITORY / ".venv"
    if Path(python).parent.parent == environment:
        return (
            f"error: package {package} is not in .venv, or is broken there: set-up is still running, or was stopped. "
            "Wait for it, or run it again: python3 run.py"
        )
    folder = "Scripts" if sys.platform == "win32" else "bin"
    started = f".venv/{folder}/python {Path(script).name}"
    first = "" if environment.is_dir() else " Set up first, once: python3 run.py."
    return f"error: {python} has no package {package}.{first} The packages are in .venv; start this with {started}"


def _is_ours(package: str) -> bool:
    return any((_REPOSITORY / name).exists() for name in (package, f"{package}.py"))
