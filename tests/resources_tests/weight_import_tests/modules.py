"""Published networks as plain PyTorch modules, with the names of torchvision's tensors; widths can be slim.

Written after the papers and torchvision's documentation, independently of the importers. Where torchvision itself can
be imported, test_torchvision_resnet.py compares these with its own modules.
"""

import torch
from torch import nn


class Vgg16(nn.Module):
    """Simonyan, Zisserman 2014, configuration D."""

    def __init__(self, width: int = 64, hidden: int = 4096, labels: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for times, repeated in ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3)):
            for _ in range(repeated):
                layers += [nn.Conv2d(inputs, width * times, 3, padding=1), nn.ReLU()]
                inputs = width * times
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(49 * inputs, hidden), nn.ReLU(), nn.Dropout(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(),
            nn.Linear(hidden, labels),
        )  # fmt: skip

    def trunk(self, x):
        return self.features[:-1](x)

    def head(self, maps):
        return self.classifier[:5](self.features[-1](maps).flatten(1))


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 with the stride, 1 x 1 to four times the width; `first_strides`: the stride in the first instead."""

    def __init__(self, inputs: int, width: int, stride: int, *, first_strides: bool = False) -> None:
        super().__init__()
        one, two = (stride, 1) if first_strides else (1, stride)
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, one, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, two, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.downsample = None
        if stride != 1 or inputs != 4 * width:
            convolution = nn.Conv2d(inputs, 4 * width, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(4 * width))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x)))


class BasicBlock(nn.Module):
    """3 x 3 with the stride, 3 x 3."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or inputs != width:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """He et al. 2015: `blocks` in each of four stages."""

    def __init__(
        self, blocks: tuple[int, ...], width: int = 64, labels: int = 1000, *, basic: bool = False,
        first_strides: bool = False, ceil: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 0 if ceil else 1, ceil_mode=ceil)
        inputs = width
        for stage, count in enumerate(blocks):
            row = []
            for number in range(count):
                stride = 2 if stage and not number else 1
                wide = width * 2**stage
                if basic:
                    row.append(BasicBlock(inputs, wide, stride))
                else:
                    row.append(Bottleneck(inputs, wide, stride, first_strides=first_strides))
                inputs = wide if basic else 4 * wide
            setattr(self, f"layer{stage + 1}", nn.Sequential(*row))
        self.fc = nn.Linear(inputs, labels)

    def trunk(self, x):
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        return self.layer3(self.layer2(self.layer1(x)))

    def head(self, pooled):
        return self.layer4(pooled).mean((2, 3))

    def forward(self, x):
        return self.fc(self.head(self.trunk(x)))


def randomised(module: nn.Module, seed: int = 0) -> nn.Module:
    """Random weights and statistics that neither fade nor explode."""
    torch.manual_seed(seed)
    for each in module.modules():
        if isinstance(each, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(each.weight)
            if each.bias is not None:
                each.bias.data.normal_(0, 0.1)
        if isinstance(each, nn.BatchNorm2d):
            each.weight.data.uniform_(0.3, 0.8)
            each.bias.data.normal_(0, 0.1)
            each.running_mean.normal_(0, 0.1)
            each.running_var.uniform_(0.5, 1.5)
    return module.eval()
