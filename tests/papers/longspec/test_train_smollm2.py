"""The training of the real model's draft, on a small model in its place."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tightbound.papers.longspec import train, train_smollm2
from tightbound.papers.longspec.texts import Texts
from tightbound.papers.longspec.train_smollm2 import SCHEDULE, Either, Maker, Material, Setting
from tightbound.simulators.language_models import byte_llama
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.language_models.trainable_llama import OffsetTexts
from tightbound.simulators.speculative.long_spec_block import LongSpecBlock

CONFIG = LlamaConfig(
    vocabulary=256, context=64, width=16, inner=16, layers=2, heads=4, kv_heads=2, head_size=4
)
SETTING = Setting(
    length=16,
    window=8,
    inner=16,
    schedule=replace(SCHEDULE, steps=4, batch=2, warmup=1, evaluate_every=2),
    validation=2,
    prompt=64 - 6,
    new=4,
    together=8,
    held_out=4,
    parts=2,
)


@pytest.fixture
def maker(tmp_path, monkeypatch):
    monkeypatch.setattr(
        train_smollm2, "texts", lambda packages: Texts(("abc " * 60,), ("a text held out " * 16,))
    )
    target = Llama.random(CONFIG, rng=0)
    return Maker(
        target, lambda text, special=False: byte_llama.encode(text), [0, 1], tmp_path / "kept", SETTING
    )


def test_a_run_writes_a_draft_and_goes_on(maker, tmp_path, monkeypatch):
    lines = []
    maker, output = replace(maker, tell=lines.append), tmp_path / "draft.npz"
    found = maker.run(output)
    assert [line.split(":")[0] for line in lines if line.startswith("step")] == ["step 4"]
    LongSpecBlock.load(output).check(maker.target)
    assert json.loads((maker.folder / "plan.json").read_text()) == {"parts": 2, "steps": 4}
    monkeypatch.setattr(train_smollm2, "write_many", None)  # what is kept is not written again
    output.unlink()
    again = replace(maker, tell=lines.append).run(output, seconds=1e-3)  # the plan is kept too
    assert again.value == found.value
    LongSpecBlock.load(output).check(maker.target)


def test_the_time_chooses_how_much_is_done(maker, tmp_path):
    lines = []
    maker = replace(maker, tell=lines.append, setting=replace(SETTING, parts=100, writing=0.0))
    maker.run(tmp_path / "draft.npz", seconds=1e-3)
    assert json.loads((maker.folder / "plan.json").read_text()) == {"parts": 1, "steps": 2}
    assert any("steps a second: 2 more" in line for line in lines)


def test_some_prompts_ask_and_the_first_are_held_out(maker):
    around = {"before": np.array([1, 2]), "after": np.array([3, 4, 5])}
    material = Material(np.full(200, 65), np.full(100, 66), **around)
    found = maker.prompts(material, np.random.default_rng(0))
    assert found.shape == (8, 58)
    asked = found[:, 0] == 1
    assert 0 < asked.sum() < 8
    assert np.all(found[asked][:, -3:] == [3, 4, 5])
    assert np.all(found[:4, 10] == 66)
    assert np.all(found[4:, 10] == 65)


def test_continuations_of_held_out_texts_are_kept_apart(maker):
    maker.folder.mkdir()
    material = Material(np.full(200, 65), np.full(100, 66), np.array([66]), np.array([66]))
    training, held_out = maker.written(maker.model(), material, None)
    assert training.size == held_out.size == 2 * 4 * 62
    assert np.all(training.reshape(8, 62)[:, 5] == 65)
    assert np.all(held_out.reshape(8, 62)[:, 5] == 66)


def test_sequences_come_from_one_of_several_samplers():
    parts = [OffsetTexts(np.full(20, n), 8, longest, (1, 2)) for n, longest in ((7, 8), (9, 20))]
    found = Either(parts)(np.random.default_rng(0), 50)
    assert found.shape == (50, 10)
    seven = found[:, 5] == 7
    assert 0 < seven.sum() < 50
    assert np.all(found[seven][:, 0] == 0)
    assert found[~seven][:, 0].max() > 0
    assert np.all(found[~seven][:, 2:] == 9)


def test_the_command_passes_its_arguments_on(maker, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train, "maker", lambda folder: replace(maker, folder=folder, tell=lambda line: None))
    output = tmp_path / "w.npz"
    train.main(["smollm2", "--folder", str(tmp_path / "other"), "--output", str(output), "--steps", "2"])
    assert "after 2 steps" in capsys.readouterr().out
    LongSpecBlock.load(output).check(maker.target)
