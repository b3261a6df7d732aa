r"""How much attention a position gets: importance, the sink metric, raw mass, and what the values add.

Positions are counted from 1; position 0 is the slot before the first token, where there is one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer
from tightbound.theory.attention.scores import as_scores, proxy_scores

ROW_TOLERANCE = 1e-5
"""Of the sum of a row of the metric, so that maps in float32 pass."""

SHORTEST = 16


def raw_mass(scores: ArrayLike, *, slots: int = 0) -> Array:
    r"""Return the mean size of the scores in each column, over the rows that come at or after it.

    .. math:: \frac{1}{T - k + 1} \sum_{i=k}^{T} |A_{ik}|

    It is defined for scores of any operation, and what "no sink" is decided on where rows have no fixed sum.

    Parameters
    ----------
    scores : array_like, shape (..., T, slots + T)
        Scores; the columns of tokens are the last T.
    slots : int, default 0
        Columns before the first token, 0 or 1; such a column is averaged over all T rows.

    Returns
    -------
    ndarray, shape (..., slots + T)
        Non-negative; entry ``position - 1 + slots`` belongs to a position.

    Raises
    ------
    TypeError, ValueError
        For scores that are not T by slots + T.
    FloatingPointError
        For scores that are NaN or infinite.

    Examples
    --------
    >>> raw_mass([[1.0, 0.0], [0.5, -0.5]]).tolist()
    [0.75, 0.5]
    """
    size = np.abs(as_scores("scores", scores))
    before = as_integer("slots", slots, least=0)
    rows, columns = size.shape[-2:]
    if before > 1 or columns != before + rows:
        raise ValueError(
            f"scores has {rows} rows and {columns} columns with slots={before}: give T rows and slots + T "
            "columns, with slots 0 or 1"
        )
    first = np.maximum(np.arange(columns) - before, 0)
    counted = np.arange(rows)[:, None] >= first
    return np.asarray(np.where(counted, size, 0.0).sum(axis=-2) / (rows - first))


def importance(scores: ArrayLike, *, slots: int = 0) -> Array:
    r"""Return the importance of every column: its mean score over the rows that come at or after it.

    .. math:: \alpha_k = \frac{1}{T - k + 1} \sum_{i=k}^{T} A_{ik}

    Rows before k, which see column k where there is a prefix, do not count.

    Parameters
    ----------
    scores : array_like, shape (..., T, slots + T)
        Non-negative scores, those of a softmax or `proxy_scores`.
    slots : int, default 0
        Columns before the first token, 0 or 1; such a column is averaged over all T rows.

    Returns
    -------
    ndarray, shape (..., slots + T)
        Entries in [0, 1]; entry ``position - 1 + slots`` belongs to a position.

    Raises
    ------
    TypeError, ValueError
        For scores that are not T by slots + T, that are negative, or whose mean exceeds one.
    FloatingPointError
        For scores that are NaN or infinite.

    References
    ----------
    Gu et al., ICLR 2025, arXiv:2410.10781, Section on measuring attention sinks.

    Examples
    --------
    >>> importance([[1.0, 0.0], [0.5, 0.5]]).tolist()
    [0.75, 0.5]
    >>> importance([[0.9, 0.1, 0.0], [0.7, 0.1, 0.2]], slots=1).round(6).tolist()
    [0.8, 0.1, 0.2]
    """
    array = as_scores("scores", scores)
    if np.any(array < 0.0):
        raise ValueError(
            f"scores contains {array.min():g}: importance is for non-negative scores; use proxy_scores or "
            "raw_mass"
        )
    found = raw_mass(array, slots=slots)
    if found.max() > 1.0 + 1e-9:
        raise ValueError(
            f"scores gives a column the importance {found.max():g}, above 1: these rows are not weights; use "
            "proxy_scores or raw_mass"
        )
    return found


def sink_metric(
    scores: ArrayLike, eps: float = 0.3, *, position: int = 1, slots: int = 0, proxy: bool = False
) -> float:
    r"""Return the share of heads, blocks and sequences in which a position is a sink.

    .. math:: \mathrm{Sink}_k^\varepsilon = \mathrm{mean}\; 1[\alpha_k > \varepsilon]

    over all leading axes, so that the indicator is taken **per sequence**. Averaging the importance over
    sequences first is another number, `sink_metric_of_mean`.

    Parameters
    ----------
    scores : array_like, shape (..., T, slots + T)
        Scores of any heads, blocks and sequences, T >= 16.
    eps : float, default 0.3
        Threshold, inside (0, 1).
    position : int, default 1
        k, from 1 to T; 0 is the slot.
    slots : int, default 0
        Columns before the first token, 0 or 1.
    proxy : bool, default False
        Whether to divide each row by its absolute sum first (`proxy_scores`), for operations whose rows do
        not sum to one; see the warning there.

    Returns
    -------
    float
        In [0, 1]; the tables of the paper give it in percent.

    Raises
    ------
    TypeError, ValueError
        For eps outside (0, 1), a position that does not exist, rows that do not sum to one where ``proxy`` is
        false, or T < 16: uniform attention alone gives the first of T < 10 tokens more than 0.3.
    FloatingPointError
        For scores that are NaN or infinite.

    References
    ----------
    Gu et al., ICLR 2025, arXiv:2410.10781: eps = 0.3 and T = 64; the released evaluator takes the indicator
    per sequence.

    Examples
    --------
    >>> uniform = np.tril(np.ones((64, 64))) / np.arange(1, 65)[:, None]
    >>> sink_metric(uniform), sink_metric(uniform, eps=0.05)
    (0.0, 1.0)
    """
    found, threshold = _column(scores, eps, position, slots, proxy)
    return float(np.mean(found > threshold))


def sink_metric_of_mean(
    scores: ArrayLike, eps: float = 0.3, *, axis: int, position: int = 1, slots: int = 0, proxy: bool = False
) -> float:
    r"""Return the share of heads in which a position is a sink **on average** over sequences.

    .. math:: \mathrm{mean}\; 1[\mathrm{mean}_{\mathrm{sequences}}\, \alpha_k > \varepsilon]

    Parameters
    ----------
    scores, eps, position, slots, proxy
        As for `sink_metric`.
    axis : int
        Axis of ``scores`` that runs over sequences, one of the leading ones.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    TypeError, ValueError, FloatingPointError
        As `sink_metric`, and for an axis that is no leading one.

    Examples
    --------
    >>> sink = np.zeros((16, 16)) + np.eye(1, 16)
    >>> scores = np.stack([sink, sink, np.eye(16)])
    >>> round(sink_metric(scores), 3), sink_metric_of_mean(scores, axis=0)
    (0.667, 1.0)
    """
    found, threshold = _column(scores, eps, position, slots, proxy)
    place = axis if axis >= 0 else axis + found.ndim + 2
    if not 0 <= place < found.ndim:
        raise ValueError(
            f"axis is {axis}: scores has {found.ndim} leading axes; name the one that runs over sequences, "
            f"from 0 to {found.ndim - 1}"
        )
    return float(np.mean(found.mean(axis=place) > threshold))


def contribution(scores: ArrayLike, values: ArrayLike, *, position: int = 1, slots: int = 0) -> Array:
    r"""Return how much of a head's output comes from one position, row by row.

    .. math:: \|A_{tk} v_k\| \,/\, \|\textstyle\sum_j A_{tj} v_j\|

    A sink of a softmax has a large score and a small contribution.

    Parameters
    ----------
    scores : array_like, shape (..., T, slots + T)
        Scores.
    values : array_like, shape (..., slots + T, d_h)
        Values.
    position : int, default 1
        k, from 1 to T; 0 is the slot.
    slots : int, default 0
        Columns before the first token, 0 or 1.

    Returns
    -------
    ndarray, shape (..., T)
        At least 0; 0 where the position adds nothing, ``inf`` where the output cancels to zero.

    Raises
    ------
    TypeError, ValueError
        For shapes that do not fit, or a position that does not exist.
    FloatingPointError
        For scores that are NaN or infinite.

    Examples
    --------
    >>> contribution([[1.0, 0.0], [0.5, 0.5]], [[1.0], [3.0]]).tolist()
    [1.0, 0.25]
    """
    array, vectors = as_scores("scores", scores), as_floats("values", values)
    place = _place(array.shape[-1] - as_integer("slots", slots, least=0), position, slots)
    if vectors.ndim < 2 or vectors.shape[-2] != array.shape[-1]:
        raise ValueError(
            f"values has shape {vectors.shape}: scores has {array.shape[-1]} columns, so give "
            f"(..., {array.shape[-1]}, d_h)"
        )
    part = np.abs(array[..., place]) * np.linalg.norm(vectors[..., place, :], axis=-1)[..., None]
    whole = np.linalg.norm(array @ vectors, axis=-1)
    found = np.where(part > 0.0, np.inf, 0.0)
    return np.asarray(np.divide(part, whole, out=found, where=whole > 0.0))


def value_drain(values: ArrayLike, *, position: int = 1, slots: int = 0) -> Array:
    r"""Return the length of one position's value over the mean length of the other tokens' values.

    .. math:: \|v_k\| \,/\, \mathrm{mean}_{j \ne k} \|v_j\|

    Parameters
    ----------
    values : array_like, shape (..., slots + T, d_h)
        Values, T >= 2.
    position : int, default 1
        k, from 1 to T; 0 is the slot.
    slots : int, default 0
        Columns before the first token, 0 or 1; the slot is never among the others.

    Returns
    -------
    ndarray, shape (...)
        At least 0; ``inf`` where all other values are zero and this one is not, 1 where all are zero.

    Raises
    ------
    TypeError, ValueError
        For a position that does not exist, a single token, or entries that are not finite.

    Examples
    --------
    >>> float(value_drain([[1.0], [2.0], [6.0]]))
    0.25
    """
    vectors = as_floats("values", values)
    before = as_integer("slots", slots, least=0)
    if vectors.ndim < 2 or vectors.shape[-2] - before < 2:
        raise ValueError(f"values has shape {vectors.shape}: give (..., slots + T, d_h) with T >= 2 tokens")
    place = _place(vectors.shape[-2] - before, position, before)
    lengths = np.linalg.norm(vectors, axis=-1)
    others = np.arange(lengths.shape[-1])
    mean = lengths[..., (others != place) & (others >= before)].mean(axis=-1)
    own = lengths[..., place]
    found = np.where(own > 0.0, np.inf, 1.0)
    return np.asarray(np.divide(own, mean, out=found, where=mean > 0.0))


def _column(scores: ArrayLike, eps: float, position: int, slots: int, proxy: bool) -> tuple[Array, float]:
    """Return the importance of one position along all leading axes, and the threshold."""
    threshold = float(as_floats("eps", eps))
    if not 0.0 < threshold < 1.0:
        raise ValueError(f"eps is {threshold:g}: the threshold lies inside (0, 1), e.g. 0.3")
    array = as_scores("scores", scores)
    if array.shape[-2] < SHORTEST:
        raise ValueError(
            f"scores has {array.shape[-2]} rows: at least {SHORTEST} are needed, because on short sequences "
            "uniform attention alone exceeds the threshold; use importance to see single values"
        )
    if proxy:
        array = proxy_scores(array)
    else:
        sums = array.sum(axis=-1)
        worst = float(sums.ravel()[np.argmax(np.abs(sums - 1.0))])
        if abs(worst - 1.0) > ROW_TOLERANCE:
            raise ValueError(
                f"scores has a row that sums to {worst:g}: rows sum to 1 within {ROW_TOLERANCE:g}, or pass "
                "proxy=True and report raw_mass beside it"
            )
    found = importance(array, slots=slots)
    return np.asarray(found[..., _place(array.shape[-2], position, slots)]), threshold


def _place(length: int, position: int, slots: int) -> int:
    """Return the column of a position."""
    before = as_integer("slots", slots, least=0)
    place = as_integer("position", position, least=1 - before)
    if place > length:
        raise ValueError(
            f"position is {place}: there are {length} tokens; give a position from 1 to {length}"
        )
    return place - 1 + before
