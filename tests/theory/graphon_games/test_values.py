import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.graphon_games.flow import flow
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.games.random_linear import random_linear
from tightbound.theory.graphon_games.games.sis import sis
from tightbound.theory.graphon_games.graphons import erdos_renyi
from tightbound.theory.graphon_games.values import action_values, entropy, policy_value

common = settings(deadline=None, derandomize=True, max_examples=25)


@pytest.mark.parametrize("lam", [0.0, 0.7])
@pytest.mark.parametrize("mix", [0.0, 0.6])
def test_equals_the_definition(lam, mix, oracle, random_policy, rng):
    game = random_linear(rng=rng, blocks=2, horizon=3, states=3, actions=2, mix=mix)
    policy, crowd = random_policy(game, rng), flow(game, random_policy(game, rng))
    expected = [oracle(game).value(policy, crowd, lam, m) for m in range(2)]
    assert policy_value(game, policy, crowd, lam) == pytest.approx(expected, abs=1e-13)


@common
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.01, 2.0]))
def test_own_step_entropy_is_excluded(seed, lam):
    rng = np.random.default_rng(seed)
    game = random_linear(rng=rng, mix=0.3)
    draw = lambda: rng.dirichlet(np.ones(3), size=(game.blocks, game.horizon, game.states))  # noqa: E731
    policy, crowd = draw(), flow(game, draw())
    q = action_values(game, policy, crowd, lam)
    last = game.reward_at(game.horizon - 1, np.einsum("mn,ns->ms", game.weights[0], crowd[:, -1]))
    assert np.abs(q[:, -1] - last).max() < 1e-14
    changed = policy.copy()
    changed[:, 0] = draw()[:, 0]
    assert np.array_equal(action_values(game, changed, crowd, lam)[:, 0], q[:, 0])
    v = (policy * q).sum(-1) + lam * entropy(policy)
    assert np.abs(policy_value(game, policy, crowd, lam) - (game.initial * v[:, 0]).sum(-1)).max() < 1e-13


def test_entropy_of_certain_and_uniform_actions():
    assert entropy(np.array([[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]])) == pytest.approx([0.0, math.log(3)])


GAME = sis(blocks=3, horizon=2)
POLICY = GAME.uniform_policy()
FLOW = flow(GAME, POLICY)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: action_values(GAME, POLICY, FLOW, -0.1),
            "lam is -0.1: the entropy weight .* at least 0; raise it",
        ),
        (lambda: policy_value(GAME, POLICY, FLOW, math.nan), "lam has entries that are NaN"),
        (lambda: policy_value(GAME, POLICY, FLOW, [1.0, 2.0]), "lam is"),
        (lambda: policy_value(GAME, POLICY[:, :1], FLOW, 1.0), "policy has shape"),
        (lambda: policy_value(GAME, POLICY, FLOW[:, :1], 1.0), "mean_field has shape"),
    ],
)
def test_bad_values(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_reward_that_diverges_on_the_mean_field_is_reported():
    def reward(h, z):
        with np.errstate(divide="ignore"):
            return np.stack([1.0 / np.abs(z - 0.3)], axis=-1)

    game = GraphonGame(erdos_renyi(1.0), [0.5, 0.5], np.full((2, 1, 2), 0.5), reward, 1, blocks=1)
    with pytest.raises(ValueError, match=r"reward\(0, z\) is NaN or infinite on this mean field"):
        policy_value(game, game.uniform_policy(), np.array([[[0.3, 0.7]]]), 0.0)
