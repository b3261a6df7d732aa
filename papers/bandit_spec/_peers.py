"""The same UCB1 task in other packages: rewards (y - 1) / L, stop at B tokens."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Draws = NDArray[np.int64]
Runner = Callable[[Draws, int, int], int]


def mabwiser_ucb1(draws: Draws, max_draft: int, tokens: int) -> int:
    """Return the rounds MABWiser's UCB1 needs; its first fit plays every arm once."""
    from mabwiser.mab import MAB, LearningPolicy

    arms = list(range(draws.shape[1]))
    first = [int(draws[i, i]) for i in arms]
    bandit = MAB(arms, LearningPolicy.UCB1(alpha=1.0), seed=0)
    bandit.fit(arms, [(y - 1) / max_draft for y in first])
    total, rounds = sum(first), len(arms)
    while total < tokens:
        arm = bandit.predict()
        y = int(draws[rounds, arm])
        bandit.partial_fit([arm], [(y - 1) / max_draft])
        total += y
        rounds += 1
    return rounds


def smpybandits_ucb1(draws: Draws, max_draft: int, tokens: int) -> int:
    """Return the rounds SMPyBandits' UCB needs."""
    bandit = _smpybandits()(draws.shape[1])
    bandit.startGame()
    total, rounds = 0, 0
    while total < tokens:
        arm = bandit.choice()
        y = int(draws[rounds, arm])
        bandit.getReward(arm, (y - 1) / max_draft)
        total += y
        rounds += 1
    return rounds


def _smpybandits() -> Any:
    # SMPyBandits 0.9.7 imports scipy.special.btdtri, the old name of betaincinv that SciPy has removed.
    # Its import also prints to the console and warns.
    from scipy import special

    if not hasattr(special, "btdtri"):
        special.btdtri = special.betaincinv  # type: ignore[attr-defined]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        from SMPyBandits.Policies import UCB

    return UCB
