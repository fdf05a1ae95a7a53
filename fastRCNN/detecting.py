"""Many pictures through one trained detector: here, or by the workers of a Dask cluster."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastRCNN.detector import Detector
from fastRCNN.evaluation.detections import Detections
from fastRCNN.pipeline.cluster import Cluster
from fastRCNN.pipeline.detector_folder import DetectorSettings, check_parts
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from helpers.file_facts import file_digest
from helpers.picture_sources import PictureSource


class Scored(NamedTuple):
    """A picture: what was found, or why it cannot be read; the seconds it took; its pixels, if they were read here."""

    found: Detections | UserError
    seconds: float = 0.0
    image: NDArray[np.uint8] | None = None


@dataclasses.dataclass(frozen=True)
class DetectorRun:
    """Which detector finds, and how. options: of `Detector.load`: engine, device, threads."""

    artifacts: Artifacts
    settings: DetectorSettings
    options: Mapping[str, Any]

    def load(self) -> Detector:
        """Return the detector."""
        return Detector.load(self.artifacts.proc, settings=self.settings, **self.options)


@contextmanager
def open_detector(
    run: DetectorRun, cluster: Cluster | None = None
) -> Iterator[Callable[[Sequence[PictureSource]], Iterator[Scored]]]:
    """Give what yields each of some pictures scored, in their order; with a `cluster` its workers load the detector."""
    if cluster is None:
        with run.load() as detector:
            yield lambda sources: (_scored(detector, source) for source in sources)
        return
    digest = _digest_of(run)  # what is missing is said before anything begins
    yield lambda sources: cluster.map(_score_on_worker, ((run, digest, _anywhere(source)) for source in sources))


def _scored(detector: Detector, source: PictureSource) -> Scored:
    try:
        image = source.read()
    except UserError as error:  # damaged behind a whole header: the others are scored all the same
        return Scored(error)
    start = time.perf_counter()
    return Scored(detector.detect(image), time.perf_counter() - start, image)


def _score_on_worker(run: DetectorRun, digest: str, source: PictureSource) -> Scored:
    """Score a picture in the process of a worker; the detector stays loaded as long as its `digest` is the same."""
    if digest not in _LOADED:
        _LOADED.clear()
        _LOADED[digest] = run.load()
    return _scored(_LOADED[digest], source)._replace(image=None)  # whoever asked has it, and pictures are large


def _digest_of(run: DetectorRun) -> str:
    name = run.settings.classifier
    if run.artifacts.settings_file(name).exists():
        files = check_parts(run.artifacts, name)
    else:
        with run.load():  # put together by hand: whatever is there
            files = [run.artifacts.model_file(name)]
    return " ".join([repr(run), *map(file_digest, files)])


def _anywhere(source: PictureSource) -> PictureSource:
    return dataclasses.replace(source, path=source.path.absolute()) if source.content is None else source


_LOADED: dict[str, Detector] = {}
