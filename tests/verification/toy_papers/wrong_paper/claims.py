"""A claim that fails, and one whose measurement breaks."""

from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Grid, cells
from tightbound.verification.statistics import BoundHolds


def number(cell, rng):
    return {"value": float(cell["n"])}


def broken(cell, rng):
    raise RuntimeError("the instrument <broke> & fell")


def one(cell):
    return 1.0


CLAIMS = (
    Claim(
        id="WRONG-1",
        paper="wrong_paper",
        title="Every number is at most one",
        statement="n <= 1",
        source="Theorem 1",
        provenance="text",
        statistic=BoundHolds(),
        grid=Grid(quick=cells(n=[1, 2, 3])),
        measure=number,
        bound=one,
        control=NegativeControl(because="four is more than one", grid=Grid(quick=cells(n=[4]))),
    ),
    Claim(
        id="WRONG-2",
        paper="wrong_paper",
        title="What cannot be measured",
        statement="n <= 1",
        source="Theorem 2",
        provenance="text",
        statistic=BoundHolds(),
        grid=Grid(quick=cells(n=[1])),
        measure=broken,
        bound=one,
        control=NegativeControl(
            because="four is more than one", measure=number, grid=Grid(quick=cells(n=[4]))
        ),
    ),
)
