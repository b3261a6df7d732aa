"""The claims on attention and its limit end as they must, and their parts measure what they say."""

from types import MappingProxyType

import numpy as np
import pytest

from tightbound.papers.icl_bma.checks import attention, softmax_limit, softmax_rate, vanishing_temperature
from tightbound.papers.icl_bma.checks.attention import ATTENTION
from tightbound.papers.icl_bma.checks.softmax_limit import SOFTMAX_LIMIT
from tightbound.theory.in_context.softmax_limit import ridge_shrink_factor
from tightbound.verification.claim import PositiveControl
from tightbound.verification.evidence import measure, units

CLAIMS = (*ATTENTION, *SOFTMAX_LIMIT)
QUICK = [claim for claim in CLAIMS if not claim.statistic.stochastic]
SAMPLED = [claim for claim in CLAIMS if claim.statistic.stochastic]
# as where all claims of a run share the level 0.01
SHARE = 0.01 / 300


def judged(claim, seed=0, keep=lambda cell: cell):
    found = {"measure": [], "control": []}
    for unit in units(claim, "quick", seed):
        unit.cell.update(keep(unit.cell))
        found[unit.role].append(measure(unit).for_statistic)
    return {role: claim.statistic.judge(cells, level=SHARE).status for role, cells in found.items()}


def test_ids_are_unique_and_in_order():
    ids = [claim.id for claim in CLAIMS]
    assert ids == [*(f"ICL-5{one}" for one in "cd"), *(f"ICL-6{one}" for one in "abcdefghi")]
    assert all(claim.paper == "icl_bma" and claim.seconds["quick"] <= 3.0 for claim in CLAIMS)
    assert softmax_limit.ICL_6A.corrected_by in ids


@pytest.mark.parametrize("claim", QUICK, ids=lambda claim: claim.id)
def test_exact_claims_end_as_they_must(claim):
    expected = {"measure": claim.expected, "control": claim.control_must}
    assert judged(claim) == expected
    assert isinstance(claim.control, PositiveControl) == (claim.expected == "fail")


@pytest.mark.parametrize("claim", SAMPLED, ids=lambda claim: claim.id)
def test_controls_of_sampled_claims_fail_on_few_runs(claim):
    assert judged(claim, keep=lambda cell: {"runs": min(cell["runs"], 30)})["control"] == "fail"


def test_ratio_of_attentions_passes_on_few_runs():
    assert judged(softmax_rate.ICL_6E, keep=lambda cell: {"runs": 10})["measure"] == "pass"


def test_the_constant_needed_is_the_inverse_of_the_bessel_ratio():
    for values, expected in (("constant", 1.0), ("first", 2.2401937), ("second", 9.3266122)):
        cell = {"keys": "uniform", "values": values, "kappa": 1.0}
        found = softmax_limit.residual_of_best_constant(cell, np.random.default_rng(0))
        assert found["constant"] == pytest.approx(expected, rel=1e-6)


def test_no_constant_leaves_less_than_half_of_the_counterexamples():
    for cell in softmax_limit.ICL_6A.grid.quick:
        found = softmax_limit.residual_of_best_constant(cell, np.random.default_rng(0))
        assert found["value"] > 0.5
        assert found["residuals"].min() >= found["value"] - 1e-12


def test_errors_follow_the_predicted_variance(rng):
    cell = {"dim": 2, "degree": 2, "kappa": 1.0, "keys": (100, 400), "runs": 1500}
    found = softmax_rate.errors_to_the_limit(cell, rng)
    assert found["value"].mean(0) == pytest.approx(found["predicted"], rel=0.15)


def test_the_bound_lies_above_the_errors_and_repeats_do_not(rng):
    cell = {"dim": 2, "keys": (400, 1600), "runs": 60}
    found = vanishing_temperature.bounded_errors(cell, rng)
    assert np.all(found["value"].mean(0) < found["bound"][0])
    assert np.all(found["bound"] < found["trivial"])
    broken = vanishing_temperature.repeated_pairs(cell, rng)
    assert np.all(broken["value"].mean(0) > broken["bound"][0])


def test_the_ridge_of_the_proof_hides_the_limit():
    factor = softmax_rate.slow_factor(MappingProxyType({"degree": 1, "kappa": 1.0, "keys": 3200}))
    assert factor == pytest.approx(float(ridge_shrink_factor(2, 1.0, 1, 3200**-0.25)))
    assert factor < 0.62


def test_an_empty_prompt_is_the_prior(rng):
    cell = {"dim": 2, "prior_variance": 4.0, "noise_variance": 0.25, "lengths": (0, 3), "prompts": 2}
    found = attention.three_routes(cell, rng)
    first = found["value"].reshape(2, 2, 2, 3)[:, 0]
    assert not first[..., :2].any()
    assert np.allclose(found["value"], found["reference"])
