"""K6: attention of a few query rows over a long cache of keys, cut into splits that run side by side."""

from __future__ import annotations

from typing import Any

from tightbound.kernels import _attention_arguments as arguments
from tightbound.kernels.backends import implementation

_MODULES = {
    "numpy": "tightbound.kernels.decode_attention_splitk.reference",
    "numba": "tightbound.kernels.decode_attention_splitk.numba_cpu",
    "triton": "tightbound.kernels.decode_attention_splitk.triton_gpu",
}

__all__ = ["bytes_read", "decode_attention_splitk", "flops"]


def decode_attention_splitk(
    q: Any,
    k: Any,
    v: Any,
    kv_len: Any = None,
    *,
    sm_scale: float | None = None,
    num_splits: int | None = None,
    storage: str | None = None,
    backend: str = "auto",
) -> tuple[Any, Any]:
    r"""Attend to the first ``kv_len`` keys, all rows to all of them; return one state per split.

    .. math:: o_s = \sum_{n \in s} e^{x_n - L_s} v_n, \qquad L_s = \log \sum_{n \in s} e^{x_n},
              \qquad x_n = \mathrm{scale} \; q \cdot k_n

    for each request, row and head. `tightbound.kernels.merge_states.merge_states` makes the attention over
    all keys of the states; merging them with the state of other keys (a draft tree) is as exact.

    Parameters
    ----------
    q : array, shape (B, M, H, D)
        Queries of M rows, e.g. one token or a draft tree. float32, float16 or bfloat16.
    k, v : array, shape (B, N, Hk, D)
        Keys and values, H a multiple of Hk; query head h reads key head h // (H // Hk). Any strides: no
        copy is made as long as the last axis is dense. float32, float16 or bfloat16; N = 0 is allowed.
    kv_len : array of int, shape (B,), optional
        Keys that each request has, 0 to N; N where None.
    sm_scale : float, optional
        Factor on q.k, 1 / sqrt(D) where None.
    num_splits : int, optional
        Splits S >= 1. Where None, a number that depends on the shapes alone. Split s takes keys s c to
        (s + 1) c - 1 with c = 64 ceil(kv_len / (64 S)); the last ones may be empty.
    storage : {None, "bfloat16"}
        "bfloat16" says that arrays of dtype uint16 hold bfloat16.
    backend : {"auto", "numpy", "numba", "triton"}
        See `tightbound.kernels.backends`. "numpy" and "numba" take any D and float64, which numba rounds to
        float32; "triton" takes D in {16, 32, 64, 128, 256}.

    Returns
    -------
    o : array, shape (S, B, M, H, D)
        float64 from "numpy", else float32; 0 for a split without keys.
    lse : array, shape (S, B, M, H)
        Natural log-sum-exp, same dtype; -inf for a split without keys.

    Raises
    ------
    ValueError
        If shapes disagree, H is no multiple of Hk, D does not suit the backend, `kv_len` is out of range,
        or (on the CPU) keys that are read hold NaN or infinities. On a GPU, where looking would wait for
        it, a `kv_len` above N reads N keys.
    TypeError
        For dtypes that are not listed above, k and v of different ones, and float64 on a GPU.
    BackendUnavailableError
        If the backend cannot run here.

    Notes
    -----
    Sums are float32 (numpy: float64). Within 2e-6 of float64 for float32 input of unit variance, lse
    5e-6; with float16 and bfloat16, numba is as close to float64 on the stored numbers, and triton, which
    rounds the weights to the dtype of v, within 1e-3 and 8e-3. Every key row is read once for all rows
    and all H / Hk heads that share it; see `bytes_read` and `flops`.

    References
    ----------
    Dao et al., "Flash-Decoding for long-context inference", 2023. Yang et al., "LongSpec", 2025, which
    calls the part over the cache of its hybrid tree attention so.

    Examples
    --------
    >>> import numpy as np
    >>> q, k = np.zeros((1, 1, 2, 4)), np.zeros((1, 3, 1, 4))
    >>> v = np.arange(12.0).reshape(1, 3, 1, 4)
    >>> o, lse = decode_attention_splitk(q, k, v, np.array([2]), backend="numpy")
    >>> o[0, 0, 0], np.exp(lse[0, 0, 0])
    (array([[2., 3., 4., 5.],
           [2., 3., 4., 5.]]), array([2., 2.]))
    """
    sizes = arguments.sizes(q, k, v)
    run = implementation("decode_attention_splitk", backend, _MODULES, q)
    state: tuple[Any, Any] = run(
        q, k, v, kv_len, sizes, arguments.scale(sm_scale, sizes.dim), num_splits, storage
    )
    return state


def bytes_read(*, lengths: list[int], kv_heads: int, dim: int, itemsize: int) -> int:
    """Return how many bytes of keys and values are read; queries and results are small beside.

    Examples
    --------
    >>> bytes_read(lengths=[32768], kv_heads=8, dim=128, itemsize=2)
    134217728
    """
    return 2 * sum(lengths) * kv_heads * dim * itemsize


def flops(*, lengths: list[int], rows: int, heads: int, dim: int) -> int:
    """Return the operations of the two products, a multiplication and an addition counting as two.

    Examples
    --------
    >>> flops(lengths=[32768], rows=1, heads=32, dim=128)
    536870912
    """
    return 4 * sum(lengths) * rows * heads * dim
