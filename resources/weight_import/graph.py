"""A graph of layers as a chain: where it splits in two and joins again in a sum, that is a residual block."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers.errors import UserError
from resources.weight_import.steps import Step, residual


@dataclass(frozen=True)
class Node:
    """What a layer of a file takes and gives, by name; `adds`: the sum of two, without `steps`; `what`: for a message.

    Arrays are no inputs here.
    """

    what: str
    inputs: tuple[str, ...]
    output: str
    steps: tuple[Step, ...] = ()
    adds: bool = False


def as_steps(nodes: Sequence[Node], where: Path) -> list[Step]:
    """Return the layers of `nodes`, given in the order of computation, with residual blocks in place of forks."""
    given = {nodes[0].inputs[0]} if nodes else set()
    users: dict[str, list[Node]] = {}
    for node in nodes:
        missing = [name for name in node.inputs if name not in given]
        if missing or len(node.inputs) != 1 + node.adds:
            found = f"{', '.join(map(repr, missing))}, which no layer gives" if missing else f"{node.inputs}"
            raise UserError(f"{where}: expected a chain of layers with residual blocks, but {node.what} takes {found}.")
        for name in node.inputs:
            users.setdefault(name, []).append(node)
        given.add(node.output)
    if not nodes:
        return []
    steps, join = _follow(nodes[0].inputs[0], users, where)
    if join is not None:
        raise UserError(f"{where}: expected two sides that meet again, but {join.what} has one.")
    return steps


def _follow(name: str, users: dict[str, list[Node]], where: Path) -> tuple[list[Step], Node | None]:
    """Return the layers from what is called `name` on, up to a sum (and that), or to the end."""
    steps: list[Step] = []
    while after := users.get(name):
        if len(after) == 1:
            (node,) = after
            if node.adds:
                return steps, node
            steps += node.steps
            name = node.output
            continue
        sides = [_side(node, users, where) for node in after]
        joins = {id(join) for _, join in sides}
        join = sides[0][1]
        if len(sides) != 2 or len(joins) != 1 or join is None:
            raise UserError(
                f"{where}: expected residual blocks, two sides that meet in a sum, but {len(after)} layers take "
                f"{name!r}: {', '.join(node.what for node in after)}."
            )
        branch, shortcut = sorted((side for side, _ in sides), key=len, reverse=True)
        steps.append(residual(branch, shortcut))
        name = join.output
    return steps, None


def _side(node: Node, users: dict[str, list[Node]], where: Path) -> tuple[list[Step], Node | None]:
    """Return one side of a fork, which begins with `node`."""
    if node.adds:
        return [], node
    steps, join = _follow(node.output, users, where)
    return [*node.steps, *steps], join
