"""Probabilities from logits compiled for the CPU: cuts by histograms of the logits instead of sorting.

A cut is a logit and an index: what ranks after it is dropped.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, prange

from tightbound.kernels._inputs import to_float, to_numpy
from tightbound.kernels.probs_from_logits import BAD_LOGITS

BINS = 2048


@njit(cache=True)
def bin_of(x, top, scale):  # type: ignore[no-untyped-def]
    """Return the bin of a logit: a larger logit is never in a later one."""
    return int(min((top - x) * scale, BINS - 1.0))


@njit(cache=True)
def cut(row, weights, counting, least, top, scale):  # type: ignore[no-untyped-def]
    """Return the first cut before which there is at least ``least`` of weight, or of tokens if counting."""
    bins = np.zeros(BINS)
    for v in range(row.size):
        if weights[v] >= 0.0:
            bins[bin_of(row[v], top, scale)] += 1.0 if counting else weights[v]
    before, chosen = 0.0, BINS - 1
    for i in range(BINS):
        if before + bins[i] >= least:
            chosen = i
            break
        before += bins[i]
    count = 0
    inside = np.empty(row.size, np.int64)
    for v in range(row.size):
        if weights[v] >= 0.0 and bin_of(row[v], top, scale) == chosen:
            inside[count] = v
            count += 1
    values = np.empty(count)
    for i in range(count):
        values[i] = -row[inside[i]]
    last = row.size
    value = -math.inf
    for i in np.argsort(values, kind="mergesort"):
        before += 1.0 if counting else weights[inside[i]]
        value, last = row[inside[i]], inside[i]
        if before >= least:
            break
    return value, last


@njit(cache=True)
def drop(row, weights, value, last):  # type: ignore[no-untyped-def]
    """Mark what ranks after a cut, and return the weight before it."""
    total = 0.0
    for v in range(row.size):
        if row[v] < value or (row[v] == value and v > last):
            weights[v] = -1.0
        elif weights[v] > 0.0:
            total += weights[v]
    return total


@njit(cache=True)
def one(b, rows, temperature, top_k, top_p, out, bad):  # type: ignore[no-untyped-def]
    """Write the law of row b; ``weights`` are -1 where a token is dropped."""
    row, t, k = rows[b], temperature[b], top_k[b]
    if t == 0.0:
        t, k = 1.0, 1
    top, low, fine = -math.inf, math.inf, True
    for v in range(row.size):
        x = np.float64(row[v])
        fine = fine and x == x
        top = max(top, x)
        if x > -math.inf:
            low = min(low, x)
    bad[b] = not (fine and -math.inf < top < math.inf)
    if bad[b]:
        return
    scale = BINS / (top - low) if top > low else 0.0
    weights = np.empty(row.size)
    total = 0.0
    for v in range(row.size):
        weights[v] = math.exp((np.float64(row[v]) - top) / t) if row[v] > -math.inf else -1.0
        total += max(weights[v], 0.0)
    for counting in (True, False):
        least = np.float64(k) if counting else top_p[b] * total
        if (0 < k < row.size) if counting else (top_p[b] < 1.0):
            value, last = cut(row, weights, counting, least, top, scale)
            total = drop(row, weights, value, last)
    for v in range(row.size):
        out[b, v] = max(weights[v], 0.0) / total


@njit(cache=True, parallel=True)
def many(rows, temperature, top_k, top_p, out, bad):  # type: ignore[no-untyped-def]
    """Write the laws of all rows."""
    for b in prange(rows.shape[0]):
        one(np.int64(b), rows, temperature, top_k, top_p, out, bad)


def probs_from_logits(logits: Any, temperature: Any, top_k: Any, top_p: Any) -> Any:
    """Take rows in parallel; parameters (rows,) have been checked."""
    rows = to_float(logits)
    out, bad = np.empty(rows.shape, np.float32), np.zeros(len(rows), np.bool_)
    arguments = (
        rows,
        to_numpy(temperature, np.float64),
        to_numpy(top_k, np.int64),
        to_numpy(top_p, np.float64),
        out,
        bad,
    )
    if len(rows) == 1:  # waking other threads takes longer than one row
        one(0, *arguments)
    else:
        many(*arguments)
    if bad.any():
        raise ValueError(BAD_LOGITS)
    return out
