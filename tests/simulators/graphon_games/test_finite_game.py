"""Best deviations: enumeration of deterministic deviations, simulation, the limit, and bad input."""

import itertools

import numpy as np
import pytest

from tightbound.simulators.graphon_games.agents import simulate_agents
from tightbound.simulators.graphon_games.finite_game import best_deviation, best_deviation_exchangeable
from tightbound.theory.graphon_games import (
    GraphonGame,
    beach_bar,
    erdos_renyi,
    exploitability_profile,
    exponential,
    flow,
    policy_value,
    sis,
)

GAME = sis(blocks=6, horizon=3)


def draw(game, seed):
    weights = np.random.default_rng(seed).exponential(
        size=(game.blocks, game.horizon, game.states, game.actions)
    )
    return weights / weights.sum(axis=-1, keepdims=True)


def by_recursion(game, policy, agents, who, lam):
    """Values of the policy and of the best deviation, one joint state and one next state at a time."""
    points = (np.arange(agents) + 0.5) / agents
    weights = game.graphon.matrix(points) / agents
    pi = policy[np.abs(points[:, None] - game.positions).argmin(axis=1)]
    states = list(itertools.product(range(game.states), repeat=agents))

    def values(h):
        ahead = values(h + 1) if h + 1 < game.horizon else None
        out = {}
        for s in states:
            z = [sum(weights[i, j] * np.eye(game.states)[s[j]] for j in range(agents)) for i in range(agents)]
            kernels = [np.asarray(game.transition_at(h, z[i])) for i in range(agents)]
            q = np.repeat(np.asarray(game.reward_at(h, z[who]))[s[who]][None], 2, axis=0)
            if ahead is not None:
                for t in states:
                    others = np.prod(
                        [pi[j, h, s[j]] @ kernels[j][s[j], :, t[j]] for j in range(agents) if j != who]
                    )
                    for k in range(2):
                        q[k] += others * kernels[who][s[who], :, t[who]] * ahead[t][k]
            law = pi[who, h, s[who]]
            own = law @ q[0] - lam * np.sum(law * np.log(law))
            best = q[1].max() if lam == 0 else lam * np.log(np.exp(q[1] / lam).sum())
            out[s] = own, best
        return out

    first = values(0)
    start = {s: np.prod([game.initial[0, x] for x in s]) for s in states}
    return [sum(start[s] * first[s][k] for s in states) for k in range(2)]


@pytest.mark.parametrize("lam", [0.0, 0.7])
@pytest.mark.parametrize("agents", [2, 3])
def test_values_equal_the_definition(agents, lam):
    policy = draw(GAME, 0)
    found = best_deviation(GAME, policy, agents, lam)
    for who in range(agents):
        value, best = by_recursion(GAME, policy, agents, who, lam)
        assert found.value[who] == pytest.approx(value, abs=1e-12)
        assert found.best_value[who] == pytest.approx(best, abs=1e-12)


def test_more_than_two_states():
    game = beach_bar(blocks=4, horizon=2, places=4)
    policy = draw(game, 1)
    found = best_deviation(game, policy, 2)
    value, best = by_recursion(game, policy, 2, 1, 0.0)
    assert found.value[1] == pytest.approx(value, abs=1e-12)
    assert found.best_value[1] == pytest.approx(best, abs=1e-12)


def test_values_agree_with_simulated_agents():
    policy = draw(GAME, 2)
    found = best_deviation(GAME, policy, 4)
    total = simulate_agents(GAME, policy, 4, 40_000, rng=0).rewards.sum(axis=2)
    error = total.std(axis=0, ddof=1) / np.sqrt(len(total))
    assert np.all(np.abs(total.mean(axis=0) - found.value) <= 5 * error)


def test_without_interaction_the_limit_is_exact():
    game = sis(graphon=erdos_renyi(0.0), blocks=3, horizon=4)
    policy = draw(game, 3)
    found = best_deviation(game, policy, 3)
    np.testing.assert_allclose(found.value, policy_value(game, policy, flow(game, policy), 0.0), atol=1e-12)
    np.testing.assert_allclose(found.gain, exploitability_profile(game, policy, 0.0), atol=1e-12)
    assert found.exploitability == found.gain.max()


@pytest.mark.parametrize("lam", [0.0, 0.4])
@pytest.mark.parametrize("agents", [2, 3, 6])
def test_interchangeable_agents_equal_the_joint_state(agents, lam):
    game = sis(graphon=erdos_renyi(0.6), blocks=2, horizon=6)
    policy = np.repeat(draw(game, 4)[:1], 2, axis=0)
    few = best_deviation(game, policy, agents, lam)
    value, best = best_deviation_exchangeable(game, policy, agents, lam)
    np.testing.assert_allclose(few.value, value, atol=1e-11)
    np.testing.assert_allclose(few.best_value, best, atol=1e-11)


def test_interchangeable_agents_approach_the_limit():
    game = sis(graphon=erdos_renyi(0.6), blocks=2, horizon=5)
    policy = game.uniform_policy()
    limit = policy_value(game, policy, flow(game, policy), 0.0)[0]
    errors = [abs(best_deviation_exchangeable(game, policy, n)[0] - limit) for n in (20, 80)]
    assert errors[1] < errors[0] / 3


def test_weights_replace_the_graphon():
    policy = GAME.uniform_policy()
    points = (np.arange(3) + 0.5) / 3
    same = best_deviation(GAME, policy, 3, weights=exponential().matrix(points) / 3)
    np.testing.assert_allclose(same.gain, best_deviation(GAME, policy, 3).gain, atol=1e-13)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"agents": 1}, "agents is 1: a game of finitely many agents has at least 2"),
        ({"agents": 11}, "agents is 11: 2\\^11 = 2048 joint states.*take fewer agents"),
        ({"lam": -1.0}, "lam is -1.0: the entropy weight is a number of at least 0"),
        ({"lam": np.nan}, "lam is nan"),
        ({"policy": np.ones((2, 2))}, "policy has shape"),
        ({"weights": np.ones((3, 3))}, r"weights has shape \(3, 3\): give \(2, 2\)"),
        ({"weights": np.ones((2, 2))}, "weights is negative, NaN, or has a row above 1: divide"),
        ({"positions": [0.1, 0.2, 0.3]}, "positions has shape"),
    ],
)
def test_bad_input(change, words):
    given = {"policy": GAME.uniform_policy(), "agents": 2} | change
    with pytest.raises(ValueError, match=words):
        best_deviation(GAME, **given)


def test_bad_input_for_interchangeable_agents():
    game = sis(graphon=erdos_renyi(0.6), blocks=2, horizon=5)
    for agents, lam, words in ((1, 0.0, "agents is 1"), (3, -1.0, "lam is -1.0")):
        with pytest.raises(ValueError, match=words):
            best_deviation_exchangeable(game, game.uniform_policy(), agents, lam)
    with pytest.raises(ValueError, match=r"interchangeable on a constant graphon.*use best_deviation"):
        best_deviation_exchangeable(GAME, GAME.uniform_policy(), 3)
    with pytest.raises(ValueError, match="policy differs between blocks"):
        best_deviation_exchangeable(game, draw(game, 0), 3)
    moving = GraphonGame(
        [erdos_renyi(0.5)] * 2, [0.5, 0.5], np.full((2, 2, 2), 0.5), np.zeros((2, 2)), 2, blocks=3
    )
    with pytest.raises(ValueError, match="graphon varies over the steps"):
        best_deviation(moving, moving.uniform_policy(), 3)
