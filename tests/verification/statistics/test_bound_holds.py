import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.verification.statistics import BoundHolds, CellEvidence

LEVEL = 0.01


def one(value, bound=None, trivial=None):
    data = {"value": np.asarray(value)}
    if isinstance(bound, np.ndarray):
        data["bound"], bound = bound, None
    return CellEvidence(cell={"n": 1}, data=data, bound=bound, trivial=trivial)


def judge(statistic, *items, level=LEVEL):
    return statistic.judge(items, level=level)


# ---- exact


def test_exact_passes_and_reports_the_nearest_cell():
    found = judge(BoundHolds(), one([0.5, 0.9], 1.0), one([0.25], 2.0))
    assert (found.status, found.p_value, found.tightness) == ("pass", 1.0, 0.9)
    assert (found.estimate, found.low, found.high, found.bound) == (0.9, 0.9, 0.9, 1.0)
    assert found.detail["cell"] == [0, 1]


def test_exact_fails_when_one_entry_of_one_cell_violates():
    found = judge(BoundHolds(), one([[0.5, 0.5], [0.5, 1.1]], 1.0), one([0.1], 1.0))
    assert (found.status, found.p_value, found.estimate) == ("fail", 0.0, 1.1)
    assert (found.detail["cell"], found.detail["column"]) == ([0, 1], [1, 0])


def test_rounding_is_forgiven_up_to_the_slack_and_no_further():
    assert judge(BoundHolds(), one([1.0 + 5e-10], 1.0)).status == "pass"
    assert judge(BoundHolds(), one([1.0 + 2e-9], 1.0)).status == "fail"
    assert judge(BoundHolds(slack=0.0), one([np.nextafter(1.0, 2.0)], 1.0)).status == "fail"
    assert judge(BoundHolds(slack=0.0), one([1.0], 1.0)).status == "pass"
    assert judge(BoundHolds(), one([1e6 + 1e-4], 1e6)).status == "pass"


def test_negative_bounds_and_values():
    assert judge(BoundHolds(), one([-2.0], -1.0)).status == "pass"
    assert judge(BoundHolds(), one([-0.5], -1.0)).status == "fail"
    assert judge(BoundHolds(side="lower"), one([-0.5], -1.0)).status == "pass"
    assert judge(BoundHolds(side="lower"), one([-2.0], -1.0)).status == "fail"
    assert judge(BoundHolds(), one([-2.0], -1.0)).tightness is None


def test_lower_side_reports_the_smallest_ratio():
    found = judge(BoundHolds(side="lower"), one([3.0, 8.0], 2.0))
    assert (found.status, found.tightness, found.estimate) == ("pass", 1.5, 3.0)


@pytest.mark.parametrize("method", ["exact", "t"])
def test_an_infinite_bound_says_nothing(method):
    statistic = BoundHolds(method=method)
    values = [0.5, 0.75, 0.25]
    found = judge(statistic, one(values, np.inf))
    assert (found.status, found.p_value, found.tightness) == ("vacuous", 1.0, 0.0)
    assert judge(statistic, one(values, np.inf), one(values, 2.0)).status == "pass"


def test_an_infinite_bound_takes_no_share_of_the_level():
    values = np.random.default_rng(3).normal(size=(20, 2))
    alone = judge(BoundHolds(method="t"), one(values[:, :1], 1.0))
    beside = judge(BoundHolds(method="t"), one(values, bound=np.array([[1.0, np.inf]])))
    assert beside.p_value == alone.p_value
    assert beside.high == alone.high


def test_vacuous_only_where_no_cell_improves_on_the_trivial_bound():
    useless, useful = one([0.5], 2.0, trivial=1.0), one([0.5], 0.75, trivial=1.0)
    assert judge(BoundHolds(), useless).status == "vacuous"
    assert judge(BoundHolds(), useless, useful).status == "pass"
    assert judge(BoundHolds(), one([3.0], 2.0, trivial=1.0)).status == "fail"
    by_column = one([[0.5, 0.5]], bound=np.array([[2.0, 0.75]]), trivial=1.0)
    assert judge(BoundHolds(), by_column).status == "pass"
    assert judge(BoundHolds(side="lower"), one([0.5], -1.0, trivial=0.0)).status == "vacuous"


def test_arrays_of_the_data_serve_as_bound_and_trivial():
    item = one([[0.5, 3.0]], bound=np.array([[1.0, 4.0]]))
    assert judge(BoundHolds(), item).tightness == 0.75
    item = CellEvidence(
        cell={}, data={"value": np.ones(3), "bound": np.full(2, 2.0), "trivial": np.array(1.5)}
    )
    assert judge(BoundHolds(), item).status == "vacuous"


# ---- mean


def test_t_agrees_with_scipy():
    from scipy import stats

    value = np.random.default_rng(0).normal(1.2, 1.0, size=(25, 3))
    found = judge(BoundHolds(method="t", slack=0.0), one(value, 1.0), level=0.05)
    expected = stats.ttest_1samp(value, 1.0, alternative="greater").pvalue
    np.testing.assert_allclose(found.detail["p_value"], expected, rtol=1e-10)
    assert found.p_value == pytest.approx(min(1.0, 3 * expected.min()))
    reach = stats.t.ppf(1 - 0.05 / 3, 24) * value.std(axis=0, ddof=1) / 5
    np.testing.assert_allclose(found.detail["high"], value.mean(axis=0) + reach, rtol=1e-10)


@pytest.mark.parametrize(("value", "status"), [(0.9, "pass"), (1.0, "pass"), (1.1, "fail")])
def test_t_without_variance_compares_exactly(value, status):
    found = judge(BoundHolds(method="t"), one(np.full(5, value), 1.0))
    assert (found.status, found.low, found.high) == (status, value, value)


def test_t_pairs_a_bound_that_varies_with_the_replication():
    common = np.random.default_rng(1).normal(0, 100, size=50)
    noise = np.random.default_rng(2).normal(0, 0.1, size=50)
    item = one(common + noise - 1.0, bound=common)
    assert judge(BoundHolds(method="t"), item).status == "pass"
    assert judge(BoundHolds(method="t", side="lower"), item).status == "fail"


def test_bernstein_keeps_its_interval_in_the_range():
    value = np.random.default_rng(4).uniform(size=30)
    found = judge(BoundHolds(method="bernstein", value_range=(0.0, 1.0)), one(value, 0.99))
    assert 0.0 <= found.low < found.estimate < found.high <= 1.0


def test_huge_values_do_not_overflow():
    assert judge(BoundHolds(method="t"), one([1e300, 1.1e300, 0.9e300], 1.7e308)).status == "pass"


# ---- calibration


@pytest.mark.parametrize("side", ["upper", "lower"])
def test_t_keeps_its_level_at_the_boundary_over_several_cells(side, shares, allowed):
    def make(rng):
        return [one(rng.normal(1.0, 2.0, size=(10, 3)), 1.0), one(rng.normal(-3.0, 1.0, size=10), -3.0)]

    found = shares(BoundHolds(method="t", side=side), make, 2000, 0.05)
    assert found["fail"] <= allowed(0.05, 2000)
    assert found["pass"] <= allowed(0.05, 2000)


def test_t_has_power_at_half_a_standard_deviation_with_100_replications(shares, allowed):
    def make(shift):
        return lambda rng: [one(rng.normal(1.0 + shift, 1.0, size=(100, 2)), 1.0)]

    wrong = shares(BoundHolds(method="t"), make(0.5), 500, 0.01)
    assert wrong["fail"] >= 0.9
    assert wrong["pass"] <= allowed(0.01, 500)
    assert shares(BoundHolds(method="t"), make(-0.5), 500, 0.01)["pass"] >= 0.9


@pytest.mark.parametrize(("draw", "mean"), [((1, 1), 0.5), ((0.2, 1.8), 0.1), ((1.8, 0.2), 0.9)])
def test_bernstein_keeps_its_level_at_any_sample_size(draw, mean, shares, allowed):
    statistic = BoundHolds(method="bernstein", value_range=(0.0, 1.0))
    for size in (3, 30):
        found = shares(statistic, lambda rng, n=size: [one(rng.beta(*draw, size=n), mean)], 1000, 0.05)
        assert found["fail"] <= allowed(0.05, 1000)
        assert found["pass"] <= allowed(0.05, 1000)


def test_bernstein_has_power_at_a_tenth_of_the_range_with_1000_replications(shares, allowed):
    statistic = BoundHolds(method="bernstein", value_range=(0.0, 1.0))
    wrong = shares(statistic, lambda rng: [one(rng.uniform(size=1000), 0.4)], 300, 0.01)
    assert wrong["fail"] >= 0.9
    assert wrong["pass"] <= allowed(0.01, 300)
    assert shares(statistic, lambda rng: [one(rng.uniform(size=1000), 0.6)], 300, 0.01)["pass"] >= 0.9


# ---- properties

numbers = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))
samples = st.lists(numbers, min_size=2, max_size=12)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(
    samples,
    st.integers(-3000, 3000),
    st.sampled_from(["exact", "t"]),
    st.sampled_from([2.0**-4, 0.5, 8.0, 2.0**9]),
)
def test_positive_scaling_changes_no_verdict(values, bound, method, scale):
    value, limit = np.array(values), bound / 3 + 1e-4
    statistic = BoundHolds(method=method, slack=0.0)
    plain = judge(statistic, one(value, limit))
    scaled = judge(statistic, one(scale * value, scale * limit))
    assert scaled.status == plain.status
    assert scaled.p_value == pytest.approx(plain.p_value, rel=1e-9, abs=1e-12)
    assert scaled.tightness == pytest.approx(plain.tightness, rel=1e-12) if plain.tightness else True


@settings(deadline=None, derandomize=True, max_examples=50)
@given(samples, numbers, st.randoms(use_true_random=False), st.sampled_from(["exact", "t", "bernstein"]))
def test_order_of_replications_and_of_cells_is_irrelevant(values, bound, random, method):
    statistic = BoundHolds(method=method, value_range=(-1e3, 1e3) if method == "bernstein" else None)
    shuffled = list(values)
    random.shuffle(shuffled)
    other = one(np.array([0.0, 1.0]), 0.6)
    first = judge(statistic, one(np.array(values), bound + 1e-4), other)
    second = judge(statistic, other, one(np.array(shuffled), bound + 1e-4))
    assert second.status == first.status
    assert second.p_value == pytest.approx(first.p_value, rel=1e-6, abs=1e-12)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(samples, numbers, st.sampled_from(["exact", "t"]))
def test_lower_mirrors_upper(values, bound, method):
    above = judge(BoundHolds(method=method), one(np.array(values), bound + 1e-4))
    below = judge(BoundHolds(method=method, side="lower"), one(-np.array(values), -bound - 1e-4))
    assert (below.status, below.p_value) == (above.status, above.p_value)
    assert (below.low, below.high) == (-above.high, -above.low)


# ---- bad input


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "bootstrap"}, ["method", "bootstrap", "bernstein"]),
        ({"side": "two-sided"}, ["side", "upper"]),
        ({"slack": -1.0}, ["slack", "at least 0"]),
        ({"slack": np.nan}, ["slack", "finite"]),
        ({"method": "bernstein"}, ["value_range", "needs it"]),
        ({"value_range": (0.0, 1.0)}, ["value_range", "bernstein"]),
        ({"method": "bernstein", "value_range": (1.0, 0.0)}, ["value_range", "low < high"]),
    ],
)
def test_bad_options(options, words, naming):
    with pytest.raises(ValueError, match=naming(words)):
        BoundHolds(**options)


def test_an_option_of_the_wrong_type():
    with pytest.raises(TypeError, match=r"slack is 'x' .*give a number"):
        BoundHolds(slack="x")


@pytest.mark.parametrize(
    ("statistic", "item", "words"),
    [
        (
            BoundHolds(),
            CellEvidence({"n": 7}, {"regret": np.ones(2)}, 1.0),
            ["n=7", "'value'", "regret", "return it"],
        ),
        (BoundHolds(), one([1.0, np.nan], 1.0), ["'value'", "nan", "1 of 2", "raise in measure"]),
        (BoundHolds(), one([1.0, np.inf], 1.0), ["'value'", "inf", "finite"]),
        (BoundHolds(), one([], 1.0), ["'value'", "(0,)", "at least one replication"]),
        (BoundHolds(), one(["a"], 1.0), ["'value'", "dtype", "real numbers"]),
        (BoundHolds(), one([1j], 1.0), ["'value'", "complex", "real numbers"]),
        (BoundHolds(), one([1.0]), ["no bound", "bound(cell)"]),
        (BoundHolds(), one([1.0], np.nan), ["'bound'", "nan", "finite"]),
        (BoundHolds(), one([1.0], -np.inf), ["'bound'", "-inf", "finite"]),
        (BoundHolds(side="lower"), one([1.0], np.inf), ["'bound'", "inf", "finite"]),
        (
            BoundHolds(),
            one([1.0, 2.0, 3.0], bound=np.array([1.0, 2.0])),
            ["'bound'", "(2,)", "(3,)", "same shape"],
        ),
        (BoundHolds(method="t"), one([1.0], 2.0), ["'value'", "1 replications", "at least 2", "replicates"]),
        (
            BoundHolds(method="bernstein", value_range=(0, 1)),
            one([0.5, 1.5], 2.0),
            ["value_range", "1.5", "every entry"],
        ),
        (
            BoundHolds(method="bernstein", value_range=(0, 1)),
            one([0.5, 0.6], bound=np.array([0.5, 0.7])),
            ["'bound' varies", "method='t'"],
        ),
    ],
)
def test_bad_evidence(statistic, item, words, naming):
    with pytest.raises(ValueError, match=naming(words)):
        judge(statistic, item)


def test_a_bound_given_twice():
    item = CellEvidence({"n": 1}, {"value": np.ones(2), "bound": np.ones(2)}, bound=1.0)
    with pytest.raises(ValueError, match="'bound' comes from measure and from the claim; give it once"):
        judge(BoundHolds(), item)


def test_no_evidence_and_bad_levels():
    with pytest.raises(ValueError, match="evidence is empty: give at least one"):
        BoundHolds().judge([], level=0.01)
    for level in (0.0, 0.5, -1.0, float("nan")):
        with pytest.raises(ValueError, match=r"level is .*in \(0, 0.5\)"):
            judge(BoundHolds(), one([1.0], 2.0), level=level)
