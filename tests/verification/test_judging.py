"""Which of several reasons decides a verdict, on evidence that is made up."""

import dataclasses

import numpy as np
import pytest

from tightbound.verification.claim import Assumption, Claim, NegativeControl, PositiveControl
from tightbound.verification.evidence import Evidence
from tightbound.verification.grid import Grid
from tightbound.verification.judging import Finding, Settings, judge
from tightbound.verification.statistics import BoundHolds

SETTINGS = Settings(size="quick", seed=0, level=0.01, family=4)
BELOW, ABOVE, AROUND = np.full(40, 0.0), np.full(40, 2.0), 1.0 + np.tile([-1.0, 1.0], 20)


def measure(cell, rng):
    return {"value": BELOW}


def one(cell):
    return 1.0


def always(cell):
    return True


CLAIM = Claim(
    id="TOY-1",
    paper="toy",
    title="A mean is at most 1",
    statement="E x <= 1",
    source="nowhere",
    provenance="derived",
    statistic=BoundHolds(method="t"),
    grid=Grid([{"n": 1}, {"n": 2}]),
    measure=measure,
    bound=one,
    control=NegativeControl("it is larger", measure=measure),
    assumptions=(Assumption("small", "n is small", always),),
)


def finding(role, values, n=1, *, small=True, trivial=None):
    about = {"wall_s": 0.0}
    evidence = Evidence({"n": n}, {"value": values}, 1.0, trivial, {"small": small}, about)
    return Finding(role, {"n": n}, "file.npz", evidence)


def verdict(claim, *findings, settings=SETTINGS):
    return judge(claim, findings, settings, {})


def test_the_statistics_read_this_evidence_as_its_names_say():
    for values, status in ((BELOW, "pass"), (ABOVE, "fail"), (AROUND, "inconclusive")):
        assert verdict(CLAIM, finding("measure", values), finding("control", ABOVE))["status"] == status


@pytest.mark.parametrize(("values", "ended"), [(BELOW, "pass"), (AROUND, "inconclusive")])
def test_a_control_that_must_fail_has_to_fail_and_nothing_less(values, ended):
    record = verdict(CLAIM, finding("measure", BELOW), finding("control", values))
    assert (record["status"], record["control"]["status"]) == ("invalid", ended)
    assert f"the control ended in {ended}" in record["reason"]


def test_a_vacuous_control_shows_nothing_either():
    control = finding("control", BELOW, trivial=0.5)
    record = verdict(CLAIM, finding("measure", BELOW), control)
    assert (record["status"], record["control"]["status"]) == ("invalid", "vacuous")


@pytest.mark.parametrize(("values", "status"), [(BELOW, "fail"), (AROUND, "invalid"), (ABOVE, "invalid")])
def test_a_control_that_must_pass_has_to_pass(values, status):
    claim = dataclasses.replace(
        CLAIM,
        expected="fail",
        corrected_by="TOY-2",
        counterexample={"n": 1},
        control=PositiveControl("it is smaller", measure=measure),
    )
    assert verdict(claim, finding("measure", ABOVE), finding("control", values))["status"] == status


@pytest.mark.parametrize("holds", [(True, False), (False, True), (False, False)])
def test_an_assumption_has_to_hold_in_every_cell(holds):
    own = [finding("measure", BELOW, n, small=small) for n, small in enumerate(holds, start=1)]
    record = verdict(CLAIM, *own, finding("control", ABOVE))
    assert (record["status"], record["assumptions"]) == ("invalid", {"small": False})


def test_an_assumption_that_holds_everywhere_is_no_obstacle():
    own = [finding("measure", BELOW, n) for n in (1, 2)]
    assert verdict(CLAIM, *own, finding("control", ABOVE))["assumptions"] == {"small": True}


def test_a_claim_is_judged_at_its_share_of_the_level():
    # the p-value of this mean lies between 0.01 / 40 and 0.01 / 4
    values = 1.0 + 0.5 + np.tile([-1.0, 1.0], 20)
    few, many = (
        verdict(
            CLAIM,
            finding("measure", values),
            finding("control", ABOVE),
            settings=dataclasses.replace(SETTINGS, family=family),
        )
        for family in (4, 40)
    )
    assert 0.01 / 40 < few["p_value"] < 0.01 / 4
    assert (few["status"], many["status"]) == ("fail", "inconclusive")
