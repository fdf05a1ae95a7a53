"""What is said before a compilation, and that a missing, full or damaged cache folder is survived."""

import importlib.util
import logging
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numba
import pytest

from fastRCNN import compiling

SOURCE = """
from fastRCNN.compiling import compiled

@compiled(what="{what}", seconds=3)
def double(x):
    return 2 * x
"""


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def source(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="fastRCNN.compiling")
    monkeypatch.setattr(compiling, "_announced", set())
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    path = tmp_path / "doubling.py"
    path.write_text(SOURCE.format(what="the doubling"))
    return path


def test_said_once_on_a_machine(source, caplog, monkeypatch):
    module = load(source)
    assert module.double(4) == 8 and module.double(5) == 10
    assert caplog.messages == ["compiling the doubling once on this machine, about 3 s"]
    monkeypatch.setattr(compiling, "_announced", set())  # as in a new process
    assert load(source).double(4) == 8
    assert len(caplog.messages) == 1


def test_no_folder_to_write(source, caplog, monkeypatch):
    real = numba.njit

    def refuse(*arguments, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(*arguments, **options)

    monkeypatch.setattr(compiling, "_njit", refuse)
    assert load(source).double(4) == 8
    assert "for this process (no folder to keep it: NUMBA_CACHE_DIR)" in caplog.messages[0]


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), EOFError()])
def test_disk_full_and_damaged_cache(source, caplog, monkeypatch, fault):
    real = numba.njit

    class Failing:
        def __init__(self, kernel):
            self.py_func, self.stats = kernel.py_func, kernel.stats

        def __call__(self, *arguments):
            raise fault

    def fail(*arguments, cache=False, **options):
        return Failing(real(*arguments, cache=True, **options)) if cache else real(*arguments, **options)

    monkeypatch.setattr(compiling, "_njit", fail)
    module = load(source)
    assert module.double(4) == 8 and module.double(6) == 12
    assert "could not be kept" in caplog.messages[-1]


def test_a_damaged_cache_file_is_survived(source, caplog):
    assert load(source).double(4) == 8
    for path in (source.parent / "__pycache__").glob("*.nbc"):
        path.write_bytes(b"")
    assert load(source).double(4) == 8
    assert "could not be kept" in caplog.messages[-1]


def test_the_python_function_stays_within_reach(source):
    assert load(source).double.py_func(21) == 42


STANDING_IN = """
from fastRCNN.compiling import compiled

def by_hand(x):
    return ["by hand", 2 * x]

@compiled(what="the doubling", seconds=3, stand_in=by_hand)
def double(x):
    return ["compiled", 2 * x]
"""


def test_the_stand_in_gives_way_to_numba_when_numba_is_there(source):
    source.write_text(STANDING_IN.replace('"by hand", ', "").replace('"compiled", ', "-1 + "))
    assert load(source).double(4) == [7]  # Numba has been imported above: compiled at once


def test_the_stand_in_gives_way_when_it_has_taken_long_enough(source, monkeypatch):
    monkeypatch.setattr(compiling, "_njit", lambda function, **options: function)
    monkeypatch.setattr(compiling, "_has_cache_file", lambda kernel: True)
    monkeypatch.delitem(sys.modules, "numba")
    source.write_text(STANDING_IN)
    double = load(source).double
    assert double(1) == ["by hand", 2] and double(2) == ["by hand", 4]
    monkeypatch.setattr(compiling, "_PATIENCE", 0.0)
    assert double(1) == ["compiled", 2]
    monkeypatch.setattr(compiling, "_PATIENCE", 1.0)
    assert double(1) == ["compiled", 2]  # for good


def test_threads_compile_once(source, monkeypatch):
    made = []

    def slow(function, **options):
        made.append(function)
        time.sleep(0.05)
        return function

    monkeypatch.setattr(compiling, "_njit", slow)
    monkeypatch.setattr(compiling, "_has_cache_file", lambda kernel: True)
    double = load(source).double
    with ThreadPoolExecutor(4) as executor:
        assert list(executor.map(double, range(8))) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert len(made) == 1


def test_numba_is_not_loaded_before_a_kernel_is_called(source):
    program = (
        "import sys; from fastRCNN.boxes.nms import nms; import fastRCNN.network.roi_pooling\n"
        "assert nms([[0, 0, 9, 9], [0, 0, 9, 8]], [1, 2]).tolist() == [1]\n"
        "assert not {'numba', 'scipy', 'matplotlib', 'joblib', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
