"""Times our SVM training next to the straightforward one (liblinear through scikit-learn, as the tutorial calls it).

    .venv/bin/python benchmarks/bench_svm.py [--rois 200 2000] [--pictures 25] [--features 4096] [--jobs 2]
    .venv/bin/python benchmarks/bench_svm.py --root DIR --dataset NAME          the embeddings of steps 1 to 3

Both read the same npz files, in one run, ours first (so that the peak of memory is ours). "straightforward" keeps each
class's positives and negatives in arrays of its own and calls LinearSVC whenever the published code does. It stops at
liblinear's default tolerance; `--tolerance 1e-7` makes it as exact as ours, to compare the weights.
Made-up embeddings are what a network with random filters gives: 4096 non-negative floats that point in similar
directions, with a part that depends on the object and one on the picture.
"""

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.typing import NDArray

from fastRCNN.embeddings import EmbeddingFiles, write_embeddings
from fastRCNN.linear_svm import compile_kernels
from fastRCNN.svm import SvmModel
from fastRCNN.train_svms import SvmTraining, train_svms

Pictures = Sequence[NDArray[np.float32]]


class StraightforwardClass:
    """The positives and the negative cache of one class, each a plain array that grows by stacking."""

    def __init__(self, positives: NDArray[np.float32], scale: float, options: SvmTraining, tolerance: float) -> None:
        from sklearn.svm import LinearSVC

        self.positives, self.scale, self.options = positives, scale, options
        self.negatives = np.zeros((0, positives.shape[1]), np.float32)
        self.nr_added = 0
        weight = options.positive_weight
        self.svm = LinearSVC(
            C=options.C,
            class_weight=weight if isinstance(weight, str) else {1: weight, -1: 1},
            intercept_scaling=options.intercept_scaling,
            penalty="l2",
            loss=options.loss,
            dual=True,
            random_state=3,
            tol=tolerance,
            max_iter=1000 if tolerance >= 1e-4 else 10_000_000,
        )

    def add(self, rows: NDArray[np.float32], force: bool = False) -> tuple[NDArray[np.float64], float] | None:
        """Append negatives, and retrain when it is time: return the weights for unscaled embeddings, and the bias."""
        self.negatives = np.vstack((self.negatives, rows))
        self.nr_added += len(rows)
        if self.nr_added <= self.options.retrain_limit and not force:
            return None
        self.nr_added = 0
        examples = np.vstack((self.positives, self.negatives)) * self.scale
        labels = np.concatenate((np.ones(len(self.positives)), -np.ones(len(self.negatives))))
        self.svm.fit(examples, labels)
        hard = self.svm.decision_function(examples)[len(self.positives) :] >= self.options.evict_threshold
        if hard.any():
            self.negatives = self.negatives[hard]
        return self.svm.coef_[0] * self.scale, float(self.svm.intercept_[0])


def straightforward(
    features: Pictures,
    overlaps: Pictures,
    options: SvmTraining,
    *,
    compat: str = "corrected",
    tolerance: float = 1e-4,
) -> SvmModel:
    """Return the SVMs, trained as the published code does it."""
    nr_classes = overlaps[0].shape[1]
    norms = [np.linalg.norm(rows.astype(np.float64), axis=1) for rows in features]
    scale = options.target_norm / np.concatenate(norms).mean()
    positives: list[list[NDArray[np.float32]]] = [[] for _ in range(nr_classes)]
    for rows, overlap in zip(features, overlaps, strict=True):
        for j in range(1, nr_classes):
            chosen = (overlap.argmax(axis=1) == j) & (overlap[:, j] >= options.positive_overlap)
            positives[j].append(np.array(rows[chosen]))
    trainers = {
        j: StraightforwardClass(np.vstack(positives[j]), scale, options, tolerance) for j in range(1, nr_classes)
    }
    weights, biases = np.zeros((nr_classes, features[0].shape[1])), np.zeros(nr_classes)
    for _ in range(options.nr_epochs):
        for rows, overlap in zip(features, overlaps, strict=True):
            scores = rows @ (weights / (scale if compat == "tutorial" else 1)).T + biases
            for j, trainer in trainers.items():
                hard = (scores[:, j] > options.hard_threshold) & (overlap[:, j] < options.negative_overlap)
                if hard.any() and (trained := trainer.add(rows[hard])):
                    weights[j], biases[j] = trained
    for j, trainer in trainers.items():
        weights[j], biases[j] = trainer.add(np.zeros((0, weights.shape[1]), np.float32), force=True)  # type: ignore[misc]
    return SvmModel(weights, biases, scale)


def simulate(
    rng: np.random.Generator, pictures: int, rois: int, classes: int, features: int
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Return embeddings (rois, features) and overlaps (rois, classes + 1) of each picture, both float32."""
    latent = 48
    objects = rng.normal(size=(classes + 1, latent))
    mixing = rng.normal(size=(latent, features)) * np.exp(-np.arange(latent) / 16)[:, None]
    common = np.abs(rng.normal(size=features)) * 2
    embeddings, overlaps = [], []
    for _ in range(pictures):
        overlap = np.zeros((rois, classes + 1), np.float32)
        near = rng.random(rois) < 0.3
        shown = rng.integers(1, classes + 1, rois)
        overlap[near, shown[near]] = rng.uniform(0.05, 1, near.sum())
        inside = overlap.max(axis=1, keepdims=True)
        code = inside * objects[shown] + (1 - inside) * rng.normal(size=(rois, latent)) + 0.3 * rng.normal(size=latent)
        code += 0.4 * rng.normal(size=(rois, latent))
        noise = 0.3 * rng.normal(size=(rois, features))
        embeddings.append(np.maximum(code @ mixing + common + noise, 0).astype(np.float32))
        overlaps.append(overlap)
    return embeddings, overlaps


def peak_memory() -> str:
    """Return the peak of this process's memory as text."""
    try:
        import resource
    except ImportError:  # Windows
        return "not measured"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"{peak / (2**30 if sys.platform == 'darwin' else 2**20):.2f} GiB"


def compare(features: Pictures, overlaps: Pictures, arguments: argparse.Namespace, title: str) -> None:
    """Train both ways and print times, their ratio, and how far the results lie apart."""
    options = SvmTraining()
    trained: list[float] = []
    start, used = time.perf_counter(), time.process_time()
    ours = train_svms(
        features, overlaps, parameters=options, jobs=arguments.jobs, on_trained=lambda r: trained.append(r.seconds)
    )
    seconds, cpu = time.perf_counter() - start, time.process_time() - used
    print(f"{title}: ours {seconds:.1f} s ({cpu:.1f} s of processor), {len(trained)} trainings, peak {peak_memory()}")
    if arguments.ours_only:
        return
    start, used = time.perf_counter(), time.process_time()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        theirs = straightforward(features, overlaps, options, tolerance=arguments.tolerance)
    their_seconds, their_cpu = time.perf_counter() - start, time.process_time() - used
    difference = np.linalg.norm(ours.weights - theirs.weights, axis=1)[1:] / np.linalg.norm(theirs.weights, axis=1)[1:]
    change = SvmModel(ours.weights - theirs.weights, ours.biases - theirs.biases, 1.0)
    margins = max(float(np.abs(rows @ change.weights.T + change.biases).max()) for rows in features)
    print(
        f"{title}: straightforward {their_seconds:.1f} s ({their_cpu:.1f} s of processor), "
        f"{len(caught)} trainings stopped before liblinear's tolerance {arguments.tolerance:g}"
    )
    print(
        f"{title}: ours is {their_seconds / seconds:.1f} times as fast ({their_cpu / cpu:.1f} by processor time); "
        f"weights differ by at most {difference.max():.1e} of their length, margins by {margins:.1e}"
    )


def main() -> None:
    """Compare on made-up embeddings, or on those of a data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rois", type=int, nargs="+", default=[200])
    parser.add_argument("--pictures", type=int, default=25)
    parser.add_argument("--classes", type=int, default=8)
    parser.add_argument("--features", type=int, default=4096)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--tolerance", type=float, default=1e-4, help="of liblinear; its default is 1e-4")
    parser.add_argument("--ours-only", action="store_true", help="do not run the straightforward one")
    parser.add_argument("--root", type=Path, help="use the training embeddings below this folder")
    parser.add_argument("--dataset", default="groceryPhotos")
    arguments = parser.parse_args()
    compile_kernels()
    if arguments.root:
        from fastRCNN.imdb import Imdb
        from fastRCNN.roidb import load_roidb
        from helpers.artifacts import Artifacts
        from PARAMETERS import get_parameters

        p = get_parameters(["--root", str(arguments.root), "--dataset", arguments.dataset])
        artifacts = Artifacts(p.root, p.datasetName)
        imdb = Imdb(artifacts, "train", p.classes)
        for rois in arguments.rois:
            overlaps = [record.overlaps for record in load_roidb(imdb, artifacts, rois, with_ground_truth=True)]
            paths = [artifacts.embedding_file("train", "svm", record.index) for record in imdb]
            files = EmbeddingFiles(paths, [len(of_picture) for of_picture in overlaps])
            compare(files, overlaps, arguments, f"{arguments.dataset}, {len(paths)} x {rois}")
        return
    for rois in arguments.rois:
        with tempfile.TemporaryDirectory() as folder:
            rng = np.random.default_rng(0)
            embeddings, overlaps = simulate(rng, arguments.pictures, rois, arguments.classes, arguments.features)
            paths = [Path(folder) / f"{i}.dat.npz" for i in range(len(embeddings))]
            for path, rows in zip(paths, embeddings, strict=True):
                write_embeddings(path, rows)
            del embeddings
            files = EmbeddingFiles(paths, [rois] * len(paths))
            compare(files, overlaps, arguments, f"{len(paths)} x {rois} x {arguments.features}")


if __name__ == "__main__":
    main()
