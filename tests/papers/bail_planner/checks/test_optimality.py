"""Where the expert stands between those who ignore the price of information and those who need none."""

import numpy as np
import pytest

from tightbound.papers.bail_planner.checks.optimality import (
    OPTIMALITY,
    PLN_4B,
    myopic_about_information,
    price_of_information,
    two_doors,
)
from tightbound.theory.planning.expert import expert
from tightbound.verification.statistics import CellEvidence


def _judge(claim, cells, measure):
    evidence = []
    for cell in cells:
        data = {name: np.atleast_1d(array) for name, array in measure(cell, np.random.default_rng(0)).items()}
        evidence.append(CellEvidence(cell=cell, data=data))
    return claim.statistic.judge(evidence, level=0.01).status


@pytest.mark.parametrize("claim", OPTIMALITY, ids=lambda claim: claim.id)
def test_holds_in_a_cell_and_its_control_does_not(claim):
    assert _judge(claim, claim.grid.quick[:1], claim.measure) == "pass"
    wrong = (claim.control.grid or claim.grid).quick
    assert _judge(claim, wrong, claim.control.measure or claim.measure) == "fail"


@pytest.mark.parametrize("delay", [0.1, 0.4])
def test_two_doors_in_closed_form(delay):
    found = price_of_information({"delay": delay, "shown": False}, np.random.default_rng(0))
    assert found["greater"] == pytest.approx(1.0 - delay, abs=1e-15)
    assert found["smaller"] == pytest.approx([0.5 * (1.0 - delay), 0.5], abs=1e-15)
    shown = price_of_information({"delay": delay, "shown": True}, np.random.default_rng(0))
    assert shown["greater"].tolist() == shown["smaller"].tolist() == [1.0, 1.0]


def test_where_listening_costs_too_much_a_door_is_opened_at_once():
    assert expert(two_doors(0.75, shown=False)).value.item() == pytest.approx(0.5, abs=1e-15)


def test_some_random_instance_is_strict():
    found = myopic_about_information({**PLN_4B.grid.quick[0], "instances": 20}, np.random.default_rng(0))
    assert (found["bound"] - found["value"]).max() > 1e-3
