"""K10: which keys of a cache to keep, by the attention that a window of rows pays to them."""

from __future__ import annotations

from typing import Any

from tightbound.kernels import _attention_arguments as arguments
from tightbound.kernels.backends import implementation
from tightbound.theory._validation import as_integer

_MODULES = {
    "numpy": "tightbound.kernels.topk_select.reference",
    "numba": "tightbound.kernels.topk_select.numba_cpu",
    "triton": "tightbound.kernels.topk_select.triton_gpu",
}

__all__ = ["attention_mass", "bytes_read", "flops", "topk_select"]


def attention_mass(
    q: Any,
    k: Any,
    kv_len: Any = None,
    *,
    num_candidates: int | None = None,
    sm_scale: float | None = None,
    storage: str | None = None,
    backend: str = "auto",
) -> Any:
    r"""Return the attention that the last M positions pay to each candidate key, by key head.

    .. math:: s_n = \frac{1}{M} \sum_{m=0}^{M-1} \sum_{h \in \text{group}} A_h(m, n),
              \qquad A_h(m, n) = e^{x_{mn} - L_m}

    with causal softmax attention A: row m stands at position kv_len - M + m and sees all keys up
    to its own. Candidates are the keys 0 to C - 1 before the window, e.g. the frames of a video before a
    question.

    Parameters
    ----------
    q : array, shape (B, M, H, D)
        Queries of the last M positions. float32, float16 or bfloat16.
    k : array, shape (B, N, Hk, D)
        Keys, in any strides, H a multiple of Hk; those of the M positions of q are among them.
    kv_len : array of int, shape (B,), optional
        Keys that each request has, at least M + C; N where None.
    num_candidates : int, optional
        Candidates C; N - M where None.
    sm_scale : float, optional
        Factor on q.k, 1 / sqrt(D) where None.
    storage : {None, "bfloat16"}
        "bfloat16" says that arrays of dtype uint16 hold bfloat16.
    backend : {"auto", "numpy", "numba", "triton"}
        See `tightbound.kernels.backends`; "triton" takes D in {16, 32, 64, 128, 256}.

    Returns
    -------
    array, shape (B, Hk, C)
        float64 from "numpy", else float32; 0 to H / Hk.

    Raises
    ------
    ValueError
        If shapes disagree, H is no multiple of Hk, D does not suit the backend, or (on the CPU) a request
        has fewer than M + C keys or keys that are read hold NaN or infinities.
    TypeError
        For dtypes that are not listed above, and float64 on a GPU.
    BackendUnavailableError
        If the backend cannot run here.

    Notes
    -----
    Reads k twice, once for the sums of the softmax and once for the shares; see `bytes_read` and `flops`.

    References
    ----------
    Zhang et al., "Sparse-to-Dense", ACL 2025: selection by the attention of text rows, once, after prefill.

    Examples
    --------
    >>> import numpy as np
    >>> attention_mass(np.zeros((1, 1, 2, 1)), np.zeros((1, 4, 1, 1)), backend="numpy")
    array([[[0.5, 0.5, 0.5]]])
    """
    sizes = arguments.sizes(q, k, k, names=("q", "k", "k"))
    run = implementation("attention_mass", backend, _MODULES, q)
    most = sizes.keys - sizes.rows
    if most < 0:
        raise ValueError(f"k has {sizes.keys} keys: it must hold those of the {sizes.rows} rows of q")
    count = most if num_candidates is None else as_integer("num_candidates", num_candidates, least=0)
    if count > most:
        raise ValueError(
            f"num_candidates is {count}: before {sizes.rows} rows of q there are {most} of {sizes.keys}"
        )
    return run(q, k, kv_len, sizes, count, arguments.scale(sm_scale, sizes.dim), storage)


def topk_select(mass: Any, num_keys: int, *, backend: str = "auto") -> Any:
    """Return the keys of largest mass, sorted by position.

    Of keys with equal mass the first are taken, so from the same mass every backend selects the same set.
    The K largest have the largest total among all sets of K keys; for mass summed over a group of heads
    that holds for the sum over the group, not for each head.

    Parameters
    ----------
    mass : array, shape (..., C)
        A score for each candidate, e.g. from `attention_mass`, any attention averaged over rows, or logits.
    num_keys : int
        Keys K to keep, at least 0; all C where it is larger.
    backend : {"auto", "numpy", "numba", "triton"}
        See `tightbound.kernels.backends`.

    Returns
    -------
    array of int32, shape (..., min(K, C))
        Strictly ascending along the last axis, as
        `tightbound.kernels.sparse_decode_attention.sparse_decode_attention` wants them.

    Raises
    ------
    ValueError
        If ``mass`` has no axis, or (on the CPU) NaN, or ``num_keys`` is negative.
    TypeError
        If ``mass`` is not of floating point or ``num_keys`` no integer.
    BackendUnavailableError
        If the backend cannot run here.

    Examples
    --------
    >>> import numpy as np
    >>> topk_select(np.array([0.2, 0.1, 0.3, 0.2, 0.2]), 3, backend="numpy")
    array([0, 2, 3], dtype=int32)
    """
    if not arguments.shape("mass", mass):
        raise ValueError("mass has no axis: give scores, one for each key")
    count = min(as_integer("num_keys", num_keys, least=0), int(mass.shape[-1]))
    return implementation("topk_select", backend, _MODULES, mass)(mass, count)


def bytes_read(*, lengths: list[int], kv_heads: int, dim: int, itemsize: int) -> int:
    """Return how many bytes of keys `attention_mass` reads, in its two passes.

    Examples
    --------
    >>> bytes_read(lengths=[32768], kv_heads=8, dim=128, itemsize=2)
    134217728
    """
    return 2 * sum(lengths) * kv_heads * dim * itemsize


def flops(*, lengths: list[int], rows: int, heads: int, dim: int) -> int:
    """Return the operations of `attention_mass`: the same product in each of its two passes.

    Examples
    --------
    >>> flops(lengths=[32768], rows=64, heads=32, dim=128)
    34359738368
    """
    return 4 * sum(lengths) * rows * heads * dim
