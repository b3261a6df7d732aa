r"""Motion intensity: which share of a row's energy near its own frame is fast motion.

.. math:: \rho_i = \frac{\sum_{\varphi_1 \le k < \varphi_2} |\mathrm{DSTFT}(A_{i,:}, \psi, i, k)|^2}
                        {\sum_{0 \le k < \varphi_2} |\mathrm{DSTFT}(A_{i,:}, \psi, i, k)|^2} \in [0, 1]

Only the slice at the row's own frame is used, hence only the L weights that the window meets there. With
:math:`u_l = \psi_l A_{i, i+l-L//2}` both sums are quadratic forms in u, and, since cosines depend on
differences alone, fixed combinations of the lags :math:`r_d = \sum_l u_l u_{l+d}`:

.. math:: \sum_{k \in K} |\mathrm{DSTFT}|^2 = \sum_{l, l'} u_l u_{l'} \sum_{k \in K} \cos(2\pi k (l-l')/N)
          = \sum_{d=0}^{L-1} (2 - 1\{d=0\})\, r_d \sum_{k \in K} \cos(2\pi k d/N).
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer
from tightbound.theory.video.dstft import Padding, as_window, window_positions


class UnseenRowWarning(UserWarning):
    """A row has no weight at all where the window looks, so it has no spectrum there."""


def motion_intensity(
    attention: ArrayLike,
    window: ArrayLike,
    *,
    slow_below: int,
    abnormal_above: int,
    padding: Padding = "periodic",
) -> Array:
    r"""Return the motion intensity of every frame.

    Parameters
    ----------
    attention : array_like, shape (..., N, N)
        Rows of weights of at least 0. The intensity does not depend on the scale of a row.
    window : array_like, shape (L,)
        See :func:`~tightbound.theory.video.dstft.dstft`; the paper's is Blackman's with L in {7, 8, 9}.
    slow_below, abnormal_above : int
        Frequencies phi_1 and phi_2 in cycles per N frames: slow motion lies below phi_1, fast motion from
        phi_1 to phi_2 - 1, and what is higher counts as abnormal and is left out.
        0 < phi_1 < phi_2 <= N // 2 + 1, since frequencies above N / 2 repeat lower ones.
    padding : {"periodic", "reflect"}
        How rows continue past the ends.

    Returns
    -------
    ndarray, shape (..., N)
        Values in [0, 1]; 0 (slow) for a row without weight where the window looks.

    Raises
    ------
    TypeError, ValueError
        For weights that are negative, not finite or not square, thresholds out of order, or a window that
        does not fit.

    Warns
    -----
    UnseenRowWarning
        Where a row has no weight in its window.

    References
    ----------
    Li et al., arXiv:2412.17254. Values of phi_1 and phi_2 were not seen.

    Examples
    --------
    >>> import numpy as np
    >>> from tightbound.theory.video.dstft import blackman_window
    >>> motion_intensity(np.eye(8), blackman_window(5), slow_below=2, abnormal_above=4)[:3].round(6).tolist()
    [0.5, 0.5, 0.5]
    """
    rows = as_square("attention", attention)
    if rows.size and rows.min() < 0.0:
        raise ValueError(f"attention contains {rows.min()}: weights of a row must be at least 0")
    psi = as_window(window)
    where = window_positions(rows.shape[-1], psi.size, padding)
    seen = at_own_frame(rows, where)
    # the scale cancels, and squares of small weights would vanish
    scale = seen.max(axis=-1, keepdims=True)
    return intensity(
        np.divide(seen, scale, out=np.zeros_like(seen), where=scale > 0.0) * psi,
        rows.shape[-1],
        slow_below,
        abnormal_above,
    )


def intensity(windowed: Array, frames: int, slow_below: int, abnormal_above: int) -> Array:
    """Return the share of fast motion of windowed weights, shape (..., L) -> (...)."""
    first, end = as_band(frames, slow_below, abnormal_above)
    angles = 2.0 * np.pi / frames * np.outer(np.arange(windowed.shape[-1]), np.arange(end))
    power = (windowed @ np.cos(angles)) ** 2 + (windowed @ np.sin(angles)) ** 2
    fast, total = power[..., first:].sum(axis=-1), power.sum(axis=-1)
    empty = int((total == 0.0).sum())
    if empty:
        warnings.warn(
            f"{empty} rows have no weight where the window looks: their motion intensity is set to 0; widen "
            "the window, or work from logits (tiara), where weights never vanish",
            UnseenRowWarning,
            stacklevel=3,
        )
    return np.asarray(np.divide(fast, total, out=np.zeros_like(total), where=total > 0.0))


def lag_weights(frames: int, length: int, first: int, end: int) -> Array:
    """Return the weights of lags 0 to L - 1 whose sum with r_d is the energy of frequencies first..end-1.

    Examples
    --------
    >>> lag_weights(8, 3, 0, 1).tolist()  # frequency 0: the square of the sum
    [1.0, 2.0, 2.0]
    """
    lags = np.arange(length)
    cosines = np.cos(2.0 * np.pi / frames * np.outer(lags, np.arange(first, end))).sum(axis=1)
    return np.asarray(np.where(lags == 0, 1.0, 2.0) * cosines)


def single_frame_ceiling(slow_below: int, abnormal_above: int) -> float:
    r"""Return the intensity of a row that looks at its own frame alone.

    .. math:: \rho = (\varphi_2 - \varphi_1) / \varphi_2

    The window leaves one number, whose spectrum is flat: the fast band has its share of the frequencies. A
    still video whose frames attend to themselves is therefore labelled as moving, and TiARA takes only
    alpha phi_1 / phi_2 off its diagonal. Whatever the window is, as long as it is positive at its centre; but
    with reflecting padding only for frames at least L // 2 from both ends, since the others meet their own
    reflection as well.

    It is also a ceiling: where the power P_k of a windowed row does not increase with k, the mean of P over
    the fast band is at most its mean over all k < phi_2, so rho <= (phi_2 - phi_1) / phi_2. Only rows with
    more power at high frequencies than at low ones are labelled faster than a still frame that sees itself,
    and none of them much faster: weights are not negative, so P_k <= P_0, and rho never exceeds
    (phi_2 - phi_1) / (phi_2 - phi_1 + 1).

    Parameters
    ----------
    slow_below, abnormal_above : int
        As in :func:`motion_intensity`.

    Returns
    -------
    float
        In (0, 1).

    Raises
    ------
    TypeError, ValueError
        Unless 0 < phi_1 < phi_2.

    Examples
    --------
    >>> single_frame_ceiling(6, 8)
    0.25
    """
    end = as_integer("abnormal_above", abnormal_above, least=1)
    first, end = as_band(2 * end, slow_below, end)
    return (end - first) / end


def uniform_row_floor(frames: int, window: ArrayLike, *, slow_below: int, abnormal_above: int) -> float:
    r"""Return the intensity of a row that looks at all frames alike: what leaks out of the window.

    .. math:: \rho = \frac{\sum_{\varphi_1 \le k < \varphi_2} |\hat\psi(k)|^2}
                          {\sum_{k < \varphi_2} |\hat\psi(k)|^2},

    since the windowed row is the window itself. It is small only where phi_1 lies beyond the window's main
    lobe (:func:`main_lobe`), and so no threshold below that calls any row slow.

    Parameters
    ----------
    frames : int
        N.
    window, slow_below, abnormal_above
        As in :func:`motion_intensity`.

    Returns
    -------
    float
        In [0, 1).

    Raises
    ------
    TypeError, ValueError
        As in :func:`motion_intensity`.

    Examples
    --------
    >>> from tightbound.theory.video.dstft import blackman_window
    >>> round(uniform_row_floor(16, blackman_window(8), slow_below=2, abnormal_above=8), 4)
    0.2624
    >>> round(uniform_row_floor(16, blackman_window(8), slow_below=7, abnormal_above=8), 4)
    0.0
    """
    psi = as_window(window)
    count = as_integer("frames", frames, least=psi.size)
    first, end = as_band(count, slow_below, abnormal_above)
    power = np.abs(np.fft.fft(psi, count)) ** 2
    return float(power[first:end].sum() / power[:end].sum())


def main_lobe(frames: int, length: int) -> float:
    r"""Return the half width of the Blackman window's main lobe, in cycles per N frames.

    .. math:: 3 N / (L - 1)

    The window's end points are zero, so it is one period of length L - 1 of three cosines, of frequencies
    0, 1 and 2. The transform of each is a Dirichlet kernel of L - 1 points around its frequency, and all of
    them vanish at every multiple of N / (L - 1) from the third on. For L = 7 that is N / 2, the highest
    frequency there is: no threshold lies beyond it.

    Parameters
    ----------
    frames, length : int
        N and L, 3 <= L <= N.

    Returns
    -------
    float
        phi_1 must be at least this for the uniform row to be called slow.

    Raises
    ------
    TypeError, ValueError
        For lengths outside their range.

    Examples
    --------
    >>> main_lobe(64, 9)
    24.0
    """
    size = as_integer("length", length, least=3)
    return 3 * as_integer("frames", frames, least=size) / (size - 1)


def at_own_frame(rows: Array, where: ArrayLike) -> Array:
    """Return what the window meets at every row's own frame, (..., N, N) -> (..., N, L)."""
    positions = np.asarray(where)
    return np.asarray(rows[..., np.arange(len(positions))[:, np.newaxis], positions])


def as_square(name: str, value: ArrayLike) -> Array:
    """Return finite floats of shape (..., N, N)."""
    rows = as_floats(name, value)
    if rows.ndim < 2 or rows.shape[-1] != rows.shape[-2] or rows.shape[-1] == 0:
        raise ValueError(
            f"{name} has shape {rows.shape}: its last two axes are frames attending to frames, so give "
            "(..., N, N) with the sites and heads in front"
        )
    return rows


def as_band(frames: int, slow_below: int, abnormal_above: int) -> tuple[int, int]:
    """Return both thresholds, 0 < slow_below < abnormal_above <= frames // 2 + 1."""
    first = as_integer("slow_below", slow_below, least=1)
    end = as_integer("abnormal_above", abnormal_above, least=1)
    if first >= end:
        raise ValueError(
            f"slow_below is {first} and abnormal_above {end}: the fast band between them is empty; give "
            "slow_below < abnormal_above"
        )
    if end > frames // 2 + 1:
        raise ValueError(
            f"abnormal_above is {end} with {frames} frames: frequencies above {frames // 2} repeat lower "
            f"ones; give at most {frames // 2 + 1}"
        )
    return first, end
