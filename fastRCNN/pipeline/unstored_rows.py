"""What the network gives for ROIs, where step 3 stored nothing of it (svm_embeddings): computed whenever it is needed.

The numbers are those that files would hold, rounded as there, so whoever reads them gets the same bytes.
Letters in shapes: n_i ROIs of picture i, D features.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.network.network import load_network
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.cluster import Cluster
from fastRCNN.pipeline.cntk_inputs import Chosen, CntkRecord, FirstRois
from fastRCNN.pipeline.embed_dataset import computed
from fastRCNN.pipeline.embeddings import EmbeddingFiles
from fastRCNN.pipeline.network_step import network_run, records_of
from fastRCNN.pipeline.picture_network import NetworkRun, PictureNetwork, rows_on_worker
from fastRCNN.pipeline.stages import Chain
from fastRCNN.run_context import RunContext
from helpers.artifacts import Artifacts
from helpers.errors import UserError

EmbeddingsOf = Callable[[Sequence[int], Sequence[int]], Sequence[NDArray[np.float32]]]
"""Returns the embeddings, (n_i, D) float32, of the pictures of these numbers, which have so many ROIs n_i."""


@dataclass(frozen=True)
class Unstored:
    """How to get what step 3 did not store: its network, and the pictures of an image set with their ROIs.

    digest: of all that it depends on; a worker loads the network anew when that changes.
    """

    run: NetworkRun
    records: Sequence[CntkRecord]
    digest: str
    image_set: str

    @classmethod
    def choose(cls, chain: Chain, parameters: Mapping[str, Any], image_set: str) -> "Unstored | None":
        """Return how for the pictures of `image_set`, with the `parameters` (by name) of a step; None: it is stored."""
        if chain.stores_embeddings:
            return None
        names = ("cntk_precision", "cntk_embeddingType")
        used = {name: chain.used("embeddings", name, parameters[name]) for name in names}
        context = RunContext.choose({**parameters, **used})
        run = network_run(chain, context, parameters["compat"], used["cntk_embeddingType"])
        records = records_of(chain, parameters["cntk_nrRois"])[image_set]
        return cls(run, records, chain.recipe_digest("embeddings"), image_set)

    def first(self, nr_rois: int) -> "Unstored":
        """Return how for the first `nr_rois` ROIs of each picture alone."""
        return replace(self, records=FirstRois(self.records, nr_rois))


class ComputedRows(Sequence[NDArray[np.float32]]):
    """The rows of some pictures, (n_i, D) float32, none of which is kept: a sequence like `EmbeddingFiles`.

    Raises `UserError` where a picture has other ROIs than `counts` says.
    """

    def __init__(
        self, unstored: Unstored, network: PictureNetwork | Cluster, places: Sequence[int], counts: Sequence[int]
    ) -> None:
        """`network`: in this process, or the workers that run it. places: the pictures' numbers. counts: their n_i."""
        self._unstored, self._network, self._places, self._counts = unstored, network, places, counts
        network_file = CLASSIFIERS[unstored.run.classifier].network_files(unstored.run.artifacts)[0]
        self.dimension = load_network(network_file).spec.feature_dimension  # D

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # an int gives an array, a slice a list of arrays
        if isinstance(index, slice):
            return list(self.in_order(range(len(self))[index]))
        return next(self.in_order([range(len(self))[index]]))

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return self.in_order(range(len(self)))

    def in_order(self, indices: Sequence[int]) -> Iterator[NDArray[np.float32]]:
        """Yield the items at `indices`; the next pictures are decoded, or computed by workers, meanwhile."""
        records = Chosen(self._unstored.records, [self._places[index] for index in indices])
        run = self._unstored.run
        if isinstance(self._network, PictureNetwork):
            found = computed(records, self._network.rows, pad_size=run.context.pad_size, tiling=run.tiling,
                             pace=self._network.pace)  # fmt: skip
        else:
            found = self._network.map(rows_on_worker, ((run, self._unstored.digest, record) for record in records))
        for index, rows in zip(indices, found, strict=True):
            where = f"picture {self._places[index]} of cntkFiles/{self._unstored.image_set}.txt"
            require_same_rois(where, len(rows), self._counts[index])
            yield rows


def require_same_rois(where: object, found: int, expected: int) -> None:
    """Raise `UserError` that names `where`, a picture, unless step 2's files have as many ROIs of it as rois/ has."""
    if found != expected:
        raise UserError(
            f"{where}: {found} ROIs in cntkFiles/, but {expected} from rois/ and the annotations. "
            "Run 2_cntkGenerateInputs.py again"
        )


@contextmanager
def open_embeddings(
    artifacts: Artifacts, classifier: str, image_set: str, unstored: Unstored | None = None,
    cluster: Cluster | None = None,
) -> Iterator[EmbeddingsOf]:  # fmt: skip
    """Give what returns the embeddings of pictures of `image_set`: from step 3's files, or computed as `unstored` says.

    cluster: its workers compute.
    """
    if unstored is None:
        yield lambda places, counts: EmbeddingFiles(
            [artifacts.embedding_file(image_set, classifier, place) for place in places], counts
        )
    elif cluster is not None:
        yield lambda places, counts: ComputedRows(unstored, cluster, places, counts)
    else:
        with PictureNetwork(unstored.run) as network:
            yield lambda places, counts: ComputedRows(unstored, network, places, counts)
