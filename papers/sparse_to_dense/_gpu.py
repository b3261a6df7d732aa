"""Sparse drafts on a GPU: where they pass the paper's 1.94 times."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tightbound.papers.sparse_to_dense import _gpu_check
from tightbound.papers.sparse_to_dense._gpu_cells import PAPER, Batch, Machine
from tightbound.papers.sparse_to_dense.documents import windows
from tightbound.papers.speculative_core._gpu import absent, copy_bandwidth, device, seconds
from tightbound.simulators.language_models.gpu_llama import GpuLlama
from tightbound.simulators.speculative.gpu_decoding import read_prompts, wait
from tightbound.verification import defaults
from tightbound.verification.bench import Row

OUTPUT = defaults.OUTPUT / "std_gpu.json"
VARIABLE = "TIGHTBOUND_STD_GPU"
SETTINGS = {"seconds": 300, "tokens": 128, "repeats": 3, "transformers": 1}
"""Defaults; TIGHTBOUND_STD_GPU, e.g. ``seconds=100,tokens=64``, changes some."""
CONTEXTS, BATCHES = (8192, 4096, 2048), (64, 32, 8, 1)
GAMMAS, KEPT = (4, 3, 5, 2, 6), (512, 256, 1024)
SHARES = {8192: 0.5, 4096: 0.6, 2048: 1.0}
"""How much of the time that is left a context may take."""
PEER = 64
"""Tokens that transformers write after 2048."""


def benchmark(output: Path = OUTPUT) -> Sequence[Row]:
    """Check logits, then measure cell after cell in order of importance, as long as there is time.

    Everything measured is written to a file after each cell.

    Raises
    ------
    ArithmeticError
        If logits are not those of the CPU (nothing is timed then), or a text differs from plain decoding's
        where rounding cannot explain it (at the end).
    ValueError
        For a setting in TIGHTBOUND_STD_GPU that does not exist or is no number.
    """
    chosen = settings()
    why = absent()
    if why is not None:
        nothing = dict.fromkeys(("median", "low20", "high80"))
        return [{"what": f"not measured: {why}", "size": "", "unit": "", **nothing}]
    return Run(chosen, output).rows()


def settings() -> dict[str, int]:
    """Return the settings of the benchmark.

    Raises
    ------
    ValueError
        For one that does not exist or is no number.
    """
    found = dict(SETTINGS)
    for entry in filter(None, os.environ.get(VARIABLE, "").split(",")):
        name, _, value = entry.partition("=")
        if name.strip() not in SETTINGS or not value.strip().isdigit():
            raise ValueError(
                f"{VARIABLE} has {entry!r}: give name=number, separated by commas, with names from "
                f"{', '.join(SETTINGS)}"
            )
        found[name.strip()] = int(value)
    return found


def plan() -> Iterator[tuple[int, int]]:
    """Yield draft lengths and kept keys, those first that say most."""
    yield GAMMAS[0], KEPT[0]
    yield from ((gamma, KEPT[0]) for gamma in GAMMAS[1:])
    yield from ((gamma, count) for count in KEPT[1:] for gamma in GAMMAS)


class Run:
    """One run on one GPU.

    Parameters
    ----------
    chosen : dict
        See :data:`SETTINGS`.
    output : Path
        Where all that is measured is written.
    """

    def __init__(self, chosen: dict[str, int], output: Path) -> None:
        self.began, self.chosen, self.output = time.perf_counter(), chosen, output
        self.cells: list[dict[str, Any]] = []
        self.report: dict[str, Any] = {"settings": chosen, "cells": self.cells, "passes": {}, "log": []}

    def say(self, text: str) -> None:
        """Write a line to the log, at once."""
        line = f"[{time.perf_counter() - self.began:6.1f} s] {text}"
        self.report["log"].append(line)
        print(line, file=sys.stderr, flush=True)

    def save(self) -> None:
        """Write the report."""
        self.output.parent.mkdir(parents=True, exist_ok=True)
        self.output.write_text(json.dumps(self.report, indent=1), encoding="utf-8")

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.chosen["seconds"] - (time.perf_counter() - self.began)

    def rows(self) -> list[dict[str, Any]]:
        """Measure, and return rows."""
        from tightbound.simulators.language_models import smollm2

        whole = smollm2.load().model
        model = GpuLlama.of(whole, dtype="float16")
        self.say(f"model on {model.device}")
        self.report["device"] = device()
        exact = GpuLlama.of(whole, dtype="float32")
        apart = {"float32": _gpu_check.check(exact, "float32"), "float16": _gpu_check.check(model, "float16")}
        del exact
        self.report["logits apart"] = apart
        self.say(f"largest difference of logits from those of the CPU: {apart}")
        machine = Machine(copy_bandwidth(), matrix_rate())
        self.report["machine"] = vars(machine)
        self.say(f"copy {machine.bandwidth / 1e9:.0f} GB/s, products {machine.rate / 1e12:.0f} TFLOP/s")
        self.save()
        for context in CONTEXTS:
            end = time.perf_counter() + SHARES[context] * self.left
            try:
                self._context(model, machine, context, end, whole)
            except Exception as error:  # what has been measured stays
                if not self.cells:
                    raise
                self.say(f"context {context} ended: {type(error).__name__}: {error}")
            self.save()
        if not self.cells:
            nothing = dict.fromkeys(("median", "low20", "high80"))
            why = f"not measured: no time for a cell in {self.chosen['seconds']} s"
            return [{"what": why, "size": "", "unit": "", **nothing}]
        self._held(4.0 * max(apart["float16"].values()))
        return self._rows()

    def _context(self, model: GpuLlama, machine: Machine, context: int, end: float, whole: Any) -> None:
        tokens, most = self.chosen["tokens"], 2 * max(GAMMAS)
        text = windows(1, 64)[1]
        ids, text = windows(max(BATCHES), context - text - tokens - most)
        self.say(f"{context}: prompts of {ids.shape[1]} tokens")
        prompts = read_prompts(model, ids, text, tokens + most)
        wait(model)
        self.say(f"{context}: read")
        batches = {}
        for size in BATCHES:
            if time.perf_counter() > end:
                return
            batches[size] = Batch(prompts.first(size), tokens, machine, self.chosen["repeats"])
            self._cell(context, batches[size], *next(plan()))
        if context == CONTEXTS[-1] and self.chosen["transformers"]:
            self._transformers(whole, ids, batches)
        for number, (gamma, count) in enumerate(plan()):
            for size in BATCHES:
                if number and time.perf_counter() < end:
                    self._cell(context, batches[size], gamma, count)

    def _cell(self, context: int, batch: Batch, gamma: int, count: int) -> None:
        found = {"context": context, **batch.cell(gamma, count)}
        self.cells.append(found)
        key = f"{context} keys, batch {batch.prompts.batch}"
        self.report["passes"][key] = {**batch.seconds, "splits": batch.splits, "not graphs": batch.why_eager}
        self.say(
            f"{key}, gamma {gamma}, K {count}: {found['speed-up']:.2f}"
            f"{' PASSES 1.94' if found['passes 1.94'] else ''}, {found['tokens per round']:.2f} tokens per "
            f"round, {found['texts that differ']} of {found['texts']} texts differ (lead up to "
            f"{found['largest lead where one differs']:.2g})"
        )
        self.save()

    def _transformers(self, whole: Any, ids: Any, batches: dict[int, Batch]) -> None:
        """Write the same texts with transformers."""
        from tightbound.papers.sparse_to_dense import _gpu_transformers as peer

        if self.left < 12:
            self.say("transformers: no time left")
            return
        found: list[dict[str, Any]] = []
        try:
            import transformers  # type: ignore[import-not-found, unused-ignore]

            theirs = peer.build(whole, "float16", str(batches[1].model.device))
            peer.decode(theirs, ids[:1, :256], 4)
            for size in (min(BATCHES), max(BATCHES)):
                texts, taken = peer.decode(theirs, ids[:size], PEER)
                ours = batches[size]
                same = texts == ours.plain.tokens[:, :PEER]
                left = ~same.all(axis=1)
                leads = ours.lead[left, (~same[left]).argmax(axis=1)]
                found.append(
                    {
                        "batch": size,
                        "tokens/s": size * (PEER - 1) / taken,
                        "ours, tokens/s": size * ours.tokens / float(np.median(ours.plain_seconds)),
                        "texts that differ": int(left.sum()),
                        "largest lead where one differs": float(leads.max(initial=0.0)),
                        "version": transformers.__version__,
                    }
                )
                self.say(f"transformers: {found[-1]}")
        except Exception as error:  # another package's, whose versions differ
            self.say(f"transformers: not measured, {type(error).__name__}: {str(error)[:300]}")
        self.report["transformers"] = found
        self.save()

    def _held(self, limit: float) -> None:
        """Raise where a text differs at a lead that rounding cannot turn around.

        If logits are within e of the exact ones in each of two passes, the order of two tokens changes from
        one pass to the other only where the exact lead is at most 2 e, so where that of one pass is at most
        4 e.
        """
        worst = max(cell["largest lead where one differs"] for cell in self.cells)
        self.report["lead that rounding explains"] = limit
        self.save()
        if not worst <= limit:
            raise ArithmeticError(
                f"a text leaves that of plain decoding where the likeliest token leads by {worst:.2g}, and "
                f"rounding explains {limit:.2g} at most; see {self.output}"
            )

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for cell in self.cells:
            size = f"{cell['context']} tokens, batch {cell['batch']}, gamma {cell['gamma']}, K {cell['K']}"
            low, high = np.quantile(cell["speed-ups"], [0.2, 0.8])
            passes = "PASSES 1.94; " if cell["passes 1.94"] else ""
            rows.append(
                {
                    "what": f"{passes}speed-up, {cell['tokens per round']:.2f} tokens per round; predicted "
                    f"{cell['predicted, weights and keys']:.2f} by bytes, "
                    f"{cell['predicted, roofline']:.2f} by the roofline; "
                    f"{cell['costs most']} cost most",
                    "size": size,
                    "median": cell["speed-up"],
                    "low20": float(low),
                    "high80": float(high),
                    "unit": "times",
                }
            )
        best = max(self.cells, key=lambda cell: float(cell["speed-up"]))
        passing = sum(cell["passes 1.94"] for cell in self.cells)
        summary = (
            f"largest speed-up; {passing} of {len(self.cells)} cells pass {PAPER}",
            f"{best['context']} tokens, batch {best['batch']}, gamma {best['gamma']}, K {best['K']}",
            best["speed-up"],
            "times",
        )
        rows.append(_single(*summary))
        for peer in self.report.get("transformers", ()):
            size = f"{CONTEXTS[-1]} tokens, batch {peer['batch']}"
            rows.append(_single("plain decoding", size, peer["ours, tokens/s"], "tokens/s"))
            rows.append(_single("transformers, eager", size, peer["tokens/s"], "tokens/s"))
        return rows


def _single(what: str, size: str, value: float, unit: str) -> dict[str, Any]:
    return {"what": what, "size": size, "median": value, "low20": value, "high80": value, "unit": unit}


def matrix_rate(size: int = 8192) -> float:
    """Return operations per second of the product of two square matrices in float16."""
    import torch

    some = torch.randn((size, size), device="cuda", dtype=torch.float16)
    other = torch.empty_like(some)
    return 2 * size**3 / seconds(lambda: torch.matmul(some, some, out=other), rounds=10)[0]
