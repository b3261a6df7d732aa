import matplotlib.pyplot as plt
import numpy as np

from tightbound.papers.attention_sink.checks.relative_positions import RELATIVE_POSITIONS
from tightbound.papers.attention_sink.checks.repeated_tokens import REPEATED_TOKENS
from tightbound.papers.attention_sink.checks.rotary_positions import ROTARY_POSITIONS
from tightbound.papers.attention_sink.plots.repeated_tokens import REPEATED_TOKENS_FIGURE
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import evidence_for


def test_marks_lie_on_closed_forms_and_below_the_bound(tmp_path):
    claims = [
        claim
        for claim in (*REPEATED_TOKENS, *RELATIVE_POSITIONS, *ROTARY_POSITIONS)
        if claim.id in REPEATED_TOKENS_FIGURE.claims
    ]
    evidence = evidence_for(claims, executor="serial", output=tmp_path)
    with style():
        drawing = REPEATED_TOKENS_FIGURE.draw(evidence)
        data = figure_data(drawing)
        labels = [text for ax in drawing.axes for text in ax.get_legend_handles_labels()[1]]
        plt.close(drawing)
    lines = [data[f"axes0.line{i}"] for i in range(12)]
    for closed, marks in zip(lines[0:10:2], lines[1:10:2], strict=True):
        at = np.searchsorted(closed[:, 0], marks[:, 0])
        np.testing.assert_allclose(marks[:, 1], closed[at, 1], rtol=1e-10)
    rotary, bound = lines[8], lines[10]
    assert np.all(rotary[:, 1] < bound[:, 1])
    bucket = lines[6]
    assert bucket[0, 1] > 0.3
    limit, points, control = (data[f"axes1.line{i}"] for i in range(3))
    assert np.all(np.interp(points[:, 0], *limit.T) >= points[:, 1] * 0.999)
    assert np.all(np.interp(control[:, 0], *limit.T) < control[:, 1])
    assert sum(label.startswith("control") for label in labels) == 2
    assert any(label.startswith("bound") for label in labels)
    assert "stand for language models" in REPEATED_TOKENS_FIGURE.caption
