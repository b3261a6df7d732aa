"""The claims on softmax and divergence end as they must, on pairs that reach every case."""

import numpy as np
import pytest

from tightbound.papers.icl_bma.checks import perturbation
from tightbound.papers.icl_bma.checks.perturbation import PERTURBATION
from tightbound.verification.evidence import measure, units


@pytest.mark.parametrize("claim", PERTURBATION, ids=lambda claim: claim.id)
def test_claims_end_as_they_must(claim):
    found = {"measure": [], "control": []}
    for unit in units(claim, "quick", 1):
        if "pairs" in unit.cell:
            unit.cell["pairs"] = 2000
        found[unit.role].append(measure(unit).for_statistic)
    statuses = {role: claim.statistic.judge(cells, level=0.01).status for role, cells in found.items()}
    assert statuses == {"measure": "pass", "control": "fail"}


def test_ids_are_unique_and_in_order():
    assert [claim.id for claim in PERTURBATION] == [f"ICL-12{one}" for one in "abcde"]
    assert all(claim.paper == "icl_bma" and claim.seconds["quick"] <= 3.0 for claim in PERTURBATION)


@pytest.mark.parametrize("one_sided", [False, True])
def test_pairs_move_as_they_say(one_sided, rng):
    _, change, eta = perturbation._logit_pairs({"pairs": 500, "size": 6, "one_sided": one_sided}, rng)
    assert np.array_equal(np.abs(change).max(axis=1), eta)
    assert (change.min() >= 0.0) == one_sided


def test_the_sharp_bound_is_nearly_reached_and_the_printed_one_half(rng):
    cell = {"pairs": 20_000, "size": 2, "one_sided": False}
    found = perturbation.softmax_moves(cell, rng)
    moved = found["bound"] > 0.1
    assert (found["value"][moved] / found["bound"][moved]).max() > 0.99
    stated = perturbation.stated_softmax_moves(cell, rng)
    assert (stated["value"] <= 0.5 * stated["bound"] + 1e-12).all()


def test_divergences_use_the_whole_bound(rng):
    found = perturbation.divergences({"pairs": 20_000, "size": 2}, rng)
    ratio = found["value"][found["bound"] > 1e-3] / found["bound"][found["bound"] > 1e-3]
    assert ratio.max() > 0.95
