import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.graphon_games.flow import flow
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.games.beach_bar import beach_bar
from tightbound.theory.graphon_games.games.cyber import cyber
from tightbound.theory.graphon_games.games.linear_quadratic import linear_quadratic
from tightbound.theory.graphon_games.games.random_linear import random_linear
from tightbound.theory.graphon_games.games.rotation import rotation
from tightbound.theory.graphon_games.graphons import (
    erdos_renyi,
    exponential,
    ranked_attachment,
    stochastic_block,
    uniform_attachment,
)
from tightbound.theory.graphon_games.monotonicity import aligned_pair, monotonicity_gap, search_violation
from tightbound.theory.graphon_games.values import policy_value

common = settings(deadline=None, derandomize=True, max_examples=25)
SEMIDEFINITE = [erdos_renyi(), uniform_attachment(), stochastic_block()]
INDEFINITE = [ranked_attachment(), exponential(), stochastic_block(0.3, 0.9, 0.3, 0.5)]


def _random_pair(game, rng):
    shape = (game.blocks, game.horizon, game.states)
    return [rng.dirichlet(np.full(game.actions, 0.5), size=shape) for _ in range(2)]


@common
@given(st.integers(0, 2**32 - 1), st.floats(-3, 3), st.sampled_from([0.0, 1.0]))
def test_closed_form_of_a_linear_crowd_term(seed, coupling, lam):
    rng = np.random.default_rng(seed)
    graphons = [exponential(), uniform_attachment(), erdos_renyi(0.3), ranked_attachment()]
    base = random_linear(rng=rng, blocks=4, coupling=coupling)
    game = GraphonGame(graphons, base.initial, base.transition, base.reward, 4, blocks=4)
    p, q = _random_pair(game, rng)
    delta = flow(game, p) - flow(game, q)
    expected = coupling * np.einsum("mhs,hmn,nhs->", delta, game.weights, delta) / 4
    assert monotonicity_gap(game, p, q, lam) == pytest.approx(expected, abs=1e-12)
    assert monotonicity_gap(game, p, q, lam) == pytest.approx(monotonicity_gap(game, q, p, lam), abs=1e-12)


def test_definition(rng):
    game = cyber(blocks=3, horizon=3)
    p, q = _random_pair(game, rng)
    mu, nu = flow(game, p), flow(game, q)
    value = lambda x, m: policy_value(game, x, m, 0.4).mean()  # noqa: E731
    expected = value(p, mu) + value(q, nu) - value(q, mu) - value(p, nu)
    assert monotonicity_gap(game, p, q, 0.4) == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("graphon", SEMIDEFINITE, ids=lambda g: g.name)
def test_crowd_aversion_on_a_semidefinite_graphon_is_monotone(graphon, rng):
    game = beach_bar(graphon=graphon, blocks=12, horizon=6)
    assert search_violation(game).gap <= 1e-12
    assert max(monotonicity_gap(game, *_random_pair(game, rng)) for _ in range(20)) <= 1e-12


@pytest.mark.parametrize("graphon", INDEFINITE, ids=lambda g: g.name)
def test_an_indefinite_graphon_is_caught_along_its_eigenvector(graphon):
    game = beach_bar(graphon=graphon, blocks=12, horizon=6)
    found = search_violation(game)
    assert found.gap > 1e-3
    assert found.eigenvalue < 0.0
    assert monotonicity_gap(game, found.first, found.second) == found.gap


def test_random_pairs_miss_the_exponential_graphon(rng):
    game = beach_bar(blocks=12, horizon=6)
    assert max(monotonicity_gap(game, *_random_pair(game, rng)) for _ in range(200)) < 0.0
    assert search_violation(game).gap > 0.0


def test_crowd_seeking_is_caught_along_the_other_end():
    found = search_violation(random_linear(rng=0, coupling=1.0))
    assert found.gap > 0.0
    assert found.eigenvalue > 0.0
    assert search_violation(linear_quadratic(blocks=5)).gap > 0.0


@pytest.mark.parametrize("eps", [-1.0, 0.0, 1.0])
def test_rotation_has_the_sign_of_its_parameter(eps, rng):
    game = rotation(eps)
    p, q = _random_pair(game, rng)
    delta = (flow(game, p) - flow(game, q))[:, 1].mean(axis=0)
    assert monotonicity_gap(game, p, q) == pytest.approx(eps * delta @ delta, abs=1e-14)


@common
@given(st.integers(0, 2**32 - 1))
def test_aligned_pairs_differ_by_the_direction(seed):
    rng = np.random.default_rng(seed)
    game = random_linear(rng=rng, blocks=4)
    toward, away = _random_pair(game, rng)
    direction = rng.standard_normal(4)
    first, second = aligned_pair(game, direction, toward, away)
    expected = (direction / np.abs(direction).max())[:, None, None] * (flow(game, toward) - flow(game, away))
    assert np.abs(flow(game, first) - flow(game, second) - expected).max() < 1e-13


def test_search_runs_where_the_kernel_follows_the_crowd_and_with_one_block():
    assert np.isfinite(search_violation(cyber(blocks=3, horizon=3)).gap)
    assert search_violation(rotation(1.0, blocks=1)).gap > 0.0


GAME = rotation(blocks=2)
POLICY = GAME.uniform_policy()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: monotonicity_gap(GAME, POLICY, POLICY[:1]), "second has shape"),
        (lambda: monotonicity_gap(GAME, POLICY / 2, POLICY), "first has a row that sums to 0.5"),
        (lambda: monotonicity_gap(GAME, POLICY, POLICY, -1.0), "lam is -1.0"),
        (lambda: search_violation(GAME, directions=0), "directions is 0: it must be at least 1"),
        (lambda: search_violation(GAME, pairs=0), "pairs is 0"),
        (
            lambda: aligned_pair(GAME, [0.0, 0.0], POLICY, POLICY),
            "direction is .* 2 numbers that are not all 0",
        ),
        (lambda: aligned_pair(GAME, [1.0], POLICY, POLICY), "direction is"),
        (lambda: aligned_pair(GAME, [1.0, 0.0], POLICY, POLICY * 2), "away has a row that sums to 2.0"),
    ],
)
def test_bad_values(call, message):
    with pytest.raises(ValueError, match=message):
        call()
