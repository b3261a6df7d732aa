"""Compiled episodes on graphs of beliefs: follow one node per environment and add up logarithms."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

TIE = 1.0 - 1e-12


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
    law[:] = 0.0
    top = log_weights.max()
    for z in range(nodes.size):
        if log_weights[z] > -math.inf:
            law[expert[nodes[z], task]] += math.exp(log_weights[z] - top)
    most = law.max()
    if temperature == 0.0:
        first = 0
        while law[first] < most * TIE:
            first += 1
        law[:] = 0.0
        law[first] = 1.0
        return
    if temperature != 1.0:
        for g in range(law.size):
            law[g] = (law[g] / most) ** (1.0 / temperature)
    law /= law.sum()


@njit(cache=True)
def see(log_weights, nodes, log_likelihood, child):  # type: ignore[no-untyped-def]
    # log_likelihood and child (Z,); returns whether any environment is left
    left = False
    for z in range(nodes.size):
        if log_weights[z] > -math.inf:
            log_weights[z] += log_likelihood[z]
            nodes[z] = child[z]
            left = left or log_weights[z] > -math.inf
    return left


@njit(cache=True)
def against(log_weights, truth):  # type: ignore[no-untyped-def]
    # shifts the largest to 0 and returns 1 - w(truth) without cancellation
    log_weights -= log_weights.max()
    others = 0.0
    for z in range(log_weights.size):
        if z != truth:
            others += math.exp(log_weights[z])
    return others / (math.exp(log_weights[truth]) + others)


@njit(cache=True, parallel=True)
def run(  # type: ignore[no-untyped-def]
    uniforms, tasks, explored, explore_law, temperature, log_prior, truth, checkpoints, believed, world
):
    # uniforms (R, T, 2H); checkpoints (C,), increasing: after how many episodes log weights are kept
    root, log_start, child, log_step, expert = believed
    first, start, next_node, step, gap = world
    runs, episodes, _ = uniforms.shape
    decisions, goals = explore_law.shape
    environments = log_prior.size
    loss, doubt = np.zeros((runs, episodes)), np.zeros((runs, episodes))
    kept = np.zeros((runs, checkpoints.size, environments))
    lost = np.zeros(runs, dtype=np.int64)
    for r in prange(runs):
        weights, within = log_prior.copy(), np.empty(environments)
        nodes, after = np.empty(environments, dtype=np.int64), np.empty(environments, dtype=np.int64)
        told = np.empty(environments)
        law = np.empty(goals)
        mark = 0
        for t in range(episodes):
            doubt[r, t] = against(weights, truth)
            if mark < checkpoints.size and checkpoints[mark] == t:
                kept[r, mark] = weights
                mark += 1
            within[:] = weights
            u = uniforms[r, t]
            explores = u[0] < explored[t]
            seen = draw(start, u[1])
            here = first[seen]
            alive = see(within, nodes, log_start[:, seen], root[:, seen])
            for h in range(decisions):
                if not alive:
                    break
                if explores:
                    law[:] = explore_law[h]
                else:
                    votes(law, within, nodes, expert, tasks[t], temperature)
                    for g in range(goals):
                        loss[r, t] += law[g] * gap[here, tasks[t], g]
                goal = draw(law, u[2 + 2 * h])
                seen = draw(step[here, goal], u[3 + 2 * h])
                for z in range(environments):
                    if within[z] > -math.inf:
                        told[z] = log_step[nodes[z], goal, seen]
                        after[z] = child[nodes[z], goal, seen]
                here = next_node[here, goal, seen]
                alive = see(within, nodes, told, after)
            if not alive:
                lost[r] = t + 1
                break
            weights[:] = within
    return loss, doubt, kept, lost
