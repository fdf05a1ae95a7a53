"""The step that a network learns by: against hand arithmetic and a recorded run of CNTK 2.7."""

import numpy as np
import pytest
import torch

from fastRCNN.nn.learning_rate import UnitGainSgd, minibatch_momentum, rate_per_image
from fastRCNN.nn.losses import roi_losses

TUTORIAL = [0.01] * 10 + [0.001] * 5 + [0.0001]


@pytest.mark.parametrize(
    ("epoch", "rate"), [(0, 0.01), (9, 0.01), (10, 0.001), (14, 0.001), (15, 0.0001), (99, 0.0001)]
)
def test_the_last_rate_goes_on(epoch, rate):
    assert rate_per_image(TUTORIAL, epoch) == rate


def test_warm_up_rises_evenly_to_the_rate():
    times = [(0, 0.5), (0, 1), (1, 0.5), (1, 1), (2, 0.1)]
    rates = [rate_per_image([0.1], epoch, progress=part, warmup_epochs=2.0) for epoch, part in times]
    assert rates == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1])


def test_momentum_of_a_minibatch():
    assert minibatch_momentum(10.0, 5) == pytest.approx(0.6065306597)
    assert minibatch_momentum(0.0, 5) == 0.0


def test_two_steps_by_hand():
    weight = torch.nn.Parameter(torch.tensor([2.0]))
    optimiser = UnitGainSgd([weight], l2_weight=0.5)
    weight.grad = torch.tensor([3.0])
    optimiser.step(rate=0.1, momentum=0.8, pictures=2)
    # g = 3 + 2 * 0.5 * 2 = 5; v = 0.8 * 0 + 0.2 * 0.1 * 5 = 0.1; w = 2 - 0.1
    assert weight.item() == pytest.approx(1.9)
    assert weight.grad.item() == 0.0
    weight.grad = torch.tensor([-1.0])
    optimiser.step(rate=0.01, momentum=0.5, pictures=1)
    # g = -1 + 0.5 * 1.9 = -0.05; v = 0.5 * 0.1 + 0.5 * 0.01 * -0.05 = 0.04975: the old rate still counts
    assert weight.item() == pytest.approx(1.85025)


# Recorded with cntk 2.7 (CPU, Python 3.6): a picture is (3 ROIs, 4 numbers), z = times(x, W) + b,
# cross_entropy_with_softmax(z, y, axis=1), momentum_sgd(z.parameters, learning_rate_schedule([0.9 / 3],
# unit=UnitType.sample), momentum_as_time_constant_schedule(10), l2_regularization_weight=0.05); minibatches of the
# pictures 0 1, then 2, then 0 1.
CNTK_W = [[0.5, 0.875, -1.0], [-0.625, -0.625, -0.125], [0.125, -0.5, -0.25], [0.5, -0.875, -0.25]]
CNTK_X = [
    [[-0.125, 0.75, -0.375, 0.625], [0.0, 0.125, 1.0, -0.375], [0.875, 0.875, -1.0, -0.625]],
    [[0.75, -0.125, -1.0, -0.875], [0.125, -1.0, 0.25, -0.625], [0.375, -0.75, -1.0, -1.0]],
    [[-0.5, -0.375, -0.25, 0.0], [0.875, -0.5, 0.125, 0.25], [-0.875, -0.875, -0.125, 0.125]],
]
CNTK_LABELS = [[1, 2, 2], [2, 0, 2], [1, 0, 1]]
CNTK_RECORD = [
    (
        [[0.4929412007331848, 0.7754638195037842, -0.8954442739486694],
         [-0.6803194880485535, -0.5586104393005371, -0.12859272956848145],
         [0.13993515074253082, -0.40968838334083557, -0.35184794664382935],
         [0.4809797406196594, -0.7096946239471436, -0.39288634061813354]],
        [-0.015503719449043274, -0.13127350807189941, 0.1467772126197815],
        5.44956111907959, 1.0,
    ),
    (
        [[0.5079295635223389, 0.642183244228363, -0.7795296907424927],
         [-0.7272772192955017, -0.5220150947570801, -0.10951248556375504],
         [0.15767385065555573, -0.33742302656173706, -0.43788933753967285],
         [0.46563607454299927, -0.5587964653968811, -0.5244781374931335]],
        [-0.03006337769329548, -0.21394012868404388, 0.24400347471237183],
        4.1324615478515625, 0.6666666865348816,
    ),
    (
        [[0.5081784725189209, 0.46529701352119446, -0.606854259967804],
         [-0.8135069012641907, -0.4376216530799866, -0.09314937889575958],
         [0.19199228286743164, -0.22849909961223602, -0.5745285749435425],
         [0.443997859954834, -0.31663811206817627, -0.7383951544761658]],
        [-0.06421709060668945, -0.3545272946357727, 0.41874435544013977],
        3.50535249710083, 0.8333333730697632,
    ),
]  # fmt: skip


def test_three_minibatches_as_cntk_learns_them():
    layer = torch.nn.Linear(4, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(CNTK_W).T)
        layer.bias.zero_()
    optimiser = UnitGainSgd(layer.parameters(), l2_weight=0.05)
    for pictures, (weight, bias, loss, error) in zip([[0, 1], [2], [0, 1]], CNTK_RECORD, strict=True):
        rows = torch.tensor([roi for number in pictures for roi in CNTK_X[number]])
        labels = torch.tensor([label for number in pictures for label in CNTK_LABELS[number]])
        losses = roi_losses(layer(rows), None, labels, None)
        losses.classes.sum().backward()
        momentum = minibatch_momentum(10.0, len(pictures))
        optimiser.step(rate=rate_per_image([0.9], 0) / 3, momentum=momentum, pictures=len(pictures))
        np.testing.assert_allclose(layer.weight.detach().numpy().T, weight, atol=2e-6)
        np.testing.assert_allclose(layer.bias.detach().numpy(), bias, atol=2e-6)
        assert losses.classes.sum().item() / len(pictures) == pytest.approx(loss, rel=1e-6)  # CNTK: per picture
        assert losses.wrong.float().mean().item() == pytest.approx(error)  # CNTK: per ROI
