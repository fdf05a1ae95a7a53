"""Where each file of a data set lies, and how a file is written so that it is old or new but never half.

<root>/data/<dataset>/{positive,negative,testImages}/    pictures and annotations, read only
<root>/proc/<dataset>/                                   what the steps write
<root>/results/<dataset>/                                what a person looks at
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from helpers.errors import UserError

IMAGE_SETS = {"train": ("positive", "negative"), "test": ("testImages",)}
_TEMPORARY = ".tmp-"


@dataclass(frozen=True)
class Artifacts:
    """The paths of one data set below `root`."""

    root: Path
    dataset: str

    @property
    def data(self) -> Path:
        """Pictures and annotations; never written to."""
        return self.root / "data" / self.dataset

    @property
    def proc(self) -> Path:
        """Intermediate files."""
        return self.root / "proc" / self.dataset

    @property
    def results(self) -> Path:
        """Evaluations, pictures and the report."""
        return self.root / "results" / self.dataset

    @property
    def rois(self) -> Path:
        """Step 1's folder."""
        return self.proc / "rois"

    @property
    def cntk_files(self) -> Path:
        """Step 2's folder, and the embeddings of step 3."""
        return self.proc / "cntkFiles"

    @property
    def svm_folder(self) -> Path:
        """Step 4's folder."""
        return self.proc / "trainedSvm"

    def roi_file(self, key: str) -> Path:
        """Return step 1's file for the picture with `key` ("positive/0001"): `rois/<key>.roi.txt`."""
        return self.rois / f"{key}.roi.txt"

    def image_map(self, image_set: str) -> Path:
        """Return step 2's list of pictures: `<i> <absolute path> 0`, separated by tabs."""
        return self.cntk_files / f"{image_set}.txt"

    def rois_txt(self, image_set: str) -> Path:
        """Return step 2's ROIs, relative to the padded square."""
        return self.cntk_files / f"{image_set}.rois.txt"

    def roi_labels_txt(self, image_set: str) -> Path:
        """Return step 2's one-hot labels."""
        return self.cntk_files / f"{image_set}.roilabels.txt"

    def nr_rois_txt(self, image_set: str) -> Path:
        """Return step 2's numbers of real ROIs per picture."""
        return self.cntk_files / f"{image_set}.nrRois.txt"

    def parsed_folder(self, image_set: str, classifier: str) -> Path:
        """Return the folder of step 3's outputs of one image set."""
        return self.cntk_files / f"{image_set}_{classifier}_parsed"

    def embedding_file(self, image_set: str, classifier: str, index: int) -> Path:
        """Return step 3's output for picture `index`: an npz with the key arr_0."""
        return self.parsed_folder(image_set, classifier) / f"{index}.dat.npz"

    def model_file(self, classifier: str) -> Path:
        """Return the network that step 3 used or trained."""
        return self.proc / "models" / f"frcn_{classifier}.npz"

    def checkpoint_file(self, classifier: str) -> Path:
        """Return where step 3 keeps a training that is not finished."""
        return self.proc / "models" / f"checkpoint_{classifier}.npz"

    def settings_file(self, classifier: str) -> Path:
        """Return what a detector must know beside its model: classes, ROI parameters, thresholds."""
        return self.proc / "models" / f"detector_{classifier}.json"

    def visualizations(self, image_set: str) -> Path:
        """Return the folder of step 5's pictures; those of the training set have one of their own."""
        return self.results / ("visualizations" if image_set == "test" else f"visualizations_{image_set}")

    def stamp_file(self, step: str) -> Path:
        """Return the stamp that step `step` leaves: what it was made from."""
        return self.proc / "stamps" / f"{step}.json"

    def check_exists(self) -> None:
        """Raise `UserError` that lists the data sets there are, unless this one has its three folders."""
        data = self.root / "data"
        if not self.data.is_dir():
            found = sorted(p.name for p in data.iterdir() if (p / "positive").is_dir()) if data.is_dir() else []
            there = ", ".join(found) if found else "none"
            raise UserError(f"{self.data}: no such data set. Data sets in {data}: {there}. Check datasetName")
        missing = [name for name in ("positive", "negative", "testImages") if not (self.data / name).is_dir()]
        if missing:
            raise UserError(
                f"{self.data}: folder(s) missing: {', '.join(missing)}. A data set has positive/ (annotated pictures "
                "for training), negative/ (pictures without objects, may be empty) and testImages/"
            )


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary path in the folder of `path`; afterwards flush it to the disk and rename it to `path`.

    A reader, or a run after a power cut, sees the old file or the new one. On an error the temporary file is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=_TEMPORARY, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes private files; ours follow the user's settings
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:  # "No space left on device" comes without a name, or with that of the temporary file
        if error.filename in (None, name):
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def exclusive(artifacts: Artifacts) -> Iterator[None]:
    """Hold the proc folder of a data set for this process, and clear what a killed run left half-written.

    The lock is the operating system's, so it ends with its process, however that ends. Raises `UserError` when another
    run holds it.
    """
    artifacts.proc.mkdir(parents=True, exist_ok=True)
    note = artifacts.proc / "inUse.txt"
    lock = FileLock(artifacts.proc / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        with suppress(OSError):
            raise UserError(f"{artifacts.proc}: in use by {note.read_text().strip()}; wait for it to end") from None
        raise UserError(f"{artifacts.proc}: in use by another run; wait for it to end") from None
    try:
        note.write_text(f"process {os.getpid()} since {time.strftime('%Y-%m-%d %H:%M:%S')}\n")
        for orphan in artifacts.proc.rglob(f"{_TEMPORARY}*"):
            orphan.unlink(missing_ok=True)
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
