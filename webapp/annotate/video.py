"""Pictures from a video: every Nth frame becomes a new picture, and which frame it was is remembered for tracking."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from helpers.artifacts import atomic_write
from helpers.errors import UserError
from helpers.images import find_images, write_image

QUALITY = 95  # of the JPEG pictures


@dataclass(frozen=True)
class Frame:
    """Where a picture comes from: a video (absolute path) and the number of its frame, from 0."""

    video: str
    frame: int


class Frames:
    """Which pictures are frames of a video; kept in a JSON file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._known: dict[str, Frame] = {}
        if file.is_file():
            try:
                content = json.loads(file.read_text(encoding="utf-8"))
                self._known = {name: Frame(str(each["video"]), int(each["frame"])) for name, each in content.items()}
            except (ValueError, KeyError, TypeError, AttributeError):
                raise UserError(
                    f"{file}: damaged. Delete it: boxes are then no longer carried from frame to frame"
                ) from None

    def of(self, name: str) -> Frame | None:
        """Return the frame that the picture of this file name is."""
        return self._known.get(name)

    def before(self, name: str) -> str:
        """Return the name of the picture that is the frame taken before, of the same video; "" for none."""
        this = self._known.get(name)
        if this is None:
            return ""
        earlier = [(each.frame, other) for other, each in self._known.items() if each.video == this.video]
        return max(((n, other) for n, other in earlier if n < this.frame), default=(0, ""))[1]

    def remember(self, frames: dict[str, Frame]) -> None:
        """Add pictures."""
        self._known.update(frames)
        with atomic_write(self.file) as temporary:
            text = json.dumps({name: asdict(each) for name, each in self._known.items()}, indent=1, ensure_ascii=False)
            temporary.write_text(text + "\n", encoding="utf-8")


def take_frames(video: Path, folder: Path, every: int, taken: set[str]) -> Iterator[tuple[str, Frame]]:
    """Write every `every`th frame of `video` into `folder` as <video>_frame_<number>.jpg; yield names and frames.

    Frames in `taken` (stems of pictures that are there already, sorted or not) are not written again.
    Raises `UserError` for a file that is no video.
    """
    if every < 1:
        raise UserError(f"--every {every}: expected 1 or more")
    for number, image in enumerate(read_frames(video)):
        if number % every:
            continue
        stem = f"{video.stem}_frame_{number:06d}"
        name = f"{stem}.jpg"
        if stem not in taken:
            temporary = folder / f".tmp-{name}"
            write_image(temporary, image, jpeg_quality=QUALITY)
            temporary.replace(folder / name)
        yield name, Frame(str(video.resolve()), number)


def read_frames(video: Path, first: int = 0, last: int | None = None) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames `first` to `last` (included) of `video`, (H, W, 3) uint8 BGR, upright."""
    if not video.is_file():
        raise UserError(f"{video}: no such video")
    capture = cv2.VideoCapture(str(video))
    try:
        if not capture.isOpened():
            raise UserError(f"{video}: OpenCV cannot read it as a video")
        number = 0
        while last is None or number <= last:
            # read from the start: seeking lands on another frame in videos with few key frames
            good = capture.grab()
            if not good:
                break
            if number >= first:
                good, image = capture.retrieve()
                if not good:
                    break
                yield np.asarray(image, np.uint8)
            number += 1
        if number == 0:
            raise UserError(f"{video}: no frame could be read")
    finally:
        capture.release()


def names_taken(folders: list[Path]) -> set[str]:
    """Return the stems of all pictures in `folders`."""
    return {image.stem for folder in folders for image in find_images(folder)}
