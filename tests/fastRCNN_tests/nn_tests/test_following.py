"""Following a training: the log after each epoch, by one process alone; a line for each epoch, in terminals as well."""

import io
from types import SimpleNamespace

import pytest
from tqdm import tqdm

from fastRCNN.nn import following
from fastRCNN.nn.following import follow
from fastRCNN.run_context import RunContext


class Trainer:
    nr_steps = 4

    def __init__(self):
        self.history = []

    def run(self):
        for number in range(4):
            last = number % 2 == 1
            if last:
                self.history.append({"epoch": len(self.history) + 1, "loss": 0.5})
            yield SimpleNamespace(last=last, number=number)


def test_the_log_and_its_picture(tmp_path, caplog):
    caplog.set_level("INFO")
    follow(Trainer(), tmp_path / "t.tsv", context=RunContext(), columns=("epoch", "loss"), curves=("loss",))
    assert (tmp_path / "t.tsv").read_text() == "epoch\tloss\n1\t0.5\n2\t0.5\n"
    assert (tmp_path / "t.png").is_file()
    assert [record.message for record in caplog.records][-1] == f"Training log: {tmp_path / 't.tsv'}"


def test_a_line_for_each_epoch_above_the_bar_of_a_terminal(tmp_path, monkeypatch):
    terminal = io.StringIO()
    monkeypatch.setattr(following.sys, "stderr", terminal)
    monkeypatch.setattr(following, "progress", lambda steps, title, total: tqdm(steps, title, total, file=terminal))
    follow(Trainer(), tmp_path / "t.tsv", context=RunContext(), columns=("epoch", "loss"), curves=("loss",))
    lines = [line.split("\r")[-1] for line in terminal.getvalue().split("\n")]
    assert [line for line in lines if line.startswith("namespace")] == [
        "namespace(last=True, number=1)", "namespace(last=True, number=3)",
    ]  # fmt: skip


def test_one_of_several_processes_writes(tmp_path):
    follow(
        Trainer(),
        tmp_path / "t.tsv",
        context=RunContext(processes=SimpleNamespace(rank=1)),
        columns=("epoch", "loss"),
        curves=("loss",),
    )
    assert not list(tmp_path.iterdir())


def test_who_watches_sees_each_minibatch_and_may_end_the_training(tmp_path):
    seen = []

    def watch(steps, total):
        for step in steps:
            seen.append((step.number, total))
            yield step
            if step.number == 2:
                raise KeyError("enough")

    context = RunContext(watch=watch)
    with pytest.raises(KeyError, match="enough"):
        follow(Trainer(), tmp_path / "t.tsv", context=context, columns=("epoch", "loss"), curves=("loss",))
    assert seen == [(0, 4), (1, 4), (2, 4)]
    assert (tmp_path / "t.tsv").read_text() == "epoch\tloss\n1\t0.5\n", "the epoch that was over"
