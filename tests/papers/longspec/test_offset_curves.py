"""Pairs of drafts that are trained with and without offsets, on a small model."""

from dataclasses import replace

import numpy as np

from tightbound.papers.longspec import offset_curves
from tightbound.papers.longspec.offset_curves import SCHEDULE, Setting, held_out, measure
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.speculative.distilled_long_spec import DistilledLongSpec
from tightbound.simulators.speculative.trainable_long_spec import TrainableLongSpec

CONFIG = LlamaConfig(
    vocabulary=37, context=64, width=16, inner=24, layers=2, heads=4, kv_heads=2, head_size=4
)


def test_held_out_pieces_stand_at_both_ends_of_the_context():
    found = held_out(np.arange(30), 8, 64, 5)
    assert found.shape == (10, 10)
    assert found[:, 0].tolist() == [0] * 5 + [56] * 5
    assert found[:5, 1].tolist() == [1, 2, 3, 4, 1]
    np.testing.assert_array_equal(found[:5, 1:], found[5:, 1:])


def test_pairs_start_alike_and_their_losses_are_told_apart(tmp_path, monkeypatch):
    draft = TrainableLongSpec(Llama.random(CONFIG, rng=0), window=8, inner=24, length=8, longest=64)
    model, rng = DistilledLongSpec(draft), np.random.default_rng(0)
    setting = Setting(2, replace(SCHEDULE, steps=4, batch=2, warmup=1, evaluate_every=2), 3)
    training, tokens = rng.integers(37, size=(2, 100))
    found = measure(model, training, tokens, setting)
    assert found.steps.tolist() == [2, 4]
    assert found.loss.shape == found.agreement.shape == (2, 2, 2, 2)
    assert np.all(found.loss > 0.0)
    assert np.all((found.agreement >= 0.0) & (found.agreement <= 1.0))
    assert not np.allclose(found.loss[:, 0], found.loss[:, 1])  # with and without
    assert not np.allclose(found.loss[:, :, 0], found.loss[:, :, 1])  # pairs
    path = tmp_path / "curves.npz"
    np.savez_compressed(path, **found._asdict())
    monkeypatch.setattr(offset_curves, "FILE", path)
    np.testing.assert_array_equal(offset_curves.load().loss, found.loss)
    shorter = measure(model, training, tokens, setting, seconds=1e-3)
    assert shorter.steps.tolist() == [2]
