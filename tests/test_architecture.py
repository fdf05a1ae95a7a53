"""The project's shape: who may import whom, no star import, no cycle, no file too long, no package without a pin."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
OURS = ("helpers", "fastRCNN", "webapp", "PARAMETERS", "resources", "benchmarks", "data")
MAY_IMPORT = {  # arrows point one way: scripts -> fastRCNN -> helpers
    "helpers": {"helpers"},
    "fastRCNN": {"fastRCNN", "helpers"},
    "PARAMETERS": {"fastRCNN", "helpers"},
    "run": {"helpers"},
    "resources": {"resources", "fastRCNN", "helpers", "data"},
    "data": {"data", "helpers"},
    "benchmarks": {"benchmarks", "fastRCNN", "helpers", "PARAMETERS", "resources"},
    "webapp": {"webapp", "fastRCNN", "helpers"},
    "script": {"fastRCNN", "helpers", "PARAMETERS", "webapp"},
}
PACKAGES = {  # inside fastRCNN: package or module -> what it may import beside itself and helpers
    "compiling": set(),
    "run_context": set(),
    "network": {"compiling"},
    "boxes": {"compiling", "network"},
    "datasets": {"boxes"},
    "proposals": {"boxes", "compiling"},
    "engines": {"network"},
    "svm": {"boxes", "compiling"},
    "nn": {"boxes", "engines", "network", "run_context"},
    "rpn": {"boxes", "engines", "network", "nn"},
    "faster": {"boxes", "engines", "evaluation", "network", "nn", "rpn", "run_context"},
    "evaluation": {"boxes"},
    "pipeline": {
        "boxes",
        "compiling",
        "datasets",
        "engines",
        "evaluation",
        "faster",
        "network",
        "nn",
        "proposals",
        "rpn",
        "run_context",
        "svm",
    },
    "detector": {"boxes", "engines", "evaluation", "pipeline", "proposals", "rpn", "svm"},
    "detecting": {"detector", "evaluation", "pipeline"},
    "reporting": {"boxes", "evaluation"},
    "checking": {"boxes", "datasets", "engines", "network", "pipeline", "proposals", "reporting"},
}
STANDARD_LIBRARY_ONLY = (
    "run.py",
    "helpers/endings.py",
    "helpers/errors.py",
    "helpers/image_files.py",
    "helpers/first.py",
    "helpers/missing_packages.py",
    "helpers/processes.py",
    "helpers/threads.py",
    "helpers/virtual_environment.py",
)
LONGEST = 400  # lines
DISTRIBUTIONS = {  # import name -> name in requirements.txt, where they differ
    "cv2": "opencv-python", "skimage": "scikit-image", "sklearn": "scikit-learn", "google": "onnx", "PIL": "pillow",
    "packaging": "matplotlib", "prometheus_client": "prometheus-client", "yaml": "pyyaml",
    "openapi_spec_validator": "openapi-spec-validator",
}  # fmt: skip
# optional, of another Python, or what pip builds with
NOT_INSTALLED = {"cntk", "cosmic_ray", "dlib", "IPython", "parso", "setuptools", "torchvision", "ultralytics"}


def source_files() -> list[Path]:
    """Every Python file of the project."""
    folders = [path for path in REPOSITORY.iterdir() if path.is_dir() and path.name in (*OURS, "tests", "docs")]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    return sorted([*REPOSITORY.glob("*.py"), *files])


def name_of(path: Path) -> str:
    """The dotted name under which a file is imported."""
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in source_files()}
PRODUCT = {name: path for name, path in FILES.items() if not name.startswith(("tests", "docs"))}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def imports_of(path: Path) -> list[tuple[str, int]]:
    """(dotted name, line) of everything that `path` imports; modules of ours by their full name."""
    found: list[tuple[str, int]] = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            names = [(f"{node.module}.{alias.name}", str(node.module)) for alias in node.names]
            found += [(full if full in FILES else module, node.lineno) for full, module in names]
    return found


def group_of(name: str) -> str:
    """The row of `MAY_IMPORT` that a file belongs to."""
    first = name.split(".")[0]
    return first if first in MAY_IMPORT else "script"


def test_files_are_found() -> None:
    assert {"run", "PARAMETERS", "fastRCNN.detector", "helpers.errors", "resources.import_network"} <= PRODUCT.keys()


def test_arrows_point_one_way() -> None:
    scripts = {each.split(".")[0] for each in PRODUCT if group_of(each) == "script"} | {"run"}
    back = [
        f"{path.relative_to(REPOSITORY)}:{line} imports {imported}"
        for name, path in PRODUCT.items()
        for imported, line in imports_of(path)
        if (first := imported.split(".")[0]) in {*OURS, *scripts, "tests"} and first not in MAY_IMPORT[group_of(name)]
    ]
    assert not back


def test_packages_import_downwards() -> None:
    """Between the packages of fastRCNN only the arrows of `PACKAGES`, and these form no cycle."""
    arrows: dict[str, set[str]] = {}
    for name, path in PRODUCT.items():
        if name.startswith("fastRCNN."):
            imported = {each.split(".")[1] for each, _ in imports_of(path) if each.startswith("fastRCNN.")}
            arrows.setdefault(name.split(".")[1], set()).update(imported - {name.split(".")[1]})
    assert arrows.keys() == PACKAGES.keys()
    assert {source: wrong for source, found in arrows.items() if (wrong := found - PACKAGES[source])} == {}
    below: set[str] = set()
    while len(below) < len(PACKAGES):
        ready = {name for name, allowed in PACKAGES.items() if allowed <= below} - below
        assert ready, f"cycle among {sorted(PACKAGES.keys() - below)}"
        below |= ready


def test_only_scripts_with_pages_import_webapp() -> None:
    """The product works without the packages of the service: nothing else may need them."""
    with_pages = ("7_serve", "A1_", "A2_")
    found = [
        f"{name}: {imported}"
        for name, path in PRODUCT.items()
        for imported, _ in imports_of(path)
        if imported.split(".")[0] == "webapp" and not name.startswith(("webapp", *with_pages))
    ]
    assert not found


def test_nothing_imports_a_script() -> None:
    scripts = {name for name in FILES if group_of(name) == "script" and "." not in name} | {"run"}
    imported = [
        f"{name}: {each}" for name in PRODUCT for each, _ in imports_of(PRODUCT[name]) if each.split(".")[0] in scripts
    ]
    assert not imported


def test_no_star_import() -> None:
    stars = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for path in FILES.values()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]
    assert not stars


def test_no_cycle() -> None:
    graph = {name: {each for each, _ in imports_of(path) if each in PRODUCT} for name, path in PRODUCT.items()}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, "cycle: " + " -> ".join([*way[way.index(name) :], name])
        if name not in done:
            for imported in sorted(graph[name]):
                visit(imported, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_no_file_is_too_long() -> None:
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in FILES.values()}
    too_long = [f"{path.relative_to(REPOSITORY)}: {lines} lines" for path, lines in lengths.items() if lines > LONGEST]
    assert not too_long, "one idea per file"


def test_set_up_needs_no_package() -> None:
    """run.py starts before anything is installed; what it imports must come with Python."""
    for file in STANDARD_LIBRARY_ONLY:
        names = {name for name, _ in imports_of(REPOSITORY / file)}
        assert {name.split(".")[0] for name in names} - {"helpers"} <= sys.stdlib_module_names, file
        ours = {name for name in names if name.startswith("helpers")}
        assert ours <= {name_of(REPOSITORY / each) for each in STANDARD_LIBRARY_ONLY}, file


def test_every_package_is_pinned() -> None:
    text = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8")
    pinned = {re.match(r"[\w.-]+", line)[0].lower() for line in text.splitlines() if re.match(r"[\w.-]+==", line)}
    stems = {path.stem for path in FILES.values()}  # programs of another Python see the files of their own folder
    known = {*OURS, *NOT_INSTALLED, "tests", "docs", *stems}
    used: dict[str, str] = {}
    for name, path in FILES.items():
        if name.startswith(("data.", "tests.data_tests")):  # the renderer has requirements of its own
            continue
        for imported, line in imports_of(path):
            first = imported.split(".")[0]
            if first not in sys.stdlib_module_names and first not in known:
                used.setdefault(DISTRIBUTIONS.get(first, first), f"{name}:{line}")
    missing = {name: where for name, where in used.items() if name.lower() not in pinned}
    assert not missing
    loose = [line for line in text.splitlines() if line and not line.startswith("#") and "==" not in line.split(";")[0]]
    assert not loose


def test_importing_does_nothing() -> None:
    """A module of the library holds definitions and constants: being imported, it runs, prints and reads nothing."""
    allowed = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.If, ast.Try)
    found = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for name, path in PRODUCT.items()
        if group_of(name) in ("helpers", "fastRCNN") and name != "helpers.first"  # whose import is its use
        for node in tree_of(path).body
        if not isinstance(node, allowed) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    assert not found


def test_a_step_loads_no_large_package_before_it_needs_it():
    """Each takes up to a second to import, and seven scripts start one after the other."""
    code = "import PARAMETERS, fastRCNN.pipeline.stages, sys; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    large = {"torch", "numba", "matplotlib", "scipy", "sklearn", "skimage", "distributed", "pycocotools"}
    assert not large & set(loaded.stdout.split())
