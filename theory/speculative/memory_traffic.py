r"""How much a round of self-speculation with fewer keys reads, and what speed-up that allows.

A dense pass reads all n keys of a sequence, a sparse one k of them. A round is gamma sparse passes and one
dense pass; it emits E tokens on average. Decoding at small batches waits for memory, so time is bytes read.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer, as_positive


def keys_read_per_token(accepted: ArrayLike, gamma: int, kept: ArrayLike, keys: ArrayLike) -> Array:
    r"""Keys read per emitted token, :math:`(\gamma k + n) / (1 + \alpha \gamma)`; plain decoding reads n.

    Parameters
    ----------
    accepted : array_like, shape (...)
        Accepted share of the drafts, :math:`\alpha` in [0, 1].
    gamma : int
        Drafts per round, at least 1.
    kept, keys : array_like, shape (...)
        Keys k that a sparse pass reads and n that a dense pass reads, positive. Keys of the round's own
        tokens are left out; they are at most gamma.

    Returns
    -------
    ndarray, shape (...)
        Keys per token.

    Raises
    ------
    TypeError, ValueError
        For arguments out of range.

    References
    ----------
    Derived here; see `stated_keys_read_per_token` for the count of Sparse-to-Dense.

    Examples
    --------
    >>> float(keys_read_per_token(0.5, 9, 1000, 10_000))
    3454.5454545454545
    """
    return np.asarray(_keys_read(gamma, kept, keys) / (1.0 + _share(accepted) * gamma))


def stated_keys_read_per_token(accepted: ArrayLike, gamma: int, kept: ArrayLike, keys: ArrayLike) -> Array:
    r"""Keys read per *accepted draft*, :math:`(\gamma k + n) / (\alpha \gamma)`.

    The token that the dense pass adds to the accepted drafts is not counted.

    Parameters
    ----------
    accepted, gamma, kept, keys
        As for `keys_read_per_token`.

    Returns
    -------
    ndarray, shape (...)
        Keys per accepted draft; infinite where none is accepted.

    Raises
    ------
    TypeError, ValueError
        For arguments out of range.

    References
    ----------
    Zhang et al., Sparse-to-Dense, ACL 2025, analysis of memory access.

    Examples
    --------
    >>> float(stated_keys_read_per_token(0.5, 9, 1000, 10_000))
    4222.222222222223
    """
    with np.errstate(divide="ignore"):
        return np.asarray(_keys_read(gamma, kept, keys) / (_share(accepted) * gamma))


def break_even_acceptance(kept: int, keys: int) -> Fraction:
    r"""Share of accepted drafts above which a round reads fewer keys per token than plain decoding.

    .. math:: \frac{\gamma k + n}{1 + \alpha \gamma} < n \iff \alpha > \frac{k}{n}

    whatever gamma: multiply out.

    Parameters
    ----------
    kept, keys : int
        Keys k of a sparse pass and n of a dense one, at least 1.

    Returns
    -------
    Fraction
        The threshold, exact; above 1 where no acceptance suffices.

    Raises
    ------
    TypeError, ValueError
        For sizes that are no integers or below 1.

    References
    ----------
    Derived here.

    Examples
    --------
    >>> break_even_acceptance(1024, 8192)
    Fraction(1, 8)
    """
    return Fraction(as_integer("kept", kept, least=1), as_integer("keys", keys, least=1))


def stated_break_even_acceptance(kept: int, keys: int, gamma: int) -> Fraction:
    r"""Share of accepted drafts above which a round reads fewer keys per *accepted draft*.

    .. math:: \frac{\gamma k + n}{\alpha \gamma} < n \iff \alpha > \frac{k}{n} + \frac{1}{\gamma}

    It leaves out the token that follows the accepted drafts, so it is sufficient for a gain and asks for
    1/gamma more than is necessary.

    Parameters
    ----------
    kept, keys : int
        As for `break_even_acceptance`.
    gamma : int
        Drafts per round, at least 1.

    Returns
    -------
    Fraction
        The threshold, exact.

    Raises
    ------
    TypeError, ValueError
        For sizes that are no integers or below 1.

    References
    ----------
    Zhang et al., Sparse-to-Dense, ACL 2025.

    Examples
    --------
    >>> stated_break_even_acceptance(1024, 8192, gamma=8)
    Fraction(1, 4)
    """
    return break_even_acceptance(kept, keys) + Fraction(1, as_integer("gamma", gamma, least=1))


@dataclass(frozen=True)
class MemoryTraffic:
    r"""Bytes that a pass reads: :math:`W + B \kappa n`, the weights once and the cache of every sequence.

    Parameters
    ----------
    weight_bytes : float
        Bytes W of all weights, at least 0; 0 counts the cache alone.
    key_bytes : float
        Bytes :math:`\kappa` of keys and values of one token over all layers, positive.
    batch : int, default 1
        Sequences B decoded together.

    Raises
    ------
    TypeError, ValueError
        For a size out of range.

    Examples
    --------
    A model of 15 GB with 57 kB per token and eight sequences: the cache outweighs the weights from

    >>> traffic = MemoryTraffic(15e9, 57e3, batch=8)
    >>> round(15e9 / (8 * 57e3))
    32895
    >>> round(float(traffic.speedup(6.0, 9, kept=1024, keys=25_000)), 2)
    0.96
    """

    weight_bytes: float
    key_bytes: float
    batch: int = 1

    def __post_init__(self) -> None:
        weight = float(np.asarray(self.weight_bytes, dtype=np.float64))
        if not (np.isfinite(weight) and weight >= 0.0):
            raise ValueError(f"weight_bytes is {self.weight_bytes!r}: give a finite number, at least 0")
        object.__setattr__(self, "weight_bytes", weight)
        object.__setattr__(self, "key_bytes", as_positive("key_bytes", self.key_bytes))
        object.__setattr__(self, "batch", as_integer("batch", self.batch, least=1))

    def bytes_read(self, keys: ArrayLike) -> Array:
        """Bytes that one pass reads for ``keys`` keys per sequence, shape (...)."""
        return np.asarray(self.weight_bytes + self.batch * self.key_bytes * _positive("keys", keys))

    def speedup(self, tokens: ArrayLike, gamma: int, *, kept: ArrayLike, keys: ArrayLike) -> Array:
        r"""Speed-up over plain decoding where time is bytes read.

        .. math:: S = \frac{E\,(W + B \kappa n)}{\gamma\,(W + B \kappa k) + W + B \kappa n}
                    = \frac{E}{1 + \gamma\, r}, \qquad r = \frac{W + B \kappa k}{W + B \kappa n}

        For k <= n the ratio r falls from 1 to k/n as W goes from infinity to 0, so S is at most the speed-up
        :math:`E / (1 + \gamma k / n)` that counts keys alone, tends to it for long sequences, and is
        :math:`E / (1 + \gamma) \le 1` where weights are all that is read.

        Parameters
        ----------
        tokens : array_like, shape (...)
            Mean tokens E of a round, from 1 to gamma + 1.
        gamma : int
            Drafts per round, at least 0.
        kept, keys : array_like, shape (...)
            Keys k of a sparse pass and n of a dense one, positive.

        Returns
        -------
        ndarray, shape (...)
            Speed-up.

        Raises
        ------
        TypeError, ValueError
            For arguments out of range.

        References
        ----------
        Derived here; the paper's analysis counts keys alone.
        """
        gamma = as_integer("gamma", gamma, least=0)
        emitted = checked_tokens(tokens, gamma)
        return np.asarray(emitted / (1.0 + gamma * self.bytes_read(kept) / self.bytes_read(keys)))


def checked_tokens(tokens: ArrayLike, gamma: int) -> Array:
    """Return mean tokens of rounds of ``gamma`` drafts, or raise a ValueError."""
    emitted = as_floats("tokens", tokens)
    if np.any((emitted < 1.0) | (emitted > gamma + 1.0)):
        raise ValueError(
            f"tokens is {tokens!r}: a round of {gamma} drafts emits between 1 and {gamma + 1} on average"
        )
    return emitted


def _keys_read(gamma: int, kept: ArrayLike, keys: ArrayLike) -> Array:
    """Keys that a round reads."""
    return np.asarray(as_integer("gamma", gamma, least=1) * _positive("kept", kept) + _positive("keys", keys))


def _share(accepted: ArrayLike) -> Array:
    share = as_floats("accepted", accepted)
    if np.any((share < 0.0) | (share > 1.0)):
        raise ValueError(f"accepted is {accepted!r}: give a share in [0, 1]")
    return share


def _positive(name: str, value: ArrayLike) -> Array:
    array = as_floats(name, value)
    if np.any(array <= 0.0):
        raise ValueError(f"{name} contains {array.min():g}: give positive numbers of keys")
    return array
