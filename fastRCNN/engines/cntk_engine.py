"""The network in Microsoft's CNTK 2.7, run by a worker process with a Python 3.6 of its own.

What CNTK computes here is what the tutorial always computed, so it is the referee for the PyTorch engine. It runs
networks from weight files and from CNTK's own `.model` files, trains with CNTK's learner, and saves `.model` files.

Letters in shapes: S side of the padded square, C channels, H and W of the map, N ROIs, D outputs per ROI.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.engines.cntk_process import ClosesWorker, CntkProcess, Talk
from fastRCNN.network.network import Network, load_network
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.network.weight_files import WeightFile
from helpers.artifacts import atomic_write
from helpers.boxes import as_boxes
from helpers.errors import UserError
from helpers.images import require_picture

_NO_RPN = (
    "networks that propose their regions themselves (Faster R-CNN) run in PyTorch only: CNTK has no layer for that, "
    "its own example computes it in Python. Use --engine torch"
)
_NO_ALIGN = "its ROIs are pooled by ROI align, and CNTK knows max pooling only. Use --engine torch, or another network"


@dataclass(frozen=True)
class CntkRecipe:
    """How CNTK's learner trains.

    input_scale: multiplies what goes into the head while it learns. dropout: the part of the numbers that the head's
    dropout layers drop; None: what they say.
    """

    momentum_time_constant: float = 10.0
    l2_reg_weight: float = 0.0005
    input_scale: float = 1.0
    dropout: float | None = None


class CntkEngine(ClosesWorker):
    """Runs a network with CNTK 2.7; see `fastRCNN.engines.Engine`.

    `network` is a `Network`, the path of a weight file, or that of a CNTK `.model`. The names of a `.model`'s nodes are
    the tutorial's unless `node_names` says otherwise (keys features, conv, pool, last). `threads` None: as many as CNTK
    takes by itself. `environment` is the folder of CNTK's Python, usually `.venv-cntk`.
    """

    name = "cntk"
    at_once = 1

    def __init__(
        self,
        network: Network | Path | str,
        *,
        device: str = "cpu",
        threads: int | None = None,
        node_names: Mapping[str, str] | None = None,
        environment: Path | None = None,
    ) -> None:
        if device == "cuda":
            raise UserError(
                "--engine cntk --device cuda: CNTK runs on the CPU here. Use --device cpu, or --engine torch"
            )
        path = None if isinstance(network, Network) else Path(network)
        if path is not None and not path.is_file():
            raise UserError(f"{path}: expected a weight file (.npz) or a CNTK model (.model), found no such file")
        if path is not None and path.suffix != ".model":
            network = load_network(path)
        if isinstance(network, Network):
            _require_known(network)
        self.process = CntkProcess(threads=threads, environment=environment)
        try:
            if isinstance(network, Network):
                self._loaded(self._send(network))
            else:
                values = {"path": str(path), "names": dict(node_names or {})}
                self._loaded(self.process.request("load_model", values)[0])
        except BaseException:
            self.close()
            raise

    def _send(self, network: Network) -> Mapping[str, Any]:
        """Let the worker build `network`: from its file where it has one, else from its arrays."""
        values: dict[str, Any] = {"network": network.spec.to_header()}
        if isinstance(network.arrays, WeightFile):
            return self.process.request("load", {**values, "path": str(network.arrays.path.resolve())})[0]
        return self.process.request("load", values, network.arrays)[0]

    def _loaded(self, described: Mapping[str, Any]) -> None:
        self.feature_dimension = int(described["feature_dimension"])
        self.classes = None if described["classes"] is None else tuple(described["classes"])

    def embed(
        self, pictures: Sequence[NDArray[np.uint8]], rois: Sequence[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Return (N, D) float32 for each padded picture (S, S, 3) uint8 BGR and its `rois` (N, 4) in its pixels.

        The worker does both parts in one command for each picture, so that no map passes through its pipes.
        """
        rows = []
        for picture, of_picture in zip(pictures, rois, strict=True):
            arrays: dict[str, np.ndarray] = {"picture": _checked(picture), "rois": _checked_rois(of_picture)}
            rows.append(self.process.request("embed", {}, arrays)[1]["output"])
        return rows

    def begin_thread(self) -> None:
        """Nothing to do: the worker is another process."""

    def feature_map(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return the trunk's output (B, C, H, W) float32 for B padded pictures (S, S, 3) uint8 BGR."""
        asked = (self.process.request("feature_map", {}, {"picture": _checked(picture)}) for picture in pictures)
        return np.stack([arrays["map"] for _, arrays in asked])

    def regions(self, maps: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """CNTK runs no network that proposes its regions itself."""
        raise UserError(_NO_RPN)

    def head(self, maps: NDArray[np.float32], rois: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Return (N, D) float32 for each of `maps` (B, C, H, W) and its `rois` (N, 4) x1 y1 x2 y2."""
        rows = []
        for feature_map, of_map in zip(maps, rois, strict=True):
            arrays = {"map": np.ascontiguousarray(feature_map), "rois": _checked_rois(of_map)}
            rows.append(self.process.request("head_of_map", {}, arrays)[1]["output"])
        return rows

    def pool(
        self, feature_map: NDArray[np.float32], rois: ArrayLike, *, size: int = 6, spatial_scale: float = 1 / 16
    ) -> NDArray[np.float32]:
        """Return (N, C, size, size) float32: CNTK's own pooling of `feature_map` (C, H, W) over `rois` (N, 4)."""
        arrays = {"map": np.asarray(feature_map, np.float32), "rois": _checked_rois(rois)}
        return self.process.request("pool_rois", {"size": size, "spatial_scale": spatial_scale}, arrays)[1]["pooled"]

    @contextmanager
    def training(
        self,
        classes: Sequence[str],
        recipe: CntkRecipe = CntkRecipe(),  # noqa: B008 - frozen
        *,
        seed: int = 0,
        first_arrays: Mapping[str, NDArray[np.float32]] | None = None,
        scratch: Path | None = None,
    ) -> Iterator["CntkTraining"]:
        """Train the head, and a new layer "score" for `classes`, by CNTK's learner, minibatch by minibatch.

        `first_arrays` replace arrays of the network to start from ("fc6.weight", ..., "score.weight", "score.bias");
        without the last two, the new layer starts as CNTK's `glorot_uniform` draws it, from `seed`, with bias 0.
        They are made for the recipe's `input_scale`. The convolutions' maps lie in a temporary file in `scratch`. When
        the `with` block ends, the engine gives raw scores (N, K); when an error leaves it, the worker ends too.
        """
        weight, bias = glorot(len(classes), self._inputs_of_the_score_layer(), np.random.default_rng(seed))
        arrays = {"score.weight": weight, "score.bias": bias, **(first_arrays or {})}
        values = {
            "classes": list(classes), **asdict(recipe), "seed": seed,
            "scratch": None if scratch is None else str(scratch),
        }  # fmt: skip
        with self.process.conversation("train", values, arrays) as talk:
            yield CntkTraining(talk)
            talk.say({"command": "finish"})
            answer, _ = talk.answer()
        self._loaded(answer)

    def _inputs_of_the_score_layer(self) -> int:
        """Inputs of the layer that gives class scores: the embedding's numbers, also where such a layer is there."""
        if self.classes is None:
            return self.feature_dimension
        return int(self.network().weight("score").shape[1])

    def save(self, path: Path | str, *, for_examples: bool = False) -> None:
        """Write the network to `path` as a CNTK `.model`, at once or not at all.

        `for_examples`: as CNTK's own detection examples want it, with convolutions that can be trained, and without the
        mean of 114, which those programs subtract themselves.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            self.process.request("save", {"path": str(temporary), "for_examples": for_examples})

    def network(self) -> Network:
        """Return the network with its arrays, as weight files hold it; for a `.model`, taken apart into layers."""
        values, arrays = self.process.request("network")
        return Network(NetworkSpec.from_header(values["network"], where="CNTK model"), arrays)

    def export_onnx(self, stem: Path, side: int = 1000) -> tuple[list[Path], str]:
        """Write `stem`.trunk.onnx and `stem`.head.onnx with CNTK's exporter; return the files, and what it cannot do.

        The trunk takes (1, 3, side, side) BGR pixels. Between the two files belongs ROI pooling.
        """
        files = {part: stem.with_name(f"{stem.name}.{part}.onnx") for part in ("trunk", "head", "whole")}
        answer, _ = self.process.request(
            "export_onnx", {"side": side, **{part: str(path) for part, path in files.items()}}
        )
        if answer["whole"]:
            return list(files.values()), ""
        return [files["trunk"], files["head"]], str(answer["why"])

    def read_ctf(self, path: Path, field: str, width: int) -> NDArray[np.float32]:
        """Return (lines, `width`) float32: a text file of step 2 as CNTK's own CTFDeserializer reads `field`."""
        values = {"path": str(path), "field": field, "width": width}
        return self.process.request("read_ctf", values)[1]["values"]

    def __enter__(self) -> "CntkEngine":
        return self


def network_of_model(path: Path | str, *, node_names: Mapping[str, str] | None = None) -> Network:
    """Return the network in a CNTK `.model` file."""
    with CntkEngine(path, node_names=node_names) as engine:
        return engine.network()


class CntkTraining:
    """A training that runs. Letters: k pictures of a minibatch, K classes."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def add(self, picture: NDArray[np.uint8]) -> None:
        """Let the worker keep the map of `picture` (S, S, 3) uint8 BGR padded; the first one has number 0."""
        self._talk.say({"command": "picture"}, {"picture": _checked(picture)})
        self._talk.hear()

    def learn(
        self, pictures: Sequence[int], rois: Sequence[ArrayLike], labels: Sequence[ArrayLike], *, rate: float
    ) -> tuple[float, float]:
        """Learn from one minibatch; return its loss and its wrong ROIs, both summed.

        `pictures`: k numbers; `rois`: for each its (n, 4) x1 y1 x2 y2 in padded pixels; `labels`: for each (n,) class
        numbers. `rate` is the learning rate per ROI.
        """
        count, most = len(pictures), max(len(np.asarray(each)) for each in labels)
        all_rois, all_labels = np.zeros((count, most, 4), np.float32), np.zeros((count, most), np.int64)
        weights = np.zeros((count, most), np.float32)
        for place, (some_rois, some_labels) in enumerate(zip(rois, labels, strict=True)):
            number = len(np.asarray(some_labels))
            all_rois[place, :number], all_labels[place, :number] = as_boxes(some_rois), some_labels
            weights[place, :number] = 1
        arrays: dict[str, np.ndarray] = {"rois": all_rois, "labels": all_labels, "weights": weights}
        self._talk.say({"command": "minibatch", "maps": [int(each) for each in pictures], "rate": float(rate)}, arrays)
        answer, _ = self._talk.hear()
        return float(answer["loss"]), float(answer["wrong"])


def _require_known(network: Network) -> None:
    """Raise `UserError` where CNTK has no layer for a part of `network`: before anybody installs or starts it."""
    if network.spec.rpn is not None:
        raise UserError(f"{network.where}: {_NO_RPN}")
    if network.spec.pooling_kind != "max":
        raise UserError(f"{network.where}: {_NO_ALIGN}")


def glorot(outputs: int, inputs: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a layer's first weight (outputs, inputs) and bias (outputs,), drawn as by CNTK's `glorot_uniform`."""
    limit = (6 / (inputs + outputs)) ** 0.5
    return rng.uniform(-limit, limit, (outputs, inputs)).astype(np.float32), np.zeros(outputs, np.float32)


def _checked_rois(rois: ArrayLike) -> NDArray[np.float32]:
    return as_boxes(rois).astype(np.float32)


def _checked(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    require_picture(picture)
    return picture
