r"""The discrete short-time Fourier transform of a row of attention, one slice per frame.

With a window psi of L entries centred at L // 2 and a row x of N frames that is continued past its ends,

.. math:: \mathrm{DSTFT}(x, \psi, m, k) = \sum_{l=0}^{L-1} \psi_l\, x_{m+l-L//2}\, e^{-2\pi i k (m+l-L//2)/N}.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import Array, Integers, as_floats, as_integer

Padding = Literal["periodic", "reflect"]
PADDINGS: tuple[Padding, ...] = ("periodic", "reflect")
SHORTEST = 3


def blackman_window(length: int) -> Array:
    """Return the symmetric Blackman window.

    Both end points are zero, so it sees ``length - 2`` frames. An even window has no middle entry; its centre
    is taken at ``length // 2``, here and everywhere.

    Parameters
    ----------
    length : int
        Number of entries L, at least 3.

    Returns
    -------
    ndarray, shape (L,)
        Entries in [0, 1].

    Raises
    ------
    TypeError, ValueError
        For a length that is no integer of at least 3.

    Examples
    --------
    >>> blackman_window(5).round(2).tolist()
    [0.0, 0.34, 1.0, 0.34, 0.0]
    """
    # the cosines leave -1e-17 where the window is zero
    return np.asarray(np.maximum(np.blackman(as_integer("length", length, least=SHORTEST)), 0.0))


def window_positions(frames: int, length: int, padding: Padding = "periodic") -> Integers:
    """Return which frame every entry of the window meets, for every centre.

    Parameters
    ----------
    frames, length : int
        Numbers N of frames and L of entries, 3 <= L <= N.
    padding : {"periodic", "reflect"}
        How frames continue past the ends: ``periodic`` joins the last frame to the first, which a circulant
        attention is and a video is not; ``reflect`` turns back at the end frames.

    Returns
    -------
    ndarray of int, shape (N, L)
        Entry (m, l) is the frame that stands for frame m + l - L // 2.

    Raises
    ------
    TypeError, ValueError
        For lengths outside their range or an unknown padding.

    Examples
    --------
    >>> window_positions(4, 3, "reflect").tolist()
    [[1, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 2]]
    """
    count, size = as_integer("frames", frames, least=1), as_integer("window length", length, least=SHORTEST)
    if size > count:
        raise ValueError(f"window length is {size}, longer than the {count} frames: give 3 to {count}")
    if padding not in PADDINGS:
        raise ValueError(f"padding is {padding!r}: choose one of {', '.join(PADDINGS)}")
    where = np.arange(count)[:, np.newaxis] + np.arange(size) - size // 2
    if padding == "periodic":
        return np.asarray(where % count, dtype=np.int64)
    turned = np.abs(where)
    return np.asarray(np.where(turned >= count, 2 * (count - 1) - turned, turned), dtype=np.int64)


def dstft(x: ArrayLike, window: ArrayLike, *, padding: Padding = "periodic") -> NDArray[np.complex128]:
    """Return the transform of the last axis at every frame and frequency.

    Parameters
    ----------
    x : array_like, shape (..., N)
        Rows of one number per frame.
    window : array_like, shape (L,)
        Weights psi of at least 0, not all 0; 3 <= L <= N.
    padding : {"periodic", "reflect"}
        See :func:`window_positions`.

    Returns
    -------
    ndarray of complex, shape (..., N, N)
        Entry (..., m, k): centre m, frequency k in cycles per N frames.

    Raises
    ------
    TypeError, ValueError
        For entries that are not finite, a window that is negative, all zero, or of the wrong length, or an
        unknown padding.

    References
    ----------
    Li, Zhang, Pan, Hou, Tan, Yang, "Enhancing Long Video Generation Consistency without Tuning:
    Time-Frequency Analysis, Prompt Alignment, and Theory", arXiv:2412.17254. The padding by L // 2 frames on
    each side is part of the algorithm.

    Examples
    --------
    >>> import numpy as np
    >>> steady = dstft(np.ones(8), blackman_window(5))
    >>> np.abs(steady[0, :3]).round(3).tolist()
    [1.68, 1.481, 1.0]
    """
    rows, psi = as_rows("x", x), as_window(window)
    frames = rows.shape[-1]
    where = window_positions(frames, psi.size, padding)
    centres = np.arange(frames)[:, np.newaxis]
    # periodic phases, so that frames past the ends keep the phase of their position
    positions = (centres + np.arange(psi.size) - psi.size // 2) % frames
    placed = np.zeros((*rows.shape, frames))
    placed[..., centres, positions] = rows[..., where] * psi
    return np.asarray(np.fft.fft(placed, axis=-1))


def as_rows(name: str, value: ArrayLike) -> Array:
    """Return finite floats whose last axis holds at least one frame."""
    rows = as_floats(name, value)
    if rows.ndim == 0 or rows.shape[-1] == 0:
        raise ValueError(f"{name} has shape {rows.shape}: its last axis must hold at least one frame")
    return rows


def as_window(value: ArrayLike) -> Array:
    """Return a window of at least three entries that are not negative and not all zero."""
    psi = as_floats("window", value)
    if psi.ndim != 1 or psi.size < SHORTEST:
        raise ValueError(
            f"window has shape {psi.shape}: give one axis of at least {SHORTEST} weights, e.g. "
            "blackman_window(8)"
        )
    if psi.min() < 0.0 or psi.max() == 0.0:
        raise ValueError(
            f"window runs from {psi.min():g} to {psi.max():g}: its weights must be at least 0 and not all 0; "
            "clip what rounding left below 0"
        )
    return psi
