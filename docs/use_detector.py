"""A program of your own that uses a trained detector, from whatever folder it is started in.

    pip install path/to/this/clone               # once, into the Python that runs your program
    python use_detector.py path/to/proc/grocery photo.jpg another.png

It prints a line for each object: file, class, score, left, top, right, bottom.
"""

import sys
from pathlib import Path

from fastRCNN.detector import Detector, read_image

THRESHOLD = 0.5  # scores of support vector machines: 0 is the limit, 2 a sure find


def main(folder: str, *photos: str) -> None:
    """Print what the detector in `folder` finds in the `photos`; both may be relative or absolute."""
    with Detector.load(folder) as detector:
        for photo in photos:
            found = detector.detect(read_image(photo))
            for record in found.typed_records(threshold=THRESHOLD):
                corners = (str(record[side]) for side in ("left", "top", "right", "bottom"))
                print(Path(photo).name, record["label"], f"{record['score']:.2f}", *corners, sep="\t")


if __name__ == "__main__":
    main(*sys.argv[1:])
