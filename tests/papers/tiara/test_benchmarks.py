"""The benchmarks run, and refuse to time what is wrong."""

import importlib

import numpy as np
import pytest

from tightbound.papers.tiara import benchmarks


def test_rows():
    rows = [*benchmarks.compiled(sites=2), *benchmarks.reference(sites=2)]
    assert {row["what"] for row in rows} >= {"softmax_attention", "tiara", "theory.video.tiara"}
    assert all(row["median"] > 0.0 for row in rows)


def test_wrong_outputs_are_not_timed(monkeypatch):
    compiled = importlib.import_module("tightbound.simulators.video.tiara")
    right = compiled.tiara
    monkeypatch.setattr(compiled, "tiara", lambda *a, **k: right(*a, **k) + np.float32(1e-3))
    with pytest.raises(ArithmeticError, match="speed means nothing"):
        benchmarks.check(*benchmarks.inputs(2))
