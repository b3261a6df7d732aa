import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.bandits import (
    bernoulli_kl,
    corrected_lower_bound_constant,
    exp3spec_bound,
    exp3spec_bound_without_dominance,
    expected_trials,
    gaps,
    hardness,
    lower_bound_constant,
    mean_gap,
    mean_tokens,
    stated_lower_bound_constant,
    trivial_regret,
    ucbspec_bound,
    ucbspec_pull_bound,
    ucbspec_radius,
)

common = settings(deadline=None, derandomize=True, max_examples=50)
pairs = st.tuples(st.floats(0.0, 0.999), st.floats(0.0, 0.999)).filter(
    lambda pair: abs(pair[0] - pair[1]) > 1e-9
)


def _log_bounds(x, terms=60):
    """Rational bounds on log x, x > 0, from 2 artanh((x-1)/(x+1))."""
    z = (x - 1) / (x + 1)
    total = sum(2 * z ** (2 * k + 1) / (2 * k + 1) for k in range(terms))
    rest = 2 * abs(z) ** (2 * terms + 1) / ((2 * terms + 1) * (1 - z * z))
    return total - rest, total + rest


def _kl_bounds(r, p, length):
    """Rational bounds on the divergence of one round with acceptance r from one with acceptance p."""
    trials = sum(r**k for k in range(length))
    first, second = _log_bounds(r / p), _log_bounds((1 - r) / (1 - p))
    return tuple(trials * (r * a + (1 - r) * b) for a, b in zip(first, second, strict=True))


def _gap(p, r, length):
    return sum(p**k - r**k for k in range(1, length + 1))


@pytest.mark.parametrize(
    ("best", "worse"),
    [(Fraction(19, 20), Fraction(9, 10)), (Fraction(99, 100), Fraction(1, 5))],
)
def test_counterexample_to_the_stated_constant_in_exact_arithmetic(best, worse):
    length = 4
    assert Fraction(1, 2) < best**length < 1, "inside the range the statement advertises"
    low, _ = _kl_bounds(worse, best, length)
    gap = _gap(best, worse, length)
    # constant <= Delta / (mu* kl) holds exactly where kl <= Delta^2 (1-p) / (p (1 - p^L))
    assert low > gap**2 * (1 - best) / (best * (1 - best**length))
    instance = [float(best), float(worse)]
    assert stated_lower_bound_constant(instance, length) > lower_bound_constant(instance, length)


@pytest.mark.parametrize(
    ("best", "worse"), [(Fraction(19, 20), Fraction(9, 10)), (Fraction(1, 2), Fraction(1, 10))]
)
def test_corrected_constant_in_exact_arithmetic(best, worse):
    length = 4
    _, high = _kl_bounds(worse, best, length)
    assert high <= _gap(best, worse, length) ** 2 / (best * (1 - best**length))


@common
@given(st.fractions(0, Fraction(99, 100)), st.fractions(0, Fraction(99, 100)), st.integers(1, 8))
def test_steps_of_the_proof_in_exact_arithmetic(first, second, length):
    p, r = max(first, second), min(first, second)
    gap, geometric = _gap(p, r, length), (1 - p**length) / (1 - p)
    assert gap >= (p - r) * geometric
    # the printed step has the opposite sign: the difference of the numerators is r (1-p) (r^L - p^L) <= 0
    numerator = (1 - p) * (1 - r) * gap - (p - r) * (1 - p**length)
    assert numerator == r * (1 - p) * (r**length - p**length)
    assert numerator <= 0
    assert sum(r**k for k in range(length)) <= sum(p**k for k in range(length))


@common
@given(st.floats(0.001, 0.999), st.floats(0.0, 0.999))
def test_divergence_is_below_chi_square(p, r):
    assert float(bernoulli_kl(r, p)) <= (p - r) ** 2 / (p * (1 - p)) * (1 + 1e-12)


@common
@given(pairs, st.integers(1, 16))
def test_corrected_constant_never_exceeds_the_constant(pair, length):
    assert corrected_lower_bound_constant(pair, length) <= lower_bound_constant(pair, length) * (1 + 1e-12)


@common
@given(pairs, st.integers(1, 16))
def test_constants_by_hand(pair, length):
    p, r = max(pair), min(pair)
    gap, mu = float(mean_gap(p, r, length)), float(mean_tokens(p, length))
    divergence = float(expected_trials(r, length)) * float(bernoulli_kl(r, p))
    assert lower_bound_constant(pair, length) == pytest.approx(gap / (mu * divergence), rel=1e-12)
    stated = p * (1 - p**length) / (1 - p) / (mu * gap)
    assert stated_lower_bound_constant(pair, length) == pytest.approx(stated, rel=1e-9)
    assert corrected_lower_bound_constant(pair, length) == pytest.approx(stated * (1 - p), rel=1e-9)


@common
@given(st.floats(0.9, 0.999), st.integers(1, 16))
def test_near_a_tie_the_stated_constant_fails_as_the_expansion_says(p, length):
    r = p - 1e-5 * (1 - p)
    trials, slope = float(expected_trials(p, length)), float(mean_gap(p, r, length)) / (p - r)
    threshold = trials**2 / (2 * slope**2)
    ratio = stated_lower_bound_constant([p, r], length) / lower_bound_constant([p, r], length)
    # Delta = mu' dp and kl = G dp^2 / (2p(1-p)) give ratio = G^2 / (2 mu'^2 (1-p))
    assert ratio == pytest.approx(threshold / (1 - p), rel=1e-3)


@common
@given(st.floats(0.501, 0.999), st.floats(0.0, 0.999))
def test_at_draft_length_one_the_stated_constant_fails_for_every_pair(p, share):
    pair = (p, p * share)
    assert stated_lower_bound_constant(pair, 1) > lower_bound_constant(pair, 1)


def test_constants_add_up_over_arms_and_broadcast_over_instances():
    both = lower_bound_constant([0.8, 0.5, 0.3], 4)
    assert both == pytest.approx(lower_bound_constant([0.8, 0.5], 4) + lower_bound_constant([0.8, 0.3], 4))
    stacked = lower_bound_constant([[0.8, 0.5], [0.3, 0.8]], 4)
    assert np.shape(stacked) == (2,)
    assert stacked[1] == lower_bound_constant([0.8, 0.3], 4)
    assert lower_bound_constant([0.5, 0.5], 4) == 0.0
    assert stated_lower_bound_constant([0.5, 0.5], 4) == corrected_lower_bound_constant([0.0], 4) == 0.0


def test_gaps_and_hardness_leave_out_ties():
    assert gaps([2.0, 3.0, 3.0]).tolist() == [1.0, 0.0, 0.0]
    assert hardness([2.0, 3.0, 3.0]) == hardness([2.0, 3.0]) == pytest.approx(1 / 3)
    assert hardness([2.0]) == 0.0


def test_radius_by_hand_and_large_rounds():
    expected = 2.0 * math.sqrt(11 / 100 * (1 + 2 * math.log(3 * 1e12 * math.sqrt(11) / 0.5)))
    assert ucbspec_radius(10, 1_000_000, 3, 4) == pytest.approx(expected, rel=1e-15)
    # t^2 leaves 32-bit integers at 46341
    before, after = ucbspec_radius(10, np.array([46_340, 46_341], dtype=np.int32), 3, 4)
    assert 0.0 < after - before < 1e-4
    radii = ucbspec_radius(np.array([1, 2, 5]), 8, 3, 4)
    assert np.all(np.diff(radii) < 0.0), "the bonus must differ between arms with different pulls"


@common
@given(st.floats(0.05, 4.0), st.integers(2, 8), st.integers(4, 8), st.integers(10, 10**6))
def test_an_arm_beyond_the_pull_bound_is_never_chosen(gap, arms, length, t):
    pulls = ucbspec_pull_bound(gap, arms, length, t) - 1.0
    assert 2.0 * ucbspec_radius(pulls, t, arms, length) < gap


@common
@given(st.floats(1e-6, 100.0), st.floats(-50.0, 50.0), st.floats(1.0, 100.0))
def test_logarithm_lemma(a, b, factor):
    x = 2.0 / a * max(math.log(1.0 / a) - b, 0.0) * factor
    assert x == 0.0 or a * x + b > math.log(x)


def test_ucbspec_bound_by_hand():
    mu, gap, length, arms, tokens = 3.0, 1.0, 4, 2, 1000
    pulls = 4 + 2 * length**2 / gap**2 * (1 + 2 * math.log(2 * length * arms * tokens**2 / gap))
    expected = gap / mu * pulls + math.pi**2 / 12 + arms
    assert ucbspec_bound([3.0, 2.0], length, tokens, overshoot=False) == pytest.approx(expected, rel=1e-14)
    assert ucbspec_bound([3.0, 2.0], length, tokens) == pytest.approx(expected + length / mu, rel=1e-14)
    assert ucbspec_bound([3.0, 3.0], length, tokens, overshoot=False) == pytest.approx(math.pi**2 / 12 + 2)


def test_exp3spec_bound_takes_the_smaller_form():
    arms, length = 3, 4
    size = arms * math.log(arms)
    first = 2 * length * math.sqrt(50 * size)
    assert exp3spec_bound(arms, length, 50, 40, overshoot=False) == pytest.approx(first)
    second = 2 * length * (2 * length * size + math.sqrt(2e5 * size))
    assert exp3spec_bound(arms, length, 1e6, 2e5, overshoot=False) == pytest.approx(second)
    assert exp3spec_bound(1, length, 50, 40, overshoot=False) == 0.0


@common
@given(st.integers(2, 8), st.integers(1, 16), st.floats(1.0, 1e8), st.floats(0.0, 20.0))
def test_second_form_solves_the_quadratic_inequality(arms, length, best, overshoot):
    """Any x with x <= 2L sqrt((x + ST*) K log K) + L lies below the second form."""
    size, extra = arms * math.log(arms), float(length)
    c = 2 * length
    # largest root of (x - L)^2 = c^2 (x + ST*) size
    half = extra + c * c * size / 2
    root = half + math.sqrt(half * half - extra * extra + c * c * best * size)
    assert root <= exp3spec_bound(arms, length, 1e300, best) * (1 + 1e-12)


def test_bound_without_dominance_adds_the_deficit():
    base = exp3spec_bound_without_dominance(2, 4, 1000.0, 0.0)
    assert exp3spec_bound_without_dominance(2, 4, 1000.0, 2.5) == pytest.approx(base + 10.0)
    assert base == pytest.approx(exp3spec_bound(2, 4, 1000.0, 1e9))


def test_trivial_regret():
    assert trivial_regret(4, 100.0) == pytest.approx(80.0)
    assert trivial_regret(4, 100.0, [1.0, 4.0]) == pytest.approx(75.0)
    assert trivial_regret(4, 100.0, [2.0, 4.0]) == pytest.approx(27.0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: gaps([]), ValueError, ("means", "K >= 1")),
        (lambda: gaps([0.5, 2.0]), ValueError, ("means", ">= 1")),
        (lambda: gaps([np.nan, 2.0]), ValueError, ("means", "NaN")),
        (lambda: ucbspec_bound([6.0, 2.0], 4, 10), ValueError, ("means", "max_draft")),
        (lambda: ucbspec_bound([3.0, 2.0], 4, 0), ValueError, ("tokens", "positive")),
        (lambda: lower_bound_constant([1.0, 0.5], 4), ValueError, ("acceptance", "just below")),
        (lambda: lower_bound_constant([], 4), ValueError, ("acceptance", "at least one arm")),
        (lambda: corrected_lower_bound_constant([0.5, 0.2], 0), ValueError, ("max_draft", "at least 1")),
        (lambda: stated_lower_bound_constant([np.inf, 0.2], 2), ValueError, ("acceptance", "infinite")),
        (lambda: ucbspec_radius(0, 5, 2, 4), ValueError, ("pulls", "play every arm once")),
        (lambda: ucbspec_radius(1, 0, 2, 4), ValueError, ("round_index", "at least 1")),
        (lambda: ucbspec_radius(1, 5, 2, 4, delta=1.0), ValueError, ("delta", "between 0 and 1")),
        (lambda: ucbspec_radius(1, 5, 2, 4, delta=0.0), ValueError, ("delta", "between 0 and 1")),
        (lambda: ucbspec_radius(1, 5, 0, 4), ValueError, ("arms", "at least 1")),
        (lambda: ucbspec_pull_bound(0.0, 2, 4, 10), ValueError, ("gap", "leave out arms that tie")),
        (lambda: ucbspec_pull_bound(1.0, 2, 4, 0.5), ValueError, ("round_index", "at least 1")),
        (lambda: exp3spec_bound(0, 4, 10, 5), ValueError, ("arms", "at least 1")),
        (lambda: exp3spec_bound(2, 4, 10, -5), ValueError, ("best_stopping_time", "positive")),
        (lambda: exp3spec_bound_without_dominance(2, 4, 10, -1.0), ValueError, ("deficit", "at least 0")),
        (lambda: trivial_regret(4, -1.0), ValueError, ("tokens", "positive")),
    ],
)
def test_bad_input_names_argument_and_remedy(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert all(word in str(caught.value) for word in words)
