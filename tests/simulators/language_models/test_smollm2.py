"""The real model beside transformers, which computed the stored numbers; see reference/."""

from pathlib import Path

import numpy as np
import pytest

from tightbound.simulators.language_models import smollm2 as smollm2_module
from tightbound.simulators.language_models.attention_maps import attention_maps
from tightbound.simulators.language_models.byte_pair_tokenizer import chat
from tightbound.simulators.language_models.language_model import prefill
from tightbound.simulators.language_models.smollm2 import INSTALL, ModelUnavailableError, locate

PROMPTS = 4
CLOSE = 5e-4  # logits up to 40, rounded to float32 at every step of 30 layers in two programs
NEAR_TIE = 1e-3


@pytest.fixture(scope="module")
def reference():
    with np.load(Path(__file__).parent / "reference" / "smollm2.npz", allow_pickle=False) as stored:
        return dict(stored)


def test_logits_are_those_of_another_implementation(smollm2, reference):
    model, _ = smollm2
    rng = np.random.default_rng(0)
    projection = rng.standard_normal((model.vocabulary, 8)) / model.vocabulary**0.5
    for number in range(PROMPTS):
        logits = model.forward(model.start(1, 64), [reference[f"prompt_{number}"]])[0]
        top = np.take_along_axis(logits, reference[f"top_{number}"], axis=1)
        assert np.abs(top - reference[f"logits_{number}"]).max() < CLOSE
        assert np.abs(logits.astype(float) @ projection - reference[f"projected_{number}"]).max() < CLOSE


def test_greedy_texts_are_those_of_another_implementation(smollm2, reference):
    model, _ = smollm2
    cache = model.start(PROMPTS, 128)
    after = prefill(model, cache, [reference[f"prompt_{number}"] for number in range(PROMPTS)])
    wanted, margins = (
        np.array([reference[f"{name}_{number}"] for number in range(PROMPTS)])
        for name in ("greedy", "margins")
    )
    chain = np.concatenate([after[:, np.newaxis], model.forward(cache, wanted)[:, :-1]], axis=1)
    differ = chain.argmax(axis=2) != wanted
    assert wanted.shape == (PROMPTS, 48)
    assert not np.any(differ & (margins > NEAR_TIE))
    cache.discard()
    for step in range(6):  # token by token, as texts are made
        single = model.forward(cache, wanted[:, step : step + 1])[:, 0]
        cache.commit(np.zeros((PROMPTS, 1), dtype=int), np.ones(PROMPTS, dtype=int))
        assert np.abs(single - chain[:, step + 1]).max() < CLOSE


def test_prompts_have_the_tokens_of_another_implementation(smollm2, reference):
    _, tokenizer = smollm2
    for number in range(PROMPTS):
        ids = reference[f"prompt_{number}"]
        assert tokenizer.encode(tokenizer.decode(ids), special=True).tolist() == ids.tolist()
    assert tokenizer.decode(reference["prompt_0"]) == "The capital of France is"
    asked = tokenizer.decode(reference["prompt_1"])
    assert asked == chat([("user", "What is 17 + 25? Explain.")])
    assert tokenizer.tokens[tokenizer.end] == "<|im_end|>"
    assert tokenizer.vocabulary == smollm2.model.vocabulary


def test_the_first_token_is_a_sink_and_a_bias_of_every_key_head(smollm2, reference):
    model, _ = smollm2
    text = reference["prompt_3"]
    whole = attention_maps(model, text)
    rest = attention_maps(model, text[1:], prefix=(whole.keys[:, :1], whole.values[:, :1]))
    logits = [model.read_out(states) for states in (whole.hidden[-1][1:], rest.hidden[-1])]
    assert np.abs(logits[0] - logits[1]).max() < CLOSE
    assert whole.weights[:, :, 8:, 0].mean() > 0.3


def test_where_the_file_is_looked_for(tmp_path, monkeypatch):
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    other = tmp_path / "other.gguf"
    other.write_bytes(b"GGUF")
    monkeypatch.setenv("TIGHTBOUND_SMOLLM2", str(other))
    assert locate(file) == file
    assert locate() == other
    monkeypatch.setenv("TIGHTBOUND_SMOLLM2", str(tmp_path / "absent"))
    with pytest.raises(ModelUnavailableError, match=r"TIGHTBOUND_SMOLLM2 is .*absent"):
        locate()
    with pytest.raises(ModelUnavailableError, match=r"path is .*nowhere"):
        locate(tmp_path / "nowhere")
    monkeypatch.delenv("TIGHTBOUND_SMOLLM2")
    monkeypatch.setattr(smollm2_module, "_PACKAGE", "no_such_package")
    with pytest.raises(ModelUnavailableError) as caught:
        locate()
    assert INSTALL in str(caught.value)
