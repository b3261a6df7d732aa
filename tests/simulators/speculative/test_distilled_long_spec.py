"""Drafts that learn the target's laws: what is kept on disk, the loss, and the weights to start from."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.language_models.trainable_llama import OffsetTexts
from tightbound.simulators.speculative.distilled_long_spec import (
    DistilledLongSpec,
    RepeatedTexts,
    TargetMemory,
)
from tightbound.simulators.speculative.trainable_long_spec import TrainableLongSpec, forward

CONFIG = LlamaConfig(
    vocabulary=37, context=64, width=16, inner=24, layers=4, heads=4, kv_heads=2, head_size=4
)
LENGTH = 12


@pytest.fixture(scope="module")
def target():
    return Llama.random(CONFIG, rng=0)


@pytest.fixture(scope="module")
def draft(target):
    return TrainableLongSpec(target, window=8, inner=24, length=LENGTH, longest=64)


def sequences(count, lags=(1, 2)):
    rng = np.random.default_rng(1)
    drawn = OffsetTexts(rng.integers(37, size=300), LENGTH, 64)(rng, count)
    return RepeatedTexts(drawn, lags).each()


def test_memory_holds_what_the_target_says(target, draft, tmp_path, monkeypatch):
    memory = TargetMemory(target, tmp_path / "made")
    text, places = np.array([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]]), np.array([[0, 1, 2, 3, 40]] * 2)
    keys, values, states = memory(text, places)
    for found, told in zip((keys, values), draft.target_rows(text, places), strict=True):
        np.testing.assert_allclose(found, told, rtol=1e-3, atol=1e-4)
    cache = target.start(2)
    logits = target.forward(cache, text, positions=places)
    np.testing.assert_allclose(target.read_out(states), logits, rtol=0.0, atol=2e-2)
    files = sorted((tmp_path / "made").iterdir())
    assert len(files) == 2
    files[0].write_bytes(files[0].read_bytes()[:-40])  # cut off
    again = memory(text, places)
    monkeypatch.setattr(Llama, "forward", None)  # nothing is computed any more
    for one, other, third in zip((keys, values, states), again, memory(text, places), strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one, third)


def test_loss_is_the_cross_entropy_of_both_laws(target, draft, tmp_path):
    import jax

    model = DistilledLongSpec(draft, tmp_path, np.arange(37))
    given = sequences(2, lags=(1, 1))
    weights = draft.init(3)
    mask = np.ones(2 + LENGTH, bool)
    mask[:5] = False
    with jax.enable_x64(True):
        found = float(jax.jit(model.loss)(weights, given, mask))
    told = []
    for one in given:
        text = one[np.newaxis, 2:]
        logits = draft.logits(weights, text, int(one[1]), int(one[0]))
        places = np.r_[:4, 4 + one[0] : LENGTH + one[0]][np.newaxis]
        laws = softmax(target.forward(target.start(1), text, positions=places), axis=-1)
        told.append(-(laws * log_softmax(np.asarray(logits), axis=-1)).sum(axis=-1)[0, 3:].mean())
    assert found == pytest.approx(np.mean(told), rel=2e-3)


def test_some_words_stand_for_the_others(draft, tmp_path):
    words, stands_for = DistilledLongSpec(draft, tmp_path, [5, 0, 9], stride=4).columns
    assert words[:3].tolist() == [0, 5, 9]
    assert np.unique(words).size == words.size == 3 + 9
    np.testing.assert_allclose(np.exp(stands_for), [1.0] * 3 + [4.0] * 9, rtol=1e-6)
    whole, nothing = DistilledLongSpec(draft, tmp_path, np.arange(37)).columns
    assert whole.tolist() == list(range(37))
    assert not nothing.any()


def test_least_squares_point_where_the_target_does(draft, tmp_path):
    import jax

    model, given = DistilledLongSpec(draft, tmp_path, np.arange(37)), sequences(24)
    text, lags = given[:, 2:], given[:, 1]
    shift = np.arange(LENGTH) >= 4
    places = np.arange(LENGTH) + shift * given[:, :1]
    keys, values, states = model.memory(text, places)
    asked = states / np.linalg.norm(states, axis=-1, keepdims=True)
    compiled = jax.jit(forward, static_argnums=0)

    def likeness(weights):
        weights = weights | {"norm": np.ones(16, np.float32)}
        shared = (draft.target.embedding, np.eye(16, dtype=np.float32))
        with jax.enable_x64(True):
            found = np.asarray(compiled(draft, weights, text, places, lags, (keys, values), shared))
        return (found / np.linalg.norm(found, axis=-1, keepdims=True) * asked).sum(axis=-1).mean()

    fitted = likeness(model.init_by_least_squares(given))
    copied = likeness(draft.init_from_target())
    assert fitted > copied


def test_texts_come_again_with_other_lags():
    texts = np.c_[[7, 8, 9], np.arange(36).reshape(3, LENGTH)]
    source = RepeatedTexts(texts, (1, 3))
    assert source.each()[:, :2].tolist() == [[7, 1], [8, 2], [9, 3]]
    drawn = source(np.random.default_rng(0), 200)
    np.testing.assert_array_equal(drawn, source(np.random.default_rng(0), 200))
    assert set(drawn[:, 1]) == {1, 2, 3}
    assert {tuple(row) for row in np.delete(drawn, 1, axis=1)} == {tuple(row) for row in texts}


@pytest.mark.parametrize(
    ("words", "stride", "message"),
    [
        ([1, 1], 2, "each once"),
        ([[1]], 2, "words has shape"),
        ([37], 2, "words"),
        ([1], 0, "stride"),
    ],
)
def test_bad_words_are_refused(draft, tmp_path, words, stride, message):
    with pytest.raises((ValueError, IndexError), match=message):
        DistilledLongSpec(draft, tmp_path, words, stride)


@pytest.mark.parametrize(
    ("texts", "lags", "message"),
    [(np.zeros((0, 5), int), (1, 4), "at least one text"), (np.zeros((2, 5), int), (3, 1), "lags")],
)
def test_bad_texts_are_refused(texts, lags, message):
    with pytest.raises(ValueError, match=message):
        RepeatedTexts(texts, lags)
