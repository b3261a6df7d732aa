"""K9: attention of a draft tree over the cached prefix and over the tree itself."""

from __future__ import annotations

from typing import Any

from tightbound.kernels import _attention_arguments as arguments
from tightbound.kernels import decode_attention_splitk, tree_attention
from tightbound.kernels.backends import implementation

_MODULES = {
    "numpy": "tightbound.kernels.hybrid_tree_attention.reference",
    "numba": "tightbound.kernels.hybrid_tree_attention.numba_cpu",
    "triton": "tightbound.kernels.hybrid_tree_attention.triton_gpu",
}

__all__ = ["bytes_read", "flops", "hybrid_tree_attention"]


def hybrid_tree_attention(
    q: Any,
    k: Any,
    v: Any,
    kv_len: Any,
    k_spec: Any,
    v_spec: Any,
    tree_mask: Any,
    *,
    sm_scale: float | None = None,
    num_splits: int | None = None,
    storage: str | None = None,
    backend: str = "auto",
) -> tuple[Any, Any]:
    r"""Attend from the rows of a tree to all cached keys and, under the mask, to the keys of the tree.

    .. math:: L = \log(e^{L_c} + e^{L_s}), \qquad o = o_c e^{L_c - L} + o_s e^{L_s - L}

    with the state :math:`(o_c, L_c)` over the cache, which needs no mask, and :math:`(o_s, L_s)` over the
    tree. Exact: it is softmax attention over both sets of keys.

    Parameters
    ----------
    q : array, shape (B, M, H, D)
        Queries of the nodes of the tree. float32, float16 or bfloat16.
    k, v : array, shape (B, N, Hk, D)
        The cache, in any strides, in the dtypes of q. N = 0 is allowed.
    kv_len : array of int, shape (B,), or None
        Cached keys of each request, 0 to N; N where None.
    k_spec, v_spec : array, shape (B, T, Hk, D)
        Keys and values of the tree.
    tree_mask : array, shape (B, M, T)
        bool, or integers of which 0 hides a key; see `tightbound.kernels.tree_attention.tree_attention`.
    sm_scale : float, optional
        Factor on q.k, 1 / sqrt(D) where None.
    num_splits : int, optional
        Splits of the cache; where None, a number that depends on the shapes alone. The tree is one more.
    storage : {None, "bfloat16"}
        "bfloat16" says that arrays of dtype uint16 hold bfloat16.
    backend : {"auto", "numpy", "numba", "triton"}
        See `tightbound.kernels.backends`; "triton" takes D in {16, 32, 64, 128, 256}. It runs the splits of
        the cache and the tree in one launch and merges them in another.

    Returns
    -------
    o : array, shape (B, M, H, D)
        float64 from "numpy", else the dtype of q (float32 for float64, and for bfloat16 in NumPy); 0 for a
        row that sees no key.
    lse : array, shape (B, M, H)
        Natural log-sum-exp in float32 (numpy: float64); -inf for a row that sees no key.

    Raises
    ------
    ValueError, TypeError, BackendUnavailableError
        As for `tightbound.kernels.decode_attention_splitk.decode_attention_splitk` and
        `tightbound.kernels.tree_attention.tree_attention`.

    Notes
    -----
    Sums are float32 (numpy: float64), merged in float64 on the CPU. Accuracy as in
    `tightbound.kernels.decode_attention_splitk.decode_attention_splitk`, then rounded to the dtype of o.

    References
    ----------
    Yang et al., "LongSpec", 2025, hybrid tree attention and Proposition C.1.

    Examples
    --------
    >>> import numpy as np
    >>> q = np.zeros((1, 1, 1, 1))
    >>> cache, tree = np.array([1.0, 2.0]).reshape(1, 2, 1, 1), np.array([6.0]).reshape(1, 1, 1, 1)
    >>> seen = np.ones((1, 1, 1), dtype=bool)
    >>> o, lse = hybrid_tree_attention(q, cache, cache, None, tree, tree, seen, backend="numpy")
    >>> o.item(), round(np.exp(lse).item(), 12)
    (3.0, 3.0)
    """
    sizes = arguments.sizes(q, k, v)
    tree = arguments.sizes(q, k_spec, v_spec, names=("q", "k_spec", "v_spec"))
    if tree.kv_heads != sizes.kv_heads:
        raise ValueError(f"k has {sizes.kv_heads} heads and k_spec has {tree.kv_heads}: they must be equal")
    run = implementation("hybrid_tree_attention", backend, _MODULES, q)
    scale = arguments.scale(sm_scale, sizes.dim)
    state: tuple[Any, Any] = run(
        q, k, v, kv_len, k_spec, v_spec, tree_mask, sizes, tree, scale, num_splits, storage
    )
    return state


def bytes_read(*, lengths: list[int], rows: int, nodes: int, kv_heads: int, dim: int, itemsize: int) -> int:
    """Return how many bytes of keys, values and mask are read: those of the cache and those of the tree.

    Examples
    --------
    >>> bytes_read(lengths=[32768], rows=69, nodes=69, kv_heads=8, dim=128, itemsize=2)
    134505113
    """
    cache = decode_attention_splitk.bytes_read(lengths=lengths, kv_heads=kv_heads, dim=dim, itemsize=itemsize)
    return cache + tree_attention.bytes_read(
        batch=len(lengths), rows=rows, nodes=nodes, kv_heads=kv_heads, dim=dim, itemsize=itemsize
    )


def flops(*, lengths: list[int], rows: int, nodes: int, heads: int, dim: int) -> int:
    """Return the operations of the two products over all pairs.

    Examples
    --------
    >>> flops(lengths=[32768], rows=69, nodes=69, heads=32, dim=128)
    37122097152
    """
    cache = decode_attention_splitk.flops(lengths=lengths, rows=rows, heads=heads, dim=dim)
    return cache + tree_attention.flops(batch=len(lengths), rows=rows, nodes=nodes, heads=heads, dim=dim)
