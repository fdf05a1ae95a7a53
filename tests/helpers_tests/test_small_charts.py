"""Many small charts in one picture: what stands where, by hand arithmetic, and the same bytes twice."""

import cv2
import numpy as np
import pytest
from matplotlib.lines import Line2D

from helpers.plots import Panel, Series
from helpers.small_charts import small_charts

BLUE = (255, 0, 0)
FRAME = (
    64,
    55,
    306,
    264,
)  # of the only chart, pixels from the lower left corner: 0.58 0.5 0.12 0.3 inches from the edges
NAMES = ("orange", "_hidden", "$x$ & <y>", "\u6a59", "Äpfel")


def _panel(x, y=(0, 1), **more):
    return Panel("t", "x", "y", [Series("", x, y, BLUE)], **more)


@pytest.fixture
def figures(monkeypatch):
    """The figures that would be written."""
    kept = []
    monkeypatch.setattr("helpers.small_charts.save_figure", lambda figure, path: kept.append(figure))
    return kept


def _lines(figure):
    return [artist for artist in figure.get_children() if isinstance(artist, Line2D)]


def _texts(figure):
    return [text.get_text() for text in figure.texts]


def _at_the_axis(figure):
    """What stands below the frame of the only chart, and where from its left to its right, 0 to 1."""
    left, bottom, right, _ = FRAME
    place = {t.get_text(): (t.get_position()[0] - left) / (right - left) for t in figure.texts
             if t.get_position()[1] == pytest.approx(bottom - 5)}  # fmt: skip
    return {text: round(x, 3) for text, x in place.items()}


def test_the_same_numbers_give_the_same_bytes_with_any_text(tmp_path):
    series = [Series(name, [0, 0.5, 1], [1, np.nan, i / 5], (200, 100, 20 * i)) for i, name in enumerate(NAMES)]
    panels = [Panel("a $title", "x", "y", series), *[_panel([0, 1])] * 3, Panel("", "", "", [], x_limits=None)]
    for name in ("a.png", "b.png"):
        small_charts(tmp_path / name, panels, columns=2)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    picture = cv2.imread(str(tmp_path / "a.png"))
    assert picture.shape == (891, 638, 3)  # three rows of 2.7 and two columns of 2.9 inches, 110 pixels each
    assert picture.std() > 5


def test_a_line_goes_through_its_numbers(tmp_path, figures):
    """The x axis has 0.02 more on both sides, the y axis goes from -0.02 to 1.04: y = 0.51 is its middle."""
    small_charts(tmp_path / "a.png", [_panel([0, 0.5, 1], [0.51, np.nan, 1.04])])
    (line,) = _lines(figures[0])
    left, bottom, right, top = FRAME
    side = (right - left) * 0.02 / 1.04
    x, y = line.get_data()
    np.testing.assert_allclose(x, [left + side, (left + right) / 2, right - side], atol=0.2)
    np.testing.assert_allclose(y, [(bottom + top) / 2, np.nan, top], atol=0.2)
    box = line.get_clip_box()
    np.testing.assert_allclose([box.x0, box.y0, box.x1, box.y1], FRAME, atol=0.2)


def test_the_line_is_blue_and_stays_in_its_frame(tmp_path):
    small_charts(tmp_path / "a.png", [_panel([0, 1], [-3, 4])])
    picture = cv2.imread(str(tmp_path / "a.png")).astype(int)
    rows, _ = np.nonzero((picture[..., 0] > 200) & (picture[..., 2] < 60))
    _, bottom, _, top = FRAME
    assert len(rows) > 100
    assert rows.min() >= len(picture) - top - 1 and rows.max() <= len(picture) - bottom + 1


def test_charts_stand_in_rows_from_above(tmp_path, figures):
    small_charts(tmp_path / "a.png", [Panel(name, "", "", []) for name in "abc"], columns=2)
    places = {text.get_text(): text.get_position() for text in figures[0].texts if text.get_text() in tuple("abc")}
    assert places["b"][0] == places["a"][0] + 2.9 * 110 and places["b"][1] == places["a"][1]
    assert places["c"][0] == places["a"][0] and places["c"][1] == pytest.approx(places["a"][1] - 2.7 * 110)


def test_lines_are_named_where_there_are_several(tmp_path, figures):
    series = [Series(name, [0, 1], [0, 1], BLUE) for name in NAMES]
    small_charts(tmp_path / "a.png", [Panel("a $title", "$x$", "y", series), Panel("b", "x", "y", series[:1])])
    (legend,) = figures[0].legends
    assert [text.get_text() for text in legend.get_texts()] == list(NAMES)
    assert {"a $title", "$x$", "y", "b"} <= set(_texts(figures[0]))
    assert not any(text.get_parse_math() for text in (*figures[0].texts, *legend.get_texts()))


def test_marks_and_dashes(tmp_path, figures):
    series = [Series("a", [0, 1], [0, 1], BLUE, marks=True), Series("b", [0, 1], [0, 1], BLUE, dashed=True)]
    small_charts(tmp_path / "a.png", [Panel("", "", "", series)])
    assert len(figures[0].legends) == 1
    marked, dashed = _lines(figures[0])
    assert (marked.get_marker(), dashed.get_marker()) == ("o", "None")
    assert (marked.get_linestyle(), dashed.get_linestyle()) == ("-", "--")


@pytest.mark.parametrize(
    ("panel", "expected"),
    [
        (_panel([0, 1]), {"0": 0.019, "0.2": 0.212, "0.4": 0.404, "0.6": 0.596, "0.8": 0.788, "1": 0.981}),
        (_panel([0, 1], x_limits=(0.0, 2.8)), {"0": 0.019, "1": 0.363, "2": 0.706}),
        (_panel([1, 2, 3][:2], x_limits=None), {"1": 0.019, "2": 0.981}),  # no tick at 1.5: there is no epoch 1.5
        (_panel([1, 2.5], x_limits=None), {"1": 0.019, "1.5": 0.34, "2": 0.66, "2.5": 0.981}),
        (_panel([1, 1000], x_limits=None, log_x=True), {"1": 0.019, "10": 0.34, "100": 0.66, "1000": 0.981}),
        (_panel([1, 10], x_limits=None, log_x=True), {"1": 0.019, "2": 0.309, "5": 0.691, "10": 0.981}),
        (_panel([3, 3], x_limits=None), {"3": 0.019, "4": 0.981}),
    ],
)
def test_ticks(tmp_path, figures, panel, expected):
    small_charts(tmp_path / "a.png", [panel])
    assert _at_the_axis(figures[0]) == pytest.approx(expected, abs=0.002)
