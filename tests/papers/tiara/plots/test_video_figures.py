from dataclasses import replace

import numpy as np
import pytest

from tightbound.papers.tiara.checks.consistency import CONSISTENCY
from tightbound.papers.tiara.checks.denoise import DENOISE
from tightbound.papers.tiara.checks.prompt_steps import PROMPT_STEPS
from tightbound.papers.tiara.checks.toy_video import TOY_VIDEO
from tightbound.papers.tiara.plots.consistency import CONSISTENCY_FIGURE
from tightbound.papers.tiara.plots.denoise import DENOISE_FIGURE
from tightbound.papers.tiara.plots.prompt_transition import PROMPT_TRANSITION
from tightbound.papers.tiara.plots.prompt_weights import PROMPT_WEIGHTS
from tightbound.papers.tiara.plots.toy_video import ROWS, TOY_VIDEO_FIGURE
from tightbound.papers.tiara.plots.toy_video import STRIP as NAMED
from tightbound.verification.figures import figure_data, style
from tightbound.verification.grid import Grid
from tightbound.verification.runner import evidence_for

CLAIMS = {claim.id: claim for claim in (*CONSISTENCY, *DENOISE, *PROMPT_STEPS, *TOY_VIDEO)}
FEW = {"TIARA-S1a": 12, "TIARA-S1c": 4, "TIARA-S2a": 20, "TIARA-V1": 1}


def _smaller(claim):
    """Return the claim with fewer videos."""
    if claim.id not in FEW:
        return claim
    own, broken = (
        Grid([{**cell, "runs": FEW[claim.id]} for cell in grid.quick])
        for grid in (claim.grid, claim.control.grid or claim.grid)
    )
    return replace(claim, grid=own, control=replace(claim.control, grid=broken))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Data of every figure by its name."""
    import matplotlib.pyplot as plt

    figures = (CONSISTENCY_FIGURE, DENOISE_FIGURE, PROMPT_TRANSITION, PROMPT_WEIGHTS, TOY_VIDEO_FIGURE)
    ids = {name for figure in figures for name in figure.claims}
    claims = [_smaller(CLAIMS[name]) for name in sorted(ids)]
    evidence = evidence_for(claims, executor="serial", output=tmp_path_factory.mktemp("ledger"))
    found = {}
    for figure in figures:
        with style():
            drawing = figure.draw(evidence)
            found[figure.name] = figure_data(drawing)
            plt.close(drawing)
    return found


def test_consistency_is_bought_with_blur(drawn):
    data = drawn["consistency"]
    rate, distance = data["axes0.line0"], data["axes1.line0"]
    assert rate[0, 1] > 0.75 > 0.65 > rate[-1, 1]
    assert distance[-1, 1] > 2.0 * distance[0, 1]
    control = data["axes0.line2"]
    np.testing.assert_allclose(control[:, 1], control[0, 1], atol=0.02)


def test_errors_fall_towards_the_bias(drawn):
    data = drawn["denoise"]
    for panel in (0, 1):
        for curve in (0, 2):
            errors = data[f"axes{panel}.line{curve}"][:, 1]
            assert errors.argmin() not in (0, 1)
    for curve in (0, 1):
        assert (np.diff(data[f"axes2.line{curve}"][:, 1]) > 0).all()


def test_the_layout_moves_by_the_weight_of_the_gate(drawn):
    data = drawn["prompt_transition"]
    blend, bound = data["axes0.line2"], data["axes0.line3"]
    np.testing.assert_allclose(blend[: len(bound), 1], bound[:, 1], atol=1e-12)


def test_weights_peak_early_for_layout_and_late_for_detail(drawn):
    data = drawn["prompt_weights"]
    layout, detail = data["axes0.line0"], data["axes0.line3"]
    assert layout[:, 1].argmax() < 5 < 10 < detail[:, 1].argmax()


def test_the_strip_shows_every_frame_once(drawn):
    data = drawn["toy_video"]
    assert len(data) == len(ROWS) * len(NAMED)
    first, last = data["axes0.image0"], data[f"axes{len(NAMED) - 1}.image0"]
    # a red disk becomes a blue square
    assert first[..., 0].max() > first[..., 2].max()
    assert last[..., 2].max() > last[..., 0].max()
