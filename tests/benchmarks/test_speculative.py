"""Run with: pytest tests/benchmarks --benchmark-only."""

import numpy as np
import pytest

from tightbound.kernels.chain_speculative_sampling import chain_speculative_sampling
from tightbound.kernels.probs_from_logits import probs_from_logits
from tightbound.papers.speculative_core import _peers
from tightbound.papers.speculative_core import _verification_speed as speed
from tightbound.verification.threads import threads

ROWS, VOCABULARY = 16, 32_000


def test_verification(beside):
    given = speed.task(ROWS, VOCABULARY)
    with threads(1):
        found = beside(
            lambda: chain_speculative_sampling(*given), lambda: speed.with_numpy(*given), "NumPy arrays"
        )
    speed.check(given, found.output_token_ids, found.output_emitted_draft_token_num.tolist())


def test_laws_from_logits(beside):
    logits = 3.0 * np.random.default_rng(0).standard_normal((ROWS, VOCABULARY), dtype=np.float32)
    with threads(1):
        found = beside(
            lambda: probs_from_logits(logits, **_peers.SAMPLING),
            lambda: probs_from_logits(logits, **_peers.SAMPLING, backend="numpy"),
            "NumPy reference",
        )
    np.testing.assert_allclose(
        found, probs_from_logits(logits, **_peers.SAMPLING, backend="numpy"), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize(
    ("package", "match"),
    [
        ("torch", lambda: _peers.verification(VOCABULARY)),
        ("transformers", lambda: _peers.sampling(ROWS, VOCABULARY)),
    ],
    ids=["verification", "laws_from_logits"],
)
def test_peer(benchmark, package, match):
    pytest.importorskip("torch")
    pytest.importorskip(package)
    with threads(1, torch=True):
        benchmark.pedantic(match().theirs, rounds=3)
