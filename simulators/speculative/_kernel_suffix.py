"""Suffix automaton over token ranks, its edges in one hash table with open addressing.

Rows of ``states``: length, link, first end, first edge; rows of ``edges``: token, target, next edge, state.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Rows = NDArray[np.int32]

LENGTH, LINK, END, HEAD = 0, 1, 2, 3
TOKEN, TARGET, NEXT, STATE = 0, 1, 2, 3


@njit(cache=True)
def _slot(state: int, token: int, slots: Rows, edges: Rows) -> int:
    """Return the slot of the edge of ``state`` labelled ``token``, or the free one where it belongs."""
    mask = slots.size - 1
    mixed = (state * 0x2545F491 + token) * 0x9E3779B1
    slot = (mixed ^ (mixed >> 17)) & mask
    while slots[slot] >= 0 and (edges[slots[slot], STATE] != state or edges[slots[slot], TOKEN] != token):
        slot = (slot + 1) & mask
    return int(slot)


@njit(cache=True)
def _add(edge: int, state: int, token: int, target: int, slots: Rows, states: Rows, edges: Rows) -> None:
    """Store a new edge under a number that is still free."""
    slots[_slot(state, token, slots, edges)] = edge
    edges[edge, TOKEN], edges[edge, TARGET], edges[edge, STATE] = token, target, state
    edges[edge, NEXT], states[state, HEAD] = states[state, HEAD], edge


@njit(cache=True)
def build(tokens: Ints) -> tuple[Any, ...]:
    """Build the automaton; the last array holds, per prefix, where its longest repeated suffix first ends."""
    n = tokens.size
    capacity = 8
    while capacity < 6 * n:
        capacity *= 2
    slots = np.full(capacity, -1, np.int32)
    states = np.zeros((2 * n + 2, 4), np.int32)
    edges = np.empty((3 * n + 3, 4), np.int32)
    repeated = np.zeros(n + 1, np.int64)
    states[0, LINK] = states[0, HEAD] = -1
    last, count, filled = 0, 1, 0
    for i in range(n):
        token = tokens[i]
        new = count
        count += 1
        states[new, LENGTH] = states[last, LENGTH] + 1
        states[new, END] = i + 1
        states[new, HEAD] = -1
        p, edge = last, -1
        while p >= 0:
            edge = slots[_slot(p, token, slots, edges)]
            if edge >= 0:
                break
            _add(filled, p, token, new, slots, states, edges)
            filled += 1
            p = states[p, LINK]
        if p >= 0:
            q = edges[edge, TARGET]
            if states[q, LENGTH] != states[p, LENGTH] + 1:
                clone = count
                count += 1
                states[clone, LENGTH] = states[p, LENGTH] + 1
                states[clone, LINK], states[clone, END] = states[q, LINK], states[q, END]
                states[clone, HEAD] = -1
                copied = states[q, HEAD]
                while copied >= 0:
                    _add(filled, clone, edges[copied, TOKEN], edges[copied, TARGET], slots, states, edges)
                    filled += 1
                    copied = edges[copied, NEXT]
                while p >= 0 and edges[edge, TARGET] == q:
                    edges[edge, TARGET] = clone
                    p = states[p, LINK]
                    if p >= 0:
                        edge = slots[_slot(p, token, slots, edges)]
                states[q, LINK] = clone
                q = clone
            states[new, LINK] = q
        last = new
        repeated[i + 1] = states[states[new, LINK], END]
    return slots, states[:count], edges[:filled], repeated


@njit(cache=True)
def match(tokens: Ints, slots: Rows, states: Rows, edges: Rows) -> Ints:
    """Return, per prefix of ``tokens``, where its longest known suffix first ends; 0 if none is known."""
    ends = np.zeros(tokens.size + 1, np.int64)
    state = 0
    for i in range(tokens.size):
        token = tokens[i]
        edge = -1
        if token >= 0:
            edge = slots[_slot(state, token, slots, edges)]
            while edge < 0 and state > 0:
                state = states[state, LINK]
                edge = slots[_slot(state, token, slots, edges)]
        state = edges[edge, TARGET] if edge >= 0 else 0
        ends[i + 1] = states[state, END]
    return ends
