import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.theory.attention.architecture import NORMALISERS, Architecture
from tightbound.theory.attention.transformer import forward


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, {"position", "attention_norm", "final_norm"}),
        ({"position": "none", "norm": "none"}, set()),
        ({"position": "relative", "norm": "post"}, {"relative_bias", "attention_norm"}),
        (
            {"position": "none", "feed_forward": "swiglu"},
            {"up", "gate", "down", "attention_norm", "feed_forward_norm", "final_norm"},
        ),
        (
            {"position": "none", "norm": "none", "operation": "mlp", "normaliser": "none"},
            {"kernel_up", "kernel_down"},
        ),
        ({"position": "none", "norm": "none", "bias_slot": "key_value"}, {"slot_key", "slot_value"}),
        ({"position": "none", "norm": "none", "bias_slot": "off_by_one"}, set()),
        ({"position": "none", "norm": "none", "sink_token": True}, {"sink_token"}),
    ],
)
def test_parameters_are_those_that_the_options_need(options, names):
    network = Architecture(5, 6, width=8, blocks=2, heads=2, **options)
    found = network.init(0)
    assert set(found) == {"token", "readout", "query", "key", "value", "mix"} | names
    assert {name: array.shape for name, array in found.items()} == network.shapes()
    assert all(array.dtype == np.float64 for array in found.values())


def test_shapes_follow_the_sizes():
    network = Architecture(5, 6, width=8, blocks=2, heads=2, feed_forward="relu", sink_token=True)
    assert network.shapes()["position"] == (7, 8)
    assert network.shapes()["up"] == (2, 8, 16)
    assert dataclasses.replace(network, inner=3).shapes()["down"] == (2, 3, 8)
    slotted = Architecture(5, 6, width=8, heads=2, bias_slot="key", share_slot=True, slot_dimensions=3)
    assert slotted.shapes()["slot_key"] == (1, 1, 3)


def test_a_seed_decides_the_weights():
    network = Architecture(5, 6)
    one, two, other = network.init(1), network.init(1), network.init(2)
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert np.any(one["query"] != other["query"])
    small = network.init(1, embedding_scale=0.1)
    np.testing.assert_allclose(small["token"], 0.1 * one["token"])
    np.testing.assert_array_equal(small["query"], one["query"])


@given(
    st.sampled_from([(name, some) for name, allowed in NORMALISERS.items() for some in allowed]),
    st.sampled_from(["pre", "post", "none"]),
    st.sampled_from(["learned", "none", "sinusoidal", "rotary"]),
    st.sampled_from([None, "relu", "gelu", "swish", "reglu", "geglu", "swiglu"]),
    st.sampled_from([None, "key", "key_value", "value"]),
)
def test_every_admitted_combination_runs(pair, norm, position, feed_forward, slot):
    network = Architecture(
        4,
        5,
        width=4,
        heads=2,
        operation=pair[0],
        normaliser=pair[1],
        norm=norm,
        position=position,
        feed_forward=feed_forward,
        bias_slot=slot,
    )
    trace = forward(network, network.init(0), [[0, 1, 2, 3, 0]])
    assert trace.logits.shape == (1, 5, 4)
    assert trace.scores.shape == (1, 1, 2, 5, 5 + network.slots)
    assert np.all(np.isfinite(trace.logits))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"vocabulary": 0}, ValueError, "vocabulary is 0"),
        ({"context": 2.5}, TypeError, "context is 2.5"),
        ({"width": 6, "heads": 4}, ValueError, "multiple of heads"),
        ({"width": 6, "heads": 2, "position": "rotary"}, ValueError, "even head width"),
        ({"width": 7, "position": "sinusoidal"}, ValueError, "even width"),
        ({"inner": 8}, ValueError, "feed_forward is None"),
        ({"prefix": 9}, ValueError, "at most context"),
        ({"window": 0}, ValueError, "window is 0"),
        ({"position": "absolute"}, ValueError, "choose one of 'learned'"),
        ({"operation": "exp"}, ValueError, "operation is 'exp'"),
        ({"normaliser": "none"}, ValueError, "operation='softmax'"),
        ({"operation": "relu"}, ValueError, "none, max_abs"),
        ({"power": 2.0}, ValueError, "normaliser='power'"),
        ({"normaliser": "power", "power": -1.0}, ValueError, "power is -1.0"),
        ({"operation": "sigmoid", "normaliser": "none", "scale": 2.0}, ValueError, "scale is 2"),
        ({"scale": float("nan")}, ValueError, "scale is nan"),
        ({"logit_bias": -3.0}, ValueError, "operation='sigmoid'"),
        (
            {"operation": "identity", "normaliser": "none", "position": "alibi"},
            ValueError,
            "no logit to bias",
        ),
        ({"sink_token": True, "bias_slot": "key"}, ValueError, "choose one"),
        ({"sink_token": 1}, TypeError, "True or False"),
        ({"bias_slot": "off_by_one", "normaliser": "power"}, ValueError, "bias_slot='key'"),
        ({"slot_value_norm": 1.0}, ValueError, "bias_slot='key'"),
        ({"slot_value_norm": -1.0, "bias_slot": "key"}, ValueError, "at least 0"),
        ({"slot_dimensions": 2}, ValueError, "slot_dimensions is 2"),
        ({"slot_dimensions": 9, "bias_slot": "key"}, ValueError, "a head has 8"),
        ({"share_slot": True}, ValueError, "nothing learned to share"),
    ],
)
def test_options_that_make_no_network_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        Architecture(**{"vocabulary": 5, "context": 6, "width": 8} | options)


def test_a_bad_seed_is_refused():
    with pytest.raises(ValueError, match="key is -1"):
        Architecture(5, 6).init(-1)
    with pytest.raises(ValueError, match="embedding_scale"):
        Architecture(5, 6).init(0, embedding_scale=0.0)
