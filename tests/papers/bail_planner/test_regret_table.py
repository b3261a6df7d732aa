from dataclasses import replace

import pytest

from tightbound.papers.bail_planner.regret_table import cases, markdown, simulated
from tightbound.theory.planning.closed_forms import reveal_greedy_regret


def test_every_row_has_an_exact_value_below_its_bound():
    rows = cases()
    assert len({(row.instance, row.planner_name) for row in rows}) == len(rows)
    for row in rows:
        assert 0.0 < row.exact <= row.episodes
        assert row.bound is None or row.exact <= row.bound


def test_engines_agree_with_the_exact_value_of_a_row():
    row = next(row for row in cases() if row.instance == "LOCK, d = 4")
    for value, error in simulated(row, replications=100, seed=1).values():
        assert abs(value - row.exact) <= 5 * error


def test_the_table_is_markdown():
    row = next(row for row in cases() if row.planner_name == "greedy BAIL")
    short = replace(row, episodes=20, exact=float(reveal_greedy_regret(20)))
    table = markdown([short], replications=2).splitlines()
    assert len(table) == 3
    assert table[2] == "| REVEAL, N = 3 | greedy BAIL | 20 | 10 | 10 | 10 | – |"
    assert {line.count("|") for line in table} == {8}


def test_beliefs_stay_empty_where_they_do_not_apply():
    row = next(row for row in cases() if row.planner_name == "world model, naive")
    assert set(simulated(replace(row, episodes=3), replications=2, seed=0)) == {"tree"}


def test_bounds_are_given_for_exploring_planners_only():
    given = {row.planner_name for row in cases() if row.bound is not None}
    assert given == {"eps-greedy BAIL, derived eps"}
    assert all(row.bound == pytest.approx(2 * row.exact, rel=0.2) for row in cases() if row.bound is not None)
