"""Help while annotating: proposals to tighten boxes, suggestions of a trained detector, training, frames of a video."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.detector import Detector
from fastRCNN.proposals.roi_parameters import NETWORK_METHODS, RoiParameters
from fastRCNN.proposals.rois import compute_rois
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from webapp.annotate.catalogue import Entry
from webapp.annotate.proposals import Proposals, nearest_proposal
from webapp.annotate.session import Session
from webapp.annotate.suggestions import Finds, Suggester
from webapp.annotate.tracking import follow_boxes
from webapp.annotate.training import Trainer
from webapp.annotate.video import Frames, read_frames


@dataclass(frozen=True)
class HelpSettings:
    """How the steps are run: `options` for each script, what of PARAMETERS.py concerns ROIs, the `classifier`.

    Objects are suggested from the score `threshold` on, by a detector on `device` with `threads`.
    """

    options: tuple[str, ...] = ()
    rois: RoiParameters = field(default_factory=RoiParameters)
    classifier: str = "svm"
    threshold: float = 0.5
    device: str = "auto"
    threads: int | None = None


class Assistance:
    """What the page can ask for beside annotations."""

    def __init__(self, session: Session, settings: HelpSettings) -> None:
        self.session, self.settings = session, settings
        seed = session.settings.seed
        rois = settings.rois  # a network that proposes regions may not be trained yet: our own method is always there
        rois = replace(rois, ss_method="fast") if rois.ss_method in NETWORK_METHODS else rois
        self.proposals = Proposals(lambda image: compute_rois(image, rois, np.random.default_rng(seed)))
        self.suggester = Suggester(session.screen.picture, self._waiting)
        self.trainer = Trainer(session.settings.artifacts, settings.options, settings.classifier, seed, self.suggest)
        self.frames = Frames(session.store.folder / "frames.json")

    # ---- boxes ------------------------------------------------------------------------------------------------------

    def tighten(self, picture_id: object, box: Sequence[int]) -> dict[str, Any]:
        """Return {"box": the proposal of step 1 nearest to `box`}, or None for it when none is near enough."""
        entry = self.session.catalogue.find(picture_id)
        return {"box": nearest_proposal(box, self.proposals.of(entry.path, self.session.screen.picture))}

    def carry(self, picture_id: object) -> dict[str, Any]:
        """Return the boxes of the frame before, followed into this picture: boxes, labels, and which were lost."""
        entry = self.session.catalogue.measure(self.session.catalogue.find(picture_id))
        before = self.frame_before(entry)
        this = self.frames.of(entry.path.name)
        if before is None or this is None:
            raise UserError(f"{picture_id}: not a frame of a video, or the first one")
        earlier = self.frames.of(before.path.name)
        assert earlier is not None
        boxes, followed = follow_boxes(read_frames(Path(this.video), earlier.frame, this.frame), before.stored.boxes)
        lost = [index for index, good in enumerate(followed) if not good]
        return {"boxes": boxes, "labels": list(before.stored.labels), "lost": lost, "from": before.id}

    def frame_before(self, entry: Entry) -> Entry | None:
        """Return the picture that is the frame before `entry` in its video, wherever it was sorted."""
        name = self.frames.before(entry.path.name)
        return (
            next((each for each in self.session.catalogue.entries() if each.path.name == name), None) if name else None
        )

    def picture(self, picture_id: object) -> dict[str, Any]:
        """Return what the session knows of a picture, and which frame it follows ("" for none)."""
        described = self.session.picture(picture_id)
        before = self.frame_before(self.session.catalogue.find(picture_id))
        return {**described, "follows": before.id if before and before.stored.boxes else ""}

    # ---- suggestions ------------------------------------------------------------------------------------------------

    def newest_detector(self) -> Path | None:
        """Return the folder proc/<dataset> of the detector trained last: by the page or by the steps; None for none."""
        places = (self.trainer.trained, self.session.settings.artifacts)
        files = {place.proc: place.settings_file(self.settings.classifier) for place in places}
        there = {proc: file.stat().st_mtime for proc, file in files.items() if file.is_file()}
        return max(there, key=lambda proc: there[proc], default=None)

    def suggest(self, proc: Path) -> None:
        """Make suggestions with the detector in `proc` from now on."""
        self.suggester.start(lambda: self._load(proc))

    def suggestions(self, picture_id: object) -> dict[str, Any]:
        """Return what the detector would draw in a picture; waits for it."""
        entry = self.session.catalogue.find(picture_id)
        return {"items": list(self.suggester.of(entry.id, entry.path))}

    def status(self) -> dict[str, Any]:
        """Return how far suggestions and training are."""
        return {"suggestions": self.suggester.status(), "training": self.trainer.status()}

    # ---- training ---------------------------------------------------------------------------------------------------

    def train(self, with_shares: bool) -> dict[str, Any]:
        """Begin a training, see `Trainer.start`."""
        catalogue = self.session.catalogue
        self.trainer.start([catalogue.measure(entry) for entry in catalogue.entries()], with_shares=with_shares)
        return self.status()

    def stop_training(self) -> dict[str, Any]:
        """End a training that runs."""
        self.trainer.stop()
        return self.status()

    def close(self) -> None:
        """End what runs in the background."""
        self.trainer.stop()
        self.suggester.stop()

    # -----------------------------------------------------------------------------------------------------------------

    def _waiting(self) -> list[tuple[str, Path]]:
        return [(entry.id, entry.path) for entry in self.session.catalogue.entries() if not entry.annotated]

    def _load(self, proc: Path) -> tuple[Finds, bool]:
        place = Artifacts(proc.parent.parent, proc.name)
        settings = self.settings
        detector = Detector.load(
            place.proc, classifier=settings.classifier, device=settings.device, threads=settings.threads
        )
        return DetectorFinds(detector, settings.threshold), settings.classifier == "svm"


@dataclass(frozen=True)
class DetectorFinds:
    """A detector as `Suggester` takes it: what it finds with a score of `threshold` or more."""

    detector: Detector
    threshold: float

    def __call__(self, image: NDArray[np.uint8]) -> list[dict[str, Any]]:
        """Return what is found in a picture, best first."""
        return self.detector.detect(image).typed_records(self.threshold)

    def close(self) -> None:
        """Give back what the detector holds."""
        self.detector.close()
