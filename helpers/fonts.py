"""Which font has the letters of a text: DejaVu Sans, which matplotlib brings along, else one of this system.

DejaVu has Latin, Greek, Cyrillic, Arabic, Armenian, Georgian and Hebrew letters and many signs, but no Chinese,
Japanese or Korean ones. Where no font has them, a picture would show a square for each; `legible_names` gives numbers
instead.
"""

import logging
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

log = logging.getLogger(__name__)

_SURE = 0x0590  # every letter below is in DejaVu: no need to load matplotlib, which takes longer than to draw
_NO_LETTERS = ("LastResort",)  # fonts that have a sign for everything, and letters for nothing


def bundled_font() -> Path:
    """Return the path of DejaVu Sans Bold."""
    found = find_spec("matplotlib")  # found, not imported
    if found is None or found.origin is None:
        raise ModuleNotFoundError("matplotlib is not installed; its font DejaVu Sans is needed to draw text")
    return Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"


def font_for(text: str) -> Path | None:
    """Return the file of a font that has all letters of `text`: DejaVu where it has; None where none has."""
    return _font_with(frozenset(ord(letter) for letter in text if letter.isprintable() and not letter.isspace()))


def legible_names(names: Sequence[str]) -> list[str]:
    """Return `names` as pictures can show them: "class 3" for number 3 where no font has its letters; the log says so.

    >>> legible_names(["background", "egg box"])
    ['background', 'egg box']
    """
    shown = [name if font_for(name) else f"class {number}" for number, name in enumerate(names)]
    _warn(tuple(f"{now} is {name}" for now, name in zip(shown, names, strict=True) if now != name))
    return shown


@lru_cache(maxsize=8)
def _warn(replaced: tuple[str, ...]) -> None:
    """Say once what pictures show by number."""
    if replaced:
        log.warning(
            "No font of this system has the letters of some classes, so pictures and charts show their numbers: %s. "
            "Install a font that has them (such as Noto Sans CJK) and draw again", ", ".join(replaced),
        )  # fmt: skip


@lru_cache(maxsize=1024)
def _font_with(letters: frozenset[int]) -> Path | None:
    if all(letter < _SURE for letter in letters):
        return bundled_font()
    return next((path for path, known in _letters_of_fonts() if letters <= known), None)


@lru_cache(maxsize=1)
def _letters_of_fonts() -> list[tuple[Path, frozenset[int]]]:
    """Return the fonts there are with the letters of each, DejaVu first, then in the order of their names."""
    from matplotlib.font_manager import findSystemFonts
    from matplotlib.ft2font import FT2Font

    found = []
    for path in [bundled_font(), *sorted(map(Path, findSystemFonts()))]:
        if not path.name.startswith(_NO_LETTERS):
            try:
                found.append((path, frozenset(FT2Font(str(path)).get_charmap())))
            except (OSError, RuntimeError):  # fonts of bitmaps, damaged ones
                continue
    return found
