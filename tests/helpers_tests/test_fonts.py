"""Which font draws which letters, and what stands for a name that none can draw."""

import logging
from pathlib import Path

import pytest

from helpers import fonts
from helpers.fonts import bundled_font, font_for, legible_names

CAT, DOG = "\u732b", "\uac1c"  # Chinese, Korean
OTHER = Path("/fonts/cjk.ttc")


@pytest.fixture
def system(monkeypatch):
    """Let the system have one font, with Chinese and Latin letters and no Korean ones."""
    bundled = next(known for path, known in fonts._letters_of_fonts() if path == bundled_font())
    other = frozenset(map(ord, "a1" + CAT))
    monkeypatch.setattr(fonts, "_letters_of_fonts", lambda: [(bundled_font(), bundled), (OTHER, other)])
    fonts._font_with.cache_clear()
    fonts._warn.cache_clear()
    yield
    fonts._font_with.cache_clear()


@pytest.mark.parametrize("text", ["", "egg box", "Ä ß", "Ωμέγα", "Привет", "\u05d0", "a\tb…"])
def test_the_bundled_font_has_most_letters(system, text):
    assert font_for(text) == bundled_font()


def test_a_font_of_the_system_has_the_rest_or_none_has(system):
    assert font_for(CAT) == OTHER and font_for(f"{CAT} 1a") == OTHER
    assert font_for(DOG) is None and font_for(f"{CAT} b") is None, "b is not in that font, and the cat in no other"


def test_names_that_no_font_has_become_numbers_and_are_said_once(system, caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert legible_names(["background", CAT, DOG, "water"]) == ["background", CAT, "class 2", "water"]
    (record,) = caplog.records
    assert f"class 2 is {DOG}" in record.getMessage() and "Install a font" in record.getMessage()


def test_the_font_of_last_resort_is_none():
    """It draws the same square for all letters of a script."""
    assert not any(path.name.startswith("LastResort") for path, _ in fonts._letters_of_fonts())
