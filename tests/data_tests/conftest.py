"""The programs under data/ are run by their path, so their folders are put on the search path here."""

import sys
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "data"
sys.path[:0] = [str(DATA), str(DATA / "render")]
