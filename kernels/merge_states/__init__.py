"""K8: attention over a set of keys from attention over the parts of that set."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._attention_arguments import shape
from tightbound.kernels.backends import implementation

_MODULES = {
    "numpy": "tightbound.kernels.merge_states.reference",
    "numba": "tightbound.kernels.merge_states.numba_cpu",
    "triton": "tightbound.kernels.merge_states.triton_gpu",
}

__all__ = ["bytes_read", "merge_state", "merge_states"]


def merge_states(o: Any, lse: Any, *, backend: str = "auto") -> tuple[Any, Any]:
    r"""Merge the attention states of disjoint sets of keys.

    .. math:: L = \log \sum_s e^{L_s}, \qquad o = \sum_s e^{L_s - L} o_s

    where :math:`L_s` is the natural log-sum-exp of the logits in part s and :math:`o_s` the softmax-weighted
    mean of its values. Exact: it is the softmax over the union of the parts.

    Parameters
    ----------
    o : array, shape (S, ..., D)
        Output of each of S >= 1 parts. float16, float32 or float64; bfloat16 from torch.
    lse : array, shape (S, ...)
        Natural log-sum-exp of each part; -inf for a part without keys, whose output is not read.
    backend : {"auto", "numpy", "numba", "triton"}
        See `tightbound.kernels.backends`.

    Returns
    -------
    o : array, shape (..., D)
        float64 from "numpy", else float32; 0 where every part is empty.
    lse : array, shape (...)
        Same dtype; -inf where every part is empty.

    Raises
    ------
    ValueError
        If shapes disagree, there is no part, or (on the CPU) `lse` has NaN or +inf, or `o` an entry
        that is not finite in a part with keys.
    TypeError
        If the arrays are not floating point; float64 on a GPU.
    BackendUnavailableError
        If the backend cannot run here.

    Notes
    -----
    Bytes: S R (e D + 4) read, for states of e bytes a number, and 4 R (D + 1) written, for R rows; about
    2 S R D operations.

    References
    ----------
    Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018. FlashInfer's `merge_states`
    takes (rows, S, heads, D) and log-sum-exps of base 2; multiply those by ln 2.

    Examples
    --------
    >>> import numpy as np
    >>> o, lse = merge_states(np.array([[[1.0]], [[3.0]]]), np.log([[1.0], [3.0]]), backend="numpy")
    >>> o, np.exp(lse)
    (array([[2.5]]), array([4.]))
    """
    parts, rows = shape("o", o), shape("lse", lse)
    if len(parts) < 2 or parts[:-1] != rows:
        raise ValueError(f"o has shape {parts} and lse has {rows}: they must be (S, ..., D) and (S, ...)")
    if parts[0] < 1:
        raise ValueError("o has no part: give S >= 1")
    merged: tuple[Any, Any] = implementation("merge_states", backend, _MODULES, o)(o, lse)
    return merged


def merge_state(o_a: Any, lse_a: Any, o_b: Any, lse_b: Any, *, backend: str = "auto") -> tuple[Any, Any]:
    """Merge the attention states of two disjoint sets of keys.

    The case S = 2 of `merge_states`, with arguments in the order of FlashInfer's `merge_state`.

    Parameters
    ----------
    o_a, o_b : array, shape (..., D)
        Outputs.
    lse_a, lse_b : array, shape (...)
        Natural log-sum-exps.
    backend : {"auto", "numpy", "numba", "triton"}
        See `tightbound.kernels.backends`.

    Returns
    -------
    o, lse : array
        As for `merge_states`.

    Raises
    ------
    ValueError, TypeError, BackendUnavailableError
        As for `merge_states`.

    Examples
    --------
    >>> import numpy as np
    >>> nothing = np.full(1, -np.inf)
    >>> merge_state(np.array([[7.0]]), np.zeros(1), np.array([[0.0]]), nothing, backend="numpy")
    (array([[7.]]), array([0.]))
    """
    shapes = shape("o_a", o_a), shape("o_b", o_b)
    if shapes[0] != shapes[1] or shape("lse_a", lse_a) != shape("lse_b", lse_b):
        raise ValueError(
            f"o_a has shape {shapes[0]} and o_b has {shapes[1]}: the two states must have one shape"
        )
    if hasattr(o_a, "detach"):
        import torch

        return merge_states(torch.stack([o_a, o_b]), torch.stack([lse_a, lse_b]), backend=backend)
    import numpy as np

    return merge_states(np.stack([o_a, o_b]), np.stack([lse_a, lse_b]), backend=backend)


def bytes_read(parts: int, rows: int, dim: int, itemsize: int = 4) -> int:
    """Return how many bytes a merge reads for ``rows`` rows of ``dim`` numbers in each part.

    Examples
    --------
    >>> bytes_read(parts=8, rows=32, dim=128)
    132096
    """
    return parts * rows * (itemsize * dim + 4)
