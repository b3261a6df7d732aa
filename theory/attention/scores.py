r"""Attention scores of every operation and normaliser.

.. math:: A_{ij} = Z_i^{-1}\, \mathrm{sim}(q_i, k_j), \qquad
          s_{ij} = \langle q_i, k_j\rangle / \sqrt d + b_{ij}

summed over the columns j that row i sees. Operations whose scores are positive stay in log space.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_expit, logsumexp, softmax

from tightbound.theory._validation import Array, as_floats, as_positive
from tightbound.theory.attention.architecture import NORMALISERS, Normaliser, Operation

ON_LOGITS: tuple[Operation, ...] = ("softmax", "sigmoid", "relu", "elu1")
PROXY_EPS = 1e-8


def attention_scores(
    query: ArrayLike,
    key: ArrayLike,
    *,
    operation: Operation = "softmax",
    normaliser: Normaliser = "sum",
    power: float = 1.0,
    scale: float = 1.0,
    bias: ArrayLike = 0.0,
    visible: ArrayLike | None = None,
    kernel: Callable[[Array], Array] | None = None,
) -> Array:
    r"""Return the scores of every query on every key it sees.

    Parameters
    ----------
    query : array_like, shape (..., R, d)
        One query per row.
    key : array_like, shape (..., C, d)
        One key per column.
    operation : {"softmax", "sigmoid", "relu", "elu1", "kernel_elu", "identity", "mlp"}
        sim: :math:`e^s`, :math:`1/(1 + e^{-s})`, :math:`\max(s, 0)` or elu(s) + 1; or
        :math:`\langle\phi(q), \phi(k)\rangle/\sqrt d` with phi = elu + 1, the identity, or ``kernel``.
    normaliser : {"sum", "none", "max_abs", "power"}
        Z: :math:`\sum_j \mathrm{sim}_{ij}`, 1, :math:`\max(|\sum_j \mathrm{sim}_{ij}|, 1)`, or
        :math:`(\sum_j \mathrm{sim}_{ij}^p)^{1/p}`.
    power : float, default 1.0
        p, positive; read by ``normaliser="power"`` only.
    scale : float, default 1.0
        What a row sums to; read by ``normaliser="sum"`` only.
    bias : array_like, broadcastable to (..., R, C)
        Added to the logit s; zero for the kernels.
    visible : array_like of bool, broadcastable to (..., R, C), optional
        Columns that each row sees; all where left out. Scores elsewhere are exactly 0.
    kernel : callable (..., d) -> (..., D), optional
        phi of ``operation="mlp"``.

    Returns
    -------
    ndarray, shape (..., R, C)
        Scores.

    Raises
    ------
    TypeError, ValueError
        For shapes that do not fit, entries that are not finite, a row that sees nothing, a normaliser that
        the operation does not admit, a bias of a kernel, or a kernel that is missing or not asked for.
    FloatingPointError
        Where a logit or a score overflows.

    References
    ----------
    Gu et al., ICLR 2025, arXiv:2410.10781, Section on attention operations: the general form.

    Examples
    --------
    >>> attention_scores([[1.0]], [[0.0], [np.log(3.0)]]).round(12).tolist()
    [[0.25, 0.75]]
    >>> attention_scores([[2.0]], [[0.0], [1.0]], operation="relu", normaliser="none").tolist()
    [[0.0, 2.0]]
    """
    q, k = as_floats("query", query), as_floats("key", key)
    if q.ndim < 2 or k.ndim < 2 or q.shape[-1] != k.shape[-1] or 0 in (*q.shape, *k.shape):
        raise ValueError(
            f"query has shape {q.shape} and key {k.shape}: give (..., R, d) and (..., C, d) with the same d "
            "and none of them empty"
        )
    if operation not in NORMALISERS or normaliser not in NORMALISERS[operation]:
        known = ", ".join(f"{name}: {'/'.join(some)}" for name, some in NORMALISERS.items())
        raise ValueError(f"operation is {operation!r} with normaliser={normaliser!r}: choose one of {known}")
    if (kernel is not None) != (operation == "mlp"):
        raise ValueError(
            f"kernel is {kernel!r} with operation={operation!r}: operation='mlp' needs one, e.g. "
            "kernel=np.tanh, and no other takes one"
        )
    offset = as_floats("bias", bias)
    if operation not in ON_LOGITS and np.any(offset != 0.0):
        raise ValueError(f"bias is not zero with operation={operation!r}: a kernel has no logit to bias")
    logits = _logits(q, k, operation, kernel) + offset
    if not np.all(np.isfinite(logits)):
        raise FloatingPointError(
            "query and key have products that overflow: scale them down so that they stay below 1e308"
        )
    seen = _seen(visible, logits.shape)
    if operation in ("relu", "identity", "mlp"):
        found = np.where(seen, np.maximum(logits, 0.0) if operation == "relu" else logits, 0.0)
        if normaliser == "max_abs":
            found /= np.maximum(np.abs(found.sum(axis=-1, keepdims=True)), 1.0)
    else:
        found = _positive(np.where(seen, _log_similarity(logits, operation), -np.inf), normaliser, power)
        if normaliser == "sum":
            found = as_positive("scale", scale) * found
    if not np.all(np.isfinite(found)):
        raise FloatingPointError(
            f"scores of operation={operation!r} are not finite: scale query and key down"
        )
    return found


def proxy_scores(scores: ArrayLike) -> Array:
    r"""Return the rows divided by their absolute sums, as the metric needs them.

    .. math:: |A_{ij}| / (\textstyle\sum_j |A_{ij}| + 10^{-8})

    For operations whose rows do not sum to one. **It misleads**: where a row's scores are all nearly zero,
    the division turns a vanishing remainder on one column into a sink of nearly 100 %. Read it together with
    `raw_mass` and `contribution`.

    Parameters
    ----------
    scores : array_like, shape (..., R, C)
        Scores of any sign.

    Returns
    -------
    ndarray, shape (..., R, C)
        Non-negative rows that sum to at most one.

    Raises
    ------
    FloatingPointError
        For scores that are NaN or infinite.

    References
    ----------
    Gu et al., ICLR 2025, arXiv:2410.10781, released evaluator.

    Examples
    --------
    >>> proxy_scores([[-1.0, 3.0]]).round(6).tolist()
    [[0.25, 0.75]]
    >>> proxy_scores([[1e-6, 0.0]]).round(2).tolist()
    [[0.99, 0.0]]
    """
    size = np.abs(as_scores("scores", scores))
    return np.asarray(size / (size.sum(axis=-1, keepdims=True) + PROXY_EPS))


def as_scores(name: str, value: ArrayLike) -> Array:
    """Return attention scores as a float64 array of at least two axes."""
    array = np.asarray(value, dtype=np.float64)
    if array.ndim < 2 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}: give rows and columns, (..., R, C)")
    if not np.all(np.isfinite(array)):
        raise FloatingPointError(
            f"{name} has entries that are NaN or infinite: the forward pass overflowed; lower the learning "
            "rate or check the mask"
        )
    return array


def _logits(q: Array, k: Array, operation: Operation, kernel: Callable[[Array], Array] | None) -> Array:
    root = q.shape[-1] ** -0.5
    if operation == "kernel_elu":
        q, k = _elu1(q), _elu1(k)
    elif kernel is not None:
        q, k = kernel(q), kernel(k)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(root * (q @ k.mT))


def _log_similarity(logits: Array, operation: Operation) -> Array:
    if operation == "softmax":
        return logits
    if operation == "sigmoid":
        return np.asarray(log_expit(logits))
    if operation == "elu1":
        return np.where(logits > 0.0, np.log1p(np.maximum(logits, 0.0)), logits)
    if np.any(logits <= 0.0):
        raise FloatingPointError("scores of operation='kernel_elu' underflow to 0: scale query and key down")
    return np.log(logits)


def _positive(logs: Array, normaliser: Normaliser, power: float) -> Array:
    if normaliser == "none":
        return np.exp(logs)
    if normaliser == "sum":
        return np.asarray(softmax(logs, axis=-1))
    p = as_positive("power", power)
    return np.exp(logs - logsumexp(p * logs, axis=-1, keepdims=True) / p)


def _elu1(x: Array) -> Array:
    return np.where(x > 0.0, x + 1.0, np.exp(np.minimum(x, 0.0)))


def _seen(visible: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    if visible is None:
        return np.ones(shape, bool)
    array = np.asarray(visible)
    if array.dtype != bool:
        raise TypeError(f"visible has dtype {array.dtype}: give booleans, True where a row sees a column")
    seen = np.broadcast_to(array, shape)
    if not np.all(seen.any(axis=-1)):
        row = tuple(int(i) for i in np.argwhere(~seen.any(axis=-1))[0])
        raise ValueError(f"visible hides every column from row {row}: let each row see at least one column")
    return seen
