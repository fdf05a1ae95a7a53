#!/usr/bin/env python3
"""Break the code on purpose, line by line, and see which faults no test notices.

  pip install cosmic-ray                                   # or: pip install -e ".[mutation]"
  python tests/mutation.py --out mutants.tsv               # 60 mutants of each package, some minutes to hours
  python tests/mutation.py --out mutants.tsv --minutes 9   # goes on where it stopped
  python tests/mutation.py --out mutants.tsv --again       # after new tests: those that survived, once more

A mutant is a copy of one file with one small change: cosmic-ray's (another operator, number, comparison, boolean,
exception; no loop, no decorator) and two of our own: a call whose result nobody uses is left out, and an option is not
passed on. A random sample is drawn of each package, the kinds of change in turn, at most one mutant of a line; the same
seed and the same code draw the same mutants. Against each run the tests that mirror the file (test_NAME.py,
test_NAME_*.py; where there is none, those that import it). All happens in a copy of the project; nothing here changes.

It prints a table by package; `--out` has a line for each mutant: package, file, line, kind, code before, code after,
outcome (killed, survived, timeout, skipped: the tests fail without a mutant), seconds. Needs a system that can fork.
"""

import argparse
import ast
import csv
import gc
import importlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.plugins import get_operator, operator_names
from parso.python.tree import Keyword, Name

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("helpers", *(f"fastRCNN/{name}" for name in ("boxes", "evaluation", "datasets", "svm", "pipeline")))
COPIED = ("helpers", "fastRCNN", "data", "resources", "tests", "benchmarks", "docs", "[0-9A-Z]*", "run.py", "py*.toml")
LOADED_ONCE = ("numpy", "cv2", "PIL.Image", "numba", "torch", "sklearn.svm", "hypothesis", "matplotlib", "pytest")
TIMEOUT = 60  # seconds, for tests that take less without a mutant
GUARDS = ("frozen", "eq", "strict", "encoding")  # options that guard against mistakes in the code, or of another system
COLUMNS = ("package", "file", "line", "kind", "before", "after", "outcome", "seconds")


class LeaveOutCall:
    """`f(x)` as a statement becomes `pass`."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        if node.type == "simple_stmt" and node.children[0].type in ("atom_expr", "power"):
            last = node.children[0].children[-1]
            if last.type == "trailer" and last.children[0].value == "(":
                yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        old = node.children[0]
        node.children[0] = Keyword("pass", old.start_pos, prefix=old.get_first_leaf().prefix)
        return node


class LeaveOutOption:
    """`f(x, option=value)` becomes `f(x, **{})`: the default is used."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        if node.type == "argument" and len(node.children) == 3 and node.children[1].type == "operator":
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        return Name("**{}", node.start_pos, prefix=node.get_first_leaf().prefix)


class Mutant(NamedTuple):
    package: str
    file: str
    line: int
    kind: str
    before: str
    after: str
    source: str  # the whole file


def operators() -> dict[str, Any]:
    """Every way to change code, by name; the part before the first underscore is its kind."""
    left_out = ("ZeroIteration", "RemoveDecorator", "NoOp", "Variable")
    names = [name for name in operator_names() if not name.split("/")[1].startswith(left_out)]
    ours = {"LeaveOutCall": LeaveOutCall(), "LeaveOutOption": LeaveOutOption()}
    return {name.split("/")[1]: get_operator(name)() for name in names} | ours


def meaning(source: str) -> str:
    """What the interpreter makes of `source`, without annotations and `GUARDS`; SyntaxError where it is none."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
        elif isinstance(node, ast.Call):
            node.keywords = [each for each in node.keywords if each.arg not in GUARDS and not is_nothing(each)]
    return ast.dump(tree)


def is_nothing(option: ast.keyword) -> bool:
    """Whether it is `**{}`."""
    return option.arg is None and isinstance(option.value, ast.Dict) and not option.value.keys


def draw(package: str, size: int, seed: int) -> list[Mutant]:
    """Draw `size` mutants of a package's files, the kinds in turn, at most one of a line."""
    ways = operators()
    places: dict[str, list[tuple[Path, str, int, int]]] = defaultdict(list)
    for path in sorted((REPOSITORY / package).rglob("*.py")):
        nodes = list(ast_nodes(get_ast(path.read_text(encoding="utf-8"))))
        for name, way in ways.items():
            found = [start[0] for node in nodes for start, _ in (each[:2] for each in way.mutation_positions(node))]
            places[name.split("_")[0]] += [(path, name, nth, line) for nth, line in enumerate(found)]
    rng = random.Random(f"{seed} {package}")
    for kind in sorted(places):
        rng.shuffle(places[kind])
    drawn: list[Mutant] = []
    used: set[tuple[Path, int]] = set()
    while len(drawn) < size and any(places.values()):
        for kind in sorted(places):
            while places[kind] and len(drawn) < size:
                path, name, nth, line = places[kind].pop()
                source = path.read_text(encoding="utf-8")
                changed = mutated(source, ways[name], nth)
                if (path, line) in used or not differs(source, changed):
                    continue
                used.add((path, line))
                before, after = changed_lines(source, changed)
                file = path.relative_to(REPOSITORY).as_posix()
                drawn.append(Mutant(package, file, line, name, before, after, changed))
                break
    return drawn


def replayed(row: list[str]) -> Mutant | None:
    """The mutant of an earlier run's line, in the code as it stands now; None where that line is not there any more."""
    package, file, line, kind, before, after = row[:6]
    lines = (REPOSITORY / file).read_text(encoding="utf-8").splitlines()
    same = [number for number, text in enumerate(lines, 1) if text.strip() == before]
    if not same:
        return None
    nearest = min(same, key=lambda number: abs(number - int(line)))
    lines[nearest - 1] = lines[nearest - 1].replace(before, after)
    source = "\n".join(lines) + "\n"
    original = (REPOSITORY / file).read_text(encoding="utf-8")
    return Mutant(package, file, nearest, kind, before, after, source) if differs(original, source) else None


def mutated(source: str, way: Any, nth: int) -> str | None:
    """`source` changed in the `nth` place; None where cosmic-ray cannot: `except module.Error`."""
    try:
        return MutationVisitor.mutate_code(source, way, nth)
    except AttributeError:
        return None


def differs(source: str, changed: str | None) -> bool:
    """Whether `changed` is a program, and another one than `source` beyond its annotations."""
    try:
        return changed is not None and meaning(source) != meaning(changed)
    except SyntaxError:
        return False


def changed_lines(source: str, changed: str) -> tuple[str, str]:
    """The first line that differs, before and after."""
    pairs = zip(source.splitlines(), changed.splitlines(), strict=False)
    return next((old.strip(), new.strip()) for old, new in pairs if old != new)


def tests_of(file: str) -> list[str]:
    """The test files that mirror `file`, or else those that name it."""
    path = Path(file)
    folder = Path("tests", *(f"{part}_tests" for part in path.parts[:-1]))
    others = {f"test_{each.stem}" for each in (REPOSITORY / path.parent).glob("*.py")} - {f"test_{path.stem}"}
    found = [*(REPOSITORY / folder).glob(f"test_{path.stem}.py"), *(REPOSITORY / folder).glob(f"test_{path.stem}_*.py")]
    mirrors = [each for each in found if each.stem not in others]
    if not mirrors:
        module = ".".join(path.with_suffix("").parts)
        named = re.compile(rf"\b{module}\b|from {module.rpartition('.')[0]} import .*\b{path.stem}\b")
        every = (REPOSITORY / "tests").rglob("test_*.py")
        mirrors = [each for each in every if named.search(each.read_text(encoding="utf-8"))]
    return sorted(each.relative_to(REPOSITORY).as_posix() for each in mirrors)


def in_a_fork(tree: Path, arguments: list[str], timeout: float) -> str:
    """Run pytest in a fork of this process, which has the large libraries loaded; return killed, survived, timeout."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setsid()
            os.chdir(tree)
            silence = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(silence, descriptor)
            sys.path[:] = [
                str(tree),
                *(each for each in sys.path if Path(each or ".").resolve() != REPOSITORY / "tests"),
            ]
            import hypothesis
            import pytest

            hypothesis.settings.register_profile("mutation", deadline=None, derandomize=True, database=None)
            hypothesis.settings.load_profile("mutation")
            code = int(pytest.main([*arguments, "-W", "ignore::pytest.PytestAssertRewriteWarning"]))
        finally:
            os._exit(code)
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "survived" if status == 0 else "killed"
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timeout"


def in_a_process(tree: Path, arguments: list[str], timeout: float) -> str:
    """The same in a Python of its own: slower, and nothing is loaded that the tests do not load."""
    silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments], cwd=tree, start_new_session=True, **silent
    ) as process:
        try:
            return "killed" if process.wait(timeout) else "survived"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return "timeout"


class Laboratory:
    """A copy of the project in which one file at a time is replaced, and its tests are run."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self.unhurt: dict[str, tuple[Any, float]] = {}  # file -> how to run its tests, seconds
        for pattern in COPIED:
            for path in REPOSITORY.glob(pattern):
                if path.is_dir():
                    ignored = shutil.ignore_patterns("__pycache__", ".hypothesis")
                    shutil.copytree(path, tree / path.name, dirs_exist_ok=True, ignore=ignored)
                else:
                    shutil.copy2(path, tree / path.name)

    def outcome(self, mutant: Mutant) -> tuple[str, float]:
        """Run the tests of the mutant's file against it; return the outcome and the seconds it took."""
        arguments = ["-x", "-q", "-p", "no:cacheprovider", *tests_of(mutant.file)]
        way, usual = self.unmutated(mutant.file, arguments)
        if way is None:
            return "skipped", 0.0
        path = self.tree / mutant.file
        kept, times = path.read_bytes(), path.stat()
        start = time.monotonic()
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        sys.dont_write_bytecode = True
        try:
            path.write_text(mutant.source, encoding="utf-8")
            limit = max(TIMEOUT, 4 * usual)
            found = way(self.tree, arguments, limit)
            if found == "survived" and way is in_a_fork and "compiling import" in mutant.source:
                found = in_a_process(self.tree, arguments, limit)  # without Numba loaded, other code may run
        finally:
            path.write_bytes(kept)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        return found, time.monotonic() - start

    def unmutated(self, file: str, arguments: list[str]) -> tuple[Any, float]:
        """How the file's tests run and pass without a mutant (None: they do not), and how long they take."""
        if file not in self.unhurt:
            self.unhurt[file] = None, 0.0
            os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
            sys.dont_write_bytecode = False
            for way in (in_a_fork, in_a_process):
                start = time.monotonic()
                if way(self.tree, arguments, 10 * TIMEOUT) == "survived":
                    self.unhurt[file] = way, time.monotonic() - start
                    break
        return self.unhurt[file]


def read_results(path: Path) -> dict[tuple[str, ...], list[str]]:
    """The lines of an earlier run, by file, line, kind and code after the change."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as lines:
        return {key_of(row): row for row in list(csv.reader(lines, delimiter="\t"))[1:]}


def key_of(row: list[str]) -> tuple[str, ...]:
    return row[1], row[3], row[4], row[5]


def write_results(path: Path, results: dict[tuple[str, ...], list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines, delimiter="\t", lineterminator="\n").writerows([COLUMNS, *results.values()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where the mutants and their outcomes are kept")
    parser.add_argument("--packages", nargs="+", default=PACKAGES, metavar="FOLDER")
    parser.add_argument("--sample", type=int, default=60, help="mutants of each package (default: 60)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", action="store_true", help="those that survived, once more")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many")
    options = parser.parse_args()
    start = time.monotonic()
    results = read_results(options.out)
    if options.again:
        rows = [row[:6] for row in results.values() if row[0] in options.packages and row[6] in ("survived", "skipped")]
        mutants = [mutant for row in rows if (mutant := replayed(row))]
    else:
        mutants = [mutant for package in options.packages for mutant in draw(package, options.sample, options.seed)]
        mutants = [mutant for mutant in mutants if key_of([str(each) for each in mutant]) not in results]
    for name in LOADED_ONCE:
        importlib.import_module(name)
    gc.freeze()
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # no plugin that happens to be installed
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(folder) / "numba"))
        laboratory = Laboratory(Path(folder) / "tree")
        for mutant in mutants:
            row = [str(each) for each in mutant[:6]]
            if time.monotonic() - start > 60 * options.minutes:
                print("stopped: more is left")
                break
            found, seconds = laboratory.outcome(mutant)
            results[key_of(row)] = [*row, found, f"{seconds:.1f}"]
            write_results(options.out, results)
            print(f"{found:9}{mutant.file}:{mutant.line}  {mutant.before}  ->  {mutant.after}", flush=True)
    print(f"\n{'package':24}{'mutants':>8}{'killed':>8}{'timeout':>8}{'survived':>9}{'skipped':>8}")
    for package in options.packages:
        rows = [row[6] for row in results.values() if row[0] == package]
        counts = [len(rows), *(rows.count(each) for each in ("killed", "timeout", "survived", "skipped"))]
        print(f"{package:24}{counts[0]:8}{counts[1]:8}{counts[2]:8}{counts[3]:9}{counts[4]:8}")


if __name__ == "__main__":
    main()
