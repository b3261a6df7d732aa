"""Converted weights are kept whole or not at all, and come back to the bit."""

import errno
import os
import threading
from dataclasses import fields, replace

import numpy as np
import pytest

from tightbound.simulators._user_cache import user_cache
from tightbound.simulators.language_models import converted_weights, smollm2
from tightbound.simulators.language_models.converted_weights import Converted, keep, place, recall
from tightbound.simulators.language_models.llama import LlamaLayer

TOKENIZER = {"ggml.model": "gpt2", "ggml.tokens": ["a", "\u0120b"], "ggml.add_bos_token": False}


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """A cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.platform", "linux")
    return tmp_path / "cache" / "tightbound" / "weights"


@pytest.fixture
def file(gguf, tmp_path, monkeypatch):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF and the rest")
    monkeypatch.setattr(converted_weights, "SMALL", 0)
    return path


@pytest.fixture
def kept(file):
    return place(file)


def same(found, model):
    assert found.config == model.config
    assert np.array_equal(found.embedding, model.embedding)
    assert np.array_equal(found.norm, model.norm)
    assert np.array_equal(found.head, model.head)
    for ours, theirs in zip(found.blocks, model.blocks, strict=True):
        for field in fields(LlamaLayer):
            assert np.array_equal(getattr(ours, field.name), getattr(theirs, field.name))


def test_what_was_kept_comes_back_to_the_bit(kept, small):
    assert recall(kept) is None
    assert keep(kept, Converted(small, TOKENIZER))
    found = recall(kept)
    same(found.model, small)
    assert found.tokenizer == TOKENIZER
    tokens = [[3, 1, 4, 1]]
    assert np.array_equal(
        found.model.forward(found.model.start(1), tokens), small.forward(small.start(1), tokens)
    )
    assert os.listdir(kept.parent) == [kept.name]


def test_a_tied_read_out_is_kept_once_and_rotary_factors_too(kept, small):
    factors = np.arange(1.0, 5.0, dtype=np.float32)
    assert keep(kept, Converted(replace(small, head=small.embedding, rope_factors=factors), {}))
    found = recall(kept).model
    assert found.head is found.embedding
    assert np.array_equal(found.rope_factors, factors)


def test_arrays_are_aligned_and_writing_into_them_leaves_the_file_alone(kept, small):
    keep(kept, Converted(small, TOKENIZER))
    before = kept.read_bytes()
    model = recall(kept).model
    for array in (model.embedding, model.blocks[1].down, model.norm):
        assert array.ctypes.data % 64 == 0
        assert type(array) is np.ndarray
        array[...] = np.nan
    assert kept.read_bytes() == before
    same(recall(kept).model, small)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_a_file_that_is_cut_off_is_none(kept, small, share):
    keep(kept, Converted(small, TOKENIZER))
    whole = kept.read_bytes()
    kept.write_bytes(whole[: int(share * len(whole))])
    assert recall(kept) is None
    assert keep(kept, Converted(small, TOKENIZER))  # and written again
    assert kept.read_bytes() == whole


@pytest.mark.parametrize("place", [0, 20, 40, 300, 5000, -1])
def test_a_file_with_a_changed_byte_is_none(kept, small, place):
    keep(kept, Converted(small, TOKENIZER))
    content = bytearray(kept.read_bytes())
    content[place - 64 * (place < 0)] ^= 1  # behind the last array are zeros
    kept.write_bytes(content)
    assert recall(kept) is None


def test_zeros_in_the_place_of_a_mebibyte_are_seen(kept, small):
    big = np.random.default_rng(0).standard_normal((37, 40_000)).astype(np.float32)
    keep(kept, Converted(replace(small, head=big), {}))
    content = bytearray(kept.read_bytes())
    for start in range(2 << 20, 4 << 20, 100_000):
        damaged = content.copy()
        damaged[start : start + (1 << 20) + (1 << 12)] = bytes((1 << 20) + (1 << 12))
        kept.write_bytes(damaged)
        assert recall(kept) is None


def test_other_files_are_none(kept):
    kept.parent.mkdir(parents=True)
    for content in (b"", b"tightbound-weights", b"PK\x03\x04" * 100, bytes(4096)):
        kept.write_bytes(content)
        assert recall(kept) is None
    kept.unlink()
    kept.mkdir()
    assert recall(kept) is None


def test_the_name_is_that_of_content_and_converter(file, monkeypatch):
    first = place(file)
    with monkeypatch.context() as patch:
        patch.setattr(converted_weights, "SMALL", 1 << 20)
        assert place(file) is None
    moved = file.rename(file.with_name("other.gguf"))
    assert place(moved) == first
    moved.write_bytes(b"GGUF and the rest!")
    assert place(moved) != first
    moved.write_bytes(b"GGUF and the rest")
    monkeypatch.setattr(converted_weights, "CONVERTER", 2)
    assert place(moved) != first
    monkeypatch.setattr(converted_weights, "version", lambda name: "99.0")
    assert "99.0" in place(moved).name


def test_files_of_other_converters_of_the_same_model_go(file, kept, small, monkeypatch):
    keep(kept, Converted(small, {}))
    stranger = kept.with_name("0" * 32 + "-1-0-little.bin")
    stranger.write_bytes(b"")
    monkeypatch.setattr(converted_weights, "CONVERTER", 2)
    assert keep(place(file), Converted(small, {}))
    assert sorted(os.listdir(kept.parent)) == sorted([stranger.name, place(file).name])


def test_nothing_is_kept_where_the_disk_is_full(kept, small, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert not keep(kept, Converted(small, {}))
    assert os.listdir(kept.parent) == []


def test_a_disk_that_would_be_half_full_of_it_is_left_alone(kept, small, monkeypatch):
    class Usage:
        free = 60_000

    monkeypatch.setattr(converted_weights.shutil, "disk_usage", lambda path: Usage)
    assert not keep(kept, Converted(small, {}))
    assert os.listdir(kept.parent) == []


def test_nothing_is_kept_where_the_folder_cannot_be_made(file, kept, small, monkeypatch, tmp_path):
    (tmp_path / "taken").touch()
    kept.parent.touch()  # a file where the folder should be
    assert not keep(kept, Converted(small, {}))
    assert recall(kept) is None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "taken"))
    assert user_cache() is None
    assert place(file) is None


def test_what_json_cannot_write_is_not_kept(kept, small):
    assert not keep(kept, Converted(small, {"array": np.zeros(3)}))
    assert not kept.exists()


def test_two_writers_at_once(kept, small):
    done = []
    threads = [
        threading.Thread(target=lambda: done.append(keep(kept, Converted(small, TOKENIZER))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [True] * 4
    same(recall(kept).model, small)
    assert os.listdir(kept.parent) == [kept.name]


def test_the_second_load_converts_nothing(file, small, monkeypatch):
    read = []

    class Checkpoint:
        tokenizer = {
            "ggml.model": "gpt2",
            "ggml.pre": "smollm",
            "ggml.tokens": ["a", "b", "ab"],
            "ggml.merges": ["a b"],
        }

    def reading(path):
        read.append(path)
        return Checkpoint

    monkeypatch.setattr(smollm2, "read_gguf", reading)
    monkeypatch.setattr(smollm2.Llama, "from_checkpoint", lambda checkpoint: small)
    monkeypatch.setattr(smollm2, "_loaded", smollm2._loaded.__wrapped__)
    first, second = smollm2.load(file), smollm2.load(file)
    assert read == [file]
    same(second.model, first.model)
    assert second.tokenizer == first.tokenizer
    kept = place(file)
    kept.write_bytes(kept.read_bytes()[:-1])
    smollm2.load(file)
    assert len(read) == 2
    smollm2.load(file)
    assert len(read) == 2
    monkeypatch.setattr(converted_weights, "user_cache", lambda: None)
    smollm2.load(file)
    assert len(read) == 3


def test_where_caches_are(monkeypatch, tmp_path):
    assert user_cache() == tmp_path / "cache" / "tightbound"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert user_cache() == tmp_path / "home" / ".cache" / "tightbound"
    monkeypatch.setattr("sys.platform", "darwin")
    assert user_cache() == tmp_path / "home" / "Library" / "Caches" / "tightbound"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert user_cache() == tmp_path / "local" / "tightbound"
