"""Name what rectangles show: the page of A1_annotateImages.py goes from one to the next and asks for its class.

Reads   the pictures and rectangles of data/<dataset>/
Writes  <picture>.bboxes.labels.tsv (and the rectangles, where they were changed); the version before as .backup.tsv
Classes are those of PARAMETERS.py, those in use, and those added on the page; UNDECIDED and EXCLUDE do not count.
"""

import sys

import helpers.first  # noqa: F401

from helpers.console import run_script, setup_logging
from PARAMETERS import get_parameters, make_parser
from webapp.annotate.command import add_options, annotate


def main() -> None:
    """Open the page for choosing classes."""
    parser = make_parser(__doc__)
    add_options(parser)
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    annotate(p, parser.parse_args().assignments, mode="label")


if __name__ == "__main__":
    run_script(main)
