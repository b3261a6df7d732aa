"""The training command: its table, its slope, and that it goes on from its checkpoints."""

import numpy as np
import pytest

from tightbound.papers.icl_bma import train
from tightbound.papers.icl_bma.checks.trained_transformer import SMALL

TINY = {**SMALL, "width": 8, "steps": 60, "patience": None, "validation": 20, "fresh": 30, "runs": 2}


def test_rows_are_references_and_budgets_and_come_from_checkpoints_again(tmp_path, capsys):
    folder = tmp_path / "made" / "here"
    first = train.rows(TINY, folder, (16, None))
    assert [row.name for row in first] == [
        "uniform law",
        "best bigram law",
        "transformer, N_p = 16",
        "transformer, N_p = inf",
    ]
    assert {path.name for path in folder.iterdir()} == {"trajectories_16.npz", "trajectories_inf.npz"}
    stamps = [path.stat().st_mtime_ns for path in sorted(folder.iterdir())]
    again = train.rows(TINY, folder, (16, None))
    assert all(
        np.array_equal(a.total_variation, b.total_variation) for a, b in zip(first, again, strict=True)
    )
    assert stamps == [path.stat().st_mtime_ns for path in sorted(folder.iterdir())]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "validation" in captured.err

    lines = train.table(first).splitlines()
    assert lines[0].startswith("| predictor | mean TV | 0 read | 1 read |")
    assert len({line.count("|") for line in lines}) == 1
    assert lines[-1].startswith("| transformer, N_p = inf |")
    assert "| 60 |" in lines[-1]


def test_slope_is_that_of_a_power_law():
    budgets = (16, 64, 256, None)
    errors = [np.array([[scale * n**-0.5] for scale in (1.0, 2.0)]) for n in budgets[:3]]
    found = [train.Row("", np.ones((1, 1)), 0.0)] * 2
    found += [train.Row("", value, 0.0) for value in (*errors, np.ones((2, 1)))]
    middle, reach = train.slope(found, budgets)
    assert middle == pytest.approx(-0.5)
    assert reach == pytest.approx(0.0, abs=1e-9)
    one_run = [train.Row("", row.total_variation[:1], 0.0) for row in found]
    assert train.slope(one_run, budgets)[1] == np.inf


def test_what_cannot_be_trained_is_wrong_usage(tmp_path, capsys):
    with pytest.raises(SystemExit) as raised:
        train.main(["--folder", str(tmp_path), "--steps", "65"])
    assert raised.value.code == 2
    assert "give e.g. steps=70" in capsys.readouterr().err


def test_cost_is_per_token():
    assert 0.0 < train.microseconds(lambda: sum(range(1000)), 10) < 1e6
