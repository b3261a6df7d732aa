"""Agents on graphs: sums over neighbours, laws against exact ones, common random numbers, bad input."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.graphon_games.agents import (
    agent_laws,
    felt_by,
    sample_graph,
    simulate_agents,
    simulate_representatives,
)
from tightbound.theory.graphon_games import (
    GraphonGame,
    beach_bar,
    erdos_renyi,
    exponential,
    flow,
    investment,
    neighbourhood_variance,
    power_law,
    sis,
    step_graphon,
)

GAME = sis(blocks=6, horizon=5)


def skewed(game, rng):
    weights = rng.exponential(size=(game.blocks, game.horizon, game.states, game.actions))
    return weights / weights.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("adjacency", ["weighted", "sampled"])
@pytest.mark.parametrize("make", [sis, investment, beach_bar])
def test_aggregates_are_sums_over_neighbours_divided_by_n(make, adjacency):
    game = make(blocks=4, horizon=4)
    found = simulate_agents(game, game.uniform_policy(), 5, 3, adjacency=adjacency, rng=1)
    for episode in range(3):
        graph = found.adjacency if adjacency == "weighted" else found.adjacency[episode]
        for i in range(5):
            for h in range(4):
                z = np.zeros(game.states)
                for j in range(5):
                    z[found.states[episode, j, h]] += graph[i, j] / 5
                np.testing.assert_allclose(found.neighbourhoods[episode, i, h], z, atol=1e-15)
                s, a = found.states[episode, i, h], found.actions[episode, i, h]
                assert found.rewards[episode, i, h] == np.asarray(game.reward_at(h, z))[s, a]


def test_weighted_adjacency_is_the_graphon_and_sampled_graphs_are_symmetric():
    weighted = simulate_agents(GAME, GAME.uniform_policy(), 6, 1, rng=0)
    np.testing.assert_array_equal(weighted.adjacency, exponential().matrix(weighted.positions))
    sampled = simulate_agents(GAME, GAME.uniform_policy(), 6, 50, adjacency="sampled", rng=0).adjacency
    np.testing.assert_array_equal(sampled, np.swapaxes(sampled, 1, 2))
    assert set(np.unique(sampled)) == {0.0, 1.0}
    assert len(np.unique(sampled.reshape(50, -1), axis=0)) > 1


def test_representatives_have_the_law_of_the_flow():
    policy, runs = skewed(GAME, np.random.default_rng(0)), 20_000
    found = simulate_representatives(GAME, policy, GAME.positions, runs, rng=2)
    law = flow(GAME, policy)[:, :, 1]
    error = np.sqrt(law * (1 - law) / runs)
    assert np.all(np.abs(found.states.mean(axis=0) - law) <= 5 * error)
    assert found.continuum


def test_interacting_agents_without_interaction_have_the_law_of_the_flow():
    game = beach_bar(graphon=erdos_renyi(0.5), blocks=3, horizon=3)
    policy, runs = skewed(game, np.random.default_rng(0)), 20_000
    found = simulate_agents(game, policy, 3, runs, rng=3)
    law = flow(game, policy)
    seen = np.eye(10)[found.states].mean(axis=0)
    assert np.all(np.abs(seen - law) <= 5 * np.sqrt(law * (1 - law) / runs) + 1e-12)


@pytest.mark.parametrize("adjacency", ["weighted", "sampled"])
def test_first_aggregates_have_the_stated_variance(adjacency):
    game, runs = sis(blocks=8, horizon=1, initial_infected=0.3), 20_000
    found = simulate_agents(game, game.uniform_policy(), 8, runs, adjacency=adjacency, rng=4)
    weights = exponential().matrix(found.positions)
    z = found.neighbourhoods[:, :, 0, 1]
    expected = neighbourhood_variance(weights, np.full(8, 0.3), adjacency)
    squares = (z - weights.mean(axis=1) * 0.3) ** 2
    error = squares.std(axis=0, ddof=1) / np.sqrt(runs)
    assert np.all(np.abs(squares.mean(axis=0) - expected) <= 5 * error)


def test_laws_off_the_blocks_solve_the_same_recursion():
    game = sis(blocks=300, horizon=6)
    policy = game.uniform_policy()
    inside = agent_laws(game, policy, [0.31, 0.77])
    fine = sis(blocks=3000, horizon=6)
    nearest = flow(fine, fine.uniform_policy())[[930, 2310]]
    np.testing.assert_allclose(inside, nearest, atol=5e-4)
    np.testing.assert_allclose(felt_by(game, policy, [0.31, 0.77]).sum(axis=-1).shape, (2, 6))


def test_common_random_numbers_couple_policies():
    numbers = np.random.default_rng(0).random((4, 10, 6))
    policy = GAME.uniform_policy()
    changed = policy.copy()
    changed[:, -1] = [0.0, 1.0]
    first = simulate_agents(GAME, policy, 6, 4, uniforms=numbers)
    second = simulate_agents(GAME, changed, 6, 4, uniforms=numbers)
    np.testing.assert_array_equal(first.states, second.states)
    np.testing.assert_array_equal(first.actions[:, :, :-1], second.actions[:, :, :-1])
    assert np.all(second.actions[:, :, -1] == 1)


def test_same_seed_same_episodes_and_positions_once():
    runs = [
        simulate_agents(GAME, GAME.uniform_policy(), 6, 4, positions="random", adjacency="sampled", rng=7)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(runs[0].states, runs[1].states)
    np.testing.assert_array_equal(runs[0].positions, runs[1].positions)
    assert runs[0].positions.shape == (6,)


@given(seed=st.integers(0, 1000), agents=st.integers(2, 6))
@settings(deadline=None, derandomize=True, max_examples=25)
def test_impossible_events_do_not_happen(seed, agents):
    rng = np.random.default_rng(seed)
    policy = np.eye(2)[rng.integers(2, size=(6, 5, 2))]
    found = simulate_agents(GAME, policy, agents, 3, rng=rng)
    protected = (found.states[:, :, :-1] == 0) & (found.actions[:, :, :-1] == 1)
    assert not found.states[:, :, 1:][protected].any()
    nearest = np.abs(found.positions[:, None] - GAME.positions).argmin(axis=1)
    expected = policy[nearest[None, :, None], np.arange(5), found.states].argmax(axis=-1)
    np.testing.assert_array_equal(found.actions, expected)


def test_sampled_graph_has_positions_and_edge_frequencies():
    graphon, points = step_graphon([[0.9, 0.2], [0.2, 0.6]]), [0.1, 0.2, 0.7]
    rng, runs = np.random.default_rng(0), 3000
    total = np.zeros((3, 3))
    for _ in range(runs):
        graph = sample_graph(graphon, points, rng=rng)
        total += nx.to_numpy_array(graph)
    assert nx.get_node_attributes(graph, "position") == dict(enumerate(points))
    w = graphon.matrix(points)
    assert np.all(np.abs(total / runs - w) <= 5 * np.sqrt(w * (1 - w) / runs))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"agents": 1}, ValueError, "agents is 1: give an integer of at least 2"),
        ({"agents": 2.5}, TypeError, "agents is 2.5: give an integer"),
        ({"episodes": 0}, ValueError, "episodes is 0: give an integer of at least 1"),
        ({"positions": "left"}, ValueError, "positions is 'left': choose 'grid' or 'random'"),
        ({"positions": [0.1, 0.2]}, ValueError, r"positions has shape \(2,\): give 4 points"),
        ({"positions": [0.1, 0.2, 0.3, 1.5]}, ValueError, r"positions leave \[0, 1\]"),
        ({"positions": [0.1, 0.2, 0.3, np.nan]}, ValueError, r"positions leave \[0, 1\] or are NaN"),
        ({"adjacency": "dense"}, ValueError, "adjacency is 'dense': choose 'weighted' or 'sampled'"),
        ({"policy": np.full((6, 5, 2, 3), 1 / 3)}, ValueError, r"policy has shape .* needs \(6, 5, 2, 2\)"),
        ({"policy": np.full((6, 5, 2, 2), 0.6)}, ValueError, "policy has rows that are no probabilities"),
        ({"policy": np.full((6, 5, 2, 2), np.nan)}, ValueError, "policy has rows that are no probabilities"),
        ({"uniforms": np.zeros((3, 5, 4))}, ValueError, r"uniforms has shape .* needs \(E, 2H, N\)"),
        ({"uniforms": np.ones((3, 10, 4))}, ValueError, r"uniforms leaves \[0, 1\)"),
    ],
)
def test_bad_input(change, error, words):
    given = {"policy": GAME.uniform_policy(), "agents": 4, "episodes": 3, "rng": 0} | change
    with pytest.raises(error, match=words):
        simulate_agents(GAME, **given)


def test_graphs_need_probabilities_and_one_graphon():
    with pytest.raises(ValueError, match=r"may exceed 1.*adjacency='weighted'"):
        sample_graph(power_law(0.5), [0.5, 0.9], rng=0)
    moving = GraphonGame(
        [erdos_renyi(0.5)] * 2, [0.5, 0.5], np.full((2, 2, 2), 0.5), np.zeros((2, 2)), 2, blocks=3
    )
    with pytest.raises(ValueError, match=r"graphon varies over the steps.*give one Graphon"):
        simulate_agents(moving, moving.uniform_policy(), 3, 1)
    with pytest.raises(ValueError, match=r"positions has shape.*at least 2 points"):
        sample_graph(erdos_renyi(), [0.5])


def test_rewards_that_are_not_finite_are_refused():
    def reward(h, z):
        xp = z.__array_namespace__()
        bad = xp.where(z[..., :1] > 0.5, xp.nan, 0.0)
        return xp.stack([bad, bad], axis=-1) + xp.zeros((2, 2))

    # the graphon's aggregates stay below 1/2, those of single sampled graphs do not
    game = GraphonGame(erdos_renyi(0.4), [0.5, 0.5], np.full((2, 2, 2), 0.5), reward, 2, blocks=2)
    with pytest.raises(ValueError, match="reward is NaN or infinite along an episode"):
        simulate_agents(game, game.uniform_policy(), 2, 50, adjacency="sampled", rng=0)
