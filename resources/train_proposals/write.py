"""Write the weight file of a trained network that proposes regions: float16, its recipe in the header.

python -m resources.train_proposals.write FOLDER/checkpoint.pt FILE.npz
"""

import argparse
import dataclasses
import hashlib
import sys
from pathlib import Path

import numpy as np
import torch

from fastRCNN.network.network import load_network, save_network
from resources.train_proposals.network import TrainingProposer, start_network
from resources.train_proposals.recipe import Recipe
from resources.train_proposals.train import BUNDLED

SOURCE = "resources/train_proposals: trained on procedural pictures, from resources/cntk/AlexNet.npz"


def program_sha256() -> str:
    """Return the SHA-256 of this folder's programs, names and bytes, in order."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def write(checkpoint: Path, file: Path) -> None:
    """Write `file` from a `checkpoint` of `train.py`."""
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")
    recipe = Recipe(**state["recipe"])
    net = TrainingProposer(start_network(load_network(BUNDLED), recipe.seed, recipe.channels))
    net.load_state_dict(state["net"])
    notes = {
        "recipe": dataclasses.asdict(recipe),
        "step": state["step"],
        "training_seconds": round(state["seconds"]),
        "trunk_began_as": hashlib.sha256(BUNDLED.read_bytes()).hexdigest(),
        "program_sha256": program_sha256(),
    }
    spec = dataclasses.replace(net.spec, source=SOURCE, notes=notes)
    save_network(file, spec.to_header(), {name: array.astype(np.float16) for name, array in net.arrays().items()})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    write(arguments.checkpoint, arguments.file)
    print(f"{arguments.file}: {arguments.file.stat().st_size / 1e6:.1f} MB", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
