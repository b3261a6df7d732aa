import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.graphon_games.exploitability import exploitability
from tightbound.theory.graphon_games.flow import flow
from tightbound.theory.graphon_games.games.beach_bar import beach_bar
from tightbound.theory.graphon_games.games.cyber import cyber
from tightbound.theory.graphon_games.games.discontinuous import discontinuous, discontinuous_floor
from tightbound.theory.graphon_games.games.investment import investment
from tightbound.theory.graphon_games.games.linear_quadratic import linear_quadratic
from tightbound.theory.graphon_games.games.random_linear import random_linear
from tightbound.theory.graphon_games.games.rotation import rotation
from tightbound.theory.graphon_games.games.sis import sis
from tightbound.theory.graphon_games.graphons import erdos_renyi, exponential, power_law

common = settings(deadline=None, derandomize=True, max_examples=25)
GAMES = {
    "sis": sis(blocks=3, horizon=4),
    "investment": investment(blocks=3, horizon=4),
    "beach_bar": beach_bar(blocks=3, horizon=4),
    "cyber": cyber(blocks=3, horizon=4),
    "linear_quadratic": linear_quadratic(blocks=3, horizon=4),
    "random_linear": random_linear(rng=0, blocks=3),
    "herd": random_linear(rng=0, blocks=3, mix=0.5, coupling=2.0),
    "root": random_linear(rng=0, blocks=3, root_level=0.1),
    "rotation": rotation(-0.3),
    "discontinuous": discontinuous(),
}
each = pytest.mark.parametrize("game", GAMES.values(), ids=GAMES.keys())


def _aggregates(game, rng, shape=(), equal_mass=None):
    mass = rng.random((*shape, 1)) if equal_mass is None else equal_mass
    return mass * rng.dirichlet(np.full(game.states, 0.5), size=shape)


@each
def test_kernels_and_rewards_over_any_leading_axes(game, rng):
    z = _aggregates(game, rng, (2, 5))
    for h in (0, game.horizon - 1):
        kernels, values = game.transition_at(h, z), game.reward_at(h, z)
        assert kernels.shape == (2, 5, game.states, game.actions, game.states)
        assert values.shape == (2, 5, game.states, game.actions)
        assert np.abs(kernels.sum(axis=-1) - 1.0).max() < 1e-14
        assert kernels.min() >= 0.0
        for i, j in np.ndindex(2, 5):
            assert np.array_equal(game.transition_at(h, z[i, j]), kernels[i, j])
            assert np.array_equal(game.reward_at(h, z[i, j]), values[i, j])


@each
def test_same_functions_under_jax(game, rng):
    import jax

    z = _aggregates(game, rng, (4,))
    with jax.enable_x64(True):
        stage = jax.jit(lambda h, z: (game.transition_at(h, z), game.reward_at(h, z)))
        for h in (0, game.horizon - 1):
            kernels, values = stage(h, jax.numpy.asarray(z))
            assert kernels.dtype == values.dtype == np.float64
            assert np.abs(np.asarray(kernels) - game.transition_at(h, z)).max() < 1e-15
            assert np.abs(np.asarray(values) - game.reward_at(h, z)).max() < 1e-14


@pytest.mark.parametrize("name", [name for name in GAMES if name not in ("root", "discontinuous")])
@common
@given(seed=st.integers(0, 2**32 - 1))
def test_certified_lipschitz_constants_and_ranges(name, seed):
    game, rng = GAMES[name], np.random.default_rng(seed)
    mass = rng.random()
    z, w = (_aggregates(game, rng, (), mass) for _ in range(2))
    if rng.random() < 0.5:
        w = z + 1e-3 * (w - z)
    distance = np.abs(z - w).sum()
    for h in range(game.horizon):
        if hasattr(game.transition, "lipschitz"):
            moved = np.abs(game.transition_at(h, z) - game.transition_at(h, w)).sum(axis=-1).max()
            assert moved <= game.transition.lipschitz(mass) * distance + 1e-14
        if hasattr(game.reward, "lipschitz"):
            values = game.reward_at(h, z)
            moved = np.abs(values - game.reward_at(h, w)).max()
            assert moved <= game.reward.lipschitz(mass) * distance + 1e-14
            assert np.ptp(values) <= game.reward.oscillation(mass) + 1e-14


def test_sis_numbers():
    game = sis()
    assert (game.horizon, game.states, game.actions, game.initial[0, 1]) == (50, 2, 2, 0.5)
    kernel = game.transition_at(0, np.array([0.1, 0.25]))
    assert kernel == pytest.approx(np.array([[[0.8, 0.2], [1, 0]], [[0.2, 0.8], [0.2, 0.8]]]))
    assert np.array_equal(game.reward_table[0], [[0.0, -0.5], [-2.0, -2.5]])


def test_investment_numbers():
    game = investment()
    assert (game.horizon, game.initial[0, 0]) == (50, 1.0)
    for x in range(10):
        up, stay = (9 - x) / 10, (1 + x) / 10
        row = game.transition_table[0, x, 1]
        assert row[x] == pytest.approx(stay)
        assert row[x + 1 :].sum() == pytest.approx(up)
        assert game.transition_table[0, x, 0, x] == 1.0
    z = np.zeros(10)
    z[4] = 0.5
    assert game.reward_at(0, z)[6] == pytest.approx([0.3 * 6 / 3, 0.3 * 6 / 3 - 2])


def test_beach_bar_numbers():
    game = beach_bar()
    assert (game.horizon, game.states, game.actions) == (50, 10, 3)
    assert game.transition_table[0, 9, 2] == pytest.approx(np.eye(10)[[9, 0, 1]].T @ [0.05, 0.9, 0.05])
    z = np.zeros(10)
    z[0] = 0.2
    assert game.reward_at(0, z)[0] == pytest.approx([-1 - 0.2 - 0.6, -1 - 0.6, -1 - 0.2 - 0.6])
    assert game.reward_at(0, z)[7] == pytest.approx([-0.6, -0.4, -0.6])


def test_cyber_numbers():
    game = cyber()
    z = np.array([0.2, 0.1, 0.4, 0.1])
    kernel = game.transition_at(0, z)
    undefended = 1 - (1 - 0.1 * 0.1) * (1 - 0.7 * 0.2) * (1 - 0.8 * 0.4)
    defended = 1 - (1 - 0.1 * 0.05) * (1 - 0.1 * 0.2) * (1 - 0.2 * 0.4)
    assert kernel[3, 0] == pytest.approx([0, 0, undefended, 1 - undefended])
    assert kernel[1, 1] == pytest.approx(
        [0.7 * defended, 0.7 * (1 - defended), 0.3 * defended, 0.3 * (1 - defended)]
    )
    assert kernel[0, 0] == pytest.approx([0.7, 0.3, 0, 0])
    assert kernel[2, 1] == pytest.approx([0.3 * 0.8, 0.3 * 0.2, 0.7 * 0.8, 0.7 * 0.2])


def test_cyber_clips_aggregates_above_one():
    with pytest.warns(UserWarning, match="edge probability"):
        game = cyber(graphon=power_law(), blocks=10, horizon=3)
    mu = flow(game, game.uniform_policy())
    assert np.abs(mu.sum(axis=-1) - 1).max() < 1e-14


def test_linear_quadratic_numbers():
    game = linear_quadratic()
    table = game.transition_table[0]
    assert table[0, 0, :2] == pytest.approx([1.0, 0.0])
    assert table[0, 1, :2] == pytest.approx([0.9, 0.1])
    assert table[4, 2, 4:7] == pytest.approx([0.1, 0.8, 0.1])
    z = np.zeros(9)
    z[6] = 0.5
    assert game.reward_at(0, z)[0, 0] == pytest.approx(-(0.5 * 25 + 0.5) / 2)


def test_random_linear_is_what_its_formula_says():
    game = random_linear(rng=5, mix=0.4, coupling=-2.0)
    z = np.array([0.1, 0.2, 0.0, 0.3])
    fixed = random_linear(rng=5, coupling=-2.0)
    expected = (1 - 0.4 * 0.6) * fixed.transition_table[2] + 0.4 * z
    assert game.transition_at(2, z) == pytest.approx(expected)
    assert game.reward_at(2, z) == pytest.approx(fixed.reward.table[2] - 2.0 * z[:, None])
    root = random_linear(rng=5, coupling=-2.0, root_level=0.1)
    assert root.reward_at(2, z) == pytest.approx(
        fixed.reward.table[2] - 2.0 * np.sqrt(np.abs(z - 0.1))[:, None]
    )


@pytest.mark.parametrize("eps", [-0.5, 0.0, 0.5])
@pytest.mark.parametrize("lam", [0.0, 0.1])
def test_uniform_policy_is_an_equilibrium_of_rotation(eps, lam):
    game = rotation(eps)
    assert abs(exploitability(game, game.uniform_policy(), lam)) < 1e-14


@common
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.05, 0.3, 2.0]))
def test_no_policy_undercuts_the_floor_of_the_discontinuous_game(seed, lam):
    rng = np.random.default_rng(seed)
    game = discontinuous()
    policy = rng.dirichlet(np.full(2, 0.7), size=(4, 2, 2))
    assert exploitability(game, policy, lam) >= discontinuous_floor(lam) - 1e-13


@pytest.mark.parametrize("lam", [0.0, 0.02, 0.3, 2.0, 100.0])
def test_the_floor_is_attained_at_one_half(lam):
    game = discontinuous()
    assert exploitability(game, game.uniform_policy(), lam) == pytest.approx(
        discontinuous_floor(lam), abs=1e-13
    )


@pytest.mark.parametrize("lam", [0.02, 0.3, 2.0])
def test_the_floor_is_the_least_over_a_fine_line_of_policies(lam):
    game = discontinuous()
    found = []
    for p in np.linspace(0.0, 1.0, 401):
        policy = game.uniform_policy()
        policy[:, 0] = [1.0 - p, p]
        found.append(exploitability(game, policy, lam))
    assert min(found) == pytest.approx(discontinuous_floor(lam), abs=1e-12)
    assert np.argmin(found) == 200


def test_the_floor_is_continuous_where_the_formula_changes():
    lams = 0.25 / np.array([0.9999e-4, 1.0001e-4])
    ratio = discontinuous_floor(lams[0]) / discontinuous_floor(lams[1])
    assert ratio == pytest.approx(lams[1] / lams[0], rel=1e-7)
    assert discontinuous_floor(1e-9) == pytest.approx(0.25, abs=1e-8)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sis(infection=1.2), r"infection is 1.2: it must lie in \[0, 1\]"),
        (lambda: sis(initial_infected=-0.1), "initial_infected is -0.1"),
        (
            lambda: sis(graphon=power_law(), blocks=20),
            "transition.* at aggregates of mass .* has the entry -",
        ),
        (lambda: investment(levels=1), "levels is 1: it must be at least 2"),
        (lambda: beach_bar(places=9), "places is 9: give an even number"),
        (lambda: beach_bar(noise=2.0), "noise is 2.0"),
        (lambda: beach_bar(crowd=-1.0), "crowd is -1.0"),
        (lambda: linear_quadratic(radius=0), "radius is 0"),
        (lambda: linear_quadratic(noise=np.nan), "noise has entries that are NaN"),
        (lambda: linear_quadratic(tracking=-1.0), "tracking is -1.0"),
        (lambda: random_linear(rng=0, mix=1.5), r"mix is 1.5: it must lie in \[0, 1\]"),
        (lambda: random_linear(rng=0, states=1), "states is 1"),
        (lambda: random_linear(rng=0, coupling=np.inf), "coupling has entries that are NaN or infinite"),
        (lambda: rotation(np.nan), "eps has entries that are NaN"),
        (lambda: discontinuous_floor(-0.1), "lam is -0.1"),
        (lambda: cyber(horizon=0), "horizon is 0"),
    ],
)
@pytest.mark.filterwarnings("ignore:graphon power")
def test_bad_values(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_mixing_beyond_a_kernel_is_refused():
    with (
        pytest.warns(UserWarning, match="edge probability"),
        pytest.raises(ValueError, match=r"transition.* has the entry -"),
    ):
        random_linear(rng=0, mix=0.9, graphon=power_law())


def test_default_graphon_and_keywords():
    assert sis().graphon.name == exponential(3.0).name
    assert cyber(graphon=erdos_renyi(), blocks=7, horizon=3, grid="endpoint").positions[-1] == 1.0
