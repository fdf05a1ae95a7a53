"""Both recordings, one after the other."""

import pytest

from tests.fastRCNN_tests.rpn_tests.recorded import Recording, recording


@pytest.fixture(params=["grocery_a", "pascal_a"])
def recorded(request: pytest.FixtureRequest) -> Recording:
    return recording(request.param)
