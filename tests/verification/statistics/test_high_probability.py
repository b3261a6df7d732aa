import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.verification.statistics import CellEvidence, HighProbability


def flags(violated):
    return CellEvidence(cell={"n": 1}, data={"violated": np.asarray(violated)})


def counts(violations, trials):
    return CellEvidence(
        cell={"n": 1}, data={"violations": np.asarray(violations), "trials": np.asarray(trials)}
    )


def judge(delta, *items, level=0.01):
    return HighProbability(delta=delta).judge(items, level=level)


def test_runs_without_violation_confirm_once_there_are_enough():
    # (1 - 0.05)^n <= 0.01 from n = 90 on
    assert judge(0.05, flags(np.zeros(90, dtype=bool))).status == "pass"
    assert judge(0.05, flags(np.zeros(89, dtype=bool))).status == "inconclusive"


def test_agrees_with_scipys_binomial_test():
    from scipy import stats

    found = judge(0.05, counts(9, 100), counts(2, 50))
    expected = [stats.binomtest(s, n, 0.05, alternative="greater").pvalue for s, n in ((9, 100), (2, 50))]
    np.testing.assert_allclose(found.detail["p_value"], expected, rtol=1e-10)
    assert found.p_value == pytest.approx(2 * min(expected))
    assert found.tightness == pytest.approx(0.09 / 0.05)
    assert (found.detail["violations"], found.detail["trials"]) == ([9, 2], [100, 50])


def test_flags_and_counts_agree_and_counts_add_up_over_replicates():
    violated = np.arange(60) < 4
    from_flags, from_counts = judge(0.2, flags(violated)), judge(0.2, counts([1, 3], [20, 40]))
    assert from_flags == from_counts
    assert judge(0.2, flags(violated.astype(float))) == from_flags


def test_columns_are_comparisons_of_their_own():
    violated = np.zeros((100, 2), dtype=bool)
    violated[:40, 1] = True
    found = judge(0.1, flags(violated))
    assert (found.status, found.estimate) == ("fail", 0.4)
    assert found.detail["column"] == [0, 1]


# ---- calibration


@pytest.mark.parametrize(("delta", "n"), [(0.05, 60), (0.3, 25)])
def test_keeps_its_level_at_the_boundary_over_three_cells(delta, n, shares, allowed):
    def make(rng):
        return [flags(rng.uniform(size=n) < delta) for _ in range(3)]

    found = shares(HighProbability(delta), make, 1500, 0.05)
    assert found["fail"] <= allowed(0.05, 1500)
    assert found["pass"] <= allowed(0.05, 1500)


def test_has_power_at_twice_and_at_half_of_delta_with_1000_runs(shares, allowed):
    def make(share):
        return lambda rng: [counts(rng.binomial(1000, share), 1000) for _ in range(2)]

    wrong = shares(HighProbability(0.05), make(0.1), 500, 0.01)
    assert wrong["fail"] >= 0.9
    assert wrong["pass"] <= allowed(0.01, 500)
    assert shares(HighProbability(0.05), make(0.02), 500, 0.01)["pass"] >= 0.9


# ---- properties


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.booleans(), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_order_of_runs_and_cells_is_irrelevant(violated, random):
    shuffled = list(violated)
    random.shuffle(shuffled)
    other = counts(1, 10)
    first, second = judge(0.2, flags(violated), other), judge(0.2, other, flags(shuffled))
    assert (first.status, first.p_value, first.tightness) == (second.status, second.p_value, second.tightness)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.integers(1, 200), st.integers(0, 199), st.floats(0.01, 0.9))
def test_one_more_violation_is_never_better(trials, violations, delta):
    violations = min(violations, trials - 1)
    fewer, more = judge(delta, counts(violations, trials)), judge(delta, counts(violations + 1, trials))
    assert more.p_value <= fewer.p_value
    assert more.high >= fewer.high


# ---- bad input


@pytest.mark.parametrize("delta", [0.0, 1.0, -0.1, np.nan])
def test_bad_delta(delta):
    with pytest.raises(ValueError, match=r"delta is .*give a"):
        HighProbability(delta)
    with pytest.raises(TypeError, match=r"delta is '0.1'.*give a number"):
        HighProbability("0.1")


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (flags([0, 2]), ["'violated'", "2", "booleans"]),
        (CellEvidence({"n": 4}, {"value": np.ones(1)}), ["n=4", "'violated'", "value", "'trials'"]),
        (CellEvidence({"n": 4}, {"violations": np.ones(1)}), ["'trials'", "violations", "return it"]),
        (counts([1, 2], [5]), ["'violations'", "(2, 1)", "(1, 1)", "one shape"]),
        (counts(6, 5), ["counts", "violations <= trials"]),
        (counts(0.5, 5), ["counts", "violations <= trials"]),
        (counts(0, 0), ["counts", "trials >= 1"]),
    ],
)
def test_bad_evidence(item, words, naming):
    with pytest.raises(ValueError, match=naming(words)):
        judge(0.1, item)
