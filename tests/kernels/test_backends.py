import pytest

from tightbound.kernels.backends import BACKENDS, BackendUnavailableError, implementation, missing, on_gpu

HERE = {"numpy": "tightbound.kernels.backends", "numba": "tightbound.kernels.backends"}


def test_auto_takes_numba_for_arrays_that_are_not_on_a_gpu(monkeypatch):
    monkeypatch.delenv("TIGHTBOUND_KERNELS", raising=False)
    assert implementation("on_gpu", "auto", HERE, [1.0]) is on_gpu


def test_the_environment_replaces_auto_and_nothing_else(monkeypatch):
    monkeypatch.setenv("TIGHTBOUND_KERNELS", "tpu")
    with pytest.raises(ValueError, match="TIGHTBOUND_KERNELS is 'tpu': choose one of auto, numpy"):
        implementation("on_gpu", "auto", HERE)
    assert implementation("on_gpu", "numpy", HERE) is on_gpu


def test_an_operation_names_its_backends():
    with pytest.raises(ValueError, match="on_gpu runs on numpy, numba; choose one"):
        implementation("on_gpu", "triton", HERE)
    with pytest.raises(ValueError, match="backend is 'cuda'"):
        implementation("on_gpu", "cuda", HERE)


def test_what_cannot_run_says_why(monkeypatch):
    monkeypatch.setattr("tightbound.kernels.backends.find_spec", lambda name: None)
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(
        BackendUnavailableError, match=r"torch is not installed; pip install 'tightbound\[gpu\]'"
    ):
        implementation("on_gpu", "triton", {"triton": "tightbound.kernels.backends"})
    assert missing("numpy") is None
    assert missing("numba") is None
    assert set(BACKENDS) == {"auto", "numpy", "numba", "triton", "numba_cuda"}
