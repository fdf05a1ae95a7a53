"""Where each file of a data set lies, and how a file is written so that it is old or new but never half.

<root>/data/<dataset>/{positive,negative,testImages}/    pictures and annotations, read only
<root>/proc/<dataset>/                                   what the steps write
<root>/results/<dataset>/                                what a person looks at
"""

import errno
import logging
import os
import stat
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.errors import UserError

if TYPE_CHECKING:
    from filelock import BaseFileLock

log = logging.getLogger(__name__)

IMAGE_SETS = {"train": ("positive", "negative"), "test": ("testImages",)}
TEMPORARY = ".tmp-"  # how names of unfinished files begin; `exclusive` removes what is left of them
_FORGOTTEN = 3600  # seconds after which nobody is still writing an unfinished file
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL)


@dataclass(frozen=True)
class Artifacts:
    """The paths of one data set below `root`.

    proc_folder, data_folder, rois_folder: where proc/<dataset>, data/<dataset> and step 1's files are, if elsewhere.
    """

    root: Path
    dataset: str
    proc_folder: Path | None = None
    data_folder: Path | None = None
    rois_folder: Path | None = None

    @classmethod
    def of_proc(cls, folder: Path) -> "Artifacts":
        """Return the paths of what the steps left in `folder`, whatever its name and wherever it was copied to."""
        return cls(folder.parent.parent, folder.name, folder)

    @cached_property
    def data(self) -> Path:
        """Pictures and annotations; never written to."""
        return self.root / "data" / self.dataset if self.data_folder is None else self.data_folder

    @cached_property
    def proc(self) -> Path:
        """Intermediate files."""
        return self.root / "proc" / self.dataset if self.proc_folder is None else self.proc_folder

    @property
    def results(self) -> Path:
        """Evaluations, pictures and the report."""
        return self.root / "results" / self.dataset

    @cached_property
    def rois(self) -> Path:
        """Step 1's folder."""
        return self.proc / "rois" if self.rois_folder is None else self.rois_folder

    def trial(self, name: str) -> "Artifacts":
        """Return the paths of a training beside the real one: step 1's ROIs, all else in `proc/<dataset>/folds/`."""
        return replace(self, proc_folder=self.proc / "folds" / name, data_folder=self.data, rois_folder=self.rois)

    def rehearsal(self, name: str, rois_folder: Path | None) -> "Artifacts":
        """Return the paths of steps with other parameters beside the real ones, in `proc/<dataset>/tuning/`.

        rois_folder: where their ROIs are; None: they have their own.
        """
        folder = self.proc / "tuning" / name
        return replace(self, proc_folder=folder, data_folder=self.data, rois_folder=rois_folder)

    @cached_property
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

    def proposed_roi_file(self, classifier: str, key: str) -> Path:
        """Return the file of the ROIs that a network proposed itself: `rois_<classifier>/<key>.roi.txt`."""
        return self.proc / f"rois_{classifier}" / f"{key}.roi.txt"

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

    @property
    def proposals_file(self) -> Path:
        """A trained detector's copy of the bundled network that proposes regions."""
        return self.proc / "models" / "proposals.npz"

    def checkpoint_file(self, classifier: str) -> Path:
        """Return where step 3 keeps a training that is not finished."""
        return self.proc / "models" / f"checkpoint_{classifier}.npz"

    @property
    def svm_checkpoint_file(self) -> Path:
        """Return where step 4 keeps a training that is not finished, if it computes embeddings anew."""
        return self.svm_folder / "checkpoint.npz"

    def settings_file(self, classifier: str) -> Path:
        """Return the manifest of a trained detector: its parts and settings (`fastRCNN.pipeline.detector_folder`)."""
        return self.proc / "models" / f"detector_{classifier}.json"

    def visualizations(self, image_set: str) -> Path:
        """Return the folder of step 5's pictures; those of the training set have one of their own."""
        return self.results / ("visualizations" if image_set == "test" else f"visualizations_{image_set}")

    def manifest_file(self, name: str) -> Path:
        """Return the manifest of a stage: what its files were made from."""
        return self.proc / "manifests" / f"{name}.json"

    @property
    def facts_file(self) -> Path:
        """What is remembered of files that have not changed; it may be deleted."""
        return self.proc / "manifests" / "seen.json"

    def check_exists(self) -> None:
        """Raise `UserError` that lists the data sets there are, unless this one has its three folders."""
        data = self.root / "data"
        if not self.data.is_dir():
            found = sorted(p.name for p in data.iterdir() if (p / "positive").is_dir()) if data.is_dir() else []
            there = ", ".join(found) if found else "none"
            if self.data_folder:
                raise UserError(f"{self.data}: no such folder. Check datasetPath")
            raise UserError(f"{self.data}: no such data set. Data sets in {data}: {there}. Check datasetName")
        missing = [name for name in ("positive", "negative", "testImages") if not (self.data / name).is_dir()]
        if missing:
            deeper = next(iter(sorted(self.data.glob("*/positive"))), None)
            hint = f" They are in {deeper.parent}: move them one folder up." if deeper else ""
            if not hint and any(
                path for ending in ("xml", "json", "csv", "yaml") for path in self.data.rglob(f"*.{ending}")
            ):
                hint = " These look like annotations of another tool: data/convert.py makes a data set of them."
            raise UserError(
                f"{self.data}: folder(s) missing: {', '.join(missing)}. A data set has positive/ (annotated pictures "
                f"for training), negative/ (pictures without objects, may be empty) and testImages/.{hint}"
            )


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary path in the folder of `path`; afterwards flush it to the disk and rename it to `path`.

    A reader, or a run after a power cut, sees the old file or the new one. On an error the temporary file is removed.
    A link stays a link: what it points to is replaced.
    """
    path = path.resolve() if path.is_symlink() else path
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _new_file(path)
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
    except OSError as error:  # "No space left on device" comes without a name, or with that of the temporary file
        if error.filename in (None, str(temporary)):
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_output(path: Path, content: str | bytes) -> None:
    """Write a result to where the user wants it, text as UTF-8: a file (old or new, never half), a pipe or a device.

    What is no regular file is written to, not replaced: `/dev/stdout`, `/dev/null`, a named pipe, a `>(command)` of the
    shell. A link stays a link.
    """
    data = content.encode() if isinstance(content, str) else content
    if _is_special(path):
        handle = os.open(path, os.O_WRONLY | os.O_APPEND)  # /dev/stdout may be a file with something in it
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        return
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def exclusive(artifacts: Artifacts) -> Iterator[None]:
    """Hold the proc folder of a data set for this process, and clear what a killed run left half-written.

    The lock is the operating system's, so it ends with its process, however that ends. Raises `UserError` when another
    run holds it. On a file system without locks (some network folders) a warning says that nothing is held.
    """
    from filelock import FileLock, Timeout  # only here: not each step takes a lock

    artifacts.proc.mkdir(parents=True, exist_ok=True)
    note = artifacts.proc / "inUse.txt"
    lock = FileLock(artifacts.proc / ".lock", timeout=0)
    try:
        _acquire(lock, artifacts.proc)
    except Timeout:
        with suppress(OSError):
            raise UserError(f"{artifacts.proc}: in use by {note.read_text().strip()}; wait for it to end") from None
        raise UserError(f"{artifacts.proc}: in use by another run; wait for it to end") from None
    try:
        note.write_text(f"process {os.getpid()} since {time.strftime('%Y-%m-%d %H:%M:%S')}\n")
        for orphan in artifacts.proc.rglob(f"{TEMPORARY}*"):
            orphan.unlink(missing_ok=True)
        for orphan in artifacts.results.rglob(f"{TEMPORARY}*"):  # not locked: another run may be writing there now
            with suppress(OSError):
                if time.time() - orphan.stat().st_mtime > _FORGOTTEN:
                    orphan.unlink()
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _acquire(lock: "BaseFileLock", folder: Path) -> None:
    """Acquire `lock`, or say that the file system of `folder` has no locks; `Timeout` when another run holds it."""
    try:
        with warnings.catch_warnings(record=True) as said:
            lock.acquire()
        reason = str(said[0].message) if said else ""
    except NotImplementedError as error:
        reason = str(error)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        reason = str(error.strerror)
    if reason:
        log.warning(
            "%s: this file system has no locks (%s), so two runs at once would not notice each other. "
            "Start one at a time.", folder, reason,
        )  # fmt: skip


def _new_file(path: Path) -> Path:
    """Make an empty file beside `path`, with the rights that a file there has, or gets by the user's settings."""
    while True:
        temporary = path.with_name(f"{TEMPORARY}{os.urandom(6).hex()}{path.suffix}")
        with suppress(FileExistsError):
            os.close(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666))
            break
    with suppress(OSError):  # nothing there yet; or a file system that knows no rights
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode != stat.S_IMODE(temporary.stat().st_mode):
            temporary.chmod(mode)
    return temporary


def _flush(path: Path) -> None:
    """Wait until the disk has the content of `path`; where a file system cannot say so, go on."""
    with path.open("rb+") as file:
        try:
            os.fsync(file.fileno())
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise


def _is_special(path: Path) -> bool:
    """Return whether `path` leads to a pipe, a device, or to what a process already has open."""
    with suppress(OSError):
        if not stat.S_ISREG(path.stat().st_mode):
            return True
        first = path.parent / path.readlink() if path.is_symlink() else path
        return first.is_relative_to("/dev") or first.is_relative_to("/proc")
    return False
