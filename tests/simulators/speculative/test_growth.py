"""Children of a node drawn one after the other have the law of the theory, on every coin of an even grid."""

import itertools

import numpy as np
import pytest

from tightbound.simulators.speculative.growth import _drawn
from tightbound.theory.speculative.optimal_transport import (
    candidates_without_replacement,
    independent_candidates,
)

LAW = np.array([0.5, 0.25, 0.25])  # all conditional laws are whole twelfths
CELLS = (np.arange(12) + 0.5) / 12


class Given:
    """Coins that are known beforehand, in place of a generator."""

    def __init__(self, coins):
        self.coins = coins

    def random(self, count):
        return np.array(self.coins[:count])


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_children_have_the_law_of_the_theory(count, replace):
    found = np.zeros((3,) * count)
    for coins in itertools.product(CELLS, repeat=count):
        found[tuple(_drawn(LAW, count, replace, Given(coins)))] += 1.0 / len(CELLS) ** count
    expected = independent_candidates(LAW, count) if replace else candidates_without_replacement(LAW, count)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_without_replacement_there_are_no_more_children_than_tokens():
    assert sorted(_drawn(LAW, 5, False, Given([0.9, 0.1, 0.4, 0.7, 0.2]))) == [0, 1, 2]
