"""Charts: written, the same bytes twice, without a date, with any text."""

import cv2
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from helpers.plots import Panel, Series, heat_map, line_charts, shortened

NAMES = ("orange", "_hidden", "$x$ & <y>", "\u6a59", "Äpfel")


def _lines(path):
    series = [Series(name, [0, 0.5, 1], [1, np.nan, i / 5], (200, 100, 20 * i)) for i, name in enumerate(NAMES)]
    line_charts(path, [Panel("a $title", "x", "y", series), Panel("b", "x", "y", [], x_limits=None, log_x=True)])


def _heat(path):
    matrix = np.arange(25).reshape(5, 5)
    heat_map(path, matrix, NAMES, NAMES, title="$t", row_label="rows", column_label="columns")


@pytest.mark.parametrize("draw", [_lines, _heat])
def test_same_numbers_same_bytes(tmp_path, draw):
    contents = []
    for name in ("a.png", "b.png"):
        draw(tmp_path / name)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]
    assert b"Software" not in contents[0] and b"date" not in contents[0].lower()
    picture = cv2.imread(str(tmp_path / "a.png"))
    assert min(picture.shape[:2]) > 300 and picture.std() > 5


def test_a_row_without_counts_is_no_division_by_zero(tmp_path):
    heat_map(tmp_path / "a.png", [[0, 0], [0, 3]], ["a", "b"], ["a", "b"], title="", row_label="", column_label="")
    assert (tmp_path / "a.png").is_file()


def test_colors_are_blue_green_red(tmp_path):
    line_charts(tmp_path / "a.png", [Panel("", "", "", [Series("", [0, 1], [0.5, 0.5], (255, 0, 0))])])
    picture = cv2.imread(str(tmp_path / "a.png")).astype(int)
    assert ((picture[:, :, 0] > 200) & (picture[:, :, 2] < 60)).sum() > 200  # a blue line


@pytest.mark.parametrize(("x", "whole"), [([1, 2, 3], True), ([1, 2.5, 3], False)])
def test_whole_numbers_as_epochs_have_whole_ticks(tmp_path, monkeypatch, x, whole):
    ticks = []
    monkeypatch.setattr("helpers.plots.save_figure", lambda figure, path: ticks.extend(figure.axes[0].get_xticks()))
    line_charts(tmp_path / "a.png", [Panel("", "", "", [Series("", x, [0, 1, 0], (255, 0, 0))], x_limits=None)])
    assert np.equal(np.rint(ticks), ticks).all() == whole


@pytest.fixture
def figures(monkeypatch):
    """The figures that would be written."""
    kept = []
    monkeypatch.setattr("helpers.plots.save_figure", lambda figure, path: kept.append(figure))
    return kept


def test_what_stands_at_the_axes(tmp_path, figures):
    _lines(tmp_path / "a.png")
    first, second = figures[0].axes
    assert [text.get_text() for text in (first.title, first.xaxis.label, first.yaxis.label)] == ["a $title", "x", "y"]
    assert [text.get_text() for text in first.get_legend().get_texts()] == list(NAMES)
    assert not any(text.get_parse_math() for text in (first.title, *first.get_legend().get_texts()))
    assert {line.get_marker() for line in first.lines} == {"None"}
    assert second.get_legend() is None and second.get_xscale() == "log" and first.get_xscale() == "linear"


def test_marks_and_dashes_are_drawn_where_they_are_asked_for(tmp_path, figures):
    series = [Series("a", [0, 1], [0, 1], (0, 0, 0), marks=True), Series("b", [0, 1], [0, 1], (0, 0, 0), dashed=True)]
    line_charts(tmp_path / "a.png", [Panel("", "", "", series)])
    marked, dashed = figures[0].axes[0].lines
    assert (marked.get_marker(), dashed.get_marker()) == ("o", "None")
    assert (marked.get_linestyle(), dashed.get_linestyle()) == ("-", "--")


def test_what_stands_in_a_heat_map(tmp_path, figures):
    heat_map(tmp_path / "a.png", [[8, 2, 0], [0, 0, 3]], ["$r$", "s"], ["x", "$y$", "z" * 40],
             title="$t", row_label="rows", column_label="columns")  # fmt: skip
    (axes,) = figures[0].axes
    assert [text.get_text() for text in (axes.title, axes.xaxis.label, axes.yaxis.label)] == ["$t", "columns", "rows"]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["$r$", "s"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["x", "$y$", "z" * 16 + "…" + "z" * 15]
    assert not any(text.get_parse_math() for text in (*axes.get_xticklabels(), *axes.get_yticklabels(), axes.title))
    counts = {tuple(map(int, text.get_position())): (text.get_text(), text.get_color()) for text in axes.texts}
    assert {place: text for place, (text, _) in counts.items()} == {(0, 0): "8", (1, 0): "2", (2, 1): "3"}
    assert counts[0, 0][1] == counts[2, 1][1] == "white" != counts[1, 0][1]
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.8, 0.2, 0], [0, 0, 1]])
    flat, upright = ([line.tolist() for line in lines.get_segments()] for lines in axes.collections)
    assert flat == [[[-0.5, y], [2.5, y]] for y in (-0.5, 0.5, 1.5)]
    assert upright == [[[x, -0.5], [x, 1.5]] for x in (-0.5, 0.5, 1.5, 2.5)]


def test_a_heat_map_is_as_large_as_its_counts_and_names_need(tmp_path, figures):
    """110 pixels are an inch: each count has a square of 0.55 inches, and nothing stands outside of the picture."""
    for number, names in enumerate((["a", "b"], ["a" * 30, "b"])):
        heat_map(tmp_path / "a.png", [[1, 2], [3, 4]], names, names, title="t", row_label="r", column_label="c")
        (axes,) = figures[number].axes
        renderer = FigureCanvasAgg(figures[number]).get_renderer()
        inside = axes.get_window_extent(renderer)
        np.testing.assert_allclose([inside.width, inside.height], 121)
        needed, given = axes.get_tightbbox(renderer), figures[number].bbox
        assert needed.x0 >= 0 and needed.y0 >= 0 and needed.x1 <= given.x1 and needed.y1 <= given.y1
    assert figures[1].bbox.width > figures[0].bbox.width + 100 and figures[1].bbox.height > figures[0].bbox.height + 100


def test_names_are_shortened_in_their_middle():
    assert shortened("a" * 32) == "a" * 32
    assert shortened("a" * 16 + "b" * 17) == "a" * 16 + "…" + "b" * 15
    assert shortened("abcdefgh", 5) == "ab…gh"
