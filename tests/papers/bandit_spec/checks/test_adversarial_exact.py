"""The paths behind the exact adversarial claims: a second enumeration beside the one in the theory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.papers.bandit_spec.checks import adversarial_exact
from tightbound.theory.bandits import exp3spec_law


@given(st.integers(2, 3), st.integers(1, 3), st.integers(1, 7), st.integers(0, 10**6))
def test_paths_agree_with_the_frontier_enumeration(arms, max_draft, tokens, seed):
    cell = {"arms": arms, "max_draft": max_draft, "tokens": tokens}
    table = adversarial_exact.random_table(cell, np.random.default_rng(seed))
    paths = list(adversarial_exact.every_path(table, max_draft, tokens))
    mass = np.exp([path[0] for path in paths])
    rounds = np.array([len(path[1]) for path in paths])
    law = exp3spec_law(table, max_draft, tokens)
    assert mass.sum() == pytest.approx(1.0, abs=1e-12)
    assert mass @ rounds == pytest.approx(law.expected_stopping_time, rel=1e-12)
    pulls = [sum(m * path[1].count(arm) for m, path in zip(mass, paths, strict=True)) for arm in range(arms)]
    assert pulls == pytest.approx(law.expected_pulls.tolist(), rel=1e-10, abs=1e-12)


def test_sums_survive_probabilities_below_the_smallest_float():
    # arm 0 costs a whole loss: once drawn at 1e-3 its next probability is of the order exp(-1000 eta)
    table = np.tile([1, 2], (12, 1))
    least = min(min(chances) for _, _, chances in adversarial_exact.every_path(table, 1, 12))
    assert least < np.log(np.finfo(float).tiny)
    cell = {"arms": 2, "max_draft": 1, "tokens": 12}
    for measure in (adversarial_exact.learning_rate_sums, adversarial_exact.estimated_losses):
        sides = measure(cell, np.random.default_rng(4))
        assert np.asarray(sides["value"]) == pytest.approx(np.asarray(sides["reference"]), rel=1e-11)


def test_claims_of_small_cost_end_as_expected():
    for claim in (adversarial_exact.BS_8D, adversarial_exact.BS_8E, adversarial_exact.BS_8F):
        for measure, status in ((claim.measure, "pass"), (claim.control.measure, "fail")):
            evidence = [evidence_of(cell, measure, k) for k, cell in enumerate(claim.grid.at("quick"))]
            assert claim.statistic.judge(evidence, level=0.01).status == status


def evidence_of(cell, measure, seed):
    from tightbound.verification.statistics.base import CellEvidence

    found = measure(cell, np.random.default_rng(seed))
    return CellEvidence(cell=cell, data={name: np.atleast_1d(array) for name, array in found.items()})
