"""Manifests come back as they were, and recipes say how they differ."""

import pytest

from helpers.manifests import Entry, Manifest, Recipe

RECIPE = Recipe("1_x.py", {"limit": 3, "sides": (1.0, 2.0)}, {"picture a": "1", "picture b": "2"})


def test_a_manifest_comes_back(tmp_path):
    manifest = Manifest(RECIPE, {"rois/a.txt": Entry("r", "c")})
    manifest.save(tmp_path / "m.json")
    again = Manifest.load(tmp_path / "m.json")
    assert again.files == manifest.files
    assert RECIPE.changes(again.recipe) == [], "a tuple is a list in the file"
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "m.json").read_bytes()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": {"a": "b"}}', '{"files": {}, "script": "x"}'])
def test_a_damaged_manifest_is_none(tmp_path, text):
    assert Manifest.load(tmp_path / "none.json") is None
    (tmp_path / "m.json").write_text(text)
    assert Manifest.load(tmp_path / "m.json") is None


def test_changes_in_words():
    other = Recipe(
        "1_x.py", {"limit": 4, "new": "x", "sides": [1.0, 2.0]}, {"picture b": "3", "picture c": "4"}, version=9
    )
    assert other.changes(RECIPE) == [
        "file version 2 became 9",
        "limit was 3, is 4",
        "new was 'unset', is 'x'",
        "picture a was removed",
        "picture b changed",
        "picture c is new",
    ]
    removed = Recipe("1_x.py", RECIPE.parameters, {"picture a": "missing", "picture b": "2"})
    assert removed.changes(RECIPE) == ["picture a was removed"]
    assert RECIPE.changes(removed) == ["picture a is new"]


def test_a_digest_depends_on_all_that_goes_in():
    of_a = RECIPE.digest("picture a")
    other_b = Recipe(RECIPE.script, RECIPE.parameters, {"picture a": "1", "picture b": "9"})
    assert other_b.digest("picture a") == of_a, "b does not go into it"
    assert other_b.digest() != RECIPE.digest()
    others = [
        Recipe("2_x.py", RECIPE.parameters, RECIPE.inputs),
        Recipe(RECIPE.script, {**RECIPE.parameters, "limit": 4}, RECIPE.inputs),
        Recipe(RECIPE.script, RECIPE.parameters, {"picture a": "9", "picture b": "2"}),
        Recipe(RECIPE.script, RECIPE.parameters, RECIPE.inputs, version=9),
    ]
    digests = {of_a, RECIPE.digest("picture b"), RECIPE.digest("picture a", part="boxes"), RECIPE.digest()}
    assert len(digests.union(other.digest("picture a") for other in others)) == 8


def test_of_a_list_of_names_it_says_what_is_new_and_gone():
    def recipe(names):
        return Recipe("1_x.py", {"classes": names}, {})

    assert recipe(["b", "c"]).changes(recipe(("a", "b"))) == ["classes: 'c' is new, 'a' is gone"]
    assert recipe(["b", "a"]).changes(recipe(["a", "b"])) == ["classes: another order, was ['a', 'b'], is ['b', 'a']"]
    assert recipe(["a"]).changes(recipe("a")) == ["classes was 'a', is ['a']"]
