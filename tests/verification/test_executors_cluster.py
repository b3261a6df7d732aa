"""The same ledger wherever units run, and nothing lost when a worker, a scheduler or a disk gives out."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tightbound
from tightbound.verification import ledger
from tightbound.verification.errors import ExecutorError, OutputError
from tightbound.verification.executors import dask, get_executor, slurm
from tightbound.verification.runner import verify

PATIENCE = 30.0


def needs(package, extra):
    """Skip where an optional package is missing."""
    return pytest.importorskip(package, reason=f"needs {package}: pip install 'tightbound[{extra}]'")


@pytest.fixture(scope="module")
def distributed():
    return needs("distributed", "dask")


@pytest.fixture(scope="module")
def submitit():
    return needs("submitit", "slurm")


def lasting(records):
    return [
        {name: value for name, value in ledger.to_json(record).items() if name != "run"} for record in records
    ]


def stored(folder):
    records, problems = ledger.read(folder / ledger.NAME)
    assert problems == []
    return lasting(records)


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


# without the packages


@pytest.mark.parametrize(("name", "package"), [("dask", "distributed"), ("slurm", "submitit")])
def test_a_missing_package_is_named_with_its_extra(monkeypatch, name, package):
    monkeypatch.setattr(dask, "find_spec", lambda _: None)
    monkeypatch.setattr(slurm, "find_spec", lambda _: None)
    with pytest.raises(ExecutorError, match=rf"{package}: pip install 'tightbound\[{name}\]'"):
        get_executor(name)


def test_a_scheduler_belongs_to_a_cluster():
    with pytest.raises(ValueError, match=r"scheduler is 'tcp://x:1', but the executor local has none"):
        get_executor("local", scheduler="tcp://x:1")
    with pytest.raises(ValueError, match=r"scheduler is 'x': for Slurm choose one of slurm, local, debug"):
        get_executor("slurm", scheduler="x")


# dask


@pytest.fixture
def records(toy, tmp_path):
    """Claims of every kind, and what they give in this process."""
    claims = [*toy.PLAIN, toy.FALSE, toy.ASSUMING, toy.claim(4, measure=toy.broken)]
    verify(claims, executor="serial", output=tmp_path / "serial")
    return claims, stored(tmp_path / "serial")


def test_dask_workers_give_the_same_ledger(distributed, records, tmp_path, capfd):
    claims, expected = records
    before = dict(os.environ)
    verify(claims, executor="dask", jobs=2, output=tmp_path / "dask")
    assert stored(tmp_path / "dask") == expected
    assert dict(os.environ) == before
    assert capfd.readouterr().out == ""


def test_dask_workers_have_one_thread_and_leave_standard_output_alone(distributed, monkeypatch, capfd):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NPROC")
    with get_executor("dask", 1) as executor:
        assert (executor.workers, executor.slots) == (1, 2)
        assert [executor.submit(os.getenv, name).result() for name in names] == ["1"] * 5
        assert executor.submit(os.getpid).result() != os.getpid()
        executor.submit(os.write, 1, b"a banner\n").result()
        print("data")
        executor.submit(time.sleep, 60)
        executor.abandon()
    out, err = capfd.readouterr()
    assert out == "data\n"
    assert "a banner" in err


def test_a_killed_dask_worker_is_replaced_and_a_unit_that_kills_is_an_error(distributed, toy, tmp_path):
    one = toy.Grid(toy.cells(mean=[0.0]))
    claims = [
        toy.claim(1, measure=toy.killed_once, grid=one),
        toy.claim(2, measure=toy.killed_always, grid=one),
    ]
    found = verify(claims, executor="dask", jobs=1, output=tmp_path)
    assert [record["status"] for record in found] == ["pass", "error"]
    assert "its worker process ended 3 times" in found[1]["reason"]


class Cluster:
    """A scheduler and its workers as a user starts them."""

    def __init__(self, paths):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
        self.processes = []

    def start(self):
        self.scheduler = self._run("scheduler", "--host", "127.0.0.1", "--port", str(self.port))
        self._run("worker", self.address, "--nthreads", "1", "--death-timeout", "10")

    def _run(self, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments, "--no-dashboard"],
            env=self.environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.processes.append(process)
        return process

    def stop(self):
        for process in self.processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


@pytest.fixture
def cluster(distributed, toy, tmp_path):
    running = Cluster([Path(next(iter(tightbound.__path__))).parent, Path(toy.__file__).parent])
    running.start()
    yield running
    running.stop()


def test_a_lost_scheduler_ends_the_run_and_the_same_command_resumes(cluster, toy, tmp_path, monkeypatch):
    verify(toy.SLOW, executor="serial", output=tmp_path / "serial")
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", cluster.address)

    def lose(event):
        if event.kind == "finished" and event.done == 8:
            cluster.stop()

    with pytest.raises(ExecutorError, match=r"out of reach .*finished evidence is kept.*same command"):
        verify(toy.SLOW, executor="dask", output=tmp_path / "dask", on_event=lose)
    kept = len(list((tmp_path / "dask" / "evidence").glob("[!.]*.npz")))
    assert 8 <= kept < 18
    assert [record["claim"] for record in stored(tmp_path / "dask")] == ["TOY-11"]
    before = toy.calls()
    cluster.start()
    verify(toy.SLOW, executor="dask", scheduler=cluster.address, output=tmp_path / "dask")
    assert toy.calls() == before + 18 - kept
    assert stored(tmp_path / "dask") == stored(tmp_path / "serial")


def test_a_scheduler_that_does_not_answer_is_named(distributed, toy, tmp_path, monkeypatch):
    monkeypatch.setattr(dask, "_PATIENCE", 0.2)
    with pytest.raises(ExecutorError, match=r"no dask scheduler answers at 'tcp://127.0.0.1:9'"):
        verify([toy.claim(1)], executor="dask", scheduler="tcp://127.0.0.1:9", output=tmp_path)


# Slurm, without Slurm


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_jobs_in_this_process_give_the_same_ledger(submitit, records, tmp_path):
    claims, expected = records
    verify(claims, executor="slurm", scheduler="debug", output=tmp_path / "debug")
    assert stored(tmp_path / "debug") == expected
    assert not (tmp_path / "debug" / "slurm").exists()


def test_jobs_in_processes_give_the_same_ledger_and_a_killed_one_is_tried_again(submitit, toy, tmp_path):
    claims = [toy.claim(1, measure=toy.killed_once, grid=toy.Grid(toy.cells(mean=[0.0])))]
    verify(claims, executor="slurm", scheduler="local", jobs=2, output=tmp_path / "jobs")
    assert toy.calls("killed_once") == 2
    verify(claims, executor="serial", output=tmp_path / "serial")
    assert stored(tmp_path / "jobs") == stored(tmp_path / "serial")


def test_a_machine_without_slurm_says_so(submitit, toy, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ExecutorError, match=r"no Slurm on this machine .*--scheduler local"):
        verify([toy.claim(1)], executor="slurm", output=tmp_path)


# both


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("executor", "scheduler"), [("dask", None), ("slurm", "debug")])
def test_a_full_disk_loses_nothing_that_is_finished(request, toy, tmp_path, executor, scheduler):
    request.getfixturevalue("distributed" if executor == "dask" else "submitit")
    claims = [toy.claim(1), toy.claim(2, measure=toy.heavy), toy.claim(3)]
    verify(claims, executor="serial", output=tmp_path / "serial")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"\.npz: .*; free space and run the same command again"):
            verify(claims, executor=executor, scheduler=scheduler, jobs=1, output=tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [record["claim"] for record in stored(tmp_path / "out")][:1] == ["TOY-1"]
    assert list((tmp_path / "out" / "evidence").glob(".*.tmp")) == []
    verify(claims, executor="serial", output=tmp_path / "out")
    assert stored(tmp_path / "out") == stored(tmp_path / "serial")


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_worker_with_other_code_ends_the_run(submitit, toy, tmp_path, monkeypatch):
    key = "0" * 64
    monkeypatch.setattr(
        "tightbound.verification.collecting.replace", lambda unit: type("Other", (), {"key": key})()
    )
    with pytest.raises(ExecutorError, match=r"other code or other versions .* for TOY-1: install the same"):
        verify([toy.claim(1)], executor="slurm", scheduler="debug", output=tmp_path)
    assert stored(tmp_path) == []
    for function in (toy.steady, toy.shifted):  # of a script, which no other machine has
        monkeypatch.setattr(function, "__module__", "__main__")
    (record,) = verify([toy.claim(1)], executor="slurm", scheduler="debug", output=tmp_path)
    assert record["status"] == "error"
    assert "__main__.steady cannot be sent to another process" in record["reason"]
