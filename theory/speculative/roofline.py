r"""What a pass costs where arithmetic takes time as well as memory, and what self-speculation can gain then.

A pass has two parts that follow each other: products with the weights, and attention over the cache. Each
waits for whatever takes longer, its bytes or its operations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_integer, as_positive
from tightbound.theory.speculative.memory_traffic import MemoryTraffic, checked_tokens


@dataclass(frozen=True)
class Roofline:
    r"""A machine and what a pass over R rows of each of B sequences with n keys asks of it.

    .. math:: T(n, R) = \max\Bigl(\frac{W}{\beta}, \frac{B R f_W}{\pi}\Bigr)
                      + \max\Bigl(\frac{B \kappa n}{\beta}, \frac{B R f_\kappa n}{\pi}\Bigr).

    Parameters
    ----------
    traffic : MemoryTraffic
        Weight bytes W, cache bytes :math:`\kappa` per key, batch B.
    weight_operations : float
        Operations :math:`f_W` of the weights on one row: two per weight. Positive.
    key_operations : float
        Operations :math:`f_\kappa` of attention on one row and key: four per query head, layer and dimension
        of a head. Positive.
    bandwidth : float
        Bytes per second :math:`\beta` that memory delivers, positive.
    rate : float
        Operations per second :math:`\pi`, positive; infinite where arithmetic is free.

    Raises
    ------
    TypeError, ValueError
        For numbers out of range.

    Examples
    --------
    Eight texts of eight thousand tokens and a model of 135 million weights, on one core:

    >>> line = Roofline(MemoryTraffic(538e6, 46_080, batch=8), 269e6, 69_120, bandwidth=18e9, rate=65e9)
    >>> [round(float(line.seconds(8000, rows)), 2) for rows in (1, 5)]  # a plain pass, one over four drafts
    [0.2, 0.51]
    >>> round(float(line.traffic.speedup(5.0, 4, kept=600, keys=8000)), 2)
    2.67
    >>> round(float(line.speedup(5.0, 4, kept=600, keys=8000)), 2)
    1.43
    """

    traffic: MemoryTraffic
    weight_operations: float
    key_operations: float
    bandwidth: float
    rate: float

    def __post_init__(self) -> None:
        for name in ("weight_operations", "key_operations", "bandwidth"):
            object.__setattr__(self, name, as_positive(name, getattr(self, name)))
        if self.rate != np.inf:
            object.__setattr__(self, "rate", as_positive("rate", self.rate))

    @property
    def key_intensity(self) -> float:
        r"""Time of arithmetic over that of memory, one row and key: :math:`f_\kappa \beta / (\kappa \pi)`."""
        return self.key_operations * self.bandwidth / (self.traffic.key_bytes * self.rate)

    def seconds(self, keys: ArrayLike, rows: int = 1) -> Array:
        """Return the seconds of a pass.

        Parameters
        ----------
        keys : array_like, shape (...)
            Keys n of each sequence, positive.
        rows : int
            Rows R of each sequence, at least 1.

        Returns
        -------
        ndarray, shape (...)
            Seconds.

        Raises
        ------
        TypeError, ValueError
            For arguments out of range.
        """
        count = as_integer("rows", rows, least=1)
        reading = self.traffic.bytes_read(keys) - self.traffic.weight_bytes
        weights = max(
            self.traffic.weight_bytes / self.bandwidth,
            self.traffic.batch * count * self.weight_operations / self.rate,
        )
        return np.asarray(weights + reading / self.bandwidth * max(1.0, count * self.key_intensity))

    def speedup(self, tokens: ArrayLike, gamma: int, *, kept: ArrayLike, keys: ArrayLike) -> Array:
        r"""Speed-up over plain decoding of rounds of gamma sparse passes and a dense one over gamma + 1 rows.

        .. math:: S = \frac{E\, T(n, 1)}{\gamma\, T(k, 1) + T(n, \gamma + 1)}

        Where arithmetic is free this is the speed-up by bytes, `MemoryTraffic.speedup`. Otherwise it is at
        most that, if k <= n and one row waits for memory at the keys, :math:`\rho \le 1` with :math:`\rho`
        the `key_intensity`: then the weights' part w of T is the same or longer, the keys' part is not, and
        :math:`T(k, 1) / T(n, 1) = (w + \kappa' k) / (w + \kappa' n)` rises with w; and T(n, gamma + 1) is at
        least T(n, 1).

        For long sequences it tends to :math:`E / \max(1, (\gamma + 1) \rho)`, so with
        :math:`E \le \gamma + 1` no number of drafts gains more than :math:`1 / \rho` there.

        Parameters
        ----------
        tokens, gamma, kept, keys
            As for `MemoryTraffic.speedup`.

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
        Williams, Waterman and Patterson, "Roofline", Communications of the ACM 2009; the rounds are derived
        here.
        """
        count = as_integer("gamma", gamma, least=0)
        emitted = checked_tokens(tokens, count)
        return np.asarray(
            emitted * self.seconds(keys) / (count * self.seconds(kept) + self.seconds(keys, count + 1))
        )
