"""Beside other packages: equal results first, then turns on one thread; what is missing is said."""

import pytest

from tightbound.verification import peers
from tightbound.verification.peers import (
    Match,
    Pair,
    Peer,
    PeerBenchmark,
    UnavailableError,
    agree,
    together,
)

NUMPY = Peer("numpy", ["numpy"])


@pytest.fixture(autouse=True)
def short_turns(monkeypatch):
    monkeypatch.setattr(peers, "SHORTEST", 1e-4)


def pair(prepare, peer=NUMPY):
    return Pair("a problem", "ours", "theirs", peer, prepare, seconds=0.01)


def rows(*pairs):
    return PeerBenchmark("toy-peers", "", pairs).run()


def test_the_ratio_is_taken_within_a_turn(monkeypatch):
    # A machine that is ten times slower in every second turn: the ratio stays 4 throughout.
    spent = {"ours": iter([1.0, 1.0, 10.0, 1.0]), "theirs": iter([4.0, 4.0, 40.0, 4.0])}
    monkeypatch.setattr(peers, "_spent", lambda run, times: next(spent[run()]))
    (row,) = rows(pair(lambda: Match(lambda: "ours", lambda: "theirs", "equal")))
    assert (row["ratio"], row["ratio_low20"], row["ratio_high80"]) == (4.0, 4.0, 4.0)
    assert (row["ours_median"], row["theirs_median"], row["turns"]) == (1.0, 4.0, 3)


def test_turns_alternate_and_quick_runs_are_repeated(monkeypatch):
    monkeypatch.setattr(peers, "SHORTEST", 2.5)
    monkeypatch.setattr("tightbound.verification.peers.time.process_time", iter(range(1000)).__next__)
    calls = []
    match = Match(lambda: calls.append("o"), lambda: calls.append("t"), "equal")
    (row,) = rows(pair(lambda: match))
    assert "".join(calls) == "o" + "ot" + 3 * "ooottt"  # once for caches, once each to see what it costs
    assert row["ours_median"] == pytest.approx(1.0 / 3.0)


def test_versions_and_agreement_are_told():
    (row,) = rows(pair(lambda: Match(list, list, "within 2e-16")))
    import numpy as np

    assert (row["peer"], row["version"], row["agreement"]) == ("numpy", np.__version__, "within 2e-16")
    assert row["ratio_low20"] <= row["ratio"] <= row["ratio_high80"]
    assert peers.LEAST_TURNS <= row["turns"] <= peers.MOST_TURNS


def test_what_is_not_installed_is_not_prepared():
    def never():
        raise AssertionError

    def lacking():
        raise UnavailableError("pip install a-model")

    named = Peer("no-such-package", ["numpy", "no_such_package"])
    told = Peer("other", ["no_such_package"], "conda install other")
    found = rows(pair(never, named), pair(never, told), pair(lacking))
    assert [row["install"] for row in found] == [
        "pip install no-such-package", "conda install other", "pip install a-model",
    ]  # fmt: skip
    assert all(row["reason"] == "not installed" and "ratio" not in row for row in found)
    assert not any(row.get("failed") for row in found)


def test_one_that_differs_is_not_timed_and_the_others_are():
    def differs():
        agree([1.0], [1.5], 1e-3)

    wrong, right = rows(pair(differs), pair(lambda: Match(list, list, "equal")))
    assert wrong["failed"]
    assert "ArithmeticError: results differ by 5.0e-01" in wrong["reason"]
    assert "ratio" not in wrong
    assert "ratio" in right


def test_everything_runs_on_one_thread():
    import numba

    seen = []
    before = numba.get_num_threads()
    rows(pair(lambda: Match(lambda: seen.append(numba.get_num_threads()), list, "")))
    assert set(seen) == {1}
    assert numba.get_num_threads() == before


def test_each_pair_is_announced():
    seen = []
    PeerBenchmark("toy-peers", "", [pair(lambda: Match(list, list, ""))] * 2).run(seen.append)
    assert [one.problem for one in seen] == ["a problem"] * 2


def test_several_are_one():
    one = pair(lambda: Match(list, list, ""))
    assert together([PeerBenchmark("a", "", [one]), PeerBenchmark("b", "", [one, one])]).pairs == [one] * 3


@pytest.mark.parametrize(
    ("found", "expected", "relative", "said"),
    [
        ([1, 2], [1, 2], False, "equal"),
        ([], [], False, "equal"),
        ([10.0, 1.00000012], [10.0, 1.0], False, "within 2e-07"),
        ([10.0000011], [10.0], True, "within 2e-07 of the value"),
    ],
)
def test_differences_in_words_are_rounded_up(found, expected, relative, said):
    assert agree(found, expected, 1e-6, relative=relative) == said


@pytest.mark.parametrize("found", [[1.0, 2.1], [1.0, float("nan")], [1.0]])
def test_what_differs_is_refused(found):
    with pytest.raises(ArithmeticError, match="speeds cannot be compared"):
        agree(found, [1.0, 2.0], 1e-6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Peer("torch", "torch"), "list of names"),
        (lambda: Peer("torch", []), "list of names"),
        (lambda: Pair("p", "o", "t", NUMPY, list, seconds=0.0), "positive time"),
        (lambda: PeerBenchmark("two words", "", []), "without spaces"),
    ],
)
def test_bad_settings_are_named_with_their_remedy(make, words):
    with pytest.raises((TypeError, ValueError), match=words):
        make()
