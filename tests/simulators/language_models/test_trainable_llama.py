"""The forward pass that is trained is that of the engine."""

from dataclasses import replace

import numpy as np
import pytest

from tightbound.simulators.language_models import byte_llama
from tightbound.simulators.language_models.gguf_checkpoint import CheckpointFormatError, LlamaConfig
from tightbound.simulators.language_models.trainable_llama import OffsetTexts, TrainableLlama

CONFIG = LlamaConfig(
    vocabulary=13, context=64, width=16, inner=24, layers=2, heads=4, kv_heads=2, head_size=4
)


@pytest.fixture(scope="module")
def model():
    return TrainableLlama(CONFIG, length=10)


@pytest.mark.parametrize("offset", [0, 50])
def test_logits_are_those_of_the_engine(offset, model):
    weights, rng = model.init(0), np.random.default_rng(1)
    weights = {n: w * rng.uniform(0.5, 1.5, w.shape).astype(np.float32) for n, w in weights.items()}
    tokens = rng.integers(13, size=(3, 10))
    places = np.broadcast_to(np.arange(10) + offset * (np.arange(10) >= 4), (3, 10))
    engine = model.engine(weights)
    exact = engine.forward(engine.start(3), tokens, positions=places)
    assert np.asarray(model.logits(weights, tokens, places)) == pytest.approx(exact, abs=2e-5)


def test_the_loss_stands_at_offset_positions_and_at_the_tokens_that_are_asked_for(model):
    weights, rng = model.init(2), np.random.default_rng(3)
    tokens = rng.integers(13, size=(2, 10))
    import jax

    picked = np.empty((2, 9))
    for row, (offset, text) in enumerate(zip((0, 30), tokens, strict=True)):
        places = np.arange(9) + offset * (np.arange(9) >= 4)
        scores = np.asarray(model.logits(weights, text[None, :-1], places[None]), np.float64)[0]
        laws = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
        picked[row] = laws[np.arange(9), text[1:]]
    loss = jax.jit(model.loss)
    # one entry per column: the offset and the first token are never predicted
    for mask in (np.ones(11, bool), np.arange(11) >= 6, np.arange(11) == 4):
        with jax.enable_x64(True):
            found = float(loss(weights, np.c_[[0, 30], tokens], mask))
        assert found == pytest.approx(-picked[:, mask[2:]].mean(), abs=1e-5)


def test_pieces_come_with_offsets_and_lags_in_range():
    found = OffsetTexts(np.arange(100), 8, 20, (2, 3))(np.random.default_rng(0), 400)
    assert found.shape == (400, 10)
    assert np.array_equal(np.unique(found[:, 0]), np.arange(13))
    assert np.array_equal(np.unique(found[:, 1]), [2, 3])
    assert np.all(np.diff(found[:, 2:], axis=1) == 1)
    assert found[:, 2].min() == 0
    assert found[:, 2].max() == 92


def test_bad_numbers(model):
    with pytest.raises(ValueError, match="length is 65"):
        TrainableLlama(CONFIG, length=65)
    with pytest.raises(ValueError, match="dtype is 'int8'"):
        replace(model, dtype="int8")
    with pytest.raises(ValueError, match="longest"):
        OffsetTexts(np.arange(100), 8, 7)
    with pytest.raises(ValueError, match="at least 8 tokens"):
        OffsetTexts(np.arange(7), 8, 20)
    with pytest.raises(ValueError, match="lags"):
        OffsetTexts(np.arange(100), 8, 20, (4, 3))
    with pytest.raises(IndexError):
        model.logits(model.init(0), [[13]])


def test_files_of_models(tmp_path, model):
    weights = model.init(5)
    byte_llama.write_llama(tmp_path / "model.npz", CONFIG, weights)
    again = byte_llama.read_llama(tmp_path / "model.npz")
    assert again.config == CONFIG
    assert again.blocks[1].down == pytest.approx(weights["down"][1], abs=1e-3)
    whole = (tmp_path / "model.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointFormatError, match="cut"):
        byte_llama.read_llama(tmp_path / "cut.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(2))
    with pytest.raises(CheckpointFormatError, match="other"):
        byte_llama.read_llama(tmp_path / "other.npz")
    with pytest.raises(FileNotFoundError):
        byte_llama.read_llama(tmp_path / "none.npz")


def test_the_shipped_model_has_learnt_to_spell():
    model = byte_llama.load()
    text = byte_llama.encode("The arguments of the function are passed to the constructor of the class.")
    logits = model.forward(model.start(1, text.size), text[None])[0].astype(float)
    laws = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    assert -laws[np.arange(text.size - 1), text[1:]].mean() < 2.3  # nats per byte; log 256 is 5.5
    assert byte_llama.FILE.stat().st_size < 4_000_000
