"""The forward pass against an independent one, written with loops over tokens and heads."""

import dataclasses
from math import erf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.theory.attention.architecture import Architecture
from tightbound.theory.attention.position_codes import alibi_slopes, relative_buckets
from tightbound.theory.attention.transformer import forward, slot_vectors

TOKENS = np.array([[0, 3, 1, 1, 2], [4, 4, 0, 2, 2]])


def slow_logits(network, w, tokens):
    """Pre-norm or post-norm softmax network without slots, one token at a time."""
    d, width = network.head_width, network.width

    def rms(x, gain):
        return gain * x / np.sqrt(sum(x * x) / width + 1e-5)

    def turn(x, t):
        out = np.empty(d)
        for i in range(d // 2):
            angle = t * 1e4 ** (-2 * i / d)
            a, b = x[i], x[i + d // 2]
            out[i], out[i + d // 2] = (
                a * np.cos(angle) - b * np.sin(angle),
                a * np.sin(angle) + b * np.cos(angle),
            )
        return out

    def feed_forward(x, layer):
        up, name = x @ w["up"][layer], network.feed_forward
        acts = {
            "relu": lambda z: max(z, 0.0),
            "gelu": lambda z: z * (1 + erf(z / 2**0.5)) / 2,
            "swish": lambda z: z / (1 + np.exp(-z)),
        }
        if name in acts:
            inner = [acts[name](z) for z in up]
        else:
            act = acts[{"reglu": "relu", "geglu": "gelu", "swiglu": "swish"}[name]]
            inner = [act(g) * z for g, z in zip(x @ w["gate"][layer], up, strict=True)]
        return np.array(inner) @ w["down"][layer]

    h = [w["token"][x] + (w["position"][t] if "position" in w else 0.0) for t, x in enumerate(tokens)]
    for layer in range(network.blocks):
        pre = network.norm == "pre"
        x = [rms(row, w["attention_norm"][layer]) if pre else row for row in h]
        new = []
        for t in range(len(tokens)):
            heads = []
            for n in range(network.heads):
                part = slice(n * d, (n + 1) * d)
                q = x[t] @ w["query"][layer][:, part]
                weights, values = [], []
                for j in range(t + 1):
                    k = x[j] @ w["key"][layer][:, part]
                    if network.position == "rotary":
                        s = turn(q, t) @ turn(k, j) / d**0.5
                    else:
                        s = q @ k / d**0.5
                    if network.position == "alibi":
                        s -= alibi_slopes(network.heads)[n] * (t - j)
                    if network.position == "relative":
                        s += w["relative_bias"][n, relative_buckets(t - j)]
                    weights.append(np.exp(s))
                    values.append(x[j] @ w["value"][layer][:, part])
                heads.append(sum(a * v for a, v in zip(weights, values, strict=True)) / sum(weights))
            u = h[t] + np.concatenate(heads) @ w["mix"][layer]
            if not pre:
                u = rms(u, w["attention_norm"][layer])
            row = rms(u, w["feed_forward_norm"][layer]) if pre else u
            u = u + feed_forward(row, layer)
            new.append(u if pre else rms(u, w["feed_forward_norm"][layer]))
        h = new
    if network.norm == "pre":
        h = [rms(row, w["final_norm"]) for row in h]
    return np.array(h) @ w["readout"]


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize(
    ("position", "feed_forward"),
    [
        ("learned", "relu"),
        ("rotary", "swiglu"),
        ("alibi", "gelu"),
        ("relative", "geglu"),
        ("none", "reglu"),
        ("none", "swish"),
    ],
)
def test_logits_are_those_of_an_independent_pass(norm, position, feed_forward, rng):
    network = Architecture(
        5, 5, width=8, blocks=2, heads=2, feed_forward=feed_forward, norm=norm, position=position
    )
    weights = {name: array + 0.3 * rng.normal(size=array.shape) for name, array in network.init(0).items()}
    found = forward(network, weights, TOKENS).logits
    for row, tokens in zip(found, TOKENS, strict=True):
        np.testing.assert_allclose(row, slow_logits(network, weights, tokens), atol=1e-12)


@given(st.integers(0, 4), st.sampled_from(["learned", "rotary", "alibi", "sinusoidal"]))
def test_what_comes_later_changes_nothing_before(place, position):
    network = Architecture(5, 5, width=8, blocks=2, heads=2, position=position, feed_forward="relu")
    weights = network.init(0)
    changed = TOKENS.copy()
    changed[:, place] = (changed[:, place] + 1) % 5
    one, two = (forward(network, weights, tokens).logits for tokens in (TOKENS, changed))
    np.testing.assert_allclose(one[:, :place], two[:, :place], atol=1e-13)
    assert np.all(np.abs(one - two)[:, place].max(axis=-1) > 1e-6)


def test_the_trace_is_consistent(rng):
    network = Architecture(5, 5, width=8, blocks=2, heads=2, position="rotary", bias_slot="key_value")
    trace = forward(network, network.init(0), TOKENS)
    assert trace.scores.shape == (2, 2, 2, 5, 6)
    assert trace.slots == 1
    np.testing.assert_allclose(trace.scores.sum(axis=-1), 1.0)
    logits = trace.cosine * trace.query_norm[..., :, None] * trace.key_norm[..., None, :] / 2.0
    seen = trace.scores > 0.0
    shift = np.where(seen, np.log(np.where(seen, trace.scores, 1.0)) - logits, np.nan)
    assert np.nanmax(np.nanmax(shift, axis=-1) - np.nanmin(shift, axis=-1)) < 1e-12
    assert trace.value_norm.shape == trace.key_norm.shape == (2, 2, 2, 6)
    assert trace.residual_norm.shape == (3, 2, 5)


def test_the_residual_is_taken_before_the_last_norm():
    network = Architecture(5, 5, width=8, norm="post")
    weights = network.init(0)
    weights["mix"] = 100.0 * weights["mix"]
    trace = forward(network, weights, TOKENS)
    np.testing.assert_allclose(np.linalg.norm(trace.hidden[1], axis=-1), 8**0.5, rtol=1e-4)
    assert trace.residual_norm[1].max() > 30.0
    plain = forward(dataclasses.replace(network, norm="none"), _without_norms(weights), TOKENS)
    np.testing.assert_array_equal(plain.hidden, plain.residual)


def _without_norms(weights):
    return {name: array for name, array in weights.items() if not name.endswith("norm")}


def test_a_softmax_off_by_one_is_a_key_bias_of_zero():
    slotted = Architecture(5, 5, width=8, heads=2, bias_slot="key", position="rotary")
    weights = slotted.init(0) | {"slot_key": np.zeros((1, 2, 4))}
    one = forward(slotted, weights, TOKENS)
    del weights["slot_key"]
    two = forward(dataclasses.replace(slotted, bias_slot="off_by_one"), weights, TOKENS)
    np.testing.assert_allclose(one.logits, two.logits, atol=1e-14)
    np.testing.assert_array_equal(two.cosine[..., 0], 0.0)


def test_a_sink_token_is_a_token_of_its_own():
    network = Architecture(5, 6, width=8, blocks=2, heads=2, feed_forward="relu")
    weights = network.init(0)
    marked = Architecture(5, 5, width=8, blocks=2, heads=2, feed_forward="relu", sink_token=True)
    tied = weights | {"sink_token": weights["token"][4]}
    one = forward(network, weights, np.column_stack([[4, 4], TOKENS]))
    two = forward(marked, tied, TOKENS)
    np.testing.assert_allclose(one.logits[:, 1:], two.logits, atol=1e-13)
    np.testing.assert_allclose(one.scores[..., 1:, :], two.scores, atol=1e-13)
    np.testing.assert_allclose(one.keys, two.keys, atol=1e-13)
    assert two.hidden.shape == one.hidden.shape
    assert two.queries.shape[-2] == 5


def test_window_and_prefix_hide_and_show_columns():
    network = Architecture(5, 5, width=8, window=2)
    scores = forward(network, network.init(0), TOKENS).scores
    assert np.all(scores[..., 4, :3] == 0.0)
    network = Architecture(5, 5, width=8, prefix=3)
    scores = forward(network, network.init(0), TOKENS).scores
    assert np.all(scores[..., 0, :3] > 0.0)
    assert np.all(scores[..., 0, 3:] == 0.0)


def test_a_slot_of_fixed_value_and_few_dimensions():
    network = Architecture(
        5, 5, width=8, heads=2, bias_slot="key", share_slot=True, slot_dimensions=2, slot_value_norm=6.0
    )
    key, value = slot_vectors(network, {"slot_key": np.array([[[1.0, 2.0]]])})
    np.testing.assert_array_equal(key, [[[1, 2, 0, 0], [1, 2, 0, 0]]])
    np.testing.assert_allclose(np.linalg.norm(value, axis=-1), 6.0)
    _, value = slot_vectors(
        dataclasses.replace(network, slot_direction="diagonal"), {"slot_key": key[..., :2]}
    )
    np.testing.assert_allclose(value, 3.0)
    with pytest.raises(ValueError, match="bias_slot=None"):
        slot_vectors(Architecture(5, 5), {})


def test_a_bias_of_values_moves_every_output():
    network = Architecture(5, 5, width=8, heads=2, bias_slot="value", position="none")
    weights = network.init(0)
    one = forward(network, weights, TOKENS)
    two = forward(network, weights | {"slot_value": weights["slot_value"] + 1.0}, TOKENS)
    moved = np.tile(weights["mix"][0].sum(axis=0), (2, 5, 1))
    np.testing.assert_allclose(two.residual[1] - one.residual[1], moved, atol=1e-13)
    np.testing.assert_array_equal(one.scores, two.scores)
    assert one.slots == 0


def test_a_slot_is_not_turned_and_keeps_its_distance():
    network = Architecture(5, 5, width=8, bias_slot="key", position="alibi")
    weights = network.init(0)
    weights["query"] = np.zeros_like(weights["query"])
    row = forward(network, weights, TOKENS).scores[0, 0, 0, 2]
    np.testing.assert_allclose(np.log(row[3] / row[:4]), 2.0**-8 * np.arange(3, -1, -1), atol=1e-12)


@pytest.mark.parametrize(
    ("change", "tokens", "error", "words"),
    [
        (lambda w: w.pop("mix"), TOKENS, ValueError, r"lacks \['mix'\]"),
        (lambda w: w.update(extra=0.0), TOKENS, ValueError, "extra"),
        (lambda w: w.update(mix=np.ones((1, 3, 3))), TOKENS, ValueError, "needs"),
        (lambda w: w.update(mix=np.full((1, 8, 8), np.nan)), TOKENS, ValueError, "NaN"),
        (lambda w: None, np.array([0, 1]), ValueError, "one sequence per row"),
        (lambda w: None, np.zeros((1, 6), int), ValueError, "context = 5"),
        (lambda w: None, np.zeros((0, 3), int), ValueError, "B >= 1"),
        (lambda w: None, np.array([[5]]), IndexError, "contains 5"),
        (lambda w: None, np.array([[0.5]]), TypeError, "dtype"),
        (lambda w: w.update(token=np.full((5, 8), 1e200)), TOKENS, FloatingPointError, "overflow"),
    ],
)
def test_bad_input(change, tokens, error, words):
    network = Architecture(5, 5, width=8, norm="none")
    weights = network.init(0)
    change(weights)
    with pytest.raises(error, match=words):
        forward(network, weights, tokens)
