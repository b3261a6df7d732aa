"""EXP3Spec on two-arm phases: the shortcuts change nothing but the cost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.simulators.bandits import adversaries, phases
from tightbound.theory.bandits.enumeration import exp3spec_law

SMALL = [
    phases.TwoArmPhases(((5, 3, 2), (6, 1, 3)), 2),
    phases.TwoArmPhases(((3, 4, 4), (4, 1, 4), (4, 4, 3)), 3),
    phases.TwoArmPhases(((6, 2, 1), (8, 1, 2)), 1),
]


@pytest.mark.parametrize("table", SMALL, ids=str)
@pytest.mark.parametrize("arm", [0, 1])
def test_law_agrees_with_all_paths(table, arm, rng):
    budget = table.tokens(arm)
    law = exp3spec_law(table.table(budget), table.max_draft, budget)
    found = phases.exp3_on_phases(table, budget, replications=40_000, rng=rng)
    error = found.std(ddof=1) / np.sqrt(found.size)
    assert abs(found.mean() - law.expected_stopping_time) < 5 * error
    early = found < table.best_stopping_time(budget)
    assert abs(early.mean() - law.chance_early) <= 5 * np.sqrt(
        law.chance_early * (1 - law.chance_early) / found.size
    )


def slow_exp3(table, budget, replications, rng):
    """Return stopping times of all replications at once, round by round, from the definition."""
    y = table.table(budget)
    difference, tokens = np.zeros(replications), np.zeros(replications, dtype=int)
    clock = np.zeros(replications, dtype=int)
    for t in range(budget):
        alive = tokens < budget
        if not alive.any():
            break
        first = 1.0 / (1.0 + np.exp(np.clip(-np.sqrt(np.log(2) / (2 * (t + 1))) * difference, -700, 700)))
        arm = (rng.random(replications) >= first).astype(int)
        drawn = np.where(arm == 0, first, 1.0 - first)
        loss = (table.max_draft + 1 - y[t, arm]) / table.max_draft / np.maximum(drawn, 1e-300)
        difference = np.where(alive, difference + np.where(arm == 1, loss, -loss), difference)
        tokens = np.where(alive, tokens + y[t, arm], tokens)
        clock += alive
    return clock


@pytest.mark.parametrize("shortfall", [2, 5])
def test_law_agrees_with_the_definition_where_the_shortcuts_matter(shortfall, rng):
    table = phases.high_variance_phases(3000, 8, shortfall)
    budget = table.tokens(1)
    fast = phases.exp3_on_phases(table, budget, replications=4000, rng=rng)
    slow = slow_exp3(table, budget, 1500, rng)
    both = np.sqrt(fast.var(ddof=1) / fast.size + slow.var(ddof=1) / slow.size)
    assert abs(fast.mean() - slow.mean()) < 5 * both
    grid = np.quantile(slow, np.linspace(0.05, 0.95, 19))
    distance = max(abs((fast <= x).mean() - (slow <= x).mean()) for x in grid)
    assert distance < 5 * 0.5 * np.sqrt(1 / fast.size + 1 / slow.size)


def test_same_seed_gives_the_same_runs():
    table = SMALL[0]
    first, second = (phases.exp3_on_phases(table, 20, replications=50, rng=9) for _ in range(2))
    assert np.array_equal(first, second)
    assert np.array_equal(first[:20], phases.exp3_on_phases(table, 20, replications=20, rng=9))


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 4), st.booleans()), min_size=1, max_size=4),
    st.integers(1, 90),
)
def test_fixed_arms_agree_with_the_written_table(parts, budget):
    table = phases.TwoArmPhases(tuple((n, y, 4) if flip else (n, 4, y) for n, y, flip in parts), 3)
    written = table.table(budget)
    assert written.shape == (budget, 2)
    assert table.best_stopping_time(budget) == adversaries.best_stopping_time(written, budget)
    found = phases.exp3_on_phases(table, budget, replications=5, rng=1)
    assert np.all(found <= budget)
    assert np.all(found >= -(-budget // 4))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: phases.TwoArmPhases((), 2), ValueError, "phases is empty: give"),
        (lambda: phases.TwoArmPhases(((2, 3),), 2), ValueError, "phases contains .*give \\(rounds"),
        (lambda: phases.TwoArmPhases(((0, 3, 1),), 2), ValueError, "phases is 0.*larger"),
        (
            lambda: phases.TwoArmPhases(((2, 2, 1),), 2),
            ValueError,
            "max_draft \\+ 1 = 3; for other tables use simulate",
        ),
        (lambda: SMALL[0].tokens(2), ValueError, "arm is 2.*0 and 1"),
        (lambda: SMALL[0].best_stopping_time(0), ValueError, "tokens is 0.*larger"),
        (lambda: phases.high_variance_phases(7, 4, 1), ValueError, "rounds is 7.*even"),
        (lambda: phases.high_variance_phases(8, 4, 4), ValueError, "shortfall is 4.*1..3"),
        (lambda: phases.exp3_on_phases(SMALL[0], 5, replications=0), ValueError, "replications is 0.*larger"),
        (
            lambda: phases.exp3_on_phases([[1, 2]], 5, replications=1),
            TypeError,
            "table is list.*TwoArmPhases",
        ),
    ],
)
def test_bad_input_names_the_argument_and_the_remedy(call, error, words):
    with pytest.raises(error, match=words):
        call()
