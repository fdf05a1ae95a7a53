"""What becomes of pictures and boxes on the way to a format: split, image sets, marks, labels."""

from data.annotation_formats.fitting import Choices, fit, split
from data.annotation_formats.log import Log
from data.annotation_formats.record import Box, DataSet, Picture
from data.annotation_formats.traits import Traits, holding


def pictures(count: int, empty: int = 0) -> DataSet:
    found = [Picture(f"p{n:02}.jpg", (Box("a", 0, 0, 9, 9),) if n >= empty else (), (10, 10)) for n in range(count)]
    return DataSet(found)


def chosen_in(data: DataSet) -> set[str]:
    return {picture.name for picture in data.pictures if picture.subset == "test"}


def test_split_is_by_picture_seeded_and_independent_of_the_order() -> None:
    data = pictures(20, empty=5)
    chosen = chosen_in(split(data, 0.2, 3))
    assert len(chosen) == 4 and len(chosen & {f"p{n:02}.jpg" for n in range(5)}) == 1
    assert chosen_in(split(DataSet(data.pictures[::-1]), 0.2, 3)) == chosen
    assert chosen_in(split(data, 0.2, 4)) != chosen


def test_split_leaves_both_sides_something() -> None:
    assert len(chosen_in(split(pictures(2), 0.01, 0))) == len(chosen_in(split(pictures(2), 0.99, 0))) == 1


def test_validation_goes_to_training_only_beside_a_test_set() -> None:
    traits = Traits(holding("subsets"), only_train_and_test=True)
    three = [Picture(name, subset=name) for name in ("train", "val", "test")]
    assert [p.subset for p in fit(DataSet(three), traits, "x", Log()).pictures] == ["train", "train", "test"]
    assert [p.subset for p in fit(DataSet(three[:2]), traits, "x", Log()).pictures] == ["train", "test"]


def test_what_is_lost_is_counted_and_what_is_held_is_kept() -> None:
    box = Box("a", 0, 0, 9, 9, marks=frozenset({"difficult", "truncated"}), attributes=(("c", "red"),), track="7")
    data, log = DataSet([Picture("p", (box,), (10, 10))]), Log()
    (kept,) = fit(data, Traits(holding("difficult", "truncated", "attributes", "tracks")), "x", log).pictures
    assert kept.boxes == (box,) and not log.remarks
    (lost,) = fit(data, Traits(), "x", log, Choices(difficult="exclude")).pictures
    assert lost.boxes == (Box("EXCLUDE", 0, 0, 9, 9),)
    assert [sum(counts.values()) for counts in log.remarks.values()] == [1, 1, 1, 1]


def test_dropped_objects_make_no_negative() -> None:
    box = Box("a", 0, 0, 9, 9, marks=frozenset({"crowd"}))
    data = DataSet([Picture("p", (box,), (10, 10)), Picture("q", (), (10, 10))])
    fitted = fit(data, Traits(only_train_and_test=True), "x", Log(), Choices(difficult="drop"))
    assert [picture.name for picture in fitted.pictures] == ["q"]
