"""Class numbers begin with the background; a label that is no class gets a hint."""

from collections import Counter

from fastRCNN.datasets.class_names import unknown_labels, with_background

CLASSES = ("__background__", "milk", "orange", "eggBox")


def test_the_background_is_first():
    assert with_background(["milk", "orange"]) == ("__background__", "milk", "orange")


def test_unknown_labels_in_order_with_what_was_meant():
    counts = Counter({"ornage": 2, "MILK ": 1, "eggbox": 12})
    assert unknown_labels(counts, CLASSES) == [
        "label 'MILK ', 1 box(es), is not among the classes; did you mean 'milk'? (labels are case sensitive)",
        "label 'eggbox', 12 box(es), is not among the classes; did you mean 'eggBox'? (labels are case sensitive)",
        "label 'ornage', 2 box(es), is not among the classes; did you mean 'orange'? (labels are case sensitive)",
    ]


def test_without_a_near_one_all_classes_but_the_background_are_named():
    assert unknown_labels(Counter({"zebra": 3}), CLASSES) == [
        "label 'zebra', 3 box(es), is not among the classes (classes: milk, orange, eggBox)"
    ]
    assert "did you mean" not in unknown_labels(Counter({"background": 1}), CLASSES)[0]
