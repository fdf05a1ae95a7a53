"""The trained SVMs of all classes, and their three text files (step 4 writes them, steps 5 and 6 read them).

Letters in shapes: C classes (0 is the background), D features.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from helpers.artifacts import atomic_write
from helpers.errors import UserError

WEIGHTS, BIASES, FEATURE_SCALE = "svmweights", "svmbias", "svmfeature_scale"
_ADVICE = "Run 4_trainSvm.py again: it writes this file."


def model_files(folder: str | Path, suffix: str = "") -> list[Path]:
    """Return the three paths, with their published names: `svmweights_exp1.txt`, `svmweights_exp1_epoch0.txt`, ..."""
    return [Path(folder) / f"{kind}_exp1{suffix}.txt" for kind in (WEIGHTS, BIASES, FEATURE_SCALE)]


@dataclass(frozen=True, eq=False)
class SvmModel:
    """One linear classifier per class, for embeddings as the network computes them.

    weights: (C, D) float64; they already contain the feature scale, so `feature . weights[j] + biases[j]` is the margin
        of class j. Row 0, the background, is zeros: an ROI is background when no class scores above 0.
    biases: (C,) float64, biases[0] == 0.
    feature_scale: the factor that gave the training features a mean norm of `svm_targetNorm`. Needed only to
        reproduce the published scores (`fastRCNN.svm.scoring`).
    """

    weights: NDArray[np.float64]
    biases: NDArray[np.float64]
    feature_scale: float

    def __post_init__(self) -> None:
        weights = np.array(self.weights, dtype=np.float64)
        biases = np.array(self.biases, dtype=np.float64)
        if weights.ndim != 2 or biases.shape != (len(weights),):
            raise ValueError(f"expected weights (C, D) and biases (C,), got {weights.shape} and {biases.shape}")
        if not (np.isfinite(weights).all() and np.isfinite(biases).all()):
            raise ValueError("weights and biases must be finite numbers")
        if not (np.isfinite(self.feature_scale) and self.feature_scale > 0):
            raise ValueError(f"feature_scale must be a positive number, got {self.feature_scale}")
        weights.setflags(write=False)
        biases.setflags(write=False)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "biases", biases)
        object.__setattr__(self, "feature_scale", float(self.feature_scale))

    @property
    def nr_classes(self) -> int:
        """C, background included."""
        return self.weights.shape[0]

    @property
    def feature_dimension(self) -> int:
        """D, the length of one embedding."""
        return self.weights.shape[1]

    def save(self, folder: str | Path, suffix: str = "") -> list[Path]:
        """Write the three text files to `folder` (made when missing) and return their paths.

        Numbers have 19 significant digits (`%.18e`), so that loading gives back the same bits. `suffix` is "_epoch0"
        for the snapshot after the first pass.
        """
        paths = model_files(folder, suffix)
        contents = (self.weights, self.biases, np.array([self.feature_scale]))
        for path, values in reversed(list(zip(paths, contents, strict=True))):  # weights last: then all is there
            with atomic_write(path) as temporary:
                np.savetxt(temporary, values, fmt="%.18e")
        return paths

    @classmethod
    def load(
        cls,
        folder: str | Path,
        suffix: str = "",
        *,
        nr_classes: int | None = None,
        feature_dimension: int | None = None,
    ) -> "SvmModel":
        """Read the three text files from `folder`; files written by the published tutorial are read as well.

        `nr_classes` and `feature_dimension`, when given, are what the caller's data set and network need. Raises
        `UserError` with file and line for a missing file, text that is no number, numbers that are not finite, lines
        of unequal length, and shapes that do not fit.
        """
        weights_path, biases_path, scale_path = model_files(folder, suffix)
        weights, biases, scale = (_read_table(path) for path in (weights_path, biases_path, scale_path))
        if biases.shape[1] != 1:
            raise UserError(f"{biases_path}: expected one number per line, found {biases.shape[1]}. {_ADVICE}")
        if len(biases) != len(weights):
            raise UserError(
                f"{biases_path}: expected one line for each of the {len(weights)} lines of {weights_path.name}, "
                f"found {len(biases)}. The two files come from different runs. {_ADVICE}"
            )
        if scale.shape != (1, 1) or scale[0, 0] <= 0:
            raise UserError(f"{scale_path}:1: expected a single positive number. {_ADVICE}")
        if nr_classes is not None and len(weights) != nr_classes:
            raise UserError(
                f"{weights_path}: expected {nr_classes} lines (the classes of the data set, background included), "
                f"found {len(weights)}: these SVMs were trained with other classes. {_ADVICE}"
            )
        if feature_dimension is not None and weights.shape[1] != feature_dimension:
            raise UserError(
                f"{weights_path}: expected {feature_dimension} numbers per line (the length of an embedding), "
                f"found {weights.shape[1]}: these SVMs were trained with another network. {_ADVICE}"
            )
        return cls(weights, biases[:, 0], float(scale[0, 0]))


def _read_table(path: Path) -> NDArray[np.float64]:
    """Return the numbers of a text file, (lines, numbers per line) float64, all finite."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: not found. The SVMs are not trained yet: run 4_trainSvm.py first.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text ({error}). {_ADVICE}") from None
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise UserError(f"{path}: expected numbers, found an empty file. {_ADVICE}")
    width = len(lines[0][1])
    rows = []
    for number, fields in lines:
        if len(fields) != width:
            raise UserError(
                f"{path}:{number}: expected {width} numbers as in the first line, found {len(fields)}. {_ADVICE}"
            )
        try:
            row = np.array(fields, dtype=np.float64)
        except ValueError as error:
            raise UserError(f"{path}:{number}: expected numbers ({error}). {_ADVICE}") from None
        if not np.isfinite(row).all():
            wrong = fields[int(np.argmin(np.isfinite(row)))]
            raise UserError(f"{path}:{number}: expected finite numbers, found '{wrong}'. {_ADVICE}")
        rows.append(row)
    return np.stack(rows)
