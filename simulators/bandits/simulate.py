"""Drive a policy through an environment until a budget of tokens is reached."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.bandits.environments import (
    Array,
    ConfidentSpeculation,
    Counts,
    Environment,
    LawEnvironment,
    SpeculationLengths,
    TruncatedGeometric,
)
from tightbound.simulators.bandits.oblivious import Table
from tightbound.simulators.bandits.policies.base import Policy
from tightbound.simulators.bandits.policies.confidence_threshold import ConfidenceThreshold
from tightbound.simulators.bandits.policies.hedge_spec import HedgeSpec
from tightbound.simulators.bandits.policies.meta_sd_ucb import MetaSDUCB
from tightbound.simulators.bandits.policies.token_thompson import TokenPolicy
from tightbound.simulators.bandits.result import RegretResult
from tightbound.simulators.bandits.streams import seed_of
from tightbound.theory._validation import as_integer


def simulate(
    environment: Environment,
    policy: Policy,
    tokens: int | ArrayLike,
    *,
    replications: int,
    rng: int | np.random.Generator | None = None,
) -> RegretResult:
    r"""Play until :math:`S_t \ge B` for every budget B, many times, and measure stopping-time regret.

    .. math:: \mathrm{Reg}(B) = E[ST] - \min_i E[ST_i], \qquad ST = \min\{t : S_t \ge B\}.

    One pass to the largest budget gives all of them. Draws are addressed by (seed, replication, arm, pull),
    so counts do not depend on threads, and two policies under the same integer ``rng`` meet the same draws.

    Parameters
    ----------
    environment : Environment
        What a round yields.
    policy : Policy
        Which arm a round plays.
    tokens : int or increasing sequence of int, shape (T,)
        Budgets B, at least 1.
    replications : int
        Independent runs R, at least 1.
    rng : None, int or numpy.random.Generator
        Give the same integer to several calls to pair them; a Generator moves on with every call.

    Returns
    -------
    RegretResult
        Pulls, stopping times, overshoots and regret at every budget.

    Raises
    ------
    ValueError
        For budgets that do not increase or fall below 1, or a policy that does not fit the environment.
    TypeError
        For a policy that cannot be simulated here.
    IndexError
        For a table or trace that is too short; the message names the round or position.

    References
    ----------
    Hou et al., "BanditSpec", ICML 2025, Sections 3 to 5.

    Examples
    --------
    >>> from tightbound.simulators.bandits import TruncatedGeometric, UCBSpec
    >>> result = simulate(TruncatedGeometric([0.9, 0.1], 4), UCBSpec(), [10, 100], replications=50, rng=1)
    >>> result.pulls.shape
    (50, 2, 2)
    """
    from tightbound.simulators.bandits import _kernel

    checkpoints = as_budgets(tokens)
    count = as_integer("replications", replications, least=1)
    arrays, rules = kernel_arguments(environment, policy)
    best = environment.fixed_arm_stopping_time(checkpoints)
    seed = np.uint64(seed_of(rng))
    driver: Any = _kernel.run
    pulls, stopping_time, overshoot, missing = driver(*rules, *arrays, seed, 0, count, checkpoints)
    if missing.max() >= 0:
        assert isinstance(environment, Table)
        raise environment.exhausted(int(missing.max()))
    counted = (pulls, stopping_time, overshoot)
    costs = environment.costs
    return RegretResult(
        tokens=checkpoints,
        pulls=pulls,
        stopping_time=stopping_time,
        overshoot=overshoot,
        regret=_regret(environment, counted, checkpoints, best, None),
        best_stopping_time=best.min(axis=1),
        time_regret=None if costs is None else _regret(environment, counted, checkpoints, best, costs),
    )


def as_budgets(tokens: int | ArrayLike) -> Counts:
    """Return token budgets as an increasing integer array, shape (T,)."""
    array = np.atleast_1d(np.asarray(tokens))
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(
            f"tokens has dtype {array.dtype}: budgets are whole numbers; give an integer or a list of them"
        )
    if array.ndim != 1 or array.size == 0 or array[0] < 1 or np.any(np.diff(array) <= 0):
        raise ValueError(
            f"tokens is {tokens!r}: give one budget of at least 1, or an increasing sequence of them"
        )
    return array.astype(np.int64)


def kernel_arguments(environment: Environment, policy: Policy) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return what the compiled driver reads of both, after checking that they fit."""
    if not isinstance(policy, Policy):
        raise TypeError(
            f"policy is {policy!r} ({type(policy).__name__}): give an instance with init, choose, update and "
            "kernel_policy, e.g. UCBSpec()"
        )
    if (
        isinstance(policy, TokenPolicy)
        and not policy.assume_tgd
        and not isinstance(environment, (TruncatedGeometric, SpeculationLengths))
    ):
        raise ValueError(
            f"{type(policy).__name__} models tokens as independent, which {type(environment).__name__} does "
            "not promise: pass assume_tgd=True to run it without its guarantee"
        )
    if isinstance(policy, ConfidenceThreshold) and not isinstance(environment, ConfidentSpeculation):
        raise TypeError(
            f"{type(environment).__name__} has no confidence channel, which ConfidenceThreshold reads: use "
            "ConfidentSpeculation"
        )
    if isinstance(policy, (HedgeSpec, MetaSDUCB)) and not isinstance(environment, LawEnvironment):
        raise TypeError(
            f"{type(environment).__name__} has no acceptance levels, which {type(policy).__name__} reads: "
            "use an environment with laws, e.g. TruncatedGeometric"
        )
    return tuple(environment.kernel_environment()), tuple(
        policy.kernel_policy(environment.arms, environment.max_draft)
    )


def _regret(
    environment: Environment,
    result: tuple[Counts, Counts, Counts],
    tokens: Counts,
    best: Array,
    costs: Array | None,
) -> Array:
    pulls, stopping_time, overshoot = result
    price = np.ones(environment.arms) if costs is None else costs
    if environment.means is None:
        spent = stopping_time if costs is None else pulls @ price
        return np.asarray(spent - (best * price).min(axis=1))
    reference = np.argmin(best * price, axis=1)
    mean = environment.means[reference]
    pace = mean / price[reference]
    expected_overshoot = mean * best[np.arange(tokens.size), reference] - tokens
    per_pull = price - environment.means / pace[:, np.newaxis]
    return np.asarray(np.einsum("rtk,tk->rt", pulls, per_pull) + (overshoot - expected_overshoot) / pace)
