"""What A1_annotateImages.py and A2_annotateBboxLabels.py have in common: their options, and from these to the page."""

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.artifacts import Artifacts
from webapp.annotate.launch import serve
from webapp.annotate.session import Session, Settings


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the annotation page."""
    page = parser.add_argument_group("options of the annotation page")
    page.add_argument("--add", type=Path, metavar="FOLDER", help="first copy the pictures of FOLDER into the data set")
    page.add_argument("--port", type=int, default=0, metavar="N", help="port of the page (default: 8642, or the next)")
    page.add_argument("--no-browser", action="store_true", help="print the address, open nothing")


def annotate(p: Mapping[str, Any], *, mode: str) -> None:
    """Serve the page for the parameters and options `p`, starting in `mode` ("draw" or "label")."""
    artifacts = Artifacts(p["root"], p["datasetName"])
    session = Session(Settings(artifacts, mode, tuple(p["classes"]), p["seed"]))
    serve(session, port=p["port"], browser=not p["no_browser"])
