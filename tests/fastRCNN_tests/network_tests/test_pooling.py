"""Pooling as the header of a network says: CNTK's maximum, or ROI align at the places that the layers imply."""

import dataclasses

import numpy as np
import torch

from fastRCNN.network.alexnet import cntk_shape
from fastRCNN.network.pooling import pool, pool_array, pooling_keys
from fastRCNN.network.roi_align import roi_align
from fastRCNN.network.roi_pooling import roi_pool

MAXIMUM = cntk_shape()
ALIGN = dataclasses.replace(MAXIMUM, pooling_kind="align", pooling_size=7)
ROIS = np.array([[30, 40, 180, 200], [100, 60, 150, 90], [101, 61, 150, 90]], np.float32)
MAP = np.random.default_rng(0).standard_normal((4, 20, 20)).astype(np.float32)


def test_each_kind_on_arrays_and_on_tensors():
    places = roi_align(torch.from_numpy(MAP)[None], ROIS, [0, 0, 0], size=7, first_centre=17).permute(0, 3, 1, 2)
    for spec, expected in ((MAXIMUM, roi_pool(MAP, ROIS, size=6)), (ALIGN, places.numpy())):
        np.testing.assert_array_equal(pool_array(spec, MAP, ROIS), expected)
        pooled = pool(spec, torch.from_numpy(MAP)[None], ROIS, np.zeros(3)).permute(0, 3, 1, 2)
        np.testing.assert_array_equal(pooled.numpy(), expected)


def test_rois_that_give_the_same_numbers():
    assert len(np.unique(pooling_keys(MAXIMUM, ROIS), axis=0)) == 2, "the last two fall on the same cells"
    assert len(np.unique(pooling_keys(ALIGN, ROIS), axis=0)) == 3
