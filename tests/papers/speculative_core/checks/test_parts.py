"""Parts of the checks that the claims themselves do not exercise."""

import numpy as np
import pytest

from tightbound.papers.speculative_core.checks import block, chain, multi_draft, walltime
from tightbound.papers.speculative_core.checks._instances import random_laws, random_pair
from tightbound.theory.speculative.acceptance import acceptance_probability, optimal_gamma
from tightbound.theory.speculative.tables import PrefixTables


@pytest.mark.parametrize("keep", [1.0, 0.5, 0.0])
def test_random_laws_are_laws_also_where_most_entries_vanish(keep, rng):
    laws = random_laws(rng, (50, 4), keep)
    assert laws.sum(axis=-1) == pytest.approx(1.0)
    assert np.all(np.count_nonzero(laws, axis=-1) >= 1)
    if keep == 0.0:
        assert np.all(np.count_nonzero(laws, axis=-1) == 1)


def test_at_distance_zero_the_drafter_is_the_target(rng):
    target, draft = random_pair({"vocabulary": 3, "gamma": 2, "keep": 1.0, "distance": 0.0}, rng)
    for p, q in zip(target.rows, draft.rows, strict=False):
        assert p == pytest.approx(q)
    assert block._divergence(target, draft) == pytest.approx(0.0)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.8, 1.0])
def test_laws_of_the_speed_claims_have_the_acceptance_they_state(alpha):
    p, q = walltime._laws(alpha)
    assert float(acceptance_probability(p, q)) == pytest.approx(alpha)
    assert p.sum() == pytest.approx(1.0)
    assert q.sum() == pytest.approx(1.0)


def test_hard_passages_leave_the_mean_acceptance(rng):
    cell = {"alpha": 0.8, "gamma": 3, "cost": 0.1, "rounds": 20, "runs": 2}
    same = walltime.simulated_speed(cell, rng)["reference"]
    assert walltime.simulated_speed_with_hard_passages(cell, rng)["reference"] == pytest.approx(same)


def test_the_product_over_drafts_agrees_where_prefixes_do_not_matter():
    p, q = PrefixTables.independent([0.5, 0.5], 3), PrefixTables.independent([0.75, 0.25], 2)
    assert chain._product_over_drafts(p, q) == pytest.approx(1.0 + 0.75 + 0.75**2)


def test_the_control_of_the_optimum_sees_the_instances_of_the_claim():
    cell = {"vocabulary": 4, "distance": 1.0, "most": 3, "instances": 30, "enumerated": 5}
    own = multi_draft.acceptance_of_rules(cell, np.random.default_rng(1))
    other = multi_draft.acceptance_without_replacement(cell, np.random.default_rng(1))
    assert other["bound"] == pytest.approx(own["optimum"][:5, 1:])
    assert other["acceptance"][:, 0] == pytest.approx(own["recursive"][:5, 0])


def test_tiles_make_peaks_and_one_price_makes_none(rng):
    cell = {"cost": 0.02, "instances": 20}
    assert walltime.peaks(cell, rng)["value"].max() == 0.0
    assert walltime.peaks_of_tiles(cell, rng)["value"].min() >= 1.0


def test_the_search_is_wider_than_every_best_length():
    longest = max(
        optimal_gamma(cell["alphas"][-1], cell["cost"])
        for size in ("quick", "standard")
        for cell in walltime.MODEL.at(size)
    )
    assert longest < walltime.LONGEST
