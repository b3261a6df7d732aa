r"""How alike the frames of a video are, and whether they still look like the data.

Scores of consistency are largest for a video that stands still, and for one whose frames are all blurred into
one. Read them beside :func:`distance_to_data`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats

LEAST_SMOOTH = 3


def adjacent_cosine(features: ArrayLike) -> Array:
    r"""Return the mean cosine between consecutive frames.

    .. math:: \frac{1}{N-1} \sum_{n=1}^{N-1} \cos(f_n, f_{n-1})

    Parameters
    ----------
    features : array_like, shape (..., N, d)
        One vector for each frame, none of them zero; N >= 2.

    Returns
    -------
    ndarray, shape (...)
        In [-1, 1].

    Raises
    ------
    TypeError, ValueError
        For features that are not finite, fewer than 2 frames, or a frame whose features are all zero.

    Examples
    --------
    >>> float(adjacent_cosine([[1.0, 0.0], [0.0, 1.0], [0.0, 2.0]]))
    0.5
    """
    units = _units(features)
    return np.asarray((units[..., 1:, :] * units[..., :-1, :]).sum(axis=-1).mean(axis=-1))


def subject_consistency(features: ArrayLike) -> Array:
    r"""Return how alike frames are to the first and to the one before.

    .. math:: \frac{1}{N-1} \sum_{n=1}^{N-1} \tfrac12
              \big[\max(0, \cos(f_n, f_0)) + \max(0, \cos(f_n, f_{n-1}))\big]

    Parameters
    ----------
    features : array_like, shape (..., N, d)
        One vector for each frame, none of them zero; N >= 2. For the subject VBench takes features of DINO,
        for the background of CLIP.

    Returns
    -------
    ndarray, shape (...)
        In [0, 1].

    Raises
    ------
    TypeError, ValueError
        As in :func:`adjacent_cosine`.

    References
    ----------
    Huang et al., "VBench: Comprehensive Benchmark Suite for Video Generative Models", CVPR 2024.

    Examples
    --------
    >>> float(subject_consistency([[1.0, 0.0], [0.0, 1.0], [0.0, 2.0]]))
    0.25
    """
    units = _units(features)
    to_first = (units[..., 1:, :] * units[..., :1, :]).sum(axis=-1)
    to_last = (units[..., 1:, :] * units[..., :-1, :]).sum(axis=-1)
    return np.asarray((np.maximum(to_first, 0.0) + np.maximum(to_last, 0.0)).mean(axis=-1) / 2.0)


def switch_rate(labels: ArrayLike) -> Array:
    """Return the share of consecutive frames with different labels.

    Parameters
    ----------
    labels : array_like, shape (..., N)
        What each frame shows, as whole numbers; N >= 2.

    Returns
    -------
    ndarray, shape (...)
        In [0, 1].

    Raises
    ------
    TypeError, ValueError
        For labels that are no integers, or fewer than 2 frames.

    Examples
    --------
    >>> float(switch_rate([0, 0, 1, 1, 1]))
    0.25
    """
    shown = np.asarray(labels)
    if shown.dtype.kind not in "iu":
        raise TypeError(f"labels has dtype {shown.dtype}: give one integer for each frame")
    if shown.ndim == 0 or shown.shape[-1] < 2:
        raise ValueError(f"labels has shape {shown.shape}: give at least 2 frames on the last axis")
    return np.asarray((np.diff(shown, axis=-1) != 0).mean(axis=-1))


def motion_smoothness(frames: ArrayLike) -> Array:
    r"""Return how well every second frame is told by its two neighbours.

    .. math:: 1 - \Big( \sum_{n \text{ odd}} \|f_n - (f_{n-1} + f_{n+1})/2\|^2 \Big/
              \sum_{n \text{ odd}} \|f_n\|^2 \Big)^{1/2}

    The mean of the neighbours stands for the interpolation network of VBench's score.

    Parameters
    ----------
    frames : array_like, shape (..., N, d)
        The frames, N >= 3; a last frame without a right neighbour is left out.

    Returns
    -------
    ndarray, shape (...)
        At most 1, which motion at constant speed attains.

    Raises
    ------
    TypeError, ValueError
        For frames that are not finite, fewer than 3, or all zero at odd places.

    Examples
    --------
    >>> float(motion_smoothness([[1.0], [2.0], [3.0], [4.0], [5.0]]))
    1.0
    """
    video = _scaled(_video("frames", frames, LEAST_SMOOTH))[0]
    middle = video[..., 1:-1:2, :]
    error = np.linalg.norm(middle - 0.5 * (video[..., :-2:2, :] + video[..., 2::2, :]), axis=(-2, -1))
    size = np.linalg.norm(middle, axis=(-2, -1))
    if np.any(size == 0.0):
        raise ValueError("frames: every second frame is zero, so its relative error is undefined; shift them")
    return np.asarray(1.0 - error / size)


def flicker(frames: ArrayLike) -> Array:
    r"""Return the mean absolute change from frame to frame, per coordinate.

    .. math:: \frac{1}{(N-1) d} \sum_{n=1}^{N-1} \|f_n - f_{n-1}\|_1

    Parameters
    ----------
    frames : array_like, shape (..., N, d)
        The frames, N >= 2.

    Returns
    -------
    ndarray, shape (...)
        At least 0, in the units of the frames. True motion counts too.

    Raises
    ------
    TypeError, ValueError
        For frames that are not finite or fewer than 2.

    Examples
    --------
    >>> float(flicker([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]))
    0.5
    """
    video, scale = _scaled(_video("frames", frames, 2))
    return np.asarray(scale * np.abs(np.diff(video, axis=-2)).mean(axis=(-2, -1)))


def distance_to_data(frames: ArrayLike, data: ArrayLike) -> Array:
    r"""Return the mean distance of a frame from the nearest point of the data: the price of consistency.

    .. math:: \frac1N \sum_n \min_j \|f_n - \mu_j\|

    Parameters
    ----------
    frames : array_like, shape (..., N, d)
        The frames.
    data : array_like, shape (J, d)
        What frames may look like.

    Returns
    -------
    ndarray, shape (...)
        At least 0; 0 only if every frame is a point of the data.

    Raises
    ------
    TypeError, ValueError
        For arrays that are not finite or do not fit together.

    Examples
    --------
    >>> float(distance_to_data([[0.0, 0.0], [0.0, 0.5]], [[0.0, 0.0], [0.0, 1.0]]))
    0.25
    """
    squares, scale = _squared_distances(frames, data)
    return np.asarray(scale * np.sqrt(squares.min(axis=-1)).mean(axis=-1))


def nearest(frames: ArrayLike, data: ArrayLike) -> np.ndarray:
    """Return which point of the data is nearest to each frame.

    Parameters
    ----------
    frames : array_like, shape (..., N, d)
        The frames.
    data : array_like, shape (J, d)
        What frames may look like.

    Returns
    -------
    ndarray of int64, shape (..., N)
        Indices into the data; the first where several are as near.

    Raises
    ------
    TypeError, ValueError
        As in :func:`distance_to_data`.

    Examples
    --------
    >>> nearest([[0.0, 0.1], [0.0, 0.9]], [[0.0, 0.0], [0.0, 1.0]]).tolist()
    [0, 1]
    """
    return np.asarray(_squared_distances(frames, data)[0].argmin(axis=-1).astype(np.int64))


def _video(name: str, value: ArrayLike, least: int) -> Array:
    video = as_floats(name, value)
    if video.ndim < 2 or video.shape[-2] < least or video.shape[-1] == 0:
        raise ValueError(
            f"{name} has shape {video.shape}: give (..., frames, coordinates) with at least {least} frames"
        )
    return video


def _units(features: ArrayLike) -> Array:
    vectors = _video("features", features, 2)
    # scaled first, so that tiny or huge entries survive being squared
    largest = np.abs(vectors).max(axis=-1, keepdims=True)
    if np.any(largest == 0.0):
        raise ValueError("features has a frame that is all zero, which has no direction: remove or shift it")
    scaled = vectors / largest
    return np.asarray(scaled / np.linalg.norm(scaled, axis=-1, keepdims=True))


def _scaled(video: Array) -> tuple[Array, float]:
    """Divide by the largest entry, so that squares neither overflow nor vanish."""
    largest = float(np.abs(video).max(initial=0.0))
    scale = largest if largest > 0.0 else 1.0
    return video / scale, scale


def _squared_distances(frames: ArrayLike, data: ArrayLike) -> tuple[Array, float]:
    """Return squared distances of scaled frames, shape (..., N, J), and the scale of distances."""
    video, points = _video("frames", frames, 1), _video("data", data, 1)
    if points.ndim != 2 or points.shape[1] != video.shape[-1]:
        raise ValueError(
            f"data has shape {points.shape} and frames {video.shape}: give data as (points, coordinates) "
            "with the frames' coordinates"
        )
    scale = max(_scaled(video)[1], _scaled(points)[1])
    video, points = video / scale, points / scale
    columns = [((video - point) ** 2).sum(axis=-1) for point in points]
    return np.stack(columns, axis=-1), scale
