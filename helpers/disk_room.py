"""Room on the disk: said before a step begins, and missed then rather than in the middle."""

import logging
import shutil
from pathlib import Path

from helpers.errors import UserError

log = logging.getLogger(__name__)

SPARED = 50e6  # bytes of the disk for what the next steps write


def require_disk(
    what: str, needed: float, folder: Path, *, kept: float = 0, detail: str = "", advice: str, spared: float = SPARED
) -> None:
    """Log that `what` needs so many bytes of the disk below `folder`; `UserError` where there is less.

    kept: bytes of files there that will be replaced, and so given back. detail: what the error says behind `what`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    log.info("%s: %s on the disk, %s are free.", what, size_in_words(needed), size_in_words(free))
    if needed - kept > free - spared:
        raise UserError(
            f"{folder}: {what}{detail} need {size_in_words(needed)}, {size_in_words(free)} are free. {advice}"
        )


def size_in_words(count: float) -> str:
    """Return a number of bytes as text: "950 MB", "5.96 GB"."""
    return f"{count / 1e9:.3g} GB" if count >= 0.9995e9 else f"{count / 1e6:.3g} MB"
