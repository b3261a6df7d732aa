"""The recordings behind BS-13: exact references, and policies on the same texts."""

import numpy as np
import pytest

from tightbound.papers.bandit_spec.checks.recording import (
    ARMS,
    CATEGORIES,
    COSTS,
    MAX_DRAFT,
    best_single,
    pooled,
    recorded,
    references,
    replay,
)
from tightbound.papers.bandit_spec.checks.replay import REPLAY

CELL = {"texts": 3, "tokens": 128, "runs": 2}


@pytest.mark.parametrize("category", CATEGORIES)
def test_references_are_ordered(category):
    found = references(category, 3, 128)
    for kind in ("rounds", "time"):
        oracle, fixed = found[f"oracle_{kind}"], found[f"fixed_{kind}"]
        assert fixed.shape == (3, len(ARMS))
        assert np.all(oracle <= fixed.min(axis=1))
    assert np.all(found["oracle_rounds"] >= 128 / (MAX_DRAFT + 1))
    np.testing.assert_array_equal(found["fixed_time"], found["fixed_rounds"] * COSTS)


def test_the_same_cell_gives_the_same_texts():
    first = recorded("prose", 3, 128)
    again = recorded.__wrapped__("prose", 3, 128)
    assert [trace.source for trace in first] == [trace.source for trace in again]
    np.testing.assert_array_equal(first[0].y, again[0].y)


def test_learners_stay_between_the_oracle_and_one_token_per_round():
    found = pooled(CELL) | replay(CELL, "UCBSpec", np.random.default_rng(0))
    assert found["rounds"].shape == (9,)
    assert np.all(found["rounds"] >= found["oracle_rounds"])
    assert np.all(found["time"] >= found["oracle_time"])
    assert np.all(found["rounds"] <= 128)


def test_best_single_is_one_column():
    costs = np.array([[3.0, 2.0], [1.0, 1.5]])
    assert best_single(costs).tolist() == [2.0, 1.5]


@pytest.mark.parametrize("claim", REPLAY, ids=lambda claim: claim.id)
def test_measure_and_control_give_paired_finite_rows(claim):
    for source in (claim.measure, claim.control.measure or claim.measure):
        grid = (claim.control.grid if source is not claim.measure else None) or claim.grid
        data = source(grid.quick[0] | CELL, np.random.default_rng(0))
        assert all(np.all(np.isfinite(values)) for values in data.values())
        if "greater" in data:
            assert np.shape(data["greater"]) == np.shape(data["smaller"])
