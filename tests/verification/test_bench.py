"""Timing: in turn, relative to something, with bad input named."""

import pytest

from tightbound.verification.bench import Benchmark, compare, timed


def test_functions_are_called_in_turn_after_their_warmup():
    calls = []
    rows = compare(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")},
        size="",
        ratio_to="b",
        rounds=3,
        warmup=1,
    )
    assert calls == ["a", "b", "a", "b", "a", "b", "a", "b"]
    assert [(row["what"], row["ratio_to"]) for row in rows] == [("a", "b"), ("b", "b")]
    assert rows[1]["ratio"] == 1.0


def test_the_ratio_is_taken_within_a_round(monkeypatch):
    # A machine that is ten times slower in every second round: the ratio stays 2 throughout.
    times = iter([0.0, 2.0, 2.0, 3.0, 3.0, 23.0, 23.0, 33.0, 33.0, 35.0, 35.0, 36.0])
    monkeypatch.setattr("tightbound.verification.bench.time.perf_counter", lambda: next(times))
    rows = compare({"a": lambda: None, "b": lambda: None}, size="", ratio_to="b", rounds=3, warmup=0)
    assert rows[0]["ratio"] == 2.0
    assert rows[0]["median"] == 2.0


def test_timed_returns_median_and_quantiles_in_order():
    median, low, high = timed(lambda: None, rounds=5)
    assert 0 < low <= median <= high


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ratio_to": "c"}, ["ratio_to", "'c'", "a, b"]),
        ({"rounds": 0}, ["rounds", "0", "at least 1"]),
        ({"warmup": -1}, ["warmup", "-1", "0 or more"]),
    ],
)
def test_bad_settings_are_named_with_their_remedy(change, words):
    settings = {"size": "", "ratio_to": "a", "rounds": 1, "warmup": 0} | change
    with pytest.raises(ValueError, match=words[0]) as caught:
        compare({"a": lambda: None, "b": lambda: None}, **settings)
    assert all(word in str(caught.value) for word in words)


def test_a_benchmark_needs_a_word_and_a_function():
    with pytest.raises(ValueError, match="without spaces"):
        Benchmark("two words", "title", list)
    with pytest.raises(TypeError, match="function that returns a list"):
        Benchmark("one", "title", [])
