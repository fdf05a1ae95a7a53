"""What A1_annotateImages.py and A2_annotateBboxLabels.py have in common: their options, and from these to the page."""

import logging
import shutil
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastRCNN.datasets.annotation_statistics import ANY_SIZE
from fastRCNN.proposals.roi_parameters import RoiParameters
from helpers.artifacts import Artifacts
from helpers.console import progress
from helpers.errors import UserError
from helpers.images import find_images
from webapp.annotate.assistance import Assistance, HelpSettings
from webapp.annotate.catalogue import FOLDERS
from webapp.annotate.session import Session, Settings
from webapp.annotate.video import names_taken, take_frames

log = logging.getLogger("steps")


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the annotation page."""
    page = parser.add_argument_group("options of the annotation page")
    page.add_argument("--add", type=Path, metavar="FOLDER", help="first copy the pictures of FOLDER into the data set")
    page.add_argument("--video", type=Path, metavar="FILE",
                      help="first take frames of a video as pictures; boxes are followed through it")  # fmt: skip
    page.add_argument("--every", type=int, default=30, metavar="N", help="with --video: every Nth frame (default: 30)")
    page.add_argument("--suggest", action="store_true",
                      help="show what the detector trained last would draw, most uncertain pictures first")  # fmt: skip
    page.add_argument("--port", type=int, default=0, metavar="N", help="port of the page (default: 8642, or the next)")
    page.add_argument("--no-browser", action="store_true", help="print the address, open nothing")


def annotate(p: Mapping[str, Any], assignments: list[str], *, mode: str) -> None:
    """Serve the page for the parameters and options `p`, starting in `mode` ("draw" or "label").

    `assignments` are the values of --set, for trainings that the page starts.
    """
    artifacts = Artifacts(p["root"], p["datasetName"])
    if p["add"] or p["video"]:
        artifacts.data.mkdir(parents=True, exist_ok=True)
    session = Session(Settings(artifacts, mode, tuple(p["classes"]), p["seed"]))
    help = Assistance(session, help_settings(p, assignments))
    if p["add"]:
        add_pictures(p["add"], artifacts)
    if p["video"]:
        add_frames(p["video"], p["every"], artifacts, help)
    if p["suggest"]:
        detector = help.newest_detector()
        if detector is None:
            raise UserError("--suggest needs a trained detector: annotate some pictures, then use Train on the page")
        help.suggest(detector)
    serve(session, help, port=p["port"], browser=not p["no_browser"])


def serve(session: Session, help: Assistance, *, port: int, browser: bool) -> None:
    """Serve the page until it is ended; `UserError` where the packages for that are not installed."""
    try:
        from webapp.annotate import launch
    except ModuleNotFoundError as error:
        raise UserError(f"the page needs the package {error.name}: pip install starlette uvicorn") from None
    launch.serve(session, help, port=port, browser=browser)


def help_settings(p: Mapping[str, Any], assignments: list[str]) -> HelpSettings:
    """Return how trainings and suggestions run under the parameters and options `p`."""
    options = [part for each in assignments for part in ("--set", each)]
    for name in ("classifier", "engine", "device", "compat", "seed", "jobs"):
        options += [f"--{name}", str(p[name])]
    threshold = p["vis_decisionThresholds"].get(p["classifier"])
    return HelpSettings(
        tuple(options),
        RoiParameters.choose(p, ANY_SIZE),  # nothing may be annotated yet to fit limits to
        p["classifier"],
        0.5 if threshold is None else threshold,
        p["device"],
        p["jobs"],
    )


def add_pictures(folder: Path, artifacts: Artifacts) -> None:
    """Copy the pictures of `folder` into the data set, as new ones; those whose name is there already are left out."""
    if not folder.is_dir():
        raise UserError(f"--add {folder}: no such folder")
    pictures = find_images(folder)
    if not pictures:
        raise UserError(f"--add {folder}: no pictures in it")
    taken = names_taken([artifacts.data / each for each in FOLDERS])
    new = [path for path in pictures if path.stem not in taken]
    for path in progress(new, "copying"):
        temporary = artifacts.data / f".tmp-{path.name}"
        shutil.copy2(path, temporary)
        temporary.replace(artifacts.data / path.name)
    log.info("%d picture(s) added, %d of the same name were there already.", len(new), len(pictures) - len(new))


def add_frames(video: Path, every: int, artifacts: Artifacts, help: Assistance) -> None:
    """Take frames of `video` as new pictures."""
    taken = names_taken([artifacts.data / each for each in FOLDERS])
    frames = dict(progress(take_frames(video, artifacts.data, every, taken), "frames"))
    help.frames.remember(frames)
    log.info("%d frame(s) of %s.", len(frames), video.name)
