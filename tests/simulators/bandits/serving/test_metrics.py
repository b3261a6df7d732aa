import math
from dataclasses import replace

import numpy as np
import pytest

from tightbound.simulators.bandits.serving import (
    METRICS,
    FixedLength,
    PoissonTraffic,
    RequestThompson,
    Server,
    ServiceObjective,
    StaticBatch,
    decode_throughput,
    serve,
    simulate_serving,
    summarise,
    workload_from_acceptance,
)


def test_metrics_of_a_run_that_can_be_done_by_hand() -> None:
    # Two requests that do not overlap, no drafts: one pass for the prompt, then one per further token.
    load = workload_from_acceptance([0.0, 10.0], [10, 10], [3, 5], [0.0, 0.0], max_gamma=1, rng=0)
    server = Server(latency=replace(Server().latency, kv_bytes=0.0))
    trace = serve(load, FixedLength(0), server)
    step = float(server.latency.verify_time(1, 0))
    found = summarise(trace, ServiceObjective(ttft=2 * step, tpot=2 * step), warmup=0.0)
    assert found["ttft_p50"] == pytest.approx(float(server.latency.verify_time(10, 0)))
    assert found["tpot_mean"] == pytest.approx(step)
    assert found["throughput"] == pytest.approx(0.3)  # the first request's 3 tokens in 10 seconds
    assert found["goodput"] == pytest.approx(0.2)
    assert (found["mean_batch"], found["mean_length"]) == (1.0, 0.0)
    strict = summarise(trace, ServiceObjective(ttft=2 * step, tpot=0.5 * step), warmup=0.0)
    assert strict["goodput"] == 0.0


def test_replications_are_paired_across_policies_and_repeatable() -> None:
    traffic = PoissonTraffic(requests=120, rates=(3.0,))
    first = simulate_serving(traffic, RequestThompson(), Server(), replications=3, rng=4)
    second = simulate_serving(traffic, RequestThompson(), Server(), replications=3, rng=4)
    for metric in METRICS:
        np.testing.assert_array_equal(first.samples[metric], second.samples[metric])
    rival = simulate_serving(traffic, FixedLength(1), Server(), replications=3, rng=4)
    # Far below capacity both deliver what arrives, which is the same.
    np.testing.assert_allclose(rival.samples["throughput"], first.samples["throughput"], rtol=0.05)


def test_standard_errors_come_from_independent_replications() -> None:
    traffic = PoissonTraffic(requests=120, rates=(3.0,))
    result = simulate_serving(traffic, FixedLength(1), Server(), replications=5, rng=4)
    for metric in METRICS:
        values = result.samples[metric]
        assert result.value[metric] == pytest.approx(values.mean())
        assert result.standard_error[metric] == pytest.approx(values.std(ddof=1) / math.sqrt(5))
    alone = simulate_serving(traffic, FixedLength(1), Server(), replications=1, rng=4)
    assert alone.standard_error["throughput"] == math.inf


def test_static_batch_keeps_its_size_until_the_limit() -> None:
    model = StaticBatch(smallest=7, largest=7, tokens=50)
    acceptance = model.draw_acceptance(np.random.default_rng(1))
    for length in range(5):
        trace = serve(model.draw(acceptance, 2), FixedLength(length), Server(), limit=350)
        rounds = ~trace.prefill
        assert set(trace.batch[rounds]) == {7}
        assert 350 <= trace.delivered[rounds].sum() < 350 + 7 * 5
        assert np.all(np.isinf(trace.finished))
    assert decode_throughput(trace) == pytest.approx(
        trace.delivered[rounds].sum() / trace.seconds[rounds].sum()
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ServiceObjective(ttft=0.0), ("ttft", "above 0")),
        (lambda: StaticBatch(smallest=0), ("smallest", "1 <= smallest")),
        (lambda: StaticBatch(tokens=0), ("tokens", "at least 1")),
        (lambda: StaticBatch(factors=()), ("factors", "(0, 1]")),
        (lambda: StaticBatch(acceptance=(0.0, 1.0)), ("acceptance", "positive")),
        (
            lambda: simulate_serving(
                PoissonTraffic(requests=9, rates=(1.0,)), FixedLength(0), Server(), replications=0
            ),
            ("replications", "at least 1"),
        ),
        (lambda: summarise(one_request(), warmup=1.0), ("warmup", "[0, 1)")),
        (lambda: summarise(one_request()), ("no time", "more requests")),
        (
            lambda: serve(StaticBatch().draw(np.array([0.5]), 0), FixedLength(0), Server(), limit=0),
            ("limit", "at least 1"),
        ),
    ],
)
def test_bad_input_names_argument_and_remedy(call, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r".") as caught:
        call()
    for word in words:
        assert word in str(caught.value)


def one_request():  # type: ignore[no-untyped-def]
    return serve(
        workload_from_acceptance([0.0], [1], [2], [0.0], max_gamma=1, rng=0), FixedLength(0), Server()
    )
