"""What the tests of all papers share."""

import numpy as np
import pytest

from tightbound.verification.seeding import generator
from tightbound.verification.statistics import CellEvidence


def _judge(claim, cells, measure, bound, *, level):
    evidence = []
    for index, cell in enumerate(cells):
        found = measure(cell, generator(7, claim.id, index, 0))
        data = {name: np.atleast_1d(array) for name, array in found.items()}
        evidence.append(CellEvidence(cell=cell, data=data, bound=bound(cell) if bound else None))
    return claim.statistic.judge(evidence, level=level).status


@pytest.fixture(scope="session")
def judge():
    """Return ``judge(claim, cells, measure, bound, level=...)``, the status on these cells at seed 7."""
    return _judge
