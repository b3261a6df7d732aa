r"""Weak monotonicity: its functional, and a search for policies that violate it.

A game is weakly monotone if the functional of :func:`monotonicity_gap` is at most 0 for all pairs of
policies: agents would rather keep apart.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats, as_integer
from tightbound.theory.graphon_games._dynamics import as_policy
from tightbound.theory.graphon_games._validation import Array
from tightbound.theory.graphon_games.best_response import best_response
from tightbound.theory.graphon_games.flow import flow, frozen_flow
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.values import policy_value


def monotonicity_gap(game: GraphonGame, first: ArrayLike, second: ArrayLike, lam: float = 0.0) -> float:
    r"""Return :math:`\int [J(p, \Psi p) + J(q, \Psi q) - J(q, \Psi p) - J(p, \Psi q)]\, d\alpha`.

    Parameters
    ----------
    game : GraphonGame
    first, second : array_like, shape (M, H, S, A)
        Policies p and q.
    lam : float
        Entropy weight of the values; it does not matter where the kernel is free of the mean field.

    Returns
    -------
    float
        At most 0 for all pairs if the game is weakly monotone; one positive value refutes it.

    Notes
    -----
    *Closed form.* Let the kernel be free of the mean field. A policy then has one state law, whatever the
    crowd, so entropies cancel and with :math:`\rho` the state-action laws

    .. math:: \int \sum_h \sum_{s,a} (\rho^p_h - \rho^q_h)(s,a)\,
              \big[r_h(s,a,z_h[\mu^p]) - r_h(s,a,z_h[\mu^q])\big]\, d\alpha.

    For :math:`r = r^0(s,a) + c\,z(s)` and :math:`\Delta = \mu^p - \mu^q` this is :math:`c \sum_h\sum_s
    \iint \Delta^\alpha_h(s) W_h(\alpha,\beta) \Delta^\beta_h(s)`. It has the sign of c for every pair if W
    is positive semidefinite. If W is indefinite it takes the other sign as soon as the reachable differences
    :math:`\Delta_h(s)`, as functions of :math:`\alpha`, align with a negative direction of W.

    *Consequence.* If the game is weakly monotone and :math:`\pi^*` an equilibrium with flow :math:`\mu^*`,
    then for every :math:`\pi` with flow :math:`\mu`: :math:`\int [J(\pi,\mu) - J(\pi^*,\mu)] \le \int
    [J(\pi,\mu^*) - J(\pi^*,\mu^*)] \le 0`. Two equilibria of a regularised game hence agree on all states
    they visit: p is the best response to its own crowd, so :math:`\int [J(p,\Psi p) - J(q,\Psi p)] =
    \lambda\int\sum_h E\,\mathrm{KL}(q_h \| p_h)`, and likewise with p and q exchanged. Thus :math:`\lambda`
    times the sum of two divergences is the functional, at most 0, and the flows coincide.

    References
    ----------
    Lasry and Lions, Japanese Journal of Mathematics 2007, for the condition without graphon.

    Examples
    --------
    >>> from tightbound.theory.graphon_games.games.rotation import rotation
    >>> game = rotation(0.5, blocks=2)
    >>> other = game.uniform_policy()
    >>> other[:, 0] = [1.0, 0.0, 0.0]
    >>> round(monotonicity_gap(game, game.uniform_policy(), other), 12) == round(0.5 * 2 / 3, 12)
    True
    """
    p, q = as_policy(game, first, "first"), as_policy(game, second, "second")
    mu, nu = flow(game, p), flow(game, q)
    at_mu = policy_value(game, p, mu, lam) - policy_value(game, q, mu, lam)
    at_nu = policy_value(game, q, nu, lam) - policy_value(game, p, nu, lam)
    return float((at_mu + at_nu).mean())


@dataclass(frozen=True)
class MonotonicitySearch:
    """The pair of policies with the largest functional that a search met.

    Attributes
    ----------
    gap : float
        Value of :func:`monotonicity_gap`; a positive one proves that the game is not weakly monotone, a
        non-positive one proves nothing.
    first, second : ndarray, shape (M, H, S, A)
        The policies.
    eigenvalue : float
        Eigenvalue of :math:`W/M` whose eigenvector the pair is aligned with.
    states : tuple of int
        The two states the policies pull towards.
    """

    gap: float
    first: Array
    second: Array
    eigenvalue: float
    states: tuple[int, int]


def search_violation(game: GraphonGame, *, directions: int = 2, pairs: int = 3) -> MonotonicitySearch:
    r"""Look for policies with a positive functional along the eigenvectors of the graphon.

    For an eigenvector v of :math:`W/M` scaled to largest entry 1, two policies are built whose state laws
    differ by :math:`v_m (\mu^{(k)} - \mu^{(l)})` in block m, where :math:`\mu^{(k)}` is the law of an agent
    who seeks state k. Random pairs hardly ever align with one eigenvector and so miss violations.

    Parameters
    ----------
    game : GraphonGame
    directions : int
        Number of eigenvectors taken from each end of the spectrum.
    pairs : int
        Number of state pairs tried, those whose laws differ most.

    Returns
    -------
    MonotonicitySearch

    Notes
    -----
    The blocks' weights are :math:`\frac12(1 \pm v_m)`, applied to state-action laws; these form a convex set
    where the kernel is free of the mean field, so the difference of laws is exact. Elsewhere the kernels are
    frozen at the flow of the uniform policy for the construction, and the functional of the pair that comes
    out is still evaluated exactly.

    Examples
    --------
    >>> from tightbound.theory.graphon_games.games.beach_bar import beach_bar
    >>> from tightbound.theory.graphon_games.graphons import uniform_attachment
    >>> bool(search_violation(beach_bar(horizon=5)).gap > 0)
    True
    >>> bool(search_violation(beach_bar(horizon=5, graphon=uniform_attachment())).gap > 0)
    False
    """
    count = as_integer("directions", directions, least=1)
    crowd = flow(game, game.uniform_policy())
    laws = [_seeking_law(game, state, crowd) for state in range(game.states)]
    marginals = [law.sum(axis=-1) for law in laws]
    contrast = {
        (i, j): float(((marginals[i] - marginals[j]) ** 2).sum())
        for i, j in itertools.combinations(range(game.states), 2)
    }
    chosen = sorted(contrast, key=lambda pair: -contrast[pair])[: as_integer("pairs", pairs, least=1)]
    values, vectors = np.linalg.eigh(game.weights.mean(axis=0))
    ends = sorted({*range(min(count, game.blocks)), *range(max(game.blocks - count, 0), game.blocks)})
    best: MonotonicitySearch | None = None
    for index, (i, j) in itertools.product(ends, chosen):
        first, second = _pair_along(vectors[:, index], laws[i], laws[j])
        gap = monotonicity_gap(game, first, second)
        if best is None or gap > best.gap:
            best = MonotonicitySearch(gap, first, second, float(values[index]), (i, j))
    assert best is not None
    return best


def aligned_pair(
    game: GraphonGame, direction: ArrayLike, toward: ArrayLike, away: ArrayLike
) -> tuple[Array, Array]:
    r"""Return two policies whose state laws differ by a given profile over the blocks.

    .. math:: \mu^{\text{first}} - \mu^{\text{second}}
              = \frac{v_m}{\max|v|} \big(\mu^{\text{toward}} - \mu^{\text{away}}\big)

    Parameters
    ----------
    game : GraphonGame
    direction : array_like, shape (M,)
        v, not zero, for instance an eigenvector of the graphon.
    toward, away : array_like, shape (M, H, S, A)
        Policies that are mixed.

    Returns
    -------
    tuple of ndarray, each of shape (M, H, S, A)

    Raises
    ------
    ValueError
        For a direction that is zero or of the wrong length.

    Notes
    -----
    Exact where the kernel is free of the mean field; see :func:`search_violation`.

    Examples
    --------
    >>> from tightbound.theory.graphon_games.games.rotation import rotation
    >>> game = rotation(blocks=2)
    >>> go = [np.broadcast_to(np.eye(3)[k], (2, 2, 3, 3)) for k in (0, 1)]
    >>> first, second = aligned_pair(game, [1.0, -0.5], *go)
    >>> (flow(game, first) - flow(game, second))[:, 1]
    array([[ 1. , -1. ,  0. ],
           [-0.5,  0.5,  0. ]])
    """
    v = as_floats("direction", direction)
    if v.shape != (game.blocks,) or not np.any(v):
        raise ValueError(f"direction is {direction!r}: give {game.blocks} numbers that are not all 0")
    p, q = as_policy(game, toward, "toward"), as_policy(game, away, "away")
    crowd = flow(game, game.uniform_policy())
    laws = [frozen_flow(game, x, crowd)[..., None] * x for x in (p, q)]
    return _pair_along(v, *laws)


def _seeking_law(game: GraphonGame, state: int, crowd: Array) -> Array:
    """Return the state-action law (M, H, S, A) of an agent who spends most time in a state."""
    wish = np.zeros((game.states, game.actions))
    wish[state] = 1.0
    policy = best_response(replace(game, reward=wish), crowd, 0.0).policy
    return np.asarray(frozen_flow(game, policy, crowd)[..., None] * policy)


def _pair_along(direction: Array, toward: Array, away: Array) -> tuple[Array, Array]:
    """Return the policies whose state-action laws are mixed with weights (1 + v) / 2 and (1 - v) / 2."""
    share = (1.0 + direction / np.abs(direction).max())[:, None, None, None] / 2.0
    return (
        _conditional(share * toward + (1.0 - share) * away),
        _conditional((1.0 - share) * toward + share * away),
    )


def _conditional(law: Array) -> Array:
    """Return the policy of a state-action law, uniform where the state has no mass."""
    mass = law.sum(axis=-1, keepdims=True)
    uniform = np.full_like(law, 1.0 / law.shape[-1])
    return np.asarray(np.divide(law, mass, out=uniform, where=mass > 1e-300))
