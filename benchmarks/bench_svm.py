"""Times our SVM training next to the straightforward one (liblinear through scikit-learn, as the tutorial calls it).

    .venv/bin/python benchmarks/bench_svm.py [--rois 200 600 2000] [--root DIR] [--dataset grocery] [--work DIR]
    .venv/bin/python benchmarks/bench_svm.py --random                           with random filters
    .venv/bin/python benchmarks/bench_svm.py --made-up                          without pictures and network

Steps 1 to 3 make the embeddings of data/<dataset> below --root in a temporary folder (1.3 GB for 40 pictures of 2000
ROIs), or in --work, where the next run finds them. With --random the network has random filters, as in the recorded
runs of the published code: its embeddings are more alike, and SVMs on them harder to train. Both trainings read the
same npz files, in one run, ours first. The straightforward one stops at liblinear's default tolerance;
`--tolerance 1e-7` makes it as exact as ours, to compare the weights.
"""

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.typing import NDArray

from benchmarks.straightforward_svm import Pictures, simulate, straightforward
from benchmarks.timing import growth_table, markdown_table, summary
from fastRCNN.datasets.roidb import load_roidb
from fastRCNN.network.alexnet import he_initialised
from fastRCNN.network.network import save_network
from fastRCNN.pipeline.embeddings import EmbeddingFiles, write_embeddings
from fastRCNN.pipeline.stages import artifacts_of, dataset_of
from fastRCNN.svm.model import SvmModel
from fastRCNN.svm.train_svms import SvmTraining, train_svms
from helpers.console import run_script
from helpers.errors import UserError
from PARAMETERS import get_parameters

REPOSITORY = Path(__file__).resolve().parent.parent
EMBEDDING_STEPS = ("1_computeRois.py", "2_cntkGenerateInputs.py", "3_runCntk.py")


class Problem(NamedTuple):
    """What SVMs are trained on: embeddings (n_i, D) and overlaps (n_i, C) of each picture."""

    features: Pictures
    overlaps: list[NDArray[np.float32]]


class Times(NamedTuple):
    """What one training took, in seconds that passed and seconds of processor."""

    wall: float
    cpu: float


def peak_memory() -> str:
    """Return the peak of this process's memory as text."""
    try:
        import resource
    except ImportError:  # Windows
        return "not measured"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"{peak / (2**30 if sys.platform == 'darwin' else 2**20):.2f} GiB"


def timed(train: Callable[[], SvmModel]) -> tuple[SvmModel, Times]:
    """Return what `train` returns, and its times."""
    wall, cpu = time.perf_counter(), time.process_time()
    model = train()
    return model, Times(time.perf_counter() - wall, time.process_time() - cpu)


def train_ours(problem: Problem, jobs: int) -> tuple[SvmModel, Times]:
    """Train as step 4 does."""
    return timed(lambda: train_svms(problem.features, problem.overlaps, parameters=SvmTraining(), jobs=jobs))


def train_theirs(problem: Problem, tolerance: float) -> tuple[SvmModel, Times]:
    """Train the straightforward way; liblinear's warnings that it stopped early are not shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return timed(lambda: straightforward(problem.features, problem.overlaps, SvmTraining(), tolerance=tolerance))


def differences(problem: Problem, ours: SvmModel, theirs: SvmModel) -> tuple[float, float]:
    """Return how far the weights lie apart at most, as a part of their length, and how far the margins do."""
    apart = np.linalg.norm(ours.weights - theirs.weights, axis=1)[1:] / np.linalg.norm(theirs.weights, axis=1)[1:]
    change = SvmModel(ours.weights - theirs.weights, ours.biases - theirs.biases, 1.0)
    return float(apart.max()), max(float(np.abs(f @ change.weights.T + change.biases).max()) for f in problem.features)


def made_up_problem(folder: Path, rois: int) -> Problem:
    """Return made-up embeddings in files below `folder`."""
    embeddings, overlaps = simulate(np.random.default_rng(0), pictures=25, rois=rois, classes=8, features=4096)
    paths = [folder / f"{rois}_{index}.dat.npz" for index in range(len(embeddings))]
    for path, rows in zip(paths, embeddings, strict=True):
        write_embeddings(path, rows)
    return Problem(EmbeddingFiles(paths, [rois] * len(paths)), overlaps)


def make_embeddings(work: Path, root: Path, dataset: str, rois: int, random: bool) -> None:
    """Run steps 1 to 3 below `work` on a copy of the pictures; what is up to date there is not computed again."""
    weights = []
    if random:
        network = he_initialised(0)
        save_network(work / "random.npz", network.spec.to_header(), network.arrays)
        weights = ["--set", f"cntk_model={work / 'random.npz'}"]
    shutil.copytree(root / "data" / dataset, work / "data" / dataset, dirs_exist_ok=True)
    for script in EMBEDDING_STEPS:
        say(f"{script} on {dataset}, {rois} ROIs ...")
        options = ["--root", str(work), "--dataset", dataset, "--quiet", "--set", f"cntk_nrRois={rois}", *weights]
        done = subprocess.run([sys.executable, str(REPOSITORY / script), *options], stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            raise UserError(f"{script} failed; what it said stands above. --made-up needs neither pictures nor network")


def embedded_problem(work: Path, dataset: str, rois: int) -> Problem:
    """Return the first `rois` ROIs of each training picture, from the files of steps 1 to 3 below `work`."""
    p = get_parameters(["--root", str(work), "--dataset", dataset])
    artifacts = artifacts_of(p)
    imdb = dataset_of(p, "train")
    overlaps = [record.overlaps for record in load_roidb(imdb, artifacts, rois, with_ground_truth=True)]
    paths = [artifacts.embedding_file("train", "svm", record.index) for record in imdb]
    return Problem(EmbeddingFiles(paths, [len(of_picture) for of_picture in overlaps]), overlaps)


@contextlib.contextmanager
def problems(arguments: argparse.Namespace) -> Iterator[Callable[[int], Problem]]:
    """Yield a function: number of ROIs -> `Problem`."""
    with contextlib.ExitStack() as stack:
        work = arguments.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if arguments.made_up:
            yield lambda rois: made_up_problem(work, rois)
        else:
            make_embeddings(work, arguments.root, arguments.dataset, max(arguments.rois), arguments.random)
            yield lambda rois: embedded_problem(work, arguments.dataset, rois)


def part(problem: Problem, pictures: int | None = None, classes: int | None = None) -> Problem:
    """Return the problem with so many of the pictures, evenly chosen, or with the first classes only."""
    chosen = range(len(problem.overlaps))
    if pictures is not None:
        chosen = [index * len(problem.overlaps) // pictures for index in range(pictures)]
    columns = slice(None) if classes is None else slice(classes + 1)  # column 0 is the background
    return Problem([problem.features[i] for i in chosen], [problem.overlaps[i][:, columns] for i in chosen])


def growth(problem: Problem, rois: int, whole: dict[str, float], jobs: int, tolerance: float) -> Iterator[str]:
    """Yield tables of processor times by the number of pictures and of classes; `whole`: those of all of `problem`."""
    pictures, classes = len(problem.overlaps), problem.overlaps[0].shape[1] - 1
    for what, sizes in (("pictures", thirds(pictures)), ("classes", halves(classes))):
        parts = [part(problem, **{what: size}) for size in sizes[:-1]]
        times = {
            "straightforward": [*(train_theirs(each, tolerance)[1].cpu for each in parts), whole["straightforward"]],
            "ours": [*(train_ours(each, jobs)[1].cpu for each in parts), whole["ours"]],
        }
        yield growth_table(f"CPU s by {what}, {rois} ROIs", sizes, "", times)


def thirds(count: int) -> list[int]:
    """Return a third, two thirds and the whole of `count`."""
    return [max(1, count // 3), max(1, 2 * count // 3), count]


def halves(count: int) -> list[int]:
    """Return a quarter, a half and the whole of `count`."""
    return [max(1, count // 4), max(1, count // 2), count]


def say(line: str) -> None:
    """Tell how far it is."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Compare, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rois", type=int, nargs="+", default=[200, 600, 2000])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--tolerance", type=float, default=1e-4, help="of liblinear; its default is 1e-4")
    parser.add_argument("--ours-only", action="store_true", help="do not run the straightforward one")
    parser.add_argument("--root", type=Path, default=REPOSITORY, help="the folder that holds data/")
    parser.add_argument("--dataset", default="grocery")
    parser.add_argument("--work", type=Path, help="where steps 1 to 3 leave their files (default: a temporary folder)")
    parser.add_argument("--random", action="store_true", help="a network with random filters, not the bundled one")
    parser.add_argument("--made-up", action="store_true", help="made-up embeddings of 25 pictures")
    arguments = parser.parse_args()
    with problems(arguments) as problem_of:
        compare(problem_of, arguments)


def compare(problem_of: Callable[[int], Problem], arguments: argparse.Namespace) -> None:
    """Print the tables."""
    network = "random filters" if arguments.random else "the bundled network"
    where = "made-up embeddings" if arguments.made_up else f"embeddings of {arguments.dataset}, {network}"
    rows, lines = [], []
    times: dict[str, list[float]] = {"straightforward": [], "ours": []}
    train_ours(Problem(*simulate(np.random.default_rng(0), 3, 60, 1, 16)), 1)  # compiles what is compiled
    for rois in arguments.rois:
        problem = problem_of(rois)
        say(f"{rois} ROIs: ours ...")
        ours, mine = train_ours(problem, arguments.jobs)
        cells = [rois, sum(map(len, problem.overlaps)), f"{mine.wall:.1f}", f"{mine.cpu:.1f}", peak_memory()]
        times["ours"].append(mine.cpu)
        if not arguments.ours_only:
            say(f"{rois} ROIs: ours {mine.wall:.1f} s; straightforward, which takes a while ...")
            theirs, other = train_theirs(problem, arguments.tolerance)
            times["straightforward"].append(other.cpu)
            weights, margins = differences(problem, ours, theirs)
            cells += [f"{other.wall:.1f}", f"{other.cpu:.1f}", f"{other.wall / mine.wall:.1f}",
                      f"{other.cpu / mine.cpu:.1f}", f"{weights:.0e}", f"{margins:.0e}"]  # fmt: skip
            lines.append(summary(f"SVM training, {rois} ROIs, {where}",
                                 f"liblinear as the tutorial calls it: {other.wall:.1f} s", f"{mine.wall:.1f} s",
                                 f"{other.wall / mine.wall:.1f}"))  # fmt: skip
        rows.append(cells)
    pictures, classes = len(problem.overlaps), problem.overlaps[0].shape[1] - 1
    print(f"{where}: {pictures} pictures, {classes} classes, {problem.features[0].shape[1]} floats per ROI\n")
    headers = ["ROIs", "examples", "ours, s", "CPU s", "peak memory so far"]
    if not arguments.ours_only:
        headers += ["straightforward, s", "CPU s", "times as fast", "by CPU", "weights differ", "margins differ"]
    print(markdown_table(headers, rows), flush=True)
    if not arguments.ours_only:
        if len(arguments.rois) > 1:
            print(f"\n{growth_table('CPU s by ROIs', arguments.rois, '', times)}")
        say("growth with pictures and classes ...")
        fewest = arguments.rois.index(min(arguments.rois))
        rois, whole = arguments.rois[fewest], {name: values[fewest] for name, values in times.items()}
        for table in growth(problem_of(rois), rois, whole, arguments.jobs, arguments.tolerance):
            print(f"\n{table}", flush=True)
        print("\nWeights: the largest difference, as a part of their length; margins: over all ROIs.\n")
    print("\n".join(lines))


if __name__ == "__main__":
    run_script(main)
