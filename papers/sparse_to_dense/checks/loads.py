"""STD-7: the sparse kernel reads keys and values once per head of keys, counted load by load."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np

from tightbound.kernels.sparse_decode_attention import sparse_decode_attention
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality

PAPER = "sparse_to_dense"
RANDOM = "random keys, values and kept sets in place of a video language model's"

Arrays = dict[str, Any]


def bytes_loaded(*arguments: np.ndarray) -> tuple[int, np.ndarray]:
    """Run the CPU kernel's own loops as plain Python; return bytes of keys and values loaded, and the output.

    Only what reads keys and values is replaced, by what counts as well: copies of one row, and products of
    all queries with a block of rows, where the first query loads a row that the others find in the cache.
    Prefetches load nothing that is not read.
    """
    from tightbound.kernels import _kernel_attention as kernel

    total, dim = 0, arguments[0].shape[-1]

    def load(row: np.ndarray, data: np.ndarray, start: int, count: int) -> None:
        nonlocal total
        row[:count] = data[start : start + count]
        total += count * data.itemsize

    def counted(products: Any) -> Any:
        def run(out: Any, rows: Any, even: int, heads: int, data: np.ndarray, at: Any, *rest: int) -> None:
            nonlocal total
            step, count, _, look = rest
            if step or look:  # else it is a copy
                total += heads * np.unique(at[:count]).size * dim * data.itemsize
            products(out, rows, even, heads, data, at, *rest)

        return run

    interpreted: dict[str, Any] = {
        "attend": kernel.attend.py_func,
        "_one_split": kernel._one_split.py_func,
        "_read": load,
        "_score": counted(kernel._score),
        "_add": counted(kernel._add),
    }
    with patch.multiple(kernel, **interpreted):
        o, _ = sparse_decode_attention(*arguments, backend="numba")
    return total, o


def _arguments(cell: Cell, rng: np.random.Generator, kv_heads: int) -> tuple[np.ndarray, ...]:
    batch, video, dim, heads = cell["batch"], cell["video"], cell["dim"], cell["heads"]
    length = video + cell["tail"]

    def normal(rows: int, count: int) -> np.ndarray:
        return rng.standard_normal((batch, rows, count, dim)).astype(np.float32)

    q, k, v = normal(1, heads), normal(length, cell["kv_heads"]), normal(length, cell["kv_heads"])
    order = rng.random((batch, cell["kv_heads"], video)).argsort(axis=-1)[..., : cell["kept"]]
    repeat = kv_heads // cell["kv_heads"]
    k, v, order = (np.repeat(x, repeat, axis=axis) for x, axis in ((k, 2), (v, 2), (order, 1)))
    start, stop = np.full(batch, video), np.full(batch, length)
    return q, k, v, np.sort(order, axis=-1).astype(np.int32), start, stop


def _loads(cell: Cell, rng: np.random.Generator, kv_heads: int) -> Arrays:
    found, _ = bytes_loaded(*_arguments(cell, rng, kv_heads))
    exact = 2 * cell["batch"] * cell["kv_heads"] * (cell["kept"] + cell["tail"]) * cell["dim"] * 4
    return {"value": np.array([float(found)]), "reference": np.array([float(exact)])}


def loads(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Bytes of keys and values that a pass loads, beside 2 B H_k (K + tail) D numbers of four bytes."""
    return _loads(cell, rng, cell["kv_heads"])


def loads_per_query_head(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where every query head is given keys of its own."""
    return _loads(cell, rng, cell["heads"])


STD_7 = Claim(
    id="STD-7",
    paper=PAPER,
    title="A sparse pass reads the kept keys and the tail once per head of keys, not per query head",
    statement=r"bytes = 2 B H_k (K + m_t + new) D e",
    source="derived; Sparse-to-Dense shares one kept set among the queries of a group",
    provenance="derived",
    statistic=Equality(),
    grid=Grid(
        quick=cells(
            batch=[2], heads=[6], kv_heads=[1, 2, 3], video=[40], kept=[12], tail=[0, 5], dim=[16, 32]
        ),
        standard=cells(
            batch=[1, 2],
            heads=[12],
            kv_heads=[1, 2, 4, 6],
            video=[200],
            kept=[12, 70],
            tail=[0, 9],
            dim=[16, 32],
        ),
    ),
    measure=loads,
    control=NegativeControl(
        measure=loads_per_query_head, because="a head of keys for every query head is read that often"
    ),
    substitutes=RANDOM,
    seconds={"quick": 1.0, "standard": 8.0},
)

LOADS = (STD_7,)
