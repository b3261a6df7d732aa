"""Every policy has two forms; both must play the same arms on the same draws."""

import numpy as np
import pytest

from tightbound.simulators import bandits as b
from tightbound.simulators.bandits.streams import CHANNEL, CHANNEL_ROUND, POLICY, Coins, Stream, seed_of

SEED = 20250515
BUDGETS = np.arange(1, 901)

IID = b.TruncatedGeometric([0.7, 0.8, 0.2, 0.75], 4)
COARSE = b.Categorical([[0.5, 0.3, 0.2], [0.0, 0.5, 0.5], [0.2, 0.6, 0.2]])
MARKOV = b.StationaryMeanMarkov(
    [[0.0, 1.0, 0.0], [0.2, 0.5, 0.3], [0.9, 0.0, 0.1]], [[0.5, 0.0, 0.5], [0.4, 0.1, 0.5], [0.8, 0.2, 0.0]]
)
DRIFT = b.Drifting([[0.1, 0.1, 0.8], [0.8, 0.1, 0.1]], [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]], change=60)
TABLE = b.Table(np.random.default_rng(1).integers(1, 6, size=(300, 3)), after=[2, 1, 3])
TRACE = b.PositionTrace(np.random.default_rng(2).integers(1, 6, size=(900, 3)))
LENGTHS = b.SpeculationLengths(0.8, (1, 3, 7), costs=[1.0, 1.3, 2.2])
CONFIDENT = b.ConfidentSpeculation(0.95, 0.2, 0.7, (0, 1, 3, 6))
SINGLE = b.TruncatedGeometric([0.5], 4)

PAIRS = [
    (b.UCBSpec(), IID),
    (b.UCBSpec(delta=0.1, scale=0.2), MARKOV),
    (b.UCBSpec(scale=0.0), IID),
    (b.UCBSpec(), TABLE),
    (b.UCBSpec(scale=0.1), TRACE),
    (b.UCBSpec(), SINGLE),
    (b.PooledUCBSpec(), IID),
    (b.Greedy(), IID),
    (b.Greedy(), TRACE),
    (b.ReleasedUCB(), IID),
    (b.ReleasedUCB(warmup=5, costs=[1.0, 2.0, 3.0]), COARSE),
    (b.UCB1(), COARSE),
    (b.UCBTuned(), IID),
    (b.UCBV(), COARSE),
    (b.MOSS(), IID),
    (b.CostAwareUCBSpec(costs=[1.0, 1.3, 2.2]), LENGTHS),
    (b.ThroughputUCB(costs=[1.0, 1.3, 2.2], reward_range=(0.4, 8.0)), LENGTHS),
    (b.SlidingWindowUCB(window=40), DRIFT),
    (b.SlidingWindowUCB(window=3), IID),
    (b.DiscountedUCB(discount=0.97), DRIFT),
    (b.DiscountedUCB(discount=1.0), COARSE),
    (b.MetaSDUCB(), IID),
    (b.EXP3Spec(), IID),
    (b.EXP3Spec(), TABLE),
    (b.EXP3Spec(), SINGLE),
    (b.ConstantRateEXP3(eta=0.5), TABLE),
    (b.UnweightedEXP3(), TABLE),
    (b.EXP3S(), DRIFT),
    (b.Hedge(), IID),
    (b.Hedge(), TABLE),
    (b.Hedge(), DRIFT),
    (b.HedgeSpec(), IID),
    (b.HedgeSpec(delayed=False), COARSE),
    (b.TokenThompson(), IID),
    (b.TokenThompson(lengths=(1, 3, 7), costs=[1.0, 1.3, 2.2]), LENGTHS),
    (b.TokenThompson(assume_tgd=True), TRACE),
    (b.TokenKLUCB(), IID),
    (b.TokenKLUCB(c=3.0, assume_tgd=True), COARSE),
    (b.TokenKLUCB(lengths=(1, 3, 7), costs=[1.0, 1.3, 2.2]), LENGTHS),
    (b.FixedArm(2), MARKOV),
    (b.RoundRobin(), IID),
    (b.EpsilonGreedy(c=0.5), IID),
    (b.EpsilonGreedy(c=0.1), COARSE),
    (b.HeuristicSchedule(), b.SpeculationLengths(0.8, (1, 2, 3, 4, 5, 6))),
    (b.HeuristicSchedule(lengths=(1, 3, 7), start=1), LENGTHS),
    (b.EMAHysteresis(), LENGTHS),
    (b.ConfidenceThreshold(lengths=(0, 1, 3, 6)), CONFIDENT),
    (b.UCBSpec(), CONFIDENT),
]


def tokens_of(env, replication, seed, arm, pulls, rounds, position, previous):
    """Tokens that ``arm`` yields now, from the definition of the streams."""
    kernel = env.kernel_environment()
    if isinstance(env, b.Table):
        return int(env.y[rounds, arm] if rounds < len(env.y) else env.after[arm])
    if isinstance(env, b.PositionTrace):
        return int(env.y[position, arm])
    if isinstance(env, b.ConfidentSpeculation):
        channel = Stream(seed, replication, CHANNEL)
        y = 1
        for k, p in enumerate(confidence(env, replication, seed, rounds)[: env.lengths[arm]]):
            if channel.uniform(rounds * CHANNEL_ROUND + 2 * k + 1) >= p:
                break
            y += 1
        return y
    mode = 0
    if isinstance(env, b.StationaryMeanMarkov):
        mode = int(previous > env.switch)
    elif isinstance(env, b.Drifting):
        mode = int(rounds >= env.change)
    u = Stream(seed, replication, arm).uniform(pulls)
    return 1 + int(np.sum(u >= kernel.cumulative[mode, arm, :-1]))


def confidence(env, replication, seed, rounds):
    channel = Stream(seed, replication, CHANNEL)
    coins = [channel.uniform(rounds * CHANNEL_ROUND + 2 * k) for k in range(env.max_draft)]
    return [env.high if u < env.share else env.low for u in coins]


def levels_of(env, spread, replication, seed, arm, rounds):
    stream = Stream(seed, replication, CHANNEL + arm)
    out = []
    for k, p in enumerate(env.levels[arm]):
        width = min(spread, p, 1.0 - p)
        out.append(p + width if stream.uniform(rounds * CHANNEL_ROUND + k) < 0.5 else p - width)
    return out


def replay(env, policy, budget, seed, replication):
    """Arms and tokens of one run of the Python form."""
    state = policy.init(env.arms, env.max_draft)
    coins = Stream(seed, replication, POLICY)
    played, position, previous = [], 0, 0
    while position < budget:
        rounds = len(played)
        if isinstance(policy, b.ConfidenceThreshold):
            state = policy.observe(state, confidence(env, replication, seed, rounds))
        arm = policy.choose(state, Coins(coins, rounds))
        every = type(policy) is b.Hedge

        def yielded(i, rounds=rounds, every=every, state=state, position=position, previous=previous):
            return tokens_of(
                env, replication, seed, i, rounds if every else state.counts[i], rounds, position, previous
            )

        y = yielded(arm)
        revealed = None
        if every:
            revealed = [yielded(i) for i in range(env.arms)]
        elif isinstance(policy, b.HedgeSpec):
            levels = [levels_of(env, policy.spread, replication, seed, i, rounds) for i in range(env.arms)]
            revealed = b.one_step_estimate(levels)
        elif isinstance(policy, b.MetaSDUCB):
            revealed = np.zeros(env.arms)
            revealed[arm] = np.mean(levels_of(env, policy.spread, replication, seed, arm, rounds))
        state = policy.update(state, arm, y, revealed)
        played.append((arm, y))
        position += y
        previous = y
    return np.array(played)


@pytest.mark.parametrize(("policy", "env"), PAIRS, ids=lambda x: type(x).__name__)
def test_both_forms_play_the_same_arms(policy, env):
    result = b.simulate(env, policy, BUDGETS, replications=2, rng=SEED)
    for r in range(2):
        played = replay(env, policy, BUDGETS[-1], seed_of(SEED), r)
        pulls = np.cumsum(played[:, :1] == np.arange(env.arms), axis=0)
        total = np.cumsum(played[:, 1])
        rounds = np.searchsorted(total, BUDGETS)
        np.testing.assert_array_equal(result.stopping_time[r], rounds + 1)
        np.testing.assert_array_equal(result.overshoot[r], total[rounds] - BUDGETS)
        np.testing.assert_array_equal(result.pulls[r], pulls[rounds])
