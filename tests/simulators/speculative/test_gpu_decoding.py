"""Greedy decoding on a device, in PyTorch on the CPU, beside the decoder that it copies."""

import os
from importlib.util import find_spec

import numpy as np
import pytest

from tightbound.simulators.language_models import ContextOverflowError, Llama, LlamaConfig
from tightbound.simulators.language_models.gpu_llama import GpuLlama
from tightbound.simulators.speculative import (
    GreedyWriter,
    NoDraft,
    SparseToDense,
    SpeculativeDecoder,
    read_prompts,
)
from tightbound.simulators.speculative.gpu_decoding import margins

TEXT, TOKENS = 9, 14


@pytest.fixture(scope="module")
def models():
    if find_spec("torch") is None:
        if os.environ.get("TIGHTBOUND_REQUIRE_GPU_TOOLCHAIN") == "1":
            raise ModuleNotFoundError("TIGHTBOUND_REQUIRE_GPU_TOOLCHAIN=1, and torch is not installed")
        pytest.skip("torch is not installed: pip install 'tightbound[gpu]'")
    config = LlamaConfig(
        vocabulary=37, context=160, width=24, inner=40, layers=2, heads=4, kv_heads=2, head_size=8
    )
    cpu = Llama.random(config, rng=0)
    return cpu, GpuLlama.of(cpu, device="cpu")


@pytest.fixture(scope="module")
def ids():
    return np.random.default_rng(0).integers(0, 37, (3, 60))


@pytest.fixture(scope="module")
def plain(models, ids):
    return SpeculativeDecoder(models[0], NoDraft()).generate(list(ids), TOKENS).tokens


@pytest.mark.parametrize(("gamma", "keys"), [(1, 5), (3, 12), (5, 30)])
def test_texts_and_rounds_are_those_of_the_decoder_on_the_cpu(models, ids, plain, gamma, keys):
    prompts = read_prompts(models[1], ids, TEXT, TOKENS + 2 * gamma)
    assert GreedyWriter(prompts, TOKENS).write().tokens.tolist() == plain
    writer = GreedyWriter(prompts, TOKENS, gamma, prompts.keep(keys))
    expected = SpeculativeDecoder(models[0], SparseToDense(keys, text=TEXT, shape=gamma)).generate(
        list(ids), TOKENS
    )
    for _ in range(2):  # as often as one likes
        found = writer.write()
        assert found.tokens.tolist() == plain == expected.tokens
        assert found.rounds.tolist() == [one.log.rounds for one in expected.completions]
        assert found.emitted[-1] == ids.shape[0] * TOKENS
    # the decoder drafts no more than what fits, so only its last round can accept fewer
    accepted = [int(one.log.accepted[:-1].sum()) for one in expected.completions]
    assert np.all(found.accepted >= accepted)
    assert np.all(found.accepted <= np.array(accepted) + gamma)
    assert not found.captured


def test_the_general_decoder_runs_the_model_of_the_device(models, ids, plain):
    found = SpeculativeDecoder(models[1], SparseToDense(12, text=TEXT, shape=3)).generate(list(ids), TOKENS)
    assert found.tokens == plain


def test_kept_keys_are_those_of_the_decoder(models, ids, monkeypatch):
    from tightbound.simulators.speculative import sparse_to_dense

    seen = []
    real = sparse_to_dense.KeySelection
    monkeypatch.setattr(sparse_to_dense, "KeySelection", lambda *given: (seen.append(given), real(*given))[1])
    SpeculativeDecoder(models[0], SparseToDense(12, text=TEXT, shape=1)).generate(list(ids), 2)
    prompts = read_prompts(models[1], ids, TEXT, 4)
    chosen, tail = seen[0]
    assert prompts.keep(12).numpy().tolist() == np.asarray(chosen).tolist()
    assert tail.tolist() == [prompts.document] * 3


def test_margins_are_those_of_plain_decoding(models, ids, plain):
    prompts = read_prompts(models[1], ids, TEXT, TOKENS)
    lead, likeliest = margins(prompts, np.array(plain), chunk=4)
    assert likeliest.tolist() == plain
    assert lead.shape == (3, TOKENS)
    assert lead.min() > 0.0
    first = prompts.first(1)
    assert (first.batch, first.keys.shape[1]) == (1, 1)
    assert np.abs(margins(first, np.array(plain)[:1])[0] - lead[:1]).max() < 1e-5


def test_without_a_gpu_nothing_is_captured(models, ids):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    writer = GreedyWriter(read_prompts(models[1], ids, TEXT, TOKENS), TOKENS)
    assert writer.capture() == "torch sees no CUDA GPU"


def test_bad_input_is_refused(models, ids):
    model = models[1]
    with pytest.raises(ValueError, match="leave at least one before it"):
        read_prompts(model, ids, 60, 4)
    with pytest.raises(ValueError, match="prompts have 200 tokens"):
        read_prompts(model, np.zeros((1, 200), dtype=int), TEXT, 4)
    with pytest.raises(ContextOverflowError, match="tokens is 613 after prompts of 60: give at most 612"):
        read_prompts(model, ids, TEXT, 613)
    far = read_prompts(model, ids[:1], TEXT, 102)
    with pytest.raises(ContextOverflowError, match="together at most 161 fit the context of 160"):
        GreedyWriter(far, 102)
    prompts = read_prompts(model, ids, TEXT, 8)
    with pytest.raises(ValueError, match="read the prompts with tokens=10"):
        GreedyWriter(prompts, 4, 3, prompts.keep(5))
    with pytest.raises(ValueError, match="index is None"):
        GreedyWriter(prompts, 2, 3)
