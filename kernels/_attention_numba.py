"""From the arguments of an attention operation to the compiled loops and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels._attention_arguments import (
    CHUNK,
    FEW,
    LEAST_KEYS,
    WANTED_TASKS,
    Floats,
    Sizes,
    finite,
    splits,
)

Partial = tuple[NDArray[np.float32], NDArray[np.float64]]


def wanted_splits(num_splits: int | None, n: Sizes) -> int:
    """Return ``num_splits``, or as many as give a few cores work to share."""
    parts = n.batch if n.rows * n.group <= FEW else n.batch * n.kv_heads
    return splits(num_splits, parts, n.keys, wanted=WANTED_TASKS, least=LEAST_KEYS)


def attend(
    q: Floats,
    k: Floats,
    v: Floats,
    scale: float,
    lengths: NDArray[np.int64],
    *,
    splits: int = 1,
    index: NDArray[np.int32] | None = None,
    tail_start: NDArray[np.int64] | None = None,
    mask: NDArray[np.uint8] | None = None,
) -> Partial:
    """Return o (S, B, M, H, D) and lse (S, B, M, H) over lists of keys; see `_kernel_attention.attend`.

    A list holds the keys at ``index`` (B, Hk, K), then those from ``tail_start`` (B,) on; ``lengths``
    counts both.
    """
    from tightbound.kernels import _kernel_attention

    if k.data.dtype == np.float64:
        k, v = Floats(k.float32(), False), Floats(v.float32(), False)
    batch, rows, heads, dim = q.data.shape
    kv_heads = k.data.shape[2]
    if v.bfloat16 != k.bfloat16 or v.data.dtype != k.data.dtype:
        raise TypeError("k and v are stored in different dtypes: give both in one")
    k_buffer, k_strides = buffer(k)
    v_buffer, v_strides = buffer(v)
    o = np.empty((splits, batch, rows, heads, dim), dtype=np.float32)
    lse = np.empty((splits, batch, rows, heads))
    _kernel_attention.attend(
        np.ascontiguousarray(q.float32()),
        k_buffer,
        v_buffer,
        k_strides,
        v_strides,
        np.empty((batch, kv_heads, 0), dtype=np.int32) if index is None else np.ascontiguousarray(index),
        np.zeros(batch, dtype=np.int64) if tail_start is None else tail_start,
        lengths,
        np.empty((batch, rows, 0), dtype=np.uint8) if mask is None else mask,
        splits,
        -(lengths // -(splits * CHUNK)) * CHUNK,
        scale,
        o,
        lse,
    )
    finite(o, lse)
    return o, lse


def rounded(o: NDArray[np.float32], q: Floats) -> NDArray[Any]:
    """Return a result in the dtype of the queries, but float32 for float64 and for bfloat16."""
    return o.astype(np.float16) if q.data.dtype == np.float16 else o


def buffer(stored: Floats) -> tuple[NDArray[Any], tuple[int, int, int]]:
    """Return an array (B, N, Hk, D) as one dimension of memory, and its strides.

    One compiled function then serves all layouts, and its innermost loops know that they read side by side.
    Copies only if the last axis is not dense. float16 is uint16 there, and bfloat16 int16.
    """
    data = stored.data
    size = data.itemsize
    if data.strides[3] != size or any(stride < 0 or stride % size for stride in data.strides):
        data = np.ascontiguousarray(data)
    if data.dtype == np.float16:
        data = data.view(np.uint16)
    if stored.bfloat16:
        data = data.view(np.int16)
    steps = [stride // size for stride in data.strides]
    span = 1 + sum((n - 1) * step for n, step in zip(data.shape, steps, strict=True)) if data.size else 0
    flat = np.asarray(_Memory(data, span))
    return flat, (steps[0], steps[1], steps[2])


class _Memory:
    """Memory of an array in one dimension, never read-only: that would be one more type to compile."""

    def __init__(self, owner: NDArray[Any], span: int) -> None:
        self.owner = owner
        self.__array_interface__ = {
            "data": (owner.ctypes.data, False),
            "shape": (span,),
            "typestr": owner.dtype.str,
            "version": 3,
        }
