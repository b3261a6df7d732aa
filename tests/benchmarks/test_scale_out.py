"""Run with: pytest tests/benchmarks --benchmark-only.

Weak scaling: as many units of a real claim for every worker. ``work`` in the extra information is the time
from the first finished unit to the last, so that starting and compiling, which come before, are left out.
"""

import time
from dataclasses import replace

import pytest

from tightbound.verification.grid import Grid
from tightbound.verification.registry import claims
from tightbound.verification.runner import verify

UNITS = 6
CLAIM = "COT-3e"


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("executor", ["local", "dask"])
def test_weak_scaling(benchmark, tmp_path, executor, workers):
    if executor == "dask":
        pytest.importorskip("distributed")
    claim = claims([CLAIM])[0]
    cell = dict(claim.grid.quick[-1])
    control = replace(claim.control, grid=Grid([cell]))
    units = [{**cell, "unit": unit} for unit in range(UNITS * workers)]
    claim = replace(claim, grid=Grid(units), control=control)
    finished = []

    def note(event):
        if event.kind == "finished":
            finished.append(time.perf_counter())

    def run():
        finished.clear()
        folder = tmp_path / str(time.perf_counter_ns())
        verify([claim], output=folder, executor=executor, jobs=workers, on_event=note)
        benchmark.extra_info.setdefault("work", []).append(finished[-1] - finished[0])

    benchmark.pedantic(run, rounds=3)
