"""How the clone is installed: all of it inside one name, `fastRCNN`, so that no other program's names are in the way.

In the clone, `helpers`, `webapp` and `PARAMETERS` stand beside `fastRCNN`, where the scripts find them. Installed under
these names they would collide: Python takes a `helpers.py` that lies beside a program before ours. So a wheel has
`fastRCNN.helpers`, `fastRCNN.webapp` and `fastRCNN.PARAMETERS`, and each import of them is rewritten on the way. With
`pip install -e` Python reads the clone's own files, and the names are those of the clone.
"""

import ast
import atexit
import re
import shutil
import sys
import tempfile
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

OUTER = "fastRCNN"
MOVED = ("helpers", "webapp", "PARAMETERS")
_IMPORT = re.compile(rf"^(\s*from\s+)(?=(?:{'|'.join(MOVED)})\b)", re.MULTILINE)


class BuildInside(build_py):
    """Copies modules as ever, PARAMETERS.py into the package as well, and rewrites what they import."""

    def find_package_modules(self, package, package_dir):
        """Return (package, module, file) of every module."""
        found = super().find_package_modules(package, package_dir)
        return [*found, (OUTER, "PARAMETERS", "PARAMETERS.py")] if package == OUTER else found

    def build_module(self, module, module_file, package):
        """Copy a module, then rewrite the copy."""
        target, copied = super().build_module(module, module_file, package)
        path = Path(target)
        path.write_text(inside(path.read_text(encoding="utf-8"), module_file), encoding="utf-8", newline="\n")
        return target, copied


def inside(source: str, name: str) -> str:
    """Return the `source` of a module (`name`, for messages) with `from helpers...` become `from fastRCNN.helpers...`.

    Raises `ValueError` for `import helpers...`: it would bind another name.
    """
    moved = _IMPORT.sub(rf"\g<1>{OUTER}.", source)
    for node in ast.walk(ast.parse(moved)):
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        if any(each.split(".")[0] in MOVED for each in names):
            raise ValueError(f"{name}:{node.lineno}: write `from {names[0]} import ...`: only that can be installed")
    return moved


def main() -> None:
    """Run setuptools; everything else stands in pyproject.toml."""
    packages = find_packages(include=["fastRCNN*", "helpers*", "webapp*"])
    if "editable_wheel" in sys.argv:
        setup(packages=packages, py_modules=["PARAMETERS"])
        return
    places = {name if name.split(".")[0] == OUTER else f"{OUTER}.{name}": name.replace(".", "/") for name in packages}
    scratch = tempfile.mkdtemp()  # a folder build/ in the clone would keep modules that are long gone
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    setup(
        packages=list(places),
        package_dir=places,
        package_data={f"{OUTER}.webapp.{page}": ["static/*"] for page in ("annotate", "serve")},
        include_package_data=False,
        cmdclass={"build_py": BuildInside},
        options={"build": {"build_base": scratch}},
    )


if __name__ == "__main__":
    main()
