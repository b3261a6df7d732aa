"""Speculation length against batch size: the roofline of one serving round."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_integer
from tightbound.theory.bandits.laws import mean_tokens

_POSITIVE = ("weight_bytes", "token_flop", "bandwidth", "flop_rate")


@dataclass(frozen=True)
class RoundLatency:
    r"""Seconds of one draft-and-verify round on one accelerator, by its roofline.

    .. math:: T(b,\gamma) = \max\!\Big(\tfrac{W}{\beta}, \tfrac{f\,b(\gamma+1)}{F}\Big)
              + \tfrac{b\,c\,\kappa}{\beta} + o
              + \gamma\Big(\max\!\Big(\tfrac{W_d}{\beta}, \tfrac{f_d b}{F}\Big) + o_d\Big)

    for ``b`` requests of mean context ``c``: the weights are read once, the keys and values of every request
    once, and arithmetic runs beside the reading of weights. The defaults describe a dense model of 8e9
    parameters in bfloat16 with grouped-query attention (32 layers, 8 heads of 128) on an accelerator with
    40 GB at 1.555 TB/s and half of 312 TFLOP/s, and a one-layer drafter with its output head.

    Parameters
    ----------
    weight_bytes : float
        Bytes of target weights, W.
    token_flop : float
        FLOP of one token in the target, f (twice its parameters).
    bandwidth : float
        Memory bandwidth in bytes per second, beta.
    flop_rate : float
        Sustained FLOP per second, F.
    kv_bytes : float
        Bytes of keys and values per token of context, kappa.
    overhead : float
        Seconds per target pass, o.
    draft_bytes, draft_flop : float
        Bytes of the drafter's weights and FLOP of one drafted token, W_d and f_d.
    draft_overhead : float
        Seconds per draft step, o_d.

    Raises
    ------
    ValueError
        For a number that is negative, infinite or NaN, or a bandwidth or rate of zero.

    Examples
    --------
    >>> latency = RoundLatency()
    >>> round(1e3 * float(latency.verify_time(1, 0)), 2), round(1e3 * float(latency.draft_time(1)), 2)
    (12.29, 1.46)
    """

    weight_bytes: float = 16e9
    token_flop: float = 16e9
    bandwidth: float = 1.555e12
    flop_rate: float = 0.5 * 312e12
    kv_bytes: float = 131072.0
    overhead: float = 2e-3
    draft_bytes: float = 1.5e9
    draft_flop: float = 1.5e9
    draft_overhead: float = 0.5e-3

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            lowest = "above 0" if field.name in _POSITIVE else "at least 0"
            if not math.isfinite(value) or value < 0 or (field.name in _POSITIVE and value == 0):
                raise ValueError(f"{field.name} is {value!r}: give a finite number {lowest}, in SI units")

    def verify_time(self, tokens: ArrayLike, context: ArrayLike) -> np.ndarray:
        """Return seconds of one target pass: ``tokens`` new tokens, ``context`` cached ones."""
        work = np.multiply(tokens, self.token_flop / self.flop_rate)
        reading = np.multiply(context, self.kv_bytes / self.bandwidth)
        return np.asarray(np.maximum(work, self.weight_bytes / self.bandwidth) + reading + self.overhead)

    def draft_time(self, requests: ArrayLike) -> np.ndarray:
        """Return seconds of one draft step for ``requests`` requests at once."""
        work = np.multiply(requests, self.draft_flop / self.flop_rate)
        return np.asarray(np.maximum(work, self.draft_bytes / self.bandwidth) + self.draft_overhead)

    @property
    def crossover_tokens(self) -> float:
        r"""Tokens per target pass above which arithmetic outweighs the weights: ``W F / (f beta)``.

        Examples
        --------
        >>> round(RoundLatency().crossover_tokens, 1)
        100.3
        """
        return self.weight_bytes * self.flop_rate / (self.token_flop * self.bandwidth)


def roofline_round_time(
    batch: ArrayLike, gamma: ArrayLike, context: ArrayLike = 0.0, latency: RoundLatency | None = None
) -> np.ndarray:
    r"""Return T(b, gamma), seconds of a round in which each request drafts ``gamma`` tokens.

    .. math:: T(b,\gamma) = \text{verify}(b(\gamma+1), b c) + \gamma\,\text{draft}(b)

    Parameters
    ----------
    batch : array_like
        Requests in the batch, at least 1.
    gamma : array_like of int
        Drafted tokens per request, at least 0; broadcasts with ``batch``.
    context : array_like, default 0
        Mean tokens of context per request.
    latency : RoundLatency, optional
        The accelerator and the models.

    Returns
    -------
    ndarray
        Seconds, of the broadcast shape.

    Raises
    ------
    ValueError
        For a batch below 1, or a negative gamma or context.

    Examples
    --------
    >>> (1e3 * roofline_round_time([1, 100], [0, 4])).round(1).tolist()
    [12.3, 59.1]
    """
    latency = RoundLatency() if latency is None else latency
    size, length, tokens = (
        _checked("batch", batch, 1),
        _checked("gamma", gamma, 0),
        _checked("context", context, 0),
    )
    seconds = latency.verify_time(size * (length + 1), size * tokens) + length * latency.draft_time(size)
    return np.asarray(seconds)


def speculative_throughput(
    batch: ArrayLike,
    gamma: ArrayLike,
    alpha: ArrayLike,
    context: ArrayLike = 0.0,
    latency: RoundLatency | None = None,
) -> np.ndarray:
    r"""Return tokens per second of a batch whose drafted tokens are accepted with probability ``alpha``.

    .. math:: b\,\mu_\gamma(\alpha) / T(b,\gamma), \qquad \mu_\gamma(\alpha) = \sum_{k=0}^{\gamma}\alpha^k

    Parameters
    ----------
    batch, gamma, context, latency
        As in `roofline_round_time`; ``gamma`` one integer or an array that broadcasts.
    alpha : array_like
        Acceptance probability of one drafted token, in [0, 1).

    Returns
    -------
    ndarray
        Tokens per second. A mixed batch is the mean of this over the acceptances of its requests.

    Raises
    ------
    ValueError
        For an argument outside its range.

    References
    ----------
    Leviathan, Kalman and Matias, "Fast inference from transformers via speculative decoding", ICML 2023, (1).

    Examples
    --------
    >>> float(speculative_throughput(1, 0, 0.7).round(1))
    81.4
    """
    if not np.issubdtype(np.asarray(gamma).dtype, np.integer):
        raise ValueError(f"gamma is {gamma!r}: give integers of at least 0")
    seconds = roofline_round_time(batch, gamma, context, latency)
    accepted, lengths = np.broadcast_arrays(np.asarray(alpha, dtype=np.float64), np.asarray(gamma))
    if np.any(~(accepted >= 0.0) | ~(accepted < 1.0)):
        raise ValueError(
            f"alpha is {alpha!r}: an acceptance probability lies in [0, 1); pass 1 - 1e-9 for near certainty"
        )
    mean = np.empty(accepted.shape)
    for length in np.unique(lengths):
        chosen = lengths == length
        mean[chosen] = mean_tokens(accepted[chosen], int(length)) if length > 0 else 1.0
    return np.asarray(np.asarray(batch, dtype=np.float64) * mean / seconds)


def optimal_speculation_length(
    batch: ArrayLike,
    alpha: ArrayLike,
    max_gamma: int,
    context: ArrayLike = 0.0,
    latency: RoundLatency | None = None,
) -> np.ndarray:
    r"""Return the length that maximises throughput at a fixed batch, the shortest among equals.

    .. math:: \gamma^*(b) = \arg\max_{0\le\gamma\le\gamma_{\max}} b\,\mu_\gamma(\alpha)/T(b,\gamma)

    Parameters
    ----------
    batch, alpha, context, latency
        As in `speculative_throughput`.
    max_gamma : int
        Largest length considered, at least 0.

    Returns
    -------
    ndarray of int
        Of the broadcast shape of ``batch``, ``alpha`` and ``context``.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> optimal_speculation_length([1, 16, 64, 256], 0.7, max_gamma=8).tolist()
    [4, 4, 1, 0]
    """
    lengths = range(as_integer("max_gamma", max_gamma, least=0) + 1)
    rates = [speculative_throughput(batch, gamma, alpha, context, latency) for gamma in lengths]
    return np.asarray(np.argmax(np.stack(rates), axis=0))


def optimal_ragged_lengths(
    alpha: ArrayLike, max_gamma: int, context: float = 0.0, latency: RoundLatency | None = None
) -> np.ndarray:
    r"""Return one speculation length per request, the vector that maximises throughput of the round.

    .. math:: \max_{g\in\{0..\gamma_{\max}\}^b} \frac{\sum_i \mu_{g_i}(\alpha_i)}{T(g)}

    With ``M`` drafted tokens of depth at most ``D`` the best choice takes the ``M`` largest of the marginal
    gains ``alpha_i^k``, ``k <= D``; all pairs (D, M) are tried. Exact while a draft step is bound by memory.

    Parameters
    ----------
    alpha : array_like
        (b,) acceptance probabilities in [0, 1).
    max_gamma : int
        Largest length, at least 0.
    context : float, default 0
        Mean tokens of context per request.
    latency : RoundLatency, optional
        The accelerator and the models.

    Returns
    -------
    ndarray of int
        (b,) lengths.

    Raises
    ------
    ValueError
        For an empty batch or an argument outside its range.

    Examples
    --------
    >>> optimal_ragged_lengths([0.9] * 20 + [0.2] * 20, max_gamma=4)[[0, -1]].tolist()
    [3, 0]
    """
    latency = RoundLatency() if latency is None else latency
    accepted = np.asarray(alpha, dtype=np.float64)
    if accepted.ndim != 1 or accepted.size == 0 or np.any(~(accepted >= 0.0) | ~(accepted < 1.0)):
        raise ValueError(f"alpha is {alpha!r}: give one probability in [0, 1) for each request, at least one")
    longest = as_integer("max_gamma", max_gamma, least=0)
    total = accepted.size * float(_checked("context", context, 0))
    best_rate = accepted.size / float(latency.verify_time(accepted.size, total))
    best = np.zeros(accepted.size, dtype=np.int64)
    marginal = accepted[:, None] ** np.arange(1, longest + 1)
    verifying = latency.verify_time(accepted.size + np.arange(1, accepted.size * longest + 1), total)
    drafting = float(latency.draft_time(accepted.size))
    for depth in range(1, longest + 1):
        gains = marginal[:, :depth].ravel()
        order = np.argsort(-gains, kind="stable")
        tokens = accepted.size + np.cumsum(gains[order])
        rates = tokens / (verifying[: gains.size] + depth * drafting)
        chosen = int(np.argmax(rates))
        if rates[chosen] > best_rate:
            best_rate = float(rates[chosen])
            best = np.bincount(order[: chosen + 1] // depth, minlength=accepted.size)
    return best


def crossover_batch(
    alpha: float, max_gamma: int, context: float = 0.0, latency: RoundLatency | None = None
) -> float:
    r"""Return the batch size from which on speculation no longer pays.

    .. math:: b_0 = \min\{b \in \mathbb N : \gamma^*(b') = 0 \text{ for all } b' \ge b\}

    Exact: ``mu_gamma T(b, 0) - T(b, gamma)`` is piecewise linear in ``b``, so its last sign change is a
    root of one line. Where reading keys and values dominates (long contexts) there is none.

    Parameters
    ----------
    alpha : float
        Acceptance probability of one drafted token, in [0, 1).
    max_gamma : int
        Largest length considered, at least 1.
    context : float, default 0
        Mean tokens of context per request.
    latency : RoundLatency, optional
        The accelerator and the models.

    Returns
    -------
    float
        An integer of at least 1, or infinity where speculation pays at every batch size that is large enough.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> crossover_batch(0.7, max_gamma=4), crossover_batch(0.7, max_gamma=4, context=8000)
    (85.0, inf)
    """
    longest = as_integer("max_gamma", max_gamma, least=1)
    latency = RoundLatency() if latency is None else latency
    verify = latency.crossover_tokens
    draft = latency.draft_bytes * latency.flop_rate / (max(latency.draft_flop, 1e-300) * latency.bandwidth)
    last = 1.0
    for gamma in range(1, longest + 1):
        kinks = {1.0, max(verify, 1.0), max(verify / (gamma + 1), 1.0)}
        if latency.draft_flop > 0:
            kinks.add(max(draft, 1.0))
        corners = np.array(sorted(kinks))
        batches = np.append(corners, 2 * corners[-1] + 1.0)
        gain = _gain(batches, gamma, alpha, context, latency)
        slope = (gain[-1] - gain[-2]) / (batches[-1] - batches[-2])
        if slope > 0 or (slope == 0 and gain[-1] > 0):
            return math.inf
        positive = np.flatnonzero(gain[:-1] > 0)
        if positive.size:
            left = int(positive[-1])
            rate = (gain[left] - gain[left + 1]) / (batches[left + 1] - batches[left])
            last = max(last, float(math.ceil(batches[left] + gain[left] / rate)))
    return last


def _gain(batch: np.ndarray, gamma: int, alpha: float, context: float, latency: RoundLatency) -> np.ndarray:
    """Positive where drafting ``gamma`` tokens beats drafting none."""
    rates = speculative_throughput(batch, np.array([[gamma], [0]]), alpha, context, latency)
    times = roofline_round_time(batch, np.array([[gamma], [0]]), context, latency)
    return np.asarray((rates[0] / rates[1] - 1.0) * times[0])


def _checked(name: str, value: ArrayLike, lowest: float) -> np.ndarray:
    """Return ``value`` as float64 or say what is wrong with it."""
    array = np.asarray(value, dtype=np.float64)
    if not np.all(np.isfinite(array)) or np.any(array < lowest):
        raise ValueError(f"{name} is {value!r}: give finite numbers of at least {lowest:g}")
    return array
