"""Inputs of attention at the sizes of an 8B model, and the copy of memory that bounds its speed on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

KV_HEADS, GROUP, DIM = 8, 4, 128
KEYS = 32_768
KEPT = 1024
TAIL = 64
TOLERANCE = {"float32": 2e-6, "float16": 1e-3}


@cache
def _normal(name: str, shape: tuple[int, ...], dtype: str) -> Any:
    rng = np.random.default_rng(sum(map(ord, name)))
    return rng.standard_normal(shape, dtype=np.float32).astype(dtype)


def queries_keys_values(keys: int, dtype: str, rows: int = 1) -> tuple[Any, Any, Any]:
    """Return standard normals of one request, made once for each shape and dtype."""
    q = _normal("q", (1, rows, KV_HEADS * GROUP, DIM), dtype)
    return q, _normal("k", (1, keys, KV_HEADS, DIM), dtype), _normal("v", (1, keys, KV_HEADS, DIM), dtype)


def forget() -> None:
    """Free the inputs."""
    _normal.cache_clear()


def kept_keys(kept: int, keys: int = KEYS) -> Any:
    """Return sorted random keys for every key head, ``TAIL`` fewer than ``kept``, from before the tail."""
    rng = np.random.default_rng(1)
    rows = [rng.choice(keys - TAIL, kept - TAIL, replace=False) for _ in range(KV_HEADS)]
    return np.sort([rows])


def copy_on_all_cores(target: Any, source: Any) -> Callable[[], None]:
    """Return a function that copies flat ``source`` to ``target``, in one part for each of 64 turns."""
    from numba import njit, prange

    @njit(parallel=True)  # type: ignore[untyped-decorator, unused-ignore]
    def run(target, source):  # type: ignore[no-untyped-def]
        part = source.size // 64
        for i in prange(64):
            target[i * part : (i + 1) * part] = source[i * part : (i + 1) * part]

    to, of = target.view(np.uint16), source.view(np.uint16)  # Numba has no float16 here
    run(to[:64], of[:64])
    return lambda: run(to, of)


def floor(k: Any, v: Any) -> Callable[[], None]:
    """Return a copy of the values: it reads half of the bytes that attention reads and writes as many."""
    return copy_on_all_cores(np.empty_like(k).ravel(), v.ravel())


def check(o: Any, q: Any, k: Any, v: Any) -> None:
    """Raise unless the first key head's part of the merged output is within the budget of float64."""
    from tightbound.kernels.decode_attention_splitk import decode_attention_splitk

    of_first = (q[:, :, :GROUP], k[:, :, :1], v[:, :, :1])
    expected, _ = decode_attention_splitk(*of_first, num_splits=1, backend="numpy")
    apart = float(np.abs(np.asarray(o, np.float64)[:, :, :GROUP] - expected[0]).max())
    if not apart <= TOLERANCE[str(k.dtype)]:
        raise ArithmeticError(f"attention in {k.dtype} is {apart:.1e} from float64: its speed means nothing")
