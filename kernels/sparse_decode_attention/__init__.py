"""K11: attention over chosen keys of a cache and a contiguous tail."""

from __future__ import annotations

from typing import Any

from tightbound.kernels import _attention_arguments as arguments
from tightbound.kernels.backends import implementation

_MODULES = {
    "numpy": "tightbound.kernels.sparse_decode_attention.reference",
    "numba": "tightbound.kernels.sparse_decode_attention.numba_cpu",
    "triton": "tightbound.kernels.sparse_decode_attention.triton_gpu",
}

__all__ = ["bytes_read", "flops", "sparse_decode_attention"]


def sparse_decode_attention(
    q: Any,
    k: Any,
    v: Any,
    idx: Any,
    tail_start: Any,
    kv_len: Any = None,
    *,
    sm_scale: float | None = None,
    num_splits: int | None = None,
    storage: str | None = None,
    backend: str = "auto",
) -> tuple[Any, Any]:
    r"""Attend to the keys in ``idx`` and to those from ``tail_start`` to ``kv_len`` - 1.

    .. math:: o_S = \sum_{n \in S} e^{x_n - L_S} v_n, \qquad L_S = \log \sum_{n \in S} e^{x_n}

    for each row and head, with S the kept keys. If m is the share of the whole softmax that they hold and R
    the keys left out, then :math:`o_S - o = (1 - m)(o_S - o_R)` for the attention o over all keys, since
    :math:`o = m o_S + (1 - m) o_R`; so the error is at most 1 - m times the diameter of the values, and log
    m is the difference of the two lse.

    Parameters
    ----------
    q : array, shape (B, M, H, D)
        Queries. float32, float16 or bfloat16.
    k, v : array, shape (B, N, Hk, D)
        The whole cache, in any strides. Only rows that are kept are read.
    idx : array of int, shape (B, Hk, K)
        Kept keys below ``tail_start``, strictly ascending, one set for the H / Hk query heads that share a
        key head. K = 0 is allowed. `tightbound.kernels.topk_select.topk_select` makes them.
    tail_start : int, or array of int of shape (B,)
        Where the tail begins that is kept whole.
    kv_len : array of int, shape (B,), optional
        Keys that each request has, N where None.
    sm_scale : float, optional
        Factor on q.k, 1 / sqrt(D) where None.
    num_splits : int, optional
        Splits of the kept keys; where None, a number that depends on the shapes alone.
    storage : {None, "bfloat16"}
        "bfloat16" says that arrays of dtype uint16 hold bfloat16.
    backend : {"auto", "numpy", "numba", "triton"}
        See `tightbound.kernels.backends`; "triton" takes D in {16, 32, 64, 128, 256}.

    Returns
    -------
    o : array, shape (B, M, H, D)
        float64 from "numpy", else the dtype of q (float32 for float64, and for bfloat16 in NumPy); 0 where
        no key is kept.
    lse : array, shape (B, M, H)
        Natural log-sum-exp over the kept keys in float32 (numpy: float64); -inf where there are none.

    Raises
    ------
    ValueError
        If shapes disagree, H is no multiple of Hk, D does not suit the backend, or (on the CPU) ``idx`` is
        out of range, unsorted or has a key twice, which would count it twice, or keys that are read hold
        NaN or infinities. On a GPU nothing looks at ``idx``, since that would wait for it.
    TypeError
        For dtypes that are not listed above, k and v of different ones, and float64 on a GPU.
    BackendUnavailableError
        If the backend cannot run here.

    Notes
    -----
    Accuracy as in `tightbound.kernels.decode_attention_splitk.decode_attention_splitk`, then rounded to
    the dtype of o. See `bytes_read` for what is read.

    References
    ----------
    Zhang et al., "Sparse-to-Dense", ACL 2025.

    Examples
    --------
    >>> import numpy as np
    >>> q, v = np.zeros((1, 1, 1, 1)), np.arange(6.0).reshape(1, 6, 1, 1)
    >>> o, lse = sparse_decode_attention(q, v, v, np.array([[[1, 3]]]), 5, backend="numpy")
    >>> o.item(), round(np.exp(lse).item(), 12)
    (3.0, 3.0)
    """
    sizes = arguments.sizes(q, k, v)
    run = implementation("sparse_decode_attention", backend, _MODULES, q)
    scale = arguments.scale(sm_scale, sizes.dim)
    state: tuple[Any, Any] = run(q, k, v, idx, tail_start, kv_len, sizes, scale, num_splits, storage)
    return state


def bytes_read(*, kept: int, tails: list[int], kv_heads: int, dim: int, itemsize: int) -> int:
    """Return how many bytes of keys, values and indices are read: those of key heads, not of query heads.

    Examples
    --------
    >>> bytes_read(kept=960, tails=[64], kv_heads=8, dim=128, itemsize=2)
    4225024
    """
    rows = kept * len(tails) + sum(tails)
    return 2 * rows * kv_heads * dim * itemsize + 4 * kept * len(tails) * kv_heads


def flops(*, kept: int, tails: list[int], rows: int, heads: int, dim: int) -> int:
    """Return the operations of the two products.

    Examples
    --------
    >>> flops(kept=960, tails=[64], rows=1, heads=32, dim=128)
    16777216
    """
    return 4 * (kept * len(tails) + sum(tails)) * rows * heads * dim
