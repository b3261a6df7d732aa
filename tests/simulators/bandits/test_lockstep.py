"""Replications that advance together play what each plays alone, to the bit."""

import numpy as np
import pytest

from tightbound.simulators import bandits as b
from tightbound.simulators.bandits import _kernel
from tightbound.simulators.bandits._kernel_lockstep import FEWEST, LANES, LOGARITHMS
from tightbound.simulators.bandits.simulate import kernel_arguments

SEED = np.uint64(20250515)
COSTS = [1.0, 1.3, 2.2]
IID = b.TruncatedGeometric([0.9, 0.8, 0.3], 4)
MARKOV = b.StationaryMeanMarkov(
    [[0.0, 1.0, 0.0], [0.2, 0.5, 0.3], [0.9, 0.0, 0.1]], [[0.5, 0.0, 0.5], [0.4, 0.1, 0.5], [0.8, 0.2, 0.0]]
)
DRIFT = b.Drifting([[0.1, 0.1, 0.8], [0.8, 0.1, 0.1]], [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]], change=60)
SINGLE = b.TruncatedGeometric([0.5], 3)
THROUGHPUT = b.ThroughputUCB(costs=COSTS, reward_range=(0.4, 5.0))
INDICES = [
    b.UCBSpec(),
    b.UCBSpec(delta=0.1, scale=0.1),
    b.Greedy(),
    b.ReleasedUCB(costs=COSTS),
    b.UCB1(),
    b.UCBTuned(),
    b.UCBV(),
    b.MOSS(),
    b.PooledUCBSpec(),
    b.CostAwareUCBSpec(costs=COSTS),
    THROUGHPUT,
]


def together(policy, env, replications, checkpoints):
    environment, rules = kernel_arguments(env, policy)
    return _kernel.run(*rules, *environment, SEED, 0, replications, checkpoints)[:3]


def alone(policy, env, replications, checkpoints):
    environment, rules = kernel_arguments(env, policy)
    pulls = np.zeros((replications, checkpoints.size, env.arms), dtype=np.int64)
    stopping_time, overshoot = (np.zeros(pulls.shape[:2], dtype=np.int64) for _ in range(2))
    for r in range(replications):
        _kernel.run_one(*rules, *environment, SEED, r, checkpoints, pulls[r], stopping_time[r], overshoot[r])
    return pulls, stopping_time, overshoot


@pytest.mark.parametrize(
    ("policy", "env"),
    [(policy, IID) for policy in INDICES]
    + [(policy, MARKOV) for policy in INDICES]
    + [(b.UCBSpec(scale=0.2), DRIFT), (b.UCBV(), DRIFT), (b.UCBSpec(), SINGLE), (b.UCB1(), SINGLE)],
    ids=lambda x: type(x).__name__,
)
def test_together_is_alone(policy, env):
    checkpoints = np.array([1, 2, 3, 50, 51, 900])
    for one, other in zip(
        together(policy, env, 2 * LANES + 13, checkpoints),
        alone(policy, env, 2 * LANES + 13, checkpoints),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("policy", [b.UCBSpec(), b.UCB1(), THROUGHPUT], ids=lambda x: type(x).__name__)
def test_rounds_beyond_the_table_of_logarithms(policy):
    env = b.Categorical([[0.9, 0.1, 0.0], [1.0, 0.0, 0.0], [0.95, 0.0, 0.05]])
    checkpoints = np.array([LOGARITHMS - 1, LOGARITHMS, LOGARITHMS + 1, 2 * LOGARITHMS])
    mixed = together(policy, env, FEWEST, checkpoints)
    assert mixed[1].max() > LOGARITHMS + 1000
    for one, other in zip(mixed, alone(policy, env, FEWEST, checkpoints), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_replication_does_not_depend_on_how_many_there_are():
    checkpoints = np.array([40, 400])
    most = together(b.UCB1(), IID, 3 * LANES, checkpoints)[0]
    for count in (1, FEWEST - 1, FEWEST, LANES - 1, LANES, LANES + 1, 2 * LANES + 1):
        np.testing.assert_array_equal(together(b.UCB1(), IID, count, checkpoints)[0], most[:count])
