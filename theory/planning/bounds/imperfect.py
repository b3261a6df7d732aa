"""What a language model or a reporter that is only approximately right adds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.planning._validation import Array, as_integer, as_laws
from tightbound.theory.planning.bounds._arguments import (
    as_counts,
    as_episodes,
    as_eta,
    as_horizon,
    as_nonnegative,
    as_positive_share,
    as_ratio,
    as_schedule,
    as_share,
)


def llm_error_bound(episodes: ArrayLike, error: float, *, horizon: int) -> Array:
    r"""Bound the regret that an imperfect language model adds.

    .. math:: (H-1)^2\, T\, \Delta

    Parameters
    ----------
    episodes : array_like
        Number T of episodes, at least 1.
    error : float
        Delta in [0, 1]: total variation between the model's law of the subgoal and the exact mixture,
        averaged over the prompts that the planner meets in episodes that exploit (T episodes, H - 1 steps
        each).
    horizon : int
        Number H of observations in an episode, at least 2.

    Returns
    -------
    ndarray
        To be added to :func:`~tightbound.theory.planning.bounds.schedule_bound` or
        :func:`~tightbound.theory.planning.bounds.epsilon_greedy_bound`.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Notes
    -----
    *Proof.* In the coupling with the true expert
    (:func:`~tightbound.theory.planning.bounds.sampled_mass`) a step now breaks with probability at most
    :math:`1 - w_{t,h} + \mathrm{TV}_{t,h}`. The first part is bounded as before: the posterior of an ideal
    observer contracts whatever policy is played. The second adds up to :math:`(H-1) T \Delta` breaks, each
    worth at most H - 1. ∎

    Examples
    --------
    >>> float(llm_error_bound(100, 0.01, horizon=3))
    4.0
    """
    steps = as_horizon(horizon) - 1
    return np.asarray(steps**2 * as_counts(episodes) * as_share("error", error))


def prompt_coverage(weight: float, least: float, subgoals: int) -> float:
    r"""Bound how much likelier a prompt can be online than in pretraining.

    .. math:: \lambda_S \le \frac{1}{p(z)\, b_{\min}^{n}}

    Then the error on the prompts met online is at most :math:`\lambda_S` times the error in pretraining. The
    bound is exponential in the length of the prompt: for raw prompts it says nothing.

    Parameters
    ----------
    weight : float
        Prior weight p(z) of the truth, in (0, 1].
    least : float
        Least probability of any subgoal under the behaviour that made the pretraining data, in (0, 1].
    subgoals : int
        Number n of subgoals in the prompt, at least 0.

    Returns
    -------
    float
        The bound, infinite where it exceeds the largest float.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Notes
    -----
    *Proof.* The law of a prompt in pretraining is at least p(z) times its law in z under the
    behaviour. Against the law online the observations cancel, and each subgoal contributes a factor of at
    most 1 over at least :math:`b_{\min}`. ∎

    Examples
    --------
    >>> prompt_coverage(0.5, 0.25, 3)
    128.0
    """
    count = as_integer("subgoals", subgoals, least=0)
    with np.errstate(divide="ignore"):
        shrunk = as_positive_share("weight", weight) * np.power(as_positive_share("least", least), count)
        return float(np.float64(1.0) / shrunk)


def reporter_inflation(observation: ArrayLike, emission: ArrayLike) -> float:
    r"""Return how much likelier than assumed a single report can be.

    .. math:: \kappa_o = \max_{s,o} \frac{\hat O(o|s)}{O(o|s)} - 1

    Parameters
    ----------
    observation, emission : array_like, shape (S, O)
        The law that planners assume, and the one by which the reporter really reports.

    Returns
    -------
    float
        At least 0; infinite where something is reported that was thought impossible.

    Raises
    ------
    ValueError
        For rows that are no laws, or tables of different shapes.

    Examples
    --------
    >>> round(reporter_inflation([[0.8, 0.2]], [[0.6, 0.4]]), 12)
    1.0
    """
    assumed, emitted = as_laws("observation", observation), as_laws("emission", emission)
    if assumed.shape != emitted.shape:
        raise ValueError(
            f"emission has shape {emitted.shape} and observation {assumed.shape}: "
            "give two tables of one shape (S, O)"
        )
    ratio = np.divide(emitted, assumed, out=np.full(assumed.shape, np.inf), where=assumed > 0.0)
    return float(np.max(np.where(emitted > 0.0, ratio, 0.0))) - 1.0


def reporter_contraction(
    episodes: int, eps: ArrayLike, eta: float, *, horizon: int, inflation: float, prior_ratio: float = 1.0
) -> Array:
    r"""Bound the posterior ratio of a wrong environment where the reporter is misspecified.

    .. math:: E_z \sqrt{R_t(z')} \le \sqrt{c_Z} \prod_{i<t} (1+\kappa)(1 - \varepsilon_i\eta), \qquad
              \kappa = (1+\kappa_o)^H - 1

    Parameters
    ----------
    episodes : int
        Number T of episodes, at least 1.
    eps : float or array_like, shape (T,)
        Probability of exploring, of all episodes or of each, in [0, 1].
    eta : float
        Squared Hellinger distance of exploration under the *assumed* reporter, in (0, 1].
    horizon : int
        Number H of observations in an episode, at least 2.
    inflation : float
        kappa_o of :func:`reporter_inflation`, at least 0.
    prior_ratio : float, default 1
        c_Z, at least 1.

    Returns
    -------
    ndarray, shape (T,)
        The bound for t = 1, ..., T. It falls only where
        :math:`\kappa < \varepsilon\eta/(1 - \varepsilon\eta)`: a sufficient condition, far from necessary;
        the sharp one is :func:`reporter_drift`.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Notes
    -----
    *Proof.* An episode of H reports is at most :math:`(1+\kappa_o)^H` times likelier than
    assumed, so every mean taken under the assumed law in
    :func:`~tightbound.theory.planning.bounds.contraction_bound` grows at most by that factor. ∎

    Examples
    --------
    >>> reporter_contraction(2, 1.0, 0.5, horizon=2, inflation=0.0).tolist()
    [1.0, 0.5]
    """
    length = as_episodes(episodes)
    excess = (1.0 + as_nonnegative("inflation", inflation)) ** as_horizon(horizon)
    factors = excess * (1.0 - as_schedule(eps, length) * as_eta(eta))
    start = math.sqrt(as_ratio(prior_ratio))
    with np.errstate(over="ignore"):
        return np.asarray(start * np.concatenate([[1.0], np.cumprod(factors[:-1])]))


def reporter_drift(emitted: ArrayLike, true: ArrayLike, wrong: ArrayLike) -> float:
    r"""Return the mean gain of log odds for the truth per exploration, under a misspecified reporter.

    .. math:: D = E_{\hat P}\Bigl[\log \frac{P_z}{P_{z'}}\Bigr] = KL(\hat P \| P_{z'}) - KL(\hat P \| P_z)

    Parameters
    ----------
    emitted : array_like, shape (O,)
        Law of what exploration really reports in the truth.
    true, wrong : array_like, shape (O,)
        What planners assume it reports in the truth z and in the other environment z'.

    Returns
    -------
    float
        In nats. Infinite, of either sign, where a report that occurs rules one environment out.

    Raises
    ------
    ValueError
        For entries that are no laws or differ in shape, or a report that both environments rule out.

    Notes
    -----
    Where only explorations inform, the log odds are a random walk with this drift: to the truth
    where D > 0 (law of large numbers), to the other environment where D < 0. Then an exact planner settles on
    the wrong expert with positive probability and regret is linear: a phase transition at D = 0.

    Examples
    --------
    >>> round(reporter_drift([0.5, 0.5], [0.8, 0.2], [0.2, 0.8]), 12)
    0.0
    """
    laws = [as_laws(name, law) for name, law in (("emitted", emitted), ("true", true), ("wrong", wrong))]
    if len({law.shape for law in laws}) > 1 or laws[0].ndim != 1:
        raise ValueError(
            f"emitted, true and wrong have shapes {[law.shape for law in laws]}: "
            "give three laws of one shape (O,)"
        )
    law, here, there = (one[laws[0] > 0.0] for one in laws)
    if np.any((here == 0.0) & (there == 0.0)):
        raise ValueError(
            "emitted gives weight to a report that true and wrong both rule out: give at least one of them a "
            "positive probability there"
        )
    with np.errstate(divide="ignore"):
        gains = law * (np.log(here) - np.log(there))
    if np.any(gains == np.inf) and np.any(gains == -np.inf):
        raise ValueError(
            "emitted has one report that rules out the truth and one that rules out the other environment: "
            "the log odds are undefined; give laws with common support"
        )
    return float(np.sum(gains))
