from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.planning.belief_expert import belief_expert, belief_graph
from tightbound.theory.planning.errors import TreeTooLargeError
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.filtering import belief
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree


def sparse_model(seed, tasks=2, horizon=4):
    """Random tables with zeros, so that histories become impossible and beliefs meet."""
    rng = np.random.default_rng(seed)

    def laws(*shape):
        weights = rng.integers(0, 3, shape).astype(float)
        weights[..., 0] += weights.sum(axis=-1) == 0
        return weights / weights.sum(axis=-1, keepdims=True)

    environments, states, subgoals, observations = 2, 3, 2, 2
    return HMDP(
        laws(states),
        laws(environments, horizon - 1, states, subgoals, states),
        laws(states, observations),
        rng.integers(0, 3, (horizon, observations, tasks)) / 2,  # few values, so that subgoals tie
    )


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_beliefs_and_histories_agree(seed):
    model = sparse_model(seed)
    tree = HistoryTree(model)
    by_history, by_belief = expert(tree), belief_expert(model)
    np.testing.assert_allclose(by_belief.value, by_history.value, rtol=0, atol=1e-13)
    for z, graph in enumerate(by_belief.graphs):
        for h, level in enumerate(tree.levels[:-1]):
            for n in np.flatnonzero(level.likelihood[z] > 0.0):
                observations, goals = tree.history(h, n)
                node = graph.root[observations[0]]
                for k, (goal, seen) in enumerate(zip(goals, observations[1:], strict=True)):
                    node = graph.levels[k].child[node, goal, seen]
                known = belief(model, observations, goals)[z]
                np.testing.assert_allclose(graph.levels[h].beliefs[node], known, rtol=0, atol=1e-12)
                np.testing.assert_allclose(
                    by_belief.action_value[z][h][:, node],
                    by_history.action_value[h][z, :, n],
                    rtol=0,
                    atol=1e-12,
                )
                np.testing.assert_array_equal(
                    by_belief.subgoal[z][h][:, node], by_history.subgoal[h][z, :, n]
                )


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_a_graph_is_closed_and_has_no_twins(seed):
    model = sparse_model(seed)
    for graph in belief_expert(model).graphs:
        for h, level in enumerate(graph.levels):
            np.testing.assert_allclose(level.step.sum(axis=-1), 1.0, rtol=1e-12)
            assert np.unique(np.round(level.beliefs, 9), axis=0).shape == level.beliefs.shape
            if h + 1 < len(graph.levels):
                reached = np.unique(level.child[level.step > 0.0])
                np.testing.assert_array_equal(reached, np.arange(graph.levels[h + 1].size))
                assert (level.child[level.step == 0.0] == -1).all()


def test_chunks_change_nothing(monkeypatch):
    model = sparse_model(11, horizon=5)
    whole = belief_expert(model)
    monkeypatch.setattr(import_module("tightbound.simulators.planning.belief_expert"), "_CHUNK", 1)
    pieces = belief_expert(model)
    np.testing.assert_array_equal(whole.value, pieces.value)
    for a, b in zip(whole.graphs, pieces.graphs, strict=True):
        for one, other in zip(a.levels, b.levels, strict=True):
            np.testing.assert_array_equal(one.child, other.child)
            np.testing.assert_allclose(one.beliefs, other.beliefs, rtol=0, atol=1e-12)


def test_beliefs_that_allow_different_observations_stay_apart():
    # From state 0 the walker almost surely stays; after rounding the two beliefs could not be told apart.
    tiny = 1e-14
    go = np.array([[1.0, 0.0], [0.0, 1.0]])
    slip = np.array([[1.0 - tiny, tiny], [0.0, 1.0]])
    model = HMDP(
        [1.0, 0.0],
        [[np.stack([go, slip], 1), np.stack([go, go], 1)]],
        [[1.0, 0.0], [0.5, 0.5]],
        np.zeros((3, 2)),
    )
    (graph,) = belief_expert(model).graphs
    assert graph.levels[1].size == 3
    assert sorted(graph.levels[1].step[:, 0, 1].tolist()) == pytest.approx(
        [0.0, tiny / 4, 0.5], rel=1e-2, abs=0
    )


def long_model(horizon):
    """A ring that is seen perfectly: as many beliefs as cells, however long the episode."""
    step = np.roll(np.eye(5), 1, axis=1)
    noisy = 0.8 * step + 0.2 * np.eye(5)
    reward = np.tile([0, 0, 0, 0, 1.0 / horizon], (horizon, 1))
    return HMDP([1, 0, 0, 0, 0], [np.stack([noisy, np.eye(5)], 1)], np.eye(5), reward)


def test_a_long_episode_needs_few_beliefs():
    horizon = 200
    found = belief_expert(long_model(horizon))
    assert max(level.size for level in found.graphs[0].levels) == 5
    # walk to the last cell (4 geometric steps), then stay there for the rest
    arrival = [_negative_binomial(t) for t in range(4, horizon)]
    by_hand = sum(p * (horizon - t) for p, t in zip(arrival, range(4, horizon), strict=True)) / horizon
    assert found.value.item() == pytest.approx(by_hand, rel=1e-12)


def _negative_binomial(t):
    return (t - 1) * (t - 2) * (t - 3) / 6 * 0.8**4 * 0.2 ** (t - 4)


def test_too_many_beliefs_are_refused():
    rng = np.random.default_rng(0)
    model = HMDP(
        rng.dirichlet(np.ones(3)),
        rng.dirichlet(np.ones(3), (1, 3, 2)),
        rng.dirichlet(np.ones(2), 3),
        np.zeros((6, 2)),
    )
    with pytest.raises(TreeTooLargeError, match=r"beliefs before decision 3 in environment 0.*raise limit"):
        belief_expert(model, limit=20)
    with pytest.raises(ValueError, match="limit is 0: give an integer of at least 1"):
        belief_expert(model, limit=0)


def test_the_reporter_is_chosen():
    model = sparse_model(3)
    blind = np.full((3, 2), 0.5)
    graph = belief_graph(model, 0, blind, 1000)
    np.testing.assert_array_equal(graph.start, [0.5, 0.5])
    assert graph.levels[0].size == 1
