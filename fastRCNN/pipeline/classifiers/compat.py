"""--compat tutorial trains as published, whatever is asked for: what it does without is said."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

log = logging.getLogger(__name__)


def say_what_is_overridden(parameters: Mapping[str, Any], used: Mapping[str, Any]) -> None:
    """Warn of values on the command line, of `parameters` (by name), in whose place others are `used` (by name)."""
    given: Iterable[str] = parameters.get("given", ())
    other = [name for name in given if name in used and _plain(used[name]) != _plain(parameters[name])]
    if parameters["compat"] == "tutorial" and other:
        texts = [f"{name} = {parameters[name]!r} ({used[name]!r} instead)" for name in other]
        log.warning("--compat tutorial trains as published, without: %s.", ", ".join(texts))


def _plain(value: Any) -> Any:
    """Return a tuple as a list, and a whole number as a float, so that equal values are."""
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
