"""Calibration: how often a statistic ends in which status over repeated synthetic evidence."""

import re
from collections import Counter

import numpy as np
import pytest


@pytest.fixture
def shares(rng):
    """``shares(statistic, make, repetitions, level)``: share of each status; ``make(rng)`` is evidence."""

    def run(statistic, make, repetitions, level):
        found = Counter(statistic.judge(make(rng), level=level).status for _ in range(repetitions))
        print(statistic, level, dict(found))
        return {status: found[status] / repetitions for status in ("pass", "fail", "inconclusive", "vacuous")}

    return run


@pytest.fixture
def allowed():
    """The level plus 3 standard errors of a share over ``repetitions``."""
    return lambda level, repetitions: level + 3 * np.sqrt(level * (1 - level) / repetitions)


@pytest.fixture
def naming():
    """A pattern for messages that hold all of the words, in any order."""
    return lambda words: "(?s)" + "".join(f"(?=.*{re.escape(word)})" for word in words)
