"""Speed of sparse drafts on the real model, beside what the bytes that are read predict."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
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
from tightbound.theory.speculative.roofline import Roofline
from tightbound.verification.bench import Benchmark, Row, timed

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


def settings(variable: str, defaults: dict[str, int]) -> dict[str, int]:
    """Return defaults, some changed by a variable of the environment, e.g. ``batch=4,gamma=2``.

    Raises
    ------
    ValueError
        For a setting that does not exist or is no number.
    """
    found = dict(defaults)
    for entry in filter(None, os.environ.get(variable, "").split(",")):
        name, _, value = entry.partition("=")
        if name.strip() not in defaults or not value.strip().isdigit():
            raise ValueError(
                f"{variable} has {entry!r}: give name=number, separated by commas, with names from "
                f"{', '.join(defaults)}"
            )
        found[name.strip()] = int(value)
    return found


def sparse_to_dense() -> Sequence[Row]:
    """Time greedy decoding, plainly and with sparse drafts, in turn; reading the prompt is not timed."""
    from tightbound.simulators.language_models import smollm2

    chosen = settings(VARIABLE, SIZES)
    return measure(smollm2.load().model, *_prompt(chosen), chosen)


def _prompt(chosen: dict[str, int]) -> tuple[NDArray[np.int64], int]:
    """Return a prompt that fills the context but for what is written, and how much of it is the question."""
    text = prompts(1, 64)[1]
    (whole,), _ = prompts(1, chosen["context"] - text - chosen["tokens"])
    return whole, text


def machine(rows: int, shape: tuple[int, int] = (1 << 16, 576), repeats: int = 5) -> tuple[float, float]:
    """Return bytes and operations per second of matrix products, by one row and by ``rows`` rows.

    Parameters
    ----------
    rows : int
        As many rows as a pass that waits for arithmetic has.
    shape : (int, int)
        Of the matrix; larger than all caches, so that one row waits for memory.
    repeats : int
        Products of each kind; the median counts.
    """
    from tightbound.simulators.language_models.llama import linear

    weights = np.ones(shape, dtype=np.float32)
    found = []
    for count, work in ((1, weights.nbytes), (rows, 2 * rows * weights.size)):
        some = np.ones((count, shape[1]), dtype=np.float32)
        found.append(work / timed(partial(linear, weights, some), rounds=repeats)[0])
    return found[0], found[1]


def measure(model: Any, prompt: NDArray[np.int64], text: int, chosen: dict[str, int]) -> list[dict[str, Any]]:
    """Return rows: seconds of steps and passes, acceptance, measured speed-up, predictions.

    Machine and decoding are timed in turn, so that what slows one down slows the other.
    """
    gamma, keys, batch, tokens = (chosen[name] for name in ("gamma", "keys", "batch", "tokens"))
    document = prompt.size - text
    target = RememberedPrompts(ReadOnce(model), document)
    ways = {
        "plain": SpeculativeDecoder(target, NoDraft()),
        "sparse": SpeculativeDecoder(target, SparseToDense(keys, text=text, shape=gamma)),
    }
    found: dict[str, list[Decoding]] = {name: [] for name in ways}
    machines = []
    for number in range(chosen["repeats"] + 1):
        machines.append(machine(batch * (gamma + 1)))
        for name, decoder in ways.items():
            found[name].append(decoder.generate([prompt] * batch, tokens))
        if not number:  # the first time compiles, and reads the prompt
            machines.clear()
            first = [some.pop() for some in found.values()]
            if first[0].tokens != first[1].tokens:
                raise ArithmeticError(
                    "sparse drafts changed the text, so their speed cannot be compared: report it"
                )
    size = f"{prompt.size} tokens, batch {batch}, gamma {gamma}, K {keys}"
    length, kept = prompt.size + tokens // 2, text + keys + tokens // 2
    log = found["sparse"][0].completions[0].log  # all texts of the batch are one
    bandwidth, rate = np.median(machines, axis=0)
    line, cache = rooflines(model, batch, float(bandwidth), float(rate))

    def times(name: str) -> list[float]:
        return [one.timings.total - one.timings.prefill for one in found[name]]

    def predicted(by: Roofline) -> float:
        dense = sum(float(by.seconds(length, int(drafted) + 1)) for drafted in log.drafted)
        return float(tokens * by.seconds(length) / (log.drafted.sum() * by.seconds(kept) + dense))

    measured = np.array(times("plain")) / np.array(times("sparse"))
    by_bytes = Roofline(line.traffic, line.weight_operations, line.key_operations, line.bandwidth, np.inf)
    most = [float(line.speedup(g + 1, g, kept=kept, keys=length)) for g in range(1, 17)]
    passes = {
        "plain pass": (np.array(times("plain")) / tokens, line.seconds(length)),
        "sparse pass": (
            np.array([one.timings.draft for one in found["sparse"]]) / log.drafted.sum(),
            line.seconds(kept),
        ),
        "dense pass over drafts": (
            np.array([one.timings.target for one in found["sparse"]]) / log.rounds,
            line.seconds(length, gamma + 1),
        ),
    }
    rows = []
    for name, (values, roof) in passes.items():
        rows += [row(name, size, values, "s"), row(f"{name}, by the roofline", size, [float(roof)], "s")]
    single = {
        "drafts accepted": found["sparse"][0].acceptance_rate,
        "tokens per round": found["sparse"][0].tokens_per_round,
        "predicted speed-up, bytes and operations": predicted(line),
        "predicted speed-up, weights and keys": predicted(by_bytes),
        "predicted speed-up, keys alone": predicted(cache),
        f"most that the roofline allows, gamma {1 + int(np.argmax(most))}, all accepted": max(most),
    }
    return [
        row("memory read, one row of a product", size, [one[0] / 1e9 for one in machines], "GB/s"),
        row(f"arithmetic, {batch * (gamma + 1)} rows", size, [one[1] / 1e9 for one in machines], "GFLOP/s"),
        *rows,
        row("measured speed-up", size, measured, "times"),
        *(row(name, size, [value], "") for name, value in single.items()),
    ]


def rooflines(
    model: Any, batch: int, bandwidth: float, rate: float, *, itemsize: int = 4
) -> tuple[Roofline, Roofline]:
    """Return what a machine allows for a batch of texts, and the same if keys were all that is read."""
    sizes = model.config
    each = 2 * itemsize * sizes.layers * sizes.kv_heads * sizes.head_size
    operations = 2.0 * model.weight_bytes / itemsize, 4.0 * sizes.layers * sizes.heads * sizes.head_size
    whole, keys = (MemoryTraffic(weight, each, batch) for weight in (model.weight_bytes, 0.0))
    return (
        Roofline(whole, *operations, bandwidth, rate),
        Roofline(keys, *operations, bandwidth, np.inf),
    )


def row(what: str, size: str, values: Any, unit: str) -> dict[str, Any]:
    """Return a row of a benchmark from what was measured."""
    median, low, high = np.quantile(values, [0.5, 0.2, 0.8])
    return {
        "what": what,
        "size": size,
        "median": float(median),
        "low20": float(low),
        "high80": float(high),
        "unit": unit,
    }


def _on_gpu() -> Sequence[Row]:
    from tightbound.papers.sparse_to_dense import _gpu

    return _gpu.benchmark()


BENCHMARKS = (
    Benchmark(
        "sparse-to-dense",
        "Greedy decoding of SmolLM2-135M with sparse drafts, beside plain decoding and three predictions",
        sparse_to_dense,
    ),
    Benchmark(
        "std-gpu",
        "Greedy decoding of SmolLM2-135M on a GPU with sparse drafts: where they pass the paper's 1.94",
        _on_gpu,
    ),
)
