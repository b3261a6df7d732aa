import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.in_context.networks.layers import (
    LinearAttention,
    LinearAttentionBlock,
    ReluLayer,
    SoftmaxAttention,
)


def test_softmax_attention_is_its_definition(rng):
    query, key, value = rng.standard_normal((3, 2)), rng.standard_normal((4, 2)), rng.standard_normal((4, 5))
    tokens, context = rng.standard_normal((6, 3)), rng.standard_normal((7, 4))
    head = SoftmaxAttention(query, key, value)
    for i, found in enumerate(head(tokens, context)):
        raised = np.array([np.exp(tokens[i] @ query @ key.T @ row) for row in context])
        np.testing.assert_allclose(found, raised / raised.sum() @ context @ value, rtol=1e-12)


def test_softmax_attention_survives_large_scores():
    head = SoftmaxAttention(np.eye(1), np.eye(1), np.eye(1))
    np.testing.assert_array_equal(head(np.array([[1e3]]), np.array([[1e3], [0.0]])), [[1e3]])


def test_linear_attention_is_its_definition(rng):
    query, key, value = rng.standard_normal((3, 2)), rng.standard_normal((4, 2)), rng.standard_normal((4, 5))
    tokens, context = rng.standard_normal((6, 3)), rng.standard_normal((7, 4))
    expected = sum(np.outer(tokens @ query @ key.T @ row, row @ value) for row in context)
    np.testing.assert_allclose(LinearAttention(query, key, value)(tokens, context), expected, atol=1e-12)
    block = LinearAttentionBlock(LinearAttention(query, key, value[:, :3]), np.eye(3))
    np.testing.assert_allclose(block(tokens, context), tokens + expected[:, :3], atol=1e-12)


@settings(max_examples=20)
@given(st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_layers_act_on_every_sequence_of_a_batch_alone(batch, seed):
    rng = np.random.default_rng(seed)
    tokens, context = rng.standard_normal((batch, 2, 3)), rng.standard_normal((batch, 5, 3))
    weights = [rng.standard_normal((3, 3)) for _ in range(3)]
    for layer in (SoftmaxAttention(*weights), LinearAttention(*weights)):
        together = layer(tokens, context)
        for b in range(batch):
            np.testing.assert_allclose(together[b], layer(tokens[b], context[b]), atol=1e-12)


def test_relu_layer_counts_its_relus(rng):
    layer = ReluLayer(rng.standard_normal((2, 5)), rng.standard_normal(5), rng.standard_normal((5, 3)))
    assert layer.width == 5
    x = rng.standard_normal((4, 2))
    np.testing.assert_allclose(layer(x), np.maximum(x @ layer.inner + layer.bias, 0.0) @ layer.outer)
