r"""The regularised mirror-descent step and what it guarantees against a fixed reference policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats
from tightbound.theory.graphon_games._dynamics import policy_shape
from tightbound.theory.graphon_games._validation import Array, as_log_policy, as_number, as_regularisation
from tightbound.theory.graphon_games.contraction import reward_range
from tightbound.theory.graphon_games.distances import weighted_divergence
from tightbound.theory.graphon_games.flow import flow
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.values import action_values, policy_value


def mirror_step(
    log_policy: ArrayLike, action_values: ArrayLike, *, theta: float, lam: float, beta: float = 0.0
) -> Array:
    r"""Return the log-policy after one step of regularised mirror descent.

    .. math:: \pi' \propto \pi^{1-\theta}\, e^{\theta Q/\lambda}, \qquad
              \pi'_\beta = (1-\beta)\, \pi' + \beta / |A|

    Parameters
    ----------
    log_policy : array_like, shape (..., A)
        Normalised logarithms of the current policy.
    action_values : array_like, shape (..., A)
        Q of the current policy, which excludes the entropy of its own step.
    theta : float
        Step in (0, 1]: :math:`\theta = \lambda\eta`, or :math:`\lambda\eta / (1 + \lambda\eta)` for the
        proximal form with rate :math:`\eta`.
    lam : float
        Entropy weight, positive.
    beta : float
        Share of the uniform policy mixed in, in [0, 1].

    Returns
    -------
    ndarray, shape (..., A)

    Raises
    ------
    ValueError
        For ``lam`` at most 0, ``theta`` outside (0, 1], ``beta`` outside [0, 1] or shapes that differ.

    Notes
    -----
    :math:`\pi'` maximises :math:`\theta(\langle Q, p\rangle - \lambda\langle p, \log p\rangle) -
    (1-\theta)\lambda\,\mathrm{KL}(p \| \pi)`. With :math:`\theta = 1` it is the softmax of :math:`Q/\lambda`.

    Examples
    --------
    >>> np.exp(mirror_step(np.log([0.5, 0.5]), [0.0, 1.0], theta=1.0, lam=1.0)).round(4)
    array([0.2689, 0.7311])
    """
    weight, step, share = _parameters(theta, lam, beta)
    q = as_floats("action_values", action_values)
    log_pi = as_log_policy("log_policy", log_policy, q.shape)
    scores = (step / weight) * q
    if step < 1.0:
        scores = scores + (1.0 - step) * log_pi
    scores = scores - scores.max(axis=-1, keepdims=True)
    new = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    if share == 0.0:
        return np.asarray(new)
    with np.errstate(divide="ignore"):
        return np.asarray(np.logaddexp(np.log1p(-share) + new, np.log(share / q.shape[-1])))


@dataclass(frozen=True)
class MirrorStepCertificate:
    r"""Both sides of the one-step inequality, :func:`mirror_step_certificate`.

    Attributes
    ----------
    before, after : float
        :math:`\phi` of the policy and of its successor.
    gap : float
        :math:`\int [J(\pi, \mu) - J(\pi^*, \mu)]` among the crowd :math:`\mu = \Psi(\pi)`.
    spread : float
        :math:`C = \int \sum_h E_{\mu^*} \mathrm{osc}(G)^2`.
    bound : float
        The right-hand side.
    log_policy : ndarray, shape (M, H, S, A)
        The successor.
    """

    before: float
    after: float
    gap: float
    spread: float
    bound: float
    log_policy: Array

    @property
    def residual(self) -> float:
        """``after - bound``: at most 0, up to round-off, where the kernel is free of the mean field."""
        return self.after - self.bound


def mirror_step_certificate(
    game: GraphonGame,
    log_policy: ArrayLike,
    log_reference: ArrayLike,
    *,
    theta: float,
    lam: float,
    beta: float = 0.0,
) -> MirrorStepCertificate:
    r"""Evaluate both sides of the inequality that one mirror-descent step satisfies.

    .. math:: \phi(\pi') \le (1-\theta)\,\phi(\pi) + \frac{\theta}{\lambda}\,\mathrm{gap}
              + \frac{\theta^2}{8} \int \sum_h E_{\mu^*_h} \mathrm{osc}(G_h)^2 + H \log\frac{1}{1-\beta}

    with :math:`\phi(\pi) = \int\sum_h E_{\mu^*_h}\mathrm{KL}(\pi^*_h \| \pi_h)`, :math:`G = Q^\pi/\lambda -
    \log\pi`, osc = max - min over actions, :math:`\mu = \Psi(\pi)`, :math:`\mu^* = \Psi(\pi^*)`.

    Parameters
    ----------
    game : GraphonGame
        The inequality is proved for kernels free of the mean field. Others are evaluated all the same and
        may break it: by order theta, so that small steps show it and large ones hide it.
    log_policy : array_like, shape (M, H, S, A)
    log_reference : array_like, shape (M, H, S, A)
        Any policy :math:`\pi^*`; at an equilibrium of a weakly monotone game ``gap`` is at most 0.
    theta, lam, beta
        As in :func:`mirror_step`, with ``beta`` below 1.

    Returns
    -------
    MirrorStepCertificate

    Raises
    ------
    ValueError
        For parameters out of range, or a policy with probability 0 where the reference has more.

    Notes
    -----
    *Proof.* At a fixed block, step and state, :math:`\pi' = \pi e^{\theta G} / Z`, so

    .. math:: \mathrm{KL}(\pi^*\|\pi') = \mathrm{KL}(\pi^*\|\pi) - \theta\langle\pi^*, G\rangle + \log Z,
              \qquad \log Z \le \theta\langle\pi, G\rangle + \tfrac{\theta^2}{8}\,\mathrm{osc}(G)^2,

    the second by Hoeffding's lemma for the variable G under :math:`\pi`. It remains to sum
    :math:`\theta\langle G, \pi - \pi^*\rangle` over steps under :math:`\mu^*`. Since :math:`V_h = \langle
    \pi_h, Q_h - \lambda\log\pi_h\rangle`, telescoping :math:`V` along the play of :math:`\pi^*` among the
    crowd :math:`\mu` gives

    .. math:: J(\pi^*, \mu) - J(\pi, \mu) = \sum_h E_{F(\pi^*,\mu)}\big[\langle \lambda G_h, \pi^*_h -
              \pi_h\rangle - \lambda\,\mathrm{KL}(\pi^*_h\|\pi_h)\big].

    If the kernel is free of the mean field, the frozen flow :math:`F(\pi^*, \mu)` is :math:`\mu^*`. Then
    :math:`\int\sum_h E_{\mu^*}\langle G, \pi - \pi^*\rangle = \mathrm{gap}/\lambda - \phi(\pi)`, which is
    the claim without mixing. Mixing lowers no probability by more than the factor :math:`1-\beta`, so it
    adds at most :math:`\log\frac{1}{1-\beta}` to each divergence, of which there are H.

    *The gap.* In a weakly monotone game (see ``monotonicity.py``), :math:`\mathrm{gap} \le \int [J(\pi,
    \mu^*) - J(\pi^*, \mu^*)]`, and this is at most 0 if :math:`\pi^*` is an equilibrium.

    References
    ----------
    Hoeffding, JASA 1963, Lemma 1; Lan, Mathematical Programming 2023, for policy mirror descent.

    Examples
    --------
    >>> from tightbound.theory.graphon_games.games.random_linear import random_linear
    >>> game = random_linear(rng=0)
    >>> uniform = np.log(game.uniform_policy())
    >>> mirror_step_certificate(game, uniform, uniform, theta=0.5, lam=1.0).residual <= 0.0
    True
    """
    weight, step, share = _parameters(theta, lam, beta)
    if share == 1.0:
        raise ValueError("beta is 1.0: the inequality needs beta < 1; with beta = 1 every step forgets all")
    shape = policy_shape(game)
    log_pi = as_log_policy("log_policy", log_policy, shape)
    log_star = as_log_policy("log_reference", log_reference, shape)
    if np.any(np.isinf(log_pi)):
        raise ValueError("log_policy has an action of probability 0: mirror descent needs full support")
    pi, star = np.exp(log_pi), np.exp(log_star)
    mu, mu_star = flow(game, pi), flow(game, star)
    q = action_values(game, pi, mu, weight)
    new = mirror_step(log_pi, q, theta=step, lam=weight, beta=share)
    before = weighted_divergence(mu_star, log_star, log_pi)
    gap = float((policy_value(game, pi, mu, weight) - policy_value(game, star, mu, weight)).mean())
    spread = float((mu_star * np.ptp(q / weight - log_pi, axis=-1) ** 2).sum(axis=(1, 2)).mean())
    return MirrorStepCertificate(
        before=before,
        after=weighted_divergence(mu_star, log_star, new),
        gap=gap,
        spread=spread,
        bound=(1.0 - step) * before
        + step / weight * gap
        + step**2 / 8.0 * spread
        - game.horizon * float(np.log1p(-share)),
        log_policy=new,
    )


def mirror_descent_bound(thetas: ArrayLike, initial: float, spread: ArrayLike) -> Array:
    r"""Return the bounds on :math:`\phi_0, \ldots, \phi_T` that follow where every gap is at most 0.

    .. math:: b_0 = \phi_0, \qquad b_{t+1} = (1 - \theta_t)\, b_t + \frac{\theta_t^2}{8}\, C_t

    Parameters
    ----------
    thetas : array_like, shape (T,)
        Steps in (0, 1].
    initial : float
        :math:`\phi_0`; at most :math:`H \log |A|` for the uniform policy.
    spread : float, or array_like of shape (T,)
        :math:`C_t`, or a bound on all of them.

    Returns
    -------
    ndarray, shape (T + 1,)

    Notes
    -----
    For a constant step :math:`b_T \le (1-\theta)^T \phi_0 + \theta C/8`. With :math:`\theta =
    \lambda/\sqrt{T}` this is of order :math:`T^{-1/2}`. For :math:`\theta_t = 2/(t+2)` and a constant C,
    :math:`b_T \le C/(2(T+1))` for :math:`T \ge 1`, whatever :math:`\phi_0`: the first step has
    :math:`\theta_0 = 1`, so :math:`b_1 = C/8 \le C/4`, and if it holds at t then

    .. math:: b_{t+1} \le \frac{t}{t+2} \frac{C}{2(t+1)} + \frac{C}{2(t+2)^2} \le \frac{C}{2(t+2)}
              \iff \frac{t}{t+1} + \frac{1}{t+2} \le 1 \iff \frac{1}{t+2} \le \frac{1}{t+1}.

    Examples
    --------
    >>> mirror_descent_bound([1.0, 2 / 3, 0.5], 5.0, 8.0)
    array([5.        , 1.        , 0.77777778, 0.63888889])
    """
    steps = as_floats("thetas", thetas)
    if steps.ndim != 1 or np.any(steps <= 0.0) or np.any(steps > 1.0):
        raise ValueError(f"thetas is {thetas!r}: give a list of steps in (0, 1], e.g. 2 / (t + 2)")
    constants = as_floats("spread", spread)
    if constants.shape not in ((), steps.shape) or np.any(constants < 0.0):
        raise ValueError(
            f"spread has shape {constants.shape}: give one number of at least 0, or one per step"
        )
    found = [as_number("initial", initial, least=0.0)]
    for step, constant in zip(steps, np.broadcast_to(constants, steps.shape), strict=True):
        found.append(float((1.0 - step) * found[-1] + step**2 / 8.0 * constant))
    return np.array(found)


def spread_bound(game: GraphonGame, lam: float, *, largest_range: float | None = None) -> float:
    r"""Return a bound on C for every step of mirror descent from the uniform policy with ``beta = 0``.

    .. math:: C \le \sum_{h=1}^H \Big(\frac{2 B_h}{\lambda}\Big)^2, \qquad
              B_h = (H-h+1) R + (H-h)\,\lambda \log|A|

    with R the range of the rewards over states, actions and possible aggregates.

    Parameters
    ----------
    game : GraphonGame
    lam : float
        Entropy weight, positive.
    largest_range : float, optional
        R, where the reward is a callable without ``oscillation(mass)``.

    Returns
    -------
    float

    Notes
    -----
    Values of any policy at step h + 1 lie between :math:`(H-h) \min r` and :math:`(H-h)(\max r + \lambda
    \log|A|)`, so Q at step h varies by at most :math:`B_h` over actions. One step gives :math:`\log\pi' =
    (1-\theta)\log\pi + \theta Q/\lambda + \text{const}`; by induction from the uniform policy
    :math:`\mathrm{osc}(\log\pi_h) \le B_h/\lambda` for ever, whatever the steps, and :math:`\mathrm{osc}(G)
    \le 2 B_h/\lambda`. No mixing is needed to keep the logarithms bounded.

    Examples
    --------
    >>> from tightbound.theory.graphon_games.games.rotation import rotation
    >>> spread_bound(rotation(), 1e9) > 0.0
    True
    """
    weight = as_regularisation(lam, positive=True)
    spread = reward_range(game, largest_range)
    steps = np.arange(game.horizon, 0, -1)
    ranges = steps * spread + (steps - 1) * weight * np.log(game.actions)
    return float(np.sum((2.0 * ranges / weight) ** 2))


def _parameters(theta: float, lam: float, beta: float) -> tuple[float, float, float]:
    """Return lam, theta and beta, each in its range."""
    return (
        as_regularisation(lam, positive=True),
        as_number("theta", theta, above=0.0, most=1.0),
        as_number("beta", beta, least=0.0, most=1.0),
    )
