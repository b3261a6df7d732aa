import numpy as np

from tightbound.papers.bail_planner.checks.multi_agent import MULTI_AGENT as TEAM_CLAIMS
from tightbound.papers.bail_planner.checks.world_model import WORLD_MODEL
from tightbound.papers.bail_planner.plots.multi_agent import MULTI_AGENT
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import evidence_for


def test_the_figure_shows_the_measured_curves(tmp_path):
    import matplotlib.pyplot as plt

    claims = [claim for claim in (*TEAM_CLAIMS, *WORLD_MODEL) if claim.id in MULTI_AGENT.claims]
    evidence = evidence_for(claims, executor="serial", output=tmp_path)
    with style():
        drawing = MULTI_AGENT.draw(evidence)
        data = figure_data(drawing)
        names = [line.get_label() for line in drawing.axes[0].get_lines()]
        plt.close(drawing)
    top = {name: data[f"axes0.line{i}"][:, 1] for i, name in enumerate(names)}
    assert np.all(top["joint draw"] < top["world model"])
    assert np.all(top["world model"] < top["drawn apart"])
    assert np.all(top["drawn apart"] < top["bound, drawn apart"])
    assert np.all(top["bound, drawn apart"] < top["drawn apart, naive"])
    naive = data["axes0.line1"]
    np.testing.assert_allclose(naive[:, 1], 0.5 * naive[:, 0])
    for private, shared in ((0, 1), (2, 3)):
        assert np.all(data[f"axes2.line{private}"][:, 1] > data[f"axes2.line{shared}"][:, 1])
