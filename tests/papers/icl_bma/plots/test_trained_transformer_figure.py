"""The figure of the trained transformer, drawn from made-up evidence."""

import numpy as np

from tightbound.papers.icl_bma.plots.trained_transformer import TRAINED_TRANSFORMER_FIGURE
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics.base import CellEvidence


def test_figure_shows_every_budget_the_bigram_law_and_the_control():
    import matplotlib.pyplot as plt

    rng = np.random.default_rng(0)
    cell = {"trajectories": (64, 256, 1024, None)}
    curves, copies = rng.random((3, 4, 6)), rng.random((3, 2, 6))
    pooled = rng.random((1, 6))
    evidence = {
        "ICL-7h": ClaimEvidence(
            (CellEvidence(cell, {"curve": curves, "pooled": pooled}),),
            (CellEvidence(cell, {"curve": copies}),),
        )
    }
    with style():
        drawing = TRAINED_TRANSFORMER_FIGURE.draw(evidence)
        data = figure_data(drawing)
    lines = [data[f"axes0.line{k}"][:, 1] for k in range(6)]
    for place in range(4):
        assert np.allclose(lines[place], curves[:, place].mean(axis=0))
    assert np.allclose(lines[4], pooled[0])
    assert np.allclose(lines[5], copies[:, -1].mean(axis=0))
    words = [text.get_text() for text in drawing.legends[0].get_texts()]
    assert words[3] == r"$N_p = \infty$"
    assert words[5] == "control: 64, 16 copies each"
    assert "in place of a language model" in TRAINED_TRANSFORMER_FIGURE.caption
    plt.close(drawing)
