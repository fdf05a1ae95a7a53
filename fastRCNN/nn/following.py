"""Following a training: a line for each epoch, above a progress bar in a terminal; the log as tsv and as a picture."""

import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from fastRCNN.nn.training_log import COLUMNS, CURVES, draw_log, write_log
from fastRCNN.run_context import RunContext
from helpers.console import progress

log = logging.getLogger(__name__)


class Trainer(Protocol):
    """What trains."""

    history: list[dict[str, Any]]

    @property
    def nr_steps(self) -> int:
        """How many minibatches `run` still learns from."""
        ...

    def run(self) -> Iterator[Any]:
        """Yield after each minibatch a step, whose `last` says that its epoch is done."""
        ...


def follow(
    trainer: Trainer,
    log_file: Path,
    *,
    context: RunContext,
    columns: Sequence[str] = COLUMNS,
    curves: Sequence[str] = CURVES,
) -> None:
    """Run `trainer` to its end. context: whether this process writes the log and the picture beside it, and who watches
    the minibatches."""
    writes = context.writes
    bar: Any = progress(context.watched(trainer.run(), trainer.nr_steps), "training", trainer.nr_steps)
    watched = hasattr(bar, "set_postfix_str")  # a bar is only drawn where somebody watches
    for step in bar:
        if watched:
            bar.set_postfix_str(str(step))
        if step.last and writes:
            write_log(log_file, trainer.history, columns)
            if watched:
                bar.write(str(step), file=sys.stderr)  # above the bar
            else:
                log.info("%s", step)
    if writes:
        write_log(log_file, trainer.history, columns)
        draw_log(log_file.with_suffix(".png"), trainer.history, curves)
    log.info("Training log: %s", log_file)
