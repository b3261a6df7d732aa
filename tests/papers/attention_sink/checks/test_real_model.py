"""Claims on a real model, on an untrained one of the same kind; on the real one where it is installed."""

from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import pytest

from tightbound.papers._real_model import missing
from tightbound.papers.attention_sink.checks import _smollm2, real_model
from tightbound.papers.attention_sink.checks._smollm2 import HALF, LENGTH
from tightbound.papers.attention_sink.checks.real_model import REAL_MODEL
from tightbound.simulators.language_models import smollm2
from tightbound.simulators.language_models.attention_maps import attention_maps
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.llama import Llama
from tightbound.theory.attention.sink import importance, value_drain
from tightbound.verification.statistics import CellEvidence

CLAIMS = {claim.id: claim for claim in REAL_MODEL}
CACHED = (_smollm2.natural, _smollm2.seen, _smollm2.halves, _smollm2.losses)


def forget():
    for cached in CACHED:
        cached.cache_clear()


@pytest.fixture
def small(monkeypatch):
    """Put an untrained model and made-up texts in the place of the real ones."""
    config = LlamaConfig(
        vocabulary=50, context=96, width=32, inner=48, layers=3, heads=4, kv_heads=2, head_size=8
    )
    llama = Llama.random(config, rng=0)
    monkeypatch.setattr(_smollm2, "model", lambda: llama)

    @lru_cache
    def natural(count):
        return np.random.default_rng([count, 7]).integers(50, size=(count, LENGTH))

    monkeypatch.setattr(_smollm2, "natural", natural)
    forget()
    yield llama
    forget()


def judged(claim, measure, cells):
    evidence = []
    for index, cell in enumerate(cells):
        data = {k: np.atleast_1d(v) for k, v in measure(cell, np.random.default_rng(index)).items()}
        evidence.append(CellEvidence(cell, data, claim.bound(cell) if claim.bound else None))
    return claim.statistic.judge(evidence, level=0.01).status


def test_passes_see_what_a_single_text_shows(small):
    seen = _smollm2.seen("natural", 14)
    text = _smollm2.texts("natural", 14)[13]  # in the second batch
    alone = attention_maps(small, text)
    np.testing.assert_allclose(seen.importance[13], importance(alone.weights), atol=1e-5)
    lengths = np.linalg.norm(alone.hidden[:-1], axis=-1)
    np.testing.assert_allclose(seen.state_norm[13], lengths, rtol=1e-4)
    np.testing.assert_allclose(seen.value_norm[13], np.linalg.norm(alone.values, axis=-1).mean(-1), rtol=1e-4)
    found = real_model._over_others(np.linalg.norm(alone.values[None, :, :, 0], axis=-1), 0)[0]
    np.testing.assert_allclose(found, value_drain(alone.values[:, :, 0]), rtol=1e-5)


def test_rows_turned_around_put_own_weights_first(small):
    seen = _smollm2.seen("natural", 1)
    weights = attention_maps(small, _smollm2.texts("natural", 1)[0]).weights
    own = np.diagonal(weights, axis1=-2, axis2=-1).mean(axis=-1)
    np.testing.assert_allclose(seen.mirrored[0, :, :, 0], own, atol=1e-5)


@pytest.mark.parametrize("name", ["SINK-R2b", "SINK-R3"])
def test_identities_hold_on_any_weights(small, name):
    claim = CLAIMS[name]
    cells = [{"texts": 2, "layer": 1}]
    assert judged(claim, claim.measure, cells) == "pass"
    assert judged(claim, claim.control.measure, cells) == "fail"


@pytest.mark.parametrize("name", ["SINK-R1a", "SINK-R1b", "SINK-R4a", "SINK-R5a"])
def test_an_untrained_model_has_no_sink(small, name):
    claim = CLAIMS[name]
    assert judged(claim, claim.measure, [{"texts": 3, "text": "natural"}]) == "fail"


def test_losses_are_those_of_the_texts(small):
    found = _smollm2.losses(3)
    tokens = _smollm2.natural(3)
    logits = small.forward(small.start(3, LENGTH), tokens).astype(float)
    chances = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    hit = np.take_along_axis(chances[:, :-1], tokens[:, 1:, None], axis=-1)[..., 0]
    np.testing.assert_allclose(found["whole"], -hit[:, HALF:].mean(axis=1), rtol=1e-5)
    later = small.forward(small.start(3, LENGTH), tokens[:, 1:]).astype(float)
    chances = later - np.log(np.exp(later).sum(axis=-1, keepdims=True))
    hit = np.take_along_axis(chances[:, :-1], tokens[:, 2:, None], axis=-1)[..., 0]
    np.testing.assert_allclose(found["started_later"], -hit[:, HALF - 1 :].mean(axis=1), rtol=1e-4)
    assert all(
        np.all(np.abs(part - found["whole"]) > 1e-7) for name, part in found.items() if name != "whole"
    )


def test_kinds_of_texts(small):
    repeated, changed = _smollm2.texts("repeated", 3), _smollm2.texts("changed", 3)
    assert np.all(repeated == _smollm2.natural(3)[:, :1])
    assert np.argwhere(repeated != changed)[:, 1].tolist() == [HALF] * 3


def test_claims_are_skipped_exactly_where_the_model_is_missing():
    reason = missing()
    assert all(claim.skip == reason for claim in REAL_MODEL)
    assert all(claim.expected == ("skipped" if reason else "pass") for claim in REAL_MODEL)


def test_too_many_texts_are_refused(monkeypatch):
    letters = SimpleNamespace(tokenizer=SimpleNamespace(encode=lambda text: [ord(c) for c in text]))
    monkeypatch.setattr(smollm2, "load", lambda: letters)
    monkeypatch.setattr("pydoc_data.topics.topics", {"one": "word " * 40, "short": "word"})
    forget()
    with pytest.raises(ValueError, match="there are 2 texts"):
        _smollm2.natural(500)
    forget()
