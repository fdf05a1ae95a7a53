"""Class numbers begin with the background; a label that is no class gets a hint."""

import pytest

from fastRCNN.datasets.class_names import fault_of_name, unknown_labels, with_background
from helpers.errors import UserError

CLASSES = ("__background__", "milk", "orange", "eggBox")


def test_the_background_is_first():
    assert with_background(["milk", "orange"]) == ("__background__", "milk", "orange")


def test_unknown_labels_in_order_with_what_was_meant_and_where_they_stand():
    places = {"ornage": ["a.tsv:2", "b.tsv:1"], "MILK ": ["a.tsv:1"], "eggbox": ["c.json"] * 12}
    assert unknown_labels(places, CLASSES) == [
        "label 'MILK ', 1 box(es), is not among the classes; did you mean 'milk'? (labels are case sensitive): a.tsv:1",
        "label 'eggbox', 12 box(es), is not among the classes; did you mean 'eggBox'? (labels are case sensitive): "
        "c.json",
        "label 'ornage', 2 box(es), is not among the classes; did you mean 'orange'? (labels are case sensitive): "
        "a.tsv:2, b.tsv:1",
    ]


def test_without_a_near_one_all_classes_but_the_background_are_named():
    places = [f"{number}.tsv:1" for number in range(7)]
    assert unknown_labels({"zebra": places}, CLASSES) == [
        "label 'zebra', 7 box(es), is not among the classes (classes: milk, orange, eggBox): "
        "0.tsv:1, 1.tsv:1, 2.tsv:1, 3.tsv:1, 4.tsv:1 and 2 more"
    ]
    assert "did you mean" not in unknown_labels({"background": ["a.tsv:1"]}, CLASSES)[0]


@pytest.mark.parametrize("name", ["a\tb", "a\nb", "a\0b", "a\x1b[31m", "x" * 401])
def test_names_that_cannot_be_used(name):
    assert fault_of_name(name)
    with pytest.raises(UserError, match="cannot be used"):
        with_background(["milk", name])


@pytest.mark.parametrize("name", ["egg box", "egg\xa0box", "苹果", "\u200dअ", "x" * 400, "<b>", "a/b"])
def test_names_that_can(name):
    assert fault_of_name(name) == ""
