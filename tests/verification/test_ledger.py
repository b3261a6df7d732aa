import json
import math
import resource
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.verification.errors import OutputError
from tightbound.verification.judging import Settings, skipped
from tightbound.verification.ledger import NAME, Ledger, fault, key_of, latest, read, to_json

SETTINGS = Settings("quick", 0, 0.01, 1)


@pytest.fixture
def record(toy):
    """A valid record, with changes."""

    def make(number=1, **changes):
        made = skipped(toy.claim(number), SETTINGS, "no time", {"python": "3.11"}) | changes
        return made | {"key": key_of(made)}

    return make


def test_a_missing_ledger_holds_nothing(tmp_path):
    assert read(tmp_path / NAME) == ([], [])


def test_what_is_appended_is_read(tmp_path, record):
    records = [
        record(number, estimate=math.inf, low=-math.inf, bound=0.1, p_value=1e-300) for number in (1, 2)
    ]
    ledger = Ledger(tmp_path)
    assert all(ledger.append(entry) for entry in records)
    assert read(tmp_path / NAME) == (records, [])


@given(value=st.floats())
def test_every_float_survives_valid_json(value):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    again = json.loads(json.dumps(to_json({"bound": value}), allow_nan=False), parse_constant=refuse)
    assert float(again["bound"]) == value or math.isnan(value)


def test_a_verdict_that_stands_is_not_repeated(tmp_path, record):
    ledger = Ledger(tmp_path)
    assert ledger.append(record(run={"time": "first"}))
    assert not ledger.append(record(run={"time": "second"}))
    assert not Ledger(tmp_path).append(record(run={"time": "third"}))
    assert ledger.append(record(reason="another"))
    assert ledger.append(record()), "a verdict that was replaced and is found again stands again"
    assert [entry["reason"] for entry in read(tmp_path / NAME)[0]] == ["no time", "another", "no time"]


def test_a_superseded_verdict_does_not_come_back(tmp_path, record):
    first = record()
    last = record(status="fail", supersedes=first["key"])
    ledger = Ledger(tmp_path)
    assert [ledger.append(entry) for entry in (first, last, first, last)] == [True, True, False, False]


def test_latest_keeps_one_per_claim_size_seed_and_level(record):
    records = [record(1), record(2), record(1, seed=1), record(1, level=0.05), record(1, reason="newer")]
    found = latest(records)
    assert [(entry["claim"], entry["seed"], entry["level"]) for entry in found] == [
        ("TOY-1", 0, 0.01),
        ("TOY-2", 0, 0.01),
        ("TOY-1", 1, 0.01),
        ("TOY-1", 0, 0.05),
    ]
    assert found[0]["reason"] == "newer"


def test_a_truncated_line_is_reported_and_the_next_record_gets_its_own_line(tmp_path, record):
    path = tmp_path / NAME
    Ledger(tmp_path).append(record(1))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:100])
    ledger = Ledger(tmp_path)
    assert ledger.append(record(2))
    assert ledger.append(record(3))
    records, problems = read(path)
    assert [entry["claim"] for entry in records] == ["TOY-1", "TOY-2", "TOY-3"]
    assert [problem.line for problem in problems] == [2]
    assert "cut off" in problems[0].reason
    assert [problem.line for problem in Ledger(tmp_path).problems] == [2]


def test_a_record_that_lacks_only_its_newline_counts(tmp_path, record):
    Ledger(tmp_path).append(record(1))
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    ledger = Ledger(tmp_path)
    assert not ledger.append(record(1))
    assert ledger.append(record(2))
    assert len(read(path)[0]) == 2
    assert read(path)[1] == []


def test_line_numbers_stay_right_when_another_run_appends(tmp_path, record):
    path = tmp_path / NAME
    ledger = Ledger(tmp_path)
    ledger.append(record(1))
    Ledger(tmp_path).append(record(2))
    with path.open("ab") as stream:
        stream.write(b"garbage\n")
    ledger.append(record(3))
    assert [problem.line for problem in ledger.problems] == [3]


def test_a_ledger_that_was_removed_is_started_anew(tmp_path, record):
    ledger = Ledger(tmp_path)
    ledger.append(record(1))
    (tmp_path / NAME).unlink()
    assert ledger.append(record(1))
    assert len(read(tmp_path / NAME)[0]) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": 99}, "schema is 99"),
        ({"status": "fine"}, "status is 'fine'"),
        ({"provenance": "rumour"}, "provenance is 'rumour'"),
        ({"family": 1.5}, "family is 1.5"),
        ({"family": True}, "family is True"),
        ({"estimate": "many"}, "estimate is 'many'"),
        ({"control": {}}, "control.status is missing"),
        ({"evidence": [{"role": "measure"}]}, "entry of evidence"),
    ],
)
def test_a_bad_field_is_named(record, changes, words):
    assert words in fault(to_json(record(**changes)))


def test_a_missing_field_and_a_changed_one_are_named(record):
    good = to_json(record())
    assert fault(good) == ""
    assert fault({name: value for name, value in good.items() if name != "title"}) == "title is missing"
    assert "does not belong to its key" in fault(good | {"title": "another"})
    assert fault([]) == "not a JSON object"


def test_a_full_disk_leaves_the_ledger_as_it_was(tmp_path, record):
    ledger = Ledger(tmp_path)
    ledger.append(record(1))
    before = (tmp_path / NAME).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, limits[1]))
    try:
        with pytest.raises(
            OutputError, match=r"results.jsonl: .*; free space and run the same command again"
        ):
            ledger.append(record(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / NAME).read_bytes() == before
    assert ledger.append(record(2))
    assert read(tmp_path / NAME)[1] == []


def test_many_writers_write_whole_lines_once(tmp_path, record):
    records = [record(number) for number in range(1, 21)]

    def work():
        ledger = Ledger(tmp_path)
        for entry in records:
            ledger.append(entry)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found, problems = read(tmp_path / NAME)
    assert problems == []
    assert sorted(entry["claim"] for entry in found) == sorted(entry["claim"] for entry in records)
