"""Sparse drafts on a GPU: where they pass the paper's 1.94 times."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from tightbound.papers.sparse_to_dense import _gpu_check
from tightbound.papers.sparse_to_dense._gpu_cells import PAPER, Batch, Machine
from tightbound.papers.sparse_to_dense.benchmarks import row, settings
from tightbound.papers.sparse_to_dense.documents import windows
from tightbound.simulators.language_models.gpu_llama import GpuLlama
from tightbound.simulators.speculative.gpu_passes import wait
from tightbound.simulators.speculative.gpu_prompts import read_prompts
from tightbound.verification import defaults
from tightbound.verification.bench import Row
from tightbound.verification.gpu import absent, copy_bandwidth, device, seconds, untimed

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
    chosen, why = settings(VARIABLE, SETTINGS), absent()
    return Run(chosen, output).rows() if why is None else [untimed(f"not measured: {why}")]


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
            return [untimed(f"not measured: no time for a cell in {self.chosen['seconds']} s")]
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
            f"{' PASSES 1.94' if found['passes 1.94'] else ''}, "
            f"{found['speed-up while all write']:.2f} while all write, "
            f"{found['tokens per round']:.2f} tokens per round, "
            f"{found['texts that differ']} of {found['texts']} texts differ (lead up to "
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
            passes = "PASSES 1.94; " if cell["passes 1.94"] else ""
            what = (
                f"{passes}speed-up, {cell['speed-up while all write']:.2f} while all texts write; "
                f"{cell['tokens per round']:.2f} tokens per round, "
                f"{cell['tokens per round, slowest text']:.2f} of the slowest text; "
                f"predicted {cell['predicted, weights and keys']:.2f} by bytes, "
                f"{cell['predicted, roofline']:.2f} by the roofline; {cell['costs most']} cost most"
            )
            rows.append(row(what, _size(cell), cell["speed-ups"], "times"))
        for name in ("speed-up", "speed-up while all write"):
            best = max(self.cells, key=itemgetter(name))
            passing = sum(cell[name] > PAPER for cell in self.cells)
            what = f"largest {name}; {passing} of {len(self.cells)} cells pass {PAPER}"
            rows.append(row(what, _size(best), [best[name]], "times"))
        for peer in self.report.get("transformers", ()):
            size = f"{CONTEXTS[-1]} tokens, batch {peer['batch']}"
            rows.append(row("plain decoding", size, [peer["ours, tokens/s"]], "tokens/s"))
            rows.append(row("transformers, eager", size, [peer["tokens/s"]], "tokens/s"))
        return rows


def _size(cell: dict[str, Any]) -> str:
    return f"{cell['context']} tokens, batch {cell['batch']}, gamma {cell['gamma']}, K {cell['K']}"


def matrix_rate(size: int = 8192) -> float:
    """Return operations per second of the product of two square matrices in float16."""
    import torch

    some = torch.randn((size, size), device="cuda", dtype=torch.float16)
    other = torch.empty_like(some)
    return 2 * size**3 / seconds(lambda: torch.matmul(some, some, out=other), rounds=10)[0]
