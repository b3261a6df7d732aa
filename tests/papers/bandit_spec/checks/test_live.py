"""BS-17: runs on exact models and, where it is installed, on a real one; every wrong replay fails alone."""

import numpy as np
import pytest

from tightbound.papers import _real_model
from tightbound.papers.bandit_spec.checks import live
from tightbound.papers.bandit_spec.checks.live import LIVE
from tightbound.simulators.bandits import simulate
from tightbound.verification.statistics import CellEvidence

EXACT = LIVE[:3]
REAL = LIVE[3:]


def _judge(claim, cells, measure):
    evidence = []
    for cell in cells:
        data = {name: np.atleast_1d(array) for name, array in measure(cell, np.random.default_rng(0)).items()}
        evidence.append(CellEvidence(cell=cell, data=data))
    return claim.statistic.judge(evidence, level=0.01).status


@pytest.mark.parametrize("claim", EXACT, ids=lambda claim: claim.id)
def test_holds_and_its_control_fails_in_every_cell(claim):
    cells = claim.grid.quick[:3]
    assert _judge(claim, cells, claim.measure) == "pass"
    for cell in (claim.control.grid or claim.grid).quick:
        assert _judge(claim, [cell], claim.control.measure or claim.measure) == "fail", cell


def test_real_claims_are_skipped_with_the_reason_where_the_model_is_missing():
    missing = _real_model.missing()
    for claim in REAL:
        assert (claim.expected, claim.skip) == (("skipped", missing) if missing else ("pass", ""))


@pytest.mark.skipif(bool(_real_model.missing()), reason=_real_model.missing())
def test_a_real_run_is_plain_decoding_and_replays():
    cell = {"policy": "EXP3Spec", "tokens": 6}
    for claim in REAL:
        assert _judge(claim, [cell], claim.measure) == "pass"
    found = live.real_run("EXP3Spec", 6)
    assert found.tokens == [live.real_plain(6).tolist()]
    replay = simulate(found.table(0), live.policy("EXP3Spec"), 6, replications=1, rng=found.policy_seeds[0])
    assert replay.stopping_time.item() == found.completions[0].log.rounds


def test_pulls_are_counted_when_budgets_are_reached():
    found = live.live({"policy": "UCBSpec", "temperature": 0.0, "tokens": 30}, np.random.default_rng(3))
    log = found.completions[1].log
    pulls = live.pulls_at_budgets(found, 1)
    assert pulls.shape == (30, 6)
    # budgets 1 .. y_0 are reached by the first round, the last one by all rounds
    assert np.all(pulls[: log.emitted[0]] == np.eye(6, dtype=int)[log.arm[0]])
    assert pulls[-1].sum() == log.rounds
    np.testing.assert_array_equal(pulls, live.replayed_pulls(found, 1, live.policy("UCBSpec")))


def test_speculation_saves_rounds_here():
    # otherwise nothing would be tested: all rounds would yield one token
    rng = np.random.default_rng(0)
    found = live.rounds_from_one_recording({"tokens": 80}, rng)
    assert found["value"].shape == (7 * live.TEXTS,)
    assert found["value"].min() < 60
