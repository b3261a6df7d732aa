"""What the checks on prompts measure, and that every claim and its control end as they must."""

import numpy as np
import pytest

from tightbound.papers.tiara.checks._prompts import SHARED, random_lengths, random_texts
from tightbound.papers.tiara.checks.prompt_blend import PROMPT_BLEND, movement_without_alignment
from tightbound.papers.tiara.checks.prompt_steps import (
    PROMPT_STEPS,
    layout_under_a_late_gate,
    weights_of_steps,
)
from tightbound.verification.evidence import measure, units


def judged(claim, role):
    """Verdict at quick size and seed 0."""
    found = [measure(unit).for_statistic for unit in units(claim, "quick", 0) if unit.role == role]
    return claim.statistic.judge(found, level=0.01).status


@pytest.mark.parametrize("claim", [*PROMPT_BLEND, *PROMPT_STEPS], ids=lambda claim: claim.id)
def test_ends_as_expected_and_its_control_fails(claim):
    assert judged(claim, "measure") == claim.expected == "pass"
    assert judged(claim, "control") == "fail"


def test_random_prompts_share_one_component_and_differ_in_length():
    rng = np.random.default_rng(0)
    for _ in range(20):
        lengths = random_lengths(rng)
        assert lengths[0, SHARED] == lengths[1, SHARED]
        assert lengths[1, 0] > lengths[0, 0]
        texts = random_texts(lengths, 3, rng)
        starts = lengths[:, :SHARED].sum(axis=1)
        first, second = (
            text[start : start + lengths[0, SHARED]] for text, start in zip(texts, starts, strict=True)
        )
        np.testing.assert_array_equal(first, second)


def test_without_alignment_shared_slots_do_move():
    found = movement_without_alignment({"dim": 8, "width": 4, "instances": 3}, np.random.default_rng(0))
    assert found["reference"].max() > 1.0
    assert found["reference"].min() == 0.0


def test_promptblend_keeps_the_layout_and_leads_the_detail():
    cell = {"dim": 8, "steps": 25, "leak": 0.0}
    found = layout_under_a_late_gate(cell, np.random.default_rng(0))
    switch, blend = (found[f"{way}_detail_jumps"].max() for way in ("switch", "blend"))
    assert blend == pytest.approx(switch / 15.0)
    # the rule as restated leaves the layout's jump at the end of the transition
    assert found["blend_layout_jumps"].max() > 0.95 * found["switch_layout_jumps"].max()
    assert found["lerp_light_drift"].max() > 10.0 * found["blend_light_drift"].max()


def test_the_caption_s_shares_of_late_steps():
    found = weights_of_steps({"steps": 25}, np.random.default_rng(0))
    shares = [found[name][0, 15:].sum() / found[name].sum() for name in ("layout", "detail")]
    assert [round(share, 2) for share in shares] == [0.02, 0.45]
