r"""Energy of the short-time transform over all frames, and what reweighting does to it.

With periodic padding, for every row y of N frames and every window,

.. math:: \sum_m |\mathrm{DSTFT}(y, \psi, m, k)|^2 = \frac1N \sum_f |\hat y(f)|^2 |\hat\psi(k - f)|^2 .

*Proof.* Fix k. As a function of m the transform is the circular correlation of
:math:`z_n = y_n e^{-2\pi i k n/N}` with psi, whose transform at frequency f is
:math:`\hat z(f) \hat\psi(-f) = \hat y(f + k) \hat\psi(-f)`. Parseval over m and the substitution f + k -> f
give the right side; centring the window shifts m alone. QED.

So where no gain of attention grows (:func:`~tightbound.theory.video.frequency_response.attenuates`), the
output gains energy in no band of the short-time transform. The *share* of high frequencies falls as well:

**Share of high frequencies.** Let gains be f_beta >= 0, let b(k) not increase on 0, ..., N/2, and let
h(f) = sum_{k high} |psi^(k - f)|^2 not decrease in min(f, N - f). Then

.. math:: R(\beta) = \frac{\sum_f |\hat y(f)|^2 f_\beta(f)^2 h(f)}{\sum_f |\hat y(f)|^2 f_\beta(f)^2 t},
          \qquad t = \sum_k |\hat\psi(k)|^2,

does not increase as the reduction a grows. *Proof.* R t is the mean of h under the law q_beta(f)
proportional to |y^(f)|^2 f_beta(f)^2. For beta' < beta the ratio f_beta' / f_beta increases with b: its
logarithm's derivative in b has the sign of (1 - beta')(b + beta (1 - b)) - (1 - beta)(b + beta' (1 - b)) =
beta - beta' > 0. So q_beta' / q_beta does not increase in min(f, N - f), h does not decrease, and by
Chebyshev's association inequality the mean of h under q_beta' is at most that under q_beta. QED.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer
from tightbound.theory.video.dstft import as_rows, as_window


def dstft_energy(x: ArrayLike, window: ArrayLike) -> Array:
    """Return the energy of the short-time transform at every frequency, summed over frames.

    Parameters
    ----------
    x : array_like, shape (..., N)
        Rows of one number per frame, continued periodically.
    window : array_like, shape (L,)
        Weights psi, L <= N.

    Returns
    -------
    ndarray, shape (..., N)
        What summing ``abs(dstft(x, window)) ** 2`` over centres gives, in O(N log N).

    Raises
    ------
    TypeError, ValueError
        For entries that are not finite or a window that does not fit.

    Examples
    --------
    >>> from tightbound.theory.video.dstft import blackman_window, dstft
    >>> x, psi = np.arange(8.0), blackman_window(5)
    >>> bool(np.allclose((abs(dstft(x, psi)) ** 2).sum(axis=0), dstft_energy(x, psi), rtol=1e-12))
    True
    """
    rows = as_rows("x", x)
    power = np.abs(np.fft.fft(rows, axis=-1)) ** 2
    return np.asarray(power @ _spread(rows.shape[-1], window) / rows.shape[-1])


def high_share_of_window(frames: int, window: ArrayLike, first_high: int) -> Array:
    """Return h / t: which share of a frequency's energy the window puts into the high band.

    Parameters
    ----------
    frames : int
        N.
    window : array_like, shape (L,)
        Weights psi, L <= N.
    first_high : int
        The band is min(k, N - k) >= first_high, 1 <= first_high <= N // 2.

    Returns
    -------
    ndarray, shape (N,)
        Values in [0, 1]; the theorem above needs that they do not decrease in min(f, N - f).

    Raises
    ------
    TypeError, ValueError
        For a band that is empty or everything, or a window that does not fit.

    Examples
    --------
    >>> from tightbound.theory.video.dstft import blackman_window
    >>> high_share_of_window(8, blackman_window(7), 3)[:5].round(3).tolist()
    [0.002, 0.038, 0.283, 0.716, 0.923]
    """
    spread = _spread(frames, window)
    first = as_integer("first_high", first_high, least=1)
    if first > frames // 2:
        raise ValueError(
            f"first_high is {first} with {frames} frames: there is no frequency from it on; give at most "
            f"{frames // 2}"
        )
    away = np.minimum(np.arange(frames), frames - np.arange(frames))
    return np.asarray(spread[:, away >= first].sum(axis=1) / spread.sum(axis=1))


def high_share(power: ArrayLike, window: ArrayLike, first_high: int) -> Array:
    """Return R, the share of the high band in the energy of the short-time transform.

    Parameters
    ----------
    power : array_like, shape (..., N)
        Squared moduli of the rows' transform, not all 0 in any row.
    window, first_high
        As in :func:`high_share_of_window`.

    Returns
    -------
    ndarray, shape (...)
        Values in [0, 1].

    Raises
    ------
    TypeError, ValueError
        As in :func:`high_share_of_window`, and for a power that is negative or all 0.

    Examples
    --------
    >>> from tightbound.theory.video.dstft import blackman_window
    >>> high_share([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0], blackman_window(7), 3).round(6).tolist()
    0.462547
    """
    w = as_floats("power", power)
    if w.ndim == 0 or w.size == 0 or w.min() < 0.0 or not (w.max(axis=-1) > 0.0).all():
        raise ValueError(
            f"power, of shape {w.shape}, must be at least 0 with some energy in every row: give "
            "squared moduli"
        )
    return np.asarray(w @ high_share_of_window(w.shape[-1], window, first_high) / w.sum(axis=-1))


def _spread(frames: int, window: ArrayLike) -> Array:
    """Return |psi^(k - f)|^2, rows f, columns k."""
    psi = as_window(window)
    count = as_integer("frames", frames, least=1)
    if psi.size > count:
        raise ValueError(f"window has {psi.size} weights for {count} frames: give at most {count}")
    power = np.abs(np.fft.fft(psi, count)) ** 2
    where = np.arange(count)
    return np.asarray(power[(where - where[:, np.newaxis]) % count])
