import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.graphon_games.flow import aggregate, flow, frozen_flow
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.games.random_linear import random_linear
from tightbound.theory.graphon_games.games.sis import sis
from tightbound.theory.graphon_games.graphons import (
    erdos_renyi,
    exponential,
    step_graphon,
    uniform_attachment,
)

common = settings(deadline=None, derandomize=True, max_examples=25)


@pytest.mark.parametrize("mix", [0.0, 0.6])
@pytest.mark.parametrize("grid", ["midpoint", "endpoint"])
def test_equals_the_definition(mix, grid, oracle, random_policy, rng):
    game = random_linear(rng=rng, blocks=3, horizon=3, states=3, actions=2, mix=mix, grid=grid)
    first, second = random_policy(game, rng), random_policy(game, rng)
    mu = flow(game, first)
    assert np.abs(mu - oracle(game).flow(first)).max() < 1e-14
    assert np.abs(frozen_flow(game, second, mu) - oracle(game).flow(second, mu)).max() < 1e-14


@common
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.5]))
def test_flows_are_laws_and_a_policy_alone_in_its_flow_keeps_it(seed, mix):
    rng = np.random.default_rng(seed)
    game = random_linear(rng=rng, mix=mix)
    policy = rng.dirichlet(np.full(game.actions, 0.3), size=(game.blocks, game.horizon, game.states))
    policy[..., 0, :] = np.eye(game.actions)[0]
    mu = flow(game, policy)
    assert np.abs(mu.sum(axis=-1) - 1.0).max() < 1e-13
    assert mu.min() >= 0.0
    assert np.abs(frozen_flow(game, policy, mu) - mu).max() < 1e-15
    crowd = rng.dirichlet(np.ones(game.states), size=(game.blocks, game.horizon))
    moved = np.abs(frozen_flow(game, policy, crowd) - mu).max()
    assert (moved < 1e-14) == game.mean_field_free


def test_aggregate_is_not_normalised_by_degree(rng):
    game = sis(graphon=uniform_attachment(), blocks=4, horizon=2)
    mu = rng.dirichlet(np.ones(2), size=(4, 2))
    z = aggregate(game, mu)
    assert z.sum(axis=-1) == pytest.approx(np.tile(game.weights[0].sum(axis=1)[:, None], 2), abs=1e-15)
    assert z[:, 1] == pytest.approx(uniform_attachment().matrix(game.positions) @ mu[:, 1] / 4, abs=1e-15)


def test_graphon_per_step(oracle, rng):
    graphons = [erdos_renyi(0.2), exponential(), uniform_attachment()]
    single = [sis(graphon=g, blocks=3, horizon=3) for g in graphons]
    game = GraphonGame(graphons, single[0].initial, single[0].transition, single[0].reward, 3, blocks=3)
    mu = rng.dirichlet(np.ones(2), size=(3, 3))
    for h in range(3):
        assert np.abs(aggregate(game, mu)[:, h] - aggregate(single[h], mu)[:, h]).max() < 1e-15
    policy = game.uniform_policy()
    step = frozen_flow(single[0], policy, flow(game, policy))
    assert np.abs(flow(game, policy)[:, 1] - step[:, 1]).max() < 1e-15


@pytest.mark.parametrize("refine", [2, 5])
def test_blocks_aligned_with_a_step_graphon_are_exact(refine, random_policy, rng):
    graphon = step_graphon([[0.9, 0.2], [0.2, 0.6]])
    coarse = sis(graphon=graphon, blocks=2, horizon=5)
    fine = sis(graphon=graphon, blocks=2 * refine, horizon=5)
    policy = random_policy(coarse, rng)
    assert np.abs(flow(fine, policy.repeat(refine, 0)) - flow(coarse, policy).repeat(refine, 0)).max() < 1e-14


GAME = sis(blocks=3, horizon=2)
POLICY = GAME.uniform_policy()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: flow(GAME, POLICY[:2]),
            r"policy has shape \(2, 2, 2, 2\): this game needs shape \(3, 2, 2, 2\)",
        ),
        (lambda: flow(GAME, POLICY / 2), "policy has a row that sums to 0.5"),
        (lambda: flow(GAME, np.log(POLICY)), "policy has the entry -0.69.*at least 0"),
        (lambda: flow(GAME, POLICY * np.nan), "policy has entries that are NaN"),
        (lambda: aggregate(GAME, np.full((3, 2, 3), 1 / 3)), r"mean_field has shape \(3, 2, 3\)"),
        (lambda: aggregate(GAME, np.full((3, 2, 2), 0.4)), "mean_field has a row that sums to 0.8"),
        (lambda: frozen_flow(GAME, POLICY, np.full((3, 2), 0.5)), "mean_field has shape"),
    ],
)
def test_bad_values(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_kernel_that_turns_negative_along_the_flow_is_reported():
    def transition(h, z):
        # a kernel at the corners that the constructor probes, not inside
        dip = 4.0 * z[..., 0] * z[..., 1] * 2.0
        rows = np.stack([1.0 + dip, -dip], axis=-1)
        return np.broadcast_to(rows[..., None, None, :], (*z.shape[:-1], 2, 1, 2))

    game = GraphonGame(erdos_renyi(1.0), np.eye(2), transition, np.zeros((2, 1)), 3, blocks=2)
    with pytest.raises(ValueError, match=r"transition\(0, z\) on this mean field has the entry -2.0"):
        flow(game, game.uniform_policy())
