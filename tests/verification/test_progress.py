"""The bar: how many claims are done, and a guess of the time left that early noise does not spoil."""

import re

import pytest

from tightbound.verification.events import Event
from tightbound.verification.report import progress
from tightbound.verification.report.progress import ProgressBar


@pytest.fixture
def seen(monkeypatch, capfd):
    """Drive a bar through events at given seconds on a terminal; return the last line that it drew."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])

    def run(claims, *timed, workers=1):
        with ProgressBar(claims, "quick", workers) as bar:
            for clock[0], event in timed:
                bar.update(event)
        lines = re.split(r"[\r\n]", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capfd.readouterr().err))
        return [line.strip() for line in lines if line.strip()][-1]

    return run


def finished(claim, done, total, *, cached=False):
    return Event("finished", claim, 0, 0, done, total, cached)


def test_claims_are_counted_and_the_time_left_follows_the_pace(toy, seen):
    first, second = toy.claim(1, seconds={"quick": 600.0}), toy.claim(2, seconds={"quick": 600.0})
    start = (0.0, Event("started", "TOY-1"))
    line = seen([first, second], start)
    assert line.startswith("TOY-1 ")
    assert "0 of 2 claims" in line
    assert "left" not in line  # too early
    line = seen([first, second], start, (30.0, finished("TOY-1", 0, 2)))
    assert line.endswith("about 30 min left")  # (30 + 60) / 60 times 1200 s: rather what is stated
    half = finished("TOY-1", 1, 2)
    line = seen([first, second], start, (600.0, half), (600.0, Event("judged", "TOY-1")))
    assert "1 of 2 claims" in line
    assert line.endswith("about 18 min left")  # 660 s for 360 s of stated costs, 600 s to go


def test_what_is_found_on_disk_teaches_no_pace(toy, seen):
    claims = [toy.claim(1, seconds={"quick": 600.0}), toy.claim(2, seconds={"quick": 600.0})]
    found = finished("TOY-1", 2, 2, cached=True)
    line = seen(claims, (0.0, found), (0.0, Event("started", "TOY-2")), (60.0, finished("TOY-2", 0, 2)))
    assert line.endswith("about 20 min left")


def test_without_claims_it_counts_units(seen):
    assert "3 of 7 units" in seen((), (0.0, Event("finished", "A-1", 3, 7, 1, 2)))
