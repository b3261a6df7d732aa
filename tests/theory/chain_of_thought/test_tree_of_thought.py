"""Search over chains of thought: one law by two routes, edges, bounds."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.simulators.chain_of_thought.random_chain import random_chain
from tightbound.theory.chain_of_thought.beam_search import beam_search_law, proposal_sets
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.stepwise_law import path_law, step_laws
from tightbound.theory.chain_of_thought.tree_of_thought import (
    garden_path,
    greedy_path,
    steps_along,
    tree_of_thought_bound,
    tree_of_thought_failure,
)


def by_outcomes(law, proposals, weights):
    """Chance of every winner among k draws by listing them; ``weights`` are the scores."""
    won = np.zeros(len(law))
    for draws in itertools.product(range(len(law)), repeat=proposals):
        won[max(set(draws), key=lambda z: (weights[z], -z))] += np.prod(np.asarray(law)[list(draws)])
    return won


def test_sets_of_proposals_against_all_draws(rng):
    law = rng.dirichlet(np.ones(3))
    for k in range(5):
        expected = np.zeros(8)
        for draws in itertools.product(range(3), repeat=k):
            expected[sum(1 << z for z in set(draws))] += np.prod(law[list(draws)])
        np.testing.assert_allclose(proposal_sets(law, k), expected, atol=1e-15)


def test_one_step_of_one_task_is_the_best_of_k_draws():
    law = [0.2, 0.5, 0.3]
    chain = DiscreteChain([1.0], [[[law] * 3]])
    for k in (1, 2, 4):
        expected = by_outcomes(law, k, law)
        np.testing.assert_allclose(beam_search_law(chain, [0.0], 0, 1, k), expected, atol=1e-15)
        for z in range(3):
            found = tree_of_thought_failure(chain, [[0.0]], 0, [z], k)
            np.testing.assert_allclose(found, 1.0 - expected[z], atol=1e-15)


@pytest.mark.parametrize("proposals", [1, 2, 5])
def test_beam_of_one_by_both_routes(rng, proposals):
    chain = random_chain(3, 3, 3, rng=rng)
    law = beam_search_law(chain, chain.log_prior, 1, 1, proposals)
    assert law.sum() == pytest.approx(1.0, abs=1e-12)
    for path in itertools.product(range(3), repeat=3):
        (failed,) = tree_of_thought_failure(chain, chain.log_prior[None], 1, path, proposals)
        assert failed == pytest.approx(1.0 - law[path], abs=1e-12)


def test_one_proposal_is_plain_chain_of_thought_whatever_the_beam(rng):
    chain = random_chain(3, 3, 2, rng=rng)
    expected = path_law(step_laws(chain, chain.log_prior, 0))
    for beam in (1, 2, 10):
        np.testing.assert_allclose(beam_search_law(chain, chain.log_prior, 0, beam, 1), expected, atol=1e-12)


def test_a_beam_that_holds_all_is_an_exhaustive_search(rng):
    chain = random_chain(3, 3, 2, mix=0.3, rng=rng)
    law = path_law(step_laws(chain, chain.log_prior, 0))
    wide, wider = (beam_search_law(chain, chain.log_prior, 0, beam, 3) for beam in (4, 100))
    np.testing.assert_allclose(wide, wider, atol=1e-14)
    many = beam_search_law(chain, chain.log_prior, 0, 8, 300)
    assert many.argmax() == law.argmax()
    assert many.max() > 1.0 - 1e-9


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 6), st.integers(0, 10**6))
def test_failures_stay_below_their_bounds(steps, states, proposals, seed):
    rng = np.random.default_rng(seed)
    chain = random_chain(3, steps, states, rng=rng)
    weights = np.log(rng.dirichlet(np.ones(3), size=2))
    path = rng.integers(states, size=steps)
    for votes in (None, 1, 6):
        failed = tree_of_thought_failure(chain, weights, 0, path, proposals, votes=votes)
        assert np.all(
            failed <= tree_of_thought_bound(chain, weights, 0, path, proposals, votes=votes) + 1e-12
        )
    if states < 3:
        law = beam_search_law(chain, weights[0], 0, 2, proposals)
        bound = tree_of_thought_bound(chain, weights[:1], 0, path, proposals, beam=2)
        assert 1.0 - law[tuple(path)] <= bound[0] + 1e-12


def test_one_vote_is_a_draw_among_the_proposals():
    law = np.array([0.6, 0.4])
    chain = DiscreteChain([1.0], [[[law] * 2]])
    for k in (1, 3):
        sets = proposal_sets(law, k)
        (found,) = tree_of_thought_failure(chain, [[0.0]], 0, [0], k, votes=1)
        assert found == pytest.approx(sets[2] + sets[3] * 0.4, abs=1e-15)
    # many votes find the likelier proposal
    (many,) = tree_of_thought_failure(chain, [[0.0]], 0, [0], 3, votes=2001)
    assert many == pytest.approx(0.4**3, abs=1e-9)


def test_garden_path():
    task = garden_path()
    for k in (1, 4, 30):
        assert beam_search_law(task, [0.0], 0, 1, k)[1].sum() == pytest.approx(0.45**k, rel=1e-12)
        rest = beam_search_law(task, [0.0], 0, 2, k)
        assert 1.0 - rest[1, 1] <= 0.55**k + 0.05**k
    with pytest.raises(ValueError, match="1/2 < likely"):
        garden_path(0.8)


def test_steps_along_are_the_step_laws(rng):
    chain = random_chain(3, 3, 2, rng=rng)
    laws = step_laws(chain, chain.log_prior, 1)
    found = steps_along(chain, chain.log_prior[None], 1, [1, 0, 1])[0]
    np.testing.assert_allclose(found, [laws[0], laws[1][1], laws[2][1, 0]], rtol=1e-12)


def test_impossible_steps_always_fail():
    sure = [[1.0, 0.0], [0.0, 1.0]]
    chain = DiscreteChain([0.5, 0.5], [[sure, sure], [sure, [[0.0, 1.0], [1.0, 0.0]]]])
    logs = chain.log_prior[None]
    assert tree_of_thought_failure(chain, logs, 0, [1, 1], 3).tolist() == [1.0]
    assert tree_of_thought_failure(chain, logs, 0, [1, 1], 3, votes=2).tolist() == [1.0]
    assert tree_of_thought_failure(chain, logs, 0, [0, 0], 3) == pytest.approx(0.125)
    assert beam_search_law(chain, chain.log_prior, 0, 2, 3).tolist() == [[0.875, 0.125], [0.0, 0.0]]


def test_greedy_path_of_each_task():
    chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.2, 0.8]]] * 2, [[[0.1, 0.9], [0.9, 0.1]]] * 2])
    assert [greedy_path(chain, task, 1).tolist() for task in (0, 1)] == [[1, 1], [0, 1]]


@pytest.mark.parametrize(
    ("function", "change", "error", "message"),
    [
        (tree_of_thought_failure, {"proposals": 0}, ValueError, "proposals is 0"),
        (tree_of_thought_failure, {"votes": 0}, ValueError, "votes is 0"),
        (tree_of_thought_failure, {"target": [0]}, ValueError, "give the 2 states"),
        (tree_of_thought_failure, {"target": [0, 2]}, IndexError, "from 0 to 1"),
        (tree_of_thought_failure, {"log_weights": [0.0]}, ValueError, r"\(K, 1\)"),
        (tree_of_thought_failure, {"log_weights": [[-1.0]]}, ValueError, "sum to one"),
        (tree_of_thought_failure, {"log_weights": [[np.nan]]}, ValueError, "NaN"),
        (tree_of_thought_bound, {"proposals": 0}, ValueError, "proposals is 0"),
        (tree_of_thought_bound, {"beam": 0}, ValueError, "beam is 0"),
        (tree_of_thought_bound, {"beam": 2, "votes": 3}, ValueError, "beam is 2 with votes"),
    ],
)
def test_bad_input(function, change, error, message):
    arguments = {"log_weights": [[0.0]], "query": 0, "target": [0, 0], "proposals": 2} | change
    with pytest.raises(error, match=message):
        function(garden_path(), **arguments)


def test_bad_searches(rng):
    for beam, proposals, message in ((0, 2, "beam is 0"), (2, 0, "proposals is 0")):
        with pytest.raises(ValueError, match=message):
            beam_search_law(garden_path(), [0.0], 0, beam, proposals)
    chain = random_chain(1, 2, 6, rng=rng)
    with pytest.raises(ValueError, match="sets of candidates"):
        beam_search_law(chain, [0.0], 0, 6, 6)
    with pytest.raises(ValueError, match="13 values"):
        proposal_sets(np.full(13, 1 / 13), 1)
