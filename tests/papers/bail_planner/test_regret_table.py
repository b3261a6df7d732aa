from dataclasses import replace

import pytest

from tightbound.papers.bail_planner.regret_table import cases, markdown


def test_every_row_has_an_exact_value_below_its_bound():
    rows = cases()
    assert len({(row.instance, row.planner_name) for row in rows}) == len(rows)
    for row in rows:
        assert 0.0 < row.exact <= row.episodes
        assert row.bound is None or row.exact <= row.bound


def test_the_table_is_markdown_and_beliefs_stay_empty_where_they_do_not_apply():
    row = next(row for row in cases() if row.planner_name == "world model, naive")
    table = markdown([replace(row, episodes=20, exact=10.0)], replications=2).splitlines()
    assert len(table) == 3
    assert table[2] == "| REVEAL, N = 3 | world model, naive | 20 | 10 | 10 | – | – |"
    assert {line.count("|") for line in table} == {8}


def test_bounds_are_given_for_exploring_planners_only():
    given = {row.planner_name for row in cases() if row.bound is not None}
    assert given == {"eps-greedy BAIL, derived eps"}
    assert all(row.bound == pytest.approx(2 * row.exact, rel=0.2) for row in cases() if row.bound is not None)
