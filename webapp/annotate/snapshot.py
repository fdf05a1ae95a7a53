"""A copy of what is annotated so far, in the layout of a data set, for training while somebody goes on annotating.

Pictures are linked, not copied, where the file system can. Nothing in data/ changes.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.annotations import DROPPED_LABELS, write_annotation
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from webapp.annotate.catalogue import Entry

HELD_OUT = 0.2  # of the training pictures, where there are no test pictures yet
FEWEST = 2  # pictures with objects: one to train on, one to test on


@dataclass(frozen=True)
class Plan:
    """Which pictures go where; `held_out`: the test pictures are training pictures, kept apart for measuring."""

    train: tuple[Entry, ...]
    negative: tuple[Entry, ...]
    test: tuple[Entry, ...]
    held_out: bool

    @property
    def classes(self) -> list[str]:
        """All labels that count."""
        labels = {label for entry in (*self.train, *self.test) for label in entry.stored.labels}
        return sorted(labels - {"", *DROPPED_LABELS})

    def reduced(self, share: float, seed: int) -> "Plan":
        """Return the plan with a `share` of the training pictures, at least one, drawn with `seed`; smaller shares are
        parts of larger ones."""
        order = np.random.default_rng(seed).permutation(len(self.train))
        kept = sorted(order[: max(1, round(share * len(self.train)))].tolist())
        return Plan(tuple(self.train[index] for index in kept), self.negative, self.test, self.held_out)


def plan_training(entries: Sequence[Entry], seed: int) -> Plan:
    """Return the plan for the pictures that are annotated and labelled; `UserError` when they are too few.

    New pictures that are not sorted yet are trained on. Without test pictures every fifth of the others is held out.
    """
    usable = [entry for entry in entries if entry.annotated and not entry.fault and "" not in entry.stored.labels]
    test = [entry for entry in usable if entry.folder == "testImages"]
    negative = [entry for entry in usable if not entry.stored.boxes and entry.folder != "testImages"]
    train = [entry for entry in usable if _counts(entry) and entry.folder != "testImages"]
    held_out = not any(_counts(entry) for entry in test)
    if len(train) < (FEWEST if held_out else 1):
        raise UserError(
            f"{len(train)} picture(s) with named boxes to train on; at least {FEWEST} are needed, ten make a start. "
            "Boxes without a class, and pictures with a fault, do not count"
        )
    if held_out:
        order = np.random.default_rng(seed).permutation(len(train))
        apart = set(order[: max(1, round(HELD_OUT * len(train)))].tolist())
        test = [entry for index, entry in enumerate(train) if index in apart]
        train = [entry for index, entry in enumerate(train) if index not in apart]
    return Plan(tuple(train), tuple(negative), tuple(test), held_out)


def write_snapshot(plan: Plan, artifacts: Artifacts) -> None:
    """Write the pictures and annotations of `plan` as the data set `artifacts`, in place of what lay there.

    Two pictures of one name, from different folders, get their folder's name in front.
    """
    shutil.rmtree(artifacts.data, ignore_errors=True)
    taken: set[tuple[str, str]] = set()
    for folder, entries in (("positive", plan.train), ("negative", plan.negative), ("testImages", plan.test)):
        (artifacts.data / folder).mkdir(parents=True, exist_ok=True)
        for entry in entries:
            name = entry.path.name
            if (folder, entry.path.stem) in taken:
                name = f"{entry.folder or 'new'}_{name}"
            taken.add((folder, Path(name).stem))
            target = artifacts.data / folder / name
            _link(entry.path, target)
            if folder != "negative":
                write_annotation(target, entry.stored.boxes, entry.stored.labels)


def _counts(entry: Entry) -> bool:
    """Whether a picture shows an object that counts."""
    return any(label not in ("", *DROPPED_LABELS) for label in entry.stored.labels)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
