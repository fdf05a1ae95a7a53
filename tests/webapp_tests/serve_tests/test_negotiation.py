"""The header Accept; expected values from RFC 9110, section 12.5.1."""

import pytest

from webapp.serve.negotiation import accepted

OFFERED = ("application/json", "image/jpeg", "image/png")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("image/jpeg", "image/jpeg"),
        ("IMAGE/PNG", "image/png"),
        ("image/*", "image/jpeg"),
        ("image/png;q=0.5, image/jpeg;q=0.9", "image/jpeg"),
        ("image/avif,image/webp,image/png,*/*;q=0.8", "image/png"),
        ("text/html, application/json;q=0.1", "application/json"),
        ("image/*;q=0.5, image/jpeg;q=0", "image/png"),
        ("*/*, application/json;q=0", "image/jpeg"),
        ("application/json;q=0", None),
        ("text/html", None),
        ("text/html;level=1, */*;q=0", None),
        ("nonsense", "application/json"),
        ("image/png;q=high", "application/json"),
        (",,;;,", "application/json"),
    ],
)
def test_accepted(header, expected):
    assert accepted(header, OFFERED) == expected
