import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.bandits.serving import (
    RoundLatency,
    crossover_batch,
    optimal_ragged_lengths,
    optimal_speculation_length,
    roofline_round_time,
    speculative_throughput,
)

relaxed = settings(deadline=None, derandomize=True, max_examples=40)
probability = st.floats(0.0, 0.99)


def test_defaults_are_the_documented_accelerator() -> None:
    latency = RoundLatency()
    assert latency.crossover_tokens == pytest.approx(156e12 / 1.555e12)
    weights = 16e9 / 1.555e12
    assert float(roofline_round_time(1, 0)) == pytest.approx(weights + 2e-3)
    assert float(roofline_round_time(1, 0, 1000)) == pytest.approx(weights + 2e-3 + 1000 * 131072 / 1.555e12)
    assert float(roofline_round_time(200, 4)) == pytest.approx(
        1000 * 16e9 / 156e12 + 2e-3 + 4 * (200 * 1.5e9 / 156e12 + 0.5e-3)
    )


@relaxed
@given(st.integers(1, 300), st.integers(0, 8), probability, st.floats(0, 5000))
def test_throughput_is_tokens_over_time(batch: int, gamma: int, alpha: float, context: float) -> None:
    tokens = batch * sum(alpha**k for k in range(gamma + 1))
    expected = tokens / float(roofline_round_time(batch, gamma, context))
    assert float(speculative_throughput(batch, gamma, alpha, context)) == pytest.approx(expected, rel=1e-12)


@relaxed
@given(st.integers(1, 300), probability, st.integers(0, 6), st.floats(0, 5000))
def test_optimal_length_is_the_first_maximum(batch: int, alpha: float, longest: int, context: float) -> None:
    rates = [float(speculative_throughput(batch, gamma, alpha, context)) for gamma in range(longest + 1)]
    assert int(optimal_speculation_length(batch, alpha, longest, context)) == int(np.argmax(rates))


@relaxed
@given(st.lists(st.floats(0.02, 0.98), min_size=1, max_size=4), st.integers(0, 3), st.floats(0, 3000))
def test_ragged_lengths_match_enumeration(alphas: list[float], longest: int, context: float) -> None:
    latency = RoundLatency(flop_rate=2e12, draft_flop=0.0)  # the batch of four is bound by arithmetic

    def rate(lengths: tuple[int, ...]) -> float:
        tokens = sum(sum(a**k for k in range(g + 1)) for a, g in zip(alphas, lengths, strict=True))
        work = float(latency.verify_time(sum(lengths) + len(lengths), len(alphas) * context))
        return tokens / (work + max(lengths) * float(latency.draft_time(len(alphas))))

    best = max(rate(lengths) for lengths in itertools.product(range(longest + 1), repeat=len(alphas)))
    found = optimal_ragged_lengths(alphas, longest, context, latency)
    assert rate(tuple(found.tolist())) == pytest.approx(best, rel=1e-12)


@relaxed
@given(probability, st.integers(1, 6), st.floats(0, 700))
def test_crossover_agrees_with_a_scan(alpha: float, longest: int, context: float) -> None:
    first = crossover_batch(alpha, longest, context)
    lengths = optimal_speculation_length(np.arange(1, 4001), alpha, longest, context)
    speculating = np.flatnonzero(lengths > 0)
    scanned = 1 if speculating.size == 0 else int(speculating[-1]) + 2
    if math.isfinite(first) and first <= 4000:
        assert scanned == first
    else:
        assert scanned > 1


def test_long_contexts_always_speculate() -> None:
    assert crossover_batch(0.7, 4, context=8000) == math.inf
    assert int(optimal_speculation_length(10**6, 0.7, 4, context=8000)) > 0
    assert crossover_batch(0.0, 4) == 1.0


def test_throughput_falls_to_no_speculation_as_the_batch_grows() -> None:
    lengths = optimal_speculation_length(np.arange(1, 301), 0.7, 8)
    assert lengths[0] == 4
    assert np.all(np.diff(lengths) <= 0)
    assert lengths[-1] == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: RoundLatency(bandwidth=0.0), ("bandwidth", "above 0")),
        (lambda: RoundLatency(overhead=float("nan")), ("overhead", "at least 0")),
        (lambda: RoundLatency(kv_bytes=-1.0), ("kv_bytes", "at least 0")),
        (lambda: roofline_round_time(0, 1), ("batch", "at least 1")),
        (lambda: roofline_round_time(1, -1), ("gamma", "at least 0")),
        (lambda: roofline_round_time(1, 1, float("inf")), ("context", "finite")),
        (lambda: speculative_throughput(1, 1, 1.0), ("alpha", "[0, 1)")),
        (lambda: speculative_throughput(1, 1, float("nan")), ("alpha", "[0, 1)")),
        (lambda: speculative_throughput(1, 1.5, 0.5), ("gamma", "integer")),
        (lambda: optimal_speculation_length(1, 0.5, -1), ("max_gamma", "larger")),
        (lambda: optimal_ragged_lengths([], 2), ("alpha", "at least one")),
        (lambda: optimal_ragged_lengths([0.5], -1), ("max_gamma", "larger")),
        (lambda: crossover_batch(0.5, 0), ("max_gamma", "at least 1")),
    ],
)
def test_bad_input_names_argument_and_remedy(call, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r".") as caught:
        call()
    for word in words:
        assert word in str(caught.value)
