"""Files of a data set: written whole or not at all, and never over a picture that this program did not make."""

import io
import os
from pathlib import Path

from PIL import Image

from labels import boxes_text, labels_text

_MARK = "Rendered by data/render"
_PART = ".part"


def recipe(planned, width, height, samples):
    """Line stored in the JPEG's comment: who made the picture and from what."""
    return f"{_MARK}: {planned.name}, seed {planned.entropy[0]}, {width}x{height}, {samples} samples"


def recipe_of(path):
    """The comment of a JPEG, "" when it has none, None when the file is not a whole JPEG."""
    try:
        with Image.open(path) as picture:
            picture.load()
            return picture.info.get("comment", b"").decode("utf-8", "replace")
    except (OSError, SyntaxError):
        return None


def state_of(folder, planned, wanted):
    """One of "missing", "finished", "other recipe" (ours, made differently) and "foreign" (not ours)."""
    path = Path(folder) / planned.folder / f"{planned.stem}.jpg"
    if not path.exists():
        return "missing"
    found = recipe_of(path)
    if found is None or not found.startswith(_MARK):
        return "foreign"
    if found != wanted:
        return "other recipe"
    annotations = [path.with_suffix(ending) for ending in (".bboxes.tsv", ".bboxes.labels.tsv")]
    return "finished" if planned.content != "groceries" or all(a.exists() for a in annotations) else "missing"


def write_atomically(path, content):
    """Write bytes to a temporary name in the same folder, then rename."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + _PART)
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def save(folder, planned, pixels, annotations, comment):
    """Write the annotations and, last of all, the JPEG: a picture that is there is finished."""
    base = Path(folder) / planned.folder / planned.stem
    if annotations is not None:
        write_atomically(base.with_name(planned.stem + ".bboxes.tsv"), boxes_text(annotations).encode())
        write_atomically(base.with_name(planned.stem + ".bboxes.labels.tsv"), labels_text(annotations).encode())
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90, comment=comment.encode())
    write_atomically(base.with_name(planned.stem + ".jpg"), buffer.getvalue())
