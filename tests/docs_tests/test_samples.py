"""Samples of the tutorial that shall say the same do so."""

import json
import re

from tests.conftest import REPOSITORY


def sample(name: str) -> str:
    """Return the lines of a sample of docs/TUTORIAL.md."""
    text = (REPOSITORY / "docs" / "TUTORIAL.md").read_text(encoding="utf-8")
    return re.findall(rf"<!-- sample: {name} -->\n```\n(.*?)\n```", text, re.DOTALL)[0]


def test_the_service_answers_what_step_6_prints() -> None:
    step_6, service = (json.loads(re.findall(r"\{[^}]*\}", sample(name))[0]) for name in ("json", "service"))
    assert service == step_6
