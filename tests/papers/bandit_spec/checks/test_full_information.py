"""Accepted lengths of random drafters: two ways to the same law."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.papers.bandit_spec.checks import full_information


@given(st.integers(2, 3), st.integers(1, 3), st.integers(0, 10**6))
def test_accepted_law_is_a_law_and_survives_with_the_overlap(vocabulary, length, seed):
    pair = full_information._Pair(vocabulary, 1.0, np.random.default_rng(seed))
    law = full_information._accepted_law(pair, length)
    assert law.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.all(law >= -1e-15)
    # P(first draft token accepted) = sum_x min(P, Q)
    assert 1.0 - law[0] == pytest.approx(np.minimum(pair.target[0], pair.draft[0]).sum(), abs=1e-12)
    both = np.minimum(pair.target, pair.draft)
    assert law[length] == pytest.approx(
        sum(
            np.prod([both[row, token] for row, token in zip(rows, text, strict=True)])
            for text, rows in pair.texts(length)
        ),
        abs=1e-12,
    )


def test_block_moments_of_equal_laws_have_no_spread():
    pair = full_information._Pair(3, 1.0, np.random.default_rng(1))
    pair.draft = pair.target
    assert full_information._block_moments(pair, 3) == pytest.approx((0.0, 0.0), abs=1e-12)
