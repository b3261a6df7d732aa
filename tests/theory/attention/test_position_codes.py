import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.theory.attention.position_codes import alibi_slopes, relative_buckets, rotary, sinusoidal


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 30))
def test_products_of_turned_vectors_depend_on_the_difference_alone(row, column, shift):
    rng = np.random.default_rng(0)
    query, key = rng.normal(size=(2, 1, 8))

    def product(i, j):
        return float((rotary(query, [i]) @ rotary(key, [j]).T)[0, 0])

    assert product(row, column) == pytest.approx(product(row + shift, column + shift), abs=1e-12)


def test_turning_keeps_lengths_and_leaves_position_zero(rng):
    vectors = rng.normal(size=(3, 5, 6))
    turned = rotary(vectors, np.arange(5))
    np.testing.assert_allclose(np.linalg.norm(turned, axis=-1), np.linalg.norm(vectors, axis=-1))
    np.testing.assert_array_equal(turned[:, 0], vectors[:, 0])


def test_rotary_is_a_product_of_complex_numbers(rng):
    vectors = rng.normal(size=(4, 6))
    rates = 1e4 ** (-np.arange(3) / 3)
    turned = (vectors[:, :3] + 1j * vectors[:, 3:]) * np.exp(1j * np.arange(4)[:, None] * rates)
    np.testing.assert_allclose(
        rotary(vectors, np.arange(4)), np.concatenate([turned.real, turned.imag], axis=1), atol=1e-14
    )


def test_sinusoidal_products_depend_on_the_difference_alone():
    vectors = sinusoidal(np.arange(20), 8)
    products = vectors @ vectors.T
    np.testing.assert_allclose(products[3, 5], products[10, 12])
    np.testing.assert_allclose(np.diag(products), 4.0)


@pytest.mark.parametrize("heads", [1, 2, 4, 8, 16])
def test_slopes_are_geometric_for_powers_of_two(heads):
    slopes = alibi_slopes(heads)
    assert slopes[-1] == 2.0**-8
    np.testing.assert_allclose(slopes, slopes[0] ** np.arange(1, heads + 1))


def test_other_numbers_of_heads_take_slopes_in_between():
    # released list for 12 heads: those of 8, then every second one of 16
    expected = [2.0**-n for n in (1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5)]
    np.testing.assert_allclose(alibi_slopes(12), expected)


def test_buckets_are_those_of_t5():
    # a list made by the released formula: exact below 16, then 16 bins to 128 in equal steps of the logarithm
    starts = [16, 19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113]
    distances = np.arange(200)
    expected = np.where(distances < 16, distances, 15 + np.searchsorted(starts, distances, side="right"))
    np.testing.assert_array_equal(relative_buckets(distances), expected)


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_buckets_do_not_decrease(near, far):
    low, high = sorted((near, far))
    assert relative_buckets(low) <= relative_buckets(high) <= 31


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: rotary([[1.0, 2.0, 3.0]], [0]), ValueError, "even width"),
        (lambda: rotary([[1.0, 2.0]], [0, 1]), ValueError, "T positions|positions"),
        (lambda: rotary([[1.0, 2.0]], [-1]), ValueError, "contains -1"),
        (lambda: rotary([[1.0, 2.0]], [0.5]), TypeError, "positions has dtype"),
        (lambda: rotary([[np.nan, 2.0]], [0]), ValueError, "vectors"),
        (lambda: sinusoidal([0], 3), ValueError, "even width"),
        (lambda: sinusoidal([0], 4, base=0.0), ValueError, "base"),
        (lambda: alibi_slopes(0), ValueError, "heads is 0"),
        (lambda: relative_buckets([-2]), ValueError, "contains -2"),
        (lambda: relative_buckets([1], buckets=3), ValueError, "even"),
        (lambda: relative_buckets([1], furthest=10), ValueError, "furthest"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()
