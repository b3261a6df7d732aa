r"""Certified Lipschitz constants of best response and flow, and the recursion of GMFG-PPO.

GMFG-PPO keeps an averaged mean field, :math:`\bar\mu_{t+1} = (1-\alpha)\bar\mu_t + \alpha F(\pi_{t+1},
\bar\mu_t)`. Its analysis needs that :math:`\bar\mu \mapsto F(\mathrm{BR}(\bar\mu), \bar\mu)` contracts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats
from tightbound.theory.graphon_games._validation import Array, as_number, as_regularisation
from tightbound.theory.graphon_games.best_response import best_response
from tightbound.theory.graphon_games.distances import flow_distance, worst_policy_distance
from tightbound.theory.graphon_games.flow import frozen_flow
from tightbound.theory.graphon_games.game import GraphonGame


@dataclass(frozen=True)
class ContractionConstants:
    r"""Lipschitz constants in the distances d of flows and :math:`D_\infty` of policies.

    .. math:: D_\infty(\mathrm{BR}(\mu), \mathrm{BR}(\nu)) \le d_1\, d(\mu,\nu), \quad
              d(F(\pi,\mu), F(q,\mu)) \le d_2\, D_\infty(\pi,q), \quad
              d(F(\pi,\mu), F(\pi,\nu)) \le d_3\, d(\mu,\nu)

    Attributes
    ----------
    d1, d2, d3 : float
        At least 0.

    Examples
    --------
    >>> ContractionConstants(0.2, 2.0, 0.1).kappa
    0.5
    """

    d1: float
    d2: float
    d3: float

    def __post_init__(self) -> None:
        for name in ("d1", "d2", "d3"):
            as_number(name, getattr(self, name), least=0.0)

    @property
    def kappa(self) -> float:
        r""":math:`\kappa = 1 - d_1 d_2 - d_3`; positive if the mean-field map contracts.

        Then the equilibrium flow is unique, being the fixed point of :math:`\mu \mapsto F(\mathrm{BR}(\mu),
        \mu)`, whose Lipschitz constant is at most :math:`d_1 d_2 + d_3`. Negative :math:`\kappa` says
        nothing: these are upper bounds.
        """
        return 1.0 - self.d1 * self.d2 - self.d3


def certified_constants(
    game: GraphonGame,
    lam: float,
    *,
    reward_lipschitz: float | None = None,
    transition_lipschitz: float | None = None,
    largest_range: float | None = None,
) -> ContractionConstants:
    r"""Return constants that hold for every pair of flows and policies.

    .. math:: d_1 = \frac{w}{\lambda} \max_{1 \le k \le H} k \Big(L_r + \tfrac12 L_P (H-k) R\Big), \qquad
              d_2 = H - 1, \qquad d_3 = (H-1)\, L_P\, w

    with w the largest degree :math:`\max_\alpha \int W(\alpha,\beta)\,d\beta`, R the range of the rewards,
    and :math:`L_r, L_P` with :math:`|r(z)-r(z')| \le L_r|z-z'|_1` and :math:`|P(z)-P(z')|_1 \le
    L_P|z-z'|_1` for aggregates of equal mass.

    Parameters
    ----------
    game : GraphonGame
    lam : float
        Entropy weight, positive.
    reward_lipschitz, transition_lipschitz : float, optional
        :math:`L_r` and :math:`L_P`; by default 0 for arrays and else the callable's ``lipschitz(mass)``.
    largest_range : float, optional
        R; by default that of the array, or the callable's ``oscillation(mass)``.

    Returns
    -------
    ContractionConstants

    Raises
    ------
    ValueError
        For ``lam`` at most 0, or a callable that certifies no constant when none is given.

    Notes
    -----
    *d2.* Among one crowd both laws use the same kernels, so :math:`|\mu_{h+1} - \nu_{h+1}|_1 \le |\mu_h -
    \nu_h|_1 + \max_s |\pi_h(s) - q_h(s)|_1`. Step k thus enters the H - k later laws: :math:`d_2 = H-1`.

    *d3.* Under one policy, :math:`|\mu_{h+1} - \nu_{h+1}|_1 \le |\mu_h - \nu_h|_1 + L_P|z_h - z'_h|_1`, and
    :math:`\int|z^\alpha_h - z'^\alpha_h|_1 d\alpha \le w \int |\bar\mu_h^\beta - \bar\nu_h^\beta|_1 d\beta`
    by symmetry of W. Both aggregates of a block have the same mass, its degree.

    *d1.* Along a segment from Q to Q', the softmax at temperature :math:`\lambda` moves in absolute sum by
    the mean absolute deviation of :math:`(Q'-Q)/\lambda`, which is at most half its range, at most
    :math:`|Q'-Q|_\infty/\lambda`. Further :math:`|V_h - V'_h| \le |Q_h-Q'_h|_\infty` as the soft maximum is
    monotone and commutes with constants, hence

    .. math:: |Q_h - Q'_h|_\infty \le \sum_{k \ge h} \Big(L_r + \tfrac12 L_P\,\mathrm{osc}(V_{k+1})\Big)
              |z_k - z'_k|_1, \qquad \mathrm{osc}(V_{k+1}) \le (H-k) R.

    The factor 1/2 is that of a signed measure of total 0 against a function of given range; entropy does not
    enter the range of V, again because the soft maximum commutes with constants: :math:`V(s) - V(s') \le
    \max_a [Q(s,a) - Q(s',a)]`. Summing over h counts step k k times.

    Examples
    --------
    >>> from tightbound.theory.graphon_games.games.random_linear import random_linear
    >>> constants = certified_constants(random_linear(rng=0, horizon=3, coupling=-0.1), 1.0)
    >>> constants.d2, constants.d3, round(constants.kappa, 3)
    (2.0, 0.0, 0.85)
    """
    weight = as_regularisation(lam, positive=True)
    degree = largest_degree(game)
    l_r = _lipschitz("reward", game.reward_table, game.reward, reward_lipschitz, degree)
    l_p = _lipschitz("transition", game.transition_table, game.transition, transition_lipschitz, degree)
    spread = reward_range(game, largest_range) if l_p > 0.0 else 0.0
    k = np.arange(1, game.horizon + 1)
    slope = k * (l_r + l_p * (game.horizon - k) * spread / 2.0)
    return ContractionConstants(
        float(degree / weight * slope.max()), float(game.horizon - 1), (game.horizon - 1) * l_p * degree
    )


def observed_constants(
    game: GraphonGame, lam: float, policies: Sequence[ArrayLike], mean_fields: Sequence[ArrayLike]
) -> ContractionConstants:
    """Return the largest ratios seen among the given policies and flows.

    They are lower estimates of the Lipschitz constants: they certify nothing and can only show how much the
    certified ones give away.

    Parameters
    ----------
    game : GraphonGame
    lam : float
        Entropy weight, positive.
    policies : sequence of array_like, each of shape (M, H, S, A)
        At least two, pairwise different.
    mean_fields : sequence of array_like, each of shape (M, H, S)
        At least two, pairwise different.

    Returns
    -------
    ContractionConstants

    Examples
    --------
    >>> from tightbound.theory.graphon_games.flow import flow
    >>> from tightbound.theory.graphon_games.games.random_linear import random_linear
    >>> game = random_linear(rng=0, horizon=3, coupling=-0.1)
    >>> pair = [game.uniform_policy(), np.eye(3)[np.zeros((10, 3, 4), dtype=int)]]
    >>> seen = observed_constants(game, 1.0, pair, [flow(game, p) for p in pair])
    >>> seen.d1 <= certified_constants(game, 1.0).d1
    True
    """
    weight = as_regularisation(lam, positive=True)
    if len(policies) < 2 or len(mean_fields) < 2:
        raise ValueError(
            f"policies has {len(policies)} entries and mean_fields {len(mean_fields)}: give two or more"
        )
    first, other = np.asarray(mean_fields[0]), [np.asarray(m) for m in mean_fields[1:]]
    answers = [best_response(game, m, weight).policy for m in mean_fields]
    d1 = d2 = d3 = 0.0
    for m, answer in zip(other, answers[1:], strict=True):
        d1 = max(d1, _ratio(worst_policy_distance(answers[0], answer), flow_distance(first, m)))
        moved = flow_distance(frozen_flow(game, policies[0], first), frozen_flow(game, policies[0], m))
        d3 = max(d3, _ratio(moved, flow_distance(first, m)))
    for policy in policies[1:]:
        moved = flow_distance(frozen_flow(game, policies[0], first), frozen_flow(game, policy, first))
        d2 = max(d2, _ratio(moved, worst_policy_distance(policies[0], policy)))
    return ContractionConstants(d1, d2, d3)


def ppo_recursion(
    constants: ContractionConstants, alphas: ArrayLike, initial_distance: float, tracking: ArrayLike
) -> Array:
    r"""Return bounds on :math:`e_t = d(\bar\mu_t, \mu^*)` of GMFG-PPO for t = 1, ..., T + 1.

    .. math:: e_{t+1} \le (1 - \alpha_t \kappa)\, e_t + \alpha_t d_2 \delta_t, \qquad
              \delta_t = D_\infty(\pi_{t+1}, \mathrm{BR}(\bar\mu_t))

    Parameters
    ----------
    constants : ContractionConstants
    alphas : array_like, shape (T,)
        Weights :math:`\alpha_t` in [0, 1] of the new flow.
    initial_distance : float
        :math:`e_1`.
    tracking : array_like, shape (T,)
        :math:`\delta_t`.

    Returns
    -------
    ndarray, shape (T + 1,)

    Raises
    ------
    ValueError
        For weights outside [0, 1], negative errors, or shapes that differ.

    Notes
    -----
    *Proof.* :math:`\mu^* = F(\pi^*, \mu^*)` with :math:`\pi^* = \mathrm{BR}(\mu^*)`. By the triangle
    inequality through :math:`F(\mathrm{BR}(\bar\mu), \bar\mu)` and :math:`F(\pi^*, \bar\mu)`,

    .. math:: d(F(\pi,\bar\mu), \mu^*) \le d_2 D_\infty(\pi, \mathrm{BR}(\bar\mu)) + d_2 d_1 e + d_3 e
              = d_2\,\delta + (1-\kappa)\, e,

    and d is convex, so :math:`e_{t+1} \le (1-\alpha_t) e_t + \alpha_t [d_2\delta_t + (1-\kappa) e_t]`.
    Nothing is asked of :math:`\kappa`, but the bound grows if it is negative.

    Examples
    --------
    >>> ppo_recursion(ContractionConstants(0.2, 2.0, 0.1), [0.5, 0.5], 1.0, [0.0, 0.1])
    array([1.    , 0.75  , 0.6625])
    """
    weights, errors = as_floats("alphas", alphas), as_floats("tracking", tracking)
    if weights.ndim != 1 or weights.size == 0 or np.any((weights < 0.0) | (weights > 1.0)):
        raise ValueError(f"alphas is {alphas!r}: give one weight in [0, 1] per iteration")
    if errors.shape != weights.shape or np.any(errors < 0.0):
        raise ValueError(f"tracking has shape {errors.shape}: give {weights.size} errors of at least 0")
    found = [as_number("initial_distance", initial_distance, least=0.0)]
    for weight, error in zip(weights, errors, strict=True):
        found.append(float((1.0 - weight * constants.kappa) * found[-1] + weight * constants.d2 * error))
    return np.array(found)


def ppo_average_bound(
    constants: ContractionConstants, alpha: float, initial_distance: float, tracking: ArrayLike
) -> float:
    r"""Return the bound on the averaged error of GMFG-PPO with a constant weight :math:`\alpha`.

    .. math:: \frac1T \sum_{t=1}^T d(\bar\mu_t, \mu^*) \le \frac{d(\bar\mu_1,\mu^*)}{\alpha\kappa T}
              + \frac{d_2}{\kappa} \cdot \frac1T \sum_{t=1}^T \delta_t

    It bounds the error of the averaged flow too, by convexity of d.

    Parameters
    ----------
    constants : ContractionConstants
        With positive ``kappa``.
    alpha : float
        In (0, 1].
    initial_distance : float
        :math:`d(\bar\mu_1, \mu^*)`.
    tracking : array_like, shape (T,)
        :math:`\delta_t`, see :func:`ppo_recursion`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If ``kappa`` is not positive, or for an argument out of range.

    Notes
    -----
    Sum :math:`\alpha\kappa e_t \le e_t - e_{t+1} + \alpha d_2\delta_t` over t and drop :math:`-e_{T+1}`. The
    first term is the transient; at :math:`\alpha = T^{-2/3}` it is of order :math:`T^{-1/3}`, at
    :math:`\alpha = 1/T` it does not fall. A rate read off this bound is that of the schedule.

    Examples
    --------
    >>> ppo_average_bound(ContractionConstants(0.2, 2.0, 0.1), 0.5, 1.0, [0.1, 0.0, 0.0, 0.0])
    1.1
    """
    if constants.kappa <= 0.0:
        raise ValueError(
            f"constants has kappa = {constants.kappa:g}: the bound needs kappa > 0; weaken the coupling, "
            "shorten the horizon or raise lam"
        )
    errors = as_floats("tracking", tracking)
    if errors.ndim != 1 or errors.size == 0 or np.any(errors < 0.0):
        raise ValueError(f"tracking is {tracking!r}: give one error of at least 0 per iteration")
    weight = as_number("alpha", alpha, above=0.0, most=1.0)
    start = as_number("initial_distance", initial_distance, least=0.0)
    transient = start / (weight * constants.kappa * errors.size)
    return float(transient + constants.d2 / constants.kappa * errors.mean())


def largest_degree(game: GraphonGame) -> float:
    r"""Return :math:`\max_{h,\alpha} \int W_h(\alpha, \beta)\, d\beta` on the game's grid.

    Examples
    --------
    >>> from tightbound.theory.graphon_games.games.sis import sis
    >>> from tightbound.theory.graphon_games.graphons import erdos_renyi
    >>> largest_degree(sis(graphon=erdos_renyi(0.5), blocks=4))
    0.5
    """
    return float(game.weights.sum(axis=-1).max())


def reward_range(game: GraphonGame, given: float | None = None) -> float:
    """Return a bound on max r - min r over states, actions and the aggregates the game can produce.

    Examples
    --------
    >>> from tightbound.theory.graphon_games.games.sis import sis
    >>> reward_range(sis(blocks=4, horizon=3))
    2.5
    """
    if given is not None:
        return as_number("largest_range", given, least=0.0)
    if game.reward_table is not None:
        return float(np.ptp(game.reward_table, axis=(1, 2)).max())
    if hasattr(game.reward, "oscillation"):
        return float(game.reward.oscillation(largest_degree(game)))
    raise ValueError(
        f"the reward of game {game.name} is a callable without oscillation(mass): give largest_range, a "
        "bound on max r - min r over states, actions and aggregates"
    )


def _lipschitz(name: str, table: Array | None, function: object, given: float | None, degree: float) -> float:
    """Return the constant that is given, 0 for an array, or what the callable certifies."""
    if given is not None:
        return as_number(f"{name}_lipschitz", given, least=0.0)
    if table is not None:
        return 0.0
    if hasattr(function, "lipschitz"):
        return float(function.lipschitz(degree))
    raise ValueError(
        f"the {name} is a callable without lipschitz(mass): give {name}_lipschitz, a constant for the "
        "absolute sum of differences of aggregates of equal mass"
    )


def _ratio(moved: float, distance: float) -> float:
    """Return moved / distance for two different arguments."""
    if distance == 0.0:
        raise ValueError("two of the given policies or mean fields coincide: give different ones to compare")
    return moved / distance
