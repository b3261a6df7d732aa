import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators import bandits as b
from tightbound.simulators.bandits import _kernel
from tightbound.simulators.bandits.simulate import kernel_arguments
from tightbound.simulators.bandits.streams import seed_of

IID = b.TruncatedGeometric([0.9, 0.7, 0.2, 0.5], 4)
POLICIES = [b.UCBSpec(), b.EXP3Spec(), b.TokenThompson(), b.Greedy(), b.HedgeSpec()]


@pytest.fixture
def one_thread():
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(before)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)
def test_counts_do_not_depend_on_threads(policy, one_thread):
    alone = b.simulate(IID, policy, [50, 500], replications=37, rng=1)
    numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
    together = b.simulate(IID, policy, [50, 500], replications=37, rng=1)
    np.testing.assert_array_equal(alone.pulls, together.pulls)
    np.testing.assert_array_equal(alone.stopping_time, together.stopping_time)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)
def test_counts_do_not_depend_on_chunks(policy):
    environment, rules = kernel_arguments(IID, policy)
    checkpoints = np.array([50, 500])

    def pulls(first, count):
        return _kernel.run(*rules, *environment, np.uint64(seed_of(1)), first, count, checkpoints)[0]

    whole = b.simulate(IID, policy, checkpoints, replications=23, rng=1).pulls
    np.testing.assert_array_equal(whole, np.concatenate([pulls(0, 5), pulls(5, 17), pulls(22, 1)]))


def test_checkpoints_of_one_pass_are_separate_runs():
    together = b.simulate(IID, b.UCBSpec(), [1, 2, 3, 50, 500], replications=20, rng=4)
    for i, tokens in enumerate([1, 2, 3, 50, 500]):
        alone = b.simulate(IID, b.UCBSpec(), tokens, replications=20, rng=4)
        np.testing.assert_array_equal(together.pulls[:, i], alone.pulls[:, 0])
        np.testing.assert_allclose(together.regret[:, i], alone.regret[:, 0], atol=1e-9)


def test_one_integer_pairs_policies_pull_by_pull():
    # the k-th pull of an arm yields the same under every policy
    every = np.arange(1, 400)
    fixed = b.simulate(IID, b.FixedArm(1), every, replications=1, rng=8)
    mixed = b.simulate(
        b.TruncatedGeometric([0.9, 0.7, 0.2, 0.5], 4), b.RoundRobin(), every, replications=1, rng=8
    )
    total = every + fixed.overshoot[0]
    rounds, index = np.unique(fixed.stopping_time[0], return_index=True)
    gains = np.diff(np.r_[0, total[index]])
    mixed_total = every + mixed.overshoot[0]
    mixed_rounds, index = np.unique(mixed.stopping_time[0], return_index=True)
    mixed_gains = np.diff(np.r_[0, mixed_total[index]])[1::4]
    assert rounds.size > 50
    assert mixed_rounds.size > 50
    np.testing.assert_array_equal(gains[: mixed_gains.size], mixed_gains)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    st.lists(st.floats(0.0, 0.99), min_size=1, max_size=5),
    st.integers(1, 8),
    st.integers(1, 300),
    st.sampled_from(
        [b.UCBSpec(), b.EXP3Spec(), b.TokenThompson(), b.Greedy(), b.Hedge(), b.MOSS(), b.RoundRobin()]
    ),
    st.integers(0, 10**6),
)
def test_every_path_is_consistent(acceptance, depth, tokens, policy, seed):
    env = b.TruncatedGeometric(acceptance, depth)
    result = b.simulate(env, policy, tokens, replications=5, rng=seed)
    rounds = result.stopping_time
    assert np.all(rounds >= -(-tokens // (depth + 1)))
    assert np.all(rounds <= tokens)
    assert np.all((result.overshoot >= 0) & (result.overshoot <= depth))
    np.testing.assert_array_equal(result.pulls.sum(axis=2), rounds)
    assert np.all(np.isfinite(result.regret))


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)
def test_one_token_takes_one_round(policy):
    result = b.simulate(IID, policy, 1, replications=2000, rng=2)
    assert np.all(result.stopping_time == 1)
    assert abs(result.value[0]) < 5 * result.standard_error[0]


@pytest.mark.parametrize("env", [IID, b.StationaryMeanMarkov([[0.0, 1.0, 0.0]] * 2, [[0.5, 0.0, 0.5]] * 2)])
@pytest.mark.parametrize("arm", [0, 1])
def test_a_fixed_arm_has_its_exact_regret(env, arm):
    budgets = [1, 2, 3, 10, 100, 1000]
    result = b.simulate(env, b.FixedArm(arm), budgets, replications=4000, rng=3)
    exact = [b.exact_regret(env, b.FixedArm(arm), tokens) for tokens in budgets]
    assert np.all(np.abs(result.value - exact) < 5 * result.standard_error + 1e-9)


@pytest.mark.parametrize("policy", [b.UCBSpec(), b.UCB1(), b.Greedy(), b.MOSS(), b.UCBSpec(scale=0.2)])
def test_simulated_regret_is_the_exact_one(policy):
    env = b.Categorical([[0.2, 0.8], [0.7, 0.3]])
    budgets = [1, 2, 5, 12, 30]
    result = b.simulate(env, policy, budgets, replications=40000, rng=6)
    exact = [b.exact_regret(env, policy, tokens) for tokens in budgets]
    assert np.all(np.abs(result.value - exact) < 5 * result.standard_error + 1e-9)


def test_the_identity_and_the_difference_of_stopping_times_agree():
    budgets = [200, 2000]
    result = b.simulate(IID, b.EXP3Spec(), budgets, replications=3000, rng=7)
    raw = result.stopping_time - result.best_stopping_time
    gap = raw - result.regret
    assert np.all(np.abs(gap.mean(axis=0)) < 5 * gap.std(axis=0, ddof=1) / np.sqrt(3000))
    assert result.regret.std(axis=0)[1] < raw.std(axis=0)[1]


def test_the_reference_arm_is_the_one_with_fewest_rounds_even_against_the_larger_mean():
    env = b.Categorical([[0.0, 1.0, 0.0, 0.0], [0.65, 0.0, 0.0, 0.35]])
    assert env.means[1] > env.means[0]
    result = b.simulate(env, b.RoundRobin(), [2, 4], replications=20000, rng=1)
    assert result.best_stopping_time[0] == pytest.approx(1.0)
    exact = [
        b.exact_regret(env, b.FixedArm(1), 2),
        b.exact_regret(env, b.FixedArm(0), 2),
    ]
    assert exact[0] > 0.0 == exact[1]
    raw = result.stopping_time - result.best_stopping_time
    assert np.all(
        np.abs(result.value - raw.mean(axis=0))
        < 5 * (raw.std(axis=0) + result.regret.std(axis=0)) / 141 + 1e-9
    )


def test_time_regret_of_a_fixed_arm():
    env = b.TruncatedGeometric([0.9, 0.3], 4, costs=[3.0, 1.0])
    result = b.simulate(env, b.FixedArm(0), 400, replications=4000, rng=2)
    rounds = env.fixed_arm_stopping_time(np.array([400]))[0]
    best = min(3.0 * rounds[0], rounds[1])
    error = result.time_regret.std(ddof=1) / np.sqrt(4000)
    assert abs(result.time_regret.mean() - (3.0 * rounds[0] - best)) < 5 * error


def test_drifting_regret_is_measured_directly():
    env = b.Drifting([[0.1, 0.9], [0.9, 0.1]], [[0.9, 0.1], [0.1, 0.9]], change=20)
    result = b.simulate(env, b.FixedArm(1), 60, replications=20000, rng=2)
    exact = b.exact_regret(env, b.FixedArm(1), 60)
    assert abs(result.value[0] - exact) < 5 * result.standard_error[0] + 1e-9


def test_the_compiled_driver_is_cached_on_disk_for_the_next_process():
    b.simulate(IID, b.UCBSpec(), 10, replications=1, rng=0)
    program = (
        "from tightbound.simulators import bandits as b\n"
        "from tightbound.simulators.bandits import _kernel\n"
        "b.simulate(b.TruncatedGeometric([0.5], 4), b.UCBSpec(), 10, replications=1, rng=0)\n"
        "stats = _kernel.run.stats\n"
        "assert sum(stats.cache_hits.values()) == 1 and not stats.cache_misses, stats\n"
    )
    root = b.__file__.rsplit("tightbound", 1)[0]
    subprocess.run(
        [sys.executable, "-c", program], check=True, env=os.environ | {"PYTHONPATH": root}, timeout=300
    )


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: b.simulate(IID, b.UCBSpec(), 0, replications=1), ValueError, ["tokens is 0", "at least 1"]),
        (lambda: b.simulate(IID, b.UCBSpec(), [5, 5], replications=1), ValueError, ["tokens", "increasing"]),
        (lambda: b.simulate(IID, b.UCBSpec(), 5.0, replications=1), TypeError, ["tokens", "integer"]),
        (lambda: b.simulate(IID, b.UCBSpec(), 5, replications=0), ValueError, ["replications", "at least 1"]),
        (lambda: b.simulate(IID, "ucb", 5, replications=1), TypeError, ["'ucb'", "UCBSpec()"]),
        (
            lambda: b.simulate(IID, b.BatchSizeTable(), 5, replications=1),
            TypeError,
            ["BatchSizeTable", "kernel_policy"],
        ),
        (lambda: b.simulate(IID, b.FixedArm(4), 5, replications=1), ValueError, ["arm is 4", "0..3"]),
        (
            lambda: b.simulate(b.Categorical([[0.5, 0.5]]), b.TokenThompson(), 5, replications=1),
            ValueError,
            ["TokenThompson", "Categorical", "assume_tgd=True"],
        ),
        (
            lambda: b.simulate(IID, b.ConfidenceThreshold(), 5, replications=1),
            TypeError,
            ["ConfidentSpeculation"],
        ),
        (
            lambda: b.simulate(b.Table([[1, 2]], after=1), b.HedgeSpec(), 5, replications=1),
            TypeError,
            ["Table", "acceptance levels"],
        ),
    ],
)
def test_bad_input_is_named_with_its_remedy(call, error, words):
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
