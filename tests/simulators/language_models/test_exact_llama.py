"""The float64 model and the compiled float32 one are two programs for one definition."""

import numpy as np
import pytest

from tightbound.simulators.language_models.exact_llama import ExactLlama
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.language_model import ContextOverflowError, KeySelection, prefill
from tightbound.simulators.language_models.llama import Llama

CLOSE = 2e-5  # float32 against float64, logits of size 1 after three layers
PROMPTS = [np.random.default_rng(0).integers(17, size=n) for n in (20, 13)]
DRAFTS = np.random.default_rng(1).integers(17, size=(2, 4))
TREE = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 1, 1]], dtype=bool)


@pytest.fixture(scope="module")
def llama():
    sizes = {"context": 40, "inner": 24, "layers": 3, "heads": 4, "kv_heads": 2, "head_size": 8}
    return Llama.random(LlamaConfig(vocabulary=17, width=16, **sizes), rng=4)


def passes():
    kept = np.sort(np.random.default_rng(2).random((3, 2, 2, 10)).argsort(axis=-1)[..., :4], axis=-1)
    positions = np.array([20, 13])[:, None] + [0, 1, 1, 2]
    yield {}
    yield {"mask": np.stack([TREE, TREE]), "positions": positions, "read": [[3, 1], [0, 0]]}
    yield {"attend": KeySelection(kept, np.array([12, 10]))}
    yield {"run": (0, 2)}


@pytest.mark.parametrize("how", list(passes()), ids=lambda how: "+".join(how) or "plain")
def test_both_give_the_same_logits(how, llama):
    found = []
    for model in (llama, ExactLlama(llama)):
        cache = model.start(2)
        prefill(model, cache, PROMPTS, chunk=7)
        found.append(model.forward(cache, DRAFTS, **how))
    assert found[1].dtype == np.float64
    np.testing.assert_allclose(found[0], found[1], atol=CLOSE)


def test_an_observer_sees_the_same_queries(llama):
    seen = []
    for model in (llama, ExactLlama(llama)):
        queries = {}
        model.forward(
            model.start(1), [PROMPTS[0]], observe=lambda layer, q, h, into=queries: into.update({layer: q})
        )
        seen.append(queries)
    assert seen[1].keys() == seen[0].keys()
    for layer in range(3):
        np.testing.assert_allclose(seen[0][layer], seen[1][layer], atol=CLOSE)


def test_the_context_is_a_limit(llama):
    with pytest.raises(ContextOverflowError):
        ExactLlama(llama).forward(ExactLlama(llama).start(1), np.zeros((1, 41), dtype=int))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"run": (2, 0)}, "ascending order"),
        ({"run": ()}, "ascending order"),
        ({"attend": KeySelection(np.zeros((2, 2, 2, 1), int), np.array([1, 1]))}, r"attend\.keys"),
        ({"attend": KeySelection(np.zeros((3, 2, 2, 1), int), np.array([1, 14]))}, r"attend\.tail_start"),
    ],
)
@pytest.mark.parametrize("kind", [Llama, ExactLlama], ids=lambda kind: kind.__name__)
def test_both_refuse_the_same(kind, how, words, llama):
    model = llama if kind is Llama else ExactLlama(llama)
    cache = model.start(2)
    prefill(model, cache, PROMPTS, chunk=7)
    with pytest.raises(ValueError, match=words):
        model.forward(cache, DRAFTS, **how)
    assert cache.pending == 0
