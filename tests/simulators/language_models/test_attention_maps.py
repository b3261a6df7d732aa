import numpy as np
import pytest

from tightbound.simulators.language_models.attention_maps import attention_maps
from tightbound.simulators.language_models.language_model import ContextOverflowError


def test_maps_are_those_of_the_pass(small, rng):
    text = rng.integers(0, 37, 30)
    maps = attention_maps(small, text)
    assert maps.weights.shape == (3, 6, 30, 30)
    assert maps.keys.shape == maps.values.shape == (3, 30, 2, 8)
    assert maps.hidden.shape == (4, 30, 24)
    np.testing.assert_allclose(maps.weights.sum(axis=3), 1.0, rtol=1e-6)
    assert np.array_equal(np.triu(maps.weights, 1), np.zeros_like(maps.weights))
    logits = small.forward(small.start(1), [text])[0]
    np.testing.assert_allclose(small.read_out(maps.hidden[-1]), logits, atol=1e-5)
    # Each layer's states follow from its weights, values and the layer before.
    for layer, block in enumerate(small.blocks):
        mixed = np.einsum("htn,nhd->thd", maps.weights[layer], np.repeat(maps.values[layer], 3, axis=1))
        h = maps.hidden[layer] + mixed.reshape(30, -1) @ block.output.T
        unit = h / np.sqrt((h * h).mean(axis=1, keepdims=True) + 1e-5) * block.mlp_norm
        both = unit @ block.gate_up.T
        h = h + (both[:, :40] / (1 + np.exp(-both[:, :40])) * both[:, 40:]) @ block.down.T
        np.testing.assert_allclose(h, maps.hidden[layer + 1], atol=1e-4)


def test_a_first_token_is_a_bias_of_every_key_head(small, rng):
    text = rng.integers(0, 37, 20)
    whole = attention_maps(small, text)
    keys, values = whole.keys[:, :1], whole.values[:, :1]
    rest = attention_maps(small, text[1:], prefix=(keys, values))
    assert np.abs(rest.hidden - whole.hidden[:, 1:]).max() < 1e-5
    assert np.abs(rest.weights - whole.weights[:, :, 1:]).max() < 1e-5
    keys = keys.copy()
    keys[1] += 1.0
    biased = attention_maps(small, text[1:], prefix=(keys, values))
    assert np.array_equal(biased.weights[0], rest.weights[0])
    assert np.abs(biased.weights[1] - rest.weights[1]).max() > 1e-2
    removed = attention_maps(small, text[1:], positions=range(1, 20))
    share = rest.weights[0, :, :, 1:] / rest.weights[0, :, :, 1:].sum(axis=2, keepdims=True)
    np.testing.assert_allclose(removed.weights[0], share, atol=1e-5)


def test_bad_texts(small):
    with pytest.raises(ValueError, match="at least one token"):
        attention_maps(small, [])
    with pytest.raises(IndexError, match="contains 37"):
        attention_maps(small, [37])
    with pytest.raises(ContextOverflowError, match="position 160"):
        attention_maps(small, [1] * 161)
    with pytest.raises(ValueError, match="keys has shape"):
        attention_maps(small, [1], prefix=(np.zeros((2, 1, 2, 8)), np.zeros((2, 1, 2, 8))))
