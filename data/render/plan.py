"""Which pictures a data set gets: folder, name, what is in it and how it is seen. No picture depends on another."""

from dataclasses import dataclass

BUNDLED = 40  # pictures of the set that comes with the project
_SHARES = {"positive": 25, "testImages": 10, "negative": 5}
_PREFIX = {"positive": "train", "testImages": "test", "negative": "other"}
_OTHER = ("empty", "desk", "empty", "bookcase", "counter")  # what negatives show, in turn
_HARD = {7: "crowded", 8: "tilted", 9: "dim"}  # of every ten test pictures these are hard


@dataclass(frozen=True)
class PlannedPicture:
    """folder: "positive", "testImages" or "negative"; stem: name without ending; content: "groceries", "empty",
    "desk", "bookcase" or "counter"; view: "usual", "crowded", "tilted" or "dim"; entropy: numbers that seed it."""

    folder: str
    stem: str
    content: str
    view: str
    entropy: tuple

    @property
    def name(self):
        """Folder and stem, as in positive/train_00."""
        return f"{self.folder}/{self.stem}"


def plan(count=BUNDLED, seed=0):
    """List of `count` planned pictures: 5 of 8 for training, 2 of 8 for testing, 1 of 8 without groceries.

    A longer plan starts with the same pictures in each folder, so a set can grow.
    """
    if count < 1:
        raise ValueError(f"expected at least one picture, got {count}")
    test, other = count * _SHARES["testImages"] // BUNDLED, count * _SHARES["negative"] // BUNDLED
    numbers = {"positive": count - test - other, "testImages": test, "negative": other}
    return [_picture(folder, i, seed) for folder in _SHARES for i in range(numbers[folder])]


def _picture(folder, number, seed):
    content, view = "groceries", "usual"
    if folder == "negative":
        content = _OTHER[number % len(_OTHER)]
    elif folder == "testImages":
        view = _HARD.get(number % 10, "usual")
    return PlannedPicture(
        folder, f"{_PREFIX[folder]}_{number:02d}", content, view, (seed, list(_SHARES).index(folder), number)
    )
