"""Speed of plain decoding from a real language model, beside another implementation on the same weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from tightbound.papers.speculative_core.benchmarks import on_one_and_all
from tightbound.verification.bench import Benchmark, Row

TOKENS = 16
PROMPT = "Explain in a few sentences how a mechanical clock keeps time."
OURS = "this package, float32"


def plain_decoding() -> Sequence[Row]:
    """Time one token of greedy decoding, after checking that all write the same text."""
    from tightbound.simulators.language_models import smollm2
    from tightbound.simulators.language_models.byte_pair_tokenizer import chat

    model, tokenizer = smollm2.load()
    prompt = tokenizer.encode(chat([("user", PROMPT)]), special=True)
    runs: dict[str, Callable[[], list[int]]] = {OURS: own(model, prompt)}
    if all(find_spec(name) for name in ("torch", "transformers", "accelerate")):
        runs["transformers, float32"] = of_transformers(smollm2.locate(), prompt)
    texts = {name: run() for name, run in runs.items()}
    for name, text in texts.items():
        if text != texts[OURS]:
            raise ArithmeticError(f"{name} writes {text}, not {texts[OURS]}: their speeds cannot be compared")
    rows = on_one_and_all(runs, f"SmolLM2-135M, batch 1, after {prompt.size} tokens", OURS)
    per_token = {"unit": "s/token"}
    return [
        {**row, **per_token, **{name: row[name] / TOKENS for name in ("median", "low20", "high80")}}
        for row in rows
    ]


def own(model: Any, prompt: np.ndarray) -> Callable[[], list[int]]:
    """Return a function that decodes greedily from here; its rows stay pending, then they are dropped."""
    from tightbound.simulators.language_models.language_model import prefill

    cache = model.start(1, prompt.size + TOKENS)
    first = int(prefill(model, cache, [prompt])[0].argmax())

    def run() -> list[int]:
        text = [first]
        for _ in range(TOKENS):
            text.append(int(model.forward(cache, [text[-1:]])[0, 0].argmax()))
        cache.discard()
        return text

    return run


def of_transformers(path: Path, prompt: np.ndarray) -> Callable[[], list[int]]:
    """Return a function that decodes greedily with transformers, from a cache that holds the prompt."""
    import torch

    transformers: Any = import_module("transformers")
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32
    ).eval()
    cache = transformers.DynamicCache(config=model.config)

    def step(tokens: Any) -> Any:
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return model(tokens, past_key_values=cache, use_cache=True).logits[0, -1].argmax()

    first = step(torch.as_tensor(prompt)[None])

    def run() -> list[int]:
        text = [first]
        for _ in range(TOKENS):
            text.append(step(text[-1].reshape(1, 1)))
        cache.crop(-TOKENS)
        return [int(token) for token in text]

    return run


def hybrid_attention() -> Sequence[Row]:
    """Time attention of a draft tree from parts beside attention under a mask of all pairs."""
    from tightbound.papers.longspec.checks import attention_speed as speed

    rows: list[Row] = []
    for cached in (2048, 8192):
        given = speed.arrays(cached, 128, np.random.default_rng(0))
        error = float(np.abs(speed.hybrid(*given) - speed.eager(*given)).max())
        if error > 1e-4:
            raise ArithmeticError(f"the two differ by {error:.1e}: their speeds cannot be compared")
        whole = "NumPy, a mask of all pairs"
        runs = {whole: partial(speed.eager, *given), "hybrid_tree_attention": partial(speed.hybrid, *given)}
        rows += on_one_and_all(
            runs, f"69 nodes, 32 heads, 8 key heads, D=128, {cached} keys", whole, rounds=5
        )
    return rows


BENCHMARKS = (
    Benchmark(
        "longspec-plain",
        "Plain decoding of SmolLM2-135M-Instruct on the CPU, beside transformers on the same weights",
        plain_decoding,
    ),
    Benchmark(
        "longspec-hybrid",
        "Attention of a draft tree on the CPU, merged from cache and tree, beside a mask of all pairs",
        hybrid_attention,
    ),
)
