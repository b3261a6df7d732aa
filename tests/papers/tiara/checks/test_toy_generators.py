"""What the checks on generated videos measure, and that every claim and its control end as they must."""

import numpy as np
import pytest

from tightbound.papers.tiara.checks.consistency import CONSISTENCY, FIXED_SHARE, switching
from tightbound.papers.tiara.checks.denoise import DENOISE, reduced_by_the_bias, self_bias
from tightbound.papers.tiara.checks.toy_video import STRIP, TOY_VIDEO, sizes_flip
from tightbound.verification.statistics import CellEvidence

# fewer videos than at quick size, and a level to match
FEW = {"TIARA-S1a": 24, "TIARA-S1b": 10, "TIARA-S1c": 30, "TIARA-S2b": 160, "TIARA-S2c": 60}


@pytest.mark.parametrize("claim", [*CONSISTENCY, *DENOISE, *TOY_VIDEO], ids=lambda claim: claim.id)
def test_ends_as_expected_and_its_control_fails(claim):
    runs = {"runs": FEW.get(claim.id, 8)}
    control = claim.control
    for measure, grid, status in (
        (claim.measure, claim.grid, claim.expected),
        (control.measure or claim.measure, control.grid or claim.grid, "fail"),
    ):
        found = [
            CellEvidence(cell=cell, data=measure(cell | runs, np.random.default_rng([0, index])))
            for index, cell in enumerate(map(dict, grid.quick))
        ]
        assert claim.statistic.judge(found, level=0.05).status == status


def test_the_share_that_tiara_takes_off_frames_of_one():
    assert FIXED_SHARE == pytest.approx(21 / 25)
    assert self_bias(0.5, 64) == 2.0


def test_edits_start_from_the_same_noise():
    cell = {"runs": 2, "alphas": (5.0,)}
    found = switching(cell, np.random.default_rng(0))
    np.testing.assert_array_equal(found["greater"][:, 0], found["switch_rate"][:, 0])
    np.testing.assert_array_equal(found["x"], [[0.0, 2.0, 4.0, 5.0, 6.0, 7.0, 10.0]])


def test_no_reduction_is_the_first_point_of_both_curves():
    found = reduced_by_the_bias({"noise": 0.5, "runs": 3}, np.random.default_rng(0))
    for name in ("slow", "fast"):
        np.testing.assert_allclose(found[name][:, 0], found[f"tiara_{name}"][:, 0], rtol=1e-12)


def test_frames_are_kept_to_be_looked_at():
    found = sizes_flip({"runs": 1}, np.random.default_rng(0))
    frames = [values for name, values in found.items() if name.endswith("_frames")]
    assert len(frames) == 5
    for strip in frames:
        assert strip.shape == (1, len(STRIP), 16, 16, 3)
        assert 0.0 <= strip.min() <= strip.max() <= 1.0
    # the same noise and prompt until the transition
    np.testing.assert_allclose(found["neither_frames"][0, 0], found["blend_frames"][0, 0], atol=0.1)
