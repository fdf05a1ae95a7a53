"""A browser for all tests of the page, and a data set of three new photos."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webapp_tests.annotate_tests.paging import draw_photo


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """One browser for all tests; skips them where there is none."""
    chromium = pytest.importorskip("docs.chromium", reason="no selenium here")
    if chromium.missing():
        pytest.skip(chromium.missing())
    with chromium.chromium(1400, 900) as page:
        yield page


@pytest.fixture
def page(browser) -> Iterator:
    """The browser; a test that provokes complaints of the console asks for them itself."""
    browser.driver.get("about:blank")
    browser.complaints()
    yield browser
    assert not [line for line in browser.complaints() if "ERR_CONNECTION_REFUSED" not in line]  # the program has ended


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """data/my with three new photos."""
    for number in range(3):
        draw_photo(tmp_path / "data" / "my" / f"{number}.jpg", number)
    return tmp_path


@pytest.fixture
def data(root: Path) -> Path:
    """The folder data/my."""
    return root / "data" / "my"
