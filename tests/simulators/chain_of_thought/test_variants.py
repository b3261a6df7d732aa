"""Simulated votes, searches and modules: edges, shapes, agreement with the exact laws within their errors."""

import itertools

import numpy as np
import pytest

from tightbound.simulators.chain_of_thought.random_chain import random_chain
from tightbound.simulators.chain_of_thought.selection_inference import selection_inference
from tightbound.simulators.chain_of_thought.self_consistency import elect, mean_and_error, self_consistency
from tightbound.simulators.chain_of_thought.stepwise import generate_steps
from tightbound.simulators.chain_of_thought.tree_of_thought import tree_of_thought
from tightbound.theory.chain_of_thought.answer_law import answer_law
from tightbound.theory.chain_of_thought.beam_search import beam_search_law
from tightbound.theory.chain_of_thought.selection_inference import SelectionInference, final_state_law
from tightbound.theory.chain_of_thought.self_consistency import self_consistency_error
from tightbound.theory.chain_of_thought.stepwise_law import path_law, step_laws
from tightbound.theory.chain_of_thought.tree_of_thought import garden_path, tree_of_thought_failure

WIDE = 5.0


@pytest.fixture
def chain():
    return random_chain(3, 3, 3, rng=5)


@pytest.mark.parametrize("samples", [1, 4, 9])
def test_votes_err_as_often_as_computed(chain, samples, rng):
    logs = np.log(rng.dirichlet(np.ones(3), size=2))
    right = np.array([0, 2])
    found = self_consistency(chain, logs, 1, samples, answer=right, replications=4000, rng=rng)
    expected = self_consistency_error(answer_law(chain, logs, np.array([1, 1])), samples, answer=right).mean()
    assert abs(found.error - expected) < WIDE * found.standard_error
    assert found.voted.shape == (8000,)
    assert np.all(found.counts.sum(axis=1) == samples)
    assert np.all(found.counts[np.arange(8000), found.voted] == found.counts.max(axis=1))


def test_one_vote_is_plain_chain_of_thought(chain):
    found = self_consistency(chain, chain.log_prior, [0, 1, 2], 1, answer=0, rng=3)
    plain = generate_steps(chain, chain.log_prior, [0, 1, 2], rng=np.random.default_rng(3))
    assert found.voted.tolist() == plain[:, -1].tolist()


def test_ties_are_broken_evenly():
    voted = elect(np.tile([3, 1, 3], (4000, 1)), np.random.default_rng(0))
    shares = np.bincount(voted, minlength=3) / 4000
    assert shares[1] == 0.0
    assert abs(shares[0] - 0.5) < 0.04


def test_the_error_of_one_replication_is_unknown():
    assert mean_and_error([1.0]) == (1.0, np.inf)
    assert mean_and_error([0.0, 1.0]) == (0.5, 0.5)


@pytest.mark.parametrize(("beam", "proposals"), [(1, 1), (1, 3), (2, 2), (9, 2)])
def test_searches_end_where_the_exact_law_says(beam, proposals, rng):
    chain = random_chain(3, 3, 2, rng=7)
    law = beam_search_law(chain, chain.log_prior, 1, beam, proposals).ravel()
    found = tree_of_thought(
        chain,
        chain.log_prior,
        1,
        beam=beam,
        proposals=proposals,
        target=[0, 1, 0],
        replications=8000,
        rng=rng,
    )
    shares = np.bincount(np.ravel_multi_index(tuple(found.paths.T), (2, 2, 2)), minlength=8) / 8000
    assert np.all(np.abs(shares - law) <= WIDE * np.sqrt(law * (1 - law) / 8000) + 1e-12)
    assert found.error == pytest.approx(1.0 - shares[2])
    exact = path_law(step_laws(chain, chain.log_prior, 1))
    np.testing.assert_allclose(found.log_probabilities, np.log(exact[tuple(found.paths.T)]), rtol=1e-10)


@pytest.mark.parametrize("votes", [1, 7])
def test_votes_steer_a_beam_of_one(chain, votes, rng):
    target = [2, 0, 1]
    expected = tree_of_thought_failure(chain, chain.log_prior[None], 0, target, 2, votes=votes)
    found = tree_of_thought(
        chain,
        chain.log_prior,
        0,
        beam=1,
        proposals=2,
        votes=votes,
        target=target,
        replications=8000,
        rng=rng,
    )
    assert abs(found.error - expected[0]) < WIDE * max(found.standard_error, 1e-3)


def test_a_beam_that_holds_everything_searches_exhaustively(chain, rng):
    """With many proposals every path is seen, and the best of all is found for every prompt and query."""
    logs, queries = np.log(rng.dirichlet(np.ones(3), size=4)), np.array([0, 1, 2, 0])
    best = []
    for row, query in zip(logs, queries, strict=True):
        law = path_law(step_laws(chain, row, int(query)))
        best.append(max(itertools.product(range(3), repeat=3), key=law.__getitem__))
    found = tree_of_thought(chain, logs, queries, beam=27, proposals=2000, target=best, rng=rng)
    assert found.error == 0.0
    narrower = tree_of_thought(chain, logs, queries, beam=9, proposals=2000, target=best, rng=rng)
    assert narrower.paths.tolist() == found.paths.tolist()


def test_ties_go_to_the_first_path():
    from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain

    fair = [[0.5, 0.5], [0.5, 0.5]]
    chain = DiscreteChain([1.0], [[fair, fair]])
    for beam in (1, 2, 4):
        found = tree_of_thought(
            chain, [0.0], 0, beam=beam, proposals=60, target=[0, 0], replications=50, rng=1
        )
        assert found.error == 0.0


def test_modules_end_where_the_products_say(rng):
    problem = SelectionInference(
        [0.5, 0.5], rng.dirichlet(np.ones(2), (2, 3)), [0.3, 0.7], rng.dirichlet(np.ones(3), (2, 3, 2))
    )
    logs = np.log(rng.dirichlet(np.ones(2), size=4)), np.log([0.3, 0.7])
    found = selection_inference(problem, *logs, 1, 3, replications=4000, rng=rng)
    law = final_state_law(*problem.averaged(*logs), 1, 3).mean(axis=0)
    assert np.all(np.abs(found.frequency - law) < WIDE * found.standard_error)
    assert found.states.shape == (16_000, 4)
    assert found.actions.shape == (16_000, 3)
    assert np.all(found.states[:, 0] == 1)
    still = selection_inference(problem, logs[0][0], logs[1], 2, 0, rng=rng)
    assert still.states.tolist() == [[2]]
    assert still.standard_error.tolist() == [np.inf] * 3


def test_same_seed_same_runs(chain):
    first, second = (
        tree_of_thought(
            chain, chain.log_prior, 0, beam=2, proposals=2, target=[0, 0, 0], replications=20, rng=4
        ).paths.tolist()
        for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"beam": 0}, ValueError, "beam is 0"),
        ({"proposals": 0}, ValueError, "proposals is 0"),
        ({"votes": 0}, ValueError, "votes is 0"),
        ({"replications": 0}, ValueError, "replications is 0"),
        ({"beam": 1.5}, TypeError, "beam is 1.5"),
        ({"target": [0]}, ValueError, r"\(2,\) or \(P, 2\)"),
        ({"target": [0, 5]}, IndexError, "from 0 to 1"),
        ({"query": 2}, IndexError, "from 0 to 1"),
        ({"log_weights": [0.0, 0.0]}, ValueError, r"\(1,\) or \(P, 1\)"),
    ],
)
def test_bad_searches(change, error, message):
    arguments = {"log_weights": [0.0], "query": 0, "beam": 1, "proposals": 2, "target": [0, 0]} | change
    with pytest.raises(error, match=message):
        tree_of_thought(garden_path(), **arguments)


def test_bad_votes_and_runs(chain):
    with pytest.raises(ValueError, match="samples is 0"):
        self_consistency(chain, chain.log_prior, 0, 0, answer=0)
    with pytest.raises(IndexError, match="from 0 to 2"):
        self_consistency(chain, chain.log_prior, 0, 3, answer=3)
    with pytest.raises(ValueError, match=r"\(3,\) or \(B, 3\)"):
        self_consistency(chain, np.zeros((1, 1, 3)), 0, 3, answer=0)
    problem = SelectionInference([1.0], [[[0.5, 0.5]]], [1.0], [[[[1.0], [1.0]]]])
    with pytest.raises(ValueError, match="rounds is -1"):
        selection_inference(problem, [0.0], [0.0], 0, -1)
    with pytest.raises(IndexError, match="from 0 to 0"):
        selection_inference(problem, [0.0], [0.0], 1, 1)
    with pytest.raises(ValueError, match="one axis"):
        selection_inference(problem, np.zeros((1, 1, 1)), [0.0], 0, 1)
