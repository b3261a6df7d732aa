import numpy as np
import pytest

from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.graphons import Graphon, erdos_renyi, exponential, step_graphon

S, A, H = 3, 2, 4
TABLE = np.full((S, A, S), 1 / S)
REWARD = np.arange(S * A, dtype=float).reshape(S, A)


def build(**changes):
    arguments = {
        "graphon": exponential(),
        "initial": np.full(S, 1 / S),
        "transition": TABLE,
        "reward": REWARD,
        "horizon": H,
        "blocks": 5,
    }
    arguments.update(changes)
    first = [arguments.pop(name) for name in ("graphon", "initial", "transition", "reward", "horizon")]
    return GraphonGame(*first, **arguments)


def test_tables_broadcast_over_all_leading_axes():
    game = build()
    z = np.zeros((2, 5, S))
    assert game.transition_at(3, z).shape == (2, 5, S, A, S)
    assert np.array_equal(game.reward_at(1, z)[1, 4], REWARD)
    assert game.mean_field_free
    assert game.uniform_policy().shape == (5, H, S, A)


def test_tables_over_steps_are_read_at_their_step(rng):
    tables = rng.dirichlet(np.ones(S), size=(H, S, A))
    rewards = rng.random((H, S, A))
    game = build(transition=tables, reward=rewards)
    for h in range(H):
        assert np.array_equal(game.transition_at(h, np.zeros(S)), tables[h])
        assert np.array_equal(game.reward_at(h, np.zeros(S)), rewards[h])


def test_weights_are_the_graphon_over_the_number_of_blocks():
    game = build(grid="endpoint")
    assert np.array_equal(game.weights[0], exponential().matrix(np.linspace(0, 1, 5)) / 5)
    steps = [erdos_renyi(p) for p in (0.1, 0.2, 0.3, 0.4)]
    varying = build(graphon=steps)
    assert varying.weights.shape == (H, 5, 5)
    assert varying.weights_at(2) == pytest.approx(np.full((5, 5), 0.06))


def test_callables_are_kept_and_actions_counted():
    game = build(
        transition=lambda h, z: np.broadcast_to(TABLE, (*z.shape[:-1], S, A, S)),
        reward=lambda h, z: z[..., None] * np.ones(A),
    )
    assert (game.actions, game.mean_field_free, game.transition_table) == (A, False, None)


def test_arrays_are_copies_and_read_only():
    initial = np.full(S, 1 / S)
    game = build(initial=initial)
    initial[0] = 5.0
    assert game.initial[0, 0] == 1 / S
    for array in (game.initial, game.weights, game.positions, game.transition_table, game.reward_table):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0


def test_runs_under_jax_with_a_traced_step():
    import jax

    game = build(transition=np.stack([np.roll(np.eye(S), h, axis=1)[:, None].repeat(A, 1) for h in range(H)]))
    with jax.enable_x64(True):
        stages = jax.jit(jax.vmap(lambda h: game.transition_at(h, jax.numpy.zeros(S))))(jax.numpy.arange(H))
        assert np.array_equal(np.asarray(stages), game.transition_table)


half = TABLE / 2
negative = TABLE.copy()
negative[0, 0] = [1.5, -0.5, 0.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"graphon": Graphon(lambda x, y: x + 0 * y, "bad")}, "not symmetric: use"),
        ({"graphon": Graphon(lambda x, y: 1 + x * y, "big")}, r"must lie in \[0, 1\]"),
        ({"graphon": [erdos_renyi()] * 3}, "graphon has 3 entries, horizon is 4: give one, or one per step"),
        ({"initial": [0.5, 0.4, 0.0]}, r"initial has a row that sums to 0.9: rows must sum to 1"),
        ({"initial": [1.5, -0.5, 0.0]}, "initial has the entry -0.5"),
        ({"initial": [np.nan, 0.5, 0.5]}, "initial has entries that are NaN"),
        (
            {"initial": np.full((4, S), 1 / S)},
            r"initial has shape \(4, 3\): give \(S,\), or \(M, S\) with M = 5",
        ),
        ({"transition": half}, "transition has a row that sums to 0.5"),
        ({"transition": negative}, "transition has the entry -0.5"),
        ({"transition": np.full((S, A), 0.5)}, r"transition has shape \(3, 2\): .* or a callable"),
        ({"transition": np.full((2, S, A, S), 1 / S)}, "transition has shape .* leading axis of length 4"),
        ({"reward": np.zeros((2, A))}, r"reward has shape \(2, 2\): with 3 states"),
        ({"reward": np.full((S, A), np.inf)}, "reward has entries that are NaN or infinite"),
        ({"reward": np.zeros((S, 3))}, "reward has values of shape .* agree on the number of actions"),
        ({"reward": lambda h, z: np.full((*z.shape, A), np.nan)}, r"reward\(0, z\) is NaN or infinite"),
        ({"reward": lambda h, z: np.zeros((S, A))}, "reward has values of shape .* axes of z"),
        (
            {"transition": lambda h, z: np.zeros((*z.shape, A, S)), "reward": lambda h, z: np.zeros(4)},
            r"reward\(0, z\) has shape \(4,\)",
        ),
        (
            {
                "transition": lambda h, z: (
                    TABLE - z[..., None, None, :] + 1 / S * z.sum(-1)[..., None, None, None]
                )
            },
            r"transition\(0, z\) at aggregates of mass .* has the entry -",
        ),
        ({"horizon": 0}, "horizon is 0: it must be at least 1"),
        ({"blocks": 0}, "blocks is 0"),
        ({"grid": "left"}, "kind is 'left'"),
    ],
)
def test_bad_values(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"graphon": [np.eye(5)] * H}, "give a Graphon .* step_graphon"),
        ({"horizon": 2.0}, "horizon is 2.0"),
        ({"initial": "uniform"}, "initial is 'uniform': give real numbers"),
    ],
)
def test_bad_types(changes, message):
    with pytest.raises(TypeError, match=message):
        build(**changes)


def test_a_label_permutation_of_a_step_graphon_is_another_game():
    a = step_graphon([[0.9, 0.3], [0.3, 0.1]])
    b = step_graphon([[0.1, 0.3], [0.3, 0.9]])
    assert not np.array_equal(build(graphon=a).weights, build(graphon=b).weights)
