import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.verification.statistics import CellEvidence, Equality


def one(value, reference=None, bound=None):
    data = {"value": np.asarray(value, dtype=float)}
    if reference is not None:
        data["reference"] = np.asarray(reference, dtype=float)
    return CellEvidence(cell={"n": 1}, data=data, bound=bound)


def judge(statistic, *items, level=0.01):
    return statistic.judge(items, level=level)


def test_exact_without_tolerance_means_every_bit():
    assert judge(Equality(), one([0.5, 0.25], [0.5, 0.25])).status == "pass"
    assert judge(Equality(), one([0.1 + 0.2], [0.3])).status == "fail"
    assert judge(Equality(rtol=1e-15), one([0.1 + 0.2], [0.3])).status == "pass"


def test_exact_reports_the_worst_entry():
    found = judge(Equality(atol=0.5), one([[1.0, 2.0], [1.0, 2.7]], [[1.0, 2.0]]), one([4.0], bound=4.0))
    assert (found.status, found.estimate, found.bound, found.p_value) == ("fail", 2.7, 2.0, 0.0)
    assert found.detail["difference"] == pytest.approx([0.7, 0.0])
    assert found.detail["tolerance"] == [0.5, 0.5]
    assert found.tightness is None


def test_the_claims_bound_serves_as_reference():
    assert judge(Equality(rtol=0.1), one([1.05, 0.95], bound=1.0)).status == "pass"
    assert judge(Equality(rtol=0.01), one([1.05, 0.95], bound=1.0)).status == "fail"
    assert judge(Equality(rtol=0.01, method="t"), one([1.05, 0.95], bound=1.0)).status == "inconclusive"


@pytest.mark.parametrize(
    ("value", "reference", "status"), [(1.5, 1.0, "pass"), (2.0, 1.0, "fail"), (0.4, 1.0, "fail")]
)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_tolerance_is_relative_to_the_reference_and_not_to_the_value(value, reference, status, sign):
    item = one([[sign * value]] * 2, [[sign * reference]] * 2)
    for method in ("exact", "t"):
        assert judge(Equality(rtol=0.5, method=method), item).status == status


def test_t_without_variance_compares_exactly():
    statistic = Equality(atol=0.1, method="t")
    assert judge(statistic, one(np.full(4, 1.05), bound=1.0)).status == "pass"
    assert judge(statistic, one(np.full(4, 1.2), bound=1.0)).status == "fail"


def test_t_pairs_a_reference_that_varies_with_the_replication():
    generator = np.random.default_rng(0)
    common = generator.normal(0, 50, size=40)
    item = one(common + generator.normal(0, 0.1, size=40), common)
    assert judge(Equality(atol=0.2, method="t"), item).status == "pass"


# ---- calibration


@pytest.mark.parametrize("offset", [0.3, -0.3])
def test_t_keeps_its_level_at_either_edge_of_the_tolerance(offset, shares, allowed):
    def make(rng):
        return [
            one(rng.normal(2.0 + offset, 1.0, size=(12, 2)), bound=2.0),
            one(rng.normal(0, 1, size=20), bound=0.0),
        ]

    found = shares(Equality(atol=0.3, method="t"), make, 2000, 0.05)
    assert found["fail"] <= allowed(0.05, 2000)
    assert found["pass"] <= allowed(0.05, 2000)


def test_t_with_a_narrow_tolerance_keeps_its_level(shares, allowed):
    found = shares(
        Equality(atol=1e-6, method="t"), lambda rng: [one(rng.normal(size=8), bound=0.0)], 2000, 0.05
    )
    assert found["fail"] <= allowed(0.05, 2000)


def test_t_has_power_half_a_standard_deviation_inside_and_outside_with_100_replications(shares, allowed):
    statistic = Equality(atol=0.5, method="t")
    wrong = shares(statistic, lambda rng: [one(rng.normal(1.0, 1.0, size=(100, 2)), bound=0.0)], 500, 0.01)
    assert wrong["fail"] >= 0.9
    assert wrong["pass"] <= allowed(0.01, 500)
    assert (
        shares(statistic, lambda rng: [one(rng.normal(0.0, 1.0, size=(100, 2)), bound=0.0)], 500, 0.01)[
            "pass"
        ]
        >= 0.9
    )


# ---- properties

pairs = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=10)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(pairs, st.sampled_from(["exact", "t"]), st.integers(1, 20))
def test_symmetric_under_exchange_of_the_two_sides(values, method, atol):
    left, right = np.array(values, dtype=float).T
    statistic = Equality(atol=atol + 0.5, method=method)
    first, second = judge(statistic, one(left, right)), judge(statistic, one(right, left))
    assert first.status == second.status
    assert first.p_value == pytest.approx(second.p_value, rel=1e-9)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(pairs, st.sampled_from(["exact", "t"]), st.randoms(use_true_random=False))
def test_order_of_pairs_and_cells_is_irrelevant(values, method, random):
    statistic = Equality(atol=1.5, method=method)
    shuffled = list(values)
    random.shuffle(shuffled)
    other = one([0.0, 1.0], [0.0, 0.5])
    first = judge(statistic, one(*np.array(values).T), other)
    second = judge(statistic, other, one(*np.array(shuffled).T))
    assert first.status == second.status
    assert first.p_value == pytest.approx(second.p_value, rel=1e-6)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(pairs, st.integers(-9, 9))
def test_a_common_shift_changes_nothing_without_rtol(values, shift):
    left, right = np.array(values, dtype=float).T
    statistic = Equality(atol=1.5, method="t")
    first, second = judge(statistic, one(left, right)), judge(statistic, one(left + shift, right + shift))
    assert first.status == second.status


# ---- bad input


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rtol": -1e-3}, ["rtol", "at least 0"]),
        ({"atol": np.inf}, ["atol", "finite"]),
        ({"method": "bernstein"}, ["method", "exact, t"]),
        ({"method": "t"}, ["rtol and atol are 0", "method='exact'"]),
    ],
)
def test_bad_options(options, words, naming):
    with pytest.raises(ValueError, match=naming(words)):
        Equality(**options)


@pytest.mark.parametrize(
    ("statistic", "item", "words"),
    [
        (Equality(), one([1.0]), ["no reference", "'reference'", "bound(cell)"]),
        (Equality(), one([1.0], [1.0], bound=1.0), ["'reference'", "give it once"]),
        (Equality(), one([1.0], [np.nan]), ["'reference'", "nan"]),
        (Equality(), one([1.0], [np.inf]), ["'reference'", "inf"]),
        (Equality(), one([1.0], bound=np.inf), ["'reference'", "inf", "finite"]),
        (Equality(), one([1.0, 2.0, 4.0], [1.0, 2.0]), ["'reference'", "(2,)", "(3,)"]),
        (Equality(atol=1.0, method="t"), one([1.0], [1.0]), ["at least 2", "replicates"]),
    ],
)
def test_bad_evidence(statistic, item, words, naming):
    with pytest.raises(ValueError, match=naming(words)):
        judge(statistic, item)
