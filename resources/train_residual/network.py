"""The residual trunk for training, what learns on its ROIs, and AlexNet beside it for comparison.

Blocks of two 3 x 3 convolutions with a sum around them (He, Zhang, Ren, Sun, 2015), stride 16 in all, then a 1 x 1
convolution that narrows. Batch normalisation everywhere; `fold.py` folds it. What comes out of ROI align of 7 x 7 is a
ROI's first description; two thin linear layers on it give a second, shorter one. Heads on both are thrown away at the
end. Letters: N windows, R ROIs of each, D designs, F families.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from resources.train_residual.align import align

BINS = 7
OVERLAP_BINS = 10
INPUT_MEAN, INPUT_SCALE = 114.0, 1 / 64


@dataclass(frozen=True)
class Shape:
    """Widths: with the defaults 3.8 million weights, 7.6 MB as float16."""

    stem: tuple[int, int] = (32, 48)
    widths: tuple[int, ...] = (48, 112, 224)
    blocks: tuple[int, ...] = (2, 2, 3)
    map_channels: int = 112
    waist: int = 128
    features: int = 1024


class Normed(nn.Module):
    """A convolution and its batch normalisation."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(out)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = self.norm(self.conv(x))
        return normed


class Block(nn.Module):
    """relu(branch(x) + shortcut(x)); the branch begins as nothing."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.first, self.second = Normed(channels, out, 3, stride), Normed(out, out, 3)
        nn.init.zeros_(self.second.norm.weight)
        self.shortcut = Normed(channels, out, 1, stride) if channels != out or stride > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        branch = self.second(functional.relu(self.first(x), inplace=True))
        return functional.relu(branch + (x if self.shortcut is None else self.shortcut(x)))


class ResidualNet(nn.Module):
    """Windows and ROIs in, two descriptions of each ROI out."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        one, two = shape.stem
        self.stem = nn.ModuleList([Normed(3, one, 5, 2), Normed(one, two, 3, 2)])
        blocks, channels = [], two
        for stage, (width, count) in enumerate(zip(shape.widths, shape.blocks, strict=True)):
            for number in range(count):
                blocks.append(Block(channels, width, 2 if stage and number == 0 else 1))
                channels = width
        self.blocks = nn.ModuleList(blocks)
        self.last = Normed(channels, shape.map_channels, 1)
        self.fc_a = nn.Linear(BINS * BINS * shape.map_channels, shape.waist, bias=False)
        self.fc_b = nn.Linear(shape.waist, shape.features, bias=False)
        self.fc_norm = nn.BatchNorm1d(shape.features)
        for layer in (self.fc_a, self.fc_b):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    @property
    def sizes(self) -> tuple[int, int]:
        """How many numbers each description has."""
        return BINS * BINS * self.shape.map_channels, self.shape.features

    def maps(self, windows: Tensor) -> Tensor:
        """Return the trunk's maps (N, C, H/16, W/16) of `windows` (N, 3, H, W) uint8 BGR."""
        x = ((windows.float() - INPUT_MEAN) * INPUT_SCALE).contiguous(memory_format=torch.channels_last)
        for layer in self.stem:
            x = functional.relu(layer(x), inplace=True)
        for block in self.blocks:
            x = block(x)
        return functional.relu(self.last(x), inplace=True)

    def forward(self, windows: Tensor, rois: Tensor) -> tuple[Tensor, Tensor]:
        """Return pooled maps (N * R, 7 * 7 * C), rows, columns, channels, and features (N * R, 1024)."""
        pooled = align(self.maps(windows), rois, size=BINS).flatten(1)
        return pooled, functional.relu(self.fc_norm(self.fc_b(self.fc_a(pooled))))


class AlexNet(nn.Module):
    """The bundled network's shape behind the same interface: the comparison."""

    def __init__(self) -> None:
        super().__init__()
        from resources.train_alexnet.network import Shape as AlexNetShape  # ROI pooling needs Numba; this net alone
        from resources.train_alexnet.network import TrainingAlexNet

        self.net = TrainingAlexNet(AlexNetShape(), 1)
        for head in (self.net.design, self.net.identity, self.net.overlap, self.net.geometry):
            head.requires_grad_(False)  # it has others here
        self.sizes = (self.net.shape.features,)

    def forward(self, windows: Tensor, rois: Tensor) -> tuple[Tensor]:
        """Return features (N * R, 4096)."""
        owner = torch.arange(len(rois)).repeat_interleave(rois.shape[1])
        return (self.net(windows, rois.flatten(0, 1).cpu(), owner),)


class Heads(nn.Module):
    """What must be said of a ROI from a description of it: linear layers, thrown away at the end."""

    def __init__(self, features: int, designs: int, families: int) -> None:
        super().__init__()
        self.design = nn.Linear(features, designs + 1)  # background first
        self.identity = nn.Linear(features, designs)  # which design, given that the box fits
        self.family = nn.Linear(features, families)
        self.overlap = nn.Linear(features, OVERLAP_BINS)
        self.geometry = nn.Linear(features, 7)  # three fits, four offsets
        for head in self.children():
            nn.init.normal_(head.weight, std=0.01)  # type: ignore[arg-type]
            nn.init.zeros_(head.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        """Return what each head says, float32."""
        return {name: head(features).float() for name, head in self.named_children()}


class Learner(nn.Module):
    """A network and heads on each of its descriptions."""

    def __init__(self, net: nn.Module, designs: int, families: int) -> None:
        super().__init__()
        self.net = net
        self.heads = nn.ModuleList(Heads(size, designs, families) for size in net.sizes)  # type: ignore[union-attr]

    def forward(self, windows: Tensor, rois: Tensor) -> list[dict[str, Tensor]]:
        """Return what is said from each description."""
        return [heads(found) for heads, found in zip(self.heads, self.net(windows, rois), strict=True)]
