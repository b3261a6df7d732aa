"""Softmax attention of queries over keys and values."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax

from tightbound.theory._validation import Array, as_floats


def softmax_attention(keys: ArrayLike, values: ArrayLike, queries: ArrayLike, kappa: float = 1.0) -> Array:
    r"""Return softmax attention.

    .. math:: \mathrm{attn}(q) = \frac{\sum_t v_t\, e^{\kappa\langle k_t, q\rangle}}
        {\sum_t e^{\kappa\langle k_t, q\rangle}}

    On the unit sphere this is the Nadaraya-Watson estimate with a Gaussian kernel of squared bandwidth
    :math:`1/\kappa`.

    Parameters
    ----------
    keys : array_like, shape (..., T, d)
        T >= 1 keys; leading axes run over independent prompts.
    values : array_like, shape (..., T, d_v)
        Their values.
    queries : array_like, shape (..., Q, d)
        What is asked; a common set of queries may leave out the leading axes.
    kappa : float, default 1.0
        Inverse temperature, at least 0; 0 averages all values.

    Returns
    -------
    ndarray, shape (..., Q, d_v)
        One output per query, in the convex hull of the values.

    Raises
    ------
    ValueError
        For shapes that do not fit, entries that are not finite, an empty prompt or a negative kappa.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, Section 3: kappa = 1, no scaling by the
    dimension.

    Examples
    --------
    >>> softmax_attention([[1.0], [0.0]], [[4.0], [0.0]], [[np.log(3.0)]]).round(6).tolist()
    [[3.0]]
    >>> softmax_attention([[1.0], [0.0]], [[4.0], [0.0]], [[5.0]], kappa=0.0).tolist()
    [[2.0]]
    """
    k, v, q = attention_inputs(keys, values, queries)
    x = float(as_floats("kappa", kappa))
    if x < 0.0:
        raise ValueError(f"kappa is {x}: an inverse temperature is at least 0 (0 averages all keys)")
    if k.shape[-2] == 0:
        raise ValueError("keys is empty: softmax attention averages at least one value; give T >= 1 keys")
    weights = softmax(x * (q @ k.mT), axis=-1)
    return np.asarray(weights @ v)


def attention_inputs(keys: ArrayLike, values: ArrayLike, queries: ArrayLike) -> tuple[Array, Array, Array]:
    """Return keys, values and queries as arrays whose shapes fit together."""
    k, v, q = as_floats("keys", keys), as_floats("values", values), as_floats("queries", queries)
    if k.ndim < 2:
        raise ValueError(f"keys has shape {k.shape}: give one row per key, shape (..., T, d)")
    if v.ndim < 2 or v.shape[:-1] != k.shape[:-1]:
        raise ValueError(
            f"values has shape {v.shape}: beside keys of shape {k.shape} it must be "
            f"(..., T, d_v) with (..., T) = {k.shape[:-1]}; give one row per key"
        )
    if q.ndim < 2 or q.shape[-1] != k.shape[-1] or q.shape[:-2] not in ((), k.shape[:-2]):
        raise ValueError(
            f"queries has shape {q.shape}: beside keys of shape {k.shape} give (Q, {k.shape[-1]}), or the "
            "leading axes of the keys before it"
        )
    return k, v, q
