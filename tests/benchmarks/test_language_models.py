"""Run with: pytest tests/benchmarks --benchmark-only."""

import numpy as np
import pytest

from tightbound.papers.longspec import benchmarks as bench
from tightbound.simulators.language_models.exact_llama import ExactLlama
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.language_models.smollm2 import ModelUnavailableError, locate
from tightbound.verification.threads import threads

CONFIG = LlamaConfig(
    vocabulary=8192, context=512, width=192, inner=512, layers=6, heads=6, kv_heads=2, head_size=32
)


def test_plain_decoding(beside):
    model = Llama.random(CONFIG, rng=0)
    prompt = np.random.default_rng(0).integers(0, CONFIG.vocabulary, 256)
    ours, exact = bench.own(model, prompt), bench.own(ExactLlama(model), prompt)
    with threads(1):
        assert beside(ours, exact, "NumPy in float64", rounds=3) == exact()


def test_smollm2_beside_transformers(beside):
    for package in ("torch", "transformers", "accelerate", "gguf"):
        pytest.importorskip(package)
    try:
        locate()
    except ModelUnavailableError as error:
        pytest.skip(str(error))
    with threads(1, torch=True):
        match = bench.plain_decoding()
        assert beside(match.ours, match.theirs, "transformers", rounds=2) == match.theirs()
