"""The transformer against a plain NumPy copy, and what causality asks of it."""

import math

import numpy as np
import pytest

from tightbound.simulators.language_models.causal_transformer import CausalTransformer

MODEL = CausalTransformer(vocabulary=3, context=6, width=8, blocks=2, heads=2, dtype="float64")


def weights(model=MODEL, seed=0):
    """Weights without zeros, so that every one of them matters."""
    rng = np.random.default_rng(seed)
    return {name: value + 0.3 * rng.standard_normal(value.shape) for name, value in model.init(seed).items()}


def plain(model, w, prompt):
    """Logits after the whole prompt, with loops over positions and heads."""

    def norm(place, row):
        unit = (row - row.mean()) / np.sqrt(row.var() + 1e-6)
        return unit * w["norm_scale"][place] + w["norm_shift"][place]

    def gelu(x):
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    seen = [model.vocabulary, *prompt]
    stream = [w["token"][x] + w["position"][t] for t, x in enumerate(seen)]
    size = model.width // model.heads
    for b in range(model.blocks):
        rows = [norm(2 * b, row) @ w["query_key_value"][b] for row in stream]
        mixed = []
        for t in range(len(seen)):
            heads = []
            for h in range(model.heads):
                query, key, value = (
                    [row[p * model.width + h * size :][:size] for row in rows[: t + 1]] for p in range(3)
                )
                odds = np.exp([query[t] @ k / math.sqrt(size) for k in key])
                heads.append(sum(o * v for o, v in zip(odds / odds.sum(), value, strict=True)))
            mixed.append(np.concatenate(heads))
        stream = [row + m @ w["mix"][b] for row, m in zip(stream, mixed, strict=True)]
        for t, row in enumerate(stream):
            hidden = gelu(norm(2 * b + 1, row) @ w["up"][b] + w["up_bias"][b])
            stream[t] = row + hidden @ w["down"][b] + w["down_bias"][b]
    return norm(2 * model.blocks, stream[-1]) @ w["readout"] + w["readout_bias"]


@pytest.mark.parametrize("prompt", [(), (2,), (0, 1, 2, 2, 1)])
def test_logits_are_those_of_a_plain_copy(prompt):
    w = weights()
    found = np.asarray(MODEL.logits(w, np.array([prompt], int).reshape(1, -1)))[0, -1]
    assert found == pytest.approx(plain(MODEL, w, prompt), abs=1e-12)


def test_what_comes_later_changes_nothing():
    w, prompt = weights(), np.array([[0, 1, 2, 0, 1]])
    changed = prompt.copy()
    changed[0, 3] = 2
    a, b = (np.asarray(MODEL.logits(w, p)) for p in (prompt, changed))
    assert np.array_equal(a[:, :4], b[:, :4])
    assert np.abs(a[:, 4:] - b[:, 4:]).max() > 1e-3


def test_attention_looks_back_and_sums_to_one():
    maps = np.asarray(MODEL.attention(weights(), [[0, 1, 2], [2, 2, 0]]))
    assert maps.shape == (2, MODEL.blocks, MODEL.heads, 4, 4)
    assert maps.sum(axis=-1) == pytest.approx(1.0)
    assert not np.triu(maps, 1).any()


def test_order_matters():
    w = weights()
    a, b = (np.asarray(MODEL.logits(w, [p]))[0, -1] for p in ([0, 1, 2], [1, 0, 2]))
    assert np.abs(a - b).max() > 1e-3


def test_untrained_models_predict_uniformly():
    law = np.exp(MODEL.log_predictive(MODEL.init(3), [[0, 1, 2, 0, 1, 2]]))
    assert law.shape == (1, 6, 3)
    assert law == pytest.approx(1 / 3)


def test_predictive_is_the_softmax_of_the_logits_before():
    w, tokens = weights(), np.array([[2, 0, 1, 1, 0, 2]])
    law = np.exp(MODEL.log_predictive(w, tokens))
    odds = np.exp(np.asarray(MODEL.logits(w, tokens[:, :-1])))
    assert law == pytest.approx(odds / odds.sum(axis=-1, keepdims=True))
    assert law.sum(axis=-1) == pytest.approx(1.0, abs=1e-14)


def test_init_depends_on_the_key_alone():
    a, b, c = MODEL.init(1), MODEL.init(1), MODEL.init(2)
    assert all(np.array_equal(a[name], b[name]) for name in a)
    assert not np.array_equal(a["token"], c["token"])
    assert np.std(CausalTransformer(4, 4, width=64).init(0)["up"]) == pytest.approx(1 / 8, rel=0.05)


def test_dtype_is_that_of_weights_and_logits():
    single = CausalTransformer(vocabulary=3, context=6, width=8)
    w = single.init(0)
    assert {value.dtype for value in w.values()} == {np.dtype(np.float32)}
    assert np.asarray(single.logits(w, [[0, 1]])).dtype == np.float32
    assert single.log_predictive(w, [[0, 1]]).dtype == np.float64


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"width": 9}, "multiple of heads, e.g. 10"),
        ({"vocabulary": 0}, "vocabulary is 0"),
        ({"blocks": -1}, "blocks is -1"),
        ({"dtype": "bfloat16"}, "choose 'float32' or 'float64'"),
    ],
)
def test_bad_sizes_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        CausalTransformer(**({"vocabulary": 3, "context": 4, "width": 8} | change))
    with pytest.raises(TypeError, match=r"context is 2\.5"):
        CausalTransformer(vocabulary=3, context=2.5)


def test_bad_prompts_are_refused():
    w = weights()
    with pytest.raises(ValueError, match="T < context = 6"):
        MODEL.logits(w, np.zeros((1, 6), int))
    with pytest.raises(ValueError, match="one sequence per row"):
        MODEL.log_predictive(w, np.zeros((1, 7), int))
    with pytest.raises(ValueError, match="T from 1 to context"):
        MODEL.log_predictive(w, np.zeros((1, 0), int))
    with pytest.raises(IndexError, match="tokens contains 3"):
        MODEL.logits(w, [[0, 3]])
    with pytest.raises(TypeError, match="tokens has dtype float64"):
        MODEL.logits(w, [[0.0, 1.0]])
    with pytest.raises(ValueError, match="key"):
        MODEL.init(-1)
