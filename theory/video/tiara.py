r"""TiARA: attention between frames, reweighted where little moves.

.. math:: \Lambda_{ii} = -\alpha (1 - \rho_i), \qquad
          \mathrm{TiARA}(S, V) = \mathrm{sm}(S + \Lambda)\, V, \qquad S = Q K^T / \sqrt{d_k}

with the motion intensity rho_i of row i of sm(S). Frames that attend too much to themselves flicker; the
reduction of the diagonal mixes them with the others, and rows of fast motion are spared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer
from tightbound.theory.video.dstft import PADDINGS, SHORTEST, Padding, blackman_window, window_positions
from tightbound.theory.video.motion_intensity import as_band, as_square, at_own_frame, intensity
from tightbound.theory.video.reweighting import attention_weights


@dataclass(frozen=True)
class Reweighting:
    """The parameters of TiARA, for attention over any number of frames.

    Parameters
    ----------
    alpha : float
        What a row without motion loses on the diagonal, in units of logits, at least 0; in the paper 5
        to 7.
    window_length : int
        Entries L of the Blackman window, at least 3. The paper uses 7, 8 and 9.
    slow_below, abnormal_above : int
        Thresholds phi_1 < phi_2 in cycles per N frames; the paper's values were not seen.
    corner_alpha : float
        What weights between far-apart frames lose, ``|i - j| >= N - corner_width``, in units of logits; 0
        for none. That the corners are reduced is known; their shape and size are a choice made here.
    corner_width : int
        Side of the two triangles in the corners; 0 for none, at most N - 1.
    padding : {"periodic", "reflect"}
        How rows continue past the ends.

    Raises
    ------
    TypeError, ValueError
        For parameters outside their range, or a corner that has only one of strength and width.

    Examples
    --------
    >>> Reweighting(alpha=6.0, window_length=8, slow_below=6, abnormal_above=8).padding
    'periodic'
    """

    alpha: float
    window_length: int
    slow_below: int
    abnormal_above: int
    corner_alpha: float = 0.0
    corner_width: int = 0
    padding: Padding = "periodic"

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", _strength("alpha", self.alpha))
        object.__setattr__(self, "corner_alpha", _strength("corner_alpha", self.corner_alpha))
        length = as_integer("window_length", self.window_length, least=SHORTEST)
        width = as_integer("corner_width", self.corner_width, least=0)
        object.__setattr__(self, "window_length", length)
        object.__setattr__(self, "corner_width", width)
        as_band(
            2 * as_integer("abnormal_above", self.abnormal_above, least=1),
            self.slow_below,
            self.abnormal_above,
        )
        if (width > 0) != (self.corner_alpha > 0.0):
            raise ValueError(
                f"corner_width is {width} and corner_alpha {self.corner_alpha}: a corner needs both; give "
                "two positive numbers, or leave both at 0"
            )
        if self.padding not in PADDINGS:
            raise ValueError(f"padding is {self.padding!r}: choose one of {', '.join(PADDINGS)}")

    def fit(self, frames: int) -> None:
        """Raise ValueError unless window, thresholds and corners fit into this number of frames."""
        if self.window_length > frames:
            raise ValueError(
                f"window_length is {self.window_length} with {frames} frames: give {SHORTEST} to {frames}"
            )
        as_band(frames, self.slow_below, self.abnormal_above)
        if self.corner_width >= frames:
            raise ValueError(
                f"corner_width is {self.corner_width} with {frames} frames: the diagonal is no corner; give "
                f"at most {frames - 1}"
            )

    def corners(self, frames: int) -> Array:
        """Return the change of logits in the corners, shape (N, N)."""
        apart = np.abs(np.subtract.outer(np.arange(frames), np.arange(frames)))
        return np.asarray(np.where(apart >= frames - self.corner_width, -self.corner_alpha, 0.0))


def row_intensity(logits: ArrayLike, settings: Reweighting) -> Array:
    """Return the motion intensity of every row of the softmax, from logits.

    The intensity does not depend on a row's scale, so the softmax is taken over what the window meets: a row
    whose weights vanish there against others has an intensity all the same.

    Parameters
    ----------
    logits : array_like, shape (..., N, N)
        S.
    settings : Reweighting
        Window, thresholds and padding.

    Returns
    -------
    ndarray, shape (..., N)
        rho; 0 for a single frame.

    Raises
    ------
    TypeError, ValueError
        For logits that are not finite or not square, or settings that do not fit the number of frames.

    Examples
    --------
    >>> import numpy as np
    >>> settings = Reweighting(alpha=6.0, window_length=5, slow_below=2, abnormal_above=4)
    >>> row_intensity(800.0 * np.eye(8), settings)[:3].round(6).tolist()
    [0.5, 0.5, 0.5]
    """
    rows = as_square("logits", logits)
    frames = rows.shape[-1]
    if frames == 1:
        return np.zeros(rows.shape[:-1])
    settings.fit(frames)
    where = window_positions(frames, settings.window_length, settings.padding)
    seen = at_own_frame(rows, where)
    psi = blackman_window(settings.window_length)
    seen, psi = seen[..., psi > 0.0], psi[psi > 0.0]
    weights = np.exp(seen - seen.max(axis=-1, keepdims=True)) * psi
    return intensity(weights, frames, settings.slow_below, settings.abnormal_above)


def tiara_weights(logits: ArrayLike, settings: Reweighting) -> Array:
    """Return the reweighted attention, sm(S + Lambda).

    Parameters
    ----------
    logits : array_like, shape (..., N, N)
        S = Q K^T / sqrt(d_k), one matrix per site and head.
    settings : Reweighting
        The parameters of TiARA.

    Returns
    -------
    ndarray, shape (..., N, N)
        Rows that sum to 1.

    Raises
    ------
    TypeError, ValueError
        As in :func:`row_intensity`.

    Examples
    --------
    >>> import numpy as np
    >>> settings = Reweighting(alpha=6.0, window_length=5, slow_below=2, abnormal_above=4)
    >>> np.diag(tiara_weights(3.0 * np.eye(8), settings))[:3].round(4).tolist()
    [0.1123, 0.1123, 0.1123]
    """
    rows = as_square("logits", logits)
    frames = rows.shape[-1]
    if frames == 1:
        return np.ones_like(rows)
    reduction = settings.alpha * (1.0 - row_intensity(rows, settings))
    change = settings.corners(frames) - reduction[..., np.newaxis] * np.eye(frames)
    return attention_weights(rows + change)


def tiara(
    logits: ArrayLike,
    values: ArrayLike,
    *,
    alpha: float,
    window_length: int,
    slow_below: int,
    abnormal_above: int,
    corner_alpha: float = 0.0,
    corner_width: int = 0,
    padding: Padding = "periodic",
) -> Array:
    """Return the output of temporal attention after reweighting, sm(S + Lambda) V.

    Every matrix has an intensity and a reduction of its own: heads are reweighted one by one, and never after
    they were averaged.

    Parameters
    ----------
    logits : array_like, shape (..., N, N)
        S = Q K^T / sqrt(d_k), one matrix per site and head.
    values : array_like, shape (..., N, C)
        V; leading axes broadcast.
    alpha, window_length, slow_below, abnormal_above, corner_alpha, corner_width, padding
        See :class:`Reweighting`.

    Returns
    -------
    ndarray, shape (..., N, C)
        The output. A single frame returns its value.

    Raises
    ------
    TypeError, ValueError
        For entries that are not finite, shapes that do not agree, or parameters outside their range.

    References
    ----------
    Li, Zhang, Pan, Hou, Tan, Yang, "Enhancing Long Video Generation Consistency without Tuning:
    Time-Frequency Analysis, Prompt Alignment, and Theory", arXiv:2412.17254.

    Examples
    --------
    >>> import numpy as np
    >>> flicker = np.where(np.arange(8) % 2 == 0, 1.0, -1.0)[:, np.newaxis]
    >>> out = tiara(3.0 * np.eye(8), flicker, alpha=6.0, window_length=5, slow_below=2, abnormal_above=4)
    >>> out[:2, 0].round(3).tolist()
    [-0.014, 0.014]
    """
    settings = Reweighting(
        alpha, window_length, slow_below, abnormal_above, corner_alpha, corner_width, padding
    )
    rows, given = as_square("logits", logits), as_values(values, np.shape(logits))
    return np.asarray(tiara_weights(rows, settings) @ given)


def as_values(values: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Return values that agree with logits of this shape."""
    given = as_floats("values", values)
    if given.ndim < 2 or given.shape[-2] != shape[-1]:
        raise ValueError(
            f"values has shape {given.shape}, logits {shape}: give (..., {shape[-1]}, C), one row per frame"
        )
    try:
        np.broadcast_shapes(given.shape[:-2], shape[:-2])
    except ValueError as error:
        raise ValueError(
            f"values has shape {given.shape}, logits {shape}: the axes in front, sites and heads, must agree"
        ) from error
    return given


def _strength(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}): give one number of at least 0")
    if not 0.0 <= float(value) < math.inf:
        raise ValueError(f"{name} is {value!r}: a reduction is at least 0 and finite, not NaN; give e.g. 6.0")
    return float(value)
