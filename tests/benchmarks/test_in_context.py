"""Run with: pytest tests/benchmarks --benchmark-only."""

import numpy as np
import pytest

from tightbound.papers.icl_bma import _peers
from tightbound.papers.icl_bma import benchmarks as bench
from tightbound.simulators.in_context import scan_tasks as scans
from tightbound.theory.in_context.model_averaging import log_predictive
from tightbound.verification.peers import agree
from tightbound.verification.threads import threads


@pytest.mark.parametrize("tasks", [1, 16, 64])
def test_tables(benchmark, tasks):
    task = bench.table_task(tasks, 64)
    with threads(1):
        found = benchmark(scans.scan_log_predictive, *task)
    np.testing.assert_allclose(found, log_predictive(*task), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("backend", ["numba", "jax"])
def test_bank(benchmark, backend):
    task = bench.bank_task(8, 16)
    found = benchmark.pedantic(
        scans.scan_log_predictive, task, {"backend": backend}, rounds=3, warmup_rounds=1
    )
    np.testing.assert_allclose(found, log_predictive(*task), rtol=1e-10, atol=1e-10)


def test_bank_of_the_reference(benchmark):
    benchmark.pedantic(log_predictive, bench.bank_task(8, 16), rounds=3)


@pytest.mark.parametrize("package", sorted(_peers.PEERS))
def test_peer(benchmark, package):
    pytest.importorskip(package)
    bank, covariates, responses = bench.bank_task(8, 8)
    _, peer = _peers.PEERS[package]
    found = benchmark.pedantic(peer(bank, responses), rounds=3, warmup_rounds=1)
    agree(found, bench.log_likelihoods(bank, covariates, responses), bench.TOLERANCE, relative=True)


def test_attention(benchmark):
    stack, *prompt = bench.attention_task()
    found = benchmark(stack, *prompt)
    assert found.shape == (256, 13, 4)
