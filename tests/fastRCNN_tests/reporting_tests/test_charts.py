"""The report's charts as SVG text."""

import re

import numpy as np

from fastRCNN.reporting.charts import css_color, line_chart, thinned
from helpers.drawing import class_color


def test_points_by_hand():
    # 142 x 134 with margins 34, 8, 8, 26 leaves 100 x 100.
    svg = line_chart([("red", [0, 0.5, 1], [0, 1, 0.25])], label="l", x_label="x", width=142, height=134)
    assert re.search(r'<polyline points="34.0,108.0 84.0,8.0 134.0,83.0" stroke="red"/>', svg)
    shifted = line_chart([("red", [2, 4], [0, 1])], label="l", x_label="x", width=142, height=134, x_limits=(2, 4))
    assert '<polyline points="34.0,108.0 134.0,8.0" stroke="red"/>' in shifted


def test_css_color_is_the_color_of_the_class():
    blue, green, red = class_color(3)
    assert css_color(3) == f"#{red:02x}{green:02x}{blue:02x}" == "#009e73"


def test_chart_skips_what_is_not_a_number_and_thins_long_lines():
    svg = line_chart([("#123456", [0, 0.5, 1], [1, np.nan, 0.5])], label='a "b"', x_label="<x>", marker=0.5, fill=True)
    assert svg.count("<polyline") == 2 and "nan" not in svg and "&lt;x&gt;" in svg and "&quot;b&quot;" in svg
    xs, ys = thinned(np.arange(10_000), np.arange(10_000), maximum=100)
    assert len(xs) == 100 and xs[-1] == ys[-1] == 9999
    assert line_chart([("red", [], [])], label="", x_label="", x_limits=(1, 1)).startswith("<svg")


def test_equal_lines_do_not_hide_each_other():
    line = [0, 1], [1, 0.5]
    svg = line_chart([("#123456", *line), ("#654321", *line)], label="", x_label="", nested=True)
    assert 'stroke="#123456" style="stroke-width:5"' in svg and 'stroke="#654321" style="stroke-width:2"' in svg
    assert "stroke-width" not in line_chart([("#123456", *line)], label="", x_label="")
