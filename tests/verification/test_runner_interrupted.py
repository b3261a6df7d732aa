"""Runs that are killed, interrupted or crowded: nothing finished is lost, nothing is counted twice."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import tightbound
from tightbound.verification import ledger
from tightbound.verification.evidence import read
from tightbound.verification.runner import verify

SCRIPT = """
    import sys
    from pathlib import Path
    import toy_claims
    from tightbound.verification.runner import verify
    try:
        verify(toy_claims.SLOW, executor=sys.argv[1], jobs=2, output=Path(sys.argv[2]))
    except KeyboardInterrupt:
        sys.exit(130)
"""
UNITS = 18  # of the three slow claims: three cells each, for the claim and for its control
PATIENCE = 30.0


@pytest.fixture
def background(toy, tmp_path):
    """Start the run of the slow claims in a session of its own, as a terminal does."""
    started = []

    def start(executor="local", folder="out"):
        paths = [str(Path(next(iter(tightbound.__path__))).parent), str(Path(toy.__file__).parent)]
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SCRIPT), executor, str(tmp_path / folder)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.communicate()


def finished(folder):
    return sorted((folder / "evidence").glob("[!.]*.npz"))


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def lasting(folder):
    records, problems = ledger.read(folder / ledger.NAME)
    assert problems == []
    return [{name: value for name, value in record.items() if name != "run"} for record in records]


@pytest.fixture
def undisturbed(toy, tmp_path):
    """What a run that nothing disturbs leaves in its ledger."""
    verify(toy.SLOW, executor="serial", output=tmp_path / "undisturbed")
    return lasting(tmp_path / "undisturbed")


@pytest.mark.parametrize("executor", ["serial", "local"])
def test_after_kill_minus_nine_the_same_command_finishes_the_run(
    toy, background, tmp_path, undisturbed, executor
):
    process = background(executor)
    until(lambda: len(finished(tmp_path / "out")) >= 9)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = len(finished(tmp_path / "out"))
    assert kept < UNITS, "it was not killed in the middle"
    before = toy.calls()
    verify(toy.SLOW, executor=executor, jobs=2, output=tmp_path / "out")
    assert toy.calls() == before + UNITS - kept
    assert lasting(tmp_path / "out") == undisturbed


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see whether a process lives")
def test_workers_end_with_a_killed_parent(toy, background, tmp_path):
    process = background()
    until(lambda: toy.calls() >= 4)
    workers = {int(path.name.split("-")[1]) for path in Path(os.environ["TOY_FOLDER"]).glob("*-*")}
    assert process.pid not in workers
    process.kill()
    process.wait()

    def ended(pid):
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except FileNotFoundError:
            return True

    until(lambda: all(ended(pid) for pid in workers))


@pytest.mark.parametrize("executor", ["serial", "local"])
def test_ctrl_c_keeps_what_is_finished_and_the_next_run_resumes(
    toy, background, tmp_path, undisturbed, executor
):
    process = background(executor)
    until(lambda: len(finished(tmp_path / "out")) >= 9)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (130, "")
    assert {record["claim"] for record in lasting(tmp_path / "out")} >= {"TOY-11"}
    assert list((tmp_path / "out" / "evidence").glob(".*")) == []
    kept = finished(tmp_path / "out")
    assert all(read(path).data for path in kept)
    assert len(kept) < UNITS
    before = toy.calls()
    verify(toy.SLOW, executor=executor, jobs=2, output=tmp_path / "out")
    assert toy.calls() == before + UNITS - len(kept)
    assert sorted(lasting(tmp_path / "out"), key=lambda record: record["claim"]) == undisturbed


def test_an_interrupted_run_writes_every_complete_claim(toy, tmp_path):
    verify([toy.claim(3)], executor="serial", output=tmp_path, family=toy.PLAIN)
    (tmp_path / ledger.NAME).unlink()
    claims = [toy.claim(1), toy.claim(2, measure=toy.interrupted_once), toy.claim(3)]
    with pytest.raises(KeyboardInterrupt):
        verify(claims, executor="serial", output=tmp_path)
    assert [record["claim"] for record in lasting(tmp_path)] == ["TOY-1", "TOY-3"]
    verify(claims, executor="serial", output=tmp_path)
    assert [record["claim"] for record in lasting(tmp_path)] == ["TOY-1", "TOY-3", "TOY-2"]


def test_two_runs_at_once_write_every_verdict_once(background, tmp_path, undisturbed):
    runs = [background(), background()]
    assert [process.wait(timeout=PATIENCE) for process in runs] == [0, 0]
    found = lasting(tmp_path / "out")
    assert sorted(found, key=lambda record: record["claim"]) == undisturbed
    assert all(json.loads(line) for line in (tmp_path / "out" / ledger.NAME).read_text().splitlines())


def test_a_killed_worker_is_replaced_and_its_unit_measured_again(toy, tmp_path):
    claims = [toy.claim(1, measure=toy.killed_once), toy.claim(2)]
    records = verify(claims, jobs=2, output=tmp_path)
    assert [record["status"] for record in records] == ["pass", "pass"]
    assert toy.calls("killed_once") >= 3


def test_a_unit_that_always_kills_its_worker_is_an_error_and_harms_no_other(toy, tmp_path):
    claims = [
        toy.claim(1),
        toy.claim(2, measure=toy.killed_always, grid=toy.Grid(toy.cells(mean=[0.0]))),
        toy.claim(3),
    ]
    records = verify(claims, jobs=2, output=tmp_path)
    assert [record["status"] for record in records] == ["pass", "error", "pass"]
    assert "its worker process ended 3 times" in records[1]["reason"]
    assert toy.calls("killed_always") == 3


def test_a_function_that_workers_cannot_find_is_named(toy, tmp_path):
    nested = toy.claim(1, measure=lambda cell, rng: toy.steady(cell, rng))
    records = verify([nested, toy.claim(2)], jobs=1, output=tmp_path)
    assert [record["status"] for record in records] == ["error", "pass"]
    assert "<lambda> cannot be sent to another process" in records[0]["reason"]
    assert "top level of an importable module" in records[0]["reason"]
    assert verify([nested], executor="serial", output=tmp_path)[0]["status"] == "pass"
