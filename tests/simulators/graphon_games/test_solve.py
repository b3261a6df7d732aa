"""The driver: equal to the theory, to itself in batches, and clear about what it refuses."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from tightbound.simulators.graphon_games import (
    ConvergenceError,
    FixedPoint,
    MonoMD,
    SampledMonoMD,
    solve,
    solve_batch,
)
from tightbound.theory.graphon_games import (
    Graphon,
    GraphonGame,
    exploitability,
    exponential,
    flow,
    flow_distance,
    kl_distance,
    policy_distance,
    random_linear,
    rotation,
    sis,
)

RULE = MonoMD(eta=0.5, lam=1.0)


def small(seed=0, **changes):
    return random_linear(rng=seed, blocks=4, horizon=3, states=3, actions=2, **changes)


GAMES = {
    "table": small(),
    "kernel follows the crowd": small(mix=0.5, graphon=exponential(), coupling=2.0),
    "sis": sis(blocks=3, horizon=5),
    "graphons per step": replace(small(), graphon=[exponential(float(t)) for t in (1, 2, 3)]),
    "first laws per block": replace(small(), initial=np.random.default_rng(1).dirichlet(np.ones(3), size=4)),
    "both ends": small(grid="endpoint", graphon=exponential()),
}


@pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)
def test_what_is_reported_is_what_theory_says(game):
    found = solve(game, RULE, max_iter=3)
    policy = found.policy
    np.testing.assert_allclose(policy.sum(axis=-1), 1.0, atol=1e-13)
    np.testing.assert_allclose(found.mean_field, flow(game, policy), rtol=0, atol=1e-12)
    assert found.value == pytest.approx(exploitability(game, policy, 1.0), abs=1e-12)
    assert found.value_unregularised == pytest.approx(exploitability(game, policy, 0.0), abs=1e-12)
    start = exploitability(game, game.uniform_policy(), 1.0)
    assert found.history["exploitability"][0] == pytest.approx(start, abs=1e-12)
    assert found.history["exploitability"][-1] == found.value


def test_history_measures_distances_from_the_reference():
    game = GAMES["table"]
    truth = solve(game, RULE, max_iter=60)
    found = solve(game, RULE, max_iter=4, reference=truth)
    last = {name: values[-1] for name, values in found.history.items()}
    assert all(len(values) == 5 for values in found.history.values())
    assert last["kl"] == pytest.approx(
        kl_distance(found.log_policy, truth.log_policy, truth.mean_field), abs=1e-12
    )
    assert last["policy_distance"] == pytest.approx(
        policy_distance(found.policy, truth.policy, truth.mean_field), abs=1e-12
    )
    assert last["flow_distance"] == pytest.approx(
        flow_distance(found.mean_field, truth.mean_field), abs=1e-12
    )
    assert last["average_policy_distance"] == pytest.approx(
        policy_distance(found.average_policy, truth.policy, truth.mean_field), abs=1e-12
    )
    assert last["average_flow_distance"] == pytest.approx(
        flow_distance(found.average_mean_field, truth.mean_field), abs=1e-12
    )
    assert "kl" not in solve(game, RULE, max_iter=4).history


def test_averages_leave_the_start_out():
    game = GAMES["table"]
    path = [solve(game, RULE, max_iter=steps) for steps in (1, 2, 3)]
    flows = np.array([one.mean_field for one in path])
    weights = flows[..., None] * np.array([one.policy for one in path])
    expected = weights.sum(axis=0) / weights.sum(axis=(0, -1))[..., None]
    np.testing.assert_allclose(path[-1].average_policy, expected, atol=1e-12)
    np.testing.assert_allclose(path[-1].average_mean_field, flows.mean(axis=0), atol=1e-12)
    change = path[-1].history["change"]
    assert change[0] == 0.0
    assert change[3] == pytest.approx(flow_distance(flows[2], flows[1]), abs=1e-12)


@pytest.mark.parametrize(
    "rule", [RULE, SampledMonoMD(eta=0.5, lam=1.0, agents=2, episodes=20)], ids=["exact", "sampled"]
)
def test_a_batch_equals_its_games_one_by_one(rule):
    games = [small(seed) for seed in range(3)]
    starts = [np.random.default_rng(k).dirichlet(np.ones(2), size=(4, 3, 3)) for k in range(3)]
    many = solve_batch(games, rule, max_iter=5, starts=starts, key=7)
    for index, (game, start, one) in enumerate(zip(games, starts, many, strict=True)):
        alone = solve(game, rule, max_iter=5, start=start, key=7 + index)
        np.testing.assert_allclose(one.policy, alone.policy, atol=1e-12)
        np.testing.assert_allclose(one.history["exploitability"], alone.history["exploitability"], atol=1e-12)


BATCHES = {
    "infection rates": [sis(blocks=3, horizon=5, infection=rate) for rate in (0.4, 0.6, 0.9)],
    "kernels and graphons": [
        small(k, mix=0.3, graphon=exponential(float(theta))) for k, theta in enumerate((1, 2, 3))
    ],
    "graphons per step": [
        replace(small(k), graphon=[exponential(k + t) for t in (1.0, 2.0, 3.0)]) for k in range(3)
    ],
    "one graphon, first laws per block": [
        replace(small(k), initial=np.random.default_rng(k).dirichlet(np.ones(3), size=4)) for k in range(3)
    ],
}


@pytest.mark.parametrize("games", BATCHES.values(), ids=BATCHES)
def test_games_that_share_some_arrays_and_own_others(games):
    for game, one in zip(games, solve_batch(games, RULE, max_iter=5), strict=True):
        alone = solve(game, RULE, max_iter=5)
        np.testing.assert_allclose(one.policy, alone.policy, rtol=0, atol=1e-12)
        np.testing.assert_allclose(one.mean_field, alone.mean_field, rtol=0, atol=1e-12)
        np.testing.assert_allclose(one.history["exploitability"], alone.history["exploitability"], atol=1e-12)


def test_a_batch_too_large_for_the_cache_goes_in_parts(monkeypatch):
    from tightbound.simulators.graphon_games import _iterate

    games, seen = [small(seed) for seed in range(4)], []
    whole = solve_batch(games, RULE, max_iter=40, tol=1e-6)
    monkeypatch.setattr(_iterate, "_ENTRIES", 2 * 4 * 3 * 3 * 2)
    parted = solve_batch(
        games, RULE, max_iter=40, tol=1e-6, progress=lambda number, value: seen.append((number, value))
    )
    assert [one.num_iter for one in parted] == [one.num_iter for one in whole]
    assert seen[-1][0] == max(one.num_iter for one in whole)
    for one, other in zip(parted, whole, strict=True):
        np.testing.assert_allclose(one.policy, other.policy, rtol=0, atol=1e-12)
        assert one.converged == other.converged


def test_each_game_of_a_batch_stops_on_its_own():
    games = [small(0), small(0)]
    truth = solve(games[0], RULE, max_iter=80)
    found = solve_batch(games, RULE, max_iter=80, tol=1e-8, starts=[games[0].uniform_policy(), truth.policy])
    assert found[1].num_iter == 0
    assert 0 < found[0].num_iter < 80
    assert [one.converged for one in found] == [True, True]
    assert len(found[0].history["exploitability"]) == found[0].num_iter + 1
    assert found[0].history["exploitability"][-2] > 1e-8 >= found[0].value


def test_more_iterations_than_a_block_and_progress():
    seen = []
    found = solve(
        small(),
        MonoMD(eta=0.01, lam=1.0),
        max_iter=70,
        progress=lambda number, value: seen.append((number, value)),
    )
    assert found.num_iter == 70
    assert seen[-1][0] == 70
    assert all(np.isfinite(value) for _, value in seen)
    curve = found.history["exploitability"]
    assert np.all(np.diff(curve) < 0)


def test_not_converging_is_an_outcome_or_an_error():
    game = rotation(0.5)
    start = game.uniform_policy()
    start[:, 0] = (0.5, 0.3, 0.2)
    found = solve(game, FixedPoint(lam=0.05), max_iter=9, tol=1e-9, start=start)
    assert not found.converged
    assert "is above the tolerance 1e-09 after 9 iterations: allow more" in found.outcome
    with pytest.raises(ConvergenceError, match="allow more iterations, or smaller steps") as caught:
        solve(game, FixedPoint(lam=0.05), max_iter=9, tol=1e-9, start=start, throw=True)
    np.testing.assert_array_equal(caught.value.solution.policy, found.policy)
    assert "fell to the tolerance" in solve(game, RULE, tol=1e-6, throw=True).outcome
    assert solve(game, RULE, max_iter=1).outcome.endswith("after 1 iterations")


def lottery(h, z):
    """A reward given as a plain function."""
    xp = z.__array_namespace__()
    return xp.stack([z[..., 0], -2.0 * z[..., 1]], axis=-1)[..., None] + xp.asarray([0.0, 0.1])


@dataclass(frozen=True)
class Tuned:
    """A reward of one's own with a number in it."""

    scale: float

    def __call__(self, h, z):
        return self.scale * lottery(h, z)


@pytest.mark.parametrize("reward", [lottery, Tuned(0.5)], ids=["function", "dataclass"])
def test_a_game_of_ones_own(reward):
    nearby = Graphon(lambda x, y: np.exp(-np.abs(x - y)), "nearby")
    move = np.stack([np.tile(row, (2, 1)) for row in np.eye(2)], axis=1)
    game = GraphonGame(nearby, [0.3, 0.7], move, reward, 4, blocks=5)
    found = solve(game, RULE, max_iter=100, tol=1e-11)
    assert found.converged
    assert abs(exploitability(game, found.policy, 1.0)) < 1e-10


def test_a_number_in_a_reward_does_not_need_another_program():
    move = np.stack([np.tile(row, (2, 1)) for row in np.eye(2)], axis=1)
    games = [GraphonGame(exponential(), [0.3, 0.7], move, Tuned(s), 4, blocks=5) for s in (0.5, 2.0)]
    many = solve_batch(games, RULE, max_iter=6)
    for game, one in zip(games, many, strict=True):
        assert one.value == pytest.approx(exploitability(game, one.policy, 1.0), abs=1e-12)


def spiky(h, z):
    """Undefined for crowds that a probe of pure states does not meet."""
    xp = z.__array_namespace__()
    mixed = (z[..., :1] > 0.01) & (z[..., 1:] > 0.01)
    value = xp.where(mixed, xp.asarray(xp.nan), xp.zeros_like(z[..., :1]))
    return xp.broadcast_to(value[..., None], (*z.shape, 2))


def test_a_reward_that_turns_nan_is_named():
    move = np.stack([np.tile(row, (2, 1)) for row in np.eye(2)], axis=1)
    game = GraphonGame(exponential(), [1.0, 0.0], move, spiky, 3, blocks=3, name="spiky")
    with pytest.raises(ValueError, match="not finite at iterate 0: the reward or the kernel of game 'spiky'"):
        solve(game, RULE, max_iter=2)


EVEN = small().uniform_policy()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_iter": 0}, "max_iter is 0: give at least 1"),
        ({"tol": -1.0}, "tol is -1.0: give a number of at least 0, or None"),
        ({"tol": float("nan")}, "tol is nan"),
        ({"start": EVEN[:2]}, r"start has shape \(2, 3, 3, 2\)"),
        ({"start": 2.0 * EVEN}, "start has a row that sums to"),
        ({"start": EVEN - 0.6}, "start has the entry"),
        ({"start": EVEN * np.nan}, "start has entries that are NaN"),
    ],
)
def test_bad_input_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        solve(small(), RULE, **({"max_iter": 2} | wrong))


def test_bad_references_and_batches_are_refused():
    other = solve(random_linear(rng=0, blocks=2), RULE, max_iter=1)
    with pytest.raises(ValueError, match=r"reference has a policy of shape .*solve the same game"):
        solve(small(), RULE, max_iter=1, reference=other)
    with pytest.raises(ValueError, match="games is empty: give at least one"):
        solve_batch([], RULE)
    with pytest.raises(ValueError, match="solve them one by one"):
        solve_batch([small(), random_linear(rng=0, blocks=2)], RULE, max_iter=1)
    with pytest.raises(ValueError, match="starts has 1 entries for 2 games"):
        solve_batch([small(), small(1)], RULE, max_iter=1, starts=[EVEN])
    with pytest.raises(ValueError, match="references has 1 entries for 2 games"):
        solve_batch([small(), small(1)], RULE, max_iter=1, references=[other])
