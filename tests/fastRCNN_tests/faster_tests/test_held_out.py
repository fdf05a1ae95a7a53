"""Which pictures are held out: some that show objects, by the seed, and never all of them."""

import dataclasses

from fastRCNN.faster.held_out import split
from tests.fastRCNN_tests.faster_tests.drawn_pictures import SMALL, drawn


def test_held_out_pictures_show_objects_and_depend_on_the_seed(tmp_path):
    pictures = [drawn(tmp_path, seed, objects=seed % 4 and 2) for seed in range(12)]
    recipe = dataclasses.replace(SMALL, faster_validation=0.34)
    learnt, held = split(pictures, recipe, 0)
    assert len(held) == 3 and all(len(each.objects) for each in held)
    assert len(learnt) == 9 and not {each.path for each in learnt} & {each.path for each in held}
    others = [tuple(each.path for each in split(pictures, recipe, seed)[1]) for seed in range(5)]
    assert len(set(others)) > 1 and others[0] == tuple(each.path for each in held)
    assert split(pictures, dataclasses.replace(SMALL, faster_negatives=False), 0) == (
        [each for each in pictures if len(each.objects)], [],
    )  # fmt: skip


def test_one_picture_is_always_learnt_from(pictures, caplog):
    learnt, held = split(pictures[:1], dataclasses.replace(SMALL, faster_validation=0.9), 0)
    assert (len(learnt), len(held)) == (1, 0)
    assert "faster_validation = 0.9 of 1 picture(s) with objects is none: nothing is held out." in caplog.text
    caplog.clear()
    split(pictures, SMALL, 0)
    assert not caplog.text
