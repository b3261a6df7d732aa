"""What claims are thought to cost, and the sizes that follow from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.verification import collecting
from tightbound.verification.budget import Costs, choose, explained
from tightbound.verification.grid import SIZES, Grid, cells
from tightbound.verification.runner import verify

GROWING = Grid(cells(mean=[0.0]), cells(mean=[0.0, 0.5]), cells(mean=[0.0, 0.5, 1.0]))


def record(claim, seconds, size="quick", status="pass"):
    return {"claim": claim, "size": size, "status": status, "run": {"wall_s": seconds}}


def test_costs_are_measured_else_stated_at_the_pace_of_this_machine_else_unknown(toy):
    claims = [
        toy.claim(1, seconds={"quick": 2.0}),
        toy.claim(2, seconds={"quick": 3.0, "standard": 10.0}),
        toy.claim(3),
    ]
    costs = Costs.of(claims, [record("TOY-1", 1.0), record("TOY-1", 6.0), record("OTHER-1", 9.0)])
    assert costs.pace == 3.0
    assert [costs.seconds(claim, "quick") for claim in claims] == [6.0, 9.0, None]
    assert [costs.basis(claim, "quick") for claim in claims] == ["measured", "stated", "unknown"]
    assert costs.seconds(claims[1], "standard") == 30.0
    assert costs.seconds(claims[1], "full") is None


@pytest.mark.parametrize("status", ["skipped", "error"])
def test_runs_that_measured_little_teach_nothing(toy, status):
    costs = Costs.of([toy.claim(1, seconds={"quick": 2.0})], [record("TOY-1", 0.0, status=status)])
    assert costs == Costs()


def test_exact_claims_that_took_no_time_do_not_set_the_pace(toy):
    assert Costs.of([toy.claim(1, seconds={"quick": 2.0})], [record("TOY-1", 0.0)]).pace == 1.0


def test_the_cheapest_step_comes_first_and_what_is_paid_already_is_free():
    prices = [
        {"quick": 1.0, "standard": 100.0},
        {"quick": 1.0, "standard": 2.0, "full": 50.0},
        {"quick": 1.0, "full": 0.0},
        {"quick": 4.0},
    ]
    assert choose(prices, 8.0) == ["quick", "standard", "full", "quick"]
    assert choose(prices, 3.0) == ["quick", "quick", "full", "quick"]
    assert choose(prices, 1000.0) == ["standard", "full", "full", "quick"]
    assert choose([], 1.0) == []


ladders = st.lists(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=3), max_size=8)


@given(ladders, st.floats(0.0, 500.0))
def test_the_choice_keeps_to_what_there_is_or_is_the_smallest(ladder_prices, seconds):
    prices = [dict(zip(SIZES, sorted(ladder), strict=False)) for ladder in ladder_prices]
    sizes = choose(prices, seconds)
    spent = sum(price[size] for price, size in zip(prices, sizes, strict=True))
    assert spent <= max(seconds, sum(price["quick"] for price in prices)) + 1e-9


def test_the_plan_is_explained_in_one_line(toy):
    costs = Costs({("TOY-1", "standard"): 8.0}, pace=2.0)
    chosen = [(toy.claim(1), "standard", 8.0), (toy.claim(2, seconds={"quick": 6.0}), "quick", 12.0)]
    assert explained(chosen, costs, budget=60.0, workers=2) == (
        "budget of 60 s on 2 workers: 1 at standard, 1 at quick, about 10 s expected "
        "(costs: 1 measured, 1 stated times 2)"
    )
    short = explained([(toy.claim(3), "quick", 90.0)], Costs(), budget=60.0, workers=1)
    assert "1 worker: 1 at quick, about 90 s expected; claims that do not fit are skipped" in short
    assert "1 unknown" in short


# in a run


def run(claims, folder, **settings):
    notes = []

    def listen(event):
        if event.kind == "note":
            notes.append(event.message)

    records = verify(claims, output=folder, on_event=listen, **({"executor": "serial"} | settings))
    return {record["claim"]: (record["size"], record["status"]) for record in records}, notes


def test_a_budget_raises_the_sizes_that_fit(toy, tmp_path):
    claims = [
        toy.claim(1, grid=GROWING, seconds={"quick": 1.0, "standard": 2.0, "full": 500.0}),
        toy.claim(2, grid=GROWING, seconds={"quick": 1.0}),
        toy.claim(3, seconds={"quick": 1.0, "standard": 1.0}),
    ]
    found, notes = run(claims, tmp_path, budget=60)
    assert found == {"TOY-1": ("standard", "pass"), "TOY-2": ("quick", "pass"), "TOY-3": ("quick", "pass")}
    assert notes == [
        "budget of 60 s on 1 worker: 1 at standard, 2 at quick, about 4 s expected (costs: 3 stated)"
    ]


def test_an_asked_size_is_kept_and_what_does_not_fit_is_skipped(toy, tmp_path):
    seconds = {"quick": 1.0, "standard": 900.0}
    claims = [toy.claim(1, grid=GROWING, seconds=seconds), toy.claim(2, grid=GROWING)]
    found, notes = run(claims, tmp_path, budget=30, size="standard")
    assert found == {"TOY-1": ("standard", "skipped"), "TOY-2": ("standard", "pass")}
    assert "claims that do not fit are skipped" in notes[0]


def test_earlier_runs_correct_what_is_stated(toy, tmp_path):
    claims = [toy.claim(1, grid=GROWING, seconds={"quick": 1.0, "standard": 900.0})]
    assert run(claims, tmp_path, budget=30)[0] == {"TOY-1": ("quick", "pass")}
    run(claims, tmp_path, size="standard")  # takes milliseconds
    assert run(claims, tmp_path, budget=30, seed=1)[0] == {"TOY-1": ("standard", "pass")}


def test_what_is_on_disk_costs_nothing_unless_it_is_measured_anew(toy, tmp_path):
    claims = [toy.claim(1, grid=GROWING, seconds={"quick": 20.0, "standard": 900.0})]
    run(claims, tmp_path, size="standard")
    (tmp_path / "results.jsonl").unlink()
    found, notes = run(claims, tmp_path, budget=1)
    assert found == {"TOY-1": ("standard", "pass")}
    assert "about 0 s expected" in notes[0]
    (tmp_path / "results.jsonl").unlink()
    assert run(claims, tmp_path, budget=1, cache=False)[0] == {"TOY-1": ("quick", "skipped")}


class Clock:
    """A clock that every unit of TOY-1 moves on by a second."""

    def __init__(self):
        self.now = 0.0
        self.events = []

    def monotonic(self):
        return self.now

    def listen(self, event):
        self.events.append(event)
        if event.kind == "finished" and event.claim == "TOY-1":
            self.now += 1.0


@pytest.fixture
def clock(monkeypatch):
    moved = Clock()
    monkeypatch.setattr(collecting, "time", moved)
    return moved


def test_a_larger_size_gives_way_where_time_turns_out_short(toy, tmp_path, clock):
    """The first claim takes 8 s instead of 1; the second gives way, so that the third has its share."""
    claims = [
        toy.claim(1, grid=Grid(cells(mean=[0.0], n=[1, 2, 3, 4])), seconds={"quick": 1.0}),
        toy.claim(2, grid=GROWING, seconds={"quick": 1.0, "standard": 9.0}),
        toy.claim(3, seconds={"quick": 4.0}),
    ]
    records = verify(claims, executor="serial", output=tmp_path, budget=20, on_event=clock.listen)
    assert "1 at standard, 2 at quick, about 14 s" in clock.events[0].message
    assert [(record["size"], record["status"]) for record in records] == [("quick", "pass")] * 3


def test_giving_way_keeps_the_count_of_units(toy, tmp_path, clock):
    large = toy.claim(2, grid=GROWING, seconds={"quick": 1.0, "standard": 18.0})
    verify([large], executor="serial", output=tmp_path)  # its quick cell is on disk
    (tmp_path / "results.jsonl").unlink()
    claims = [toy.claim(1, grid=Grid(cells(mean=[0.0], n=[1, 2, 3, 4]))), large]
    verify(claims, executor="serial", output=tmp_path, budget=15, on_event=clock.listen)
    assert "1 at standard, 1 at quick, about 9 s" in clock.events[0].message
    finished = [event for event in clock.events if event.kind == "finished"]
    assert finished[-1].done == finished[-1].total == 8 + 2
    assert finished[-1].claim_done == finished[-1].claim_total == 2
