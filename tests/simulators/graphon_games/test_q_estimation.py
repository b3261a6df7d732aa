"""Estimated action values: unbiased where covered, zero where not, and refused where they make no sense."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.graphon_games.q_estimation import estimate_action_values, representative_blocks
from tightbound.theory.graphon_games import action_values, flow, random_linear

GAME = random_linear(rng=3, blocks=4, horizon=3, states=3, actions=2)
EVEN = GAME.uniform_policy()
GOOD = {"agents": 2, "episodes": 64, "lam": 0.5}


def test_the_mean_over_replications_is_the_exact_value():
    found = estimate_action_values(GAME, EVEN, agents=4, episodes=400, lam=0.5, replications=200, key=1)
    exact = action_values(GAME, EVEN, flow(GAME, EVEN), 0.5)
    # Cells that some replication missed keep a 0 and are biased by design.
    covered = (found.visits > 0).all(axis=0)
    assert covered.mean() > 0.8
    error = found.value.mean(axis=0) - exact[found.agents]
    spread = found.value.std(axis=0, ddof=1) / np.sqrt(200)
    assert (np.abs(error) <= 5.0 * spread + 1e-9)[covered].all()


def test_the_last_step_is_exact_where_visited():
    found = estimate_action_values(GAME, EVEN, **GOOD)
    exact = action_values(GAME, EVEN, flow(GAME, EVEN), 0.5)[found.agents, -1]
    visited = found.visits[0, :, -1] > 0
    np.testing.assert_allclose(found.value[0, :, -1][visited], exact[visited], rtol=1e-12)


def test_every_episode_visits_one_cell_per_step():
    found = estimate_action_values(GAME, EVEN, **GOOD, replications=3)
    np.testing.assert_array_equal(found.visits.sum(axis=(-1, -2)), np.full((3, 2, 3), 64.0))
    np.testing.assert_array_equal(found.by_block, found.value[:, found.nearest])


def test_actions_never_played_keep_the_value_zero():
    behaviour = np.zeros_like(EVEN)
    behaviour[..., 1] = 1.0
    found = estimate_action_values(GAME, EVEN, **GOOD, behaviour=behaviour)
    assert not found.visits[..., 0].any()
    assert not found.value[..., 0].any()


def test_replications_differ_and_keys_repeat():
    one, again = (estimate_action_values(GAME, EVEN, **GOOD, replications=2, key=5) for _ in range(2))
    np.testing.assert_array_equal(one.value, again.value)
    assert not np.array_equal(one.value[0], one.value[1])


def test_replications_in_chunks_equal_those_at_once(monkeypatch):
    from tightbound.simulators.graphon_games import q_estimation

    whole = estimate_action_values(GAME, EVEN, **GOOD, replications=5, key=2)
    monkeypatch.setattr(q_estimation, "_EPISODES_AT_ONCE", 2 * 64 * 2)
    parts = estimate_action_values(GAME, EVEN, **GOOD, replications=5, key=2)
    np.testing.assert_allclose(parts.value, whole.value, rtol=1e-13)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(1, 60), st.integers(2, 60))
def test_nearest_representatives_are_nearest(blocks, agents):
    chosen, nearest = representative_blocks(blocks, agents)
    assert chosen.shape == (agents,)
    assert nearest.shape == (blocks,)
    distance = np.abs(np.arange(blocks)[:, None] - chosen[None])
    np.testing.assert_array_equal(distance[np.arange(blocks), nearest], distance.min(axis=1))
    assert distance.min(axis=1).max() <= blocks / (2 * agents) + 1.0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"agents": 1}, "agents is 1: give at least 2"),
        ({"episodes": 0}, "episodes is 0: each representative needs one"),
        ({"replications": 0}, "replications is 0"),
        ({"lam": -1.0}, "lam is -1.0: the entropy weight"),
        ({"behaviour": EVEN[:2]}, "behaviour has shape"),
        ({"behaviour": 0.4 + 0.0 * EVEN}, "behaviour has a row that sums to"),
    ],
)
def test_bad_input_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        estimate_action_values(GAME, EVEN, **(GOOD | wrong))


def test_bad_policies_are_refused():
    with pytest.raises(ValueError, match=r"policy has shape .* reshape"):
        estimate_action_values(GAME, EVEN[0], **GOOD)
    with pytest.raises(ValueError, match="NaN or infinite"):
        estimate_action_values(GAME, EVEN * np.nan, **GOOD)
    with pytest.raises(TypeError, match=r"episodes is 2\.5"):
        estimate_action_values(GAME, EVEN, agents=2, episodes=2.5, lam=0.5)
    with pytest.raises(ValueError, match="blocks is 0"):
        representative_blocks(0, 2)
