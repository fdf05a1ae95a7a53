"""The mutation tool changes what it says, draws the same twice, and knows which tests belong to a file."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("cosmic_ray", reason="needs cosmic-ray: pip install -e '.[mutation]'")
sys.path.insert(0, str(Path(__file__).parent))
import mutation

SOURCE = "def f(x: int | None, y=1):\n    print(x)\n    return max(x, y, key=abs)\n"


def changed(name, nth=0):
    return mutation.mutated(SOURCE, mutation.operators()[name], nth)


def test_ways_to_change_code():
    assert "    pass\n" in changed("LeaveOutCall") and changed("LeaveOutCall", 1) is None
    assert "max(x, y, **{})" in changed("LeaveOutOption")
    assert "y= 2" in changed("NumberReplacer")


def test_annotations_guards_and_other_spellings_are_no_difference():
    assert mutation.differs(SOURCE, changed("NumberReplacer"))
    assert not mutation.differs(SOURCE, changed("ReplaceBinaryOperator_BitOr_Add"))
    assert not mutation.differs("zip(a, strict=True)", "zip(a, strict=False)")
    assert not mutation.differs("f(1)", "f(1, **{})")
    assert not mutation.differs("f(1)", "f(1") and not mutation.differs("f(1)", None)


def test_the_same_seed_draws_the_same_and_a_larger_sample_begins_with_it():
    few, many = (mutation.draw("fastRCNN/boxes", size, 1) for size in (5, 9))
    assert few == many[:5] and len({(mutant.file, mutant.line) for mutant in many}) == 9
    assert mutation.draw("fastRCNN/boxes", 5, 2) != few
    assert all(mutation.replayed([str(each) for each in mutant[:6]]) for mutant in few if mutant.after != "pass")


def test_tests_of_a_file():
    assert mutation.tests_of("helpers/decoding.py") == [
        "tests/helpers_tests/test_decoding.py", "tests/helpers_tests/test_decoding_damage.py"
    ]  # fmt: skip
    assert mutation.tests_of("fastRCNN/svm/model.py") == ["tests/fastRCNN_tests/svm_tests/test_model.py"]
    assert "tests/fastRCNN_tests/datasets_tests/test_layouts.py" in mutation.tests_of("fastRCNN/datasets/imdb.py")
