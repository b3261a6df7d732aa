from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tightbound.simulators.planning.belief_expert import belief_expert
from tightbound.simulators.planning.pomdp import POMDP, observed_reward_model
from tightbound.simulators.planning.pomdp_format import load_pomdp
from tightbound.theory.planning.expert import expert

HERE = Path(__file__).parent
TIGER, CORRIDOR, MACHINE, RADIO = (
    load_pomdp(HERE / f"{name}.POMDP") for name in ("tiger", "corridor", "machine", "radio")
)


def brute_force(problem, actions, *, seen_rewards):
    """Best value of a number of actions, by recursion over unnormalised beliefs of the file's tables."""

    def value(law, left):
        if left == 0:
            return 0.0
        best = -np.inf
        for a in range(len(problem.actions)):
            joint = law[:, None, None] * problem.transition[a][:, :, None] * problem.observation[a][None]
            total = (joint * problem.reward[a]).sum()
            for o in range(len(problem.observations)):
                levels = np.unique(problem.reward[a][:, :, o]) if seen_rewards else [None]
                for level in levels:
                    here = joint[:, :, o]
                    if level is not None:
                        here = here * (problem.reward[a][:, :, o] == level)
                    after = here.sum(axis=0)
                    if after.sum() > 0:
                        total += problem.discount * recurse(tuple(after), left - 1)
            best = max(best, total)
        return best

    @cache
    def recurse(law, left):
        return value(np.array(law), left)

    return value(problem.start, actions)


def planned(problem, actions):
    built = observed_reward_model(problem, actions + 1)
    return built.original(belief_expert(built.model).value).item()


def test_tiger_is_worth_what_it_is_by_hand():
    # One or two actions: listen. Three: listen twice; if both agree, which they do with .85^2 + .15^2, open.
    agree, right = 0.85**2 + 0.15**2, 0.85**2
    by_hand = -2 + 10 * right - 100 * (agree - right) - (1 - agree)
    assert by_hand == pytest.approx(2.72, abs=1e-12)
    for actions, value in ((1, -1.0), (2, -2.0), (3, by_hand)):
        assert planned(TIGER, actions) == pytest.approx(value, abs=1e-12)
        assert brute_force(TIGER, actions, seen_rewards=False) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("problem", [TIGER, CORRIDOR, MACHINE, RADIO])
@pytest.mark.parametrize("actions", [1, 2, 3, 4])
def test_values_equal_a_recursion_over_the_files_tables(problem, actions):
    if problem is TIGER or problem is MACHINE:
        problem = replace(problem, discount=0.9)
    assert planned(problem, actions) == pytest.approx(
        brute_force(problem, actions, seen_rewards=True), abs=1e-12
    )


@pytest.mark.parametrize(
    ("problem", "informative", "gain"),
    [(TIGER, True, False), (CORRIDOR, False, False), (MACHINE, True, False), (RADIO, True, True)],
)
def test_seeing_rewards_matters_only_where_they_tell_something_useful(problem, informative, gain):
    built = observed_reward_model(problem, 4)
    hidden = brute_force(problem, 3, seen_rewards=False)
    assert built.informative is informative
    seen = built.original(belief_expert(built.model).value).item()
    assert (seen > hidden + 0.1) if gain else seen == pytest.approx(hidden, abs=1e-12)


def test_the_radio_is_found_by_its_reward():
    # hidden, the reward is a coin each time; seen, the first one tells where the signal is
    assert brute_force(RADIO, 4, seen_rewards=False) == pytest.approx(4 * 0.5)
    assert planned(RADIO, 4) == pytest.approx(0.5 + 3)


def test_observations_carry_their_reward():
    built = observed_reward_model(TIGER, 3)
    assert built.labels[0] == ("", 0.0)
    assert set(built.labels[1:]) == {(o, r) for o in TIGER.observations for r in (-100.0, -1.0, 10.0)}
    assert (built.lowest, built.span) == (-100.0, 110.0)
    paid = built.model.reward[1, :, 0]
    for (_, reward), scaled in zip(built.labels[1:], paid[1:], strict=True):
        assert scaled == pytest.approx((reward + 100) / 110)
    np.testing.assert_array_equal(built.model.reward[0], 0.0)


def test_discounts_enter_the_rewards():
    built = observed_reward_model(CORRIDOR, 5)
    np.testing.assert_allclose(built.model.reward[1:, -1, 0], 0.95 ** np.arange(4), rtol=1e-15)
    # everything earned at every step: 1 + .95 + .95^2 + .95^3
    assert built.original(built.model.reward.max(axis=1).sum()).item() == pytest.approx(3.70987500)


def test_equal_rewards_need_no_scale():
    flat = replace(TIGER, reward=np.full_like(TIGER.reward, 3.0))
    assert planned(flat, 2) == pytest.approx(6.0)


def test_problems_become_environments():
    quieter = replace(TIGER, observation=np.where(TIGER.observation == 0.85, 0.7, TIGER.observation))
    quieter = replace(quieter, observation=np.where(quieter.observation == 0.15, 0.3, quieter.observation))
    built = observed_reward_model([TIGER, quieter], 4, prior=[0.25, 0.75])
    assert built.model.environments == 2
    np.testing.assert_array_equal(built.model.prior, [0.25, 0.75])
    values = built.original(expert(built.model).value[:, 0])
    assert values[0] == pytest.approx(planned(TIGER, 3), abs=1e-12)
    assert values[1] == pytest.approx(planned(quieter, 3), abs=1e-12)


def test_rewards_that_tell_environments_apart_are_news():
    other = replace(CORRIDOR, reward=2 * CORRIDOR.reward)
    assert observed_reward_model([CORRIDOR, CORRIDOR], 3).informative is False
    assert observed_reward_model([CORRIDOR, other], 3).informative is True


@pytest.mark.parametrize(
    ("problems", "error", "message"),
    [
        ([], TypeError, "problems is .*load_pomdp"),
        (["tiger"], TypeError, "problems is .*give one POMDP or several"),
        ([TIGER, RADIO], ValueError, "problems differ in states: problem 1.*agree"),
        ([TIGER, replace(TIGER, discount=0.5)], ValueError, "problems differ in discount"),
        ([TIGER, replace(TIGER, start=np.array([1.0, 0.0]))], ValueError, "differ in start.*one start"),
    ],
)
def test_problems_must_agree(problems, error, message):
    with pytest.raises(error, match=message):
        observed_reward_model(problems, 3)


def test_the_horizon_must_leave_something_to_decide():
    with pytest.raises(ValueError, match="horizon is 1: give an integer of at least 2"):
        observed_reward_model(TIGER, 1)


def test_a_problem_is_plain_data():
    assert isinstance(TIGER, POMDP)
    with pytest.raises(AttributeError):
        TIGER.discount = 0.5
