"""One batch of prompts on a GPU: passes timed one by one, texts written plainly and with sparse drafts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tightbound.papers.sparse_to_dense.benchmarks import rooflines
from tightbound.simulators.speculative.gpu_decoding import GreedyTexts, GreedyWriter, margins
from tightbound.simulators.speculative.gpu_passes import captured, wait
from tightbound.simulators.speculative.gpu_prompts import ReadPrompts
from tightbound.theory.speculative.roofline import Roofline

PAPER = 1.94
"""Largest speed-up that the paper reports."""
TIE = 1e-3
FEW_KEYS = 64
REPLAYS = 20


@dataclass(frozen=True)
class Machine:
    """What a GPU was measured to do.

    Parameters
    ----------
    bandwidth : float
        Bytes per second, read and written, of a copy.
    rate : float
        Operations per second of products of large matrices in the model's dtype.
    """

    bandwidth: float
    rate: float

    def rooflines(self, model: Any, batch: int) -> tuple[Roofline, Roofline]:
        """Return what it allows for a batch, and the same if keys were all that is read."""
        return rooflines(model, batch, self.bandwidth, self.rate, itemsize=model.embedding.element_size())


class Batch:
    """A batch of prompts that have been read.

    Parameters
    ----------
    prompts : ReadPrompts
    tokens : int
        Tokens to write after each.
    machine : Machine
    repeats : int
        Times that each text is written.
    """

    def __init__(self, prompts: ReadPrompts, tokens: int, machine: Machine, repeats: int) -> None:
        self.prompts, self.tokens, self.machine, self.repeats = prompts, tokens, machine, repeats
        self.model, self.text = prompts.model, prompts.length - prompts.document
        self.keys = prompts.length + tokens // 2
        self.line, self.cache_line = machine.rooflines(self.model, prompts.batch)
        self.index: dict[int, Any] = {}
        self.seconds: dict[str, float] = {}
        self.why_eager: str | None = None
        self.splits = self._splits()
        self.plain, self.plain_seconds = self._write(0, 0)
        self.lead, self.again = margins(prompts, self.plain.tokens)

    def kept(self, count: int) -> Any:
        """Return the ``count`` keys that are kept in each layer and key head."""
        if count not in self.index:
            self.index[count] = self.prompts.keep(count)
        return self.index[count]

    def writer(self, gamma: int, count: int, splits: tuple[int, int] | None = None) -> GreedyWriter:
        """Return what writes the texts."""
        index = self.kept(count) if gamma else None
        return GreedyWriter(self.prompts, self.tokens, gamma, index, splits=splits or self.splits)

    def timed(self, name: str, run: Callable[[], Any]) -> float:
        """Return the seconds of a pass, from replays of its graph one after another; remembered by name."""
        if name not in self.seconds:
            self.seconds[name] = self._timed(run)
        return self.seconds[name]

    def _timed(self, run: Callable[[], Any], replays: int = REPLAYS) -> float:
        import torch

        found = captured(run)
        if isinstance(found, str):
            self.why_eager = found
        replay = run if isinstance(found, str) else found
        replay()
        if self.model.device.type != "cuda":
            return float("nan")
        pair = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
        pair[0].record()
        for _ in range(replays):
            replay()
        pair[1].record()
        wait(self.model)
        return float(pair[0].elapsed_time(pair[1])) / 1e3 / replays

    def _splits(self) -> tuple[int, int]:
        """Return the numbers of splits, of all keys and of 512 kept ones, that make passes fastest here."""
        kept = min(512, self.prompts.document - 1)
        first = GreedyWriter(self.prompts, self.tokens, 1, self.kept(kept))
        best = []
        for which, own in enumerate((first.splits, first.sparse_splits)):
            tried: dict[int, float] = {}
            for count in sorted({max(1, own // 2), own, 2 * own}):
                pair = (count, 1) if which == 0 else (1, count)
                writer = GreedyWriter(self.prompts, self.tokens, 1, self.kept(kept), splits=pair)
                run = self._dense(writer, 1) if which == 0 else self._sparse(writer)
                tried[count] = self._timed(run, replays=8)
            best.append(min(tried, key=lambda count: tried[count]))
            self.seconds |= {f"{('all', 'kept')[which]} keys in {n} splits": s for n, s in tried.items()}
        return best[0], best[1]

    @staticmethod
    def _dense(writer: GreedyWriter, rows: int) -> Callable[[], Any]:
        import torch

        chain = writer.prompts.last.expand(-1, rows).contiguous()

        def run() -> None:
            with torch.inference_mode():
                writer.dense_pass(chain)

        return run

    @staticmethod
    def _sparse(writer: GreedyWriter) -> Callable[[], Any]:
        import torch

        def run() -> None:
            with torch.inference_mode():
                writer.sparse_pass(writer.roots, 0)

        return run

    def passes(self, gamma: int, count: int) -> dict[str, float]:
        """Return the seconds of the passes that a round and plain decoding are made of."""
        writer = self.writer(gamma, count)
        writer.lengths += self.tokens // 2
        found = {
            "plain": self.timed("1 row, all keys", self._dense(writer, 1)),
            "dense": self.timed(f"{gamma + 1} rows, all keys", self._dense(writer, gamma + 1)),
            "sparse": self.timed(f"1 row, {count} keys kept", self._sparse(writer)),
        }
        few = min(FEW_KEYS, self.prompts.document // 2)
        writer.lengths.fill_(few)
        row = [part[:, :, :, few].clone() for part in (self.prompts.keys, self.prompts.values)]
        found["few"] = self.timed(f"1 row, {few} keys", self._dense(writer, 1))
        for part, kept in zip((self.prompts.keys, self.prompts.values), row, strict=True):
            part[:, :, :, few] = kept  # the pass has written its row into the document
        return found

    def _write(self, gamma: int, count: int) -> tuple[GreedyTexts, list[float]]:
        writer = self.writer(gamma, count)
        why = writer.capture()
        self.why_eager = why or self.why_eager
        writer.write()
        found = [writer.write() for _ in range(self.repeats)]
        return found[0], [one.seconds for one in found]

    def cell(self, gamma: int, count: int) -> dict[str, Any]:
        """Write the texts with sparse drafts; return what came out beside plain decoding and predictions."""
        seconds = self.passes(gamma, count)
        texts, times = self._write(gamma, count)
        emitted, batch = texts.tokens_per_round, self.prompts.batch
        kept = count + self.text + self.tokens // 2
        shape = {"kept": kept, "keys": self.keys}
        plain, sparse = float(np.median(self.plain_seconds)), float(np.median(times))
        round_seconds = sparse / texts.emitted.size
        parts = {
            "sparse passes": gamma * (seconds["sparse"] - float(self.line.seconds(kept))),
            "dense pass": seconds["dense"] - float(self.line.seconds(self.keys, gamma + 1)),
            "between passes": round_seconds - gamma * seconds["sparse"] - seconds["dense"],
        }
        return {
            "prompt": self.prompts.length,
            "batch": batch,
            "gamma": gamma,
            "K": count,
            "speed-up": plain / sparse,
            "speed-ups": [float(a / b) for a, b in zip(self.plain_seconds, times, strict=True)],
            "passes 1.94": plain / sparse > PAPER,
            "plain tokens/s": batch * self.tokens / plain,
            "sparse tokens/s": batch * self.tokens / sparse,
            "speed-up while all write": self._steady(texts, round_seconds, plain / self.tokens),
            "tokens per round": emitted,
            "tokens per round, slowest text": self.tokens / texts.emitted.size,
            "accepted": (emitted - 1.0) / gamma,
            "rounds": int(texts.emitted.size),
            "seconds": {**seconds, "round": round_seconds, "plain step": plain / self.tokens},
            "predicted, keys alone": float(self.cache_line.speedup(emitted, gamma, **shape)),
            "predicted, weights and keys": float(self.line.traffic.speedup(emitted, gamma, **shape)),
            "predicted, roofline": float(self.line.speedup(emitted, gamma, **shape)),
            "predicted, measured passes": emitted
            * seconds["plain"]
            / (gamma * seconds["sparse"] + seconds["dense"]),
            "roofline's share": {
                "plain": float(self.line.seconds(self.keys)) / seconds["plain"],
                "dense": float(self.line.seconds(self.keys, gamma + 1)) / seconds["dense"],
                "sparse": float(self.line.seconds(kept)) / seconds["sparse"],
            },
            "beyond the roofline, seconds per round": parts,
            "costs most": max(parts, key=lambda name: parts[name]),
            "graphs": texts.captured and self.plain.captured,
            **self._compared(texts),
        }

    def _steady(self, texts: GreedyTexts, round_seconds: float, step_seconds: float) -> float:
        """Return the speed-up up to the round in which the first text was finished."""
        most = int(np.min(texts.rounds))
        tokens = texts.emitted[most - 1] / self.prompts.batch
        return float(tokens * step_seconds / (most * round_seconds))

    def _compared(self, texts: GreedyTexts) -> dict[str, Any]:
        """Return how many texts leave those of plain decoding, and by what lead of the likeliest token.

        Beside it the control: places where a pass over several rows of the plain text, without any drafts,
        has another likeliest token than the pass over one row that wrote it.
        """
        apart = texts.tokens != self.plain.tokens
        left = apart.any(axis=1)
        leads = self.lead[left, apart[left].argmax(axis=1)]
        other = self.again != self.plain.tokens
        return {
            "texts": int(left.size),
            "texts that differ": int(left.sum()),
            "of them at a near-tie": int((leads < TIE).sum()),
            "largest lead where one differs": float(leads.max(initial=0.0)),
            "places where rows alone differ": int(other.sum()),
            "largest lead where rows alone differ": float(self.lead[other].max(initial=0.0)),
        }
