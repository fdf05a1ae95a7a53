"""Products by oneDNN: chosen for the right processors, and equal to PyTorch's but for rounding, gradients included."""

import pytest
import torch
from torch.nn import functional

from fastRCNN.engines import torch_linear
from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.engines.torch_linear import has_onednn, linear, onednn_is_faster
from fastRCNN.network.alexnet import cntk_shape, he_initialised

needs_onednn = pytest.mark.skipif(not has_onednn(), reason="this PyTorch has no oneDNN")


@pytest.fixture(autouse=True)
def asked_anew():
    onednn_is_faster.cache_clear()
    yield
    onednn_is_faster.cache_clear()


@pytest.mark.parametrize(
    ("amd", "capability", "expected"),
    [(True, "AVX512", True), (True, "AVX512_BF16", True), (True, "AVX2", False), (False, "AVX512", False)],
)
def test_amd_with_avx512_takes_onednn(monkeypatch, amd, capability, expected):
    monkeypatch.setattr(torch_linear, "is_amd", lambda: amd)
    monkeypatch.setattr(torch_linear, "has_onednn", lambda: True)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert onednn_is_faster() is expected


def test_what_the_system_says_of_the_processor(monkeypatch):
    def absent(*_args, **_options):
        raise FileNotFoundError

    read_text = "fastRCNN.engines.torch_linear.Path.read_text"
    for told, expected in (("vendor_id\t: AuthenticAMD\n", True), ("vendor_id\t: GenuineIntel\n", False)):
        monkeypatch.setattr(read_text, lambda *_args, told=told, **_options: told)
        assert torch_linear.is_amd() is expected
    monkeypatch.setattr(read_text, absent)
    monkeypatch.setattr(torch_linear.platform, "processor", lambda: "AMD64 Family 25 Model 33 Stepping 0, AuthenticAMD")
    assert torch_linear.is_amd()


@pytest.fixture
def by_onednn(monkeypatch):
    """As on such a processor; the number of products that oneDNN made."""
    calls, product = [], torch_linear._product
    monkeypatch.setattr(torch_linear, "onednn_is_faster", lambda: True)
    monkeypatch.setattr(torch_linear, "_product", lambda *a: calls.append(len(a)) or product(*a))
    return calls


@needs_onednn
@pytest.mark.parametrize("with_bias", [True, False])
def test_products_and_gradients_are_the_same(by_onednn, with_bias):
    torch.manual_seed(0)
    tensors = [torch.randn(37, 50), torch.randn(23, 50), *([torch.randn(23)] if with_bias else [])]
    found, expected = ([each.clone().requires_grad_() for each in tensors] for _ in range(2))
    ours = linear(*found, *([] if with_bias else [None]))
    theirs = functional.linear(*expected)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    weights = torch.randn(37, 23)
    (ours * weights).sum().backward()
    (theirs * weights).sum().backward()
    assert len(by_onednn) == 3
    for mine, other in zip(found, expected, strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-4, atol=1e-4)
    with torch.inference_mode():
        torch.testing.assert_close(linear(*tensors, *([] if with_bias else [None])), theirs.detach())
    assert len(by_onednn) == 4


@needs_onednn
def test_an_engine_uses_it_for_float32_alone(by_onednn, monkeypatch):
    network = he_initialised(0, spec=cntk_shape(widths=(8,) * 5, hidden=16))
    picture, rois = torch.randint(0, 255, (128, 128, 3), dtype=torch.uint8).numpy(), torch.rand(9, 4).numpy() * 100
    rois[:, 2:] += rois[:, :2]
    (found,) = TorchEngine(network, device="cpu").embed([picture], [rois])
    assert len(by_onednn) == 2, "fc6 and fc7"
    TorchEngine(network, device="cpu", precision="bfloat16").embed([picture], [rois])
    assert len(by_onednn) == 2
    monkeypatch.setattr(torch_linear, "onednn_is_faster", lambda: False)
    (expected,) = TorchEngine(network, device="cpu").embed([picture], [rois])
    assert abs(found - expected).max() < 1e-5 * expected.max()
    assert linear(torch.zeros(0, 3), torch.zeros(2, 3), None).shape == (0, 2)
