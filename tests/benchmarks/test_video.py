"""Run with: pytest tests/benchmarks --benchmark-only."""

import numpy as np
import pytest

from tightbound.papers.tiara import benchmarks as bench
from tightbound.simulators.video.tiara import tiara
from tightbound.theory.video.tiara import tiara as definition
from tightbound.verification.threads import threads

SITES = 64


def test_tiara(beside):
    logits, values = bench.inputs(SITES)
    with threads(1):
        found = beside(
            lambda: tiara(logits, values, **bench.SETTINGS),
            lambda: definition(logits, values, **bench.SETTINGS),
            "definition in NumPy",
            rounds=3,
        )
    few = definition(logits[:4], values[:4], **bench.SETTINGS)
    np.testing.assert_allclose(found[:4], few, rtol=0, atol=bench.TOLERANCE)


def test_softmax_attention_beside_torch(beside):
    pytest.importorskip("torch")
    with threads(1, torch=True):
        match = bench.match(SITES)
        beside(match.ours, match.theirs, "torch")
