"""Which form of answer a client accepts: the header Accept, RFC 9110, section 12.5.1."""

from collections.abc import Sequence


def accepted(header: str, offered: Sequence[str]) -> str | None:
    """Return the one of `offered` media types that the client likes best; the first of equals; None: none of them.

    Without the header anything is accepted. What cannot be understood in it is passed over.
    """
    parts = [_media_range(part) for part in header.split(",") if part.strip()]
    ranges = [each for each in parts if each is not None]
    if not ranges:
        return offered[0]
    qualities = [(_quality(kind, ranges), -position, kind) for position, kind in enumerate(offered)]
    best = max(qualities)
    return best[2] if best[0] > 0 else None


def _media_range(part: str) -> tuple[str, float] | None:
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = min(1.0, max(0.0, float(value)))
            except ValueError:
                return None
    return (kind, quality) if kind.count("/") == 1 else None


def _quality(kind: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return the quality that the most specific range gives to `kind`."""
    group = kind.split("/")[0]
    for pattern in (kind, f"{group}/*", "*/*"):
        found = [quality for name, quality in ranges if name == pattern]
        if found:
            return max(found)
    return 0.0
