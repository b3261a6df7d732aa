"""Every figure draws finite data from evidence of the shapes that its claims return."""

import numpy as np
import pytest

from tightbound.papers.gmfg_monotone.checks.beach_bar import OTHERS
from tightbound.papers.gmfg_monotone.checks.monotonicity import INDEFINITE, SEMIDEFINITE
from tightbound.papers.gmfg_monotone.claims import CLAIMS
from tightbound.papers.gmfg_monotone.figures import FIGURES
from tightbound.verification.figures import figure_data, style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics.base import CellEvidence

RNG = np.random.default_rng(0)


def cell(names, **data):
    return CellEvidence(names, {name: np.asarray(value, dtype=float) for name, value in data.items()})


def beach_bar():
    exact, constant, free, few = [], [], [], []
    for graphon in ("exp", "sbm"):
        where = {"graphon": graphon}
        marks = [1, 3, 6]
        exact.append(cell(where, curve=np.geomspace(1, 1e-16, 7)[None]))
        constant.append(cell(where, curve=RNG.random((3, 3)), marks=marks))
        free.append(cell(where, curve=RNG.random((1, 3)), marks=marks))
    few.append(cell({"graphon": "exp"}, curve_few=RNG.random((4, 7)), curve_many=RNG.random((4, 7))))
    return {
        "GMFG-4f": ClaimEvidence(tuple(exact), tuple(constant)),
        "GMFG-4g": ClaimEvidence(tuple(free), ()),
        "GMFG-5d": ClaimEvidence(tuple(few), ()),
    }


def runs():
    def curves(names, **changes):
        return cell(
            {"lam": 1.0} | names, **({"value": RNG.random((2, 5)), "bound": RNG.random((2, 5))} | changes)
        )

    slope = curves({}, value=0.1 + RNG.random((3, 4)), x=[100, 200, 400, 800])
    return {
        "GMFG-4b": ClaimEvidence((curves({"theta": 0.1}), curves({"theta": 1.0})), (curves({"theta": 0.1}),)),
        "GMFG-4c": ClaimEvidence((curves({}),), (curves({}),)),
        "GMFG-4d": ClaimEvidence((slope,), (slope,)),
        "GMFG-4e": ClaimEvidence((slope,), (slope,)),
    }


def estimates():
    found = cell({}, value=0.1 + RNG.random((5, 3)), x=[10, 20, 40])
    return {name: ClaimEvidence((found,), (found,)) for name in ("GMFG-5a", "GMFG-5b", "GMFG-5c")}


def spectra():
    def groups(names):
        sides = [
            cell({"graphon": g, "game": game}, value=RNG.normal(size=(2, 2)))
            for g in names
            for game in ("random", "beach bar")
        ]
        values = [cell({"graphon": g, "blocks": 9}, spectrum=RNG.normal(size=(1, 9))) for g in names]
        return tuple(sides), tuple(values)

    (good, high), (bad, low) = groups(SEMIDEFINITE), groups(INDEFINITE)
    return {"GMFG-3a": ClaimEvidence(good, bad), "GMFG-3d": ClaimEvidence(high, low)}


def couplings():
    ratios = [[-1.0, 0.0, 5.0]]
    found = cell({}, ratios=ratios, value=[[0.0, 0.0, 2.0]], shares=RNG.random((1, 3, 12)))
    return {"GMFG-2b": ClaimEvidence((found,), (found,))}


def published():
    def sis(graphon, lam):
        return cell({"graphon": graphon, "lam": lam}, chance=RNG.random((1, 6, 30)))

    def change(graphon, lam):
        curve = np.append(0.0, RNG.random(8))[None]
        return cell({"graphon": graphon, "lam": lam}, boltzmann=curve, damped=curve)

    def invest(graphon):
        return cell(
            {"graphon": graphon, "lam": 0.05, "game": "investment"}, policy=RNG.random((1, 6, 30, 10, 2))
        )

    return {
        "GMFG-1f": ClaimEvidence(
            tuple(sis(g, lam) for g in ("unif-att", "rank-att") for lam in (0.1, 0.02)), (sis("exp", 0.02),)
        ),
        "GMFG-1g": ClaimEvidence(
            tuple(change(g, lam) for g in ("unif-att", "er") for lam in (0.05, 0.02)), (change("er", 0.3),)
        ),
        "GMFG-1h": ClaimEvidence(tuple(invest(g) for g in ("unif-att", "rank-att")), ()),
    }


def race():
    count = 1 + len(OTHERS)
    found = cell({}, curves=RNG.random((1, count, 9)), seconds=0.001 + RNG.random((1, count)))
    return {"GMFG-4h": ClaimEvidence((found,), ())}


EVIDENCE = {
    "exploitability": beach_bar,
    "rates": runs,
    "q_estimation": estimates,
    "monotonicity": spectra,
    "uniqueness": couplings,
    "published_games": published,
    "solvers": race,
}


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_figure_draws_finite_data(figure):
    evidence = EVIDENCE[figure.name]()
    assert set(evidence) == set(figure.claims) <= {claim.id for claim in CLAIMS}
    with style():
        drawing = figure.draw(evidence)
        drawing.canvas.draw()
        data = figure_data(drawing)
    import matplotlib.pyplot as plt

    plt.close(drawing)
    assert data
    assert all(np.isfinite(array).all() for name, array in data.items() if "line" in name)


def test_seconds_are_not_among_the_compared_data():
    import matplotlib.pyplot as plt

    from tightbound.papers.gmfg_monotone.plots.solvers import draw

    evidence = race()
    seconds = evidence["GMFG-4h"].measure[0].data["seconds"]
    drawn = []
    for factor in (1.0, 10.0):
        evidence["GMFG-4h"].measure[0].data["seconds"] = seconds * factor
        with style():
            drawing = draw(evidence)
            drawn.append(figure_data(drawing))
        plt.close(drawing)
    assert drawn[0].keys() == drawn[1].keys()
    for name in drawn[0]:
        np.testing.assert_array_equal(drawn[0][name], drawn[1][name])
