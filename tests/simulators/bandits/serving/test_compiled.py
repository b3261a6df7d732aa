"""The compiled loop against continuous batching written out in plain Python, number for number."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.bandits import (
    UCB1,
    EpsilonGreedy,
    Greedy,
    ReleasedUCB,
    RoundRobin,
    SlidingWindowUCB,
    UCBSpec,
)
from tightbound.simulators.bandits.serving import (
    AcceptanceEMA,
    Clairvoyant,
    FixedLength,
    LengthBandit,
    LengthTable,
    PoissonTraffic,
    RequestThompson,
    RoundView,
    Server,
    ServingTrace,
    reward_ranges,
    serve,
    workload_from_acceptance,
)
from tightbound.theory.bandits.serving import RoundLatency

LENGTHS = (0, 1, 2, 3, 4)
relaxed = settings(deadline=None, derandomize=True, max_examples=25)


def reference(load, policy, server, *, limit=None, rng=None) -> ServingTrace:  # type: ignore[no-untyped-def]
    latency = server.latency
    size = len(load)
    need = load.prompt + load.output + load.max_gamma + 1
    left = load.output.sum() if limit is None else limit
    state = policy.init(server, load.max_gamma, np.random.default_rng(rng))
    admitted, first, finished = np.full((3, size), np.inf)
    done = np.zeros(size, dtype=np.int64)
    active: list[int] = []
    steps = []
    now, head, previous = 0.0, 0, 0

    def end_of_step() -> list[int]:
        for request in active:
            if done[request] == load.output[request]:
                finished[request] = now
        return [request for request in active if done[request] < load.output[request]]

    def reserved() -> int:
        return sum(int(need[request]) for request in active)

    while left > 0 and (head < size or active):
        if not active and np.all(load.arrival[head:] > now):
            now = load.arrival[head]
        arrived = int(np.count_nonzero(load.arrival <= now))
        joined: list[int] = []
        taken = reserved()
        while head < arrived and len(active) + len(joined) < server.max_batch:
            if taken + need[head] > server.kv_tokens:
                break
            taken += need[head]
            joined.append(head)
            head += 1
        if joined:
            seconds = float(latency.verify_time(load.prompt[joined].sum(), 0))
            steps.append(
                (now, seconds, True, len(joined), arrived - head, head < arrived, 0, len(joined), -1)
            )
            admitted[joined] = now
            now += seconds
            first[joined] = now
            done[joined] = 1
            active += joined
            active = end_of_step()
            continue
        batch = np.array(active)
        context = int(load.prompt[batch].sum() + done[batch].sum())
        view = RoundView(now, batch, load.category[batch], context, load.acceptance[batch])
        lengths = policy.choose(state, view)
        each = np.broadcast_to(lengths, batch.shape)
        tokens = np.minimum(load.ahead[load.start[batch] + done[batch]], each).astype(np.int64) + 1
        seconds = float(latency.verify_time(batch.size + each.sum(), context))
        if isinstance(lengths, np.ndarray):
            for step in range(1, each.max() + 1):
                seconds += float(latency.draft_time(np.count_nonzero(each >= step)))
        else:
            seconds += lengths * float(latency.draft_time(batch.size))
        if each.max() != previous:
            seconds += server.switch_seconds
        previous = each.max()
        policy.update(state, view, lengths, tokens, seconds)
        useful = np.minimum(tokens, load.output[batch] - done[batch])
        full = batch.size == server.max_batch or (head < size and reserved() + need[head] > server.kv_tokens)
        steps.append(
            (
                now,
                seconds,
                False,
                batch.size,
                arrived - head,
                full,
                each.sum(),
                useful.sum(),
                each.max(),
            )
        )
        now += seconds
        done[batch] += useful
        left -= useful.sum()
        active = end_of_step()
    columns = (np.array(column) for column in zip(*steps, strict=True))
    return ServingTrace(load.arrival, admitted, first, finished, done, load.category, *columns)


def assert_same(found: ServingTrace, expected: ServingTrace) -> None:
    for field in dataclasses.fields(ServingTrace):
        got, wanted = getattr(found, field.name), getattr(expected, field.name)
        assert got.dtype.kind == wanted.dtype.kind, field.name
        np.testing.assert_array_equal(got, wanted, err_msg=field.name)


class Uneven(FixedLength):
    def choose(self, state, view):  # type: ignore[no-untyped-def]
        return view.requests % (self.length + 1)


bandits = st.sampled_from(
    [
        Greedy(),
        ReleasedUCB(warmup=7),
        RoundRobin(),
        SlidingWindowUCB(window=10**9, xi=0.02),
        SlidingWindowUCB(window=12, xi=0.02),
        UCB1(),
        UCBSpec(scale=0.1),
        EpsilonGreedy(c=0.5),
    ]
)
plain = st.sampled_from(
    [
        FixedLength(0),
        FixedLength(4),
        LengthTable((4, 4, 2, 1)),
        Uneven(3),
        AcceptanceEMA(),
        RequestThompson(),
        Clairvoyant(),
    ]
)
latencies = st.sampled_from([RoundLatency(), RoundLatency(draft_flop=1e15, flop_rate=1e13)])
servers = st.builds(
    Server,
    latency=latencies,
    max_batch=st.integers(1, 12),
    kv_tokens=st.integers(2500, 6000),
    switch_seconds=st.sampled_from([0.0, 0.02]),
)
loads = st.builds(
    lambda rate, requests, seed: PoissonTraffic(requests=requests, rates=(rate,)).draw(seed),
    st.floats(0.3, 20.0),
    st.integers(1, 25),
    st.integers(0, 99),
)
limits = st.none() | st.integers(1, 2000)


@relaxed
@given(loads, plain, servers, limits)
def test_every_rule_runs_as_in_plain_python(load, policy, server, limit) -> None:  # type: ignore[no-untyped-def]
    if int((load.prompt + load.output).max()) + load.max_gamma + 1 > server.kv_tokens:
        return
    arguments = {"limit": limit, "rng": 3}
    assert_same(serve(load, policy, server, **arguments), reference(load, policy, server, **arguments))


@relaxed
@given(loads, bandits, st.sampled_from([(), (2, 5)]), servers, limits)
def test_every_bandit_plays_as_in_plain_python(load, bandit, edges, server, limit) -> None:  # type: ignore[no-untyped-def]
    if int((load.prompt + load.output).max()) + load.max_gamma + 1 > server.kv_tokens:
        return
    policy = LengthBandit(bandit, LENGTHS, reward_ranges(server, LENGTHS, edges), edges)
    arguments = {"limit": limit, "rng": 3}
    assert_same(serve(load, policy, server, **arguments), reference(load, policy, server, **arguments))


def test_a_long_run_of_the_bandits_plays_as_in_plain_python() -> None:
    load = PoissonTraffic(requests=120, rates=(12.0,)).draw(5)
    for bandit in (SlidingWindowUCB(window=300, xi=0.02), UCBSpec(), ReleasedUCB()):
        lengths = LENGTHS[1:] if isinstance(bandit, ReleasedUCB) else LENGTHS
        server = Server(max_batch=32)
        policy = LengthBandit(bandit, lengths, reward_ranges(server, lengths, (8, 16)), (8, 16))
        assert_same(serve(load, policy, server, rng=0), reference(load, policy, server, rng=0))


def test_what_is_compiled_is_what_the_class_itself_defines() -> None:
    class Half(SlidingWindowUCB):
        def choose(self, state, uniform):  # type: ignore[no-untyped-def]
            return super().choose(state, uniform) // 2

    server, ranges = Server(), reward_ranges(Server(), LENGTHS)
    assert LengthBandit(SlidingWindowUCB(window=9), LENGTHS, ranges).kernel_rule(server, 10) is not None
    for bandit, lengths in ((Half(window=9), LENGTHS), (EpsilonGreedy(c=0.5), LENGTHS), (UCB1(), (2, 2))):
        assert LengthBandit(bandit, lengths, ranges).kernel_rule(server, 10) is None
    load = workload_from_acceptance([0.0], [10], [40], [0.5], max_gamma=4, rng=0)
    policy = LengthBandit(Half(window=9), LENGTHS, ranges)
    assert serve(load, policy, server).length.max() <= 2


def test_inputs_are_not_touched_and_may_be_read_only() -> None:
    load = workload_from_acceptance([0.0, 0.1], [10, 20], [40, 30], [0.5, 0.2], max_gamma=4, rng=0)
    before = [load.prompt.copy(), load.output.copy(), load.ahead.copy()]
    for array in (load.arrival, load.prompt, load.output, load.ahead):
        array.flags.writeable = False
    serve(load, FixedLength(3), Server())
    for array, copy in zip((load.prompt, load.output, load.ahead), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_refusals_of_the_compiled_loop_name_argument_and_remedy() -> None:
    load = workload_from_acceptance([0.0, 0.0], [10, 10], [40, 40], [0.5, 0.5], max_gamma=4, rng=0)
    for policy in (
        LengthTable((1, 5)),
        LengthBandit(RoundRobin(), (1, 5), reward_ranges(Server(), (1, 5))),
    ):
        with pytest.raises(ValueError, match=r"chose 5 for 2 requests.*max_gamma=4; lower"):
            serve(load, policy, Server())
    narrow = LengthBandit(RoundRobin(), LENGTHS, ((0.0, 9.0), (0.0, 7.0)), (2,))
    with pytest.raises(ValueError, match=r"reward \d+\.?\d* tokens/s left.*\[0, 7\] at batch size 2: widen"):
        serve(load, narrow, Server())
