"""The figures show what was measured."""

import numpy as np
import pytest

from tightbound.papers.speculative_core.claims import CLAIMS
from tightbound.papers.speculative_core.figures import FIGURES
from tightbound.verification.figures import style
from tightbound.verification.runner import evidence_for


@pytest.fixture(scope="module")
def drawings(tmp_path_factory):
    import matplotlib.pyplot as plt

    ids = {name for figure in FIGURES for name in figure.claims}
    claims = [claim for claim in CLAIMS if claim.id in ids]
    evidence = evidence_for(claims, executor="serial", output=tmp_path_factory.mktemp("evidence"))
    with style():
        drawn = {figure.name: figure.draw(evidence) for figure in FIGURES}
    yield drawn
    for drawing in drawn.values():
        plt.close(drawing)


def _curves(ax):
    return {line.get_label(): np.asarray(line.get_ydata()) for line in ax.get_lines()}


def test_no_rule_for_independent_candidates_is_above_the_optimum(drawings):
    for ax in drawings["candidates"].axes:
        curves = _curves(ax)
        best = curves["optimum, independent candidates"]
        for name in ("recursive rejection", "K-SEQ"):
            assert np.all(curves[name] <= best + 1e-12)
        assert np.all(curves["K-SEQ"] >= curves["$1-(1-1/k)^k$ of it"] - 1e-12)
    right = _curves(drawings["candidates"].axes[1])
    assert right["control: without replacement"][-1] > right["optimum, independent candidates"][-1]


def test_blocks_are_above_the_line_and_the_control_below(drawings):
    gain, control = drawings["block_gain"].axes
    curves = _curves(gain)
    assert np.all(curves[r"block, $\gamma=2$"] >= 1.0)
    assert np.all(curves[r"block, $\gamma=3$"] > curves[r"block, $\gamma=2$"])
    assert all(np.all(line.get_ydata() < 1.0) for line in control.get_lines() if line.get_linestyle() == "--")


def test_simulated_best_lengths_are_at_the_rule(drawings):
    for ax in drawings["draft_length"].axes:
        curves = _curves(ax)
        assert np.all(np.diff(curves[r"best draft length $\gamma^*$"]) >= 0)
        seen = next(line for line in ax.get_lines() if line.get_label() == "best in simulated rounds")
        rule = next(line for line in ax.get_lines() if "gamma" in line.get_label())
        for alpha, length in zip(seen.get_xdata(), seen.get_ydata(), strict=True):
            at = int(np.argmin(np.abs(np.asarray(rule.get_xdata()) - alpha)))
            assert abs(rule.get_ydata()[at] - length) <= 1
