import numpy as np
import pytest

from tightbound.simulators import bandits as b

BERNOULLI = b.Categorical([[0.2, 0.8], [0.7, 0.3]])


@pytest.mark.parametrize(
    "policy", [b.UCBSpec(), b.Greedy(), b.UCB1(), b.MOSS(), b.PooledUCBSpec(), b.FixedArm(0)]
)
def test_one_token_has_no_regret(policy):
    assert b.exact_regret(BERNOULLI, policy, 1) == pytest.approx(0.0, abs=1e-12)


def test_radius_zero_and_pooled_radius_are_greedy():
    greedy = b.exact_regret(BERNOULLI, b.Greedy(), 25)
    assert b.exact_regret(BERNOULLI, b.UCBSpec(scale=0.0), 25) == pytest.approx(greedy, abs=1e-12)
    assert b.exact_regret(BERNOULLI, b.PooledUCBSpec(), 25) == pytest.approx(greedy, abs=1e-12)
    assert b.exact_regret(BERNOULLI, b.ReleasedUCB(warmup=2), 25) == pytest.approx(greedy, abs=1e-12)
    assert b.exact_regret(BERNOULLI, b.UCBSpec(), 25) != pytest.approx(greedy, abs=1e-3)


def test_exp3spec_on_a_table_agrees_with_simulation():
    table = b.Table(np.random.default_rng(3).integers(1, 5, size=(8, 2)), after=2)
    exact = b.exact_regret(table, b.EXP3Spec(), 16)
    result = b.simulate(table, b.EXP3Spec(), 16, replications=100_000, rng=1)
    assert abs(result.value[0] - exact) < 5 * result.standard_error[0]


def test_drifting_agrees_with_simulation():
    env = b.Drifting([[0.1, 0.9], [0.9, 0.1]], [[0.9, 0.1], [0.1, 0.9]], change=8)
    result = b.simulate(env, b.UCB1(), 24, replications=100_000, rng=1)
    assert abs(result.value[0] - b.exact_regret(env, b.UCB1(), 24)) < 5 * result.standard_error[0]


def test_an_index_on_a_table_is_its_one_path():
    table = b.anti_ucb_table(100, arms=2, max_draft=4)
    assert (
        b.exact_regret(table, b.UCBSpec(), 100) == 100 - table.fixed_arm_stopping_time(np.array([100])).min()
    )


@pytest.mark.parametrize(
    ("env", "policy"),
    [
        (BERNOULLI, b.EXP3Spec()),
        (BERNOULLI, b.RoundRobin()),
        (b.Table([[1, 2]], after=1), b.ConstantRateEXP3()),
    ],
)
def test_a_pair_without_an_oracle_says_what_there_is(env, policy):
    with pytest.raises(TypeError, match=r"no exact oracle for .* supported are FixedArm anywhere"):
        b.exact_regret(env, policy, 5)
