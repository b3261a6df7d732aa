"""A small random transformer in the place of the real one, so that its claims and figures run in no time."""

from typing import NamedTuple

import numpy as np
import pytest

from tightbound.papers.sparse_to_dense import attention_kept, documents, real_runs
from tightbound.papers.sparse_to_dense.checks import acceptance
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.llama import Llama

TEXT = 5
SIZES = {"vocabulary": 23, "width": 24, "context": 160, "inner": 32, "layers": 4, "heads": 4, "kv_heads": 2}


class Model(NamedTuple):
    model: Llama


def small_prompts(count, document, skip=0):
    rng = np.random.default_rng(count)
    return tuple(rng.integers(23, size=document + TEXT) for _ in range(count)), TEXT


@pytest.fixture
def small_model():
    """Yield while every run uses the small model; nothing that it gave is remembered afterwards."""
    caches = (
        real_runs.reader,
        real_runs.plain,
        real_runs.run,
        attention_kept.kept_mass,
        attention_kept._later_mass,
    )
    model = Model(Llama.random(LlamaConfig(head_size=8, **SIZES), rng=3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(real_runs.smollm2, "load", lambda: model)
        for module in (real_runs, attention_kept, acceptance, documents):
            patch.setattr(module, "prompts", small_prompts)
        for cached in caches:
            cached.cache_clear()
        yield model.model
    for cached in caches:
        cached.cache_clear()
