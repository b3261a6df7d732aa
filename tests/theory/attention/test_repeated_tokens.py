import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.theory.attention.position_codes import rotary
from tightbound.theory.attention.repeated_tokens import (
    decreasing_bias_bound,
    importance_bound,
    largest_useful_spread,
    logit_radius,
    repeated_token_reference,
    score_bound,
    uniform_importance,
)
from tightbound.theory.attention.scores import attention_scores
from tightbound.theory.attention.sink import importance


def test_every_closed_form_is_a_softmax_by_distance(rng):
    distance = np.arange(6)[:, None] - np.arange(6)
    seen = distance >= 0
    bias = rng.normal(size=6)
    query, key = rng.normal(size=(2, 4))
    turned_q, turned_k = (rotary(np.tile(x, (6, 1)), np.arange(6)) for x in (query, key))
    logits = {
        "none": np.zeros((6, 6)),
        "alibi": -0.3 * distance,
        "relative": bias[np.maximum(distance, 0)],
        "bucket_index": np.maximum(distance, 0.0),
        "rotary": turned_q @ turned_k.T / 2.0,
    }
    options = {"alibi": {"slope": 0.3}, "relative": {"bias": bias}, "rotary": {"query": query, "key": key}}
    for position, rows in logits.items():
        weights = np.where(seen, np.exp(rows), 0.0)
        found = repeated_token_reference(position, 6, **options.get(position, {}))
        np.testing.assert_allclose(found, weights / weights.sum(axis=1, keepdims=True), atol=1e-14)


def test_leading_axes_are_heads():
    assert repeated_token_reference("alibi", 4, slope=[0.1, 0.2]).shape == (2, 4, 4)
    assert repeated_token_reference("relative", 4, bias=np.zeros((2, 3, 4))).shape == (2, 3, 4, 4)
    assert repeated_token_reference("rotary", 4, query=np.ones((3, 2)), key=np.ones((3, 2))).shape == (
        3,
        4,
        4,
    )


def test_extreme_biases_stay_finite():
    rows = repeated_token_reference("relative", 4, bias=[0.0, 800.0, -800.0, 5000.0])
    assert np.all(np.isfinite(rows))
    np.testing.assert_allclose(rows.sum(axis=1), 1.0)
    np.testing.assert_allclose(repeated_token_reference("alibi", 4, slope=1e-9)[3], 0.25)
    np.testing.assert_allclose(repeated_token_reference("alibi", 4, slope=1e3)[3], [0, 0, 0, 1])


@given(st.integers(1, 80))
def test_uniform_importance_is_that_of_uniform_rows(length):
    found = importance(repeated_token_reference("none", length))
    np.testing.assert_allclose(found, uniform_importance(length), rtol=1e-13)


def test_uniform_attention_passes_the_threshold_up_to_nine_tokens():
    first = np.array([uniform_importance(length)[0] for length in range(1, 40)])
    assert np.all(np.diff(first) < 0.0)
    np.testing.assert_array_equal(np.flatnonzero(first > 0.3) + 1, np.arange(1, 10))


@given(st.floats(0.0, 6.0), st.integers(2, 40), st.integers(0, 1000))
def test_no_row_exceeds_the_bound(spread, length, seed):
    logits = np.random.default_rng(seed).uniform(0.0, spread, (length, length))
    rows = attention_scores(
        np.zeros((length, 1)), np.zeros((length, 1)), bias=logits, visible=np.tril(logits >= 0.0)
    )
    assert np.all(rows.max(axis=1) <= score_bound(spread, length) * (1 + 1e-12))
    for k in (1, length // 2, length):
        assert importance(rows)[k - 1] <= importance_bound(spread, length, position=k) * (1 + 1e-12)


def test_the_bound_on_a_row_is_attained():
    logits = np.where(np.arange(5) == 2, 1.5, 0.0)
    assert np.exp(logits).max() / np.exp(logits).sum() == pytest.approx(score_bound(1.5, 5)[4])


@pytest.mark.parametrize("spread", [0.0, 1e-3, 1.0, 5.0, 40.0, 700.0])
def test_the_bound_on_importance_is_the_integral(spread):
    sums = score_bound(spread, 64).mean()
    bound = float(importance_bound(spread, 64))
    assert sums <= bound * (1 + 1e-12) <= 1.0 + 1e-12
    assert bound - sums < 1 / 64  # the integral loses at most the difference of the ends
    if spread < 20:
        c = np.exp(spread)
        assert bound == pytest.approx((1 + c * np.log(1 + 63 / c)) / 64)


@given(st.floats(0.0, 20.0), st.floats(0.0, 5.0), st.integers(2, 200))
def test_the_bound_grows_with_the_spread(spread, more, length):
    assert importance_bound(spread, length) <= importance_bound(spread + more, length) * (1 + 1e-12)


def test_up_to_which_spread_the_bound_rules_a_sink_out():
    spread = largest_useful_spread(64)
    assert importance_bound(spread, 64) == pytest.approx(0.3)
    assert 1.0 < spread / 2 < 1.1
    assert largest_useful_spread(8) == 0.0
    assert largest_useful_spread(4096) > largest_useful_spread(64) > largest_useful_spread(64, 0.2)


@given(st.integers(1, 40), st.integers(0, 1000))
def test_a_bias_that_does_not_increase_gives_the_first_token_least(length, seed):
    bias = np.sort(np.random.default_rng(seed).normal(0.0, 3.0, length))[::-1]
    rows = repeated_token_reference("relative", length, bias=bias)
    assert np.all(rows[:, 0] <= decreasing_bias_bound(length) * (1 + 1e-13))
    for t in range(length):
        assert rows[t, 0] <= rows[t, : t + 1].min() * (1 + 1e-13)


def test_the_bias_of_the_released_model_makes_the_first_token_a_sink():
    found = {
        length: importance(repeated_token_reference("bucket_index", length))[0] for length in (16, 64, 256)
    }
    assert found[16] == pytest.approx(0.664527, abs=1e-6)
    assert found[64] == pytest.approx(0.333958, abs=1e-6)
    assert found[256] == pytest.approx(0.112853, abs=1e-6)  # the last bucket is shared by more and more


def test_logit_radius_bounds_turned_products(rng):
    query, key = rng.normal(size=(2, 3, 5, 4))
    turned = rotary(query, np.arange(5)) @ rotary(key, np.arange(5)).mT / 2.0
    assert np.all(np.abs(turned).max(axis=(1, 2)) <= logit_radius(query, key))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: repeated_token_reference("learned", 4), "no closed form"),
        (lambda: repeated_token_reference("sinusoidal", 4), "no closed form"),
        (lambda: repeated_token_reference("none", 0), "length is 0"),
        (lambda: repeated_token_reference("alibi", 4), "slope is missing"),
        (lambda: repeated_token_reference("alibi", 4, slope=0.0), "positive"),
        (lambda: repeated_token_reference("relative", 4, bias=[0.0, 1.0]), "one entry per distance"),
        (lambda: repeated_token_reference("relative", 1, bias=[np.inf]), "NaN or infinite"),
        (lambda: repeated_token_reference("rotary", 4, query=[1.0, 2.0]), "key is missing"),
        (lambda: repeated_token_reference("rotary", 4, query=[1.0], key=[1.0]), "even width"),
        (lambda: score_bound(-1.0, 4), "at least 0"),
        (lambda: importance_bound(np.nan, 4), "NaN"),
        (lambda: importance_bound(1.0, 4, position=5), "position is 5"),
        (lambda: largest_useful_spread(64, 1.0), "inside"),
        (lambda: largest_useful_spread(1), "length is 1"),
        (lambda: uniform_importance(0), "length is 0"),
        (lambda: decreasing_bias_bound(0), "length is 0"),
        (lambda: logit_radius([[1.0]], [[1.0, 2.0]]), "none empty|give"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()
