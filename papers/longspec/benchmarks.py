"""Speed of decoding from a real language model, beside another implementation on the same weights."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from tightbound.verification.bench import Benchmark, Row, on_one_and_all
from tightbound.verification.peers import Match, Pair, Peer, PeerBenchmark, UnavailableError, agree

TOKENS = 16
PROMPT = "Explain in a few sentences how a mechanical clock keeps time."
LOOKUP_PROMPT, LOOKUP_TOKENS, LOOKUP_DRAFT = 192, 48, 10


def plain_decoding() -> Match:
    """Return greedy decoding from a cache that holds the prompt, here and in transformers."""
    from tightbound.simulators.language_models import smollm2
    from tightbound.simulators.language_models.byte_pair_tokenizer import chat

    path = model_file()
    model, tokenizer = smollm2.load()
    prompt = tokenizer.encode(chat([("user", PROMPT)]), special=True)
    ours, theirs = own(model, prompt), of_transformers(path, prompt)
    return Match(ours, theirs, f"text {agree(theirs(), ours(), 0.0)}")


def prompt_lookup() -> Match:
    """Return a whole text of a prompt of code, drafted from that prompt, here and in transformers."""
    from pydoc_data.topics import topics

    import torch

    from tightbound.simulators.language_models import smollm2
    from tightbound.simulators.speculative.decoder import SpeculativeDecoder
    from tightbound.simulators.speculative.prompt_lookup import PromptLookup

    path = model_file()
    model, tokenizer = smollm2.load()
    prompt = tokenizer.encode(topics["formatstrings"])[:LOOKUP_PROMPT]
    decoder = SpeculativeDecoder(model, PromptLookup(max_ngram=3, max_draft=LOOKUP_DRAFT))
    peer, given = weights_in_transformers(path), torch.as_tensor(prompt)[None]
    how: dict[str, Any] = {
        "attention_mask": torch.ones_like(given),
        "do_sample": False,
        "max_new_tokens": LOOKUP_TOKENS,
        "prompt_lookup_num_tokens": LOOKUP_DRAFT,
        "max_matching_ngram_size": 3,
    }

    def ours() -> list[int]:
        return decoder.generate([prompt], LOOKUP_TOKENS).tokens[0]

    def theirs() -> list[int]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [int(token) for token in peer.generate(given, **how)[0, prompt.size :]]

    return Match(ours, theirs, f"text {agree(theirs(), ours(), 0.0)}")


def model_file() -> Path:
    """Return the file of SmolLM2-135M-Instruct.

    Raises
    ------
    UnavailableError
        Where there is none.
    """
    from tightbound.simulators.language_models import smollm2

    try:
        return smollm2.locate()
    except smollm2.ModelUnavailableError as error:
        raise UnavailableError(smollm2.INSTALL) from error


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


@cache
def weights_in_transformers(path: Path) -> Any:
    """Return the model in float32 as transformers reads it."""
    import torch

    transformers: Any = import_module("transformers")
    with contextlib.redirect_stderr(io.StringIO()):  # a bar that cannot be turned off
        return transformers.AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32
        ).eval()


def of_transformers(path: Path, prompt: np.ndarray) -> Callable[[], list[int]]:
    """Return a function that decodes greedily with transformers, from a cache that holds the prompt."""
    import torch

    model = weights_in_transformers(path)
    cache = import_module("transformers").DynamicCache(config=model.config)

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


def draft_speed() -> Sequence[Row]:
    """Time tokens after prompts of 1k, 4k and 8k tokens, after checking that all write the same text."""
    from tightbound.papers.longspec import draft_speed as speed

    return speed.draft_speed()


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


def tree_attention(cached: int = 8192) -> Match:
    """Return attention of a draft tree over cache and tree, here and in torch under one mask."""
    from tightbound.papers.longspec.checks import attention_speed as speed
    from tightbound.papers.speculative_core._peers import torch_attention

    q, k, v, _, k_tree, v_tree, mask = given = speed.arrays(cached, 128, np.random.default_rng(0))
    whole = np.concatenate([np.ones((speed.NODES, cached), bool), mask[0]], axis=1)
    keys, values = np.concatenate([k, k_tree], axis=1), np.concatenate([v, v_tree], axis=1)
    theirs = torch_attention(q, keys, values, whole)
    return Match(partial(speed.hybrid, *given), theirs, agree(theirs().numpy(), speed.hybrid(*given), 1e-4))


TRANSFORMERS = Peer(
    "transformers",
    ["torch", "transformers", "accelerate", "gguf"],
    "pip install torch transformers accelerate gguf",
)
PAIRS = (
    Pair(
        f"plain decoding of {TOKENS} tokens, SmolLM2-135M in float32",
        "Llama.forward",
        "LlamaForCausalLM",
        TRANSFORMERS,
        plain_decoding,
    ),
    Pair(
        f"prompt of {LOOKUP_PROMPT} and {LOOKUP_TOKENS} new tokens, prompt lookup, SmolLM2-135M in float32",
        "SpeculativeDecoder",
        "generate",
        TRANSFORMERS,
        prompt_lookup,
    ),
    Pair(
        "attention of a draft tree, 69 nodes, 8192 keys, 32 heads, 8 key heads, D=128, float32",
        "hybrid_tree_attention",
        "scaled_dot_product_attention",
        Peer("torch", ["torch"]),
        tree_attention,
    ),
)

BENCHMARKS = (
    PeerBenchmark("longspec-peers", "Decoding on the CPU in other packages", PAIRS),
    Benchmark(
        "longspec-hybrid",
        "Attention of a draft tree on the CPU, merged from cache and tree, beside a mask of all pairs",
        hybrid_attention,
    ),
    Benchmark(
        "longspec-draft",
        "SmolLM2-135M-Instruct with its shipped LongSpec draft on seven held-out prompts of 1k to 8k tokens, "
        "beside plain decoding (some six minutes)",
        draft_speed,
    ),
)
