"""Step 3 in several processes, as torchrun starts them: the first does all there is, the others train along with it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastRCNN.network.network import Network
from fastRCNN.network.truncated_svd import truncated_network
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.classifiers.protocol import TrainingSet
from fastRCNN.pipeline.cntk_inputs import CntkRecord
from fastRCNN.pipeline.network_step import choose_network, records_of
from fastRCNN.pipeline.stages import Chain
from fastRCNN.run_context import RunContext
from helpers.errors import UserError

if TYPE_CHECKING:
    from fastRCNN.nn.processes import Processes


def join_processes(parameters: Mapping[str, Any]) -> "Processes | None":
    """Return the processes that torchrun started, joined; None where it did not.

    Raises `UserError` for a classifier, or an engine, that trains in one process.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return None
    able = [name for name, each in CLASSIFIERS.items() if each.trains_together]
    if parameters["classifier"] not in able or parameters["engine"] != "torch":
        raise UserError(
            f"torchrun trains with --classifier {' or '.join(able)} and --engine torch; start all else with python"
        )
    from fastRCNN.nn.processes import Processes  # only here: PyTorch takes its time

    return Processes.join(parameters["device"])


def train_beside(parameters: Mapping[str, Any], processes: "Processes") -> None:
    """Train along with the first process, if that trains, and write nothing."""
    if processes.agree(False):  # the first one's word counts
        chain = Chain.choose(parameters)
        context = replace(RunContext.choose(parameters), processes=processes)
        records = records_of(chain, parameters["cntk_nrRois"])["train"]
        training = CLASSIFIERS[parameters["classifier"]].training(parameters)
        assert training is not None
        training(*training_start(chain, records, context, parameters))
    processes.leave()


def training_start(
    chain: Chain, records: Sequence[CntkRecord], context: RunContext, parameters: Mapping[str, Any]
) -> tuple[Network, TrainingSet]:
    """Return the network that step 3 starts from, and what it is trained on."""
    data = TrainingSet(
        chain.artifacts, chain.datasets["train"], records, parameters["cntk_nrRois"], chain.recipe_digest("network"),
        context, parameters["compat"],
    )  # fmt: skip
    network = choose_network(chain.choices.weights, parameters["seed"])
    return truncated_network(network, parameters["cntk_svdRanks"]), data
