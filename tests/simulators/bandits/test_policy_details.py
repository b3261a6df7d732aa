import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import beta as beta_law
from scipy.stats import kstest

from tightbound.simulators import bandits as b
from tightbound.simulators.bandits import _kernel_token
from tightbound.simulators.bandits.policies import token_kl_ucb, token_thompson
from tightbound.simulators.bandits.policies.token_thompson import TokenPolicy
from tightbound.simulators.bandits.streams import POLICY, Coins, Stream
from tightbound.theory.bandits import bernoulli_kl, law_mean, law_variance, truncated_geometric


@pytest.mark.parametrize(("a", "c"), [(1.0, 1.0), (1.0, 6.0), (3.0, 2.0), (40.0, 7.0), (5000.0, 300.0)])
def test_beta_draws_follow_the_beta_law(a, c):
    coins = Coins(Stream(1, 0, POLICY), 0)
    draws = [token_thompson.beta(a, c, coins) for _ in range(4000)]
    assert kstest(draws, beta_law(a, c).cdf).pvalue > 1e-6


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.integers(0, 2000), st.integers(0, 2000), st.floats(1e-3, 20.0))
def test_the_kl_bound_solves_its_equation(accepted, rejected, target):
    trials = accepted + rejected
    if trials == 0:
        return
    p = accepted / trials
    newton = _kernel_token.kl_upper(p, float(trials), target)
    assert newton == pytest.approx(token_kl_ucb.kl_upper(p, float(trials), target), abs=1e-9)
    if p < newton < 1.0 - 1e-9:
        root = brentq(lambda q: float(bernoulli_kl(p, q)) - target / trials, p, 1.0 - 1e-12, xtol=1e-14)
        assert newton == pytest.approx(root, abs=1e-8)


@pytest.mark.parametrize("policy", [b.TokenThompson(), b.TokenKLUCB()])
def test_token_counts_are_the_likelihood_of_the_truncated_law(policy):
    state = policy.init(1, 4)
    for y in (1, 3, 5, 5, 2):
        state = policy.update(state, 0, y)
    accepted, rejected = state.memory["accepted"][0], state.memory["rejected"][0]
    for p in (0.2, 0.7):
        law = truncated_geometric(p, 4)
        expected = sum(np.log(law[y - 1]) for y in (1, 3, 5, 5, 2))
        assert accepted * np.log(p) + rejected * np.log1p(-p) == pytest.approx(expected)


def test_lengths_share_one_posterior():
    policy = b.TokenThompson(lengths=(1, 3))
    state = policy.init(2, 3)
    state = policy.update(state, 0, 2)  # length 1 fully accepted: one success, no failure
    state = policy.update(state, 1, 2)  # length 3 rejected at the second token
    np.testing.assert_array_equal(state.memory["accepted"], [2.0, 2.0])
    np.testing.assert_array_equal(state.memory["rejected"], [1.0, 1.0])


def test_the_token_policies_without_their_assumption():
    # laws that are no runs of Bernoulli trials: the arm that is better by single tokens may be worse
    laws = [[0.5, 0.0, 0.0, 0.0, 0.5], [0.0, 0.34, 0.33, 0.33, 0.0]]
    means = law_mean(laws)
    shares = [0.5 * 4 / (0.5 + 0.5 * 4), (means[1] - 1) / means[1]]
    assert means[0] > means[1]
    assert shares[0] > shares[1]
    result = b.simulate(b.Categorical(laws), b.TokenKLUCB(assume_tgd=True), 2000, replications=200, rng=1)
    assert result.value[0] < 30
    flipped = [[0.45, 0.0, 0.0, 0.0, 0.55], [0.0, 0.0, 0.34, 0.66, 0.0]]
    means = law_mean(flipped)
    assert means[1] > means[0]
    lost = b.simulate(
        b.Categorical(flipped), b.TokenKLUCB(assume_tgd=True), [2000, 20000], replications=200, rng=1
    )
    sound = b.simulate(b.Categorical(flipped), b.UCB1(), [2000, 20000], replications=200, rng=1)
    growth = lost.value[1] / lost.value[0], sound.value[1] / sound.value[0]
    assert growth[0] > 7.0 > growth[1]


def test_the_bonus_differs_between_arms_unless_pooled():
    counts, sums = np.array([10, 90]), np.array([20, 180])
    bonus = b.UCBSpec().index(counts, sums, 100, 4) - sums / counts
    assert bonus[0] > 2 * bonus[1]
    pooled = b.PooledUCBSpec().index(counts, sums, 100, 4) - sums / counts
    assert pooled[0] == pooled[1]
    released = b.ReleasedUCB().index(counts, sums, 100, 4) - sums / counts
    assert released[0] == released[1]


def test_the_square_of_the_round_does_not_overflow():
    index = b.UCBSpec().index(np.array([100_000], dtype=np.int64), np.array([200_000]), 3_000_000_000, 4)
    assert np.isfinite(index[0])
    result = b.simulate(b.TruncatedGeometric([0.1, 0.05], 1), b.UCBSpec(), 120_000, replications=1, rng=0)
    assert result.stopping_time[0, 0] > 46_341
    assert result.pulls[0, 0].min() > 1000


def test_one_step_estimate_is_unbiased_by_enumeration():
    # independent levels with mean p: the estimate averages to the mean length, with a variance below L^2 / 4
    p, spread, depth = 0.7, 0.2, 4
    levels = np.array(np.meshgrid(*[[p - spread, p + spread]] * depth)).reshape(depth, -1).T
    estimates = b.one_step_estimate(levels)
    assert estimates.mean() == pytest.approx(float(law_mean(truncated_geometric(p, depth))), abs=1e-12)
    assert estimates.var() < float(law_variance(truncated_geometric(p, depth))) / 3
    assert estimates.var() <= depth**2 / 4


def test_delayed_estimates_count_only_once_the_text_behind_them_is_verified():
    policy = b.HedgeSpec(delayed=True)
    state = policy.init(2, 3)
    state = policy.update(state, 0, 2, revealed=[2.0, 4.0])  # position 0 needs 3 verified tokens, 2 exist
    np.testing.assert_array_equal(state.memory["losses"], [0.0, 0.0])
    state = policy.update(state, 0, 1, revealed=[1.0, 1.0])  # 3 tokens exist
    np.testing.assert_allclose(state.memory["losses"], [2 / 3, 0.0])


def test_a_mean_of_levels_orders_arms_with_less_variance():
    env = b.TruncatedGeometric([0.9, 0.85, 0.8, 0.75], 6)
    plain = b.simulate(env, b.UCB1(), 5000, replications=300, rng=1)
    # an index for rewards anywhere in [0, 1] wastes the smaller variance: the gaps shrink as well
    wide = b.simulate(env, b.MetaSDUCB(), 5000, replications=300, rng=1)
    narrow = b.simulate(env, b.MetaSDUCB(exploration=8 * 0.1**2 / 6), 5000, replications=300, rng=1)
    assert narrow.value[0] < 0.5 * plain.value[0] < wide.value[0]


def test_full_information_beats_bandit_feedback():
    env = b.TruncatedGeometric([0.8] + [0.6] * 15, 4)
    bandit = b.simulate(env, b.EXP3Spec(), 3000, replications=200, rng=1)
    full = b.simulate(env, b.Hedge(), 3000, replications=200, rng=1)
    assert full.value[0] < 0.3 * bandit.value[0]


def test_released_rule_cycles_through_its_warm_up():
    result = b.simulate(
        b.TruncatedGeometric([0.5] * 4, 4), b.ReleasedUCB(), np.arange(1, 30), replications=1, rng=0
    )
    seventh = np.flatnonzero(result.stopping_time[0] == 7)[0]
    assert result.pulls[0, seventh].tolist() == [2, 2, 2, 1]


def test_greedy_locks_on_a_wrong_arm_and_ucbspec_does_not():
    env = b.TruncatedGeometric([0.7, 0.5], 4)
    budgets = [2000, 20000]
    greedy = b.simulate(env, b.Greedy(), budgets, replications=2000, rng=1)
    ucb = b.simulate(env, b.UCBSpec(), budgets, replications=200, rng=1)
    assert greedy.value[1] / greedy.value[0] > 7.0
    assert ucb.value[1] / ucb.value[0] < 3.0


def test_exp3_underflow_is_harmless():
    # after a long run the worse arm has probability 0 in floating point; nothing is divided by it
    table = b.Table(np.tile([5, 1], (200_000, 1)))
    result = b.simulate(table, b.ConstantRateEXP3(eta=50.0), 200_000, replications=3, rng=0)
    assert np.all(np.isfinite(result.regret))


def test_batch_size_table_is_a_lookup():
    table = b.BatchSizeTable(((1, 7), (64, 2), (128, 0)))
    assert [table.length(n) for n in (1, 63, 64, 127, 128, 10**6)] == [7, 7, 2, 2, 0, 0]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: b.UCBSpec(delta=1.0), ["delta", "between 0 and 1"]),
        (lambda: b.UCBSpec(scale=-0.1), ["scale", "at least 0"]),
        (lambda: b.UCBSpec(scale=float("nan")), ["scale", "finite"]),
        (lambda: b.PooledUCBSpec(delta=0.0), ["delta"]),
        (lambda: b.ConstantRateEXP3(eta=0.0), ["eta", "above 0"]),
        (lambda: b.EXP3S(exploration=0.0), ["exploration", "above 0"]),
        (lambda: b.EXP3S(share=2.0), ["share", "at most 1"]),
        (lambda: b.EpsilonGreedy(c=0.0), ["c is", "above 0"]),
        (lambda: b.SlidingWindowUCB(window=0), ["window", "at least 1"]),
        (lambda: b.DiscountedUCB(discount=1.5), ["discount", "at most 1"]),
        (lambda: b.FixedArm(-1), ["arm", "at least 0"]),
        (lambda: b.ReleasedUCB(warmup=0), ["warmup", "at least 1"]),
        (lambda: b.ReleasedUCB().kernel_policy(9, 4), ["warmup is 7", "9 arms", "raise"]),
        (lambda: b.UCBV(zeta=0.0), ["zeta", "above 0"]),
        (lambda: b.TokenThompson(lengths=(1, -2)), ["lengths", "at least 0"]),
        (lambda: b.TokenThompson(lengths=(1, 2)).init(3, 4), ["lengths", "3 arms"]),
        (lambda: b.TokenThompson(lengths=(1, 9)).init(2, 4), ["lengths", "at most 4"]),
        (lambda: b.TokenKLUCB(c=-1.0), ["c is", "at least 0"]),
        (lambda: b.CostAwareUCBSpec(costs=[1.0, -1.0]).kernel_policy(2, 4), ["costs", "positive"]),
        (lambda: b.ThroughputUCB([1.0], (2.0, 1.0)), ["reward_range", "above 2"]),
        (lambda: b.ThroughputUCB([1.0], (1.0,)), ["reward_range", "two numbers"]),
        (
            lambda: b.ThroughputUCB([1.0, 2.0], (1.0, 5.0)).kernel_policy(2, 4),
            ["reward_range", "0.5 to 5", "widen"],
        ),
        (lambda: b.HeuristicSchedule(lengths=(3, 1)).init(2, 4), ["lengths", "increasing"]),
        (lambda: b.EMAHysteresis(rate=0.0), ["rate", "above 0"]),
        (lambda: b.EMAHysteresis(down=0.5), ["down", "at most 0"]),
        (lambda: b.EMAHysteresis().init(4, 7), ["lengths", "4 arms"]),
        (lambda: b.ConfidenceThreshold(threshold=1.5), ["threshold", "at most 1"]),
        (lambda: b.ConfidenceThreshold().choose(b.ConfidenceThreshold().init(2, 2), float), ["observe"]),
        (lambda: b.BatchSizeTable(((2, 1),)), ["start at 1"]),
        (lambda: b.BatchSizeTable().length(0), ["batch", "at least 1"]),
        (lambda: b.MetaSDUCB(spread=0.6), ["spread", "at most 0.5"]),
        (lambda: b.HedgeSpec(spread=-0.1), ["spread", "at least 0"]),
        (lambda: b.one_step_estimate([0.5, 1.5]), ["levels", "[0, 1]"]),
        (lambda: b.Hedge().update(b.Hedge().init(2, 4), 0, 1), ["revealed is None", "every arm"]),
        (lambda: b.Greedy().update(b.Greedy().init(2, 4), 0, 6), ["y is 6", "= 5"]),
        (lambda: b.Greedy().init(0, 4), ["arms", "at least 1"]),
    ],
)
def test_bad_input_is_named_with_its_remedy(call, words):
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


def test_token_policies_share_their_guard():
    assert all(issubclass(policy, TokenPolicy) for policy in (b.TokenThompson, b.TokenKLUCB))
