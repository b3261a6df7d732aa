"""Games of other packages, written as graphon games of one block, and how those packages solve them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from tightbound.theory.graphon_games import GraphonGame, erdos_renyi


@dataclass(frozen=True, eq=False)
class LogCrowdReward:
    """Return r_h(s, a, z) = r0_h(s, a) - log(z(s) + eps), for a table of shape (1, S, A) or (H, S, A)."""

    table: Any
    eps: float

    def __call__(self, h: Any, z: Any) -> Any:
        """Return rewards (..., S, A) for aggregates (..., S)."""
        xp = z.__array_namespace__()
        fixed = xp.asarray(self.table)[h if len(self.table) > 1 else 0]
        return fixed - xp.log(z + self.eps)[..., None]


# --- MFGLib -------------------------------------------------------------------------------------------------


def mfglib_beach_bar(steps: int, places: int) -> GraphonGame:
    """Return MFGLib's beach bar with T = ``steps`` (it has T + 1 decisions) and the bar half-way.

    Moves end at the walls, the distance to the bar is counted round the ring, crowds cost their logarithm.
    """
    s, bar = np.arange(places), places // 2
    table = np.zeros((places, 3, places))
    for action in range(3):
        for slip, chance in ((-1, 0.25), (0, 0.5), (1, 0.25)):
            table[s, action, np.clip(s + action - 1 + slip, 0, places - 1)] += chance
    distance = np.minimum(np.roll(s, bar), np.roll(s[::-1], bar + 1))
    fixed = -distance[:, None] - np.array([1.0, 0.0, 1.0]) / places
    reward = LogCrowdReward(fixed[None], 1e-20)
    law = np.full(places, 1.0 / places)
    return GraphonGame(erdos_renyi(1.0), law, table, reward, steps + 1, blocks=1, name="mfglib_beach_bar")


def mfglib_mirror_descent(steps: int, places: int, iterations: int) -> list[float]:
    """Return the exploitability of MFGLib's iterates 0, ..., ``iterations``."""
    from mfglib.alg import OnlineMirrorDescent
    from mfglib.env import Environment

    with _double_precision():
        game = Environment.beach_bar(T=steps, n=places, bar_loc=places // 2)
        solver = OnlineMirrorDescent(alpha=1.0)
        return [float(x) for x in solver.solve(game, max_iter=iterations, atol=None, rtol=None)[1]]


@contextmanager
def _double_precision() -> Iterator[None]:
    """Let torch make float64 tensors: in its default float32 MFGLib's scores differ in the fourth digit."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


# --- OpenSpiel ----------------------------------------------------------------------------------------------


def openspiel_crowd(size: int) -> GraphonGame:
    """Return what OpenSpiel evaluates as crowd modelling, with as many steps as places.

    There the reward of a state charges the move that led to it, but values are stored per place and step: the
    move charged is that of whichever path the evaluation takes first. Here this is a cost of the place.
    """
    s = np.arange(size)
    table = np.zeros((size, 3, size))
    for action in range(3):
        for slip in (-1, 0, 1):
            table[s, action, (s + action - 1 + slip) % size] += 1.0 / 3.0
    near = 1.0 - np.abs(s - size // 2) / (size // 2)
    fixed = np.repeat((near - _first_arrival_cost(size))[..., None], 3, axis=-1)
    law = np.full(size, 1.0 / size)
    reward = LogCrowdReward(fixed, 1e-25)
    return GraphonGame(erdos_renyi(1.0), law, table, reward, size, blocks=1, name="openspiel_crowd")


def _first_arrival_cost(size: int) -> np.ndarray:
    """Return the cost of the move by which a depth-first walk first comes to each step and place."""
    cost = np.full((size, size), np.nan)
    # Of a stack the last entry is next: children are put on it in reverse.
    stack = [(x, 0, 1) for x in reversed(range(size))]
    while stack:
        x, t, last = stack.pop()
        if t == size or not np.isnan(cost[t, x]):
            continue
        cost[t, x] = abs(last - 1) / size
        pairs = [(action, slip) for action in range(3) for slip in (-1, 0, 1)]
        stack += [((x + action - 1 + slip) % size, t + 1, action) for action, slip in reversed(pairs)]
    return cost


def openspiel_nash_conv(size: int, name: str = "mfg_crowd_modelling") -> float:
    """Return OpenSpiel's NashConv of the uniform policy; ``python_mfg_crowd_modelling`` is the slow twin."""
    import pyspiel
    from open_spiel.python import policy
    from open_spiel.python.mfg.algorithms import nash_conv
    from open_spiel.python.mfg.games import crowd_modelling  # noqa: F401  (registers the slow twin)

    game = pyspiel.load_game(name, {"size": size, "horizon": size})
    return float(nash_conv.NashConv(game, policy.UniformRandomPolicy(game)).nash_conv())
