"""Drawn pictures and the slim network, made once."""

import pytest

from tests.fastRCNN_tests.faster_tests.drawn_pictures import drawn, slim_network


@pytest.fixture(scope="package")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    return [drawn(folder, seed) for seed in range(4)]


@pytest.fixture(scope="package")
def slim():
    return slim_network()
