"""The figures on a real model draw what they are given; their data is not compared."""

import numpy as np
import pytest

from tightbound.papers.attention_sink.plots.real_anatomy import REAL_ANATOMY_FIGURE
from tightbound.papers.attention_sink.plots.sink_map import SINK_MAP_FIGURE
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics.base import CellEvidence

LAYERS, HEADS, TEXTS = 5, 3, 2


def made_up():
    rng = np.random.default_rng(0)
    names = ("started_later", "evicted_1", "drained_1", "evicted_2", "whole", "greater", "smaller")
    data = {name: rng.uniform(0.1, 1.0, TEXTS) for name in names}
    data["first"] = rng.uniform(size=(1, LAYERS, HEADS))
    for name in ("state", "key", "drain", "cosine", "other_cosine", "mass"):
        data[name] = rng.uniform(0.1, 1.0, (TEXTS, LAYERS))
    return CellEvidence({}, data, 10.0)


@pytest.mark.parametrize("figure", [SINK_MAP_FIGURE, REAL_ANATOMY_FIGURE], ids=lambda figure: figure.name)
def test_figure_draws_its_evidence(figure):
    import matplotlib.pyplot as plt

    evidence = {name: ClaimEvidence((made_up(), made_up()), (made_up(), made_up())) for name in figure.claims}
    with style():
        drawing = figure.draw(evidence)
    drawn = np.concatenate([np.ravel(part) for part in figure_data(drawing).values()])
    given = evidence[figure.claims[0]].measure[0].data
    shown = given["first"][0] if figure.name == "sink_map" else given["state"].mean(axis=0)
    assert np.isin(shown.ravel().round(12), drawn.round(12)).all()
    plt.close(drawing)
    assert figure.varies
