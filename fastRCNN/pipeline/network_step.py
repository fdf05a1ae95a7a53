"""The parts of step 3: the network it starts from, its training, and what it gives for all pictures."""

import logging
import shutil
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np

from fastRCNN.engines import starting_network
from fastRCNN.network.network import Network, load_network, save_network
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.classifiers.protocol import Training, TrainingSet
from fastRCNN.pipeline.cluster import Cluster
from fastRCNN.pipeline.cntk_inputs import Chosen, CntkInputs, CntkRecord, read_cntk_inputs
from fastRCNN.pipeline.embed_dataset import embed_dataset
from fastRCNN.pipeline.picture_network import Found, NetworkRun, PictureNetwork, make_on_worker
from fastRCNN.pipeline.stages import Chain, Work
from fastRCNN.pipeline.tiled_records import TiledRecords
from fastRCNN.run_context import RunContext
from helpers.console import progress
from helpers.disk_room import SPARED, require_disk, size_in_words
from helpers.errors import UserError

log = logging.getLogger(__name__)

_SPARED = SPARED


def choose_network(weight_file: Path | None, seed: int) -> Network:
    """Return the network in `weight_file`; where there is none, and the log says so, He-initialised filters."""
    network = starting_network(str(weight_file or ""), seed)
    log.info("Network: %s.", network.spec.source or weight_file)
    if not weight_file:
        log.warning(
            "There is no weight file, so the filters are random (He-initialised): they tell textures apart, but a "
            "trained network detects clearly better. resources/install_network.py fetches one."
        )
    return network


def make_network(
    work: Work, model_file: Path, network: Network, *, training: Training | None, data: TrainingSet
) -> None:
    """Write `network` to `model_file`, trained on `data` where there is a `training`.

    The checkpoint of the training is only of use until the model is written, and must stay until then: the caller
    removes it.
    """
    if training is not None:
        network, beside = training(network, data)
        work.enter(*beside)
    else:
        network = _without_scores(network)
    save_network(model_file, network.spec.to_header(), network.arrays)
    work.enter(model_file)


def _without_scores(network: Network) -> Network:
    """Return `network` without the layer that scores another training's classes, and without what proposes."""
    if network.spec.classes is None:
        return network
    from fastRCNN.nn.trainable_layers import hidden_head  # only here, see require_checkpoint

    spec = replace(network.spec, head=hidden_head(network.spec), classes=None, rpn=None)
    names = {f"{name}.{part}" for name in spec.weight_shapes() for part in ("weight", "bias")}
    return Network(spec, {name: array for name, array in network.arrays.items() if name in names})


def records_of(chain: Chain, nr_rois: int) -> dict[str, Sequence[CntkRecord]]:
    """Return the pictures of each image set with the ROIs that step 2 wrote; without any where the network finds them.

    nr_rois: cntk_nrRois.
    """
    sizes = {"nr_rois": nr_rois, "nr_classes": len(chain.datasets["train"].classes)}
    if CLASSIFIERS[chain.choices.classifier].proposes:
        none, nothing = np.zeros((0, 4)), np.zeros(0, np.int64)
        return {
            name: [CntkRecord(index, path, none, nothing) for index, path in enumerate(of.image_paths)]
            for name, of in chain.datasets.items()
        }
    records = {
        name: read_cntk_inputs(chain.artifacts, name, of.image_paths, **sizes) for name, of in chain.datasets.items()
    }
    if not chain.choices.cuts:
        return dict(records)
    return {
        name: TiledRecords(of_set, chain.datasets[name], chain.artifacts, nr_rois) for name, of_set in records.items()
    }


def require_checkpoint(path: Path, fingerprint: str) -> None:
    """Raise `UserError` unless an interrupted training of just these parameters and pictures waits at `path`."""
    from fastRCNN.nn.checkpoints import Checkpoint  # only for a training: step 3 starts faster without

    if Checkpoint.load(path, fingerprint) is None:
        raise UserError(
            f"--resume: {path} {'is of another training' if path.exists() else 'is not there'}, so there is nothing to "
            "resume. Without --resume the script does what is left to do"
        )


def drop_checkpoint(path: Path, fingerprint: str) -> None:
    """Remove the checkpoint of a training whose network is written down; another one's stays."""
    if path.exists():
        from fastRCNN.nn.checkpoints import Checkpoint

        if Checkpoint.load(path, fingerprint) is not None:
            path.unlink()


def decide_keeping(chain: Chain, records: Mapping[str, Sequence[CntkRecord]]) -> Chain:
    """Return `chain` with embeddings "stored" or "computed" where that was left to us; the network is there.

    They are stored where those that are not there yet take no more than half of the disk that is free. What was decided
    for as many ROIs of a picture stays.
    """
    kept, values = chain.choices.embeddings, chain.choices.values["embeddings"]
    before = [chain.used("embeddings", name) for name in ("svm_embeddings", "cntk_nrRois")]
    if kept == "auto" and before == ["computed", values["cntk_nrRois"]]:
        kept = "computed"
    elif kept == "auto":
        of, classifier = chain.artifacts, chain.choices.classifier
        rows = 0
        for name, of_set in records.items():
            folder = of.parsed_folder(name, classifier)
            there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
            left = (
                place for place in range(len(of_set)) if of.embedding_file(name, classifier, place).name not in there
            )
            rows += sum(_count(of_set, place) for place in left)
        kept = "stored"
        if rows:
            dimension = load_network(of.model_file(classifier)).spec.feature_dimension
            needed = rows * dimension * np.dtype(values["cntk_embeddingType"]).itemsize
            free = shutil.disk_usage(of.proc).free
            if needed > free / 2:
                log.info("Embeddings of %d ROIs would take %s, more than half of the %s that are free on the disk.",
                         rows, size_in_words(needed), size_in_words(free))  # fmt: skip
                kept = "computed"
    if kept == "computed":
        log.info('svm_embeddings is "computed": embeddings are not stored. Steps 4 and 5 run the network again.')
    return chain.with_embeddings(kept)


def network_run(chain: Chain, context: RunContext, compat: str, kind: str) -> NetworkRun:
    """Return how step 3 runs the network on ROIs; see `run_network`. kind: of the numbers in files."""
    nr_rows = chain.choices.values["embeddings"].get("cntk_nrRois") if compat == "tutorial" else None
    nr_classes = len(chain.datasets["train"].classes)
    return NetworkRun(chain.artifacts, chain.choices.classifier, nr_classes, context, compat, nr_rows, kind)


def run_network(
    chain: Chain,
    work: Work,
    context: RunContext,
    records: Mapping[str, Sequence[CntkRecord]],
    compat: str = "corrected",
    cluster: Cluster | None = None,
) -> list[float]:
    """Run the network on the ROIs of all pictures that are left to do; return the seconds that each took.

    compat: "tutorial" fills the rows of each picture up to cntk_nrRois, as published. cluster: its workers do it, and
    write the files. Raises `UserError` before the first picture where the disk has no room for all of them.
    """
    artifacts, classifier = chain.artifacts, chain.choices.classifier
    run = network_run(chain, context, compat, chain.choices.values["embeddings"]["cntk_embeddingType"])
    todo = set(work.todo)
    for_cntk = artifacts.model_file(classifier).with_suffix(".model")
    seconds: list[float] = []
    with PictureNetwork(run) as network:

        def write(path: Path, found: Found) -> None:
            with work.making(path) as files:
                network.write(files, found)

        if for_cntk in todo:
            with work.making(for_cntk):
                network.engine.save(for_cntk)  # type: ignore[attr-defined]  # only CNTK's engine has a format of its own
        left = {
            name: {path: place for place in range(len(of_set))
                   if (path := artifacts.embedding_file(name, classifier, place)) in todo}
            for name, of_set in records.items()
        }  # fmt: skip
        rows = {path: network.most or _count(records[name], place)
                for name, of_set in left.items() for path, place in of_set.items()}  # fmt: skip
        require_room(rows, np.dtype(run.kind).itemsize * network.engine.feature_dimension, artifacts.cntk_files)
        for image_set, of_set in left.items():
            total, chosen = len(records[image_set]), Chosen(records[image_set], list(of_set.values()))
            log.info("%s: %d pictures, %d of them up to date.", image_set, total, total - len(of_set))
            if cluster is None:
                done = embed_dataset(chosen, list(of_set), network.compute, write, pad_size=context.pad_size,
                                     tiling=run.tiling, pace=network.pace)  # fmt: skip
            else:
                done = _on_cluster(cluster, work, run, chain.recipe_digest("embeddings"), chosen, list(of_set))
            watched = context.watched(done, len(of_set))
            seconds += list(progress(watched, f"{image_set} pictures", len(of_set)))
    return seconds


def _on_cluster(
    cluster: Cluster, work: Work, run: NetworkRun, digest: str, records: Sequence[CntkRecord], outputs: Sequence[Path]
) -> Iterator[float]:
    """Let the workers of `cluster` make the files of `records`; yield the seconds of each picture."""
    making: deque[AbstractContextManager[tuple[Path, ...]]] = deque()

    def calls() -> Iterator[tuple[NetworkRun, str, CntkRecord, tuple[Path, ...]]]:
        for place, output in enumerate(outputs):
            making.append(work.making(output))
            yield run, digest, records[place], making[-1].__enter__()  # announced before a worker begins

    for taken in cluster.map(make_on_worker, calls()):
        making.popleft().__exit__(None, None, None)  # and entered when it is done
        yield taken


def _count(records: Sequence[CntkRecord], place: int) -> int:
    """Return the number of ROIs of a record, without reading them where that is possible."""
    return records.count(place) if isinstance(records, CntkInputs | TiledRecords) else len(records[place].rois)


def require_room(rows: Mapping[Path, int], bytes_per_row: int, folder: Path) -> None:
    """Say how much disk files of so many `rows` each need below `folder`; `UserError` where there is less.

    What files of these names take now is given back when they are replaced.
    """
    require_disk(
        f"{len(rows)} pictures with {sum(rows.values())} rows", sum(rows.values()) * bytes_per_row, folder,
        kept=sum(path.stat().st_size for path in rows if path.exists()), detail=f" of {bytes_per_row} bytes",
        advice="Make room, lower cntk_nrRois, work elsewhere (--root DIR), or store no embeddings of classifier svm: "
        "--set svm_embeddings=computed", spared=_SPARED,
    )  # fmt: skip
