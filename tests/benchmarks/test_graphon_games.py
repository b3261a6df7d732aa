"""Run with: pytest tests/benchmarks --benchmark-only."""

import numpy as np
import pytest

from tightbound.papers.gmfg_ppo import _peers
from tightbound.papers.gmfg_ppo import benchmarks as bench
from tightbound.theory.graphon_games import exploitability, random_linear, sis


def test_step(benchmark):
    game = sis(blocks=101, horizon=50, grid="endpoint")
    found = benchmark.pedantic(bench.mirror_descent, args=(game,), rounds=5, warmup_rounds=1)
    assert found.value < 1e-6


@pytest.mark.parametrize(("steps", "places"), bench.MFGLIB_SIZES)
def test_mirror_descent(benchmark, steps, places):
    game = _peers.mfglib_beach_bar(steps, places)
    found = benchmark.pedantic(bench.online_mirror_descent, args=(game,), rounds=5, warmup_rounds=1)
    assert found[-1] < found[0]


def test_batch(benchmark):
    games = [random_linear(rng=i) for i in range(64)]
    assert len(benchmark.pedantic(bench.batch, args=(games,), rounds=3, warmup_rounds=1)) == 64


@pytest.mark.parametrize(("steps", "places"), bench.MFGLIB_SIZES)
def test_mfglib(benchmark, steps, places):
    pytest.importorskip("mfglib")
    run = _peers.mfglib_mirror_descent
    theirs = benchmark.pedantic(run, args=(steps, places, 100), rounds=1)
    ours = bench.online_mirror_descent(_peers.mfglib_beach_bar(steps, places), 100)
    # MFGLib prints five digits.
    assert [f"{x:.4e}" for x in ours] == [f"{x:.4e}" for x in theirs]
    assert np.allclose(ours, theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["mfg_crowd_modelling", "python_mfg_crowd_modelling"])
def test_openspiel(benchmark, name):
    pytest.importorskip("pyspiel")
    theirs = benchmark.pedantic(_peers.openspiel_nash_conv, args=(10, name), rounds=3)
    game = _peers.openspiel_crowd(10)
    assert exploitability(game, game.uniform_policy(), 0.0) == pytest.approx(theirs, abs=1e-12)
