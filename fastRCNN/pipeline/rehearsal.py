"""Steps 1 to 3 with other parameters, for the training pictures alone and beside the real ones: would that be better?

    proc/<dataset>/tuning/<name>/       what these steps leave; the ROIs are those of others where they are the same
    proc/<dataset>/tuning/<name>/manifests/areas.json       mAP of each part of the pictures, left out in turn

As with the steps themselves, what is there and made from the same is not made again, so a rehearsal that was stopped
goes on. Its embeddings, by far the most of it, are removed by `forget`; mAP stays known. `tuning/` may be deleted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fastRCNN.datasets.record_table import RecordTable
from fastRCNN.evaluation.average_precision import PictureResult, evaluate
from fastRCNN.pipeline.beside import training_start
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.folds import FoldOptions, scored_folds
from fastRCNN.pipeline.inputs_step import InputsRun
from fastRCNN.pipeline.network_folds import FoldTraining, scored_network_folds
from fastRCNN.pipeline.network_step import decide_keeping, make_network, records_of, run_network
from fastRCNN.pipeline.numbers import settled_numbers
from fastRCNN.pipeline.recipes import Choices
from fastRCNN.pipeline.roi_limits import with_fitted_limits
from fastRCNN.pipeline.roi_step import RoiRun, take_precomputed
from fastRCNN.pipeline.rpn_regions import network_of_regions
from fastRCNN.pipeline.stages import Chain
from fastRCNN.pipeline.unstored_rows import Unstored
from fastRCNN.run_context import RunContext
from helpers.annotations import write_rois
from helpers.console import progress
from helpers.file_facts import text_digest
from helpers.remembered import remembered
from helpers.time_budget import TimeBudget

Scored = list[list[PictureResult]]  # of each part of the pictures its pictures, scored by what the others teach


def areas_of(scored: Scored, classes: Sequence[str], options: FoldOptions) -> tuple[float, ...]:
    """Return mAP (area) of each part of the pictures, 0 for one without objects."""
    return tuple(
        evaluate(
            pictures, classes, nms_threshold=options.nms_threshold, overlap_threshold=options.overlap_threshold,
            compat=options.compat, max_per_picture=options.max_per_picture,
        ).map_area
        or 0.0
        for pictures in scored
    )  # fmt: skip


class Rehearsal:
    """What some parameters would lead to, on `folds` parts of the training pictures that are left out in turn."""

    def __init__(
        self,
        name: str,
        parameters: Mapping[str, Any],
        real: Chain,
        folds: int,
        budget: TimeBudget,
        beside: Sequence[Chain] = (),
    ) -> None:
        """name: of its folder. real: the steps as they are. beside: further chains, whose ROIs are there as well."""
        imdb = real.datasets["train"]
        self.parameters = with_fitted_limits({**parameters, **settled_numbers(parameters)}, imdb)
        self._folds, self._budget = folds, budget
        self._classifier = CLASSIFIERS[parameters["classifier"]]
        choices = Choices.choose(self.parameters)
        rois = choices.values["rois"]
        same = [chain.artifacts.rois for chain in (real, *beside) if chain.choices.values["rois"] == rois]
        places = real.artifacts.rehearsal(name, same[0] if same else None)
        datasets = {"train": imdb, "test": RecordTable("test", imdb.classes, [])}
        self.chain = Chain(places, datasets, choices)
        self.options = FoldOptions.choose(self.parameters, imdb.classes)
        self._prepared = False
        self._scored: Scored | None = None

    def areas(self) -> tuple[float, ...]:
        """Return mAP (area) of each part. Raises `TooLong` where the time does not suffice, `UserError` as the steps
        do."""
        self._prepare()
        imdb = self.chain.datasets["train"]
        files = self.chain.recipe_digest("network" if self._classifier.trains_network else "embeddings")
        seen = self.chain.choices.values["embeddings"]  # how a network that was trained is used: in which numbers
        annotations = [imdb.annotation_digest(place) for place in range(len(imdb))]  # embeddings do not know them
        found = remembered(
            self.chain.artifacts.manifest_file("areas"),
            text_digest(f"{files} {seen} {imdb.classes} {annotations} {self.options} {self._folds}"),
            lambda: areas_of(self.scored(), imdb.classes, self.options),
        )
        return tuple(found)

    def scored(self) -> Scored:
        """Return the pictures of each part. Raises as `areas` does."""
        self._prepare()
        if self._scored is None:
            self._scored = self._by_network() if self._classifier.trains_network else self._by_svms()
        return self._scored

    def forget(self) -> None:
        """Remove the embeddings, and the scores from memory."""
        self._scored = None
        if not self._classifier.trains_network:
            self.chain.forget("embeddings")

    def unstored(self) -> Unstored | None:
        """Return how to get embeddings that are not stored (`scored_folds`)."""
        return Unstored.choose(self.chain, self.parameters, "train")

    def _prepare(self) -> None:
        """Do steps 1 and 2, and put step 3's network where it belongs."""
        if self._prepared:
            return
        chain, p = self.chain, self.parameters
        if not self._classifier.does_without("rois"):
            if chain.artifacts.rois_folder is None:
                self._find_rois()
            with chain.writing("inputs", anew=not chain.is_up_to_date("inputs")) as work:
                if work.todo:
                    InputsRun.choose(p).write(chain, work)
        if not self._classifier.trains_network:
            with chain.writing("network") as work:
                if work.todo:
                    records = records_of(chain, p["cntk_nrRois"])["train"]
                    start, data = training_start(chain, records, RunContext.choose(p), p)
                    make_network(work, chain.artifacts.model_file(p["classifier"]), start, training=None, data=data)
        self._prepared = True

    def _find_rois(self) -> None:
        """Do step 1. A network of regions is the bundled one: one that was trained here has seen what is left out."""
        chain, imdb = self.chain, self.chain.datasets["train"]
        paths = {chain.artifacts.roi_file(key): path for key, path in zip(imdb.keys, imdb.image_paths, strict=True)}
        with chain.writing("rois") as work:
            given = take_precomputed(chain, work)
            todo = [file for file in work.todo if file not in given]
            network = network_of_regions(chain.artifacts, self.parameters["ss_method"]) if todo else None
            found = RoiRun.choose(self.parameters, chain.roi_limits).find([paths[file] for file in todo], network)
            watched = progress(self._budget.watching(found, len(todo)), "ROIs", len(todo))
            for file, (stages, _) in zip(todo, watched, strict=True):
                with work.making(file):
                    write_rois(file, stages.final)

    def _by_svms(self) -> Scored:
        chain, p = self.chain, self.parameters
        records = records_of(chain, p["cntk_nrRois"])
        self.chain = chain = decide_keeping(chain, records)
        with chain.writing("embeddings") as work:
            if work.todo:
                context = replace(RunContext.choose(p), watch=self._budget.watching)
                run_network(chain, work, context, records, p["compat"])
        scored = scored_folds(
            chain.datasets["train"], chain.artifacts, self._folds, self.options, unstored=self.unstored()
        )
        return [list(pictures) for pictures in self._budget.watching(scored, self._folds)]

    def _by_network(self) -> Scored:
        """Train a network for each part; the scores of a part that is finished stay, and so do a training's epochs."""
        chain, p, scored = self.chain, self.parameters, Scored()

        def watch(items: Iterable[Any], total: int) -> Iterator[Any]:
            return self._budget.watching(items, total, times=self._folds - len(scored))

        context = replace(RunContext.choose(p), watch=watch)
        records = records_of(chain, p["cntk_nrRois"])["train"]
        start, data = training_start(chain, records, context, p)
        training = self._classifier.training(p)
        assert training is not None
        how = FoldTraining(self._classifier, training, start, p["cntk_embeddingType"])
        for pictures in scored_network_folds(data, self._folds, how):
            scored.append(list(pictures))
        return scored
