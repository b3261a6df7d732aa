import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.bandits.serving import (
    AcceptanceEMA,
    Clairvoyant,
    FixedLength,
    LengthTable,
    PoissonTraffic,
    RequestThompson,
    Server,
    ServingTrace,
    serve,
    workload_from_acceptance,
)
from tightbound.theory.bandits.serving import RoundLatency, optimal_speculation_length, speculative_throughput

relaxed = settings(deadline=None, derandomize=True, max_examples=25)
policies = st.sampled_from(
    [
        FixedLength(0),
        FixedLength(4),
        LengthTable((4, 4, 2, 1)),
        AcceptanceEMA(),
        RequestThompson(),
        Clairvoyant(),
    ]
)
servers = st.builds(
    Server,
    max_batch=st.integers(1, 12),
    kv_tokens=st.integers(3000, 6000),
    switch_seconds=st.sampled_from([0.0, 0.02]),
)
traffics = st.builds(
    PoissonTraffic,
    requests=st.integers(1, 60),
    rates=st.tuples(st.floats(0.2, 5.0), st.floats(0.2, 20.0)),
    phases=st.tuples(st.floats(0.5, 10.0)),
    mixes=st.sampled_from([((1.0, 0.0, 0.0),), ((1.0, 0.0, 0.0), (0.0, 0.2, 0.8))]),
    holding=st.floats(1.0, 10.0),
)


def in_system(trace: ServingTrace) -> float:
    """Time integral of the number of requests in the system, from events alone."""
    times = np.concatenate((trace.arrival, trace.finished))
    jumps = np.concatenate((np.ones(trace.arrival.size), -np.ones(trace.finished.size)))
    order = np.argsort(times, kind="stable")
    return float(np.cumsum(jumps[order])[:-1] @ np.diff(times[order]))


@relaxed
@given(traffics, policies, servers, st.integers(0, 99))
def test_invariants(traffic, policy, server, seed) -> None:  # type: ignore[no-untyped-def]
    load = traffic.draw(seed)
    if int((load.prompt + load.output).max()) + load.max_gamma + 1 > server.kv_tokens:
        return
    trace = serve(load, policy, server, rng=seed)
    # Tokens are conserved, and no step hands out more than it drafted plus one per request.
    np.testing.assert_array_equal(trace.tokens, load.output)
    assert trace.delivered.sum() == load.output.sum()
    assert np.all(trace.delivered <= trace.drafted + trace.batch)
    assert np.all(trace.delivered >= trace.batch)
    # Nobody is served before arriving, and service is first come, first served.
    assert np.all(trace.admitted >= load.arrival)
    assert np.all(trace.first > trace.admitted)
    assert np.all(trace.finished >= trace.first)
    assert np.all(np.diff(trace.admitted) >= 0)
    # Steps follow one another without overlap; the server idles only when the system is empty.
    ends = trace.start + trace.seconds
    gaps = trace.start[1:] - ends[:-1]
    assert np.all(gaps >= -1e-9)
    for step in np.flatnonzero(gaps > 1e-9):
        assert np.all((trace.finished <= ends[step] + 1e-9) | (load.arrival >= trace.start[step + 1] - 1e-9))
    # Waiting requests wait only for room.
    assert not np.any((trace.waiting > 0) & ~trace.blocked)
    assert trace.batch.max() <= server.max_batch
    # Little's law over the whole run is an identity.
    assert in_system(trace) == pytest.approx(float(np.sum(trace.finished - load.arrival)), rel=1e-9)


def test_littles_law_in_the_long_run() -> None:
    rate, wait, number = 4.0, [], []
    for seed in range(12):
        load = PoissonTraffic(requests=400, rates=(rate,)).draw(seed)
        trace = serve(load, FixedLength(2), Server())
        horizon = float(trace.finished.max())
        wait.append(rate * float(np.mean(trace.finished - load.arrival)))
        number.append(in_system(trace) / horizon)
    difference = np.array(wait) - np.array(number)
    assert abs(difference.mean()) <= 5 * difference.std(ddof=1) / np.sqrt(difference.size)


@pytest.mark.parametrize(("batch", "alpha"), [(1, 0.7), (8, 0.7), (24, 0.6), (60, 0.5), (200, 0.7)])
def test_closed_form_at_a_fixed_batch(batch: int, alpha: float) -> None:
    # Without keys and values the context drops out, so rounds at a full batch follow the closed form.
    latency = RoundLatency(kv_bytes=0.0)
    server = Server(latency=latency, max_batch=batch, kv_tokens=10**9)
    requests = np.zeros(batch)
    load = workload_from_acceptance(
        requests, requests + 10, requests + 4000, requests + alpha, max_gamma=4, rng=3
    )
    measured = []
    for gamma in range(5):
        trace = serve(load, FixedLength(gamma), server)
        full = ~trace.prefill & (trace.batch == batch) & (trace.delivered.cumsum() < 3000 * batch)
        rates = trace.delivered[full] / trace.seconds[full]
        measured.append(rates.mean())
        expected = float(speculative_throughput(batch, gamma, alpha, 0.0, latency))
        if gamma == 0:
            np.testing.assert_allclose(rates, expected, rtol=1e-12)
        else:
            assert abs(rates.mean() - expected) <= 5 * rates.std(ddof=1) / np.sqrt(rates.size)
    assert int(np.argmax(measured)) == int(optimal_speculation_length(batch, alpha, 4, 0.0, latency))


def test_same_rng_same_run_and_different_rng_differs() -> None:
    traffic = PoissonTraffic(requests=80, rates=(6.0,))
    runs = [serve(traffic.draw(5), RequestThompson(), Server(), rng=7) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].finished, runs[1].finished)
    np.testing.assert_array_equal(runs[0].drafted, runs[1].drafted)
    other = serve(traffic.draw(5), RequestThompson(), Server(), rng=8)
    assert not np.array_equal(other.drafted, runs[0].drafted)


def test_switching_is_charged_once_per_change() -> None:
    load = workload_from_acceptance([0.0, 0.0], [10, 10], [40, 5], [0.0, 0.0], max_gamma=4, rng=0)
    policy = LengthTable((1, 3))
    free = serve(load, policy, Server())
    paid = serve(load, policy, Server(switch_seconds=0.5))
    assert paid.finished.max() - free.finished.max() == pytest.approx(2 * 0.5)  # 0 -> 3 -> 1


def test_ragged_round_runs_each_draft_step_for_those_who_need_it() -> None:
    class Uneven(FixedLength):
        def choose(self, state, view):  # type: ignore[no-untyped-def]
            return np.array([3, 1])[: view.requests.size]

    latency = RoundLatency(kv_bytes=0.0, draft_flop=1e15)
    load = workload_from_acceptance([0.0, 0.0], [10, 10], [2, 2], [0.0, 0.0], max_gamma=4, rng=0)
    trace = serve(load, Uneven(3), Server(latency=latency))
    expected = (
        float(latency.verify_time(6, 0)) + float(latency.draft_time(2)) + 2 * float(latency.draft_time(1))
    )
    assert trace.seconds[-1] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("policy", "server", "words"),
    [
        (FixedLength(5), Server(), ("max_gamma=4", "lower")),
        (FixedLength(1), Server(kv_tokens=20), ("kv_tokens", "raise")),
    ],
)
def test_bad_runs_are_refused(policy, server, words) -> None:  # type: ignore[no-untyped-def]
    load = workload_from_acceptance([0.0], [10], [10], [0.5], max_gamma=4, rng=0)
    with pytest.raises(ValueError, match=r".") as caught:
        serve(load, policy, server)
    for word in words:
        assert word in str(caught.value)


def test_server_limits() -> None:
    with pytest.raises(ValueError, match=r"max_batch=0.*at least 1"):
        Server(max_batch=0)
    with pytest.raises(ValueError, match=r"switch_seconds.*at least 0"):
        Server(switch_seconds=-1.0)
