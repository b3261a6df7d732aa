import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.verification.statistics import CellEvidence, Law


def laws(value, reference):
    return CellEvidence(cell={"n": 1}, data={"value": np.asarray(value), "reference": np.asarray(reference)})


def counts(observed, probabilities):
    data = {"counts": np.asarray(observed), "probabilities": np.asarray(probabilities)}
    return CellEvidence(cell={"n": 1}, data=data)


def judge(statistic, *items, level=0.01):
    return statistic.judge(items, level=level)


CHI2 = Law(method="chi2")
UNEVEN = np.array([0.4, 0.3, 0.2, 0.06, 0.03, 0.007, 0.002, 0.001])


def test_exact_compares_total_variation_row_by_row():
    found = judge(Law(atol=0.05), laws([[0.5, 0.5], [0.25, 0.75]], [[0.5, 0.5], [0.5, 0.5]]))
    assert (found.status, found.estimate, found.bound, found.p_value) == ("fail", 0.25, 0.05, 0.0)
    assert found.detail["column"] == [1]
    assert judge(Law(atol=0.25), laws([0.25, 0.75], [0.5, 0.5])).status == "pass"
    assert judge(Law(), laws([[0.5, 0.5], [0.25, 0.75]], [0.5, 0.5])).status == "fail"


def test_exact_forgives_rounding_and_no_more():
    law = np.array([0.2, 0.3, 0.5])
    assert judge(Law(), laws(law + np.array([1e-16, -1e-16, 0]), law)).status == "pass"
    assert judge(Law(), laws(law + np.array([1e-11, -1e-11, 0]), law)).status == "fail"


def test_chi2_agrees_with_scipy_where_nothing_is_pooled():
    from scipy import stats

    observed, law = np.array([22, 35, 43]), np.array([0.3, 0.3, 0.4])
    found = judge(CHI2, counts(observed, law))
    expected = stats.chisquare(observed, 100 * law)
    assert (found.estimate, found.p_value) == pytest.approx((expected.statistic, expected.pvalue))
    assert found.bound == pytest.approx(stats.chi2.isf(0.01, 2))
    assert found.detail["degrees_of_freedom"] == [2]


def test_rare_categories_are_pooled_by_expectation():
    found = judge(CHI2, counts([40, 30, 20, 6, 3, 1, 0, 0], UNEVEN))
    # 0.4 in the four rarest together stays below 5, so the next one joins them
    assert found.detail["degrees_of_freedom"] == [3]
    assert found.detail["least_expected"] == pytest.approx([10.0])
    assert found.detail["draws"] == [100]


def test_too_few_draws_are_inconclusive():
    found = judge(CHI2, counts([4, 3], [0.5, 0.5]))
    assert (found.status, found.p_value) == ("inconclusive", 1.0)
    assert judge(CHI2, counts([10], [1.0])).status == "inconclusive"
    assert judge(CHI2, counts([4, 3], [0.5, 0.5]), counts([40, 38], [0.5, 0.5])).status == "inconclusive"


def test_an_impossible_category_rejects_outright():
    found = judge(CHI2, counts([500, 499, 1], [0.5, 0.5, 0.0]))
    assert (found.status, found.p_value) == ("fail", 0.0)
    assert judge(CHI2, counts([500, 500, 0], [0.5, 0.5, 0.0])).status == "pass"


def test_rows_of_counts_add_up():
    law = [0.25, 0.25, 0.5]
    split = judge(CHI2, counts([[10, 20, 30], [15, 5, 20]], law))
    assert split == judge(CHI2, counts([25, 25, 50], law))
    assert split == judge(CHI2, counts([[10, 20, 30], [15, 5, 20]], [law, law]))


@pytest.mark.parametrize(("draws", "p"), [(100, 0.1), (100, 0.05), (51, 0.1), (1000, 0.006)])
def test_two_categories_keep_every_level_exactly(draws, p):
    """Summed over all outcomes; the chi-square tail itself exceeds 0.05 by a quarter at (100, 0.1)."""
    from scipy import stats

    hits = np.arange(draws + 1)
    p_values = np.array([judge(CHI2, counts([n, draws - n], [p, 1 - p])).p_value for n in hits])
    mass = stats.binom.pmf(hits, draws, p)
    for level in (0.05, 0.01, 1e-3, 1e-4, 1e-6):
        assert mass[p_values <= level].sum() <= level


# ---- calibration


@pytest.mark.parametrize(
    ("law", "draws"), [(UNEVEN, 200), (UNEVEN, 5000), (np.full(20, 0.05), 100), (np.array([0.9, 0.1]), 100)]
)
def test_chi2_keeps_its_level_under_the_law_over_two_cells(law, draws, shares, allowed):
    def make(rng):
        return [counts(row, law) for row in rng.multinomial(draws, law, size=2)]

    assert shares(CHI2, make, 2000, 0.05)["fail"] <= allowed(0.05, 2000)
    assert shares(CHI2, make, 2000, 0.01)["fail"] <= allowed(0.01, 2000)


def test_chi2_rejects_a_biased_sampler_with_power_above_99_percent(shares, allowed):
    """Alternative: a tenth of the mass goes to the likeliest category, 4000 draws (noncentrality 60)."""
    biased = 0.9 * UNEVEN
    biased[0] += 0.1
    found = shares(CHI2, lambda rng: [counts(rng.multinomial(4000, biased), UNEVEN)], 1000, 0.01)
    assert found["fail"] > 0.99
    assert found["pass"] <= allowed(0.01, 1000)


def test_chi2_passes_the_true_law_nearly_always(shares):
    found = shares(CHI2, lambda rng: [counts(rng.multinomial(2000, UNEVEN), UNEVEN)], 500, 0.01)
    assert found["pass"] >= 0.9


# ---- properties

observations = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), min_size=2, max_size=8).filter(
    lambda pairs: any(n for n, _ in pairs)
)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(observations, st.randoms(use_true_random=False))
def test_names_of_categories_are_irrelevant(pairs, random):
    # ties in expectation would leave the choice of the pool's partner open, so weights are made different
    tagged = [(n, w + 1e-3 * i) for i, (n, w) in enumerate(pairs)]
    shuffled = list(tagged)
    random.shuffle(shuffled)

    def verdict(rows):
        observed, weights = np.array([n for n, _ in rows]), np.array([w for _, w in rows])
        return judge(CHI2, counts(observed, weights / weights.sum()))

    first, second = verdict(tagged), verdict(shuffled)
    assert first.status == second.status
    assert first.p_value == pytest.approx(second.p_value, rel=1e-6, abs=1e-300)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=8), st.floats(0.0, 1.0))
def test_exact_is_symmetric_and_bounded_by_one(pairs, atol):
    left, right = np.array(pairs, dtype=float).T + 1.0
    left, right = left / left.sum(), right / right.sum()
    first, second = judge(Law(atol=atol), laws(left, right)), judge(Law(atol=atol), laws(right, left))
    assert (first.status, first.estimate) == (second.status, second.estimate)
    assert 0.0 <= first.estimate <= 1.0


# ---- bad input


@pytest.mark.parametrize(
    ("options", "words"),
    [({"method": "ks"}, ["method", "exact, chi2"]), ({"atol": -1.0}, ["atol", "at least 0"])],
)
def test_bad_options(options, words, naming):
    with pytest.raises(ValueError, match=naming(words)):
        Law(**options)


@pytest.mark.parametrize(
    ("statistic", "item", "words"),
    [
        (Law(), laws([0.5, 0.6], [0.5, 0.5]), ["'value'", "sum 1.1", "add up to 1"]),
        (Law(), laws([0.5, 0.5], [-0.5, 1.5]), ["'reference'", "-0.5", "at least 0"]),
        (Law(), laws([0.5, 0.5], [0.5, 0.25, 0.25]), ["'value'", "(2,)", "(3,)", "one shape"]),
        (Law(), laws([[[1.0]]], [1.0]), ["'value'", "(1, 1, 1)", "rows (R, C)"]),
        (CHI2, laws([1.0], [1.0]), ["'counts'", "value", "return it"]),
        (CHI2, counts([5, 5], [1.0]), ["'counts' has 2", "'probabilities' 1"]),
        (CHI2, counts([0, 0], [0.5, 0.5]), ["'counts'", "not all 0", "bincount"]),
        (CHI2, counts([1.5, 2], [0.5, 0.5]), ["'counts'", "whole"]),
        (CHI2, counts([-1, 2], [0.5, 0.5]), ["'counts'", "at least 0"]),
        (
            CHI2,
            counts([[1, 2], [3, 4]], [[0.5, 0.5], [0.4, 0.6]]),
            ["'probabilities' differ", "cell of its own"],
        ),
    ],
)
def test_bad_evidence(statistic, item, words, naming):
    with pytest.raises(ValueError, match=naming(words)):
        judge(statistic, item)
