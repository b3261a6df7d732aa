import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.verification.statistics import CellEvidence, ExponentialRate

K = np.arange(12.0)


def curves(value, k=K):
    return CellEvidence(cell={"n": 1}, data={"x": np.asarray(k), "value": np.asarray(value)})


def judge(statistic, *items, level=0.01):
    return statistic.judge(items, level=level)


def test_points_from_the_floor_on_are_dropped():
    k = np.arange(60.0)
    value = np.maximum(np.exp(-k), 1e-15)[None, :]
    found = judge(ExponentialRate(-1.0, side="two-sided", method="exact"), curves(value, k))
    assert (found.status, found.estimate) == ("pass", pytest.approx(-1.0))
    assert found.detail["points"] == [32]
    kept = judge(ExponentialRate(-1.0, floor=0.0, method="exact"), curves(value, k))
    assert (kept.status, kept.detail["points"]) == ("fail", [60])


def test_an_error_that_reaches_zero_is_cut_there():
    value = np.where(K < 6, np.exp(-2 * K), 0.0)[None, :]
    found = judge(ExponentialRate(-2.0, method="exact"), curves(value))
    assert (found.status, found.detail["points"]) == ("pass", [6])


def test_sides():
    item = curves(np.exp(-0.5 * K)[None, :])
    assert judge(ExponentialRate(-1.0, method="exact"), item).status == "fail"
    assert judge(ExponentialRate(-0.25, method="exact"), item).status == "pass"
    assert judge(ExponentialRate(-1.0, side="lower", method="exact"), item).status == "pass"
    assert judge(ExponentialRate(-1.0, tolerance=0.5, method="exact"), item).status == "pass"


def test_cells_along_the_axis():
    items = [CellEvidence({"k": int(k)}, {"value": np.full(4, np.exp(-k))}) for k in K]
    assert judge(ExponentialRate(-1.0), *items).status == "pass"
    assert judge(ExponentialRate(-1.5, method="delta"), *items).status == "fail"


def test_a_mean_without_logarithm_among_the_points_kept_leaves_no_interval():
    generator = np.random.default_rng(0)
    value = np.exp(-0.5 * K[:6]) * (1 + 0.01 * generator.normal(size=(40, 6)))
    value[1::2, 4] -= 1.0
    found = judge(ExponentialRate(-0.5, side="lower", method="delta"), curves(value, K[:6]))
    assert (found.status, found.low, found.high) == ("inconclusive", -np.inf, np.inf)
    assert found.estimate == pytest.approx(-0.5, abs=0.01)


# ---- calibration


def lognormal(rate, replications):
    return lambda rng: [curves(np.exp(rate * K + 0.5 * rng.normal(size=(replications, K.size))))]


def additive(rate, replications):
    return lambda rng: [curves(np.exp(rate * K) + 0.05 * rng.normal(size=(replications, K.size)))]


@pytest.mark.parametrize("side", ["upper", "lower"])
@pytest.mark.parametrize(
    ("method", "make"), [("per_seed", lognormal), ("delta", lognormal), ("delta", additive)]
)
def test_keeps_its_level_at_the_boundary(method, make, side, shares, allowed):
    """Additive noise hides the tail of the curve, so the points kept are random."""
    found = shares(ExponentialRate(-0.5, side=side, method=method), make(-0.5, 40), 1000, 0.05)
    assert found["fail"] <= allowed(0.05, 1000)
    assert found["pass"] <= allowed(0.05, 1000)


def test_keeps_its_level_where_a_floor_cuts_noisy_curves(shares, allowed):
    statistic = ExponentialRate(-0.5, floor=0.02)
    found = shares(statistic, lognormal(-0.5, 40), 1000, 0.05)
    assert found["fail"] <= allowed(0.05, 1000)
    assert found["pass"] <= allowed(0.05, 1000)


@pytest.mark.parametrize(
    ("method", "make"), [("per_seed", lognormal), ("delta", lognormal), ("delta", additive)]
)
def test_has_power_at_half_the_rate_with_40_runs(method, make, shares, allowed):
    statistic = ExponentialRate(-0.5, tolerance=0.05, method=method)
    wrong = shares(statistic, make(-0.25, 40), 200, 0.01)
    assert wrong["fail"] >= 0.9
    assert wrong["pass"] <= allowed(0.01, 200)
    assert shares(statistic, make(-0.75, 40), 200, 0.01)["pass"] >= 0.9


# ---- properties


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.floats(-3.0, -0.1), st.floats(0.1, 10.0), st.integers(1, 5))
def test_exact_curves_give_their_rate_at_any_height_and_spacing(rate, height, spacing):
    k = spacing * K
    found = judge(
        ExponentialRate(rate, side="two-sided", method="exact"), curves(height * np.exp(rate * k)[None, :], k)
    )
    assert (found.status, found.estimate) == ("pass", pytest.approx(rate))


# ---- bad input


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": np.inf}, ["target", "finite"]),
        ({"target": -1.0, "floor": -1.0}, ["floor", "at least 0"]),
        ({"target": -1.0, "side": "left"}, ["side", "lower"]),
        ({"target": -1.0, "tolerance": -1.0}, ["tolerance", "at least 0"]),
        ({"target": -1.0, "method": "ols"}, ["method", "delta"]),
        ({"target": -1.0, "side": "two-sided"}, ["tolerance is 0", "deviation"]),
    ],
)
def test_bad_options(options, words, naming):
    with pytest.raises(ValueError, match=naming(words)):
        ExponentialRate(**options)


@pytest.mark.parametrize(
    ("statistic", "item", "words"),
    [
        (ExponentialRate(-1.0), curves(np.ones((3, 12))), ["3 replications", "at least 4", "method='exact'"]),
        (
            ExponentialRate(-1.0, method="exact", floor=0.5),
            curves(np.exp(-K)[None, :]),
            ["floor 0.5", "after 1 points", "smaller k"],
        ),
        (
            ExponentialRate(-1.0),
            CellEvidence({"n": 1}, {"value": np.ones(4)}),
            ["axis 'k' is None", "name an axis"],
        ),
        (ExponentialRate(-1.0), curves(np.full((4, 12), np.nan)), ["'value'", "nan"]),
    ],
)
def test_bad_evidence(statistic, item, words, naming):
    with pytest.raises(ValueError, match=naming(words)):
        judge(statistic, item)
