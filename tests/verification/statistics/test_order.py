import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.verification.statistics import CellEvidence, Order


def one(greater, smaller):
    return CellEvidence(cell={"n": 1}, data={"greater": np.asarray(greater), "smaller": np.asarray(smaller)})


def judge(statistic, *items, level=0.01):
    return statistic.judge(items, level=level)


def test_exact_is_strict_in_every_entry():
    assert judge(Order(method="exact"), one([2.0, 3.0], [1.0, 2.5])).status == "pass"
    found = judge(Order(method="exact"), one([2.0, 3.0], [1.0, 3.0]))
    assert (found.status, found.estimate, found.p_value) == ("fail", 0.0, 0.0)
    assert judge(Order(method="exact", margin=0.5), one([2.0, 3.0], [1.0, 2.5])).status == "fail"
    assert judge(Order(method="exact", margin=-0.5), one([2.0], [2.25])).status == "pass"


def test_t_agrees_with_scipy():
    from scipy import stats

    generator = np.random.default_rng(0)
    greater, smaller = generator.normal(0.0, 1.0, size=(2, 30))
    found = judge(Order(margin=0.2), one(greater, smaller))
    assert found.p_value == pytest.approx(
        stats.ttest_1samp(greater - smaller, 0.2, alternative="less").pvalue
    )


@pytest.mark.parametrize(("difference", "status"), [(0.5, "pass"), (0.0, "fail"), (-0.5, "fail")])
def test_t_without_variance_compares_exactly_and_strictly(difference, status):
    assert judge(Order(), one(np.full(5, difference), np.zeros(5))).status == status


def test_sign_leaves_ties_out():
    assert judge(Order(method="sign"), one(np.zeros(50), np.zeros(50))).status == "inconclusive"
    greater = np.concatenate([np.ones(10), np.zeros(90)])
    found = judge(Order(method="sign"), one(greater, np.zeros(100)))
    assert (found.status, found.estimate) == ("pass", 1.0)
    found = judge(Order(method="sign"), one(-greater, np.zeros(100)))
    assert (found.status, found.p_value) == ("fail", pytest.approx(2.0**-10))


# ---- calibration


def make_pairs(shift, n=40, cells=2):
    def make(rng):
        common = rng.normal(0, 10, size=(cells, n))
        return [one(c + shift + rng.normal(size=n), c) for c in common]

    return make


@pytest.mark.parametrize("method", ["t", "sign"])
def test_keeps_its_level_at_the_boundary(method, shares, allowed):
    found = shares(Order(margin=0.5, method=method), make_pairs(0.5), 2000, 0.05)
    assert found["fail"] <= allowed(0.05, 2000)
    assert found["pass"] <= allowed(0.05, 2000)


@pytest.mark.parametrize("method", ["t", "sign"])
def test_has_power_at_half_a_standard_deviation_of_the_difference_with_150_pairs(method, shares, allowed):
    wrong = shares(Order(method=method), make_pairs(-0.5, n=150), 500, 0.01)
    assert wrong["fail"] >= 0.9
    assert wrong["pass"] <= allowed(0.01, 500)
    assert shares(Order(method=method), make_pairs(0.5, n=150), 500, 0.01)["pass"] >= 0.9


# ---- properties

pairs = st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), min_size=2, max_size=12)
methods = st.sampled_from(["t", "sign", "exact"])


@settings(deadline=None, derandomize=True, max_examples=50)
@given(pairs, methods)
def test_an_order_and_its_reverse_never_both_pass(values, method):
    left, right = np.array(values, dtype=float).T
    statuses = {judge(Order(method=method), one(*pair)).status for pair in ((left, right), (right, left))}
    assert statuses != {"pass"}


@settings(deadline=None, derandomize=True, max_examples=50)
@given(pairs, methods, st.randoms(use_true_random=False))
def test_order_of_pairs_and_cells_is_irrelevant(values, method, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    other = one([0.5, 2.5], [0.0, 1.0])
    first = judge(Order(method=method), one(*np.array(values, dtype=float).T), other)
    second = judge(Order(method=method), other, one(*np.array(shuffled, dtype=float).T))
    assert first.status == second.status
    assert first.p_value == pytest.approx(second.p_value, rel=1e-6)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(pairs)
def test_the_sign_test_sees_ranks_alone(values):
    left, right = np.array(values, dtype=float).T
    plain = judge(Order(method="sign"), one(left, right))
    assert judge(Order(method="sign"), one(left**3, right**3)) == plain


# ---- bad input


@pytest.mark.parametrize(
    ("options", "words"),
    [({"margin": np.inf}, ["margin", "finite"]), ({"method": "wilcoxon"}, ["method", "t, sign, exact"])],
)
def test_bad_options(options, words, naming):
    with pytest.raises(ValueError, match=naming(words)):
        Order(**options)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (one([1.0, 2.0], [1.0]), ["'smaller'", "1 replications", "at least 2"]),
        (one([1.0, 2.0, 3.0], [1.0, 2.0]), ["'greater'", "(3,)", "(2,)", "one shape"]),
        (one([1.0, np.nan], [1.0, 2.0]), ["'greater'", "nan"]),
        (CellEvidence({"n": 2}, {"greater": np.ones(2)}), ["n=2", "'smaller'", "greater", "return it"]),
    ],
)
def test_bad_evidence(item, words, naming):
    with pytest.raises(ValueError, match=naming(words)):
        judge(Order(), item)
