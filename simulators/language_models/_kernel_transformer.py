"""Compiled parts of a transformer that are not attention: products, norms, rotations, gates."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from tightbound.kernels._kernel_attention import LOG2E, SAFE, _exp2

BLOCK = 32  # outputs per task, a multiple of 4
TILE = 48  # rows that stay in the cache of a core


@njit(cache=True, fastmath=SAFE)
def _four_by_two(w, x, y, z, p, q, to_p, to_q):  # type: ignore[no-untyped-def]
    """Four outputs of two rows at a time, which keeps the arithmetic in registers."""
    a = b = c = d = np.float32(0.0)
    e = f = g = h = np.float32(0.0)
    for j in range(w.size):
        a += w[j] * p[j]
        b += x[j] * p[j]
        c += y[j] * p[j]
        d += z[j] * p[j]
        e += w[j] * q[j]
        f += x[j] * q[j]
        g += y[j] * q[j]
        h += z[j] * q[j]
    to_p[0], to_p[1], to_p[2], to_p[3] = a, b, c, d
    to_q[0], to_q[1], to_q[2], to_q[3] = e, f, g, h


@njit(cache=True, fastmath=SAFE)
def _four_by_one(w, x, y, z, p, to_p):  # type: ignore[no-untyped-def]
    a = b = c = d = np.float32(0.0)
    for j in range(w.size):
        a += w[j] * p[j]
        b += x[j] * p[j]
        c += y[j] * p[j]
        d += z[j] * p[j]
    to_p[0], to_p[1], to_p[2], to_p[3] = a, b, c, d


@njit(cache=True, fastmath=SAFE)
def _product(w, p):  # type: ignore[no-untyped-def]
    a = np.float32(0.0)
    for j in range(w.size):
        a += w[j] * p[j]
    return a


@njit(cache=True, parallel=True)
def linear(weights, rows, out):  # type: ignore[no-untyped-def]
    """``out = rows @ weights.T``; few rows read every weight once.

    The cores that run attention run this too: a BLAS library beside them has threads of its own, and both
    kinds would wait for each other at every product.
    """
    outputs = weights.shape[0]
    count = rows.shape[0]
    for task in prange((outputs + BLOCK - 1) // BLOCK):
        first = task * BLOCK
        last = min(outputs, first + BLOCK)
        whole = last - (last - first) % 4
        for low in range(0, count, TILE):
            high = min(count, low + TILE)
            for i in range(first, whole, 4):
                w, x, y, z = weights[i], weights[i + 1], weights[i + 2], weights[i + 3]
                for m in range(low, high - 1, 2):
                    _four_by_two(w, x, y, z, rows[m], rows[m + 1], out[m, i : i + 4], out[m + 1, i : i + 4])
                if (high - low) % 2:
                    _four_by_one(w, x, y, z, rows[high - 1], out[high - 1, i : i + 4])
            for i in range(whole, last):
                for m in range(low, high):
                    out[m, i] = _product(weights[i], rows[m])


@njit(cache=True, fastmath=SAFE)
def normalise(rows, scale, eps, out):  # type: ignore[no-untyped-def]
    """Divide each row by the root of its mean square plus ``eps`` and multiply by ``scale``."""
    width = rows.shape[1]
    for r in range(rows.shape[0]):
        total = np.float32(0.0)
        for j in range(width):
            total += rows[r, j] * rows[r, j]
        over = np.float32(1.0) / np.sqrt(total / np.float32(width) + np.float32(eps))
        for j in range(width):
            out[r, j] = rows[r, j] * over * scale[j]


@njit(cache=True, fastmath=SAFE)
def rotate_and_store(projected, cosine, sine, positions, starts, queries, keys, values):  # type: ignore[no-untyped-def]
    """Split projected rows, turn queries and keys by their positions, and store keys and values.

    ``projected`` (B M, (H + 2 Hk) D) becomes ``queries`` (B, M, H, D), and rows ``starts[b]`` + 0, ..., M - 1
    of ``keys`` and ``values`` (B, Hk, N, D). Pair i of a head is (2 i, 2 i + 1), its angle that of column i.
    """
    batch, rows, heads, dim = queries.shape
    kv_heads = keys.shape[1]
    for b in range(batch):
        for m in range(rows):
            source = projected[b * rows + m]
            c = cosine[positions[b, m]]
            s = sine[positions[b, m]]
            place = starts[b] + m
            for h in range(heads + kv_heads):
                for i in range(dim // 2):
                    x = source[h * dim + 2 * i]
                    y = source[h * dim + 2 * i + 1]
                    u = x * c[i] - y * s[i]
                    v = x * s[i] + y * c[i]
                    if h < heads:
                        queries[b, m, h, 2 * i] = u
                        queries[b, m, h, 2 * i + 1] = v
                    else:
                        keys[b, h - heads, place, 2 * i] = u
                        keys[b, h - heads, place, 2 * i + 1] = v
            for h in range(kv_heads):
                for d in range(dim):
                    values[b, h, place, d] = source[(heads + kv_heads + h) * dim + d]


@njit(cache=True, fastmath=SAFE)
def _gate(row, out):  # type: ignore[no-untyped-def]
    inner = out.size
    for j in range(inner):
        x = row[j]
        small = _exp2(-abs(x) * np.float32(LOG2E))
        out[j] = x * row[inner + j] * (np.float32(1.0) if x >= 0 else small) / (np.float32(1.0) + small)


@njit(cache=True, fastmath=SAFE)
def gate_few(both, out):  # type: ignore[no-untyped-def]
    """``out = silu(both[:, :F]) * both[:, F:]`` on one core."""
    for r in range(both.shape[0]):
        _gate(both[r], out[r])


@njit(cache=True, parallel=True)
def gate_many(both, out):  # type: ignore[no-untyped-def]
    """``out = silu(both[:, :F]) * both[:, F:]`` on all cores."""
    for r in prange(both.shape[0]):
        _gate(both[r], out[r])
