"""Claims on the Reporter: their parts, at small size."""

import numpy as np
import pytest

from tightbound.papers.bail_planner.checks import reporter
from tightbound.papers.bail_planner.checks.reporter import REPORTER


def generator():
    return np.random.default_rng(0)


def test_ids_are_different_and_substitutes_are_named():
    assert [claim.id for claim in REPORTER] == [f"PLN-15{letter}" for letter in "abcdef"]
    assert all(claim.substitutes and claim.seconds for claim in REPORTER)


@pytest.mark.parametrize("instance", ["NOISY-TRY", "REPORTED-TRIAL"])
def test_the_swapped_filter_drifts_the_other_way(instance):
    cell = {"instance": instance, "truth": 0, "points": 3}
    found = reporter.drift(cell, generator())
    swapped = reporter.drift_of_swapped_filter(cell, generator())
    assert found["value"] == pytest.approx(found["reference"], abs=1e-12)
    assert np.array_equal(swapped["value"], -found["value"])


def test_a_swapped_filter_prefers_a_lying_reporter():
    honest, lying = (reporter._regret(error, 0, (200,), swapped=True)[0] for error in (0.0, 1.0))
    assert honest > 10 * lying


def test_shares_are_read_at_equal_distances_from_the_threshold():
    cell = {"truth": 0, "distance": (0.05, 0.1, 0.2), "episodes": (50, 100)}
    found = reporter.share_of_gap(cell, generator())
    at = found["threshold"][0]
    assert found["error"][0] - at == pytest.approx([-0.2, -0.1, -0.05, 0.05, 0.1, 0.2])
    assert found["share"].shape == (1, 2, 6)
    assert found["greater"][0].tolist() == found["share"][0, -1, [4, 5]].tolist()
    assert found["smaller"][0].tolist() == found["share"][0, -1, [1, 0]].tolist()


def test_a_reporter_as_assumed_has_both_contraction_bounds_equal():
    cell = {"truth": 0, "error": 1 / 9, "eps": 0.5, "episodes": 10}
    found = reporter.root_ratio(cell, generator())
    assert found["bound"] == pytest.approx(found["well_specified"])
    assert np.all(found["value"] <= found["bound"] + 1e-12)
