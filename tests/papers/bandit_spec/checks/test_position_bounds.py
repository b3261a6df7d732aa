"""The traces behind BS-10c-g have the properties that the statements use."""

import itertools

import numpy as np
import pytest

from tightbound.papers.bandit_spec.checks.position_bounds import PATTERNS, POSITION_BOUNDS, RAMP, SPIKE, TRAP
from tightbound.theory.bandits.shortest_path import coherence_share, fixed_arm_costs


@pytest.mark.parametrize("trace", ["trap", "mirrored trap"])
def test_the_trap_is_never_left_and_yields_at_most_8_tokens_in_3_rounds(trace):
    pattern = PATTERNS[trace]
    best = 0.0
    for start, arms in itertools.product((1, 2, 3), itertools.product((0, 1), repeat=6)):
        residue, path = start, [start]
        tokens = 0
        for arm in arms:
            tokens += pattern[residue, arm]
            residue = (residue + pattern[residue, arm]) % 4
            path.append(residue)
        assert 0 not in path
        best = max(best, tokens)
    assert best <= 2 * 8 + 1  # a path that is no cycle gains at most one token


def test_the_wrong_first_round_leaves_residue_0_and_the_right_one_does_not():
    assert (TRAP[0] % 4 == 0).tolist() == [True, False]


def test_limits_of_the_spike_and_the_ramp():
    tokens = 12_000
    for pattern, limit in ((SPIKE, 1 / 12), (RAMP, 1 / 30)):
        alone = fixed_arm_costs(np.tile(pattern, (tokens // len(pattern), 1)))
        assert (alone[1] - alone[0]) / tokens == pytest.approx(limit)


def test_the_ramp_is_coherent_and_the_spike_is_not():
    assert np.all(coherence_share(np.tile(RAMP, (10, 1))) == 1)
    assert coherence_share(np.tile(SPIKE, (10, 1)))[0] < 1


def test_playing_both_arms_alike_shows_arm_0_at_2_2_tokens():
    move = np.zeros((4, 4))
    for residue, arm in itertools.product(range(4), range(2)):
        move[residue, (residue + SPIKE[residue, arm]) % 4] += 0.5
    stationary = np.linalg.matrix_power(move, 200)[0]
    assert stationary @ SPIKE[:, 0] == pytest.approx(2.2)


@pytest.mark.parametrize("claim", POSITION_BOUNDS, ids=lambda claim: claim.id)
def test_evidence_is_finite(claim):
    data = claim.measure(claim.grid.quick[0], np.random.default_rng(0))
    assert all(np.all(np.isfinite(values)) for values in data.values())
