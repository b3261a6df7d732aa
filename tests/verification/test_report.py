"""Records as text: nothing is lost, nothing breaks the format."""

import json
import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.verification.bench import Benchmark
from tightbound.verification.peers import PeerBenchmark
from tightbound.verification.report import bench as bench_report
from tightbound.verification.report import json as json_report
from tightbound.verification.report import junit, markdown, text
from tightbound.verification.report.table import LiveTable

ANYTHING = st.text(st.characters(codec="utf-8"), max_size=30)
NUMBERS = st.none() | st.floats()


def record(**changes):
    base = {
        "claim": "A-1",
        "paper": "a",
        "title": "a title",
        "status": "pass",
        "expected": "pass",
        "corrected_by": None,
        "as_expected": True,
        "estimate": 1.0,
        "low": 0.5,
        "high": 1.5,
        "bound": 2.0,
        "tightness": 0.5,
        "size": "quick",
        "seed": 0,
        "control": {"status": "fail", "must": "fail", "estimate": 3.0, "because": "it is broken"},
        "reason": "",
        "supersedes": None,
        "run": {"wall_s": 0.25},
    }
    return base | changes


@pytest.mark.parametrize("width", [80, 100, 104, 105, 120, 200])
@given(title=ANYTHING, reason=ANYTHING, low=NUMBERS, high=NUMBERS, estimate=NUMBERS)
def test_a_row_never_hides_its_verdict(width, title, reason, low, high, estimate):
    lines = LiveTable(width).row(record(title=title, reason=reason, low=low, high=high, estimate=estimate))
    assert " pass" in lines[0].plain
    assert all("\n" not in line.plain for line in lines)


@pytest.mark.parametrize("width", [80, 120])
def test_a_row_of_the_widest_numbers_fits_the_screen(width):
    widest = record(
        estimate=-1.2345e-12, low=-1.2345e-12, high=-1.2344e-12, bound=-1.2345e-123, tightness=1.2e-5
    )
    lines = LiveTable(width).row(widest | {"status": "inconclusive", "run": {"wall_s": 3599.0}})
    assert max(len(line.plain) for line in lines) <= width + 20
    ordinary = LiveTable(width, 7).row(record(status="inconclusive", as_expected=False, reason="word " * 40))
    assert max(len(line.plain) for line in ordinary) <= width


def test_the_columns_of_a_row_stand_below_their_names():
    table = LiveTable(120)
    header, line = table.header().plain, table.row(record())[0].plain
    for name, value in (
        ("measured", "1"),
        ("interval", "[0.5"),
        ("bound", "2"),
        ("control", "fail"),
        ("verdict", "pass"),
    ):
        assert line[header.index(name) :].startswith(value)


@pytest.mark.parametrize(
    ("statistic", "value", "shown"),
    [
        ("BoundHolds(method='t', side='upper', slack=1e-09, value_range=None)", 0.25, "≤ 0.25"),
        ("BoundHolds(method='t', side='lower', slack=1e-09, value_range=None)", 0.25, "≥ 0.25"),
        ("HighProbability(delta=0.05)", 0.05, "≤ 0.05"),
        ("Law(method='exact', atol=1e-12)", 1e-12, "≤ 1e-12"),
        ("Equality(method='t', atol=0.1, rtol=0.0)", 2, "≈ 2"),
        ("Order(margin=0.0, method='t')", 0.0, "> 0"),
        ("Slope(target=-0.5, side='two-sided', tolerance=0.1, axis='n')", -0.4, "≤ -0.4"),
        ("Slope(target=-0.5, side='two-sided', tolerance=0.1, axis='n')", -0.6, "≥ -0.6"),
        ("Slope(target=-1e-05, side='two-sided', tolerance=0.0, axis='n')", -1e-5, "≈ -1e-5"),
        ("ExponentialRate(target=-1.0, side='upper', tolerance=0.0)", -1.0, "≤ -1"),
        ("Mine(side='upper')", 1.0, "1"),
        ("", 1.0, "1"),
        ("Order(margin=0.0, method='t')", None, text.NONE),
    ],
)
def test_a_bound_says_on_which_side_to_stay(statistic, value, shown):
    assert text.bound(record(statistic=statistic, bound=value)) == shown


def test_a_verdict_that_decides_nothing_says_what_to_do():
    said = text.remark(record(status="inconclusive", as_expected=False))
    assert said == (
        "instead of pass; the interval holds the bound: draw more replications or take a larger --size"
    )
    assert "trivial" in text.remark(record(status="vacuous", as_expected=False))
    assert text.remark(record(status="vacuous", expected="vacuous")) == "expected"


@given(st.floats())
def test_numbers_are_short_and_right(x):
    shown = text.number(x)
    assert len(shown) <= 11
    if math.isnan(x):
        assert shown == text.NONE
    elif math.isinf(x) or x == 0:
        assert float(shown) == x
    else:
        assert float(shown) == pytest.approx(x, rel=6e-4, abs=1e-320)


def test_the_summary_counts_and_names_what_is_wrong():
    lines = text.summary([record(), record(claim="A-2", status="fail", as_expected=False)], 0.01, 61.0)
    assert lines == [
        "2 claims: 1 pass, 1 fail",
        "1 not as expected: A-2",
        "chance that any claim is called false although all hold: at most 1 %",
        "time 1 min 1 s",
    ]


@given(title=ANYTHING, reason=ANYTHING, bound=NUMBERS)
def test_json_is_strict_and_complete(title, reason, bound):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    given_record = record(title=title, reason=reason, bound=bound)
    (found,) = json.loads(json_report.render([given_record]), parse_constant=refuse)
    assert found["title"] == title
    assert found["reason"] == reason
    if bound is not None and math.isfinite(bound):
        assert found["bound"] == bound


@given(title=st.text(max_size=30), reason=st.text(max_size=30))
def test_junit_is_well_formed_whatever_a_record_says(title, reason):
    records = [record(title=title, reason=reason, as_expected=False, status="error")]
    root = ElementTree.fromstring(junit.render(records).encode("utf-8", "replace"))
    assert root.find("testsuite").get("errors") == "1"
    assert root.find("testsuite/testcase/error") is not None


@pytest.mark.parametrize(
    ("status", "as_expected", "tag"),
    [
        ("pass", True, None),
        ("fail", True, None),
        ("pass", False, "failure"),
        ("fail", False, "failure"),
        ("inconclusive", False, "failure"),
        ("vacuous", False, "failure"),
        ("invalid", False, "error"),
        ("error", False, "error"),
        ("skipped", True, "skipped"),
        ("skipped", False, "skipped"),
    ],
)
def test_junit_maps_what_was_expected_and_not_the_bare_status(status, as_expected, tag):
    root = ElementTree.fromstring(junit.render([record(status=status, as_expected=as_expected)]).encode())
    (case,) = root.iter("testcase")
    assert [child.tag for child in case if child.tag != "system-out"] == ([tag] if tag else [])
    suite = root.find("testsuite")
    counts = {name: suite.get(name) for name in ("failures", "errors", "skipped")}
    assert counts == {
        "failures": str(int(tag == "failure")),
        "errors": str(int(tag == "error")),
        "skipped": str(int(tag == "skipped")),
    }


@given(title=ANYTHING, reason=ANYTHING)
def test_a_markdown_row_has_as_many_cells_as_its_header(title, reason):
    table = markdown.render([record(title=title, reason=reason)], 0.01).split("\n\n")[1]
    lines = table.split("\n")
    bars = [line.replace("\\\\", "").replace("\\|", "").count("|") for line in lines]
    assert len(lines) == 3
    assert len(set(bars)) == 1


def test_bench_rows_say_what_the_ratio_is_to():
    rows = [
        dict(what="a|b", size="n=1", median=2e-3, low20=1e-3, high80=3e-3, unit="s", ratio_to="c", ratio=2.0),
        dict(what="d", size="n=1", median=5.0, low20=4.0, high80=6.0, unit="GB/s"),
    ]
    shown = bench_report.render_markdown([(Benchmark("x", "a title", list), rows)])
    assert r"| a\|b | n=1 | 2 ms | 1 ms to 3 ms | 2 x c |" in shown
    assert "| d | n=1 | 5 GB/s | 4 GB/s to 6 GB/s |  |" in shown


def test_ratios_beside_other_packages_have_two_or_three_digits():
    pair = dict(problem="p", ours="o", theirs="t", peer="x", version="1", agreement="equal")
    times = dict(ours_median=1e-3, theirs_median=2e-3)
    ratios = [(0.564, "0.56"), (1.0, "1.0"), (9.96, "10"), (34.44, "34"), (1271.0, "1270")]
    rows = [
        {**pair, **times, "ratio": r, "ratio_low20": r, "ratio_high80": r, "problem": said}
        for r, said in ratios
    ]
    shown = bench_report.render_markdown([(PeerBenchmark("x", "a title", ()), rows)])
    for _, said in ratios:
        assert f"| {said} | o | 1 ms | x 1, t | 2 ms | {said} | {said} to {said} | equal |" in shown


def test_control_and_interval_of_a_record_without_numbers_are_dashes():
    nothing = record(estimate=None, low=None, high=None, bound=None, tightness=None, control={}, run={})
    line = LiveTable(120).row(nothing)[0].plain
    assert line.count(text.NONE) == 6
