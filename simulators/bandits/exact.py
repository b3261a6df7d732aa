"""Exact regret where an exact oracle exists."""

from __future__ import annotations

import numpy as np

from tightbound.simulators.bandits.dependent import Drifting
from tightbound.simulators.bandits.environments import (
    Array,
    Categorical,
    Environment,
    SpeculationLengths,
    TruncatedGeometric,
)
from tightbound.simulators.bandits.oblivious import PositionTrace, Table
from tightbound.simulators.bandits.policies.base import IndexPolicy, Policy
from tightbound.simulators.bandits.policies.exp3_spec import EXP3Spec
from tightbound.simulators.bandits.policies.fixed_arm import FixedArm
from tightbound.simulators.bandits.simulate import simulate
from tightbound.theory._validation import as_integer
from tightbound.theory.bandits.enumeration import exp3spec_law
from tightbound.theory.bandits.forward import adaptive_law

INDEPENDENT = (TruncatedGeometric, SpeculationLengths, Categorical)


def exact_regret(environment: Environment, policy: Policy, tokens: int) -> float:
    r"""Stopping-time regret without sampling error.

    .. math:: \mathrm{Reg}(B) = E[ST] - \min_i E[ST_i].

    ============================  ===============================  ====================================
    policy                        environment                      oracle
    ============================  ===============================  ====================================
    ``FixedArm``                  any                              renewal equation, or the table itself
    index of pulls and tokens     independent rounds, Drifting     forward law of the statistics; small B
    index of pulls and tokens     Table, PositionTrace             the one path there is
    ``EXP3Spec``                  Table                            all paths; B up to about 26
    ============================  ===============================  ====================================

    Parameters
    ----------
    environment : Environment
        What a round yields.
    policy : Policy
        One of the policies above; "an index" is ``UCBSpec``, ``UCB1``, ``MOSS``, ``Greedy``, ``ReleasedUCB``,
        ``PooledUCBSpec``, ``CostAwareUCBSpec`` or ``ThroughputUCB``.
    tokens : int
        Budget B, at least 1.

    Returns
    -------
    float
        Regret in rounds.

    Raises
    ------
    TypeError
        For a pair without an exact oracle.
    ValueError
        Where the state space is too large; use fewer arms or tokens.

    Examples
    --------
    >>> from tightbound.simulators.bandits import Greedy, TruncatedGeometric
    >>> round(exact_regret(TruncatedGeometric([0.5, 0.0], 1), Greedy(), 2), 12)
    0.0
    """
    budget = as_integer("tokens", tokens, least=1)
    arms, depth = environment.arms, environment.max_draft
    policy.kernel_policy(arms, depth)  # validates the pair
    rounds = environment.fixed_arm_stopping_time(np.array([budget]))[0]
    best = float(rounds.min())
    if isinstance(policy, FixedArm):
        return float(rounds[policy.arm]) - best
    if isinstance(policy, IndexPolicy) and isinstance(environment, (Table, PositionTrace)):
        return float(simulate(environment, policy, budget, replications=1, rng=0).regret[0, 0])
    if isinstance(policy, IndexPolicy) and isinstance(environment, (*INDEPENDENT, Drifting)):
        law = adaptive_law(_laws(environment, budget), lambda n, s, t: policy.select(n, s, t, depth), budget)
        return law.expected_stopping_time - best
    if type(policy) is EXP3Spec and isinstance(environment, Table):
        y = environment.y
        if environment.after is not None:
            y = np.vstack([y, np.broadcast_to(environment.after, (budget, arms))])
        return exp3spec_law(y[:budget], depth, budget).regret
    raise TypeError(
        f"no exact oracle for {type(policy).__name__} on {type(environment).__name__}: supported are "
        "FixedArm anywhere, indices of pulls and tokens (UCBSpec, UCB1, MOSS, Greedy, ...) on independent "
        "rounds, Drifting, Table or PositionTrace, and EXP3Spec on Table; use simulate for the rest"
    )


def _laws(
    environment: TruncatedGeometric | SpeculationLengths | Categorical | Drifting, budget: int
) -> Array:
    if isinstance(environment, Drifting):
        return np.asarray(environment.laws[(np.arange(budget) >= environment.change).astype(int)])
    return np.asarray(environment.laws[0])
