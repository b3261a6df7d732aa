r"""Contrastive learning of a Reporter: population loss, gradient, minimiser and first-order error.

A pair (o, s) carries the label y = 1 with probability rho, and then o is the Reporter's observation of s;
otherwise o is a *negative* that ignores s:

.. math:: s \sim \mu, \qquad o \mid s, y=1 \sim O(\cdot \mid s), \qquad o \mid s, y=0 \sim P^-(\cdot).

The ratio f >= 0 pays :math:`y \log(1 + 1/f(o,s)) + (1-y) \log(1 + f(o,s))`, which is the logistic loss of
the logit log f.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.planning._laws import array_of, as_fraction, law_of_states, laws_of
from tightbound.theory.planning._validation import Array, as_integer


def contrastive_optimum(translation: ArrayLike, negatives: ArrayLike, positive_rate: float = 0.5) -> Array:
    r"""Return the ratio that minimises the population loss.

    .. math:: f^*(o,s) = \frac{\rho}{1-\rho}\,\frac{O(o \mid s)}{P^-(o)}

    The loss separates over (o, s) into :math:`a \log(1+1/f) + b \log(1+f)` with
    :math:`a = \mu(s)\rho\,O(o|s)` and :math:`b = \mu(s)(1-\rho)P^-(o)`; its derivative
    :math:`(bf - a)/(f(1+f))` changes sign once, at f = a/b.

    Parameters
    ----------
    translation : array_like, shape (S, O)
        The Reporter's law O(o | s).
    negatives : array_like, shape (O,)
        The law of negatives.
    positive_rate : float, default 0.5
        rho, in (0, 1).

    Returns
    -------
    ndarray, shape (S, O)
        The minimiser; 0 where neither labels nor negatives ever show the observation.

    Raises
    ------
    ValueError
        For rows that are no laws, or negatives that leave out an observation the Reporter can give: there
        the ratio is infinite and cannot be learned.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883. Gutmann and Hyvärinen,
    "Noise-contrastive estimation", AISTATS 2010.

    Examples
    --------
    >>> contrastive_optimum([[0.75, 0.25]], [0.5, 0.5]).tolist()
    [[1.5, 0.5]]
    """
    law, noise, rate, _ = _problem(translation, negatives, positive_rate, None)
    ratio = np.divide(law, noise, out=np.zeros_like(law), where=noise > 0)
    return np.asarray(ratio * rate / (1.0 - rate))


def contrastive_loss(
    ratio: ArrayLike,
    translation: ArrayLike,
    negatives: ArrayLike,
    positive_rate: float = 0.5,
    states: ArrayLike | None = None,
) -> float:
    r"""Return the population loss of a ratio.

    .. math:: \ell(f) = \sum_s \mu(s) \sum_o \big[\rho\,O(o|s) \log(1 + 1/f(o,s))
              + (1-\rho) P^-(o) \log(1 + f(o,s))\big]

    Parameters
    ----------
    ratio : array_like, shape (S, O)
        f(o, s) >= 0.
    translation, negatives, positive_rate
        As in :func:`contrastive_optimum`.
    states : array_like, shape (S,), optional
        The law mu of states; uniform where left out.

    Returns
    -------
    float
        The loss in nats; at least 0.

    Raises
    ------
    ValueError
        As in :func:`contrastive_optimum`, and for a ratio that is negative, or 0 where the Reporter can
        give the observation (the loss is infinite there).

    Examples
    --------
    >>> round(contrastive_loss([[1.0, 1.0]], [[0.75, 0.25]], [0.5, 0.5]), 6)  # log 2: nothing is known
    0.693147
    """
    law, noise, rate, mass = _problem(translation, negatives, positive_rate, states)
    f = _ratio(ratio, law)
    positive = np.log1p(np.divide(1.0, f, out=np.zeros_like(f), where=f > 0))
    return float(mass @ (rate * law * positive + (1.0 - rate) * noise * np.log1p(f)).sum(axis=1))


def contrastive_gradient(
    ratio: ArrayLike,
    translation: ArrayLike,
    negatives: ArrayLike,
    positive_rate: float = 0.5,
    states: ArrayLike | None = None,
) -> Array:
    r"""Return the gradient of the population loss in the ratio.

    .. math:: \frac{\partial \ell}{\partial f(o,s)}
              = \mu(s)\,\frac{(1-\rho)P^-(o) f(o,s) - \rho\,O(o|s)}{f(o,s)(1 + f(o,s))}

    Parameters
    ----------
    ratio, translation, negatives, positive_rate, states
        As in :func:`contrastive_loss`.

    Returns
    -------
    ndarray, shape (S, O)
        The gradient; at f = 0, where the Reporter never gives the observation, its one-sided value.

    Raises
    ------
    ValueError
        As in :func:`contrastive_loss`.

    Examples
    --------
    >>> contrastive_gradient([[1.5, 0.5]], [[0.75, 0.25]], [0.5, 0.5]).tolist()
    [[0.0, 0.0]]
    """
    law, noise, rate, mass = _problem(translation, negatives, positive_rate, states)
    f = _ratio(ratio, law)
    positive = np.divide(rate * law, f, out=np.zeros_like(f), where=f > 0)
    return np.asarray(mass[:, None] * ((1.0 - rate) * noise - positive) / (1.0 + f))


def translation_from_ratio(ratio: ArrayLike, negatives: ArrayLike) -> Array:
    r"""Return the learned translator, with rows that sum to 1.

    .. math:: \hat O(o \mid s) = \frac{f(o,s) P^-(o)}{\sum_{o'} f(o',s) P^-(o')}

    A factor common to a state's row cancels, so normalising also repairs a ratio learned from unbalanced
    labels.

    Parameters
    ----------
    ratio : array_like, shape (S, O)
        f(o, s) >= 0, finite.
    negatives : array_like, shape (O,)
        The law of negatives.

    Returns
    -------
    ndarray, shape (S, O)
        The translator; where a row of f P^- is all 0, the law of negatives.

    Raises
    ------
    ValueError
        For a ratio that is negative or not finite, or laws that do not sum to 1.

    Examples
    --------
    >>> translation_from_ratio([[3.0, 1.0], [0.0, 0.0]], [0.5, 0.5]).tolist()
    [[0.75, 0.25], [0.5, 0.5]]
    """
    noise = laws_of("negatives", negatives, 1)
    f = array_of("ratio", ratio, 2)
    if f.shape[1] != noise.size:
        raise ValueError(
            f"ratio has shape {f.shape}, negatives {noise.shape}: give one column per observation"
        )
    if (f < 0).any():
        raise ValueError(f"ratio contains {f.min()}: a density ratio is at least 0; clip it")
    product = f * noise
    total = product.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, product / np.where(total > 0, total, 1.0), noise))


def contrastive_error(
    translation: ArrayLike,
    negatives: ArrayLike,
    samples: int,
    positive_rate: float = 0.5,
    states: ArrayLike | None = None,
) -> Array:
    r"""Return the first-order total-variation error of the tabular learner, per state.

    .. math:: \mathbb E\,\mathrm{TV}(\hat O, O)(s) \approx \sqrt{\tfrac{2}{\pi}}\;\tfrac12 \sum_o O(o|s)
              \sqrt{v_o (1 - 2 O(o|s)) + \textstyle\sum_{o'} O(o'|s)^2 v_{o'}}, \qquad
              v_o = \frac{1}{N \mu(s)} \Big(\frac{1}{\rho\,O(o|s)} + \frac{1}{(1-\rho) P^-(o)}\Big)

    The relative errors of the counts of positives and of negatives are asymptotically normal. In the
    logarithm of their ratio the multinomial covariances -1/N cancel, which leaves independent errors
    :math:`\epsilon_o` of variance v_o, and normalising subtracts :math:`\sum_o O(o|s) \epsilon_o`.

    Parameters
    ----------
    translation, negatives, positive_rate, states
        As in :func:`contrastive_loss`.
    samples : int
        Number N of labelled pairs, at least 1.

    Returns
    -------
    ndarray, shape (S,)
        The limit of sqrt(N) E TV, divided by sqrt(N); infinite for a state of mass 0.

    Raises
    ------
    TypeError, ValueError
        As in :func:`contrastive_optimum`, and for ``samples`` that is no integer of at least 1.

    Examples
    --------
    >>> contrastive_error([[0.75, 0.25]], [0.5, 0.5], 10_000).round(4).tolist()
    [0.0065]
    """
    law, noise, rate, mass = _problem(translation, negatives, positive_rate, states)
    size = as_integer("samples", samples, least=1)
    shown = law > 0
    inverse = np.divide(1.0, rate * law, out=np.zeros_like(law), where=shown) + np.divide(
        1.0, (1.0 - rate) * noise, out=np.zeros_like(law), where=shown
    )
    spread = law**2 * (inverse * (1.0 - 2.0 * law) + (law**2 * inverse).sum(axis=1, keepdims=True))
    error = np.sqrt(np.maximum(spread, 0.0) / size).sum(axis=1) / np.sqrt(2.0 * np.pi)
    return np.asarray(np.divide(error, np.sqrt(mass), out=np.full_like(error, np.inf), where=mass > 0))


def _problem(
    translation: ArrayLike, negatives: ArrayLike, positive_rate: Any, states: ArrayLike | None
) -> tuple[Array, Array, float, Array]:
    """Return checked laws, the rate of positives, and the law of states."""
    law, noise = laws_of("translation", translation, 2), laws_of("negatives", negatives, 1)
    if law.shape[1] != noise.size:
        raise ValueError(
            f"translation has shape {law.shape}, negatives {noise.shape}: give one entry per observation"
        )
    missing = np.flatnonzero((noise == 0) & (law > 0).any(axis=0))
    if missing.size:
        raise ValueError(
            f"negatives gives probability 0 to observations {missing.tolist()}, which the Reporter can give: "
            "the ratio is infinite there; spread the negatives over every observation"
        )
    return law, noise, as_fraction("positive_rate", positive_rate), law_of_states(states, law)


def _ratio(ratio: ArrayLike, law: Array) -> Array:
    """Return a checked ratio with a finite loss."""
    f = array_of("ratio", ratio, 2)
    if f.shape != law.shape:
        raise ValueError(f"ratio has shape {f.shape}: give one entry per (s, o), shape {law.shape}")
    if (f < 0).any() or ((f == 0) & (law > 0)).any():
        raise ValueError(
            f"ratio contains {f.min()} where the Reporter can give the observation: the loss is infinite "
            "there; give positive entries"
        )
    return f
