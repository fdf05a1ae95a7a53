"""Which values of what people tune by hand are best, asked of the training pictures: each part is left out in turn.

One parameter after the other. First what costs nothing: how detections are thinned out, fewer ROIs, no box regression;
SVMs are trained with fewer ROIs only where detecting with fewer looks better.
Then what trains the SVMs again, with or without steps 1 to 3 before it, which are done beside the real ones
(`fastRCNN.pipeline.rehearsal`) and take less time than the SVMs; in the order of what they brought where they were
measured. Last the classifiers that train the network. A value is taken where it is better than the present one by
more than the standard error of the difference over the parts, and stays for the parameters that follow. In the end what
costs nothing is tried once more, if anything else was taken.

What is chosen by some pictures looks better on these than on others: a gain here is the most to expect.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fastRCNN.pipeline.folds import FoldOptions, scored_folds
from fastRCNN.pipeline.rehearsal import Rehearsal, Scored, areas_of
from fastRCNN.pipeline.stages import Chain
from fastRCNN.pipeline.tuned_values import (
    Step,
    classifiers,
    free_steps,
    more_rois,
    networks,
    penalty,
    positives,
    regions,
    roi_limits,
    sides_of_picture,
    size_groups,
)
from fastRCNN.pipeline.unstored_rows import Unstored
from helpers.console import in_words
from helpers.errors import UserError
from helpers.file_facts import text_digest
from helpers.time_budget import TimeBudget, TooLong


@dataclass(frozen=True)
class Trial:
    """A value of a parameter and its mAP (area) in each part; `before`: that of what there was until then.

    areas: () where it was not tried, and `why`. taken: whether it is better. settings: what it sets, by names.
    """

    parameter: str
    value: Any
    areas: tuple[float, ...]
    before: tuple[float, ...] = ()
    taken: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""

    @property
    def mean(self) -> float:
        """Mean over the parts."""
        return float(np.mean(self.areas))

    @property
    def spread(self) -> float:
        """Standard deviation over the parts."""
        return float(np.std(self.areas, ddof=1)) if len(self.areas) > 1 else 0.0

    @property
    def gain(self) -> float:
        """What the mean is above that of what there was."""
        return self.mean - float(np.mean(self.before))


@dataclass(frozen=True)
class Search:
    """What is tuned, and within which bounds.

    chain: the steps as they are. with_settings: returns all parameters, by names, with such settings in place of what
    they are. networks: weight files to try. only: parameters (`Step.parameter`) to try, all where empty.
    """

    chain: Chain
    folds: int
    budget: TimeBudget
    with_settings: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    networks: Sequence[Path] = ()
    only: Sequence[str] = ()


def tune(search: Search) -> Iterator[Trial]:
    """Yield a trial for what there is (parameter ""), then for each value that is tried."""
    return _Tuning(search).run()


def is_better(areas: Sequence[float], before: Sequence[float]) -> bool:
    """Return whether `areas` are higher than those `before`, part by part, by more than the standard error."""
    gains = np.subtract(areas, before)
    error = np.std(gains, ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else 0.0
    return bool(gains.mean() > error)


def _too_long(error: TooLong) -> str:
    return f"not tried: about {in_words(max(error.seconds, 1))} more"


@dataclass(frozen=True)
class _Tried:
    """A value that was tried: with which options, and the pictures of each part, scored, or what scores them."""

    trial: Trial
    options: FoldOptions
    scored: Scored = field(default_factory=list)
    rehearsal: Rehearsal | None = None
    seconds: float = 0.0  # that the rehearsal took

    def forget(self) -> None:
        """Remove what it left on the disk."""
        if self.rehearsal is not None:
            self.rehearsal.forget()


class _Tuning:
    """Where the search stands: the settings that were taken, and what they give."""

    def __init__(self, search: Search) -> None:
        self._search, self._settings = search, dict[str, Any]()
        self._start = self._parameters = search.with_settings({})
        self._options = FoldOptions.choose(self._parameters, self._classes)
        self._stands_on: Rehearsal | None = None  # None: what the real steps left
        self._scored = Scored()
        self._areas: tuple[float, ...] = ()
        self._took = 0.0  # seconds of training all parts with what there is: no other value is begun with less left
        self._ended = False

    @property
    def _classes(self) -> tuple[str, ...]:
        return self._search.chain.datasets["train"].classes

    def run(self) -> Iterator[Trial]:
        """See `tune`."""
        start = time.monotonic()
        self._scored = self._trained(self._options)
        self._took = time.monotonic() - start
        self._areas = areas_of(self._scored, self._classes, self._options)
        yield Trial("", "", self._areas)
        try:
            yield from self._free()
            stood_on = self._areas
            for make in (regions, partial(networks, files=self._search.networks), penalty, positives,
                         sides_of_picture, size_groups, roi_limits, more_rois, classifiers):  # fmt: skip
                yield from self._step(make(self._parameters))
            if self._areas != stood_on:
                yield from self._free()
        finally:
            if self._stands_on is not None:
                self._stands_on.forget()

    def _free(self) -> Iterator[Trial]:
        for name in [step.parameter for step in free_steps(self._parameters)]:
            for step in free_steps(self._parameters):  # anew: what was taken moves the values of what comes next
                if step.parameter == name:
                    yield from self._step(step)

    def _step(self, step: Step) -> Iterator[Trial]:
        """Try all values of a parameter, and take the best where it is better than what there is."""
        if self._ended or (self._search.only and step.parameter not in self._search.only):
            return
        best: _Tried | None = None
        trials = []
        for value, settings in step.values.items():
            trial = Trial(step.parameter, value, (), self._areas, settings=settings)
            try:
                tried = self._repeated(step, trial) if step.repeats else self._looked_at(step, trial)
            except TooLong as error:
                trials.append(replace(trial, why=_too_long(error)))
                continue
            except UserError as error:
                trials.append(replace(trial, why=f"not possible: {error}"))
                continue
            trials.append(tried.trial)
            if best is None or tried.trial.mean > best.trial.mean:  # of equal ones the first
                best, tried = tried, best
            if tried is not None:
                tried.forget()
        taken = best is not None and is_better(best.trial.areas, self._areas)
        if best is not None and taken and best.options.nr_rois < self._options.nr_rois:
            looked, best = best.trial, self._confirmed(best)
            trials = [best.trial if trial is looked else trial for trial in trials]
            taken = bool(best.trial.areas) and is_better(best.trial.areas, self._areas)
        yield from (replace(trial, taken=taken and best is not None and trial is best.trial) for trial in trials)
        if best is not None and taken:
            self._take(best)
        elif best is not None:
            best.forget()

    def _looked_at(self, step: Step, trial: Trial) -> "_Tried":
        """Try a value on pictures that are scored, or by other SVMs."""
        options, look = self._options_with(trial.settings), step.look
        scored = self._scored
        if step.trains and options != self._options:
            self._search.budget.require(self._took)
            scored = self._trained(options)
        elif look is not None:
            scored = [[look(picture, trial.value) for picture in part] for part in scored]
        return _Tried(replace(trial, areas=areas_of(scored, self._classes, options)), options, scored)

    def _confirmed(self, best: "_Tried") -> "_Tried":
        """Train the SVMs with fewer ROIs, too, where detecting with fewer looks better: the steps would do so."""
        try:
            self._search.budget.require(self._took)
        except TooLong as error:
            return replace(best, trial=replace(best.trial, areas=(), why=_too_long(error)))
        scored = self._trained(best.options)
        areas = areas_of(scored, self._classes, best.options)
        return replace(best, trial=replace(best.trial, areas=areas), scored=scored)

    def _repeated(self, step: Step, trial: Trial) -> "_Tried":
        """Try a value by doing steps 1 to 3 with it."""
        self._search.budget.require(self._took)
        rehearsal, start = self._rehearsal(step, trial), time.monotonic()
        try:
            trial = replace(trial, areas=rehearsal.areas())
            return _Tried(trial, rehearsal.options, rehearsal=rehearsal, seconds=time.monotonic() - start)
        except (TooLong, UserError):
            rehearsal.forget()
            raise

    def _rehearsal(self, step: Step, trial: Trial) -> Rehearsal:
        whole, shown = {**self._settings, **trial.settings}, f"{step.parameter}={trial.value}"
        name = "".join(letter if letter.isalnum() or letter in "_-." else "_" for letter in shown)
        beside = [self._stands_on.chain] if self._stands_on else []
        return Rehearsal(
            f"{name}_{text_digest(str(sorted(whole.items())))[:8]}", self._search.with_settings(whole),
            self._search.chain, self._search.folds, self._search.budget, beside,
        )  # fmt: skip

    def _take(self, best: "_Tried") -> None:
        """Go on from `best`."""
        if best.rehearsal is not None:
            if self._stands_on is not None:
                self._stands_on.forget()
            self._stands_on, self._took = best.rehearsal, best.seconds
        try:
            self._scored = best.scored if best.rehearsal is None else best.rehearsal.scored()
        except TooLong:  # how good it is was remembered, but what comes next needs more
            self._ended = True
        self._settings |= best.trial.settings
        self._parameters = self._search.with_settings(self._settings)
        self._options, self._areas = best.options, best.trial.areas

    def _options_with(self, settings: Mapping[str, Any]) -> FoldOptions:
        return FoldOptions.choose(self._search.with_settings({**self._settings, **settings}), self._classes)

    def _trained(self, options: FoldOptions) -> Scored:
        """Return the pictures of each part, scored by SVMs that are trained on the others."""
        real, stand = self._search.chain, self._stands_on
        chain = stand.chain if stand else real
        unstored = stand.unstored() if stand else Unstored.choose(real, self._start, "train")
        if unstored is not None:
            unstored = unstored.first(options.nr_rois)  # fewer than steps 2 and 3 have, where that was better
        parts = scored_folds(chain.datasets["train"], chain.artifacts, self._search.folds, options, unstored=unstored)
        return [list(pictures) for pictures in parts]
