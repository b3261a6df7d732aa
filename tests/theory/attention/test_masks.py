import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.theory.attention.masks import visible


@given(st.integers(1, 12), st.integers(0, 1), st.none() | st.integers(1, 14), st.integers(0, 12))
def test_every_entry_follows_the_definition(length, slots, window, prefix):
    prefix = min(prefix, length)
    seen = visible(length, slots=slots, window=window, prefix=prefix)
    assert seen.shape == (length, slots + length)
    assert seen[:, :slots].all()
    for t in range(1, length + 1):
        for j in range(1, length + 1):
            near = j <= t and (window is None or j > t - window)
            assert seen[t - 1, slots + j - 1] == (near or j <= prefix)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"length": 0}, "length is 0"),
        ({"slots": 2}, "at most one column"),
        ({"window": 0}, "window is 0"),
        ({"prefix": 5}, "at most the length"),
    ],
)
def test_bad_input(options, words):
    with pytest.raises(ValueError, match=words):
        visible(**{"length": 4} | options)


def test_uniform_rows_without_a_mask_end_at_the_diagonal():
    np.testing.assert_array_equal(visible(3), np.tril(np.ones((3, 3), bool)))
