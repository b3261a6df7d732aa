"""Counts of many episodes: the law of tallied episodes, exact sums, and bad input."""

import numpy as np
import pytest

from tightbound.simulators.graphon_games.agents import simulate_agents, simulate_representatives
from tightbound.simulators.graphon_games.crowd_counts import simulate_counts, tally
from tightbound.theory.graphon_games import aggregate, flow, investment, sis

GAME = sis(blocks=4, horizon=5)
POLICY = GAME.uniform_policy()


@pytest.mark.parametrize("make", [sis, investment])
def test_counts_are_consistent(make):
    game = make(blocks=4, horizon=5)
    [found] = simulate_counts(game, game.uniform_policy(), game.positions, 300, rng=0)
    assert np.all(found.pairs.sum(axis=(2, 3)) == 300)
    np.testing.assert_array_equal(found.moves.sum(axis=-1), found.pairs[:, :-1])
    np.testing.assert_array_equal(found.moves.sum(axis=(2, 3)), found.pairs[:, 1:].sum(axis=-1))
    np.testing.assert_allclose(found.laws.sum(axis=-1), 1.0)


def test_counts_have_the_mean_and_variance_of_tallied_episodes():
    repeats, runs = 4000, 30
    drawn = simulate_counts(GAME, POLICY, GAME.positions, runs, repeats=repeats, rng=1)
    moves = np.stack([found.moves for found in drawn])
    law = flow(GAME, POLICY)
    kernel = np.stack(
        [GAME.transition_at(h, z) for h, z in enumerate(aggregate(GAME, law).swapaxes(0, 1))], axis=1
    )
    chance = (law[..., None, None] * POLICY[..., None] * kernel)[:, :-1]
    error = np.sqrt(runs * chance * (1 - chance) / repeats)
    assert np.all(np.abs(moves.mean(axis=0) - runs * chance) <= 5 * error + 1e-12)
    variance = runs * chance * (1 - chance)
    assert np.all(np.abs(moves.var(axis=0) - variance) <= 0.25 * variance + 1e-12)


def test_successive_counts_of_one_agent_are_dependent_as_episodes_are():
    repeats = 4000
    drawn = simulate_counts(GAME, POLICY, GAME.positions, 10, repeats=repeats, rng=2)
    runs = simulate_representatives(GAME, POLICY, GAME.positions, 10 * repeats, rng=3)
    ill = (runs.states == 1).reshape(repeats, 10, 4, 5).sum(axis=1)
    other = np.stack([found.pairs[:, :, 1].sum(axis=-1) for found in drawn])
    for agent in range(4):
        pair = [np.corrcoef(x[:, agent, 1], x[:, agent, 2])[0, 1] for x in (ill, other)]
        assert abs(pair[0] - pair[1]) <= 5 * np.sqrt(2 / repeats)


def test_tally_counts_every_step():
    runs = simulate_representatives(GAME, POLICY, GAME.positions, 7, rng=0)
    found = tally(runs, 2, 2)
    pairs, moves = np.zeros((4, 5, 2, 2)), np.zeros((4, 4, 2, 2, 2))
    for e in range(7):
        for n in range(4):
            for h in range(5):
                s, a = runs.states[e, n, h], runs.actions[e, n, h]
                pairs[n, h, s, a] += 1
                if h < 4:
                    moves[n, h, s, a, runs.states[e, n, h + 1]] += 1
    np.testing.assert_array_equal(found.pairs, pairs)
    np.testing.assert_array_equal(found.moves, moves)
    expected = np.where(pairs > 0, GAME.reward_table[0], 0.0)
    np.testing.assert_allclose(found.rewards, expected)


def test_sums_of_counts():
    first, second = simulate_counts(GAME, POLICY, GAME.positions, 20, repeats=2, rng=0)
    total = first + second
    assert total.episodes == 40
    np.testing.assert_array_equal(total.moves, first.moves + second.moves)
    np.testing.assert_allclose(total.rewards, np.where(total.pairs > 0, GAME.reward_table[0], 0.0))
    [elsewhere] = simulate_counts(GAME, POLICY, [0.1, 0.2, 0.3, 0.4], 20, rng=0)
    with pytest.raises(ValueError, match="counts are of different agents"):
        first + elsewhere


def test_bad_input():
    with pytest.raises(ValueError, match="episodes is 0: give an integer of at least 1"):
        simulate_counts(GAME, POLICY, GAME.positions, 0)
    with pytest.raises(ValueError, match="repeats is 0: give an integer of at least 1"):
        simulate_counts(GAME, POLICY, GAME.positions, 5, repeats=0)
    with pytest.raises(ValueError, match="at least 2 points"):
        simulate_counts(GAME, POLICY, [0.5], 5)
    together = simulate_agents(GAME, POLICY, 4, 2, rng=0)
    with pytest.raises(ValueError, match="use simulate_representatives"):
        tally(together, 2, 2)
    runs = simulate_representatives(GAME, POLICY, GAME.positions, 7, rng=0)
    with pytest.raises(ValueError, match="reach state 1 and action 1; raise them"):
        tally(runs, 1, 2)
