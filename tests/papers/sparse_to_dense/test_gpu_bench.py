"""The benchmark of sparse drafts on a GPU as far as it goes without one: a small model on the CPU."""

import json
import os
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest

from tightbound.papers.sparse_to_dense import _gpu, _gpu_cells, _gpu_check, documents
from tightbound.papers.sparse_to_dense.benchmarks import BENCHMARKS
from tightbound.simulators.language_models import Llama, LlamaConfig, smollm2
from tightbound.simulators.language_models.gpu_llama import GpuLlama
from tightbound.verification.report import bench as report

TEXT = 7


def need(*packages):
    lacking = [name for name in packages if find_spec(name) is None]
    if lacking and os.environ.get("TIGHTBOUND_REQUIRE_GPU_TOOLCHAIN") == "1" and "torch" in lacking:
        raise ModuleNotFoundError("TIGHTBOUND_REQUIRE_GPU_TOOLCHAIN=1, and torch is not installed")
    if lacking:
        pytest.skip(f"{', '.join(lacking)} is not installed")


def small():
    config = LlamaConfig(
        vocabulary=37, context=160, width=24, inner=40, layers=2, heads=4, kv_heads=2, head_size=8
    )
    return Llama.random(config, rng=0)


@pytest.fixture
def on_cpu(monkeypatch):
    """The benchmark with a small model on the CPU, and a machine that was not measured."""
    need("torch")
    whole = small()

    def windows(count, document):
        rng = np.random.default_rng(0)
        return rng.integers(0, 37, (count, document + TEXT)), TEXT

    monkeypatch.setattr(smollm2, "load", lambda: SimpleNamespace(model=whole))
    monkeypatch.setattr(_gpu, "windows", windows)
    monkeypatch.setattr(_gpu, "absent", lambda: None)
    monkeypatch.setattr(_gpu, "copy_bandwidth", lambda: 1e10)
    monkeypatch.setattr(_gpu, "matrix_rate", lambda: 1e11)
    monkeypatch.setattr(_gpu, "device", lambda: {"gpu": "none"})
    monkeypatch.setattr(_gpu_check, "check", lambda model, dtype: {"one pass": 1e-4})
    of = GpuLlama.of
    monkeypatch.setattr(GpuLlama, "of", lambda model, dtype: of(model, device="cpu"))
    monkeypatch.setattr(_gpu, "CONTEXTS", (60, 40))
    monkeypatch.setattr(_gpu, "SHARES", {60: 0.6, 40: 1.0})
    monkeypatch.setattr(_gpu, "BATCHES", (2, 1))
    monkeypatch.setattr(_gpu, "GAMMAS", (2, 1))
    monkeypatch.setattr(_gpu, "KEPT", (8, 4))
    monkeypatch.setenv(_gpu.VARIABLE, "tokens=6,repeats=1,transformers=0")


def test_all_cells_are_measured_and_written_to_a_file(on_cpu, tmp_path):
    output = tmp_path / "std_gpu.json"
    rows = _gpu.benchmark(output)
    stored = json.loads(output.read_text())
    cells = stored["cells"]
    assert len(cells) == 16
    named = [(cell["context"], cell["batch"], cell["gamma"], cell["K"]) for cell in cells]
    assert len(set(named)) == 16
    assert named[:2] == [(60, 2, 2, 8), (60, 1, 2, 8)]  # what says most comes first
    for cell in cells:
        assert cell["texts that differ"] == 0
        assert 1.0 <= cell["tokens per round"] <= cell["gamma"] + 1
        assert 1.0 <= cell["tokens per round, slowest text"] <= cell["tokens per round"]
        assert cell["predicted, weights and keys"] <= cell["predicted, keys alone"]
        assert cell["passes 1.94"] == (cell["speed-up"] > 1.94)
        assert not cell["graphs"]
        assert cell["prompt"] == cell["context"] - 6 - 4
    assert "largest speed-up while all write" in rows[-1]["what"]
    assert "largest speed-up;" in rows[-2]["what"]
    assert len(rows) == 18
    entry = next(b for b in BENCHMARKS if b.name == "std-gpu")
    assert "tokens per round" in report.render_markdown([(entry, rows)])


def test_timing_a_pass_leaves_the_prompt_as_it_was(on_cpu):
    from tightbound.simulators.speculative import read_prompts

    ids = np.random.default_rng(0).integers(0, 37, (2, 50))
    prompts = read_prompts(GpuLlama.of(small(), "float32"), ids, TEXT, 10)
    before = [part[:, :, :, :49].clone() for part in (prompts.keys, prompts.values)]
    batch = _gpu_cells.Batch(prompts, 6, _gpu_cells.Machine(1e10, 1e11), 1)
    batch.cell(2, 8)
    for part, old in zip((prompts.keys, prompts.values), before, strict=True):
        assert (part[:, :, :, :49] == old).all()


def test_a_text_that_rounding_does_not_explain_is_an_error(on_cpu, tmp_path, monkeypatch):
    real = _gpu_cells.Batch._compared
    monkeypatch.setattr(
        _gpu_cells.Batch,
        "_compared",
        lambda batch, texts: real(batch, texts) | {"largest lead where one differs": 5e-4},
    )
    with pytest.raises(ArithmeticError, match=r"leads by 0\.0005, and rounding explains 0\.0004"):
        _gpu.benchmark(tmp_path / "std_gpu.json")
    assert json.loads((tmp_path / "std_gpu.json").read_text())["cells"]


def test_where_time_is_up_what_was_measured_is_returned(on_cpu, tmp_path, monkeypatch):
    monkeypatch.setenv(_gpu.VARIABLE, "seconds=0,tokens=6,repeats=1,transformers=0")
    rows = _gpu.benchmark(tmp_path / "std_gpu.json")
    assert [row["what"] for row in rows] == ["not measured: no time for a cell in 0 s"]


def test_without_a_gpu_one_row_says_why(monkeypatch, tmp_path):
    monkeypatch.setattr(_gpu, "absent", lambda: "torch is not installed")
    rows = _gpu.benchmark(tmp_path / "std_gpu.json")
    assert [row["what"] for row in rows] == ["not measured: torch is not installed"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("setting", ["second=3", "seconds=soon", "tokens"])
def test_settings_that_do_not_exist_are_refused(monkeypatch, setting):
    monkeypatch.setenv(_gpu.VARIABLE, setting)
    with pytest.raises(ValueError, match="TIGHTBOUND_STD_GPU has"):
        _gpu.benchmark()


def test_logits_that_are_off_are_an_error(monkeypatch, tmp_path):
    need("torch")
    model = GpuLlama.of(small(), device="cpu")
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, 37, 32)
    columns = np.array([0, 5, 36])
    logits = model.forward(model.start(1, 40), tokens[np.newaxis])[0, 3::4, columns].T
    path = tmp_path / "stored.npz"
    for name, value in {"STORED": path, "TOKENS": 32, "CHUNK": 8, "SINGLE": 8}.items():
        monkeypatch.setattr(_gpu_check, name, value)
    np.savez(path, tokens=tokens, columns=columns, logits=logits)
    assert max(_gpu_check.check(model, "float32").values()) < 1e-5
    np.savez(path, tokens=tokens, columns=columns, logits=logits + 0.01)
    with pytest.raises(ArithmeticError, match=r"differ by 0\.01"):
        _gpu_check.check(model, "float32")


def test_windows_are_prompts_from_everywhere(monkeypatch):
    monkeypatch.setattr(smollm2, "load", lambda: SimpleNamespace(tokenizer=Bytes()))
    found, text = documents.windows(5, 300)
    assert found.shape == (5, 300 + text)
    assert len({row.tobytes() for row in found}) == 5
    assert np.all(found[:, 300:] == found[0, 300:])
    with pytest.raises(ValueError, match="ask for fewer"):
        documents.windows(1, 10**8)


class Bytes:
    """A tokeniser whose tokens are bytes."""

    @staticmethod
    def encode(text, special=False):
        return np.frombuffer(text.encode(), dtype=np.uint8).astype(np.int64)


def test_transformers_write_the_same_texts():
    need("torch", "transformers")
    from tightbound.papers.sparse_to_dense import _gpu_transformers as peer
    from tightbound.simulators.speculative import NoDraft, SpeculativeDecoder

    model = small()
    prompts = np.random.default_rng(0).integers(0, 37, (2, 20))
    texts, _ = peer.decode(peer.build(model, "float32", "cpu"), prompts, 10)
    assert texts.tolist() == SpeculativeDecoder(model, NoDraft()).generate(list(prompts), 10).tokens
