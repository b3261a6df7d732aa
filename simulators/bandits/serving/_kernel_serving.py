"""Compiled continuous batching: admission, rounds, and the policies that need nothing but numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits._kernel_index import (
    choose_index,
    choose_ucb_spec,
    update_index,
    update_ucb_spec,
)

HEAD, ARRIVED, BATCH, RESERVED, CONTEXT, PREVIOUS, LEFT, STEPS = range(8)
FINISHED, BAD_LENGTH, BAD_REWARD = range(3)
UCB_SPEC, ROUND_ROBIN = codes.UCB_SPEC, codes.ROUND_ROBIN


class Requests(NamedTuple):
    """What comes in, (N,) each, and the accepted drafts ahead of every position."""

    arrival: NDArray[np.float64]
    prompt: NDArray[np.int64]
    output: NDArray[np.int64]
    need: NDArray[np.int64]
    start: NDArray[np.int64]
    ahead: NDArray[np.uint8]


class Machine(NamedTuple):
    """Limits, and prices in seconds; ``draft[b]`` is one draft step of b requests."""

    max_batch: int
    kv_tokens: int
    max_gamma: int
    weights: float
    token: float
    cached: float
    overhead: float
    switch: float
    draft: NDArray[np.float64]


class Progress(NamedTuple):
    """How far the run is; ``active``, ``lengths`` and ``tokens`` have room for the largest batch."""

    admitted: NDArray[np.float64]
    first: NDArray[np.float64]
    finished: NDArray[np.float64]
    done: NDArray[np.int64]
    active: NDArray[np.int64]
    lengths: NDArray[np.int64]
    tokens: NDArray[np.int64]
    counts: NDArray[np.int64]
    clock: NDArray[np.float64]


class Steps(NamedTuple):
    """One entry per step, in the order of `ServingTrace`."""

    start: NDArray[np.float64]
    seconds: NDArray[np.float64]
    prefill: NDArray[np.bool_]
    batch: NDArray[np.int64]
    waiting: NDArray[np.int64]
    blocked: NDArray[np.bool_]
    drafted: NDArray[np.int64]
    delivered: NDArray[np.int64]
    length: NDArray[np.int64]


@njit(cache=True)
def note(steps, progress, seconds, prefill, batch, blocked, drafted, delivered, length):  # type: ignore[no-untyped-def]
    counts = progress.counts
    step = counts[STEPS]
    steps.start[step] = progress.clock[0]
    steps.seconds[step] = seconds
    steps.prefill[step] = prefill
    steps.batch[step] = batch
    steps.waiting[step] = counts[ARRIVED] - counts[HEAD]
    steps.blocked[step] = blocked
    steps.drafted[step] = drafted
    steps.delivered[step] = delivered
    steps.length[step] = length
    counts[STEPS] = step + 1


@njit(cache=True)
def retire(requests, progress):  # type: ignore[no-untyped-def]
    # take finished requests out of the batch, which keeps its order, and free their cache
    counts, active = progress.counts, progress.active
    kept = 0
    for i in range(counts[BATCH]):
        request = active[i]
        if progress.done[request] < requests.output[request]:
            active[kept] = request
            kept += 1
        else:
            progress.finished[request] = progress.clock[0]
            counts[RESERVED] -= requests.need[request]
            counts[CONTEXT] -= requests.prompt[request] + requests.output[request]
    counts[BATCH] = kept


@njit(cache=True)
def admit(requests, machine, progress, steps):  # type: ignore[no-untyped-def]
    # let requests join and read their prompts until a round is due; false where none is left to play
    counts, clock, arrival = progress.counts, progress.clock, requests.arrival
    size = arrival.size
    while counts[LEFT] > 0 and (counts[HEAD] < size or counts[BATCH] > 0):
        if counts[BATCH] == 0 and counts[HEAD] == counts[ARRIVED]:
            clock[0] = max(clock[0], arrival[counts[HEAD]])
        while counts[ARRIVED] < size and arrival[counts[ARRIVED]] <= clock[0]:
            counts[ARRIVED] += 1
        head, batch, prompts = counts[HEAD], counts[BATCH], 0
        while head < counts[ARRIVED] and batch < machine.max_batch:
            if counts[RESERVED] + requests.need[head] > machine.kv_tokens:
                break
            counts[RESERVED] += requests.need[head]
            prompts += requests.prompt[head]
            progress.active[batch] = head
            batch += 1
            head += 1
        joined = batch - counts[BATCH]
        if joined == 0:
            return True
        counts[HEAD] = head
        seconds = max(machine.token * prompts, machine.weights) + machine.overhead
        note(steps, progress, seconds, True, joined, head < counts[ARRIVED], 0, joined, -1)
        begin = clock[0]
        clock[0] += seconds
        for i in range(counts[BATCH], batch):
            request = progress.active[i]
            progress.admitted[request] = begin
            progress.first[request] = clock[0]
            progress.done[request] = 1
        counts[BATCH] = batch
        counts[CONTEXT] += prompts + joined
        retire(requests, progress)
    return False


@njit(cache=True)
def play(requests, machine, progress, steps, ragged):  # type: ignore[no-untyped-def]
    # draft lengths[i] tokens for request i of the batch, verify and deliver; tokens[i] includes what an
    # ended output drops
    counts, active, lengths, tokens = progress.counts, progress.active, progress.lengths, progress.tokens
    batch = counts[BATCH]
    longest, drafted, delivered = 0, 0, 0
    for i in range(batch):
        request = active[i]
        longest = max(longest, lengths[i])
        drafted += lengths[i]
        position = requests.start[request] + progress.done[request]
        tokens[i] = min(np.int64(requests.ahead[position]), lengths[i]) + 1
        useful = min(tokens[i], requests.output[request] - progress.done[request])
        progress.done[request] += useful
        delivered += useful
    seconds = (
        max(machine.weights, machine.token * (batch + drafted))
        + machine.cached * counts[CONTEXT]
        + machine.overhead
    )
    if ragged:  # draft step k runs the requests that draft at least k tokens
        for step in range(1, longest + 1):
            running = 0
            for i in range(batch):
                running += lengths[i] >= step
            seconds += machine.draft[running]
    else:
        seconds += longest * machine.draft[batch]
    if longest != counts[PREVIOUS]:
        seconds += machine.switch
    counts[PREVIOUS] = longest
    head = counts[HEAD]
    full = batch == machine.max_batch or (
        head < requests.arrival.size and counts[RESERVED] + requests.need[head] > machine.kv_tokens
    )
    note(steps, progress, seconds, False, batch, full, drafted, delivered, longest)
    progress.clock[0] += seconds
    counts[CONTEXT] += delivered
    counts[LEFT] -= delivered
    retire(requests, progress)
    return seconds


@njit(cache=True)
def run_table(requests, machine, progress, steps, rule):  # type: ignore[no-untyped-def]
    # returns a status; a length that is not allowed is left in lengths[0]
    while admit(requests, machine, progress, steps):
        length = rule.lengths[progress.counts[BATCH]]
        progress.lengths[:] = length
        if length > machine.max_gamma:
            return BAD_LENGTH
        play(requests, machine, progress, steps, False)
    return FINISHED


@njit(cache=True)
def run_bandit(requests, machine, progress, steps, rule):  # type: ignore[no-untyped-def]
    # returns a status, and the reward and the range that it has left
    revealed = np.zeros(rule.lengths.size)
    while admit(requests, machine, progress, steps):
        batch = progress.counts[BATCH]
        state = np.searchsorted(rule.edges, batch, side="right")
        memory, scratch, rounds = rule.memory[state], rule.scratch[state], rule.rounds[state]
        if rule.code == UCB_SPEC:
            arm = choose_ucb_spec(memory, rounds)
        elif rule.code == ROUND_ROBIN:
            arm = rounds % rule.lengths.size
        else:
            arm = choose_index(rule.code, memory, scratch, rule.par, rule.vec, rounds)
        length = rule.lengths[arm]
        progress.lengths[:] = length
        if length > machine.max_gamma:
            return BAD_LENGTH, 0.0, 0
        seconds = play(requests, machine, progress, steps, False)
        total = 0
        for i in range(batch):
            total += progress.tokens[i]
        reward = total / seconds
        low, high = rule.ranges[state, 0], rule.ranges[state, 1]
        if not low <= reward <= high:
            return BAD_REWARD, reward, state
        y = 1.0 + np.rint(rule.steps * (reward - low) / (high - low))
        memory[0, arm] += 1.0
        memory[1, arm] += y
        rule.rounds[state] = rounds + 1
        if rule.code == UCB_SPEC:
            update_ucb_spec(memory, rule.par, arm)
        elif rule.code != ROUND_ROBIN:
            update_index(rule.code, memory, scratch, rule.par, arm, y, revealed, rounds + 1)
    return FINISHED, 0.0, 0
