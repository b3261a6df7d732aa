import numpy as np
import pytest

from tightbound.simulators.graphon_games import FixedPoint, MonoMD, OnlineMirrorDescent, solve, solve_batch
from tightbound.simulators.graphon_games._form import split
from tightbound.simulators.graphon_games._sparse import lists
from tightbound.theory.graphon_games import (
    CrowdReward,
    GraphonGame,
    best_response,
    exploitability,
    flow,
    uniform_attachment,
)


def ring(states, reach, *, steps=1, horizon=4, blocks=3):
    """A walk on a ring: actions -1, 0, 1, then a slip of up to ``reach`` places."""
    s, slips = np.arange(states), np.arange(-reach, reach + 1)
    table = np.zeros((steps, states, 3, states))
    for h in range(steps):
        for action in range(3):
            for slip in slips:
                table[h, s, action, (s + action - 1 + slip + h) % states] += 1.0 / len(slips)
    rewards = np.random.default_rng(0).random((1, states, 3))
    return GraphonGame(
        uniform_attachment(),
        np.full(states, 1 / states),
        table,
        CrowdReward(rewards, -1.0),
        horizon,
        blocks=blocks,
    )


@pytest.mark.parametrize("steps", [1, 4])
def test_lists_rebuild_the_kernel(steps):
    table = ring(40, 1, steps=steps).transition_table
    found = lists(table)
    rebuilt, onto = np.zeros_like(table), np.zeros((steps, 40, 120))
    for h, s, a in np.ndindex(steps, 40, 3):
        np.add.at(rebuilt[h, s, a], found["successor"][h, s, a], found["chance"][h, s, a])
    for h, t in np.ndindex(steps, 40):
        np.add.at(onto[h, t], found["predecessor"][h, t], found["arrival"][h, t])
    assert np.array_equal(rebuilt, table)
    assert np.array_equal(onto, table.reshape(steps, 120, 40).swapaxes(1, 2))


def test_kernels_with_many_successors_or_predecessors_stay_dense():
    assert lists(ring(10, 1).transition_table) is None
    home = np.zeros((1, 40, 3, 40))
    home[..., 0] = 1.0
    assert lists(home) is None


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("algorithm", [MonoMD(eta=0.5, lam=1.0), OnlineMirrorDescent(eta=0.3)])
def test_lists_give_what_the_definition_gives(steps, algorithm):
    game = ring(40, 1, steps=steps)
    assert split(game)[0].sparse
    found = solve(game, algorithm, max_iter=5)
    policy = found.policy / found.policy.sum(axis=-1, keepdims=True)
    assert np.allclose(found.mean_field, flow(game, policy), rtol=0, atol=1e-12)
    assert found.value == pytest.approx(exploitability(game, policy, algorithm.lam), abs=1e-12)
    assert found.value_unregularised == pytest.approx(exploitability(game, policy, 0.0), abs=1e-12)


def test_best_responses_from_lists():
    game = ring(40, 1)
    found = solve(game, FixedPoint(lam=0.5), max_iter=1)
    expected = best_response(game, flow(game, game.uniform_policy()), 0.5).policy
    assert np.allclose(found.policy, expected, rtol=0, atol=1e-12)


def test_a_batch_mixes_kernels_of_different_sparsity():
    games = [ring(40, reach) for reach in (0, 1, 19)]
    assert [split(game)[0].sparse for game in games] == [True, True, False]
    algorithm = MonoMD(eta=0.5, lam=1.0)
    for game, found in zip(games, solve_batch(games, algorithm, max_iter=4), strict=True):
        alone = solve(game, algorithm, max_iter=4)
        assert np.allclose(found.policy, alone.policy, rtol=0, atol=1e-12)
        assert np.allclose(found.history["exploitability"], alone.history["exploitability"], atol=1e-12)
