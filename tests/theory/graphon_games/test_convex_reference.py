import numpy as np
import pytest

from tightbound.theory.graphon_games.best_response import best_response
from tightbound.theory.graphon_games.convex_reference import (
    ConvexSolverError,
    _dual_value,
    convex_best_response,
)
from tightbound.theory.graphon_games.flow import flow
from tightbound.theory.graphon_games.games.cyber import cyber
from tightbound.theory.graphon_games.games.random_linear import random_linear
from tightbound.theory.graphon_games.games.rotation import rotation
from tightbound.theory.graphon_games.games.sis import sis

GAMES = {
    "sis": sis(blocks=2, horizon=5),
    "cyber": cyber(blocks=2, horizon=3),
    "random": random_linear(rng=4, blocks=2),
    "herd": random_linear(rng=4, blocks=2, mix=0.5, coupling=3.0),
    "rotation": rotation(0.4, blocks=2),
}


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("lam", [0.0, 0.2, 1.0])
def test_agrees_with_the_dynamic_program(name, lam, rng):
    game = GAMES[name]
    crowd = rng.dirichlet(np.ones(game.states), size=(game.blocks, game.horizon))
    expected = best_response(game, crowd, lam)
    found = convex_best_response(game, crowd, lam, block=1)
    value, room = expected.value[1], 1e-9 if lam == 0.0 else 1e-6
    assert found.primal <= value + 1e-12
    assert value <= found.dual + 1e-12
    assert -1e-12 <= found.gap <= room
    if lam > 0.0:
        law = found.occupancy.sum(axis=-1)
        difference = np.abs(found.policy - expected.policy[1]).sum(axis=-1)
        # a value within the gap of the best is within this of the best policy, by Pinsker
        assert (law * difference).sum() <= np.sqrt(2 * game.horizon * found.gap / lam) + 1e-6


def test_bounds_enclose_the_optimum_where_the_multipliers_are_wrong():
    game = GAMES["random"]
    crowd = flow(game, game.uniform_policy())
    z = game.weights[0] @ crowd[:, 0]
    reward = np.stack([game.reward_at(h, (game.weights[0] @ crowd[:, h])[0]) for h in range(4)])
    kernel = np.stack([game.transition_at(h, z[0]) for h in range(4)])
    best = best_response(game, crowd, 0.3)
    right = _dual_value(best.state_values[0], reward, kernel, game.initial[0], 0.3)
    assert right == pytest.approx(best.value[0], abs=1e-12)
    for seed in range(5):
        noise = np.random.default_rng(seed).standard_normal((4, 4))
        wrong = _dual_value(best.state_values[0] + noise, reward, kernel, game.initial[0], 0.3)
        assert wrong >= best.value[0]


def test_missing_block():
    game = GAMES["sis"]
    with pytest.raises(IndexError, match="block is 2: this game has blocks 0 to 1; choose one"):
        convex_best_response(game, flow(game, game.uniform_policy()), 0.0, block=2)


@pytest.mark.parametrize(
    ("lam", "message"), [(-0.1, "lam is -0.1"), (np.nan, "lam has entries that are NaN")]
)
def test_bad_lam(lam, message):
    game = GAMES["sis"]
    with pytest.raises(ValueError, match=message):
        convex_best_response(game, flow(game, game.uniform_policy()), lam)


def test_a_failing_solver_is_reported(monkeypatch):
    import cvxpy as cp

    def fail(self, *args, **kwargs):
        raise cp.error.SolverError("no")

    monkeypatch.setattr(cp.Problem, "solve", fail)
    game = GAMES["sis"]
    with pytest.raises(ConvexSolverError, match=r"the solver failed \(no\): raise lam or shorten"):
        convex_best_response(game, flow(game, game.uniform_policy()), 1.0)
