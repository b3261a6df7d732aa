"""TiARA in float32 over many sites and heads at once, compiled; the definition is ``theory.video.tiara``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory.video.dstft import Padding, blackman_window, window_positions
from tightbound.theory.video.motion_intensity import lag_weights
from tightbound.theory.video.tiara import Reweighting

Floats = NDArray[np.float32]
NOT_FINITE = (
    "logits has entries that are NaN or infinite, in float32: remove or replace them; where a mask forbids "
    "attention put a large negative number such as -1e4"
)


def tiara_weights(logits: ArrayLike, settings: Reweighting) -> Floats:
    """Return the reweighted attention of every site and head, sm(S + Lambda).

    Parameters
    ----------
    logits : array_like, shape (..., N, N)
        S = Q K^T / sqrt(d_k); computed in float32, whatever the dtype.
    settings : Reweighting
        The parameters of TiARA.

    Returns
    -------
    ndarray of float32, shape (..., N, N)
        Rows that sum to 1; the same for any number of threads.

    Raises
    ------
    TypeError, ValueError
        For logits that are not finite or not square, or settings that do not fit the number of frames.

    Examples
    --------
    >>> settings = Reweighting(alpha=6.0, window_length=5, slow_below=2, abnormal_above=4)
    >>> np.diag(tiara_weights(3.0 * np.eye(8), settings))[:3].round(4).tolist()
    [0.11230000108480453, 0.11230000108480453, 0.11230000108480453]
    """
    rows, shape = _matrices(logits)
    if shape[-1] == 1:
        if not np.isfinite(rows).all():
            raise ValueError(NOT_FINITE)
        return np.ones(shape, np.float32)
    out = np.empty(rows.shape, np.float32)
    _run(rows, _floats("values", np.zeros((*rows.shape[:2], 0))), _tables(settings, shape[-1]), out)
    return out.reshape(shape)


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
) -> Floats:
    """Return the output of temporal attention after reweighting, sm(S + Lambda) V.

    The weights of one matrix at a time are kept, never those of all.

    Parameters
    ----------
    logits : array_like, shape (..., N, N)
        S = Q K^T / sqrt(d_k), one matrix per site and head; computed in float32, whatever the dtype.
    values : array_like, shape (..., N, C)
        V; leading axes broadcast.
    alpha, window_length, slow_below, abnormal_above, corner_alpha, corner_width, padding
        See :class:`~tightbound.theory.video.tiara.Reweighting`.

    Returns
    -------
    ndarray of float32, shape (..., N, C)
        The output; the same for any number of threads.

    Raises
    ------
    TypeError, ValueError
        For entries that are not finite, shapes that do not agree, or parameters outside their range.

    Examples
    --------
    >>> flicker = np.where(np.arange(8) % 2 == 0, 1.0, -1.0)[:, np.newaxis]
    >>> out = tiara(3.0 * np.eye(8), flicker, alpha=6.0, window_length=5, slow_below=2, abnormal_above=4)
    >>> out[:2, 0].round(3).tolist()
    [-0.014000000432133675, 0.014000000432133675]
    """
    settings = Reweighting(
        alpha, window_length, slow_below, abnormal_above, corner_alpha, corner_width, padding
    )
    return _attend(logits, values, settings)


def softmax_attention(logits: ArrayLike, values: ArrayLike) -> Floats:
    """Return the output of plain attention, sm(S) V, from the same loops.

    Parameters
    ----------
    logits, values
        As in :func:`tiara`.

    Returns
    -------
    ndarray of float32, shape (..., N, C)
        The output.

    Raises
    ------
    TypeError, ValueError
        For entries that are not finite or shapes that do not agree.

    Examples
    --------
    >>> softmax_attention([[0.0, 0.0], [0.0, 0.0]], [[1.0], [3.0]]).tolist()
    [[2.0], [2.0]]
    """
    return _attend(logits, values, None)


def _attend(logits: ArrayLike, values: ArrayLike, settings: Reweighting | None) -> Floats:
    rows, shape = _matrices(logits)
    given = _floats("values", values)
    if given.ndim < 2 or given.shape[-2] != shape[-1]:
        raise ValueError(
            f"values has shape {given.shape}, logits {shape}: give (..., {shape[-1]}, C), one row per frame"
        )
    try:
        leading = np.broadcast_shapes(given.shape[:-2], shape[:-2])
    except ValueError as error:
        raise ValueError(
            f"values has shape {given.shape}, logits {shape}: the axes in front, sites and heads, must agree"
        ) from error
    if not np.isfinite(given).all():
        raise ValueError("values has entries that are NaN or infinite, in float32: remove or replace them")
    frames, channels = given.shape[-2:]
    if leading != shape[:-2]:
        rows = _floats("logits", np.broadcast_to(rows.reshape(shape), (*leading, frames, frames)))
        rows = rows.reshape(-1, frames, frames)
    given = _floats("values", np.broadcast_to(given, (*leading, frames, channels)))
    given = given.reshape(-1, frames, channels)
    if frames == 1:
        if not np.isfinite(rows).all():
            raise ValueError(NOT_FINITE)
        return given.reshape(*leading, 1, channels).copy()
    out = np.empty(given.shape, np.float32)
    _run(rows, given, _nothing() if settings is None else _tables(settings, frames), out)
    return out.reshape(*leading, frames, channels)


def _run(rows: Floats, given: Floats, tables: tuple[Any, ...], out: Floats) -> None:
    from tightbound.simulators.video import _kernel_tiara as kernel

    finite = np.zeros(-(-len(rows) // kernel.BLOCK), np.bool_)
    attend: Any = kernel.attend
    attend(rows, given, *tables, out, finite)
    if not finite.all():
        raise ValueError(NOT_FINITE)


def _tables(settings: Reweighting, frames: int) -> tuple[Any, ...]:
    settings.fit(frames)
    psi = blackman_window(settings.window_length)
    seen = psi > 0.0
    where = np.ascontiguousarray(window_positions(frames, psi.size, settings.padding)[:, seen])
    end = settings.abnormal_above
    length = int(seen.sum())
    lags = np.stack([lag_weights(frames, length, first, end) for first in (settings.slow_below, 0)])
    corners = settings.corners(frames).astype(np.float32)
    return where, psi[seen], lags, corners, settings.corner_width, settings.alpha


def _nothing() -> tuple[Any, ...]:
    empty = np.zeros((0, 0))
    return np.zeros((0, 0), np.int64), np.zeros(0), empty, empty.astype(np.float32), 0, 0.0


def _matrices(logits: ArrayLike) -> tuple[Floats, tuple[int, ...]]:
    rows = _floats("logits", logits)
    if rows.ndim < 2 or rows.shape[-1] != rows.shape[-2] or rows.shape[-1] == 0:
        raise ValueError(
            f"logits has shape {rows.shape}: its last two axes are frames attending to frames, so give "
            "(..., N, N) with the sites and heads in front"
        )
    return rows.reshape(-1, *rows.shape[-2:]), rows.shape


def _floats(name: str, value: ArrayLike) -> Floats:
    found = np.asarray(value)
    if found.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {found.dtype}: give real numbers, e.g. a float32 array")
    # one contiguous type of array, whatever came: compiled code is specialised by type
    view = np.ascontiguousarray(found, dtype=np.float32).view()
    view.flags.writeable = False
    return view
