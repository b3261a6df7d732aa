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


def test_the_benchmark_compares_and_predicts(small_model, monkeypatch):
    machine = benchmarks.machine
    monkeypatch.setattr(benchmarks, "machine", lambda rows: machine(rows, (256, 24), 2))
    prompt = np.random.default_rng(0).integers(23, size=60)
    chosen = {"batch": 3, "gamma": 2, "keys": 6, "tokens": 8, "repeats": 2}
    rows = {row["what"]: row for row in benchmarks.measure(small_model, prompt, 5, chosen)}
    kinds = ("bytes and operations", "weights and keys", "keys alone")
    whole, weights, alone = (rows[f"predicted speed-up, {what}"]["median"] for what in kinds)
    assert 0.0 < weights < alone
    assert 0.0 < whole
    assert 1.0 <= rows["tokens per round"]["median"] <= 3.0
    for name in ("plain pass", "sparse pass", "dense pass over drafts"):
        assert 0.0 < rows[name]["low20"] <= rows[name]["median"] <= rows[name]["high80"]
        assert rows[f"{name}, by the roofline"]["median"] > 0.0
    assert rows["measured speed-up"]["median"] > 0.0


def test_predictions_count_every_byte_and_operation(small_model):
    line, alone = benchmarks.rooflines(small_model, 3, bandwidth=1e9, rate=1e9)
    cache = small_model.start(1, 8)
    assert line.traffic.key_bytes == (cache.keys[:, 0, :, 0].nbytes + cache.values[:, 0, :, 0].nbytes)
    assert line.traffic.weight_bytes == small_model.weight_bytes
    # a product of one row takes two operations per weight, an attention two per number of a query and again
    assert line.weight_operations == small_model.weight_bytes / 2
    assert line.key_operations == 4 * 4 * 4 * 8  # layers, query heads, head size
    assert alone.traffic.weight_bytes == 0.0
    assert float(alone.speedup(3.0, 2, kept=6, keys=60)) == pytest.approx(3.0 / (1 + 2 * 0.1))


def test_the_speed_of_the_machine_is_a_speed():
    bandwidth, rate = benchmarks.machine(8, (512, 64), 3)
    assert 1e6 < bandwidth < 1e13
    assert 1e6 < rate < 1e14


def test_sizes_of_the_benchmark(monkeypatch):
    variable, defaults = benchmarks.VARIABLE, benchmarks.SIZES
    monkeypatch.setenv(variable, "batch=2, keys=9")
    assert benchmarks.settings(variable, defaults) == {**defaults, "batch": 2, "keys": 9}
    monkeypatch.setenv(variable, "batches=2")
    with pytest.raises(ValueError, match="TIGHTBOUND_STD has 'batches=2': give name=number"):
        benchmarks.settings(variable, defaults)
