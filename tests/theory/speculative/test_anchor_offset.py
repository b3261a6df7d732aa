"""Positions of Anchor-Offset training."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.speculative.anchor_offset import anchor_offset_positions, position_coverage


@settings(max_examples=60, deadline=None)
@given(anchors=st.integers(0, 5), rest=st.integers(1, 12), slack=st.integers(0, 30))
def test_coverage_is_the_mean_over_all_offsets(anchors, rest, slack):
    length, longest = anchors + rest, anchors + rest + slack
    positions = anchor_offset_positions(length, np.arange(slack + 1), anchors=anchors)
    assert np.all(np.diff(positions, axis=-1) > 0)
    assert positions.max() == longest - 1
    counts = np.bincount(positions.ravel(), minlength=longest) / (slack + 1)
    law = position_coverage(length, longest, anchors=anchors)
    assert law == pytest.approx(counts, abs=1e-12)
    assert law.min() > 0.0
    assert law.sum() == pytest.approx(length)


def test_offset_zero_leaves_positions_alone():
    assert anchor_offset_positions(6, 0).tolist() == list(range(6))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: anchor_offset_positions(3, 0), ValueError, "length"),
        (lambda: anchor_offset_positions(8, -1), ValueError, "offset"),
        (lambda: anchor_offset_positions(8, 0.5), TypeError, "offset"),
        (lambda: anchor_offset_positions(8, 0, anchors=-1), ValueError, "anchors"),
        (lambda: position_coverage(4, 8), ValueError, "length"),
        (lambda: position_coverage(8, 7), ValueError, "longest"),
    ],
)
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
