"""Step 6: find the objects in any picture with the trained detector, wholly in memory.

Reads   the pictures named on the command line, proc/<dataset>/models/, proc/<dataset>/trainedSvm/
Prints  JSON on stdout: by default the tutorial's records (every ROI, all values as text); with --format v2 what was
        found, with class names and numbers. Several pictures give one JSON object, by picture.
A picture may come by a pipe, or as `-` from standard input; results may go to a pipe or a device as well.
Many pictures may be scored by several processes or machines: --cluster.
"""

import json
import logging
import sys
from dataclasses import replace
from pathlib import Path

import helpers.first  # noqa: F401

from fastRCNN.detecting import DetectorRun, open_detector
from fastRCNN.evaluation.detections import Detections, detections_table
from fastRCNN.pipeline.cluster import add_cluster_option, open_cluster
from fastRCNN.pipeline.detector_folder import FREE, DetectorSettings, load_settings
from fastRCNN.pipeline.numbers import settled_numbers
from fastRCNN.pipeline.roi_limits import with_fitted_limits
from fastRCNN.pipeline.scoring import score_threshold_of
from fastRCNN.pipeline.stages import artifacts_of, dataset_of
from fastRCNN.reporting.visualization import draw_detections
from helpers.artifacts import Artifacts, write_output
from helpers.console import progress, run_script, setup_logging, timing_summary
from helpers.errors import UserError, raise_collected
from helpers.images import write_image
from helpers.picture_sources import STANDARD_INPUT, PictureSource, check_destinations, open_sources
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")


def main() -> None:
    """Run step 6."""
    parser = make_parser(__doc__)
    parser.add_argument("images", nargs="+", metavar="PICTURE", help="pictures to search: files, pipes, - for stdin")
    parser.add_argument("--format", choices=("v1", "v2"), default="v1", help="v1: the tutorial's records; v2: typed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the JSON to FILE instead of stdout")
    parser.add_argument("--tsv", type=Path, metavar="FILE", help="also write detections.tsv (of one picture)")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="also draw the detections, into DIR")
    add_cluster_option(parser)
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    sources = open_sources(p.images)
    check(sources, p.json, p.tsv, p.pictures)
    artifacts = artifacts_of(p)
    settings = settings_of(artifacts, p)
    found: dict[str, Detections] = {}
    seconds, faults = [], []
    run = DetectorRun(artifacts, settings, {"engine": p.engine, "device": p.device, "threads": p.jobs})
    with open_cluster(p.cluster) as cluster, open_detector(run, cluster) as scored:
        for source, each in zip(sources, progress(scored(sources), "pictures", len(sources)), strict=True):
            if isinstance(each.found, UserError):
                faults.append(str(each.found))
                continue
            found[source.name] = detections = each.found
            seconds.append(each.seconds)
            if p.pictures:
                image = source.read() if each.image is None else each.image
                threshold = p.vis_decisionThresholds.get(p.classifier)
                drawn = draw_detections(image, detections.select(threshold))
                write_image(p.pictures / f"{source.stem}.jpg", drawn)
    log.info("Time: %s.", timing_summary(seconds))
    if p.tsv and found:
        write_output(p.tsv, detections_table(detections))
    records = {name: d.string_records() if p.format == "v1" else d.typed_records() for name, d in found.items()}
    if found:
        tell(records if len(sources) > 1 else next(iter(records.values())), p.json)
    raise_collected(faults, f"{len(faults)} picture(s) could not be scored:")


def tell(records: dict | list, file: Path | None) -> None:
    """Write `records` as JSON to `file`, or to stdout; letters that the terminal lacks are escaped as JSON does."""
    text = json.dumps(records, indent=1, ensure_ascii=False)
    if file and str(file) != STANDARD_INPUT:  # "-" is the way to say stdout, too
        write_output(file, text + "\n")
        return
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(records, indent=1)
    print(text)


def settings_of(artifacts: Artifacts, p) -> DetectorSettings:
    """Return how the trained detector is to be used; `UserError` where `p` says otherwise than its training did."""
    numbers = settled_numbers(p)
    manifest = artifacts.settings_file(p.classifier)
    if not manifest.exists() and artifacts.model_file(p.classifier).exists():  # put together by hand
        train = dataset_of(p, "train")
        settings = DetectorSettings.choose(with_fitted_limits(p, train), train.classes)
        return replace(settings, **numbers)
    trained = load_settings(artifacts, p.classifier)
    if changes := trained.changes(p):
        raise UserError(
            f"{manifest}: this detector was trained with other settings: {'; '.join(changes)}. Give the "
            "same --set as to the steps before (cntk_padHeight with cntk_padWidth; `overrides` in PARAMETERS.py keep "
            "them), or run all steps with the new ones"
        )
    free = {name: p[name] for name in FREE}
    return replace(trained, **free, scoreThreshold=score_threshold_of(p))


def check(sources: list[PictureSource], json_file: Path | None, tsv: Path | None, drawn: Path | None) -> None:
    """Find out now what would fail only when all pictures are scored, and make the folders for the results."""
    if tsv and len(sources) > 1:
        raise UserError(f"--tsv holds the detections of one picture, but {len(sources)} were given")
    pictures: dict[Path, PictureSource] = {}
    for source in sources if drawn else ():
        other = pictures.setdefault(drawn / f"{source.stem}.jpg", source)
        if other.path.resolve() != source.path.resolve():
            raise UserError(
                f"{other.name} and {source.name}: both would be drawn as {drawn / other.stem}.jpg. Rename one of them"
            )
    check_destinations(sources, [file for file in (json_file, tsv, *pictures) if file])
    for file in (json_file, tsv):
        if file and file.is_dir():
            raise UserError(f"{file}: this is a folder; name a file for the results")
    for folder in (json_file and json_file.parent, tsv and tsv.parent, drawn):
        if folder:
            folder.mkdir(parents=True, exist_ok=True)


if __name__ == "__main__":
    run_script(main)
