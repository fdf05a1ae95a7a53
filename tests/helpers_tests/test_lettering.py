"""Text as ink: its height and width, what does not fit, letters of other scripts."""

import subprocess
import sys

import numpy as np
import pytest

from helpers.lettering import text_mask


def test_ink_lies_between_nothing_and_full():
    ink = text_mask("Box", 20)
    assert ink.dtype == np.float32
    assert ink.min() == 0 and ink.max() > 0.9
    assert ink.shape[0] == text_mask("gÄ", 20).shape[0], "every line is as high as the font"
    assert text_mask("Box", 40).shape[1] == pytest.approx(2 * ink.shape[1], rel=0.05)


def test_what_does_not_fit_is_cut():
    whole = text_mask("a rather long name", 15)
    assert text_mask("a rather long name", 15, whole.shape[1] + 1).shape == whole.shape
    assert text_mask("a rather long name", 15, 60).shape[1] <= 60
    assert text_mask("a rather long name", 15, 1).shape[1] == 1


@pytest.mark.parametrize("text", ["", " ", "Ωμέγα", "Привет", "\u6a59"])
def test_any_text(text):
    ink = text_mask(text, 15)
    assert ink.ndim == 2 and ink.shape[1] >= 1
    assert bool(ink.any()) == bool(text.strip())


def test_matplotlib_is_found_but_not_loaded():
    program = "import sys; import helpers.lettering as l; l.text_mask('a', 9); assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
