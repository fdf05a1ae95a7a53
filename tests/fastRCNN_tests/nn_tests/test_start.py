"""The fitted first layers are the optima that scikit-learn finds."""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from fastRCNN.nn.start import fit_softmax


def test_the_fit_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 120)
    rows = (50 + 5 * rng.standard_normal((120, 6)) + 3 * np.eye(6)[labels]).astype(np.float32)
    weight, bias = fit_softmax(torch.from_numpy(rows), torch.from_numpy(labels), 3, l2_weight=0.01, iterations=500)
    centred = rows - rows.mean(axis=0)
    scale = 10 / np.sqrt((centred**2).sum(axis=1).mean())
    # scikit-learn minimises sum of losses + |w|^2 / (2 C); ours is the mean of losses + 0.01 |w|^2
    peer = LogisticRegression(C=1 / (2 * 0.01 * 120), tol=1e-8, max_iter=5000).fit(centred * scale, labels)
    ours = torch.softmax(torch.from_numpy(rows) @ weight.T + bias, dim=1).numpy()
    np.testing.assert_allclose(ours, peer.predict_proba(centred * scale), atol=2e-3)


def test_rows_that_are_all_equal_give_the_shares_of_the_classes():
    rows, labels = torch.full((8, 3), 7.0), torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    weight, bias = fit_softmax(rows, labels, 2)
    torch.testing.assert_close(torch.softmax(rows @ weight.T + bias, dim=1), torch.full((8, 2), 0.5))


def test_narrow_directions_are_found_in_few_steps():
    rng = np.random.default_rng(0)
    rows = torch.from_numpy((rng.standard_normal((400, 30)) * np.geomspace(100, 0.03, 30)).astype(np.float32))
    labels = (rows[:, -12] > 0).long()  # a direction of a fiftieth of the width of the first
    weight, bias = fit_softmax(rows, labels, 2, iterations=30)
    assert float(((rows @ weight.T + bias).argmax(dim=1) == labels).float().mean()) > 0.97
