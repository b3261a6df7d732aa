import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.theory.attention.architecture import Architecture
from tightbound.theory.attention.key_bias import (
    gate,
    gated_output,
    off_by_one_scores,
    slot_scores,
    token_as_slot,
)
from tightbound.theory.attention.transformer import forward


@given(st.integers(0, 1000), st.floats(0.1, 30.0))
def test_a_slot_is_a_gate(seed, scale):
    rng = np.random.default_rng(seed)
    logits, slot = scale * rng.normal(size=(2, 4, 5)), scale * rng.normal(size=(2, 4))
    values, slot_value = rng.normal(size=(2, 5, 3)), rng.normal(size=3)
    scores = slot_scores(logits, slot)
    expected = scores[..., 1:] @ values + scores[..., :1] * slot_value
    np.testing.assert_allclose(gated_output(logits, slot, values, slot_value), expected, atol=1e-12)
    np.testing.assert_allclose(gate(logits, slot), scores[..., 1:].sum(axis=-1), atol=1e-12)


def test_a_slot_of_overwhelming_logit_takes_all():
    logits = np.zeros((1, 3))
    assert gate(logits, [800.0]) == 0.0
    np.testing.assert_allclose(gated_output(logits, [800.0], np.ones((3, 2)), [5.0, 6.0]), [[5.0, 6.0]])
    assert gate(logits, [-800.0]) == 1.0


@given(st.integers(0, 1000))
def test_off_by_one_is_a_slot_of_logit_zero(seed):
    logits = 5.0 * np.random.default_rng(seed).normal(size=(4, 5))
    np.testing.assert_allclose(off_by_one_scores(logits), slot_scores(logits, np.zeros(4))[:, 1:], atol=1e-14)


def test_off_by_one_may_attend_to_nothing():
    np.testing.assert_allclose(off_by_one_scores([[-900.0, -900.0]]), 0.0)
    np.testing.assert_allclose(off_by_one_scores([[900.0, -np.inf]]), [[1.0, 0.0]])


@pytest.mark.parametrize(
    "position", ["none", "rotary", "alibi", "relative", "bucket_index", "learned", "sinusoidal"]
)
def test_a_token_in_front_is_a_slot(position):
    network = Architecture(5, 8, width=8, blocks=3, heads=2, position=position, feed_forward="gelu")
    weights = network.init(1)
    slotted, tied = token_as_slot(network, weights, 3)
    assert slotted.context == 7
    tokens = np.array([[3, 0, 1, 4, 2, 2, 0, 1]])
    one, two = forward(network, weights, tokens), forward(slotted, tied, tokens[:, 1:])
    np.testing.assert_allclose(one.logits[:, 1:], two.logits, atol=1e-12)
    np.testing.assert_allclose(one.scores[..., 1:, :], two.scores, atol=1e-12)
    np.testing.assert_allclose(one.values, two.values, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: gate([[0.0, np.nan]], [0.0]), ValueError, "NaN"),
        (lambda: gate([[0.0, np.inf]], [0.0]), ValueError, r"\+inf"),
        (lambda: gate([[-np.inf, -np.inf]], [0.0]), ValueError, "-inf only"),
        (lambda: gate([0.0], 0.0), ValueError, "rows and columns"),
        (lambda: gate([[0.0]], [0.0, 0.0]), ValueError, "one per row"),
        (lambda: gate([[0.0]], [-np.inf]), ValueError, "slot_logits"),
        (lambda: slot_scores([[-np.inf]], [0.0]), ValueError, "-inf only"),
        (lambda: off_by_one_scores([[-np.inf]]), ValueError, "-inf only"),
        (lambda: token_as_slot(Architecture(5, 4, window=2), {}, 0), ValueError, "window"),
        (lambda: token_as_slot(Architecture(5, 4, prefix=2), {}, 0), ValueError, "prefix"),
        (lambda: token_as_slot(Architecture(5, 4, bias_slot="key"), {}, 0), ValueError, "slot"),
        (lambda: token_as_slot(Architecture(5, 1), {}, 0), ValueError, "context 1"),
        (lambda: token_as_slot(Architecture(5, 4), {}, 5), IndexError, "token contains 5"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()
