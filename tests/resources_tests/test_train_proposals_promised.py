"""What boxes of each size promise and hold."""

import dataclasses

import numpy as np

from fastRCNN.network.network import Network, load_network
from fastRCNN.pipeline.rpn_regions import BUNDLED
from resources.train_proposals.promised import LEAST, promises
from resources.train_proposals.scenes import SceneMaker


def test_each_size_of_the_bundled_network() -> None:
    network = load_network(BUNDLED)
    assert network.spec.rpn is not None
    few = dataclasses.replace(network.spec.rpn, sides=(400, 200))
    network = Network(dataclasses.replace(network.spec, rpn=few), network.arrays)
    make = SceneMaker(99, designs=4)
    scene = make(0)
    rows = promises(network, [scene])
    assert [row.side for row in rows] == [400, 200] and all(row.boxes > 0 for row in rows)
    assert all(LEAST <= row.promised <= 1 and 0 < row.held <= 1 for row in rows)

    hidden = dataclasses.replace(scene, visible=np.zeros_like(scene.visible))  # nothing counts: nothing to compare with
    assert [tuple(row) for row in promises(network, [hidden])] == [(400, 0, 0.0, 0.0), (200, 0, 0.0, 0.0)]
    twice = promises(network, [scene, scene, hidden])
    assert [row.boxes for row in twice] == [2 * row.boxes for row in rows]
    np.testing.assert_allclose([row[2:] for row in twice], [row[2:] for row in rows])
