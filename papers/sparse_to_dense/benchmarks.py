"""Speed of sparse drafts on the real model, beside what the bytes that are read predict."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.papers.sparse_to_dense.documents import prompts
from tightbound.papers.sparse_to_dense.remembered import RememberedPrompts
from tightbound.papers.sparse_to_dense.targets import Wrapped
from tightbound.simulators.speculative.decoder import SpeculativeDecoder
from tightbound.simulators.speculative.decoding import Decoding
from tightbound.simulators.speculative.drafter import NoDraft
from tightbound.simulators.speculative.sparse_to_dense import SparseToDense
from tightbound.theory.speculative.memory_traffic import MemoryTraffic
from tightbound.verification.bench import Benchmark, Row

SIZES = {"context": 8192, "batch": 8, "gamma": 4, "keys": 512, "tokens": 24, "repeats": 3}
"""Defaults; TIGHTBOUND_STD, e.g. ``context=4096,batch=4``, changes some."""
VARIABLE = "TIGHTBOUND_STD"


class ReadOnce(Wrapped):
    """Reads a prompt that all sequences of a batch share once, and copies its rows."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.config = inner.config
        self._alone: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    def forward(self, cache: Any, tokens: ArrayLike, **how: Any) -> NDArray[Any]:
        """Append rows and return logits."""
        rows, observe = np.asarray(tokens), how.get("observe")
        if how.get("read") is None or np.size(how["read"]) or np.any(rows != rows[:1]):
            return super().forward(cache, tokens, **how)
        if cache not in self._alone:
            self._alone[cache] = self.inner.start(1, cache.capacity)
        one, count = self._alone[cache], rows.shape[1]
        if one.pending:
            one.commit(np.arange(one.pending)[np.newaxis], [one.pending])

        def show(layer: int, queries: NDArray[Any], hidden: NDArray[Any]) -> None:
            if observe is not None:
                observe(layer, *(np.repeat(part, len(rows), axis=0) for part in (queries, hidden)))

        self.inner.forward(one, rows[:1], read=how["read"][:1], observe=show)
        starts = cache.grow(count)
        for ours, theirs in ((cache.keys, one.keys), (cache.values, one.values)):
            for b, start in enumerate(starts):
                ours[:, b, :, start : start + count] = theirs[:, 0, :, start : start + count]
        cache.written(count)
        return np.empty((len(rows), 0, self.vocabulary), dtype=np.float32)


def sizes() -> dict[str, int]:
    """Return the sizes of the benchmark.

    Raises
    ------
    ValueError
        For a setting in TIGHTBOUND_STD that does not exist or is no number.
    """
    found = dict(SIZES)
    for entry in filter(None, os.environ.get(VARIABLE, "").split(",")):
        name, _, value = entry.partition("=")
        if name.strip() not in SIZES or not value.strip().isdigit():
            raise ValueError(
                f"{VARIABLE} has {entry!r}: give name=number, separated by commas, with names from "
                f"{', '.join(SIZES)}"
            )
        found[name.strip()] = int(value)
    return found


def sparse_to_dense() -> Sequence[Row]:
    """Time greedy decoding, plainly and with sparse drafts, in turn; reading the prompt is not timed."""
    from tightbound.simulators.language_models import smollm2

    chosen = sizes()
    return measure(smollm2.load().model, *_prompt(chosen), chosen)


def _prompt(chosen: dict[str, int]) -> tuple[NDArray[np.int64], int]:
    """Return a prompt that fills the context but for what is written, and how much of it is the question."""
    text = prompts(1, 64)[1]
    (whole,), _ = prompts(1, chosen["context"] - text - chosen["tokens"])
    return whole, text


def measure(model: Any, prompt: NDArray[np.int64], text: int, chosen: dict[str, int]) -> list[dict[str, Any]]:
    """Return rows: seconds per token of both, acceptance, measured speed-up, both predictions."""
    gamma, keys, batch, tokens = (chosen[name] for name in ("gamma", "keys", "batch", "tokens"))
    document = prompt.size - text
    target = RememberedPrompts(ReadOnce(model), document)
    ways = {
        "plain": SpeculativeDecoder(target, NoDraft()),
        "sparse": SpeculativeDecoder(target, SparseToDense(keys, text=text, shape=gamma)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, Decoding] = {}
    for number in range(chosen["repeats"] + 1):
        for name, decoder in ways.items():
            found[name] = decoder.generate([prompt] * batch, tokens)
            if number:  # the first time compiles, and reads the prompt
                spent = found[name].timings
                seconds[name].append((spent.total - spent.prefill) / tokens)
    if found["sparse"].tokens != found["plain"].tokens:
        raise ArithmeticError("sparse drafts changed the text, so their speed cannot be compared: report it")
    size = f"{prompt.size} tokens, batch {batch}, gamma {gamma}, K {keys}"
    bytes_per_key = 2 * 4 * model.config.layers * model.config.kv_heads * model.config.head_size
    length = prompt.size + tokens // 2
    log = found["sparse"].completions[0].log  # all texts of the batch are one
    predicted = []
    for weight_bytes in (model.weight_bytes, 0.0):
        traffic = MemoryTraffic(weight_bytes, bytes_per_key, batch)
        dense, sparse = traffic.bytes_read(length), traffic.bytes_read(length - document + keys)
        predicted.append(float(tokens * dense / (log.rounds * dense + log.drafted.sum() * sparse)))
    times = found["sparse"].timings
    ratios = np.array(seconds["plain"]) / np.array(seconds["sparse"])
    single = {
        "drafts accepted": found["sparse"].acceptance_rate,
        "tokens per round": found["sparse"].tokens_per_round,
        "predicted speed-up, weights and keys": predicted[0],
        "predicted speed-up, keys alone": predicted[1],
        "share of time in drafts": times.draft / (times.total - times.prefill),
    }
    return [
        *(_row(f"{name} decoding", size, values, "s/step") for name, values in seconds.items()),
        _row("measured speed-up", size, ratios, "times"),
        *(_row(name, size, [value], "") for name, value in single.items()),
    ]


def _row(what: str, size: str, values: Any, unit: str) -> dict[str, Any]:
    median, low, high = np.quantile(values, [0.5, 0.2, 0.8])
    return {
        "what": what,
        "size": size,
        "median": float(median),
        "low20": float(low),
        "high80": float(high),
        "unit": unit,
    }


BENCHMARKS = (
    Benchmark(
        "sparse-to-dense",
        "Greedy decoding of SmolLM2-135M with sparse drafts, beside plain decoding and two predictions",
        sparse_to_dense,
    ),
)
