"""The residual network in training: ROI align, losses, folding, batches of several processes, exact resumption."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.network import load_network
from fastRCNN.network.roi_align import roi_align
from resources.train_residual import fold
from resources.train_residual.align import align
from resources.train_residual.batches import Batches
from resources.train_residual.designs import FAMILIES, Designs
from resources.train_residual.losses import Truth, losses, right
from resources.train_residual.network import Learner, Normed, ResidualNet, Shape
from resources.train_residual.pool import Pool
from resources.train_residual.recipe import Plan, Recipe, Run
from resources.train_residual.train import parameter_groups, train

TINY = Shape(stem=(4, 4), widths=(4, 6, 8), blocks=(1, 1, 1), map_channels=4, waist=5, features=6)
ROIS = torch.tensor([[0.0, 0, 60, 60], [16, 24, 100, 180], [100, 40, 180, 60], [5, 5, 20, 20], [170, 170, 191, 191]])
PLAN = Plan(windows=2, rois=6, side=192, scenes=3, new_scenes=0)
RECIPE = Recipe(plan=PLAN, products=3, things=4, cells=2, pool=3, steps=6, warmup=2, shape=TINY)
QUIET = Run(drawers=0, cutters=0, threads=1)
QUIET_ALONE = dataclasses.replace(QUIET, drawers=1)


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """Three drawn scenes of the recipe above."""
    designs = Designs(products=RECIPE.products, things=RECIPE.things, cells=RECIPE.cells)
    made = Pool(tmp_path_factory.mktemp("pool"), designs, size=RECIPE.pool, seed=RECIPE.plan.seed)
    made.fill()
    return made


def _run(pool: Pool, **changes) -> Run:
    return dataclasses.replace(QUIET, pool_folder=pool.folder, **changes)


def _trained() -> ResidualNet:
    torch.manual_seed(0)
    net = ResidualNet(TINY)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.5)
            module.running_var.uniform_(0.5, 2)
            module.bias.data.normal_(0, 0.3)
            module.weight.data.normal_(0.8, 0.5)
    return net.eval()


def test_align_gives_the_numbers_of_the_network_that_is_used():
    maps = torch.randn(2, 3, 12, 15, generator=torch.Generator().manual_seed(0))
    found = align(maps, torch.stack([ROIS, ROIS.flip(0)]))
    owner = np.repeat([0, 1], 5)
    expected = roi_align(maps, torch.cat([ROIS, ROIS.flip(0)]).numpy(), owner)
    assert found.shape == (10, 7, 7, 3)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_align_takes_many_points_where_bins_are_large():
    maps = torch.randn(1, 2, 30, 30, generator=torch.Generator().manual_seed(0))
    rois = torch.tensor([[[0.0, 0, 479, 479]]])
    expected = roi_align(maps, rois[0].numpy(), np.array([0]))
    torch.testing.assert_close(align(maps, rois), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("head", [False, True])
def test_the_folded_network_equals_the_trained_one(tmp_path, head):
    net = _trained()
    spec, arrays = fold.fold(net, head=head, notes={"seed": 0})
    fold.save_network(tmp_path / "net.npz", spec.to_header(), arrays)
    network = load_network(tmp_path / "net.npz")
    assert network.spec.stride == 16 and network.spec.first_centre == 0 and network.spec.version == 2
    picture = np.random.default_rng(0).integers(0, 256, (192, 192, 3), np.uint8)
    with torch.no_grad():
        expected = net(torch.from_numpy(picture).permute(2, 0, 1)[None], ROIS[None])[int(head)].numpy()
    if not head:  # the file has the channels first
        expected = expected.reshape(5, 7, 7, 4).transpose(0, 3, 1, 2).reshape(5, -1)
    found = TorchEngine(network, device="cpu").embed([picture], [ROIS.numpy()])[0]
    assert expected.std() > 0.05 and found.shape == expected.shape == (5, 6 if head else 196)
    np.testing.assert_allclose(found, expected, atol=1e-5 * max(1, np.abs(expected).max()))


def test_the_full_network_fits_8_mb_and_knows_its_sizes(tmp_path):
    net = ResidualNet(Shape())
    fold.write(tmp_path / "net.npz", net, head=True, notes={})
    assert (tmp_path / "net.npz").stat().st_size < 8e6
    assert net.sizes == (5488, 1024)


def test_blocks_begin_as_nothing_but_their_shortcut():
    net = ResidualNet(TINY).eval()
    x = torch.rand(1, 4, 8, 8)
    assert torch.equal(net.blocks[0](x), x)
    assert sum(isinstance(module, Normed) for module in net.modules()) == 2 + 3 * 2 + 2 + 1


def _truth(label: list[int], share: list[float], weight: list[float]) -> Truth:
    count = len(label)
    return Truth(
        torch.tensor(label), torch.tensor(share), torch.zeros(count, 3), torch.zeros(count, 4), torch.tensor(weight),
        torch.tensor([0, 1, 1, 0, 1]),  # three designs, two families
    )  # fmt: skip


def _said(count: int) -> dict[str, torch.Tensor]:
    sizes = {"design": 4, "identity": 3, "family": 2, "overlap": 10, "geometry": 7}
    return {name: torch.zeros(count, size) for name, size in sizes.items()}


def test_losses_of_designs_by_hand():
    said, truth = _said(2), _truth([2, -1], [0.25, 0.0], [1, 1])
    truth.fit[0], truth.offsets[0, 0] = 1.0, 0.5
    found = {name: float(value) for name, value in losses(said, truth).items()}
    assert found["class"] == pytest.approx(math.log(4))  # any shares of equal scores
    assert found["identity"] == pytest.approx(0.25 * math.log(3))  # weighed by the share; the sum of shares is below 1
    assert found["family"] == pytest.approx(0.25 * math.log(2))
    assert found["overlap"] == pytest.approx(math.log(10))
    assert found["fit"] == pytest.approx(3 * 0.95 / 2)  # |d| - beta / 2, the first of two
    assert found["offsets"] == pytest.approx(0.45 / 2)


def test_a_thing_without_a_design_may_be_any_and_has_a_family():
    said, truth = _said(1), _truth([4], [1.0], [1])
    found = {name: float(value) for name, value in losses(said, truth).items()}
    assert found["class"] == pytest.approx(math.log(4 / 3))  # three of four are no background
    assert found["identity"] == 0 and found["family"] == pytest.approx(math.log(2))
    said["family"][0, 1] = 50
    assert float(losses(said, truth)["family"]) < 1e-5  # label 4 is of family 1


def test_what_is_unclear_costs_nothing():
    said, truth = _said(2), _truth([2, 1], [1.0, 1.0], [0, 0])
    truth.fit[:], truth.offsets[:] = 1.0, 1.0
    assert all(float(value) == 0 for value in losses(said, truth).values())


def test_right_counts_boxes_that_fit():
    said, truth = _said(4), _truth([2, 1, 4, 0], [1.0, 1.0, 1.0, 0.2], [1, 1, 1, 1])
    said["identity"][0, 2] = said["identity"][1, 0] = 1  # right, wrong
    said["family"][:, 1] = 1
    found = right(said, truth)
    assert float(found["named"]) == 0.5 and float(found["family_named"]) == 1.0


def test_every_weight_that_learns_has_its_rate():
    net = Learner(ResidualNet(TINY), 9, len(FAMILIES))
    groups = parameter_groups(net, RECIPE)
    assert sum(len(group["params"]) for group in groups) == len(list(net.parameters()))
    of = {id(p): group for group in groups for p in group["params"]}
    assert of[id(net.net.fc_a.weight)]["factor"] == pytest.approx(1000 / 196)
    assert of[id(net.net.fc_norm.weight)] == of[id(net.net.fc_norm.bias)]
    assert of[id(net.net.fc_norm.weight)]["weight_decay"] == 0


def test_batches_are_the_same_however_many_processes_make_them(pool):
    def made(workers: int) -> list[dict[str, np.ndarray]]:
        batches = Batches(pool, PLAN, 2, 9, workers=workers, wait=True)
        found = [{name: array.copy() for name, array in batch.items()} for batch in batches]
        batches.stop()
        return found

    alone, beside = made(0), made(3)
    assert len(alone) == len(beside) == 7
    for one, two in zip(alone, beside, strict=True):
        for name, array in one.items():
            assert np.array_equal(array, two[name]), name
    assert not np.array_equal(alone[0]["windows"], alone[1]["windows"])
    assert alone[0]["label"].max() >= 0 and alone[0]["windows"].shape == (2, 192, 192, 3)


def test_an_interrupted_run_ends_with_the_same_weights(tmp_path, pool):
    whole = train(tmp_path / "whole", RECIPE, _run(pool))["residual"].state_dict()
    train(tmp_path / "parts", RECIPE, _run(pool, stop=3))
    parts = train(tmp_path / "parts", RECIPE, _run(pool, cutters=2))["residual"].state_dict()
    for name, value in whole.items():
        assert torch.equal(value, parts[name]), name
    with pytest.raises(ValueError, match="another recipe"):
        train(tmp_path / "parts", dataclasses.replace(RECIPE, rate=1.0), _run(pool))
    steps = [json.loads(line)["step"] for line in (tmp_path / "parts" / "log.jsonl").read_text().splitlines()]
    assert steps == [3, 6]
    notes = load_network(tmp_path / "parts" / "residual.npz").spec.notes
    assert notes["step"] == 6 and notes["recipe"]["steps"] == 6


def test_more_families_are_learnt_when_the_recipe_says_so(tmp_path):
    recipe = dataclasses.replace(RECIPE, steps=1, formulas=2, aerials=3)
    learner = train(tmp_path, recipe, QUIET_ALONE)["residual"]
    assert learner.heads[0].family.out_features == 28 and learner.heads[0].identity.out_features == 9 + 5
    assert Recipe.of(load_network(tmp_path / "residual.npz").spec.notes["recipe"]) == recipe
    with pytest.raises(ValueError, match="another recipe"):
        train(tmp_path, RECIPE, QUIET_ALONE)


def test_a_header_from_before_them_is_a_recipe_without():
    entries = dataclasses.asdict(RECIPE)
    del entries["formulas"], entries["aerials"]
    assert Recipe.of(entries) == RECIPE and RECIPE.designs().family_names == FAMILIES


def test_the_checkpoint_gives_the_weight_file_again(tmp_path, pool, monkeypatch):
    train(tmp_path, RECIPE, _run(pool))
    for head in ("", "_head"):
        arguments = [str(tmp_path / "checkpoint.pt"), str(tmp_path / "again.npz"), *(["--head"] if head else [])]
        monkeypatch.setattr("sys.argv", ["fold", *arguments])
        assert fold.main() == 0
        again, before = load_network(tmp_path / "again.npz"), load_network(tmp_path / f"residual{head}.npz")
        assert again.spec.trunk == before.spec.trunk and again.spec.head == before.spec.head
        for name in before.arrays:
            assert np.array_equal(again.arrays[name], before.arrays[name]), name


def test_a_short_run_learns(tmp_path, pool):
    recipe = dataclasses.replace(RECIPE, steps=60, warmup=5, rate=4e-3, bfloat16=False)
    train(tmp_path, recipe, _run(pool))
    first, last = (json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines())
    assert last["step"] == 60
    for name in ("overlap", "fit", "offsets", "overlap_1", "fit_1"):
        assert last["residual"][name] < first["residual"][name], name


def test_by_the_clock_a_run_ends_and_keeps_no_checkpoint(tmp_path, pool):
    train(tmp_path, RECIPE, _run(pool, minutes=0.02, alexnet=False))
    assert (tmp_path / "residual.npz").exists() and not (tmp_path / "checkpoint.pt").exists()


def test_alexnet_learns_on_the_same_batches(tmp_path, pool):
    recipe = dataclasses.replace(RECIPE, steps=1)
    learners = train(tmp_path, recipe, _run(pool, alexnet=True))
    assert list(learners) == ["residual", "alexnet"]
    line = json.loads((tmp_path / "log.jsonl").read_text())
    assert line["alexnet"]["class"] > 0 and line["residual"]["class"] > 0
    assert load_network(tmp_path / "alexnet.npz").spec.feature_dimension == 4096


def test_the_rate_warms_up_stays_and_falls_to_zero():
    recipe = Recipe(warmup=10, decay=0.2)
    found = [recipe.factor(step, progress) for step, progress in ((0, 0), (9, 0.1), (50, 0.8), (90, 0.9), (99, 1.0))]
    assert found == pytest.approx([0.1, 1, 1, 0.5, 0])
