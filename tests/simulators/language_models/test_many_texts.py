"""Texts that are written together are those that the engine writes."""

import numpy as np
import pytest

from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.language_models.many_texts import write_many
from tightbound.simulators.language_models.trainable_llama import parameters_of

CONFIG = LlamaConfig(
    vocabulary=23, context=32, width=16, inner=24, layers=3, heads=4, kv_heads=2, head_size=4
)
MODEL = Llama.random(CONFIG, rng=0)
PROMPTS = np.random.default_rng(0).integers(23, size=(3, 6))


def logits_after(tokens):
    return MODEL.forward(MODEL.start(1), np.asarray(tokens)[np.newaxis])[0, -1]


def test_greedy_texts_are_those_of_the_engine():
    found = write_many(CONFIG, parameters_of(MODEL), PROMPTS, 10, temperatures=np.zeros(3), key=0)
    for row, prompt in zip(found, PROMPTS, strict=True):
        text = list(prompt)
        for _ in range(10):
            text.append(int(logits_after(text).argmax()))
        assert row.tolist() == text


def test_draws_have_the_law_of_their_temperature_and_never_a_token_that_is_ruled_out():
    prompts, heat = np.repeat(PROMPTS[:1], 4000, axis=0), np.full(4000, 0.7)
    logits = logits_after(PROMPTS[0])
    banned = int(logits.argmax())
    found = write_many(CONFIG, parameters_of(MODEL), prompts, 2, temperatures=heat, key=1, never=[banned])
    assert banned not in found[:, 6:]
    law = np.exp(logits / 0.7)
    law[banned] = 0.0
    law /= law.sum()
    shares = np.bincount(found[:, 6], minlength=23) / 4000
    assert np.abs(shares - law).max() < 5 * np.sqrt(0.25 / 4000)
    again = write_many(CONFIG, parameters_of(MODEL), prompts, 2, temperatures=heat, key=1, never=[banned])
    np.testing.assert_array_equal(found, again)


def test_tied_and_own_read_outs():
    tied = Llama(CONFIG, MODEL.embedding, MODEL.blocks, MODEL.norm, MODEL.embedding)
    found = parameters_of(tied, "bfloat16")
    assert found["head"] is found["embedding"]
    assert found["down"].shape == (3, 16, 24)
    np.testing.assert_array_equal(parameters_of(MODEL)["head"], MODEL.head)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompts": np.zeros((0, 3), int)}, "prompts has shape"),
        ({"prompts": PROMPTS[0]}, "prompts has shape"),
        ({"count": 27}, "lower count to 26"),
        ({"count": 0}, "count"),
        ({"temperatures": [0.0, 0.0]}, "temperatures"),
        ({"temperatures": [0.0, -1.0, 0.0]}, "temperatures"),
        ({"never": [23]}, "never"),
    ],
)
def test_bad_input(change, message):
    given = {"prompts": PROMPTS, "count": 4, "temperatures": np.zeros(3), "key": 0} | change
    with pytest.raises((ValueError, IndexError), match=message):
        write_many(CONFIG, parameters_of(MODEL), **given)
