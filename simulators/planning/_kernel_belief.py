"""Compiled exact belief updates: the inner loop runs over the next state, contiguous, and is vectorised.

Every row is summed in one fixed order by one thread, so results depend neither on threads nor on the batch.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

NOT_A_LAW = -1.0


@njit(cache=True)
def advance(belief, matrix, channel, out):  # type: ignore[no-untyped-def]
    # belief (S,), matrix (S, S), channel (S,), out (S,); returns the likelihood of the observation.
    # Four source states at a time: one load and one store of ``out`` for four of them.
    states = belief.size
    for t in range(states):
        out[t] = 0.0
    mass, smallest = 0.0, 0.0
    s = 0
    while s + 4 <= states:
        w0, w1, w2, w3 = belief[s], belief[s + 1], belief[s + 2], belief[s + 3]
        m0, m1, m2, m3 = matrix[s], matrix[s + 1], matrix[s + 2], matrix[s + 3]
        for t in range(states):
            out[t] = (((out[t] + w0 * m0[t]) + w1 * m1[t]) + w2 * m2[t]) + w3 * m3[t]
        mass += (w0 + w1) + (w2 + w3)
        smallest = min(smallest, min(min(w0, w1), min(w2, w3)))
        s += 4
    while s < states:
        w0, m0 = belief[s], matrix[s]
        for t in range(states):
            out[t] += w0 * m0[t]
        mass += w0
        smallest = min(smallest, w0)
        s += 1
    if smallest < 0.0 or not abs(mass - 1.0) <= 1e-9:
        return NOT_A_LAW
    return condition(out, channel)


@njit(cache=True)
def condition(belief, channel):  # type: ignore[no-untyped-def]
    # multiplies by the channel, normalises in place and returns the mass; an impossible row becomes zero
    likelihood = 0.0
    for t in range(belief.size):
        belief[t] *= channel[t]
        likelihood += belief[t]
    if likelihood > 0.0:
        for t in range(belief.size):
            belief[t] /= likelihood
    return likelihood


@njit(cache=True, parallel=True)
def update(transition, channels, environments, steps, beliefs, subgoals, observations):  # type: ignore[no-untyped-def]
    # transition (Z, H-1 or 1, S, G, S), channels (O, S), beliefs (B, S), the rest (B,)
    out = np.empty_like(beliefs)
    likelihoods = np.empty(beliefs.shape[0])
    for i in prange(beliefs.shape[0]):
        matrix = transition[environments[i], steps[i], :, subgoals[i], :]
        likelihoods[i] = advance(beliefs[i], matrix, channels[observations[i]], out[i])
    return out, likelihoods


@njit(cache=True, parallel=True)
def scan(initial, transition, channels, subgoals, observations):  # type: ignore[no-untyped-def]
    # subgoals (B, H'-1), observations (B, H'); returns beliefs (B, H', Z, S), likelihoods (B, H', Z)
    paths, length = observations.shape
    environments, states = transition.shape[0], initial.size
    beliefs = np.zeros((paths, length, environments, states))
    likelihoods = np.zeros((paths, length, environments))
    for i in prange(paths):
        for z in range(environments):
            beliefs[i, 0, z] = initial
            seen = condition(beliefs[i, 0, z], channels[observations[i, 0]])
            likelihoods[i, 0, z] = seen
            for h in range(1, length):
                if seen <= 0.0:
                    break
                step = min(h, transition.shape[1]) - 1
                matrix = transition[z, step, :, subgoals[i, h - 1], :]
                seen = advance(beliefs[i, h - 1, z], matrix, channels[observations[i, h]], beliefs[i, h, z])
                likelihoods[i, h, z] = seen
    return beliefs, likelihoods
