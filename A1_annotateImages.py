"""Annotate pictures: a page in the browser where rectangles are drawn around objects, with mouse or fingers.

Reads   data/<dataset>/ (new pictures) and data/<dataset>/{positive,negative,testImages}/
Writes  <picture>.bboxes.tsv and <picture>.bboxes.labels.tsv beside the pictures; the version before as .backup.tsv
Serves  the page on 127.0.0.1 only, behind a random key in its address; works through ssh -L as well.
"""

import sys

import helpers.first  # noqa: F401

from helpers.console import run_script, setup_logging
from PARAMETERS import get_parameters, make_parser
from webapp.annotate.command import add_options, annotate


def main() -> None:
    """Open the page for drawing."""
    parser = make_parser(__doc__)
    add_options(parser)
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    annotate(p, parser.parse_args().assignments, mode="draw")


if __name__ == "__main__":
    run_script(main)
