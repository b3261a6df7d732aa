import os
import threading
import time
from concurrent.futures import BrokenExecutor

import pytest

from tightbound.verification.errors import NotSendableError
from tightbound.verification.executors import (
    LocalExecutor,
    SerialExecutor,
    cores,
    get_executor,
    kernel_cache,
)

NAMES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def test_names():
    assert isinstance(get_executor("serial"), SerialExecutor)
    assert isinstance(get_executor("local"), LocalExecutor)
    assert get_executor("local").slots == 2 * cores()
    assert get_executor("local", 3).slots == 6
    assert get_executor("serial", 3).slots == 1


@pytest.mark.parametrize("name", ["cloud", ""])
def test_an_unknown_name_is_refused_with_what_there_is(name):
    with pytest.raises(ValueError, match=rf"executor is '{name}': choose one of serial, local, dask, slurm"):
        get_executor(name)


@pytest.mark.parametrize("jobs", [0, -1, True, 1.5, "2"])
def test_a_bad_number_of_jobs_is_named(jobs):
    with pytest.raises(ValueError, match=r"jobs is .*at least 1"):
        get_executor("local", jobs)


def test_serial_keeps_errors_in_the_future_and_lets_interrupts_through():
    def interrupted():
        raise KeyboardInterrupt

    with SerialExecutor() as executor:
        assert executor.submit(divmod, 7, 2).result() == (3, 1)
        assert isinstance(executor.submit(divmod, 7, 0).exception(), ZeroDivisionError)
        with pytest.raises(KeyboardInterrupt):
            executor.submit(interrupted)


def test_workers_have_one_thread_and_compiled_code_is_kept(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=x")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    before = dict(os.environ)
    with LocalExecutor(1) as executor:
        names = [*NAMES, "XLA_FLAGS", "JAX_COMPILATION_CACHE_DIR"]
        found = {name: executor.submit(os.getenv, name).result() for name in names}
        assert executor.submit(os.getpid).result() != os.getpid()
    assert [found[name] for name in NAMES] == ["1"] * 4
    assert found["XLA_FLAGS"] == "--xla_dump_to=x --xla_cpu_multi_thread_eigen=false"
    assert found["JAX_COMPILATION_CACHE_DIR"].endswith("jax")
    assert dict(os.environ) == before


@pytest.mark.parametrize("executor", [SerialExecutor, lambda: LocalExecutor(1)], ids=["serial", "local"])
def test_what_a_unit_prints_stays_out_of_the_data(executor, capfd):
    with executor() as running:
        running.submit(os.write, 1, b"a banner\n").result()
        running.submit(print, "a remark").result()
        print("data")
    out, err = capfd.readouterr()
    assert out == "data\n"
    assert "a banner" in err


def test_the_users_cache_folder_is_respected(monkeypatch, tmp_path):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))
    with SerialExecutor() as executor:
        assert executor.submit(os.environ.get, "JAX_COMPILATION_CACHE_DIR").result() == str(tmp_path)


def test_a_cache_folder_that_cannot_be_made_is_no_obstacle(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with SerialExecutor() as executor:
        assert (
            not executor.submit(os.environ.get, "JAX_COMPILATION_CACHE_DIR")
            .result()
            .startswith(str(tmp_path))
        )


def test_compiled_kernels_are_kept_apart_when_any_kernel_changes(monkeypatch, tmp_path):
    (tmp_path / "layer").mkdir()
    (tmp_path / "layer" / "_kernel_one.py").write_text("first")
    monkeypatch.setattr("tightbound.__path__", [str(tmp_path)])
    first = kernel_cache()
    assert kernel_cache() == first
    (tmp_path / "layer" / "_kernel_one.py").write_text("second")
    assert kernel_cache() != first
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    with SerialExecutor() as executor:
        assert executor.submit(os.environ.get, "NUMBA_CACHE_DIR").result() == str(kernel_cache())


def test_a_broken_pool_is_rebuilt():
    with LocalExecutor(1) as executor:
        assert isinstance(executor.submit(os._exit, 1).exception(), BrokenExecutor)
        assert executor.submit(divmod, 7, 2).result() == (3, 1)


def test_what_cannot_be_sent_is_an_error_of_its_own():
    with LocalExecutor(1) as executor:
        for bad in (lambda: 0, threading.Lock().acquire):
            assert isinstance(executor.submit(bad).exception(), NotSendableError)


def test_abandoned_workers_are_gone_and_the_executor_can_go_on():
    with LocalExecutor(1) as executor:
        first = executor.submit(os.getpid).result()
        executor.submit(time.sleep, 60)
        executor.abandon()
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)
        assert executor.submit(os.getpid).result() != first
