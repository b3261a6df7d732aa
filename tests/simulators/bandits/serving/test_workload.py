import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.bandits.serving import (
    EmpiricalLength,
    GeometricLength,
    LogNormalLength,
    PoissonTraffic,
    Workload,
    workload_from_acceptance,
)

relaxed = settings(deadline=None, derandomize=True, max_examples=30)


@relaxed
@given(st.integers(1, 6), st.floats(0.0, 0.95), st.integers(0, 99))
def test_runs_shrink_by_one_per_accepted_position(longest: int, alpha: float, seed: int) -> None:
    load = workload_from_acceptance([0.0, 1.0], [1, 1], [50, 30], [alpha, 0.0], max_gamma=longest, rng=seed)
    ahead = load.ahead[: load.start[1]].astype(int)
    assert ahead.max(initial=0) <= longest
    inside = ahead[:-1]
    # A run of k < longest is followed by a run of k - 1; a cut one by anything at least longest - 1.
    short = (inside > 0) & (inside < longest)
    np.testing.assert_array_equal(ahead[1:][short], inside[short] - 1)
    assert np.all(ahead[1:][inside == longest] >= longest - 1)
    assert not load.ahead[load.start[1] :].any()


def test_runs_follow_the_truncated_geometric_law() -> None:
    load = workload_from_acceptance([0.0], [1], [400_000], [0.6], max_gamma=3, rng=2)
    independent = load.ahead[:400_000:4]
    expected = np.array([0.4, 0.24, 0.144, 0.216])
    share = np.bincount(independent, minlength=4) / independent.size
    assert np.all(np.abs(share - expected) <= 5 * np.sqrt(expected * (1 - expected) / independent.size))


def test_arrivals_follow_the_rates_of_their_phase() -> None:
    load = PoissonTraffic(requests=6000, rates=(2.0, 10.0), phases=(500.0,)).draw(1)
    early = np.count_nonzero(load.arrival < 500.0)
    assert abs(early - 1000) <= 5 * np.sqrt(1000)
    late = np.diff(load.arrival[load.arrival >= 500.0])
    assert abs(late.mean() - 0.1) <= 5 * 0.1 / np.sqrt(late.size)


def test_mix_drifts_between_its_states() -> None:
    mixes = ((1.0, 0.0), (0.0, 1.0))
    load = PoissonTraffic(requests=4000, rates=(4.0,), factors=(1.0, 0.5), mixes=mixes, holding=50.0).draw(3)
    changes = np.count_nonzero(np.diff(load.category))
    assert 2 <= changes <= 60  # about 20 in 1000 seconds, far fewer than between independent categories
    assert load.acceptance[load.category == 0].mean() > load.acceptance[load.category == 1].mean()


@pytest.mark.parametrize(
    "law", [GeometricLength(37.0), LogNormalLength(200.0, 0.8, 1000), EmpiricalLength((3, 9, 27))]
)
def test_length_laws_have_the_stated_mean(law) -> None:  # type: ignore[no-untyped-def]
    drawn = law.draw(np.random.default_rng(0), 200_000)
    assert drawn.min() >= 1
    # Rounding up adds at most one token.
    assert (
        -5 <= (drawn.mean() - law.mean) / (drawn.std() / np.sqrt(drawn.size)) or drawn.mean() - law.mean >= 0
    )
    assert drawn.mean() - law.mean <= 1 + 5 * drawn.std() / np.sqrt(drawn.size)


def test_same_seed_same_workload() -> None:
    first, second = (PoissonTraffic(requests=50, rates=(1.0,)).draw(9) for _ in range(2))
    for name in ("arrival", "prompt", "output", "category", "ahead"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def traffic(**changes):  # type: ignore[no-untyped-def]
    return PoissonTraffic(**{"requests": 5, "rates": (1.0,), **changes})


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: traffic(requests=0), ("requests", "at least 1")),
        (lambda: traffic(rates=(0.0,)), ("rates", "above 0")),
        (lambda: traffic(rates=(1.0, 2.0)), ("phases", "all phases but the last")),
        (lambda: traffic(factors=(1.0, 1.5, 0.5)), ("factors", "(0, 1]")),
        (lambda: traffic(acceptance=(0.0, 1.0)), ("acceptance", "positive")),
        (lambda: traffic(mixes=((0.5, 0.5, 0.5),)), ("mixes", "sum 1")),
        (lambda: traffic(holding=0.0), ("holding", "above 0")),
        (lambda: GeometricLength(0.5), ("mean", "at least 1")),
        (lambda: LogNormalLength(0.0, 1.0, 5), ("median", "above 0")),
        (lambda: LogNormalLength(1.0, -1.0, 5), ("spread", "at least 0")),
        (lambda: LogNormalLength(1.0, 1.0, 0), ("longest", "at least 1")),
        (lambda: EmpiricalLength(()), ("values", "at least one")),
        (lambda: workload_from_acceptance([0.0], [1], [1], [1.0], max_gamma=1), ("acceptance", "[0, 1)")),
        (lambda: workload_from_acceptance([0.0], [1], [1], [0.5], max_gamma=0), ("max_gamma", "1 to 255")),
        (
            lambda: workload_from_acceptance([1.0, 0.0], [1, 1], [1, 1], [0.5, 0.5], max_gamma=1),
            ("arrival", "sort"),
        ),
        (
            lambda: workload_from_acceptance([0.0], [0], [1], [0.5], max_gamma=1),
            ("prompt", "at least one token"),
        ),
        (
            lambda: workload_from_acceptance([0.0], [1, 2], [1], [0.5], max_gamma=1),
            ("shapes", "common length"),
        ),
        (
            lambda: Workload(*(np.array([1]),) * 5, ahead=np.zeros(1, np.uint8), max_gamma=1),
            ("ahead", "output + max_gamma"),
        ),
    ],
)
def test_bad_input_names_argument_and_remedy(call, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r".") as caught:
        call()
    for word in words:
        assert word in str(caught.value)
