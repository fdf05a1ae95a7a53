"""The figures of Faster R-CNN, from a trained detector: what B1 and B2 draw, the curves of training, pooled cells.

`docs/refresh.py` calls this where step 3 has been run with classifier "faster".
"""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from fastRCNN.engines import load_engine
from fastRCNN.network.network import load_network
from fastRCNN.network.roi_pooling import roi_cells, roi_pool
from fastRCNN.rpn.picture_area import PictureArea
from helpers.annotations import read_annotation
from helpers.artifacts import Artifacts, atomic_write
from helpers.boxes import areas
from helpers.images import find_images, pad_to_square, read_image, resize_to_max_dim, write_image

ORANGE, WHITE = "#d55e00", "#ffffff"
WIDTH = 1100


def draw(of: Artifacts, folder: Path, pad_size: int) -> None:
    """Write the figures into `folder`; B1 and B2 have been run with classifier "faster"."""
    first = find_images(of.data / "positive")[0]
    of_first = of.results / "regions" / f"train_0{first.stem}"
    parts = {name: read_image(Path(f"{of_first}.{name}.jpg")) for name in (
        "1_anchors", "2_anchorTargets", "3_objectness", "4_before", "5_after", "6_targets")}  # fmt: skip
    for name, shown in {
        "faster_anchors.jpg": ("1_anchors", "2_anchorTargets"),
        "faster_objectness.jpg": ("3_objectness", "6_targets"),
        "faster_proposals.jpg": ("4_before", "5_after"),
    }.items():
        write_image(folder / name, beside([parts[each] for each in shown]), jpeg_quality=85)
    for name, source in {
        "faster_training.png": of.model_file("faster").with_name("training_faster.png"),
        "faster_recall.png": of.results / "roi_recall_compared.png",
    }.items():
        write_image(folder / name, resize_to_max_dim(read_image(source), WIDTH)[0])
    draw_pooling(of, first, folder / "roi_pooling.png", pad_size)


def beside(images: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return `images` of one height in a row, with a white line between."""
    line = np.full((len(images[0]), 8, 3), 255, np.uint8)
    row = np.concatenate([part for image in images for part in (image, line)][:-1], axis=1)
    return resize_to_max_dim(row, WIDTH)[0]


def draw_pooling(of: Artifacts, picture: Path, file: Path, pad_size: int) -> None:
    """Draw how ROI pooling makes 6 x 6 numbers of one object of `picture`, on the map that answers it most."""
    image = read_image(picture)
    height, width = image.shape[:2]
    network = load_network(of.model_file("faster"))
    spec = network.spec
    area = PictureArea.of(width, height, pad_size)
    boxes = np.asarray(read_annotation(picture, width, height).boxes)
    box = boxes[[areas(boxes).argmax()]]
    roi = area.to_network(box).astype(np.float32)
    padded, _ = pad_to_square(image, pad_size)
    with load_engine("torch", network, device="cpu") as engine:
        maps = engine.feature_map([padded])[0].float().cpu().numpy()
    size, scale = spec.pooling_size, spec.spatial_scale
    pooled = roi_pool(np.ascontiguousarray(maps), roi, size=size, spatial_scale=scale)[0]
    channel = int(pooled.mean(axis=(1, 2)).argmax())
    x1, y1, x2, y2 = roi_cells(roi, spatial_scale=scale)[0].tolist()
    figure = Figure(figsize=(11, 4), dpi=100)
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(1, 3)
    _picture(left, padded, roi[0], spec.stride)
    middle.imshow(maps[channel], cmap="magma")
    rows, columns = (np.linspace(low - 0.5, high + 0.5, size + 1) for low, high in ((y1, y2), (x1, x2)))
    for row in rows:
        middle.plot([columns[0], columns[-1]], [row, row], color=WHITE, linewidth=0.8)
    for column in columns:
        middle.plot([column, column], [rows[0], rows[-1]], color=WHITE, linewidth=0.8)
    around = 3
    middle.set_xticks([])
    middle.set_yticks([])
    middle.set_xlim(max(x1 - around, 0) - 0.5, x2 + around + 0.5)
    middle.set_ylim(y2 + around + 0.5, max(y1 - around, 0) - 0.5)
    middle.set_title(f"one channel of {len(maps)}: the ROI in whole cells,\nin {size} x {size} parts", fontsize=10)
    right.imshow(pooled[channel], cmap="magma", vmin=maps[channel].min(), vmax=maps[channel].max())
    for (row, column), value in np.ndenumerate(pooled[channel]):
        ink = "#000000" if value > 0.6 * maps[channel].max() else WHITE
        right.text(column, row, f"{value:.2g}", ha="center", va="center", color=ink, fontsize=8)
    right.set_title("the largest number of each part", fontsize=10)
    right.set_xticks([])
    right.set_yticks([])
    figure.tight_layout()
    with atomic_write(file) as temporary:
        figure.savefig(temporary, format="png")


def _picture(axes: Axes, padded: NDArray[np.uint8], roi: NDArray[np.float32], stride: int) -> None:
    """Draw the picture around `roi` (4,) with the map's cells as a grid."""
    x1, y1, x2, y2 = roi.tolist()
    axes.imshow(padded[:, :, ::-1])
    axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=ORANGE, linewidth=2))
    around = 3 * stride
    left, top, right, bottom = max(x1 - around, 0), max(y1 - around, 0), x2 + around, y2 + around
    for low, high, across in ((left, right, True), (top, bottom, False)):
        for line in np.arange(low // stride * stride, high, stride):
            (axes.axvline if across else axes.axhline)(line, color=WHITE, linewidth=0.4)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(f"a ROI in the picture; a cell of the map\nfor every {stride} x {stride} pixels", fontsize=10)
