"""Compiled TiARA: one matrix of attention between frames after the other, so threads change no result.

A row's exponentials are taken once, relative to the largest logit off its diagonal. The diagonal enters by
its odds against the others, which a reduction only shifts. Nothing is subtracted from a sum, so a row stays
right where one frame has all its weight before or after. Weights are float32; what decides the motion
intensity (lags of the windowed row, a handful of numbers) is float64.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from tightbound.kernels._kernel_attention import LOG2E, SAFE, _exp2

SCALE = np.float32(LOG2E)
LOWEST = np.float32(-3.0e38)
FAINT = 1e-12  # where all weights in a window are smaller, it is scaled anew
BLOCK = 16  # matrices a task takes, with one set of buffers
GROUP = 4  # frames are rounded up to this with zeros, which change no sum


@njit(cache=True, fastmath=SAFE | {"nnan"})
def _largest(row):  # type: ignore[no-untyped-def]
    found = LOWEST
    for j in range(row.size):
        found = max(found, row[j])
    return found


@njit(cache=True, fastmath=SAFE)
def _others(weights, own):  # type: ignore[no-untyped-def]
    # turns a row of logits into exponentials relative to the largest but its own, whose place becomes 0
    weights[own] = LOWEST
    top = _largest(weights)
    total = np.float32(0.0)
    for j in range(weights.size):
        weights[j] = _exp2((weights[j] - top) * SCALE)
        total += weights[j]
    return top, total


@njit(cache=True, fastmath=SAFE)
def _copy(row, source):  # type: ignore[no-untyped-def]
    # returns 0, or NaN if an entry is not finite
    found = np.float32(0.0)
    for j in range(row.size):
        row[j] = source[j]
        found += source[j] * np.float32(0.0)
    return found


@njit(cache=True)
def _see(windowed, i, weights, logits, top, where, window):  # type: ignore[no-untyped-def]
    # weights under the window around frame i, on a scale of their own
    above = np.float64(logits[i]) - top
    own, scale = math.exp(min(above, 0.0)), math.exp(min(-above, 0.0))
    seen = 0.0
    for k in range(window.size):
        j = where[i, k]
        w = own if j == i else weights[j] * scale
        seen = max(seen, w)
        windowed[k, i] = w * window[k]
    if seen < FAINT:
        highest = logits[i]
        for k in range(window.size):
            highest = max(highest, logits[where[i, k]])
        for k in range(window.size):
            windowed[k, i] = math.exp(np.float64(logits[where[i, k]]) - highest) * window[k]


@njit(cache=True, fastmath=SAFE)
def _energies(windowed, lags, fast, total):  # type: ignore[no-untyped-def]
    # lags (2, W): weights of the lags in the fast band and in all of it; frames lie side by side
    length, frames = windowed.shape
    for i in range(frames):
        fast[i] = 0.0
        total[i] = 0.0
    for d in range(length):
        in_fast, in_all = lags[0, d], lags[1, d]
        for k in range(length - d):
            a, b = windowed[k], windowed[k + d]
            for i in range(frames):
                product = a[i] * b[i]
                fast[i] += in_fast * product
                total[i] += in_all * product


@njit(cache=True)
def _finish(weights, own, log_odds, total):  # type: ignore[no-untyped-def]
    share = np.float32(1.0 / ((1.0 + math.exp(log_odds)) * total))
    for j in range(weights.size):
        weights[j] *= share
    weights[own] = np.float32(1.0 / (1.0 + math.exp(-log_odds)))


@njit(cache=True, fastmath=SAFE)
def _multiply(weights, values, out):  # type: ignore[no-untyped-def]
    # four frames by four a pass, added in the order of frames
    frames, width = out.shape
    for i in range(0, frames, GROUP):
        o0, o1, o2, o3 = out[i], out[i + 1], out[i + 2], out[i + 3]
        for c in range(width):
            o0[c] = o1[c] = o2[c] = o3[c] = np.float32(0.0)
        for j in range(0, frames, GROUP):
            v0, v1, v2, v3 = values[j], values[j + 1], values[j + 2], values[j + 3]
            a0, a1, a2, a3 = weights[i, j], weights[i, j + 1], weights[i, j + 2], weights[i, j + 3]
            w = weights[i + 1]
            b0, b1, b2, b3 = w[j], w[j + 1], w[j + 2], w[j + 3]
            w = weights[i + 2]
            c0, c1, c2, c3 = w[j], w[j + 1], w[j + 2], w[j + 3]
            w = weights[i + 3]
            d0, d1, d2, d3 = w[j], w[j + 1], w[j + 2], w[j + 3]
            for c in range(width):
                o0[c] += a0 * v0[c] + a1 * v1[c] + a2 * v2[c] + a3 * v3[c]
                o1[c] += b0 * v0[c] + b1 * v1[c] + b2 * v2[c] + b3 * v3[c]
                o2[c] += c0 * v0[c] + c1 * v1[c] + c2 * v2[c] + c3 * v3[c]
                o3[c] += d0 * v0[c] + d1 * v1[c] + d2 * v2[c] + d3 * v3[c]


@njit(cache=True)
def _attend_block(first, logits, values, where, window, lags, corners, width, alpha, out):  # type: ignore[no-untyped-def]
    frames, channels = values.shape[1:]
    padded = (frames + GROUP - 1) // GROUP * GROUP
    weights = np.zeros((padded, padded), np.float32)
    given, sums = np.zeros((padded, channels), np.float32), np.empty((padded, channels), np.float32)
    tops, rest = np.empty(frames, np.float32), np.empty(frames, np.float32)
    windowed, fast, total = np.empty((window.size, frames)), np.zeros(frames), np.ones(frames)
    check = np.float32(0.0)
    for b in range(first, min(logits.shape[0], first + BLOCK)):
        matrix = logits[b]
        for i in range(frames):
            row, source = weights[i, :frames], matrix[i]
            check += _copy(row, source)
            tops[i], rest[i] = _others(row, i)
            if window.size:
                _see(windowed, i, row, source, tops[i], where, window)
            if i < width or i >= frames - width:
                for j in range(frames):
                    row[j] = source[j] + corners[i, j]
                tops[i], rest[i] = _others(row, i)
        if window.size:
            _energies(windowed, lags, fast, total)
        for i in range(frames):
            intensity = min(1.0, max(0.0, fast[i] / total[i]))
            odds = matrix[i, i] - tops[i] - math.log(rest[i]) - alpha * (1.0 - intensity)
            _finish(weights[i, :frames], i, odds, rest[i])
        if channels:
            for i in range(frames):
                _copy(given[i], values[b, i])
            _multiply(weights, given, sums)
        for i in range(frames):
            _copy(out[b, i], sums[i] if channels else weights[i])
    return check == 0.0


@njit(cache=True, parallel=True)
def attend(logits, values, where, window, lags, corners, width, alpha, out, finite):  # type: ignore[no-untyped-def]
    # logits (B, N, N), values and out (B, N, C); no window: plain softmax; no channels: out is the weights
    for task in prange(finite.size):
        finite[task] = _attend_block(
            task * BLOCK, logits, values, where, window, lags, corners, width, alpha, out
        )
