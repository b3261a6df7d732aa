"""Compiled episodes on graphs of beliefs: follow one node per environment and add up logarithms.

Loops are written out where an array expression would do: these compile in a fraction of the time.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

TIE = 1.0 - 1e-12
SETTLED = 1e-12


@njit(cache=True)
def draw(law, u):  # type: ignore[no-untyped-def]
    # an outcome of probability zero is never drawn, whatever rounding does to the sum
    total, last = 0.0, -1
    for i in range(law.size):
        if law[i] > 0.0:
            total += law[i]
            last = i
            if u < total:
                break
    return last


@njit(cache=True)
def votes(law, log_weights, nodes, expert, task, temperature):  # type: ignore[no-untyped-def]
    # the experts' subgoals by weight; temperature 0 decodes the most likely one
    top = -math.inf
    for z in range(log_weights.size):
        top = max(top, log_weights[z])
    for g in range(law.size):
        law[g] = 0.0
    for z in range(log_weights.size):
        if log_weights[z] > -math.inf:
            law[expert[nodes[z], task]] += math.exp(log_weights[z] - top)
    most = 0.0
    for g in range(law.size):
        most = max(most, law[g])
    total, settled = 0.0, False
    for g in range(law.size):
        if temperature == 0.0:
            first = not settled and law[g] >= most * TIE
            settled = settled or first
            law[g] = 1.0 if first else 0.0
        elif temperature != 1.0:
            law[g] = (law[g] / most) ** (1.0 / temperature)
        total += law[g]
    for g in range(law.size):
        law[g] /= total


@njit(cache=True)
def see(log_weights, nodes, z, log_likelihood, child):  # type: ignore[no-untyped-def]
    # returns whether environment z is still possible
    log_weights[z] += log_likelihood
    nodes[z] = child
    return log_weights[z] > -math.inf


@njit(cache=True)
def against(log_weights, truth):  # type: ignore[no-untyped-def]
    # shifts the largest to 0 and returns 1 - w(truth) without cancellation
    top = -math.inf
    for z in range(log_weights.size):
        top = max(top, log_weights[z])
    others = 0.0
    for z in range(log_weights.size):
        log_weights[z] -= top
        if z != truth:
            others += math.exp(log_weights[z])
    return others / (math.exp(log_weights[truth]) + others)


@njit(cache=True)
def episode(  # type: ignore[no-untyped-def]
    u, task, explores, explore_law, temperature, within, nodes, law, believed, world
):
    # moves the log weights ``within`` through one episode; returns its loss, or NaN if nothing is possible
    root, log_start, child, log_step, expert = believed
    first, start, next_node, step, gap = world
    seen = draw(start, u[1])
    here = first[seen]
    alive = False
    for z in range(within.size):
        if within[z] > -math.inf:
            alive = see(within, nodes, z, log_start[z, seen], root[z, seen]) or alive
    loss = 0.0
    for h in range(explore_law.shape[0]):
        if not alive:
            break
        if explores:
            goal = draw(explore_law[h], u[2 + 2 * h])
        else:
            votes(law, within, nodes, expert, task, temperature)
            for g in range(law.size):
                loss += law[g] * gap[here, task, g]
            goal = draw(law, u[2 + 2 * h])
        seen = draw(step[here, goal], u[3 + 2 * h])
        here = next_node[here, goal, seen]
        alive = False
        for z in range(within.size):
            if within[z] > -math.inf:
                n = nodes[z]
                alive = see(within, nodes, z, log_step[n, goal, seen], child[n, goal, seen]) or alive
    return loss if alive else math.nan


@njit(cache=True, parallel=True)
def run(  # type: ignore[no-untyped-def]
    uniforms,
    tasks,
    explored,
    explore_law,
    temperature,
    log_prior,
    truth,
    settles,
    checkpoints,
    believed,
    world,
):
    # uniforms (R, T, 2H); checkpoints (C,), increasing: after how many episodes log weights are kept
    runs, episodes, _ = uniforms.shape
    loss, doubt = np.zeros((runs, episodes)), np.zeros((runs, episodes))
    kept = np.zeros((runs, checkpoints.size, log_prior.size))
    lost = np.zeros(runs, dtype=np.int64)
    for r in prange(runs):
        weights, law = log_prior.copy(), np.empty(explore_law.shape[1])
        nodes = np.empty(log_prior.size, dtype=np.int64)
        mark = 0
        for t in range(episodes):
            doubt[r, t] = against(weights, truth)
            if mark < checkpoints.size and checkpoints[mark] == t:
                for z in range(weights.size):
                    kept[r, mark, z] = weights[z]
                mark += 1
            if settles and doubt[r, t] < SETTLED:
                # every later episode follows the truth's expert and loses nothing unless it explores
                for later in range(t + 1, episodes):
                    doubt[r, later] = doubt[r, t]
                for m in range(mark, checkpoints.size):
                    for z in range(weights.size):
                        kept[r, m, z] = weights[z]
                break
            explores = uniforms[r, t, 0] < explored[t]
            loss[r, t] = episode(
                uniforms[r, t],
                tasks[t],
                explores,
                explore_law,
                temperature,
                weights,
                nodes,
                law,
                believed,
                world,
            )
            if math.isnan(loss[r, t]):
                lost[r] = t + 1
                break
    return loss, doubt, kept, lost
