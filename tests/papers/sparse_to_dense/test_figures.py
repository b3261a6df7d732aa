"""Figures draw evidence; the evidence of the real model comes from a small one here."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tightbound.papers.sparse_to_dense import benchmarks
from tightbound.papers.sparse_to_dense.checks import acceptance, memory_traffic
from tightbound.papers.sparse_to_dense.figures import FIGURES
from tightbound.verification.figures import style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics import CellEvidence

CELL = {"prompts": 3, "document": 48, "tokens": 10, "weights": "", "gamma": 3, "keys": 6}


def _evidence(claim, cells, controls=None):
    found = []
    for measure, wanted in ((claim.measure, cells), (claim.control.measure, controls or cells)):
        data = [measure(cell, np.random.default_rng(0)) for cell in wanted]
        found.append(tuple(CellEvidence(cell=c, data=d) for c, d in zip(wanted, data, strict=True)))
    return ClaimEvidence(*found)


def test_every_figure_is_drawn(small_model):
    sizes = [{**CELL, "keys": keys} for keys in (4, 8, 24)]
    rounds = [{**CELL, "keys": keys, "gamma": gamma} for keys in (4, 8) for gamma in (1, 3)]
    evidence = {
        "STD-4a": _evidence(acceptance.STD_4A, [{**CELL, "against": ("random",)}]),
        "STD-4b": _evidence(acceptance.STD_4B, sizes),
        "STD-6": _evidence(acceptance.STD_6, rounds, rounds[-1:]),
        "STD-5a": _evidence(memory_traffic.STD_5A, memory_traffic.MODELS.quick),
    }
    with style():
        for figure in FIGURES:
            drawing = figure.draw({name: evidence[name] for name in figure.claims})
            labels = [text for ax in drawing.axes for text in ax.get_legend_handles_labels()[1]]
            assert any("bound" in text for text in labels), figure.name
            assert any("control" in text for text in labels), figure.name
            assert "stand in" in figure.caption or "stands in" in figure.caption or "stand" in figure.caption
            plt.close(drawing)


def test_the_benchmark_compares_and_predicts(small_model):
    prompt = np.random.default_rng(0).integers(23, size=60)
    chosen = {"batch": 3, "gamma": 2, "keys": 6, "tokens": 8, "repeats": 2}
    rows = {row["what"]: row for row in benchmarks.measure(small_model, prompt, 5, chosen)}
    weights, alone = (
        rows[f"predicted speed-up, {what}"]["median"] for what in ("weights and keys", "keys alone")
    )
    assert 0.0 < weights < alone
    assert 1.0 <= rows["tokens per round"]["median"] <= 3.0
    assert 0.0 < rows["share of time in drafts"]["median"] < 1.0


def test_sizes_of_the_benchmark(monkeypatch):
    monkeypatch.setenv(benchmarks.VARIABLE, "batch=2, keys=9")
    assert benchmarks.sizes() == {**benchmarks.SIZES, "batch": 2, "keys": 9}
    monkeypatch.setenv(benchmarks.VARIABLE, "batches=2")
    with pytest.raises(ValueError, match="TIGHTBOUND_STD has 'batches=2': give name=number"):
        benchmarks.sizes()
