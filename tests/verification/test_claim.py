import dataclasses
import pickle

import numpy as np
import pytest

from tightbound.verification.claim import (
    PROVENANCES,
    STATUSES,
    Assumption,
    Claim,
    NegativeControl,
    PositiveControl,
)
from tightbound.verification.grid import Grid, cells
from tightbound.verification.statistics import BoundHolds


def measure(cell, rng):
    return {"value": np.full(2, float(cell["n"]))}


def bound(cell):
    return 2.0 * cell["n"]


def positive(cell):
    return cell["n"] > 0


GOOD = {
    "id": "BS-4",
    "paper": "bandit_spec",
    "title": "n stays below 2n",
    "statement": "n <= 2n",
    "source": "Lemma 1",
    "provenance": "derived",
    "statistic": BoundHolds(),
    "grid": Grid(cells(n=[1, 2])),
    "measure": measure,
    "control": NegativeControl(because="half of n is below n", bound=lambda cell: cell["n"] / 2),
}
FALSE = {
    "expected": "fail",
    "corrected_by": "BS-4b",
    "counterexample": {"n": -1},
    "control": PositiveControl(because="holds for n > 0", grid=Grid(cells(n=[1]))),
}


def test_a_claim_keeps_what_it_is_given_and_is_frozen():
    claim = Claim(**GOOD, bound=bound, assumptions=(Assumption("positive", "n is positive", positive),))
    assert (claim.expected, claim.control_must) == ("pass", "fail")
    assert claim.assumptions[0].holds(claim.grid.quick[0])
    with pytest.raises(dataclasses.FrozenInstanceError):
        claim.id = "BS-5"


def test_the_measured_claim_can_be_judged():
    from tightbound.verification.statistics import CellEvidence

    claim = Claim(**GOOD, bound=bound)
    rng = np.random.default_rng(0)
    evidence = [
        CellEvidence(cell, claim.measure(cell, rng), bound=claim.bound(cell)) for cell in claim.grid.quick
    ]
    assert claim.statistic.judge(evidence, level=0.01).status == "pass"
    evidence = [CellEvidence(item.cell, item.data, bound=claim.control.bound(item.cell)) for item in evidence]
    assert claim.statistic.judge(evidence, level=0.01).status == "fail"


@pytest.mark.parametrize("good", ["BS-4", "BS-7a", "SINK-P1", "SINK-I5", "CORE-12", "A-B-3"])
def test_ids(good):
    assert Claim(**{**GOOD, "id": good}).id == good


@pytest.mark.parametrize("bad", ["bs-4", "BS4", "BS-", "BS-4A", "BS-4ab", " BS-4", "BS-4\n", ""])
def test_bad_ids(bad):
    with pytest.raises(ValueError, match=r"id is .*use capitals, a dash and a number"):
        Claim(**{**GOOD, "id": bad})


def test_a_false_statement_names_its_correction():
    claim = Claim(**{**GOOD, **FALSE})
    assert claim.control_must == "pass"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"provenance": "folklore"},
            "BS-4: provenance is 'folklore': choose one of " + ", ".join(PROVENANCES),
        ),
        ({"expected": "maybe"}, "BS-4: expected is 'maybe': choose one of " + ", ".join(STATUSES)),
        ({"control": None}, "BS-4: control is None: every claim needs a NegativeControl"),
        ({**FALSE, "control": GOOD["control"]}, "BS-4: a false statement needs a PositiveControl"),
        ({**FALSE, "corrected_by": None}, "BS-4: a false statement needs corrected_by and a counterexample"),
        (
            {**FALSE, "counterexample": None},
            "BS-4: a false statement needs corrected_by and a counterexample",
        ),
        (
            {"control": FALSE["control"]},
            "BS-4: a PositiveControl belongs to expected='fail'; give a NegativeControl",
        ),
        ({"skip": "needs a cluster"}, "BS-4: a reason in skip and expected='skipped' belong together"),
        ({"expected": "skipped"}, "BS-4: a reason in skip and expected='skipped' belong together"),
    ],
)
def test_bad_claims(change, message):
    with pytest.raises(ValueError, match=message):
        Claim(**{**GOOD, **change})


def test_a_skipped_claim_gives_its_reason():
    assert Claim(**GOOD, expected="skipped", skip="needs a cluster").skip == "needs a cluster"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"statistic": "bound"}, r"BS-4: statistic is 'bound': give a statistic: BoundHolds\(\)"),
        ({"statistic": type(GOOD["statistic"])}, r"BS-4: statistic is <class .*: give a statistic"),
        ({"grid": GOOD["grid"].quick}, r"BS-4: grid is \(.*: give a Grid: Grid\(quick=cells"),
        ({"measure": None}, r"BS-4: measure is None: give a function \(cell, rng\)"),
        ({"bound": 1.0}, r"BS-4: bound is 1.0: give a function \(cell\), or leave it out"),
        ({"trivial": 1.0}, r"BS-4: trivial is 1.0: give a function \(cell\), or leave it out"),
        ({"assumptions": (bound,)}, r"BS-4: assumptions is .*: give a tuple: \(Assumption\("),
    ],
)
def test_parts_of_the_wrong_kind(change, message):
    with pytest.raises(TypeError, match=message):
        Claim(**{**GOOD, **change})


@pytest.mark.parametrize("because", ["", "  ", bound])
def test_a_control_without_reason(because):
    with pytest.raises(ValueError, match=r"because is .*: say in one sentence .*by name, e.g. Neg"):
        NegativeControl(because=because, measure=measure)


def test_a_control_that_changes_nothing():
    with pytest.raises(ValueError, match="the control changes nothing: give a measure, a grid or a bound"):
        NegativeControl(because="it must fail")


def test_statistics_and_controls_survive_pickling():
    control = FALSE["control"]
    assert pickle.loads(pickle.dumps(control)) == control
    assert pickle.loads(pickle.dumps(GOOD["statistic"])) == GOOD["statistic"]
