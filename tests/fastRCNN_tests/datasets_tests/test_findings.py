"""One message for each kind."""

import pytest

from fastRCNN.datasets.findings import DataFaults, Finding, log_warnings, merged, raise_faults, raise_together
from helpers.errors import UserError


def test_places_of_a_kind_come_together_once_each():
    found = merged([Finding("a", ("1", "2")), Finding("b", ("3",)), Finding("a", ("2", "4")), Finding("c", ())])
    assert found == [Finding("a", ("1", "2", "4")), Finding("b", ("3",))]


def test_faults_are_raised_together_and_twenty_are_shown():
    with pytest.raises(DataFaults) as error:
        raise_faults([Finding("pictures are bad", tuple(map(str, range(23))), "Mend them."), Finding("b", ("x\ny",))])
    lines = str(error.value).splitlines()
    assert lines[0] == "23 pictures are bad:"
    assert lines[1:21] == [f"  {number}" for number in range(20)]
    assert lines[21:] == ["  ... and 3 more", "Mend them.", "1 b:", "  x", "    y"]
    raise_faults([Finding("nothing", ())])


def test_warnings_show_five_places_of_each_kind(caplog):
    log_warnings([Finding("boxes are odd", tuple("abcdefg"), "Look at them."), Finding("nothing", ())])
    assert [record.getMessage() for record in caplog.records] == [
        "7 boxes are odd:\n  a\n  b\n  c\n  d\n  e\n  ... and 2 more\nLook at them."
    ]


def test_errors_of_several_image_sets_are_one():
    train, test = DataFaults([Finding("a", ("1",))]), DataFaults([Finding("a", ("2",))])
    with pytest.raises(UserError, match=r"2 a:\n  1\n  2$"):
        raise_together([train, test])
    with pytest.raises(UserError, match=r"^no such data set\n1 a:\n  1$"):
        raise_together([UserError("no such data set"), UserError("no such data set"), train])
    raise_together([])
