"""Training of LongSpec drafts, on a target of random weights."""

from dataclasses import replace

import numpy as np
import pytest

from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.language_models.schedule import Schedule
from tightbound.simulators.language_models.trainable_llama import OffsetTexts
from tightbound.simulators.language_models.training import train
from tightbound.simulators.speculative.trainable_long_spec import TrainableLongSpec

CONFIG = LlamaConfig(
    vocabulary=11, context=64, width=16, inner=24, layers=2, heads=4, kv_heads=2, head_size=4
)


@pytest.fixture(scope="module")
def model():
    return TrainableLongSpec(Llama.random(CONFIG, rng=0), window=4, inner=24, length=12, longest=64)


def test_a_row_sees_the_target_up_to_its_lag_and_its_own_window(model):
    weights, rng = model.init(0), np.random.default_rng(1)
    text = rng.integers(11, size=(1, 12))
    changed = text.copy()
    changed[0, 5] = (text[0, 5] + 1) % 11
    for lag in (1, 2, 4):
        first = np.asarray(model.logits(weights, text, lag))
        second = np.asarray(model.logits(weights, changed, lag))
        differs = np.abs(first - second).max(axis=-1)[0] > 1e-7
        near = np.zeros(12, bool)
        near[5:9] = True  # the window of 4
        near[5 + lag :] = True  # the target's keys
        assert differs.tolist() == near.tolist()


def test_the_first_rows_see_no_key_of_the_target(model):
    """Then cross-attention adds nothing, whatever its weights."""
    weights = model.init(0)
    text = np.random.default_rng(2).integers(11, size=(1, 12))
    without = {**weights, "cross_output": np.zeros_like(weights["cross_output"])}
    found, cut = (np.asarray(model.logits(w, text, 4))[0] for w in (weights, without))
    assert found[:4] == pytest.approx(cut[:4], abs=1e-6)
    assert np.abs(found[4:] - cut[4:]).max() > 1e-3


def test_the_loss_reads_offset_and_lag_of_each_sequence(model):
    weights, rng = model.init(3), np.random.default_rng(4)
    text = rng.integers(11, size=(2, 12))
    numbers = np.array([[0, 1], [40, 3]])
    mask = np.ones(14, bool)
    mask[5] = False  # the token at place 3 is not predicted
    import jax

    with jax.enable_x64(True):
        found = float(jax.jit(model.loss)(weights, np.concatenate([numbers, text], axis=1), mask))
    total = 0.0
    for b, (offset, lag) in enumerate(numbers):
        scores = np.asarray(model.logits(weights, text[b : b + 1], int(lag), int(offset)), np.float64)[0]
        laws = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
        total -= sum(laws[t, text[b, t + 1]] for t in range(11) if t != 2)
    assert found == pytest.approx(total / 20, abs=1e-5)


def test_training_lowers_the_loss_and_resumes(model, tmp_path):
    texts = np.tile([1, 2, 3, 4, 5, 6, 7], 40)
    sampler = OffsetTexts(texts, 12, 64, (1, 4))
    validation = sampler(np.random.default_rng(0), 4)
    schedule = Schedule(20, batch=4, evaluate_every=10, warmup=3, learning_rate=1e-2)
    path = tmp_path / "checkpoint.npz"
    found = train(model, sampler, schedule, validation=validation, checkpoint=path)
    assert found.value < 1.2  # log 11 is 2.4
    assert found.value < found.history.validation[0]
    again = TrainableLongSpec(model.target, window=4, inner=24, length=12, longest=64)
    same = train(again, sampler, schedule, validation=validation, checkpoint=path)
    assert same.value == found.value
    model.block(found.parameters).check(model.target)


def test_it_can_start_from_layers_of_the_target(model):
    weights = model.init_from_target()
    assert {n: w.shape for n, w in weights.items()} == {n: w.shape for n, w in model.init(0).items()}
    with pytest.raises(ValueError, match="inner is 8"):
        replace(model, inner=8).init_from_target()


def test_bad_numbers(model):
    with pytest.raises(ValueError, match="longest is 65"):
        replace(model, longest=65)
    for name in ("window", "inner", "length"):
        with pytest.raises(ValueError, match=name):
            replace(model, **{name: 0})
    with pytest.raises(ValueError, match="longest"):
        replace(model, longest=11)
