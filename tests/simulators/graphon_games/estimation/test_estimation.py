"""Estimation: exact recovery from exact laws, counts against episodes, hidden positions, bad input."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.graphon_games.agents import simulate_agents, simulate_representatives
from tightbound.simulators.graphon_games.crowd_counts import simulate_counts, tally
from tightbound.simulators.graphon_games.estimation import (
    ExponentialFamily,
    InfectionChannel,
    InvestmentChannel,
    KernelEmbedding,
    PressureData,
    StochasticBlockFamily,
    estimate_graphon,
    prediction_risk,
    search_positions,
    sort_positions,
)
from tightbound.theory.graphon_games import (
    beach_bar,
    erdos_renyi,
    exponential,
    grid,
    investment,
    sis,
    stochastic_block,
)

CHANNELS = {"sis": (sis, InfectionChannel(), 0.8), "investment": (investment, InvestmentChannel(), 1.0)}
GRAPHONS = {"exp": (exponential(), ExponentialFamily()), "sbm": (stochastic_block(), StochasticBlockFamily())}


def exploring(game):
    chance = np.repeat(0.1 + 0.8 * game.positions[:, None], game.horizon, axis=1)
    chance[:, game.horizon // 2 :] = 1.0 - chance[:, game.horizon // 2 :]
    policy = np.stack([1.0 - chance, chance], axis=-1)[:, :, None]
    return np.broadcast_to(policy, (game.blocks, game.horizon, game.states, 2))


def readings(seed, agents=4, steps=6):
    rng = np.random.default_rng(seed)
    return rng.random((agents, steps)), rng.random((agents, steps)), rng.random((agents, steps))


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, derandomize=True, max_examples=25)
def test_risk_is_the_weighted_mean_square(seed):
    f, y, w = readings(seed)
    matrix = np.random.default_rng(seed + 1).random((4, 4))
    data = PressureData.from_readings(f, y, w)
    expected = (w * (y - matrix @ f / 4) ** 2).sum() / w.sum()
    assert data.risk(matrix) == pytest.approx(expected, rel=1e-10)
    scale, risk = data.fit(matrix)
    assert 0.0 <= scale <= 1.0
    assert risk <= min(data.risk(level * matrix) for level in np.linspace(0, 1, 21)) + 1e-12


def test_relative_pressure_is_the_agent_effect_whatever_the_weights():
    rng = np.random.default_rng(0)
    effect, time = np.array([0.5, 1.0, 2.0]), rng.random(7)
    data = PressureData.from_readings(np.ones((3, 7)), effect[:, None] * time, np.ones((3, 7)))
    np.testing.assert_allclose(data.relative / data.relative[1], effect)
    uneven = PressureData.from_readings(np.ones((3, 7)), effect[:, None] * time, rng.random((3, 7)))
    assert np.all(np.diff(uneven.relative) > 0)


@pytest.mark.parametrize("name", ["exp", "sbm"])
@pytest.mark.parametrize("kind", ["sis", "investment"])
def test_exact_laws_are_recovered_exactly(kind, name):
    make, channel, rate = CHANNELS[kind]
    graphon, family = GRAPHONS[name]
    game = make(graphon=graphon, blocks=10, horizon=8)
    data = channel.expected(game, exploring(game), game.positions)
    truth = rate * graphon.matrix(game.positions)
    known = family.fit(data, game.positions, channel.scale)
    np.testing.assert_allclose(known.interaction, truth, atol=1e-5)
    shuffle = np.random.default_rng(1).permutation(10)
    hidden_data = channel.expected(game, exploring(game), game.positions[shuffle])
    hidden = sort_positions(hidden_data, family, game.positions, channel.scale)
    np.testing.assert_allclose(hidden.fit.interaction, truth[np.ix_(shuffle, shuffle)], atol=1e-5)


@pytest.mark.parametrize("kind", ["sis", "investment"])
def test_counts_and_episodes_say_the_same(kind):
    make, channel, _ = CHANNELS[kind]
    game = make(blocks=5, horizon=6)
    runs = simulate_representatives(game, exploring(game), game.positions, 60, rng=0)
    one, two = channel.read(runs), channel.read(tally(runs, game.states, 2))
    for name in ("gram", "moment", "relative"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-12)
    assert one.energy == pytest.approx(two.energy)
    if kind == "sis":
        assert channel.recovery(runs) == pytest.approx(channel.recovery(tally(runs, 2, 2)))


@pytest.mark.parametrize("kind", ["sis", "investment"])
def test_agents_who_play_each_other_are_read_episode_by_episode(kind):
    make, channel, rate = CHANNELS[kind]
    game = make(blocks=8, horizon=8)
    runs = simulate_agents(game, exploring(game), 8, 3000, rng=0)
    found = estimate_graphon(runs, ExponentialFamily(), channel)
    assert found.error(rate * game.graphon.matrix(game.positions)) < (0.03 if kind == "sis" else 1e-6)
    assert found.game(blocks=8, horizon=8).name == kind


def test_estimated_game_has_the_estimated_numbers():
    game = sis(blocks=10, horizon=10)
    [counts] = simulate_counts(game, exploring(game), game.positions, 50_000, rng=0)
    found = estimate_graphon(counts, ExponentialFamily(), InfectionChannel())
    plugged = found.game(blocks=10, horizon=10)
    assert plugged.transition.infection == found.scale
    assert plugged.transition.recovery == pytest.approx(0.2, abs=0.003)
    assert found.parameters["theta"] == pytest.approx(3.0, abs=0.5)
    np.testing.assert_allclose(
        plugged.transition.infection * plugged.weights[0] * 10, found.interaction, atol=1e-12
    )


@pytest.mark.parametrize("name", ["exp", "sbm"])
@pytest.mark.parametrize("seed", range(3))
def test_exact_search_is_a_minimum_over_permutations(name, seed):
    graphon, family = GRAPHONS[name]
    game = sis(graphon=graphon, blocks=4, horizon=6)
    [counts] = simulate_counts(game, exploring(game), game.positions, 300, rng=seed)
    data = InfectionChannel().read(counts)
    found = search_positions(data, family, game.positions)
    risks = [family.fit(data, list(x)).risk for x in itertools.permutations(game.positions)]
    assert found.fit.risk == pytest.approx(min(risks), rel=1e-6)
    assert sorted(found.positions) == pytest.approx(game.positions)


@given(seed=st.integers(0, 1000))
@settings(deadline=None, derandomize=True, max_examples=15)
def test_sorting_hands_out_a_permutation_and_swaps_never_hurt(seed):
    game = sis(blocks=6, horizon=6)
    [counts] = simulate_counts(game, exploring(game), game.positions, 100, rng=seed)
    data, family = InfectionChannel().read(counts), ExponentialFamily()
    found = sort_positions(data, family, game.positions)
    assert sorted(found.positions) == pytest.approx(game.positions)
    ranks = data.relative.argsort(kind="stable").argsort(kind="stable")
    sorted_only = min(family.fit(data, x[ranks]).risk for x in (game.positions, game.positions[::-1]))
    assert found.fit.risk <= sorted_only + 1e-15
    assert found.fit.risk >= search_positions(data, family, game.positions).fit.risk * (1 - 1e-6)


def test_relabelling_the_agents_relabels_the_estimate():
    game = sis(graphon=stochastic_block(), blocks=10, horizon=8)
    truth = 0.8 * game.graphon.matrix(game.positions)
    shuffle = np.random.default_rng(0).permutation(10)
    [counts] = simulate_counts(game, exploring(game), game.positions[shuffle], 200_000, rng=0)
    found = estimate_graphon(counts, StochasticBlockFamily(), InfectionChannel(), positions="hidden")
    assert found.error(truth[np.ix_(shuffle, shuffle)]) < 0.02
    assert found.error(truth) > 0.1


def test_levels_stay_in_their_range_and_are_optimal_there():
    f, y, w = readings(5, agents=5, steps=8)
    data, x = PressureData.from_readings(f, 2.0 * y, w), grid(5)
    family = StochasticBlockFamily()
    fit = family.fit(data, x, scale=0.5)
    assert max(fit.parameters[name] for name in "abc") <= 1.0
    rng = np.random.default_rng(0)
    for _ in range(300):
        a, b, c = rng.random(3)
        k = rng.choice((x[1:] + x[:-1]) / 2)
        assert fit.risk <= data.risk(0.5 * stochastic_block(a, b, c, k).matrix(x)) + 1e-12


def test_kernel_ridge_solves_its_normal_equations():
    game = sis(blocks=3, horizon=4)
    [counts] = simulate_counts(game, exploring(game), game.positions, 200, rng=0)
    method, z = KernelEmbedding(0.4, 1e-2), np.random.default_rng(0).random((3, 3, 2))
    found = method.predict(counts, z, z)
    n = counts.pairs[:, :-1, 0, 0].ravel()
    y = np.divide(counts.moves[:, :, 0, 0, 1].ravel(), n)
    flat = z.reshape(-1, 2)
    k = np.exp(-((flat[:, None] - flat[None]) ** 2).sum(-1) / (2 * 0.4**2))
    alpha = np.linalg.lstsq(k @ np.diag(n) @ k + n.sum() * 1e-2 * k, k @ (n * y), rcond=None)[0]
    np.testing.assert_allclose(found[:, :, 0, 0, 1].ravel(), k @ alpha, atol=1e-7)


def test_prediction_learns_kernel_and_reward():
    game = sis(blocks=10, horizon=6)
    policy = exploring(game)
    train, test = simulate_counts(game, policy, game.positions, 20_000, repeats=2, rng=0)
    method = KernelEmbedding(0.3, 1e-5)
    true = prediction_risk(method, train, test, game.graphon, game.positions)
    wrong = prediction_risk(method, train, test, erdos_renyi(0.5), game.positions)
    assert true < 0.2 * wrong
    assert true < 1e-3


def test_unseen_pairs_are_predicted_as_zero():
    game = sis(blocks=3, horizon=4)
    never = np.broadcast_to(np.array([1.0, 0.0]), (3, 4, 2, 2))
    [counts] = simulate_counts(game, never, game.positions, 50, rng=0)
    found = KernelEmbedding(0.3, 1e-3).predict(counts, counts.laws[:, :-1], np.zeros((1, 2)))
    assert not found[:, :, 1].any()
    assert found[0, 1, 0, 2] != 0.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"feature": np.ones((1, 3)), "response": np.ones((1, 3)), "weights": np.ones((1, 3))},
            "N at least 2",
        ),
        ({"response": np.ones((4, 5))}, "feature, response and weights have shapes"),
        ({"response": np.full((4, 6), np.nan)}, "NaN or infinite: set weight and response to 0"),
        ({"weights": -np.ones((4, 6))}, "weights has the entry -1"),
        ({"weights": np.eye(4, 6)[[0, 1, 1, 0]] * [[1], [1], [0], [1]]}, r"weights is 0 for agents \[2\]"),
    ],
)
def test_bad_readings(change, words):
    given = dict(zip(("feature", "response", "weights"), readings(0), strict=True)) | change
    with pytest.raises(ValueError, match=words):
        PressureData.from_readings(**given)


def test_bad_matrices_positions_and_factors():
    data = PressureData.from_readings(*readings(0))
    x = grid(4)
    for call, words in (
        (lambda: data.risk(np.ones((3, 3))), r"matrices has shape \(3, 3\): give \(..., 4, 4\)"),
        (lambda: data.risk(np.full((4, 4), np.nan)), "matrices has entries that are NaN"),
        (lambda: ExponentialFamily().fit(data, x[:3]), r"positions has shape \(3,\): give one position per"),
        (lambda: ExponentialFamily().fit(data, x + 1), r"positions leave \[0, 1\]"),
        (lambda: ExponentialFamily().fit(data, x, scale=1.5), "scale is 1.5: the factor of the graphon lies"),
        (lambda: StochasticBlockFamily().fit(data, x, scale=0.0), "scale is 0: nothing is seen"),
        (lambda: StochasticBlockFamily().fit(data, np.full(4, 0.5)), "positions are all equal"),
        (lambda: ExponentialFamily(least=2.0, most=1.0), "least, most are 2.0, 1.0: give 0 < least < most"),
        (lambda: ExponentialFamily(points=2), "points is 2: give at least 3"),
        (lambda: KernelEmbedding(0.0, 1.0), "bandwidth is 0.0: give a positive number"),
        (lambda: KernelEmbedding(1.0, -1.0), "ridge is -1.0: give a positive number"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    many = PressureData.from_readings(*readings(0, agents=8))
    with pytest.raises(ValueError, match=r"data has 8 agents: at most 7.*use sort_positions"):
        search_positions(many, ExponentialFamily(), grid(8))


def test_bad_options_and_games():
    game = sis(blocks=4, horizon=4)
    [counts] = simulate_counts(game, exploring(game), game.positions, 100, rng=0)
    family, channel = ExponentialFamily(), InfectionChannel()
    with pytest.raises(ValueError, match="positions is 'secret': choose 'known' or 'hidden'"):
        estimate_graphon(counts, family, channel, positions="secret")
    with pytest.raises(ValueError, match="search is 'all': choose 'sort' or 'exact'"):
        estimate_graphon(counts, family, channel, search="all")
    with pytest.raises(ValueError, match=r"interaction has shape \(2, 2\): give \(4, 4\)"):
        estimate_graphon(counts, family, channel).error(np.ones((2, 2)))
    other = beach_bar(blocks=4, horizon=4)
    with pytest.raises(ValueError, match="infections are read in the game sis"):
        channel.expected(other, np.full((4, 4, 10, 3), 1 / 3), other.positions)
    with pytest.raises(ValueError, match="qualities are read in investment"):
        InvestmentChannel().expected(game, game.uniform_policy(), game.positions)
    masked = np.broadcast_to(np.array([0.0, 1.0]), (4, 4, 2, 2))
    [silent] = simulate_counts(game, masked, game.positions, 100, rng=0)
    with pytest.raises(
        ValueError, match="never gave a reading; raise the number of episodes or take a policy"
    ):
        estimate_graphon(silent, family, channel)
    [fewer] = simulate_counts(game, game.uniform_policy(), [0.1, 0.9], 100, rng=0)
    with pytest.raises(ValueError, match="count the same agents"):
        prediction_risk(KernelEmbedding(0.3, 1e-3), counts, fewer, game.graphon, game.positions)
    with pytest.raises(ValueError, match="positions has 2 entries: give one per agent, 4"):
        prediction_risk(KernelEmbedding(0.3, 1e-3), counts, counts, game.graphon, [0.1, 0.9])
    with pytest.raises(ValueError, match="z, at have shapes"):
        KernelEmbedding(0.3, 1e-3).predict(counts, np.zeros((2, 2, 2)), np.zeros((1, 2)))


def test_exact_search_through_the_pipeline():
    game = sis(blocks=5, horizon=8)
    [counts] = simulate_counts(game, exploring(game), game.positions, 100_000, rng=0)
    found = estimate_graphon(
        counts, ExponentialFamily(), InfectionChannel(), positions="hidden", search="exact"
    )
    np.testing.assert_allclose(found.positions, game.positions)
