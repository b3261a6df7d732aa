"""The command line as a user sees it: what is printed where, and how it exits."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tightbound.verification import cli, environment, runner
from tightbound.verification.errors import EvidenceError, ExecutorError, OutputError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tightbound(toys, tmp_path, monkeypatch, capsys):
    """Run a command line on the toy papers in an empty folder; return exit status, output and error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*argv):
        code = cli.main([str(part) for part in argv])
        found = capsys.readouterr()
        return code, found.out, found.err

    return run


def verify(tightbound, *argv):
    return tightbound("verify", "--executor", "serial", *argv)


def test_list_shows_every_claim_and_what_is_expected(tightbound):
    code, out, err = tightbound("list")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[1:] if line.startswith(("TOY", "WRONG"))] == [
        "TOY-1", "TOY-2a", "TOY-2b", "TOY-3", "WRONG-1", "WRONG-2",
    ]  # fmt: skip
    assert "6 claims of 2 papers" in out


@pytest.mark.parametrize(
    ("argv", "ids"),
    [
        (["toy-2*"], ["TOY-2a", "TOY-2b"]),
        (["wrong_paper"], ["WRONG-1", "WRONG-2"]),
        (["--paper", "toy_paper", "TOY-1"], ["TOY-1"]),
    ],
)
def test_list_selects_by_id_glob_and_paper(tightbound, argv, ids):
    code, out, _ = tightbound("list", *argv, "--format", "json")
    assert code == 0
    assert [entry["claim"] for entry in json.loads(out)] == ids


def test_list_as_markdown_escapes_what_would_break_the_table(tightbound):
    _, out, _ = tightbound("list", "TOY-1", "--format", "markdown")
    assert out.splitlines()[2] == (
        r"| TOY-1 | toy\_paper | The square stays below three squares \| in the mean "
        r"| Theorem 1 | text | pass |"
    )


def test_verify_prints_a_row_per_claim_and_a_summary_and_exits_zero(tightbound):
    code, out, err = verify(tightbound, "toy_paper")
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line for line in out.splitlines() if line.startswith("TOY")}
    assert list(rows) == ["TOY-1", "TOY-2a", "TOY-2b", "TOY-3"]
    assert rows["TOY-1"].endswith(" pass")
    assert rows["TOY-2a"].endswith(" fail")
    assert "expected; corrected by TOY-1" in out
    assert "expected; there is no robot here" in out
    assert "4 claims: 2 pass, 1 fail, 1 skipped" in out
    assert "all as expected" in out
    assert "at most 1 %" in out
    assert "\x1b" not in out


def test_verify_exits_one_and_names_what_is_not_as_expected(tightbound):
    code, out, _ = verify(tightbound, "TOY-1", "wrong_paper")
    assert code == 1
    assert "2 not as expected: WRONG-1, WRONG-2" in out
    assert re.search(r"^WRONG-1 .*! fail$", out, re.MULTILINE)
    assert re.search(r"^WRONG-2 .*! error$", out, re.MULTILINE)
    assert "the instrument <broke> & fell" in out


@pytest.mark.parametrize("width", ["80", "120", "160"])
def test_no_row_of_verify_is_wider_than_the_screen(tightbound, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    _, out, _ = verify(tightbound)
    assert max(len(line) for line in out.splitlines()) <= int(width)
    assert "The square stays below" in out


def test_json_is_pure_and_is_what_the_ledger_holds(tightbound, tmp_path):
    code, out, err = verify(tightbound, "TOY-1", "TOY-2b", "--format", "json", "--output", "here")
    assert (code, err) == (0, "")
    records = json.loads(out)
    stored = [json.loads(line) for line in (tmp_path / "here" / "results.jsonl").read_text().splitlines()]
    assert records == stored


def test_junit_has_a_suite_per_paper_and_a_case_per_claim(tightbound):
    code, out, _ = verify(tightbound, "--format", "junit")
    root = ElementTree.fromstring(out.encode())
    assert code == 1
    assert {suite.get("name"): suite.get("tests") for suite in root} == {"toy_paper": "4", "wrong_paper": "2"}
    kinds = {case.get("name").split()[0]: [child.tag for child in case] for case in root.iter("testcase")}
    assert kinds["TOY-2a"] == ["system-out"]
    assert kinds["TOY-3"] == ["skipped", "system-out"]
    assert kinds["WRONG-1"] == ["failure", "system-out"]
    assert kinds["WRONG-2"] == ["error", "system-out"]


def test_markdown_has_a_table_per_paper(tightbound):
    _, out, _ = verify(tightbound, "--format", "markdown")
    assert [line for line in out.splitlines() if line.startswith("###")] == [
        r"### toy\_paper",
        r"### wrong\_paper",
    ]
    assert "| **fail** (instead of pass) |" in out


def test_from_judges_again_at_another_level_without_writing(tightbound, tmp_path):
    verify(tightbound, "toy_paper")
    before = (tmp_path / ".tightbound" / "results.jsonl").read_bytes()
    for place in (".tightbound", ".tightbound/results.jsonl"):
        code, out, _ = tightbound(
            "verify", "toy_paper", "--from", place, "--level", "0.2", "--format", "json"
        )
        assert code == 0
        assert {record["claim"]: record["status"] for record in json.loads(out)} == {
            "TOY-1": "pass", "TOY-2a": "fail", "TOY-2b": "pass", "TOY-3": "skipped",
        }  # fmt: skip
        assert {record["level"] for record in json.loads(out)} == {0.2}
    assert (tmp_path / ".tightbound" / "results.jsonl").read_bytes() == before
    assert "TOY-2a" in tightbound("verify", "TOY-2a", "--from", ".tightbound")[1]


def test_from_takes_the_newest_of_each_claim_unless_a_seed_is_named(tightbound):
    for seed in (1, 2):
        verify(tightbound, "TOY-1", "--seed", seed)
    for argv, seed in (([], 2), (["--seed", "1"], 1)):
        _, out, _ = tightbound("verify", "TOY-1", "--from", ".tightbound", "--format", "json", *argv)
        assert [record["seed"] for record in json.loads(out)] == [seed]


def test_a_damaged_line_of_the_ledger_is_reported_and_skipped(tightbound, tmp_path):
    verify(tightbound, "TOY-2b")
    with (tmp_path / ".tightbound" / "results.jsonl").open("a") as file:
        file.write("half a li")
    code, out, err = tightbound("verify", "TOY-2b", "--from", ".tightbound")
    assert code == 0
    assert "TOY-2b" in out
    assert "line 2" in err
    assert "skipped" in err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["verify", "TOYS-1"], ["TOYS-1", "did you mean", "TOY-1"]),
        (["verify", "--size", "big"], ["big", "--size", "quick"]),
        (["verify", "--jobs", "0"], ["--jobs", ">= 1"]),
        (["verify", "--level", "2"], ["--level", "< 1"]),
        (["verify", "--from", "nowhere"], ["nowhere", "no such file"]),
        (["verify", "--from", "."], ["holds no evidence", "tightbound verify"]),
        (["verify", "--from", ".", "--jobs", "2"], ["--from", "leave out"]),
        (["verify", "--executor", "cloud"], ["cloud", "serial", "dask", "slurm"]),
        (["verify", "--scheduler", "tcp://x:1"], ["--scheduler", "--executor local", "leave it out"]),
        (["verify", "--executor", "slurm", "--scheduler", "tcp://x:1"], ["slurm, local, debug"]),
        (["verifi"], ["verifi", "Did you mean", "verify"]),
        (["list", "--paper", "toy_papers"], ["toy_papers", "did you mean", "toy_paper"]),
        (["show"], ["CLAIM"]),
        (["show", "TOY*"], ["4 claims", "one id"]),
        (["bench", "sumz"], ["sumz", "did you mean sums"]),
        (["bench", "toy_papr"], ["toy_papr", "did you mean toy_paper"]),
        (["bench", "wrong_paper"], ["wrong_paper", "toy_paper"]),
        (["bench", "xyzzy"], ["xyzzy", "there are toy_paper: sum-peers, sums"]),
        (["bench", "--peers", "sums"], ["beside other packages matches 'sums'", "sum-peers"]),
        (["reproduce"], ["paper", "tightbound reproduce toy_paper"]),
        (["reproduce", "toy_papr"], ["toy_papr", "did you mean toy_paper"]),
        (["reproduce", "toy_paper/grwth"], ["grwth", "did you mean growth"]),
        (["reproduce", "toy_paper", "--check", "--size", "full"], ["--check", "leave out --size full"]),
    ],
)
def test_wrong_usage_exits_two_with_one_line_that_says_what_to_do(tightbound, argv, words):
    code, out, err = tightbound(*argv)
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert all(word in err for word in words), err


@pytest.mark.parametrize(
    "error", [OutputError("disk full: free space"), ExecutorError("gone"), EvidenceError("none")]
)
def test_a_failing_environment_exits_one_with_its_message(tightbound, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(runner, "verify", fail)
    assert verify(tightbound) == (1, "", f"tightbound: {error}\n")


def test_ctrl_c_exits_130_and_says_that_the_run_can_go_on(tightbound, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "verify", interrupt)
    code, out, err = verify(tightbound)
    assert (code, out) == (130, "")
    assert "kept" in err
    assert "same command" in err


def test_a_fault_of_ours_is_not_hidden(tightbound, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(runner, "verify", fail)
    with pytest.raises(ZeroDivisionError):
        verify(tightbound)


def test_show_tells_all_about_a_claim_and_its_last_verdict(tightbound):
    verify(tightbound, "TOY-2a")
    code, out, _ = tightbound("show", "toy-2A")
    assert code == 0
    for words in (
        "n^2 <= 2 n",
        "Theorem 2, as printed",
        "must pass: two squared",
        "tokens = 10",
        "corrected by TOY-1",
    ):
        assert words in out
    assert re.search(r"last verdict\n +fail \(expected; corrected by TOY-1\): measured 1600", out)
    assert "none yet: tightbound verify TOY-1" in tightbound("show", "TOY-1")[1]


def test_bench_names_what_each_row_is_compared_with(tightbound):
    code, out, _ = tightbound("bench", "sums", "--format", "json")
    rows = json.loads(out)
    assert code == 0
    assert [(row["benchmark"], row["what"], row["ratio_to"]) for row in rows] == [
        ("sums", "loop", "sum"),
        ("sums", "sum", "sum"),
    ]
    assert rows[1]["ratio"] == 1.0
    assert all(0 < row["low20"] <= row["median"] <= row["high80"] for row in rows)
    assert "1 x sum" in tightbound("bench", "sums")[1]
    assert "| what | size | median |" in tightbound("bench", "sums", "--format", "markdown")[1]


def test_bench_beside_other_packages_is_one_table_and_a_list_of_what_is_missing(tightbound, monkeypatch):
    import numpy as np

    from tightbound.verification import peers

    monkeypatch.setattr(peers, "SHORTEST", 1e-4)
    code, out, err = tightbound("bench", "--peers", "--format", "markdown")
    table, missing = out.split("\n\n")[2:]
    assert code == 0
    assert table.splitlines()[0].startswith("| problem | here | time | there | time there | times faster |")
    assert [line.split(" | ")[3] for line in table.splitlines()[2:]] == [f"numpy {np.__version__}, sum"]
    assert "| equal |" in table
    assert missing.strip() == "- no-such-package, not installed: `pip install no-such-package`"
    assert err == "numpy: sum of 2000 | numbers\nno-such-package: sum of 2000 | numbers\n"
    rows = json.loads(tightbound("bench", "sum-peers", "--format", "json")[1])
    assert [(row["benchmark"], row["peer"], "ratio" in row) for row in rows] == [
        ("sum-peers", "numpy", True),
        ("sum-peers", "no-such-package", False),
    ]
    shown = tightbound("bench", "--peers", "toy_paper")[1]
    assert "no-such-package, not installed: pip install no-such-package" in shown
    assert "times faster" in shown


def test_bench_exits_one_where_results_differ(tightbound, monkeypatch):
    from tightbound.verification import peers

    def differ(*_, **__):
        raise ArithmeticError("results differ")

    monkeypatch.setattr(peers, "_in_turn", differ)
    code, out, _ = tightbound("bench", "--peers", "--format", "markdown")
    assert code == 1
    assert r"- numpy, sum of 2000 \| numbers, not compared: `ArithmeticError: results differ`" in out


def test_env_is_a_markdown_list_of_everything_that_matters(tightbound, monkeypatch):
    monkeypatch.setenv("TIGHTBOUND_KERNELS", "numpy")
    code, out, _ = tightbound("env")
    assert code == 0
    lines = dict(line.removeprefix("- ").split(": ", 1) for line in out.splitlines())
    assert set(environment.LIBRARIES) <= set(lines)
    assert lines["TIGHTBOUND_KERNELS"] == "numpy"
    assert lines["python"].startswith(".".join(map(str, sys.version_info[:3])))


def test_a_reader_that_leaves_ends_the_command_quietly(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "tightbound", "env"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / ".src"), "PYTHONSAFEPATH": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 1


def test_colour_and_progress_on_a_terminal_and_no_colour_where_it_is_not_wanted(tightbound, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # what Rich takes for a terminal
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    colour = re.compile("\x1b\\[[0-9;]*3[0-9]m")
    _, out, err = verify(tightbound, "TOY-2b", "WRONG-1")
    assert colour.search(out)
    assert "TOY-2b" in err
    monkeypatch.setenv("NO_COLOR", "1")
    _, out, _ = verify(tightbound, "TOY-2b", "WRONG-1")
    assert not colour.search(out)
    assert "! fail" in out
