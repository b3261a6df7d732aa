import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.concentration import (
    binomial_tail,
    clopper_pearson,
    empirical_bernstein_radius,
    empirical_bernstein_tail,
)


def test_empirical_bernstein_radius_by_hand():
    log = np.log(2 / 0.1)
    expected = np.sqrt(2 * 0.09 * log / 50) + 7 * 2.0 * log / (3 * 49)
    assert float(empirical_bernstein_radius(0.09, 50, 0.1, width=2.0)) == pytest.approx(expected)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.floats(0, 100), st.integers(2, 10**6), st.floats(1e-12, 0.99), st.floats(0.01, 100))
def test_tail_inverts_radius(variance, n, delta, width):
    radius = empirical_bernstein_radius(variance, n, delta, width=width)
    assert float(empirical_bernstein_tail(radius, variance, n, width=width)) == pytest.approx(delta, rel=1e-6)


def test_tail_is_one_at_or_below_no_excess_and_broadcasts():
    tail = empirical_bernstein_tail([[-np.inf, -1.0, 0.0, 1e9]], [[0.0], [1.0]], 5)
    assert tail.shape == (2, 4)
    np.testing.assert_array_equal(tail[:, :3], 1.0)
    np.testing.assert_array_equal(tail[:, 3], 0.0)


def test_empirical_bernstein_holds_on_bernoulli_samples_exactly():
    """The chance of an excess beyond the radius, summed over all outcomes."""
    from scipy import stats as scipy_stats

    for n in (5, 20, 100):
        hits = np.arange(n + 1)
        variance = hits * (n - hits) / (n * (n - 1))
        for delta in (0.05, 0.3):
            radius = empirical_bernstein_radius(variance, n, delta)
            for p in (0.01, 0.3, 0.5, 0.9):
                mass = scipy_stats.binom.pmf(hits, n, p)
                assert mass[hits / n - radius > p].sum() <= delta
                assert mass[hits / n + radius < p].sum() <= delta


@pytest.mark.parametrize("n", [1, 7, 60])
@pytest.mark.parametrize("delta", [0.3, 0.01, 1e-6])
def test_clopper_pearson_solves_its_equations_and_covers_exactly(n, delta):
    from scipy import stats as scipy_stats

    hits = np.arange(n + 1)
    low, high = clopper_pearson(hits, n, delta)
    assert (low[0], high[-1]) == (0.0, 1.0)
    np.testing.assert_allclose(scipy_stats.binom.sf(hits[1:] - 1, n, low[1:]), delta, rtol=1e-6)
    np.testing.assert_allclose(scipy_stats.binom.cdf(hits[:-1], n, high[:-1]), delta, rtol=1e-6)
    for p in (0.01, 0.25, 0.5, 0.8):
        mass = scipy_stats.binom.pmf(hits, n, p)
        assert mass[low > p].sum() <= delta
        assert mass[high < p].sum() <= delta


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.integers(1, 500), st.floats(0, 1), st.floats(1e-9, 0.4))
def test_clopper_pearson_is_symmetric_and_ordered(n, share, delta):
    hits = round(share * n)
    low, high = clopper_pearson(hits, n, delta)
    mirrored_low, mirrored_high = clopper_pearson(n - hits, n, delta)
    assert 0 <= low <= hits / n <= high <= 1
    assert (float(low), float(high)) == pytest.approx(
        (1 - float(mirrored_high), 1 - float(mirrored_low)), abs=1e-12
    )


@pytest.mark.parametrize("n", [1, 10, 33])
def test_binomial_tail_equals_the_sum(n):
    from scipy import stats as scipy_stats

    hits = np.arange(n + 1)
    for p in (0.05, 0.5, 0.99):
        np.testing.assert_allclose(
            binomial_tail(hits, n, p), scipy_stats.binom.sf(hits - 1, n, p), rtol=1e-10
        )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: empirical_bernstein_radius(-1.0, 5, 0.1),
            "variance is -1.0: give finite numbers of at least 0",
        ),
        (lambda: empirical_bernstein_radius(np.nan, 5, 0.1), "variance is nan: give finite"),
        (lambda: empirical_bernstein_radius(1.0, 1, 0.1), "n is 1: .*needs n >= 2; draw more"),
        (
            lambda: empirical_bernstein_radius(1.0, 5, 1.0),
            "delta is 1.0: give a probability strictly between",
        ),
        (lambda: empirical_bernstein_radius(1.0, 5, 0.1, width=0.0), "width is 0.0: give the positive width"),
        (lambda: empirical_bernstein_tail(np.nan, 1.0, 5), "excess holds NaN: give"),
        (lambda: clopper_pearson(3, 2, 0.1), "successes is 3: give whole numbers from 0 to trials"),
        (lambda: clopper_pearson(1.5, 2, 0.1), "successes is 1.5: give whole numbers"),
        (lambda: clopper_pearson(0, 0, 0.1), "trials is 0: give whole numbers of at least 1"),
        (lambda: clopper_pearson(0, 5, 0.0), "delta is 0.0: give a probability"),
        (lambda: binomial_tail(0, 5, 1.0), "probability is 1.0: give a probability"),
        (lambda: binomial_tail(np.nan, 5, 0.5), "successes is nan: give whole numbers"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
