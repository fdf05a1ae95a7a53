"""The report page: well formed, self-contained, escaped, the same twice, and readable for every case."""

import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from fastRCNN.evaluation.average_precision import PictureResult, evaluate
from fastRCNN.evaluation.detections import Detections
from fastRCNN.evaluation.error_analysis import ErrorCounter
from fastRCNN.reporting.data import MAX_CROPS, build_report, precision_panels, threshold_rows
from fastRCNN.reporting.decisions import decide
from fastRCNN.reporting.page import report_page
from fastRCNN.reporting.subject import Subject
from helpers.images import write_image

EVIL = "<script>alert('x')</script>"
CLASSES = ("__background__", EVIL, "eggBox", 'Äpfel & "Öl"')
VOID = {"meta", "img", "br", "line", "polyline", "polygon"}


class _Checker(HTMLParser):
    """Collects tags and text, and fails on tags that do not nest."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.words, self.urls = [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.urls += [value for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def _result(folder: Path, index: int, boxes, scores, gt_boxes, gt_classes):
    path = folder / f"{index}.png"
    noise = np.random.default_rng(index).integers(0, 255, size=(120, 160, 3)).astype(np.uint8)
    write_image(path, noise)
    return PictureResult(
        index,
        path,
        np.array(boxes, np.int32).reshape(-1, 4),
        np.array(scores, np.float32).reshape(-1, len(CLASSES)),
        np.array(gt_boxes, np.int32).reshape(-1, 4),
        np.array(gt_classes, np.int64),
    )


def _report(results, threshold=0.5, advice=None):
    decisions = [decide(r, Detections.from_scores(r.scores, r.boxes, CLASSES), threshold=threshold) for r in results]
    subject = Subject("a&b", "test", "svm", CLASSES, threshold=threshold, nr_rois=200)
    errors = ErrorCounter(CLASSES)
    evaluation = evaluate(errors.watching(results), CLASSES)
    parameters = {"seed": 7, "note": EVIL}
    return build_report(decisions, evaluation, errors.result(), subject, parameters, advice)


@pytest.fixture
def results(tmp_path):
    a, b, c = [10, 10, 49, 49], [80, 10, 139, 59], [20, 70, 60, 110]
    return [
        _result(tmp_path, 0, [a, b, c], [[0, 0.9, 0, 0], [0, 0, 0.3, 0], [0, 0.7, 0, 0]], [a, b], [1, 2]),
        _result(tmp_path, 1, [a], [[0, 0.8, 0, 0]], [], []),
    ]


def test_page_is_well_formed_self_contained_and_escaped(results):
    page = report_page(_report(results)[0])
    checked = _Checker(page)
    assert "script" not in checked.tags
    assert EVIL in " ".join(checked.words)
    assert all(url.startswith(("data:image/jpeg;base64,", "#")) or url == "report.html" for url in checked.urls)
    assert not re.search(r"https?://|url\(|@import", page)
    assert checked.tags.count("img") == 1 + 2 + 2  # one miss, two false alarms, two pictures
    assert "<title>a&amp;b" in page
    text = " ".join(checked.words)
    assert "200 ROIs per picture, seed 7" in text
    assert "Äpfel" in text
    assert page == report_page(_report(results)[0])


def test_what_would_help_most_stands_above_the_mistakes(tmp_path):
    a, c = [10, 10, 49, 49], [20, 70, 60, 110]
    report, _ = _report([_result(tmp_path, 0, [a, c], [[0, 0.6, 0, 0], [0, 0.9, 0, 0]], [a], [1])])
    page = report_page(report)
    assert page.index('id="overview"') < page.index('id="help"') < page.index('id="misses"')
    section = page[page.index('id="help"') : page.index('id="misses"')]
    assert section.count("<tr>") == 1 + 6
    assert section.index("on nothing") < section.index("taken for another class"), "the costliest first"
    assert "</span>0.500</td>" in section, "0.9 on nothing before 0.6 on the object: AP 1 / 2"
    assert f"{escape(EVIL)} 0.500" in section


def test_advice_stands_beside_what_costs_something(tmp_path):
    a, b, c = [10, 10, 49, 49], [80, 10, 139, 59], [20, 70, 60, 110]
    results = [_result(tmp_path, 0, [a, c], [[0, 0.6, 0, 0], [0, 0.9, 0, 0]], [a, b], [1, 1])]
    report, _ = _report(results, advice={"background": "more <pictures>", "missed": "more ROIs", "class": "no class"})
    page = report_page(report)
    assert "on nothing</b><br>more &lt;pictures&gt;</td>" in page and "near it</b><br>more ROIs</td>" in page
    assert "no class" not in page and report.errors.mean_gains()["class"] == 0
    assert report.nr_uncovered == 1 and " No box is on the missed object." in page
    nothing_missed, _ = _report([_result(tmp_path, 0, [a], [[0, 0.9, 0, 0]], [a], [1])])
    assert "missed objects ha" not in report_page(nothing_missed)


def test_a_page_says_where_nothing_is_to_be_gained_and_where_objects_are_few(tmp_path):
    a, c = [10, 10, 49, 49], [20, 70, 60, 110]
    false_alarm_below = _result(tmp_path, 0, [a, c], [[0, 0.9, 0, 0], [0, 0.7, 0, 0]], [a], [1])
    page = report_page(_report([false_alarm_below])[0])
    assert "nothing to gain: whatever is right scores more" in page and "so few that small differences" in page
    many = [[12 * k, 0, 12 * k + 9, 9] for k in range(30)]
    scores = [[0, 0.9, 0, 0]] * 30 + [[0, 0.95, 0, 0]]  # the surest is on nothing
    other = report_page(_report([_result(tmp_path, 1, [*many, c], scores, many, [1] * 30)])[0])
    assert "nothing to gain" not in other and "so few" not in other


def test_mistakes_come_before_pictures(results):
    report, _ = _report(results)
    assert [tile.title for tile in report.misses] == ["eggBox"]
    assert [tile.title for tile in report.alarms] == [f"{EVIL} 0.80", f"{EVIL} 0.70"]
    assert report.misses[0].text == "best score 0.30 is below the threshold · 0.png"
    assert report.pictures[0].title == "0.png" and report.pictures[0].text == "2 objects, 1 miss, 1 false alarm"
    page = report_page(report)
    assert page.index('id="misses"') < page.index('id="alarms"') < page.index('id="pictures"')


def test_the_cards_count_within_each_class_as_the_table_does(tmp_path):
    a = [10, 10, 49, 49]
    report, _ = _report([_result(tmp_path, 0, [a, a], [[0, 0.67, 0, 0], [0, 0, 0.96, 0]], [a], [1])])
    row = report.counts.thresholds.tolist().index(0.5)
    assert (report.counts.right[row], report.counts.detections[row]) == (1, 2)
    assert (report.nr_misses, report.nr_alarms) == (0, 1)
    page = report_page(report)
    assert "<b>1 / 1</b><span>objects found" in page and "<b>1</b><span>false alarms" in page
    assert report.confusion[1, 2] == 1 and "match within each class, so they can differ" in page
    assert report.pictures[0].text == "1 object, 0 misses, 1 false alarm"


def test_a_class_without_objects_is_not_defined(results):
    text = " ".join(_Checker(report_page(_report(results)[0])).words)
    assert "not defined" in text and "not in the mean (no object in the set): Äpfel" in text


def test_nothing_found_and_nothing_to_find(tmp_path):
    results = [_result(tmp_path, 0, [], [], [], [])]
    for threshold in (0.5, None):
        report, per_class = _report(results, threshold=threshold)
        text = " ".join(_Checker(report_page(report)).words)
        assert "Every object was found." in text and "No false alarm." in text and "not defined" in text
        assert len(per_class) == 3
        precision_panels(report.evaluation, report.counts)


def test_only_the_worst_are_shown(tmp_path):
    boxes = [[15 * i, 10 * j, 15 * i + 9, 10 * j + 7] for i in range(5) for j in range(4)]
    scores = [[0, 1 + i / 100, 0, 0] for i in range(20)]
    report, _ = _report([_result(tmp_path, 0, boxes, scores, [], [])])
    assert (len(report.alarms), report.nr_alarms) == (MAX_CROPS, 20)
    assert report.alarms[0].title.endswith("1.19")
    assert f"the worst {MAX_CROPS} of 20" in report_page(report)


def test_crops_of_objects_at_the_border_are_whole_squares(tmp_path):
    corners = [[0, 0, 9, 9], [150, 110, 159, 119], [0, 0, 159, 119]]
    report, _ = _report([_result(tmp_path, 0, [], [], corners, [1, 2, 3])])
    assert len(report.misses) == 3
    assert all(max(tile.image.shape[:2]) == 240 and tile.image.shape[2] == 3 for tile in report.misses)


def test_rows_say_where_nothing_is_defined(results):
    _, per_class = _report(results)
    rows = threshold_rows(per_class[2])
    assert rows[0] == ["0", "not defined", "not defined", "0", "0", "0"]
