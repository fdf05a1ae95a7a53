"""Mistakes of a user: status, and all faults of a kind in one message."""

import pytest

from helpers.errors import UserError, raise_collected


def test_a_user_error_has_a_status():
    assert UserError("text").status == 1
    assert UserError("text", status=2).status == 2
    assert str(UserError("text")) == "text"


def test_nothing_is_raised_without_faults():
    raise_collected([], "summary", "advice")


def test_faults_stand_below_the_summary_and_before_the_advice():
    with pytest.raises(UserError) as caught:
        raise_collected(["first", "second"], "2 faults:", "Mend them.")
    assert str(caught.value) == "2 faults:\n  first\n  second\nMend them."
    with pytest.raises(UserError) as caught:
        raise_collected(["first"], "1 fault:")
    assert str(caught.value) == "1 fault:\n  first"


@pytest.mark.parametrize(("count", "last"), [(20, "  fault 19"), (21, "  ... and 1 more"), (120, "  ... and 100 more")])
def test_of_many_faults_twenty_are_shown(count, last):
    with pytest.raises(UserError) as caught:
        raise_collected([f"fault {number}" for number in range(count)], "summary")
    lines = str(caught.value).splitlines()
    assert lines[20] == "  fault 19"
    assert lines[-1] == last
    assert len(lines) == min(count, 21) + 1
