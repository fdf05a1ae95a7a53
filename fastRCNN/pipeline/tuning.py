"""Which values of what people tune by hand are best, asked of the training pictures: each part is left out in turn.

One parameter after the other, the cheapest first: what thins out detections needs no training at all, nor does the
number of ROIs or leaving out box regression; then what trains the SVMs again; then what needs steps 1 to 3 again, which
are done beside the real ones (`fastRCNN.pipeline.rehearsal`); last the classifiers that train the network. A value
is taken where it is better than the present one by more than the standard error of the difference over the parts, and
stays for the parameters that follow. Where one of the costly ones was taken, the cheap ones are tried once more.

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
    more_rois,
    networks,
    quick_steps,
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


class _Tuning:
    """Where the search stands: the settings that were taken, and what they give."""

    def __init__(self, search: Search) -> None:
        self._search, self._settings = search, dict[str, Any]()
        self._start = self._parameters = search.with_settings({})
        self._options = FoldOptions.choose(self._parameters, self._classes)
        self._stands_on: Rehearsal | None = None  # None: what the real steps left
        self._best: tuple[float, Rehearsal] | None = None  # of a step under way: mean mAP of its best value so far
        self._scored = Scored()
        self._areas: tuple[float, ...] = ()
        self._took = 0.0  # seconds of one training of all parts

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
            yield from self._quick()
            for make in (regions, size_groups, roi_limits, partial(networks, files=self._search.networks),
                         sides_of_picture, more_rois, classifiers):  # fmt: skip
                yield from self._step(make(self._parameters))
            if self._stands_on is not None:
                yield from self._quick()
        finally:
            if self._stands_on is not None:
                self._stands_on.forget()

    def _quick(self) -> Iterator[Trial]:
        for place in range(len(quick_steps(self._parameters))):
            yield from self._step(quick_steps(self._parameters)[place])

    def _step(self, step: Step) -> Iterator[Trial]:
        """Try all values of a parameter, and take the best where it is better than what there is."""
        if self._search.only and step.parameter not in self._search.only:
            return
        tried: list[Trial] = []
        self._best = None
        for value, settings in step.values.items():
            try:
                if step.trains or step.repeats:
                    self._search.budget.require(self._took)
                tried.append(self._repeated(step, value, settings) if step.repeats else
                             self._looked_at(step, value, settings))  # fmt: skip
            except TooLong as error:
                why = f"not tried: about {in_words(max(error.seconds, 1))} more"
                yield Trial(step.parameter, value, (), self._areas, settings=settings, why=why)
            except UserError as error:
                yield Trial(step.parameter, value, (), self._areas, settings=settings, why=f"not possible: {error}")
        best = max(tried, key=lambda trial: trial.mean, default=None)  # of equal ones the first
        taken = best is not None and is_better(best.areas, self._areas)
        yield from (replace(trial, taken=taken and trial is best) for trial in tried)
        if best is not None and taken:
            self._take(step, best)
        elif self._best is not None:
            self._best[1].forget()

    def _looked_at(self, step: Step, value: Any, settings: Mapping[str, Any]) -> Trial:
        options = self._options_with(settings)
        areas = areas_of(self._pictures(step, value, options), self._classes, options)
        return Trial(step.parameter, value, areas, self._areas, settings=settings)

    def _pictures(self, step: Step, value: Any, options: FoldOptions) -> Scored:
        if step.trains and options != self._options:
            return self._trained(options)
        look = step.look
        return self._scored if look is None else [[look(picture, value) for picture in part] for part in self._scored]

    def _repeated(self, step: Step, value: Any, settings: Mapping[str, Any]) -> Trial:
        """Rehearse a value; of all values of `step` the best one's files are kept."""
        rehearsal = self._rehearsal(step, value, settings)
        worse: Rehearsal | None = rehearsal
        try:
            trial = Trial(step.parameter, value, rehearsal.areas(), self._areas, settings=settings)
            if self._best is None or trial.mean > self._best[0]:
                worse, self._best = self._best[1] if self._best else None, (trial.mean, rehearsal)
            return trial
        finally:
            if worse is not None:
                worse.forget()

    def _rehearsal(self, step: Step, value: Any, settings: Mapping[str, Any]) -> Rehearsal:
        whole = {**self._settings, **settings}
        name = "".join(letter if letter.isalnum() or letter in "_-." else "_" for letter in f"{step.parameter}={value}")
        beside = [self._stands_on.chain] if self._stands_on else []
        return Rehearsal(
            f"{name}_{text_digest(str(sorted(whole.items())))[:8]}", self._search.with_settings(whole),
            self._search.chain, self._search.folds, self._search.budget, beside,
        )  # fmt: skip

    def _take(self, step: Step, best: Trial) -> None:
        """Go on from `best`, a value of `step`."""
        if step.repeats and self._best is not None:
            if self._stands_on is not None:
                self._stands_on.forget()
            self._stands_on = self._best[1]
            self._scored, options = self._stands_on.scored(), self._stands_on.options
        else:
            options = self._options_with(best.settings)
            self._scored = self._pictures(step, best.value, options)
        self._settings |= best.settings
        self._parameters = self._search.with_settings(self._settings)
        self._options, self._areas = options, best.areas

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
