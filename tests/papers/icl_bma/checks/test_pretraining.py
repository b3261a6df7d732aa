"""Claims on pretraining end as they say, sampled ones at smaller sizes."""

import numpy as np
import pytest

from tightbound.papers.icl_bma.checks import pretraining
from tightbound.papers.icl_bma.checks.pretraining import (
    ICL_7D,
    PRETRAINING,
    chain_exponent,
    empty_prompt_error,
    mixture_exponent,
    repeated_documents,
)
from tightbound.verification.statistics import CellEvidence

RUNS = {"ICL-7a": 64, "ICL-7c": 24, "ICL-7d": 150, "ICL-7e": 4, "ICL-7g": 40}


def judge(claim, grid, measure):
    evidence = []
    for k, cell in enumerate(grid.quick):
        smaller = {**cell, "runs": RUNS[claim.id]} if "runs" in cell else dict(cell)
        found = measure(smaller, np.random.default_rng(k))
        evidence.append(CellEvidence(smaller, {n: np.atleast_1d(a) for n, a in found.items()}))
    return claim.statistic.judge(evidence, level=0.01).status


@pytest.mark.parametrize("claim", PRETRAINING, ids=lambda claim: claim.id)
def test_ends_as_expected_and_so_does_its_control(claim):
    assert judge(claim, claim.grid, claim.measure) == "pass"
    assert judge(claim, claim.control.grid or claim.grid, claim.control.measure or claim.measure) == "fail"


def test_the_slow_chain_is_judged_only_where_every_token_is_met():
    (assumption,) = ICL_7D.assumptions
    assert all(assumption.holds(cell) for size in ("quick", "standard") for cell in ICL_7D.grid.at(size))
    assert not any(assumption.holds(cell) for cell in ICL_7D.control.grid.quick)


def test_the_slope_of_the_curve_is_the_exponent_of_the_plane():
    cell = {
        "tokens": 3,
        "stay": 0.2,
        "documents": (4, 8, 16),
        "lengths": (8, 32),
        "runs": 2,
        "along": "documents",
    }
    found = chain_exponent(cell, np.random.default_rng(0))
    n, t = np.log(np.meshgrid(cell["documents"], cell["lengths"], indexing="ij"))
    design = np.stack([np.ones(6), n.ravel(), t.ravel()], axis=1)
    for run in range(2):
        plane = np.linalg.lstsq(design, np.log(found["surface"][run]).ravel(), rcond=None)[0]
        slope = np.polyfit(np.log(found["x"]), np.log(found["value"][run]), 1)[0]
        assert slope == pytest.approx(plane[1], abs=1e-10)


def test_copies_are_the_first_documents():
    cell = {
        "tokens": 3,
        "stay": 0.2,
        "documents": (4, 8),
        "lengths": (8, 32),
        "runs": 2,
        "along": "documents",
    }
    found, copies = (one(cell, np.random.default_rng(0)) for one in (chain_exponent, repeated_documents))
    assert np.ptp(copies["surface"], axis=1).max() == 0.0
    assert copies["surface"].shape == found["surface"].shape


def test_the_empty_prompt_does_not_see_the_length_of_documents():
    cell = {"along": "lengths", "documents": (32, 64), "lengths": (4, 8, 16), "runs": 3}
    found = mixture_exponent(cell, np.random.default_rng(1))
    assert np.ptp(found["first"], axis=2).max() < 1e-12
    value = empty_prompt_error(cell, np.random.default_rng(1))["value"]
    np.testing.assert_allclose(value, 8.0 * found["first"][:, -1])


def test_em_that_does_not_converge_is_an_error(monkeypatch):
    from tightbound.simulators.in_context.pretraining import mixture_em

    slow = mixture_em.fit_mixture
    monkeypatch.setattr(mixture_em, "fit_mixture", lambda *a, **k: slow(*a, most_iterations=1, **k))
    with pytest.raises(RuntimeError, match="did not converge"):
        pretraining._fitted({"documents": (8,), "lengths": (4,), "runs": 2}, np.random.default_rng(0))
