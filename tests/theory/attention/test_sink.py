import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from tightbound.theory.attention.masks import visible
from tightbound.theory.attention.sink import (
    contribution,
    importance,
    raw_mass,
    sink_metric,
    sink_metric_of_mean,
    value_drain,
)


def attention(seed, *shape, length=20, slots=0):
    logits = np.random.default_rng(seed).normal(size=(*shape, length, slots + length))
    return softmax(np.where(visible(length, slots=slots), logits, -np.inf), axis=-1)


def test_importance_averages_the_rows_from_the_column_on():
    scores = attention(0, length=7)
    for k in range(1, 8):
        expected = scores[k - 1 :, k - 1].mean()
        assert importance(scores)[k - 1] == pytest.approx(expected)


def test_a_slot_is_averaged_over_all_rows():
    scores = attention(1, length=7, slots=1)
    found = importance(scores, slots=1)
    assert found[0] == pytest.approx(scores[:, 0].mean())
    assert found[3] == pytest.approx(scores[2:, 3].mean())


def test_rows_before_the_column_do_not_count_even_where_a_prefix_shows_it():
    scores = np.full((4, 4), 0.25)  # all rows see all columns, a prefix of four
    np.testing.assert_allclose(importance(scores), 0.25)


@given(st.integers(0, 100), st.floats(0.02, 0.9))
def test_the_metric_is_a_share_that_falls_with_eps(seed, eps):
    scores = attention(seed, 3, 2)
    found = [sink_metric(scores, level) for level in (eps, min(2 * eps, 0.95))]
    assert 0.0 <= found[1] <= found[0] <= 1.0


def test_a_column_at_the_threshold_is_no_sink():
    scores = np.zeros((20, 20))
    scores[:, 0], scores[:, 1] = 0.25, 0.75  # importance 1/4, without rounding
    assert importance(scores)[0] == 0.25
    for eps, share in ((np.nextafter(0.25, 0.0), 1.0), (0.25, 0.0)):
        assert sink_metric(scores, eps) == sink_metric_of_mean(scores[None], eps, axis=0) == share


def test_the_two_conventions_differ():
    # two of three sequences have the sink: per sequence two thirds, on average one
    sink, local = np.eye(1, 16) + np.zeros((16, 16)), np.eye(16)
    scores = np.stack([sink, sink, local])[None]
    assert sink_metric(scores, 0.5) == pytest.approx(2 / 3)
    assert sink_metric_of_mean(scores, 0.5, axis=1) == sink_metric_of_mean(scores, 0.5, axis=-3) == 1.0
    assert sink_metric_of_mean(scores, 0.7, axis=1) == 0.0
    assert sink_metric(scores, 0.7) == pytest.approx(2 / 3)


def test_a_slot_is_position_zero():
    scores = np.concatenate([np.full((16, 1), 0.9), np.zeros((16, 15)), np.full((16, 1), 0.1)], axis=1)
    assert sink_metric(scores, slots=1, position=0) == 1.0
    assert sink_metric(scores, slots=1, position=1) == 0.0


def test_the_proxy_reports_a_sink_where_there_is_no_mass():
    scores = np.full((32, 32), 1e-12)
    scores[:, 0] = 1e-5
    assert sink_metric(scores, proxy=True) == 1.0
    assert raw_mass(scores)[0] < 1e-4


def test_raw_mass_takes_any_scores():
    scores = np.tril(np.full((4, 4), -3.0))
    np.testing.assert_allclose(raw_mass(scores), 3.0)
    assert raw_mass(np.ones((2, 3, 4, 5)), slots=1).shape == (2, 3, 5)


def test_contribution_and_drain_of_a_sink_without_a_value(rng):
    scores = attention(2, 3, length=16)
    values = rng.normal(size=(3, 16, 4))
    values[:, 0] = 0.0
    np.testing.assert_array_equal(contribution(scores, values), 0.0)
    np.testing.assert_array_equal(value_drain(values), 0.0)
    values[:, 0] = 1.0
    assert np.all(contribution(scores, values)[:, 0] == 1.0)  # row 1 attends to itself
    expected = 2.0 / np.linalg.norm(values[:, 1:], axis=-1).mean(axis=-1)
    np.testing.assert_allclose(value_drain(values), expected)


def test_ratios_with_zero_below():
    assert contribution([[0.5, 0.5]] * 2, [[1.0], [-1.0]])[0] == np.inf
    assert contribution([[0.5, 0.5]] * 2, [[0.0], [0.0]])[0] == 0.0
    assert value_drain(np.zeros((3, 2))) == 1.0
    assert value_drain([[1.0], [0.0]]) == np.inf
    # the slot is not among the others
    assert value_drain([[9.0], [1.0], [2.0]], slots=1) == 0.5
    assert value_drain([[9.0], [1.0], [2.0]], slots=1, position=0) == 6.0


UNIFORM = np.tril(np.ones((16, 16))) / np.arange(1, 17)[:, None]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"eps": 0.0}, ValueError, "inside \\(0, 1\\)"),
        ({"eps": 1.0}, ValueError, "inside \\(0, 1\\)"),
        ({"eps": np.nan}, ValueError, "eps"),
        ({"position": 0}, ValueError, "position is 0"),
        ({"position": 17}, ValueError, "from 1 to 16"),
        ({"position": 1.5}, TypeError, "position is 1.5"),
        ({"scores": UNIFORM[:15, :15]}, ValueError, "at least 16"),
        ({"scores": 2.0 * UNIFORM}, ValueError, "sums to 2"),
        ({"scores": 0.5 * UNIFORM}, ValueError, "proxy=True"),
        ({"scores": UNIFORM * np.nan}, FloatingPointError, "NaN"),
        ({"scores": UNIFORM[:, :-1]}, ValueError, "sums to|columns"),
        ({"slots": 1}, ValueError, "slots \\+ T"),
        ({"slots": 2}, ValueError, "slots 0 or 1"),
    ],
)
def test_bad_input_of_the_metric(options, error, words):
    with pytest.raises(error, match=words):
        sink_metric(**{"scores": UNIFORM} | options)


def test_bad_input_elsewhere():
    with pytest.raises(ValueError, match="above 1"):
        importance([[3.0, 0.0], [3.0, 0.0]])
    with pytest.raises(ValueError, match="non-negative"):
        importance([[-1.0]])
    with pytest.raises(ValueError, match="axis is 2"):
        sink_metric_of_mean(UNIFORM[None], axis=2)
    with pytest.raises(ValueError, match="axis is 0"):
        sink_metric_of_mean(UNIFORM, axis=0)
    with pytest.raises(ValueError, match="values has shape"):
        contribution(UNIFORM, np.ones((15, 2)))
    with pytest.raises(ValueError, match="T >= 2"):
        value_drain([[1.0]])
    with pytest.raises(ValueError, match="rows and columns"):
        raw_mass([1.0])


def test_maps_in_single_precision_pass():
    assert sink_metric(attention(3, 4, length=64).astype(np.float32), 0.01) >= 0.0
