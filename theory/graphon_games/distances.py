r"""Distances between flows and between policies; block means stand for integrals over :math:`\alpha`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats
from tightbound.theory.graphon_games._validation import (
    Array,
    as_log_policy,
    as_probabilities,
    check_probabilities,
)


def flow_distance(mean_field: ArrayLike, other: ArrayLike) -> float:
    r"""Return :math:`d(\mu, \nu) = \int \sum_h |\mu_h^\alpha - \nu_h^\alpha|_1\, d\alpha`, in [0, 2H].

    Parameters
    ----------
    mean_field, other : array_like, shape (M, H, S)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For shapes that differ, or rows that are no laws.

    Examples
    --------
    >>> flow_distance([[[1.0, 0.0], [0.5, 0.5]]], [[[1.0, 0.0], [0.0, 1.0]]])
    1.0
    """
    mu = _as_laws("mean_field", mean_field, 3, "(M, H, S)")
    nu = as_probabilities("other", other, mu.shape)
    return float(np.abs(mu - nu).sum(axis=(1, 2)).mean())


def policy_distance(policy: ArrayLike, reference: ArrayLike, mean_field: ArrayLike) -> float:
    r"""Return :math:`D(\pi, q) = \int \sum_h E_{s \sim \mu_h} |\pi_h(s) - q_h(s)|_1\, d\alpha`.

    Parameters
    ----------
    policy, reference : array_like, shape (M, H, S, A)
    mean_field : array_like, shape (M, H, S)
        Laws that weigh the states, for instance those of the reference.

    Returns
    -------
    float
        In [0, 2H].

    Notes
    -----
    By Pinsker, :math:`|\pi - q|_1 \le \sqrt{2\,\mathrm{KL}(q \| \pi)}`, and Cauchy-Schwarz over steps,
    states and blocks (total weight H), :math:`D \le \sqrt{2 H \phi}` with :math:`\phi` from
    :func:`kl_distance`.

    Examples
    --------
    >>> policy_distance([[[[1.0, 0.0]]]], [[[[0.5, 0.5]]]], [[[1.0]]])
    1.0
    """
    pi, q = _two_policies(policy, reference)
    mu = as_probabilities("mean_field", mean_field, pi.shape[:3])
    return float((mu * np.abs(pi - q).sum(axis=-1)).sum(axis=(1, 2)).mean())


def worst_policy_distance(policy: ArrayLike, reference: ArrayLike) -> float:
    r"""Return :math:`D_\infty(\pi, q) = \int \sum_h \max_s |\pi_h(s) - q_h(s)|_1\, d\alpha`.

    Parameters
    ----------
    policy, reference : array_like, shape (M, H, S, A)

    Returns
    -------
    float
        At least :func:`policy_distance`, whatever the state laws.

    Examples
    --------
    >>> worst_policy_distance([[[[1.0, 0.0], [0.5, 0.5]]]], [[[[1.0, 0.0], [0.0, 1.0]]]])
    1.0
    """
    pi, q = _two_policies(policy, reference)
    return float(np.abs(pi - q).sum(axis=-1).max(axis=-1).sum(axis=-1).mean())


def kl_distance(log_policy: ArrayLike, log_reference: ArrayLike, mean_field: ArrayLike) -> float:
    r"""Return :math:`\phi(\pi) = \int \sum_h E_{s \sim \mu^*_h} \mathrm{KL}(\pi^*_h \| \pi_h)(s)\, d\alpha`.

    Parameters
    ----------
    log_policy, log_reference : array_like, shape (M, H, S, A)
        Logarithms of :math:`\pi` and of the reference :math:`\pi^*`; logarithms, so that small
        probabilities keep their relative precision.
    mean_field : array_like, shape (M, H, S)
        State laws :math:`\mu^*` of the reference.

    Returns
    -------
    float
        In nats; infinite where the policy never does what the reference does.

    Examples
    --------
    >>> round(kl_distance(np.log([[[[0.5, 0.5]]]]), [[[[0.0, -np.inf]]]], [[[1.0]]]), 4)
    0.6931
    """
    log_pi = as_log_policy("log_policy", log_policy, _shape("log_policy", log_policy, 4, "(M, H, S, A)"))
    log_q = as_log_policy("log_reference", log_reference, log_pi.shape)
    mu = as_probabilities("mean_field", mean_field, log_pi.shape[:3])
    return float(weighted_divergence(mu, log_q, log_pi))


def weighted_divergence(mean_field: Array, log_first: Array, log_second: Array) -> float:
    """Return the block mean of sum_h E KL(first || second), skipping states and actions of probability 0."""
    p, q = np.exp(log_first), np.exp(log_second)
    live = (mean_field[..., None] > 0.0) & (p > 0.0)
    ratio = np.subtract(log_first, log_second, out=np.zeros_like(p), where=live)
    if np.any(np.isinf(ratio)):
        return np.inf
    # p log(p/q) alone cancels where p is near q; q - p sums to 0 and makes every term non-negative
    series = ratio**2 * (1 / 2 - ratio * (1 / 6 - ratio * (1 / 24 - ratio * (1 / 120 - ratio / 720))))
    terms = np.where(live & (np.abs(ratio) < 1e-2), p * series, q - p + p * ratio)
    return float((mean_field * terms.sum(axis=-1)).sum(axis=(1, 2)).mean())


def _two_policies(policy: ArrayLike, reference: ArrayLike) -> tuple[Array, Array]:
    """Return two checked policies of one shape."""
    pi = _as_laws("policy", policy, 4, "(M, H, S, A)")
    return pi, as_probabilities("reference", reference, pi.shape)


def _as_laws(name: str, value: ArrayLike, ndim: int, form: str) -> Array:
    """Return an array of probability rows with the given number of axes."""
    _shape(name, value, ndim, form)
    array = as_floats(name, value)
    check_probabilities(name, array)
    return array


def _shape(name: str, value: ArrayLike, ndim: int, form: str) -> tuple[int, ...]:
    """Return the shape, which must have the given number of axes."""
    shape = np.shape(value)
    if len(shape) != ndim or 0 in shape:
        raise ValueError(f"{name} has shape {shape}: give shape {form}")
    return shape
