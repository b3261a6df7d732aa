"""Suffix automaton over token ranks: a dense table for the root, linked lists of edges elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@njit(cache=True)
def _edge(state: int, token: int, root: Ints, head: Ints, following: Ints, label: Ints) -> int:
    """Return the edge of ``state`` labelled ``token``; -1 if there is none."""
    edge: int = root[token] if state == 0 else head[state]
    while edge >= 0 and label[edge] != token:
        edge = following[edge]
    return edge


@njit(cache=True)
def build(tokens: Ints) -> tuple[Any, ...]:
    """Build the automaton; the last array holds, per prefix, where its longest repeated suffix first ends."""
    n = tokens.size
    size = 0
    for i in range(n):
        size = max(size, tokens[i] + 1)
    states = 2 * n + 2
    length = np.zeros(states, np.int64)
    link = np.full(states, -1, np.int64)
    end = np.zeros(states, np.int64)
    head = np.full(states, -1, np.int64)
    root = np.full(size, -1, np.int64)
    following = np.full(3 * n + 3, -1, np.int64)
    label = np.zeros(3 * n + 3, np.int64)
    target = np.zeros(3 * n + 3, np.int64)
    repeated = np.zeros(n + 1, np.int64)
    last, count, edges = 0, 1, 0
    for i in range(n):
        token = tokens[i]
        new = count
        count += 1
        length[new] = length[last] + 1
        end[new] = i + 1
        p, edge = last, -1
        while p >= 0:
            edge = _edge(p, token, root, head, following, label)
            if edge >= 0:
                break
            label[edges], target[edges] = token, new
            if p == 0:
                root[token] = edges
            else:
                following[edges], head[p] = head[p], edges
            edges += 1
            p = link[p]
        if p < 0:
            link[new] = 0
        else:
            q = target[edge]
            if length[q] != length[p] + 1:
                clone = count
                count += 1
                length[clone], link[clone], end[clone] = length[p] + 1, link[q], end[q]
                copied = head[q]
                while copied >= 0:
                    label[edges], target[edges] = label[copied], target[copied]
                    following[edges], head[clone] = head[clone], edges
                    edges += 1
                    copied = following[copied]
                while p >= 0 and target[edge] == q:
                    target[edge] = clone
                    p = link[p]
                    if p >= 0:
                        edge = _edge(p, token, root, head, following, label)
                link[q] = clone
                q = clone
            link[new] = q
        last = new
        repeated[i + 1] = end[link[new]]
    return length, link, end, root, head, following, label, target, repeated


@njit(cache=True)
def match(
    tokens: Ints,
    length: Ints,
    link: Ints,
    end: Ints,
    root: Ints,
    head: Ints,
    following: Ints,
    label: Ints,
    target: Ints,
) -> Ints:
    """Return, per prefix of ``tokens``, where its longest known suffix first ends; 0 if none is known."""
    ends = np.zeros(tokens.size + 1, np.int64)
    state = 0
    for i in range(tokens.size):
        token = tokens[i]
        edge = -1
        if token >= 0:
            edge = _edge(state, token, root, head, following, label)
            while edge < 0 and state > 0:
                state = link[state]
                edge = _edge(state, token, root, head, following, label)
        state = target[edge] if edge >= 0 else 0
        ends[i + 1] = end[state]
    return ends
