"""Devices, the two switches for TF32, and processes that were forked; all without a GPU."""

import os
import threading

import pytest
import torch

from fastRCNN.engines.torch_device import Process, choose_device, exact_products
from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.alexnet import cntk_shape, he_initialised
from helpers.errors import UserError

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def switches():
    return torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


@pytest.fixture
def allowed():
    before = switches()
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


def test_float32_on_a_gpu_is_not_tf32(allowed):
    with exact_products(GPU, "float32"):
        assert switches() == (False, False)
        with exact_products(GPU, "float32"):
            assert switches() == (False, False)
        assert switches() == (False, False), "the one outside is still open"
    assert switches() == (True, True)
    with pytest.raises(KeyError), exact_products(GPU, "float32"):
        raise KeyError
    assert switches() == (True, True)


@pytest.mark.parametrize(("device", "precision"), [(CPU, "float32"), (GPU, "bfloat16")])
def test_elsewhere_nothing_is_switched(allowed, device, precision):
    with exact_products(device, precision):
        assert switches() == (True, True)


def test_of_two_threads_the_last_puts_the_switches_back(allowed):
    inside, leave = threading.Event(), threading.Event()

    def other():
        with exact_products(GPU, "float32"):
            inside.set()
            assert leave.wait(10)

    thread = threading.Thread(target=other)
    with exact_products(GPU, "float32"):
        thread.start()
        assert inside.wait(10)
    assert switches() == (False, False)
    leave.set()
    thread.join()
    assert switches() == (True, True)


def test_the_engine_computes_inside_of_it(monkeypatch):
    engine = TorchEngine(he_initialised(0, spec=cntk_shape(widths=(8,) * 5, hidden=8)), device="cpu")
    seen = []
    monkeypatch.setattr("fastRCNN.engines.torch_engine.exact_products", lambda *a: seen.append(a) or exact_products(*a))
    engine.embed([torch.zeros(100, 100, 3, dtype=torch.uint8).numpy()], [torch.zeros(1, 4).numpy()])
    assert seen == [(CPU, "float32")] * 2


def test_another_process_has_one_thread_or_an_error(monkeypatch, caplog):
    threads = torch.get_num_threads()
    cpu, gpu = Process(CPU), Process(GPU)
    cpu.check()
    gpu.check()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    try:
        cpu.check()
        assert torch.get_num_threads() == 1
        assert "one thread" in caplog.text
        torch.set_num_threads(threads)
        cpu.check()  # once only
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(threads)
    with pytest.raises(UserError, match=r"a fork cannot use its GPU\. Load it in each worker"):
        gpu.check()


def test_a_device_that_is_absent():
    assert choose_device("cpu") == CPU
    if not torch.cuda.is_available():
        assert choose_device("auto") == CPU
        with pytest.raises(UserError, match="no NVIDIA GPU"):
            choose_device("cuda")
