r"""Best response as a convex program over occupancy measures, with a certificate from weak duality.

The dynamic program of ``best_response.py`` and this program share no code beyond the game's own kernels and
rewards, so each checks the other.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_integer
from tightbound.theory.graphon_games._dynamics import as_mean_field
from tightbound.theory.graphon_games._validation import Array, as_regularisation
from tightbound.theory.graphon_games.best_response import soft_maximum
from tightbound.theory.graphon_games.flow import aggregate
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.values import entropy


class ConvexSolverError(RuntimeError):
    """The solver of the convex program gave no solution."""


@dataclass(frozen=True)
class ConvexBestResponse:
    """A solution of the occupancy program of one block, with the two values that enclose the optimum.

    Attributes
    ----------
    policy : ndarray, shape (H, S, A)
        Conditional law of the actions; uniform where the state has no mass.
    occupancy : ndarray, shape (H, S, A)
        State-action laws as the solver returned them.
    primal : float
        Value of the policy, evaluated exactly: a lower bound on the optimum.
    dual : float
        Value of the solver's multipliers, lifted until they are feasible: an upper bound on the optimum.
    status : str
        What the solver said.
    """

    policy: Array
    occupancy: Array
    primal: float
    dual: float
    status: str

    @property
    def gap(self) -> float:
        """``dual - primal``: the optimum lies within this of both, whatever the solver did."""
        return self.dual - self.primal


def convex_best_response(
    game: GraphonGame, mean_field: ArrayLike, lam: float, block: int = 0
) -> ConvexBestResponse:
    r"""Solve for the best response of one block among a frozen crowd: by a linear or a conic program.

    .. math:: \max_{\rho \ge 0} \sum_h \Big[\langle\rho_h, r_h\rangle
              - \lambda \sum_{s,a} \rho_h(s,a) \log\frac{\rho_h(s,a)}{\sum_b \rho_h(s,b)}\Big]
              \quad\text{s.t.}\quad \sum_a \rho_1(\cdot,a) = \mu_1,\quad
              \sum_a \rho_{h+1}(s',a) = \sum_{s,a} \rho_h(s,a) P_h(s'|s,a)

    Parameters
    ----------
    game : GraphonGame
    mean_field : array_like, shape (M, H, S)
        The crowd.
    lam : float
        Entropy weight, at least 0; at 0 the program is linear.
    block : int
        Index of the block, from 0.

    Returns
    -------
    ConvexBestResponse

    Raises
    ------
    IndexError
        If there is no such block.
    ConvexSolverError
        If the solver fails.

    Notes
    -----
    The conditional entropy of a state-action law is concave, so the program is convex. Its dual is

    .. math:: \min_V \langle\mu_1, V_1\rangle \quad\text{s.t.}\quad
              V_h(s) \ge \lambda\log\sum_a e^{[r_h(s,a) + (P_h V_{h+1})(s,a)]/\lambda}, \qquad V_{H+1} = 0

    (a maximum for :math:`\lambda = 0`). *Certificate.* Any policy's value is at most the optimum. Any V that
    satisfies the constraints has :math:`\langle\mu_1,V_1\rangle` at least the optimum, by backward
    induction. The solver's multipliers satisfy them up to some violation :math:`\epsilon_h`; adding
    :math:`\sum_{k\ge h}\epsilon_k` to :math:`V_h` makes them feasible, as adding a constant to
    :math:`V_{h+1}` adds the same to the right-hand side.

    References
    ----------
    Puterman, Markov Decision Processes, Wiley 1994, Section 6.9; Diamond and Boyd, JMLR 2016, for cvxpy.

    Examples
    --------
    >>> from tightbound.theory.graphon_games.flow import flow
    >>> from tightbound.theory.graphon_games.games.sis import sis
    >>> game = sis(blocks=2, horizon=3)
    >>> found = convex_best_response(game, flow(game, game.uniform_policy()), 0.0)
    >>> round(found.primal, 4), abs(found.gap) < 1e-9
    (-2.6453, True)
    """
    weight = as_regularisation(lam)
    z = aggregate(game, as_mean_field(game, mean_field))
    index = as_integer("block", block, least=0)
    if index >= game.blocks:
        raise IndexError(f"block is {index}: this game has blocks 0 to {game.blocks - 1}; choose one of them")
    stages = range(game.horizon)
    reward = np.stack([np.asarray(game.reward_at(h, z[index, h])) for h in stages])
    kernel = np.stack([np.asarray(game.transition_at(h, z[index, h])) for h in stages])
    initial = np.asarray(game.initial[index])
    occupancy, multipliers, status = _solve(reward, kernel, initial, weight)
    mass = occupancy.sum(axis=-1, keepdims=True)
    uniform = np.full_like(occupancy, 1.0 / game.actions)
    policy = np.divide(occupancy, mass, out=uniform, where=mass > 1e-12)
    return ConvexBestResponse(
        policy,
        occupancy,
        _primal_value(policy, reward, kernel, initial, weight),
        _dual_value(multipliers, reward, kernel, initial, weight),
        status,
    )


def _solve(reward: Array, kernel: Array, initial: Array, lam: float) -> tuple[Array, Array, str]:
    """Return occupancies (H, S, A), multipliers V (H, S) and the status."""
    cp: Any = importlib.import_module("cvxpy")
    horizon, states, _ = reward.shape
    law = [cp.Variable(reward.shape[1:], nonneg=True) for _ in range(horizon)]
    constraints: list[Any] = [cp.sum(law[0], axis=1) == initial]
    for h in range(horizon - 1):
        arriving = sum(kernel[h, s].T @ law[h][s] for s in range(states))
        constraints.append(cp.sum(law[h + 1], axis=1) == arriving)
    objective = sum(cp.sum(cp.multiply(reward[h], law[h])) for h in range(horizon))
    if lam > 0.0:
        ones = np.ones((1, reward.shape[2]))
        for x in law:
            objective -= lam * cp.sum(cp.rel_entr(x, cp.sum(x, axis=1, keepdims=True) @ ones))
    problem = cp.Problem(cp.Maximize(objective), constraints)
    try:
        problem.solve(solver=cp.CLARABEL if lam > 0.0 else cp.HIGHS)
    except cp.error.SolverError as error:
        raise ConvexSolverError(f"the solver failed ({error}): raise lam or shorten the horizon") from error
    if problem.status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
        raise ConvexSolverError(f"the solver ended {problem.status}: raise lam or shorten the horizon")
    occupancy = np.maximum(np.stack([x.value for x in law]), 0.0)
    multipliers = np.stack([c.dual_value for c in constraints])
    return occupancy, multipliers, str(problem.status)


def _primal_value(policy: Array, reward: Array, kernel: Array, initial: Array, lam: float) -> float:
    """Return the exact value of a policy of one block."""
    law, total = initial, 0.0
    for h in range(len(reward)):
        pairs = law[:, None] * policy[h]
        total += float((pairs * reward[h]).sum() + lam * (law * entropy(policy[h])).sum())
        law = np.einsum("sa,sat->t", pairs, kernel[h])
    return total


def _dual_value(multipliers: Array, reward: Array, kernel: Array, initial: Array, lam: float) -> float:
    """Return the value of the multipliers after lifting them to feasibility."""
    lift = 0.0
    ahead = np.zeros(reward.shape[1])
    for h in reversed(range(len(reward))):
        q = reward[h] + kernel[h] @ ahead
        needed = soft_maximum(q, lam)[1] if lam > 0.0 else q.max(axis=-1)
        lift += max(float((needed - multipliers[h]).max()), 0.0)
        ahead = multipliers[h]
    return float(initial @ multipliers[0]) + lift
