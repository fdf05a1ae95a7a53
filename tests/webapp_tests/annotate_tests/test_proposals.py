from pathlib import Path

import numpy as np

from helpers.images import write_image
from webapp.annotate.proposals import Proposals, nearest_proposal


def test_the_proposal_that_overlaps_most_wins() -> None:
    proposals = [[0, 0, 99, 99], [10, 10, 109, 109], [12, 12, 111, 111], [11, 11, 11, 110]]
    assert nearest_proposal([13, 13, 112, 112], proposals) == [12, 12, 111, 111]


def test_an_overlap_of_0_6_is_not_enough() -> None:
    """10 x 10 in 10 x n: the overlap is 10 / n."""
    assert nearest_proposal([0, 0, 9, 9], [[0, 0, 9, 15]]) == [0, 0, 9, 15]  # 0.625
    assert nearest_proposal([0, 0, 5, 9], [[0, 0, 9, 9]]) is None  # 0.6
    assert nearest_proposal([0, 0, 9, 9], []) is None
    assert nearest_proposal([0, 0, 9, 9], [[0, 5, 9, 5]]) is None  # no box that could be saved


def test_proposals_are_computed_once_for_a_picture(tmp_path: Path) -> None:
    asked = []

    def source(image):
        asked.append(image.shape)
        return np.array([[0, 0, 5, 5]], np.int32)

    proposals = Proposals(source)
    paths = [tmp_path / f"{number}.png" for number in range(6)]
    for path in paths:
        write_image(path, np.zeros((4, 4, 3), np.uint8))
    for path in (paths[0], paths[0], *paths[1:], paths[5], paths[0]):
        assert proposals.of(path, lambda _: np.zeros((4, 4, 3), np.uint8)).tolist() == [[0, 0, 5, 5]]
    assert len(asked) == 7  # the first one was forgotten when the sixth came
