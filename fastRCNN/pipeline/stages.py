"""The chain of steps: which files each leaves, whether they are up to date, and what is left to do.

A step reads what the ones before it wrote, after `require`, and writes inside `writing`, which keeps its ledger
(`helpers.ledgers`). The recipe of every file stands in `fastRCNN.pipeline.recipes`.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from fastRCNN.datasets.census import take_census
from fastRCNN.datasets.findings import LEFT_OUT, Finding, log_warnings
from fastRCNN.datasets.imdb import Dataset
from fastRCNN.datasets.layouts import open_dataset, open_together
from fastRCNN.datasets.picture_check import PictureCheck
from fastRCNN.datasets.precomputed_rois import PrecomputedRois
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.recipes import STAGES, Choices, Plan, Workplace
from fastRCNN.pipeline.roi_limits import with_fitted_limits
from fastRCNN.proposals.roi_parameters import FITTED_NAMES
from helpers.artifacts import IMAGE_SETS, Artifacts
from helpers.errors import UserError
from helpers.file_facts import FileFacts
from helpers.ledgers import Ledger, State
from helpers.manifests import BY_HAND

log = logging.getLogger(__name__)

_ONE_EACH = ("network", "embeddings")  # stages whose files each classifier has for itself
_KEPT = (State.FRESH, State.BY_HAND)


def artifacts_of(parameters: Mapping[str, Any]) -> Artifacts:
    """Return the places of the data set that `parameters` (by name) ask for."""
    path = parameters["datasetPath"]
    folder = parameters["root"] / path if path else None
    return Artifacts(parameters["root"], parameters["datasetName"], data_folder=folder)


def dataset_of(parameters: Mapping[str, Any], image_set: str, pictures: PictureCheck | None = None) -> Dataset:
    """Return the pictures of `image_set` of the data set that `parameters` (by name) ask for; reads annotations.

    pictures: what tells the sizes of pictures; by default their headers do, or with `skipDamagedPictures` their whole.
    """
    pictures = pictures or PictureCheck(skip=parameters["skipDamagedPictures"])
    lists = {name: text for name in IMAGE_SETS if (text := parameters[f"{name}Sets"])}
    return open_dataset(
        artifacts_of(parameters), image_set, parameters["classes"], layout=parameters["datasetLayout"], lists=lists,
        pictures=pictures,
    )  # fmt: skip


def census_of(
    parameters: Mapping[str, Any], facts: FileFacts | None = None
) -> tuple[dict[str, Dataset], list[Finding]]:
    """Return the image sets that `parameters` (by name) ask for, and findings (`fastRCNN.datasets.census`)."""
    artifacts = artifacts_of(parameters)
    facts = facts or FileFacts(artifacts.facts_file, artifacts.proc)
    return take_census(
        artifacts, partial(dataset_of, parameters), facts, layout=parameters["datasetLayout"],
        skip_damaged=parameters["skipDamagedPictures"], jobs=parameters["jobs"],
    )  # fmt: skip


class Chain:
    """The steps of one data set, with what the user chose."""

    def __init__(
        self,
        artifacts: Artifacts,
        datasets: Mapping[str, Dataset],
        choices: Choices,
        facts: FileFacts | None = None,
    ) -> None:
        """`datasets`: the pictures of "train" and of "test". facts: what is known of files; default: what is stored."""
        self.artifacts, self.datasets, self.choices = artifacts, datasets, choices
        facts = facts or FileFacts(artifacts.facts_file, artifacts.proc)
        self._place = Workplace(artifacts, datasets, choices, facts)
        self._plans: dict[str, Plan] = {}

    @classmethod
    def choose(cls, parameters: Mapping[str, Any], *, census: bool = False) -> "Chain":
        """Return the chain that `parameters` (by name) ask for; reads the data set.

        census: look at every picture as well, and warn of what is doubtful (`fastRCNN.datasets.census`).
        """
        artifacts = artifacts_of(parameters)
        facts = FileFacts(artifacts.facts_file, artifacts.proc)
        facts.look_once()
        if census:
            datasets, findings = census_of(parameters, facts)
            log_warnings(findings)
        else:
            pictures = PictureCheck(facts, skip=parameters["skipDamagedPictures"], jobs=parameters["jobs"])
            datasets = open_together(lambda image_set: dataset_of(parameters, image_set, pictures))
            found = (finding for dataset in datasets.values() for finding in dataset.findings)
            log_warnings(finding for finding in found if finding.kind == LEFT_OUT)
        choices = Choices.choose(with_fitted_limits(parameters, datasets["train"]))
        return cls(artifacts, datasets, choices, facts)

    @property
    def roi_limits(self) -> dict[str, Any]:
        """The limits of ROIs, and groups of sizes, in numbers, by their names in PARAMETERS.py."""
        return {name: value for name, value in self.choices.values["rois"].items() if name in FITTED_NAMES}

    @property
    def precomputed_rois(self) -> PrecomputedRois:
        """The ROIs of pictures that step 1 takes from files of others."""
        return self._place.precomputed_rois

    def require(self, *stages: str) -> None:
        """Raise `UserError` unless the files of all `stages` are there and up to date.

        The message names the script to run and what changed. Files that no script of ours wrote (brought by hand, or
        written by the published code) are used, with one line that says so.
        """
        for stage in stages:
            ledger = self.ledger(stage)
            plan = self._plan(stage, ledger)
            files = _files_of(plan, ledger)
            script = STAGES[stage].script
            _require_there(files if plan.files else [ledger.path], script)
            if ledger.interrupted:
                raise UserError(f"{self.artifacts.proc}: {script} was stopped before its end. Run {script} again")
            if ledger.manifest and (changes := plan.recipe.changes(ledger.manifest.recipe)):
                shown = "; ".join(changes[:5]) + (f"; and {len(changes) - 5} more" if len(changes) > 5 else "")
                raise UserError(f"the files of {script} are stale: {shown}. Run {script} again")
            states = {path: ledger.state(path, recipe) for path, recipe in files.items()}
            changed = [path for path, state in states.items() if state not in _KEPT]
            if changed and not plan.may_be_exchanged:
                raise UserError(
                    f"{changed[0]}{_and_more(changed)}: not as {script} left it. Run {script} again; or delete "
                    f"{ledger.path}, and the files are used as they are"
                )
            by_hand = changed + [path for path, state in states.items() if state is State.BY_HAND]
            if by_hand:
                log.info("%s%s: not written by %s (brought by hand?), used as it is.",
                         by_hand[0], _and_more(by_hand), script)  # fmt: skip
        self._place.facts.save()

    def require_before(self, stage: str) -> None:
        """Do as `require` for all that the classifier needs before `stage`."""
        needed = CLASSIFIERS[self._place.choices.classifier].stages
        self.require(*needed[: needed.index(stage)])

    def is_up_to_date(self, stage: str) -> bool:
        """Return whether all files of `stage` are there, written by its script, and made from what is there now."""
        ledger = self.ledger(stage)
        files = _files_of(self._plan(stage, ledger), ledger)
        fresh = all(ledger.state(path, recipe) is State.FRESH for path, recipe in files.items())
        return bool(files) and fresh and not ledger.interrupted

    def require_scores(self) -> None:
        """Do as `require` for all that scores of the ROIs are made from: what step 5 needs."""
        self.require(*CLASSIFIERS[self._place.choices.classifier].stages)

    @contextmanager
    def writing(self, stage: str, *, anew: bool = False) -> Iterator["Work"]:
        """Give what is left to do of `stage`; afterwards, when all is done, write its manifest.

        anew: do all, whatever is there. Files brought by hand are kept, and the log says so. A step that ends by an
        error, or is killed, leaves the manifest as it was, and what it finished is known to the next run.
        """
        ledger = self.ledger(stage)
        plan = self._plan(stage, ledger)
        if not plan.together:
            todo = _left_to_do(plan, ledger)
        elif anew or not _is_complete(plan, ledger):
            todo = list(plan.files)
            ledger.announce(plan.files)
        else:
            todo = []
            files = _files_of(plan, ledger)
            _say_kept([path for path, recipe in files.items() if ledger.state(path, recipe) is State.BY_HAND])
        work = Work(ledger, plan, todo)
        yield work
        ledger.finish(plan.recipe, work.files())

    def forget(self, *stages: str) -> None:
        """Remove the files of `stages`, whoever wrote them."""
        self._place.facts.look_anew()
        for stage in stages:
            for path in self._place.plan(stage).files:
                path.unlink(missing_ok=True)

    def recipe_digest(self, stage: str) -> str:
        """Return the digest of all that `stage` is made from now."""
        return self._plan(stage, self.ledger(stage)).recipe.digest()

    def ledger(self, stage: str) -> Ledger:
        """Return the ledger of `stage` as it stands."""
        name = f"{stage}_{self._place.choices.classifier}" if stage in _ONE_EACH else stage
        return Ledger(self.artifacts.manifest_file(name), self._place.facts)

    def files(self, stage: str) -> list[Path]:
        """Return the files that `stage` left, as its manifest lists them."""
        manifest = self.ledger(stage).manifest
        return [self._place.facts.path(name) for name in manifest.files] if manifest else []

    @property
    def stores_embeddings(self) -> bool:
        """Whether step 3 keeps what its network gives for the ROIs; else whoever needs that runs it anew."""
        return self._resolved("embeddings", self.ledger("embeddings")).choices.embeddings != "computed"

    def with_embeddings(self, kept: str) -> "Chain":
        """Return the same chain where step 3 has embeddings "stored" or "computed", as it decided."""
        return Chain(self.artifacts, self.datasets, replace(self.choices, embeddings=kept), self._place.facts)

    def used(self, stage: str, name: str, default: Any = None) -> Any:
        """Return the value of parameter `name` that `stage` was made with."""
        manifest = self.ledger(stage).manifest
        return manifest.recipe.parameters.get(name, default) if manifest else default

    def _plan(self, stage: str, ledger: Ledger) -> Plan:
        """Return the plan of `stage`; "auto" is what step 3 made of it on its machine, and right on this one.

        As long as nothing is written it stays as it is.
        """
        if not self._place.facts.looks_once:
            return self._planned(stage, ledger)
        if stage not in self._plans:
            self._plans[stage] = self._planned(stage, ledger)
        return self._plans[stage]

    def _planned(self, stage: str, ledger: Ledger) -> Plan:
        place = self._resolved(stage, ledger)
        if stage == "svm":  # is made from what step 3 gives
            place = self._resolved("embeddings", self.ledger("embeddings"))
        return place.plan(stage)

    def _resolved(self, stage: str, ledger: Ledger) -> Workplace:
        """Return the workplace with what the manifest of `stage` has for "auto"."""
        place, left = self._place, ledger.manifest
        if stage == "embeddings" and place.choices.embeddings == "auto":
            kept = left.recipe.parameters.get("svm_embeddings", "stored") if left else "stored"
            place = replace(place, choices=replace(place.choices, embeddings=kept))
        chosen = place.choices.values[stage]
        used = {
            name: left.recipe.parameters.get(name, "auto")
            for name in ("cntk_precision", "cntk_embeddingType")
            if left and chosen.get(name) == "auto"
        }
        if used:
            values = {**place.choices.values, stage: {**place.choices.values[stage], **used}}
            place = replace(place, choices=replace(place.choices, values=values))
        return place


class Work:
    """What is left to do of a stage: `todo`, the files to write, of those that are written as one the first."""

    def __init__(self, ledger: Ledger, plan: Plan, todo: list[Path]) -> None:
        self.todo = todo
        self._ledger, self._plan = ledger, plan
        self._finished: list[Path] = []

    @contextmanager
    def making(self, first: Path) -> Iterator[tuple[Path, ...]]:
        """Write a file, and those that belong to it, inside of this; several threads may. Yields all of them."""
        unit = self._plan.units[first]
        self._ledger.announce({path: self._plan.files[path] for path in unit})
        yield unit
        for path in unit:
            self._ledger.enter(path)

    def enter(self, *paths: Path) -> None:
        """Note that these files are finished, of a stage whose files are made together."""
        for path in paths:
            self._ledger.enter(path)
            self._finished.append(path)

    def files(self) -> dict[Path, str]:
        """Return the files of the stage when all is done."""
        if not self._plan.together:
            return dict(self._plan.files)
        paths = self._finished if self.todo else list(_files_of(self._plan, self._ledger))
        return {path: self._plan.files[path] for path in paths}


def _files_of(plan: Plan, ledger: Ledger) -> dict[Path, str]:
    """Return the files that must be there: of a stage whose files are made together those that it left."""
    if not plan.together:
        return dict(plan.files)
    if ledger.manifest is None:
        return {path: recipe for path, recipe in plan.files.items() if path in plan.needed or path.exists()}
    paths = [ledger.facts.path(name) for name in ledger.manifest.files]
    return {path: plan.files.get(path, BY_HAND) for path in paths}


def _is_complete(plan: Plan, ledger: Ledger) -> bool:
    """Return whether nothing is left to do of a stage whose files are made together."""
    states = {path: ledger.state(path, recipe) for path, recipe in _files_of(plan, ledger).items()}
    return bool(states) and not ledger.interrupted and all(state in _KEPT for state in states.values())


def _left_to_do(plan: Plan, ledger: Ledger) -> list[Path]:
    """Return what is to be made of a stage whose files are made one by one; what only has another name is renamed."""
    kept = (*_KEPT, State.CHANGED) if plan.may_be_exchanged else _KEPT
    states = {path: ledger.state(path, recipe) for path, recipe in plan.files.items()}
    by_hand = [path for path, state in states.items() if state in kept and state is not State.FRESH]
    by_hand = [path for path in by_hand if plan.is_whole(path)]
    good = {path for path, state in states.items() if state is State.FRESH}.union(by_hand)
    good.update(ledger.adopt({path: recipe for path, recipe in plan.files.items() if path not in good}))
    _say_kept(by_hand)
    return [first for first, unit in plan.units.items() if not good.issuperset(unit)]


def _say_kept(by_hand: Sequence[Path]) -> None:
    if by_hand:
        log.info("%s%s: brought by hand, kept. Delete what is to be made again.", by_hand[0], _and_more(by_hand))


def _require_there(files: Iterable[Path], script: str) -> None:
    missing = [path for path in files if not path.exists()]
    if missing:
        raise UserError(f"{missing[0]}{_and_more(missing)}: not there yet. Run {script} first")


def _and_more(paths: Sequence[Path]) -> str:
    return f" and {len(paths) - 1} more" if len(paths) > 1 else ""
