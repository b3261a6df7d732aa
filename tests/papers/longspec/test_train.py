"""The command that trains, on a model that is trained in a moment."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from tightbound.papers.longspec import train
from tightbound.papers.longspec.texts import Texts, held_out, topics
from tightbound.simulators.language_models import byte_llama
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.schedule import Schedule
from tightbound.simulators.language_models.trainable_llama import TrainableLlama

CONFIG = LlamaConfig(vocabulary=256, context=32, width=8, inner=8, layers=1, heads=2, kv_heads=1, head_size=4)


def tiny():
    return train.Task(
        TrainableLlama(CONFIG, length=8),
        byte_llama.encode,
        Schedule(4, batch=2, warmup=1, evaluate_every=2),
        CONFIG.context,
        None,
        2,
        lambda path, weights: byte_llama.write_llama(path, CONFIG, weights),
    )


def test_weights_are_written_and_the_command_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(train.TASKS, "byte-target", tiny)
    monkeypatch.setattr(train, "texts", lambda: Texts(("some text to read",), ("some text held out",)))
    arguments = ["byte-target", "--folder", str(tmp_path)]
    train.main(arguments)
    first = capsys.readouterr().out
    assert "step 4: training" in first
    assert byte_llama.read_llama(tmp_path / "weights.npz").config == CONFIG
    train.main(arguments)
    assert capsys.readouterr().out == first.splitlines()[-1] + "\n"


def test_a_checkpoint_of_another_setting_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(train.TASKS, "byte-target", tiny)
    monkeypatch.setattr(train, "texts", lambda: Texts(("some text to read",), ("some text held out",)))
    (tmp_path / "checkpoint.npz").write_bytes(b"nothing")
    with pytest.raises(SystemExit):
        train.main(["byte-target", "--folder", str(tmp_path)])
    assert "is not whole" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        train.main(["byte-target", "--folder", str(tmp_path), "--steps", "7"])
    assert "steps is 7" in capsys.readouterr().err


def test_kinds_of_drafts_differ_in_positions_and_lags_alone():
    whole = train.byte_draft()
    for name, lags, longest in (
        ("byte-draft-plain", (1, 4), 256),
        ("byte-draft-shift", (1, 1), 8192),
        ("byte-draft-ahead", (0, 0), 8192),
    ):
        task = train.TASKS[name]()
        assert (task.lags, task.longest) == (lags, longest)
        assert repr(task.model) == repr(whole.model)
        assert task.schedule == whole.schedule
    assert isinstance(train.TASKS["byte-draft-plain"], partial)
    assert replace(whole, lags=None).sampler(["a" * 300])(np.random.default_rng(0), 1).shape == (1, 257)


def test_topics_are_split_by_name():
    found = topics()
    assert len(found.training) > 5 * len(found.held_out) > 0
    assert not set(found.training) & set(found.held_out)
    assert min(map(len, found.held_out)) >= 200
    assert held_out("topic:yield") == held_out("topic:yield")
