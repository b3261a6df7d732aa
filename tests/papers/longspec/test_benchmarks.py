import numpy as np

from tightbound.papers.longspec import benchmarks
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.language_model import prefill
from tightbound.simulators.language_models.llama import Llama


def test_a_timed_run_writes_the_greedy_text_and_can_be_repeated():
    config = LlamaConfig(
        vocabulary=37, context=64, width=16, inner=16, layers=2, heads=2, kv_heads=1, head_size=8
    )
    model, prompt = Llama.random(config, rng=0), np.array([3, 1, 4, 1, 5])
    run = benchmarks.own(model, prompt)
    text = run()
    assert text == run()
    cache = model.start(1)
    logits = prefill(model, cache, [prompt])
    for token in text:
        assert token == logits[0].argmax()
        logits = model.forward(cache, [[token]])[:, 0]
        cache.commit([[0]], [1])
    assert len(text) == benchmarks.TOKENS + 1
