"""Runs OpenCV contrib's and dlib's proposals in the Python of .venv-peers, and times itself; see benchmarks/peers.py.

Standard input and output carry pickles: a request is (method, options, shape, pixels), an answer (boxes as bytes,
CPU seconds), or a text that says why there are none. The boxes come from the functions that step 1 calls.
"""

import os
import pickle
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from fastRCNN.proposals.other_proposals import dlib_boxes, opencv_boxes
from helpers.errors import UserError

METHODS = {
    "opencv": lambda image, options: opencv_boxes(image, quality=False),
    "opencv-quality": lambda image, options: opencv_boxes(image, quality=True),
    "dlib": lambda image, options: dlib_boxes(image, **options),
}


def main() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between the answers
    while True:
        try:
            method, options, shape, pixels = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        image = np.frombuffer(pixels, np.uint8).reshape(shape).copy()
        start = time.process_time()
        try:
            boxes = METHODS[method](image, options)
            answer = (boxes.astype(np.int32).tobytes(), time.process_time() - start)
        except UserError as missing:
            answer = str(missing)
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    main()
