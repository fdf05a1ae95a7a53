"""The package imports nothing of the project but `helpers` and itself, and its table names every format."""

import ast
from pathlib import Path

from data.annotation_formats import registry

PACKAGE = Path(registry.__file__).parent


def test_imports_helpers_and_itself_alone() -> None:
    ours = {path.stem for path in PACKAGE.parents[1].glob("*.py")} | {
        "fastRCNN",
        "resources",
        "benchmarks",
        "tests",
        "data",
    }
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                name = node.module or ""
                assert name.startswith("data.annotation_formats") or name.split(".")[0] not in ours, (
                    f"{path.name}: {name}"
                )


def test_every_format_has_what_the_table_needs() -> None:
    for name, each in registry.formats().items():
        assert each.module.__name__.endswith(f".{name}")
        assert each.title and all(each.traits(flavour) for flavour in each.flavours)
