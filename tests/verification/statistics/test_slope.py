import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.verification.statistics import CellEvidence, Slope

X = np.array([100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0])


def curves(value, x=X, **cell):
    return CellEvidence(cell={"arms": 2, **cell}, data={"x": np.asarray(x), "value": np.asarray(value)})


def points(value, x=X, **cell):
    columns = np.asarray(value).T
    return [
        CellEvidence(cell={"arms": 2, **cell, "tokens": float(at)}, data={"value": column})
        for at, column in zip(x, columns, strict=True)
    ]


def judge(statistic, *items, level=0.01):
    return statistic.judge(items, level=level)


def gamma_curves(rng, slope, replications, *, common=False):
    noise = rng.gamma(2.0, 0.5, (replications, X.size))
    if common:
        noise *= rng.gamma(2.0, 0.5, (replications, 1))
    return X**slope * noise


# ---- exact


@pytest.mark.parametrize(
    ("scale", "value"), [("loglog", 3 * X**0.5), ("semilogx", 7 + 0.5 * np.log(X)), ("linear", 1 + 0.5 * X)]
)
def test_exact_recovers_the_slope_on_each_scale(scale, value):
    for side in ("upper", "lower", "two-sided"):
        found = judge(Slope(0.5, side=side, scale=scale, method="exact"), curves(value[None, :]))
        assert (found.status, found.estimate) == ("pass", pytest.approx(0.5))
        assert found.detail["local"] == pytest.approx([0.5])
        assert found.detail["slopes"] == [pytest.approx([0.5])]


def test_exact_sides_and_tolerance():
    item = curves(X[None, :] ** 0.6)
    assert judge(Slope(0.5, method="exact"), item).status == "fail"
    assert judge(Slope(0.5, tolerance=0.1, method="exact"), item).status == "pass"
    assert judge(Slope(0.5, side="lower", method="exact"), item).status == "pass"
    assert judge(Slope(0.7, side="lower", method="exact"), item).status == "fail"
    assert judge(Slope(0.7, side="lower", tolerance=0.1, method="exact"), item).status == "pass"
    assert judge(Slope(0.5, side="two-sided", tolerance=0.05, method="exact"), item).status == "fail"
    assert judge(Slope(0.5, side="two-sided", tolerance=0.15, method="exact"), item).status == "pass"


def test_exact_compares_every_curve_and_reports_the_worst():
    found = judge(Slope(0.5, method="exact"), curves(np.stack([X**0.4, X**0.7])), curves(X[None, :] ** 0.5))
    assert (found.status, found.estimate) == ("fail", pytest.approx(0.7))
    assert found.detail["cell"] == [0, 1]


def test_the_local_slope_is_that_of_the_last_half():
    value = np.where(X <= 400, X, 400 * (X / 400) ** 0.25)[None, :]
    found = judge(Slope(1.0, method="exact"), curves(value))
    weights = np.log(X[3:]) - np.log(X[3:]).mean()
    assert found.detail["local"] == pytest.approx([weights @ np.log(value[0, 3:]) / (weights @ weights)])
    assert found.detail["local"][0] == pytest.approx(0.25)


# ---- data in two forms


@pytest.mark.parametrize("method", ["per_seed", "exact"])
def test_cells_along_the_axis_and_curves_in_one_cell_agree(method):
    value = gamma_curves(np.random.default_rng(0), 0.5, 12)
    whole = judge(Slope(0.5, method=method), curves(value))
    split = judge(Slope(0.5, method=method), *points(value))
    assert (split.status, split.estimate) == (whole.status, whole.estimate)
    assert split.p_value == pytest.approx(whole.p_value)


def test_all_other_axes_tell_curves_apart():
    value = gamma_curves(np.random.default_rng(0), 0.5, 12)
    evidence = [*points(value, gap=0.1), *points(value**2, gap=0.2)]
    found = judge(Slope(0.5), *evidence)
    assert found.detail["cell"] == [0, 6]
    assert found.detail["estimate"] == pytest.approx(
        [found.detail["estimate"][0], 2 * found.detail["estimate"][0]]
    )
    assert found.detail["p_value"][0] > found.detail["p_value"][1]


def test_x_may_repeat_as_rows_or_back_to_back():
    value = gamma_curves(np.random.default_rng(0), 0.5, 4)
    plain = judge(Slope(0.5), curves(value))
    assert judge(Slope(0.5), curves(value, x=np.tile(X, (4, 1)))) == plain
    assert judge(Slope(0.5), curves(value, x=np.tile(X, 2))) == plain


def test_delta_takes_different_numbers_of_replications_and_negative_runs():
    generator = np.random.default_rng(0)
    items = [
        CellEvidence({"tokens": int(x)}, {"value": x**0.5 * (1 + 2 * generator.normal(size=n))})
        for x, n in zip(X, (200, 300, 400, 500, 600, 700), strict=True)
    ]
    found = judge(Slope(0.5, method="delta"), *items)
    assert found.low < 0.5 < found.high
    assert found.status == "inconclusive"


def test_delta_uses_the_covariance_of_paired_points():
    """A factor common to a curve cancels in its slope; independent cells cannot know that."""
    generator = np.random.default_rng(0)
    value = X**0.5 * generator.gamma(4.0, 0.25, (40, 1)) * generator.uniform(0.99, 1.01, (40, X.size))
    paired, apart = (
        judge(Slope(0.5, method="delta"), curves(value)),
        judge(Slope(0.5, method="delta"), *points(value)),
    )
    assert paired.estimate == pytest.approx(apart.estimate)
    assert paired.high - paired.low < 0.1 * (apart.high - apart.low)


def test_delta_agrees_with_the_linearised_interval_where_noise_is_small():
    value = X**0.5 * (1 + 0.01 * np.random.default_rng(0).normal(size=(50, X.size)))
    found = judge(Slope(0.5, method="delta"), curves(value), level=0.05)
    weights = (np.log(X) - np.log(X).mean()) / ((np.log(X) - np.log(X).mean()) ** 2).sum()
    mean = value.mean(axis=0)
    error = np.sqrt(weights / mean @ np.cov(value.T) / 50 @ (weights / mean))
    assert (found.high - found.low) / 2 == pytest.approx(1.6766 * error, rel=1e-3)


def test_delta_has_no_finite_limit_where_a_mean_may_be_zero():
    value = np.array([[1.0, 2.0, 30.0], [1.1, 1.9, -28.0]])
    found = judge(Slope(0.5, side="lower", method="delta"), curves(value, x=X[:3]))
    assert found.status == "inconclusive"
    assert np.isinf(found.low)


@pytest.mark.parametrize("method", ["per_seed", "delta"])
@pytest.mark.parametrize(("slope", "status"), [(0.4, "pass"), (0.5, "pass"), (0.6, "fail")])
def test_without_variance_slopes_compare_exactly(method, slope, status):
    item = curves(np.tile(X**slope, (3, 1)))
    assert judge(Slope(0.5, method=method), item).status == status
    assert judge(Slope(0.5, method=method), *points(np.tile(X**slope, (3, 1)))).status == status


# ---- calibration


@pytest.mark.parametrize("common", [False, True])
@pytest.mark.parametrize(
    ("method", "replications"), [("per_seed", 8), ("delta", 8), ("per_seed", 30), ("delta", 30)]
)
def test_keeps_its_level_at_the_boundary(method, replications, common, shares, allowed):
    def make(rng):
        return [curves(gamma_curves(rng, 0.5, replications, common=common))]

    found = shares(Slope(0.5, method=method), make, 800, 0.05)
    assert found["fail"] <= allowed(0.05, 800)
    assert found["pass"] <= allowed(0.05, 800)


@pytest.mark.parametrize("profile", [[0.3, 0.6, 0.9, 1.2, 1.5, 1.8], [1.8, 1.5, 1.2, 0.9, 0.6, 0.3]])
def test_delta_keeps_its_level_where_runs_may_be_negative(profile, shares, allowed):
    """Normal noise up to 1.8 times the mean, 100 runs: means known to 18 percent."""

    def make(rng):
        return [curves(X**0.5 * (1 + np.array(profile) * rng.normal(size=(100, X.size))))]

    for side in ("upper", "lower"):
        for level in (0.05, 0.01):
            found = shares(Slope(0.5, side=side, method="delta"), make, 500, level)
            assert found["fail"] <= allowed(level, 500)
            assert found["pass"] <= allowed(level, 500)


@pytest.mark.parametrize("method", ["per_seed", "delta"])
def test_keeps_its_level_over_three_curves_of_independent_cells(method, shares, allowed):
    def make(rng):
        return [item for gap in (1, 2, 3) for item in points(gamma_curves(rng, 0.5, 12), gap=gap)]

    assert shares(Slope(0.5, method=method), make, 500, 0.05)["fail"] <= allowed(0.05, 500)


@pytest.mark.parametrize("edge", [0.4, 0.6])
def test_two_sided_keeps_its_level_at_either_edge(edge, shares, allowed):
    def make(rng):
        return [curves(gamma_curves(rng, edge, 12))]

    for method in ("per_seed", "delta"):
        found = shares(Slope(0.5, side="two-sided", tolerance=0.1, method=method), make, 500, 0.05)
        assert found["fail"] <= allowed(0.05, 500)
        assert found["pass"] <= allowed(0.05, 500)


@pytest.mark.parametrize("method", ["per_seed", "delta"])
def test_has_power_at_linear_growth_against_a_square_root_with_30_runs(method, shares, allowed):
    wrong = shares(
        Slope(0.5, tolerance=0.1, method=method), lambda rng: [curves(gamma_curves(rng, 1.0, 30))], 200, 0.01
    )
    assert wrong["fail"] >= 0.9
    assert wrong["pass"] <= allowed(0.01, 200)
    right = shares(
        Slope(0.5, tolerance=0.1, method=method), lambda rng: [curves(gamma_curves(rng, 0.25, 30))], 200, 0.01
    )
    assert right["pass"] >= 0.9
    below = Slope(1.0, side="lower", tolerance=0.1, method=method)
    assert shares(below, lambda rng: [curves(gamma_curves(rng, 0.5, 30))], 200, 0.01)["fail"] >= 0.9


# ---- properties

seeds = st.integers(0, 2**32 - 1)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(seeds, st.sampled_from(["per_seed", "delta"]), st.floats(0.01, 100.0))
def test_a_positive_factor_changes_no_loglog_slope(seed, method, factor):
    value = gamma_curves(np.random.default_rng(seed), 0.5, 10)
    first, second = (
        judge(Slope(0.5, method=method), curves(value)),
        judge(Slope(0.5, method=method), curves(factor * value)),
    )
    assert second.status == first.status
    assert (second.estimate, second.p_value) == pytest.approx(
        (first.estimate, first.p_value), rel=1e-5, abs=1e-7
    )


@settings(deadline=None, derandomize=True, max_examples=30)
@given(seeds, st.sampled_from(["per_seed", "delta"]))
def test_order_of_runs_points_and_cells_is_irrelevant(seed, method):
    generator = np.random.default_rng(seed)
    value = gamma_curves(generator, 0.5, 10)
    runs, order = generator.permutation(10), generator.permutation(X.size)
    first = judge(Slope(0.5, method=method), curves(value))
    second = judge(Slope(0.5, method=method), curves(value[runs][:, order], x=X[order]))
    assert (second.estimate, second.p_value) == pytest.approx(
        (first.estimate, first.p_value), rel=1e-5, abs=1e-7
    )
    cells = points(value)
    first = judge(Slope(0.5, method=method), *cells)
    second = judge(Slope(0.5, method=method), *[cells[i] for i in order])
    assert (second.estimate, second.p_value) == pytest.approx(
        (first.estimate, first.p_value), rel=1e-5, abs=1e-7
    )


@settings(deadline=None, derandomize=True, max_examples=30)
@given(seeds, st.sampled_from(["per_seed", "delta"]), st.floats(0.001, 0.3))
def test_fail_and_interval_agree(seed, method, level):
    value = gamma_curves(np.random.default_rng(seed), 0.8, 10)
    found = judge(Slope(0.5, method=method), curves(value), level=level)
    assert (found.status == "fail") == (found.p_value <= level)
    assert (found.low > 0.5 + 1e-6) <= (found.status == "fail")
    assert (found.low < 0.5 - 1e-6) <= (found.status != "fail")


# ---- bad input


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": np.nan}, ["target", "finite"]),
        ({"target": 0.5, "side": "both"}, ["side", "two-sided"]),
        ({"target": 0.5, "tolerance": -0.1}, ["tolerance", "at least 0"]),
        ({"target": 0.5, "scale": "log"}, ["scale", "loglog"]),
        ({"target": 0.5, "method": "bootstrap"}, ["method", "per_seed"]),
        ({"target": 0.5, "side": "two-sided"}, ["tolerance is 0", "deviation"]),
    ],
)
def test_bad_options(options, words, naming):
    with pytest.raises(ValueError, match=naming(words)):
        Slope(**options)


ONES = np.ones((3, 6))


@pytest.mark.parametrize(
    ("statistic", "items", "words"),
    [
        (Slope(0.5), [curves(ONES - [0, 0, 1, 0, 0, 0])], ["'value' is 0", "x = 400", "method='delta'"]),
        (
            Slope(0.5, method="exact"),
            [curves(ONES - [0, 2, 0, 0, 0, 0])],
            ["'value' is -1", "x = 200", "linear"],
        ),
        (
            Slope(0.5, method="delta"),
            [curves(ONES - [0, 0, 1, 0, 0, 0])],
            ["mean", "x = 400", "add replications"],
        ),
        (Slope(0.5), [curves(ONES[:1])], ["1 replications", "at least 2", "method='exact'"]),
        (Slope(0.5, method="delta"), [curves(ONES[:1])], ["1 replications", "at least 2", "method='exact'"]),
        (Slope(0.5, method="delta"), points(ONES[:1]), ["1 replications", "at least 2", "method='exact'"]),
        (Slope(0.5), [curves(ONES[0])], ["'value'", "(6,)", "value[None, :]"]),
        (Slope(0.5), [curves(ONES, x=X[:5])], ["'x'", "(5,)", "(3, 6)", "shape (T,)"]),
        (Slope(0.5), [curves(ONES, x=np.ones(6))], ["all different"]),
        (Slope(0.5), [curves(ONES[:, :1], x=X[:1])], ["at least 2 points"]),
        (Slope(0.5), [curves(ONES, x=X - 100)], ["x = 0", "no logarithm", "linear"]),
        (Slope(0.5), points(ONES)[:1], ["at least 2 points"]),
        (
            Slope(0.5),
            [CellEvidence({"n": 1}, {"value": ONES[0]})],
            ["axis 'tokens' is None", "n=1", "name an axis"],
        ),
        (Slope(0.5), [CellEvidence({"tokens": 1}, {"value": ONES})], ["(3, 6)", "without 'x'", "return 'x'"]),
        (Slope(0.5), [CellEvidence({"tokens": 1}, {})], ["'value'", "nothing", "return it"]),
        (
            Slope(0.5),
            [CellEvidence({"tokens": n}, {"value": np.ones(n)}) for n in (2, 3)],
            ["[2, 3] replications", "the same in each cell"],
        ),
    ],
)
def test_bad_evidence(statistic, items, words, naming):
    with pytest.raises(ValueError, match=naming(words)):
        judge(statistic, *items)
