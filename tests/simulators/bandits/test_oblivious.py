import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators import bandits as b

y_tables = st.integers(1, 3).flatmap(
    lambda k: st.lists(st.lists(st.integers(1, 5), min_size=k, max_size=k), min_size=20, max_size=20)
)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(y_tables, st.integers(1, 20))
def test_fixed_arms_on_a_table_and_on_a_trace(y, tokens):
    table, trace = b.Table(y, after=2), b.PositionTrace(y)
    for arm in range(len(y[0])):
        total, rounds = 0, 0
        while total < tokens:
            total += y[rounds][arm] if rounds < 20 else 2
            rounds += 1
        assert table.fixed_arm_stopping_time(np.array([tokens]))[0, arm] == rounds
        played = b.simulate(table, b.FixedArm(arm), tokens, replications=1, rng=0)
        assert played.stopping_time[0, 0] == rounds
        position, rounds = 0, 0
        while position < tokens:
            position += y[position][arm]
            rounds += 1
        assert trace.fixed_arm_stopping_time(np.array([tokens]))[0, arm] == rounds
        played = b.simulate(trace, b.FixedArm(arm), tokens, replications=1, rng=0)
        assert (played.stopping_time[0, 0], played.overshoot[0, 0]) == (rounds, position - tokens)


def test_rounds_beyond_a_table_follow_after():
    table = b.Table([[1, 5]], after=[3, 1])
    assert table.fixed_arm_stopping_time(np.array([1, 2, 7, 8])).tolist() == [[1, 1], [2, 1], [3, 3], [4, 4]]


@pytest.mark.parametrize("policy", [b.UCBSpec(), b.Greedy()], ids=["UCBSpec", "Greedy"])
def test_the_anti_ucb_table_stops_ucbspec_and_only_the_one_it_was_made_for(policy):
    rounds = 300
    table = b.anti_ucb_table(rounds, arms=3, max_draft=4)
    result = b.simulate(table, policy, rounds, replications=1, rng=0)
    assert (result.stopping_time[0, 0] == rounds) == (policy == b.UCBSpec())
    assert result.best_stopping_time[0] < rounds / 2


def test_exp3spec_does_better_than_ucbspec_on_its_anti_table():
    table = b.anti_ucb_table(2000, arms=2, max_draft=4)
    ucb = b.simulate(table, b.UCBSpec(), 2000, replications=1, rng=0)
    exp3 = b.simulate(table, b.EXP3Spec(), 2000, replications=200, rng=0)
    assert ucb.regret[0, 0] > 0.6 * 2000
    assert exp3.value[0] + 5 * exp3.standard_error[0] < 0.2 * ucb.regret[0, 0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: b.Table([[0, 2]]), ValueError, ["contains 0", "1 to L + 1"]),
        (lambda: b.Table([[1, 40000]]), ValueError, ["contains 40000", "32767"]),
        (
            lambda: b.Table([[1, 7]], max_draft=4),
            ValueError,
            ["contains 7", "max_draft + 1 = 5", "raise max_draft"],
        ),
        (lambda: b.Table([[1.5, 2.0]]), TypeError, ["whole numbers", "integer array"]),
        (lambda: b.Table([1, 2]), ValueError, ["shape (2,)", "K"]),
        (lambda: b.Table(np.zeros((0, 2), dtype=int)), ValueError, ["shape (0, 2)"]),
        (lambda: b.Table([[1, 2]], after=[1, 2, 3]), ValueError, ["after has 3", "2 arms"]),
        (lambda: b.Table([[1, 2]], after=0), ValueError, ["after contains 0"]),
        (
            lambda: b.simulate(b.Table([[2, 2]] * 3), b.RoundRobin(), 7, replications=1),
            IndexError,
            ["rounds 0..2", "round 3", "after="],
        ),
        (
            lambda: b.simulate(b.PositionTrace([[1, 2]] * 3), b.RoundRobin(), 7, replications=1),
            IndexError,
            ["positions 0..2", "position 6", "longer trace"],
        ),
        (lambda: b.anti_ucb_table(10, arms=1, max_draft=4), ValueError, ["arms", "at least 2"]),
    ],
)
def test_bad_input_is_named_with_its_remedy(call, error, words):
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


def test_a_table_that_ends_in_the_middle_of_a_run_names_the_round():
    # every fixed arm reaches 60 tokens within the 50 rounds; UCBSpec collects 50 in them
    table = b.Table(b.anti_ucb_table(50, arms=2, max_draft=4).y)
    with pytest.raises(IndexError, match=r"round 50 is needed"):
        b.simulate(table, b.UCBSpec(), 60, replications=1)
