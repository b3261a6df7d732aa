"""Speed: one mirror step with its exploitability, other packages, batches, and growth with the game."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tightbound.papers.gmfg_ppo import _peers
from tightbound.theory.graphon_games import GraphonGame, beach_bar, exploitability, random_linear, sis
from tightbound.verification.bench import Benchmark, Row, compare, timed
from tightbound.verification.peers import Match, Pair, Peer, PeerBenchmark, agree

ITERATIONS = 31
"""Steps of a timed run, so that 32 iterates are evaluated: the solver's block."""

MFGLIB_SIZES = ((20, 20), (50, 100))


def mirror_descent(game: GraphonGame, iterations: int = ITERATIONS) -> Any:
    """Run MonoMD and return its solution; every iterate is scored with entropy and without."""
    from tightbound.simulators.graphon_games import MonoMD, solve

    return solve(game, MonoMD(eta=0.5, lam=1.0), max_iter=iterations)


def batch(games: Sequence[GraphonGame], iterations: int = ITERATIONS) -> Any:
    """Run MonoMD on all games at once."""
    from tightbound.simulators.graphon_games import MonoMD, solve_batch

    return solve_batch(games, MonoMD(eta=0.5, lam=1.0), max_iter=iterations)


def online_mirror_descent(game: GraphonGame, iterations: int = ITERATIONS) -> list[float]:
    """Return the exploitability of the iterates of online mirror descent, as MFGLib lists them."""
    from tightbound.simulators.graphon_games import OnlineMirrorDescent, solve

    found = solve(game, OnlineMirrorDescent(eta=1.0), max_iter=iterations)
    return [float(x) for x in found.history["exploitability_unregularised"]]


def _per_iteration(rows: Sequence[dict[str, Any]], iterations: int = ITERATIONS) -> list[dict[str, Any]]:
    """Return rows in seconds per iteration."""
    scale = iterations + 1
    return [
        {**row, **{name: row[name] / scale for name in ("median", "low20", "high80")}, "unit": "s/iteration"}
        for row in rows
    ]


def _row(what: str, size: str, run: Callable[[], Any], rounds: int = 11) -> dict[str, Any]:
    median, low, high = timed(run, rounds=rounds)
    return {"what": what, "size": size, "median": median, "low20": low, "high80": high, "unit": "s"}


def step() -> Sequence[Row]:
    """Time one MonoMD step with flow, Q, best response and both exploitabilities on SIS."""
    game = sis(blocks=101, horizon=50, grid="endpoint")
    return _per_iteration(
        [_row("MonoMD step + exploitability", "SIS M=101, H=50", lambda: mirror_descent(game))]
    )


def scaling() -> Sequence[Row]:
    """Time the same along each axis of the game: blocks, steps, states."""
    games = {f"SIS M={m}, H=50": sis(blocks=m, horizon=50) for m in (10, 30, 100, 300)}
    games |= {f"SIS M=30, H={h}": sis(blocks=30, horizon=h) for h in (12, 25, 50, 100)}
    games |= {
        f"random |S|={s}, |A|=3, M=10, H=20": random_linear(rng=0, blocks=10, horizon=20, states=s)
        for s in (5, 10, 20, 40, 80)
    }
    games |= {
        f"beach bar |S|={n}, M=1, H=51": _peers.mfglib_beach_bar(50, n) for n in (25, 50, 100, 200, 400)
    }
    rows = [
        _row("MonoMD step", size, partial(mirror_descent, game), rounds=5) for size, game in games.items()
    ]
    return _per_iteration(rows)


def batches() -> Sequence[Row]:
    """Time 64 instances at once beside one instance, on games of four sizes."""
    rates = np.linspace(0.5, 0.9, 64)
    families = {
        "random M=10, H=4": [random_linear(rng=i, blocks=10) for i in range(64)],
        "SIS M=5, H=50": [sis(blocks=5, infection=rate) for rate in rates],
        "beach bar M=21, H=50": [beach_bar(blocks=21, crowd=crowd) for crowd in np.linspace(2.0, 4.0, 64)],
        "SIS M=101, H=50": [sis(blocks=101, infection=rate) for rate in rates],
    }
    rows: list[Row] = []
    for size, games in families.items():
        functions = {"one": partial(mirror_descent, games[0], 127), "64 at once": partial(batch, games, 127)}
        rows += compare(functions, size=f"{size}, 127 steps", ratio_to="one", rounds=3)
    return rows


def mfglib(steps: int, places: int, iterations: int = ITERATIONS) -> Match:
    """Return online mirror descent on MFGLib's beach bar, every iterate with its score, here and there."""
    game = _peers.mfglib_beach_bar(steps, places)
    ours = partial(online_mirror_descent, game, iterations)
    theirs = partial(_peers.mfglib_mirror_descent, steps, places, iterations)
    return Match(ours, theirs, agree(theirs(), ours(), 1e-6, relative=True))


def openspiel(name: str, size: int = 20) -> Match:
    """Return NashConv of the uniform policy on crowd modelling, here and in OpenSpiel."""
    game = _peers.openspiel_crowd(size)
    ours = partial(exploitability, game, game.uniform_policy(), 0.0)
    theirs = partial(_peers.openspiel_nash_conv, size, name)
    return Match(ours, theirs, agree(theirs(), ours(), 1e-11))


def pairs() -> list[Pair]:
    """Return the comparisons with MFGLib and OpenSpiel."""
    mirror = [
        Pair(
            f"{ITERATIONS + 1} scored iterates of mirror descent, beach bar T={steps}, n={places}",
            "solve",
            "OnlineMirrorDescent in float64",
            Peer("mfglib", ["mfglib", "torch"]),
            partial(mfglib, steps, places),
        )
        for steps, places in MFGLIB_SIZES
    ]
    twins = {"game in C++": "mfg_crowd_modelling", "game in Python": "python_mfg_crowd_modelling"}
    return mirror + [
        Pair(
            "NashConv, crowd modelling of 20 places and steps",
            "exploitability",
            f"NashConv, {label}",
            Peer("open-spiel", ["pyspiel", "open_spiel"]),
            partial(openspiel, name),
        )
        for label, name in twins.items()
    ]


BENCHMARKS = (
    Benchmark("gmfg-step", "One MonoMD step and its exploitability at M = 101, H = 50", step),
    PeerBenchmark("gmfg-peers", "Mean-field games in other packages", pairs()),
    Benchmark("gmfg-batch", "64 games at once beside one", batches),
    Benchmark("gmfg-scaling", "MonoMD step against blocks, steps and states", scaling),
)
