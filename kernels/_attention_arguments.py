"""Checks and conversions that every attention operation shares.

Layout "NHD": queries (B, M, H, D), keys and values (B, N, Hk, D), with B requests, M query rows per request,
H query heads, N keys, Hk key heads (H a multiple of Hk) and head size D. Query head h reads key head
``h // (H // Hk)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.theory._validation import as_integer

STORAGES = (None, "bfloat16")
FLOATS = frozenset(map(np.dtype, ("float16", "float32", "float64")))
CHUNK = 64  # splits are cut at multiples of this many keys
FEW = 8  # query rows of a key head, up to which keys are read by all key heads in turn
WANTED_TASKS = 16  # enough for a few cores to share a batch of one evenly
LEAST_KEYS = 256  # a smaller split costs more in merging than it gives


@dataclass(frozen=True)
class Sizes:
    """Sizes of one attention problem."""

    batch: int
    rows: int
    heads: int
    kv_heads: int
    keys: int
    dim: int

    @property
    def group(self) -> int:
        """Query heads that share a key head."""
        return self.heads // self.kv_heads


def sizes(q: Any, k: Any, v: Any, *, names: tuple[str, str, str] = ("q", "k", "v")) -> Sizes:
    """Return the sizes of queries (B, M, H, D) and keys and values (B, N, Hk, D), which must agree."""
    for name, value in zip(names, (q, k, v), strict=True):
        if shape(name, value) is None or len(value.shape) != 4:
            raise ValueError(
                f"{name} has shape {tuple(value.shape)}: it must have four axes, (B, rows, heads, D)"
            )
    batch, rows, heads, dim = (int(n) for n in q.shape)
    if tuple(k.shape) != tuple(v.shape):
        raise ValueError(
            f"{names[1]} has shape {tuple(k.shape)} and {names[2]} has {tuple(v.shape)}: they must be equal"
        )
    if k.shape[0] != batch or k.shape[3] != dim:
        raise ValueError(
            f"{names[0]} has shape {tuple(q.shape)} and {names[1]} has {tuple(k.shape)}: "
            "their first axes (requests) and last axes (head size) must be equal"
        )
    keys, kv_heads = int(k.shape[1]), int(k.shape[2])
    if min(batch, rows, heads, dim, kv_heads) < 1:
        raise ValueError(
            f"{names[0]} has shape {tuple(q.shape)} and {names[1]} has {tuple(k.shape)}: only N may be 0"
        )
    if heads % kv_heads:
        raise ValueError(
            f"{names[0]} has {heads} heads and {names[1]} has {kv_heads}: give a multiple of that"
        )
    return Sizes(batch, rows, heads, kv_heads, keys, dim)


def shape(name: str, value: Any) -> tuple[int, ...]:
    """Return the shape of an array or a tensor."""
    if isinstance(value, np.ndarray):
        return tuple(value.shape)
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        raise TypeError(f"{name} is a {type(value).__name__}: give a NumPy array or a torch tensor")
    return tuple(int(n) for n in value.shape)


def scale(sm_scale: Any, dim: int) -> float:
    """Return the factor on q.k, by default 1 / sqrt(D)."""
    if sm_scale is None:
        return 1.0 / math.sqrt(dim)
    number = float(sm_scale)
    if not 0.0 < number < math.inf:
        raise ValueError(f"sm_scale is {sm_scale!r}: give a positive finite number, or None for 1/sqrt(D)")
    return number


def splits(num_splits: Any, parts: int, keys: int, *, wanted: int, least: int) -> int:
    """Return ``num_splits``, or enough splits for ``wanted`` programs of at least ``least`` keys each.

    It depends on shapes alone, never on how many cores there are, so results do not either.
    """
    if num_splits is not None:
        return as_integer("num_splits", num_splits, least=1)
    return max(1, min(-(-wanted // parts), keys // least))


def split_bounds(length: int, count: int, split: int) -> tuple[int, int]:
    """Return where a split begins and ends: equal parts, rounded up to multiples of ``CHUNK`` keys."""
    part = math.ceil(length / (count * CHUNK)) * CHUNK
    return min(split * part, length), min((split + 1) * part, length)


@dataclass(frozen=True)
class Floats:
    """Numbers as they are stored: float64, float32, float16, or bfloat16 in uint16."""

    data: NDArray[Any]
    bfloat16: bool

    def float64(self) -> NDArray[np.float64]:
        """Return the numbers themselves."""
        return self.float32().astype(np.float64) if self.bfloat16 else self.data.astype(np.float64)

    def float32(self) -> NDArray[np.float32]:
        """Return the numbers rounded to float32, which holds float16 and bfloat16 exactly."""
        if self.bfloat16:
            return (self.data.astype(np.uint32) << 16).view(np.float32)
        return self.data.astype(np.float32)


def on_cpu(name: str, value: Any) -> NDArray[Any]:
    """Return an array or a torch tensor on the CPU as a NumPy array, without a copy."""
    if isinstance(value, np.ndarray):
        return value
    shape(name, value)
    if hasattr(value, "detach"):
        if value.device.type != "cpu":
            raise TypeError(
                f"{name} lies on {value.device}: this backend reads the CPU; take backend='triton'"
            )
        value = value.detach()
        if str(value.dtype) == "torch.bfloat16":
            import torch

            return np.asarray(value.view(torch.uint16).numpy())
        return np.asarray(value.numpy())
    return np.asarray(value)


def as_stored(name: str, value: Any, storage: str | None) -> Floats:
    """Return floating-point numbers of any accepted storage on the CPU."""
    if storage not in STORAGES:
        raise ValueError(
            f"storage is {storage!r}: give 'bfloat16' where arrays of uint16 hold bfloat16, else None"
        )
    data = on_cpu(name, value)
    if data.dtype in FLOATS:
        return Floats(data, False)
    if str(value.dtype).endswith("bfloat16"):  # torch, or NumPy with the dtype of ml_dtypes
        return Floats(data.view(np.uint16), True)
    if data.dtype == np.uint16:
        if storage != "bfloat16":
            raise TypeError(f"{name} has dtype uint16: say storage='bfloat16' if that is what it holds")
        return Floats(data, True)
    raise TypeError(f"{name} has dtype {data.dtype}: give float16, float32, float64 or bfloat16")


def as_counts(name: str, value: Any, count: int, most: int, *, default: int) -> NDArray[np.int64]:
    """Return ``count`` integers in 0, ..., most, all equal to ``default`` where ``value`` is None."""
    if value is None:
        return np.full(count, default, dtype=np.int64)
    array = on_cpu(name, value) if hasattr(value, "dtype") else np.asarray(value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}: give integers")
    if array.shape != (count,):
        raise ValueError(f"{name} has shape {array.shape}: give one integer per request, shape ({count},)")
    if array.min() < 0 or array.max() > most:
        bad = int(array.min() if array.min() < 0 else array.max())
        raise ValueError(f"{name} contains {bad}: give integers from 0 to {most}")
    return array.astype(np.int64)


def as_mask(name: str, value: Any, expected: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return a mask (B, M, T) of zeros and ones."""
    array = on_cpu(name, value)
    if array.dtype.kind not in "biu":
        raise TypeError(f"{name} has dtype {array.dtype}: give bool, or integers of which 0 hides a key")
    if array.shape != expected:
        raise ValueError(f"{name} has shape {array.shape}: it must be (B, M, keys) = {expected}")
    return np.ascontiguousarray(array != 0).astype(np.uint8)


def finite(o: NDArray[Any], lse: NDArray[Any]) -> None:
    """Raise where queries, keys or values were such that the result is no number."""
    if not np.isfinite(o).all() or not (lse < np.inf).all():
        raise ValueError(
            "q, k or v has entries that are NaN, infinite or too large for the sum: replace them"
        )
