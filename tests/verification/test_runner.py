import json
import re
import resource
from pathlib import Path

import pytest

from tightbound.verification import ledger
from tightbound.verification.claim import NegativeControl
from tightbound.verification.errors import EvidenceError, OutputError
from tightbound.verification.grid import Grid, cells
from tightbound.verification.runner import evidence_for, rejudge, verify


@pytest.fixture
def run(tmp_path):
    """``verify`` in this process, into one folder."""

    def serial(claims, folder="out", **settings):
        return verify(claims, output=tmp_path / folder, **({"executor": "serial"} | settings))

    serial.folder = tmp_path / "out"
    return serial


def stored(folder):
    records, problems = ledger.read(folder / ledger.NAME)
    assert problems == []
    return records


def lasting(records):
    return [
        {name: value for name, value in ledger.to_json(record).items() if name != "run"} for record in records
    ]


def test_a_claim_that_holds(toy, run):
    claim = toy.claim(1)
    (record,) = run([claim])
    assert (record["status"], record["as_expected"], record["reason"]) == ("pass", True, "")
    assert record["control"]["status"] == record["control"]["must"] == "fail"
    assert record["low"] < record["estimate"] < record["high"] <= record["bound"]
    assert record["n_replicates"] == 50
    assert record["family"] == 1
    assert [entry["role"] for entry in record["evidence"]] == ["measure", "measure", "control", "control"]
    assert {"time", "wall_s", "platform", "cores", "git"} == set(record["run"])
    assert stored(run.folder) == [record]


def test_serial_and_local_give_the_same_records(toy, run, tmp_path):
    claims = [*toy.PLAIN, toy.FALSE, toy.ASSUMING, toy.claim(4, measure=toy.broken)]
    serial = run(claims)
    local = run(claims, "local", executor="local", jobs=2)
    assert lasting(serial) == lasting(local)
    assert lasting(stored(tmp_path / "local")) == lasting(stored(tmp_path / "out"))


def test_numbers_do_not_depend_on_order_or_company(toy, run):
    together = run(toy.PLAIN)
    alone = run([toy.PLAIN[2]], "alone", family=toy.PLAIN)
    backwards = run(toy.PLAIN[::-1], "backwards")
    assert lasting(alone) == lasting(together[2:])
    assert lasting(backwards[::-1]) == lasting(together)


def test_seeds_differ(toy, run):
    (zero,), (one,) = (run([toy.claim(1)], seed=seed) for seed in (0, 1))
    assert zero["estimate"] != one["estimate"]
    assert len(stored(run.folder)) == 2


def test_a_second_run_measures_and_writes_nothing(toy, run):
    events = []
    first = run(toy.PLAIN)
    calls = toy.calls()
    lines = (run.folder / ledger.NAME).read_bytes()
    assert lasting(run(toy.PLAIN, on_event=events.append)) == lasting(first)
    assert toy.calls() == calls
    assert (run.folder / ledger.NAME).read_bytes() == lines
    finished = [event for event in events if event.kind == "finished"]
    assert all(event.cached for event in finished)
    assert "started" not in {event.kind for event in events}


def test_without_the_cache_everything_is_measured_again(toy, run):
    run(toy.PLAIN)
    calls = toy.calls()
    run(toy.PLAIN, cache=False)
    assert toy.calls() == 2 * calls
    assert len(stored(run.folder)) == len(toy.PLAIN)


def test_a_larger_grid_measures_only_what_is_new(toy, run):
    claim = toy.claim(1, grid=Grid(cells(mean=[0.0, 1.0]), cells(mean=[0.0, 1.0, 2.0])))
    run([claim])
    before = toy.calls()
    run([claim], size="standard")
    assert toy.calls() == before + 2


def test_damaged_evidence_is_reported_and_measured_again(toy, run):
    events = []
    (record,) = run([toy.claim(1)])
    file = run.folder / record["evidence"][1]["file"]
    file.write_bytes(file.read_bytes()[:-40])
    before = toy.calls()
    assert lasting(run([toy.claim(1)], on_event=events.append)) == lasting([record])
    assert toy.calls() == before + 1
    (problem,) = [event.message for event in events if event.kind == "problem"]
    assert file.name in problem
    assert "measured again" in problem


def test_a_damaged_line_is_reported_with_its_number(toy, run):
    events = []
    run([toy.claim(1)])
    with (run.folder / ledger.NAME).open("a") as stream:
        stream.write('{"schema": 1, "cla')
    run([toy.claim(1), toy.claim(2)], family=[toy.claim(1)], on_event=events.append)
    records, problems = ledger.read(run.folder / ledger.NAME)
    assert [record["claim"] for record in records] == ["TOY-1", "TOY-2"]
    assert [problem.line for problem in problems] == [2]
    assert f"{ledger.NAME} line 2" in next(event.message for event in events if event.kind == "problem")


def test_events_count_up_to_the_total(toy, run):
    events = []
    records = run(toy.PLAIN, on_event=events.append)
    finished = [event for event in events if event.kind == "finished"]
    assert [event.done for event in finished] == list(range(1, finished[0].total + 1))
    assert finished[-1].claim_done == finished[-1].claim_total
    assert [event.record for event in events if event.kind == "judged"] == records


def test_verdicts_are_told_while_others_are_measured(toy, run):
    order = []
    run(toy.PLAIN, on_event=lambda event: order.append((event.kind, event.claim)))
    assert order.index(("judged", "TOY-1")) < order.index(("started", "TOY-2"))


# how unit, assumption, control and statistic combine


def test_a_false_statement_that_fails_is_as_expected(toy, run):
    (record,) = run([toy.FALSE])
    assert (record["status"], record["as_expected"], record["corrected_by"]) == ("fail", True, "TOY-1")
    assert (record["control"]["status"], record["control"]["must"]) == ("pass", "pass")


def test_a_measure_that_raises_is_an_error_with_its_place(toy, run):
    (record,) = run([toy.claim(1, measure=toy.broken)])
    assert record["status"] == "error"
    assert "ZeroDivisionError: nothing to divide by" in record["reason"]
    assert "toy_claims.py" in record["reason"]
    assert "'mean': 0.0" in record["reason"]
    assert record["estimate"] is None
    assert [entry["file"] for entry in record["evidence"][:2]] == [None, None]
    assert all(entry["file"] for entry in record["evidence"][2:])


def test_an_error_is_tried_again_the_next_time(toy, run):
    claim = toy.claim(1, measure=toy.broken_once)
    assert [run([claim])[0]["status"] for _ in range(2)] == ["error", "pass"]
    assert [record["status"] for record in stored(run.folder)] == ["error", "pass"]


def test_a_statistic_that_raises_is_an_error(toy, run):
    (record,) = run([toy.claim(1, measure=toy.p_zero)])
    assert record["status"] == "error"
    assert record["reason"].startswith("statistic: ")
    assert "value" in record["reason"]


def test_a_false_assumption_is_invalid_and_is_not_measured(toy, run):
    (record,) = run([toy.ASSUMING])
    assert (record["status"], record["assumptions"]) == ("invalid", {"small": False})
    assert "assumption small does not hold: the mean is below 2" in record["reason"]
    assert toy.calls("steady") == 1


@pytest.mark.parametrize(
    ("measure", "ended", "words"),
    [
        (
            "steady",
            "pass",
            r"the control ended in pass \(measured .*, bound .*\) but must fail: nobody knows",
        ),
        ("broken", "error", "the control raised an error: .*ZeroDivisionError"),
        ("p_zero", "error", "the control raised an error: statistic: "),
    ],
)
def test_a_control_that_does_not_fail_makes_the_claim_invalid(toy, run, measure, ended, words):
    control = NegativeControl("nobody knows", measure=getattr(toy, measure))
    (record,) = run([toy.claim(1, control=control)])
    assert (record["status"], record["as_expected"], record["control"]["status"]) == ("invalid", False, ended)
    assert re.match(words, record["reason"])


def test_an_error_of_the_claim_outranks_its_control(toy, run):
    control = NegativeControl("nobody knows", measure=toy.steady)
    (record,) = run([toy.claim(1, measure=toy.broken, control=control)])
    assert record["status"] == "error"


def test_a_claim_that_is_not_run_is_skipped_as_expected(toy, run):
    (record,) = run([toy.claim(1, skip="needs a robot", expected="skipped")])
    assert (record["status"], record["reason"], record["as_expected"]) == ("skipped", "needs a robot", True)
    assert toy.calls() == 0


def test_a_spent_budget_skips_what_has_not_started(toy, run):
    records = run([toy.SLOW[0], toy.claim(1), toy.claim(2)], budget=0.05)
    assert [record["status"] for record in records] == ["pass", "skipped", "skipped"]
    assert "budget of 0.05 s" in records[1]["reason"]
    assert not records[1]["as_expected"]
    assert [record["status"] for record in run([toy.SLOW[0], toy.claim(1)], budget=60)] == ["pass", "pass"]


def test_a_claim_that_would_exceed_the_budget_is_not_started(toy, run):
    claims = [toy.claim(1, seconds={"quick": 900.0}), toy.claim(2)]
    assert [record["status"] for record in run(claims, budget=30)] == ["skipped", "pass"]


def test_what_is_on_disk_costs_no_budget(toy, run):
    run([toy.claim(1)])
    assert run([toy.claim(1)], budget=0)[0]["status"] == "pass"


# the family


def test_the_level_is_shared_by_the_stochastic_claims_of_the_family(toy, run):
    pair = [toy.scripted(1, 0.006), toy.scripted(2, 0.5)]
    assert run(pair[:1])[0]["status"] == "fail"
    assert run(pair[:1], family=pair)[0]["status"] == "pass"
    exact = toy.claim(3, statistic=toy.Scripted(stochastic=False), measure=toy.p_zero, bound=None)
    assert run(pair[:1], family=[pair[0], exact])[0]["family"] == 1


def test_holm_turns_a_verdict_and_the_ledger_says_so_once(toy, run):
    events = []
    claims = [toy.scripted(1, 0.006), toy.scripted(2, 0.004)]
    records = run(claims, on_event=events.append)
    assert [record["status"] for record in records] == ["fail", "fail"]
    assert "Holm" in records[0]["reason"]
    lines = stored(run.folder)
    assert [(line["claim"], line["status"]) for line in lines] == [
        ("TOY-1", "pass"),
        ("TOY-2", "fail"),
        ("TOY-1", "fail"),
    ]
    assert lines[2]["supersedes"] == lines[0]["key"]
    assert [event.record["status"] for event in events if event.kind == "judged"] == ["pass", "fail", "fail"]
    assert lasting(run(claims)) == lasting(records)
    assert stored(run.folder) == lines
    assert lasting(ledger.latest(lines)) == lasting(records)
    assert rejudge(ledger.latest(lines), claims, folder=run.folder) == records


# judging again


def test_judging_again_gives_the_same_records_without_measuring(toy, run):
    claims = [*toy.PLAIN, toy.FALSE, toy.ASSUMING, toy.claim(4, measure=toy.broken)]
    claims.append(toy.claim(5, skip="no", expected="skipped"))
    claims.append(toy.claim(6, control=NegativeControl("it breaks", measure=toy.broken)))
    records = run(claims)
    calls = toy.calls()
    assert rejudge(ledger.latest(stored(run.folder)), claims, folder=run.folder) == records
    assert toy.calls() == calls


def test_judging_again_at_another_level(toy, run):
    claim = toy.scripted(1, 0.02)
    records = run([claim])
    (again,) = rejudge(records, [claim], folder=run.folder, level=0.05)
    assert (records[0]["status"], again["status"], again["level"]) == ("pass", "fail", 0.05)


def test_judging_again_takes_the_claims_asked_for(toy, run):
    records = run(toy.PLAIN)
    again = rejudge(records, [toy.PLAIN[2], toy.claim(9)], folder=run.folder, family=toy.PLAIN)
    assert again == records[2:]


@pytest.mark.parametrize("harm", ["removed", "damaged", "replaced"])
@pytest.mark.parametrize("position", [0, -1])
def test_evidence_that_is_gone_or_altered_is_an_error_that_names_it(toy, run, harm, position):
    (record,) = run([toy.claim(1)])
    name = record["evidence"][position]["file"]
    file = run.folder / name
    if harm == "removed":
        file.unlink()
    elif harm == "damaged":
        file.write_bytes(b"")
    else:
        file.write_bytes((run.folder / record["evidence"][1]["file"]).read_bytes())
    (again,) = rejudge([record], [toy.claim(1)], folder=run.folder)
    assert again["status"] == "error"
    assert Path(name).name in again["reason"]


def test_two_records_of_one_claim_are_refused(toy, run):
    (record,) = run([toy.claim(1)])
    with pytest.raises(ValueError, match="TOY-1 twice: give those of one size and seed"):
        rejudge([record, record], [toy.claim(1)], folder=run.folder)


# evidence for figures


def test_figures_get_the_evidence_that_was_judged(toy, run):
    run(toy.PLAIN)
    calls = toy.calls()
    found = evidence_for(toy.PLAIN, executor="serial", output=run.folder)
    assert toy.calls() == calls
    assert list(found) == ["TOY-1", "TOY-2", "TOY-3"]
    assert [cell.cell["mean"] for cell in found["TOY-1"].measure] == [0.0, 1.0]
    assert [cell.bound for cell in found["TOY-1"].control] == [1.0, 2.0]
    assert found["TOY-2"].measure[0].data["value"].shape == (150,)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"skip": "needs a robot", "expected": "skipped"}, "TOY-1 is not run .needs a robot"),
        ({"measure": "broken"}, "TOY-1, measure, cell .*ZeroDivisionError"),
        ({"assumptions": True}, "TOY-1, measure, cell .*assumption does not hold"),
    ],
)
def test_figures_are_told_what_is_not_to_be_had(toy, tmp_path, changes, words):
    if changes.get("measure"):
        changes = {"measure": toy.broken}
    if changes.get("assumptions"):
        changes = {"assumptions": toy.ASSUMING.assumptions, "grid": toy.ASSUMING.grid}
    with pytest.raises(EvidenceError, match=words):
        evidence_for([toy.claim(1, **changes)], executor="serial", output=tmp_path)


# wrong use, full disks


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"size": "huge"}, "size is 'huge'.*quick, standard, full"),
        ({"seed": -1}, "seed is -1.*at least 0"),
        ({"seed": 0.5}, "seed is 0.5.*integer"),
        ({"level": 0.0}, "level is 0.0.*between 0 and 1"),
        ({"level": float("nan")}, "level is nan.*between 0 and 1"),
        ({"budget": -1.0}, "budget is -1.0.*at least 0"),
        ({"budget": float("nan")}, "budget is nan.*at least 0"),
        ({"executor": "cloud"}, "executor is 'cloud'.*serial, local"),
        ({"jobs": 0}, "jobs is 0.*at least 1"),
    ],
)
def test_a_wrong_setting_is_named_with_the_remedy(toy, run, settings, words):
    with pytest.raises(ValueError, match=words):
        run([toy.claim(1)], **settings)
    assert toy.calls() == 0


def test_a_claim_given_twice_is_refused(toy, run):
    with pytest.raises(ValueError, match="TOY-1 twice"):
        run([toy.claim(1), toy.claim(1)])


def test_an_output_that_is_a_file_is_named(toy, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot write .*file: .*choose another output"):
        verify([toy.claim(1)], executor="serial", output=tmp_path / "file")


@pytest.mark.parametrize("executor", ["serial", "local"])
def test_a_full_disk_loses_nothing_that_is_finished(toy, run, tmp_path, executor):
    claims = [toy.claim(1), toy.claim(2, measure=toy.heavy), toy.claim(3)]
    undisturbed = run(claims, "undisturbed")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"\.npz: .*; free space and run the same command again"):
            run(claims, executor=executor, jobs=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [record["claim"] for record in stored(run.folder)][:1] == ["TOY-1"]
    assert list((run.folder / "evidence").glob(".*.tmp")) == []
    kept = toy.calls("steady")
    assert lasting(run(claims)) == lasting(undisturbed)
    assert toy.calls("steady") <= kept + 2
    assert lasting(stored(run.folder)) == lasting(stored(tmp_path / "undisturbed"))


def test_the_ledger_is_plain_json(toy, run):
    run([toy.scripted(1, 0.5)])
    line = json.loads((run.folder / ledger.NAME).read_text(), parse_constant=lambda name: pytest.fail(name))
    assert line["bound"] == "inf"
