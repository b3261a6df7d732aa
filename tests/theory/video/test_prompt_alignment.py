import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tightbound.theory.video.prompt_alignment import (
    BLANK,
    aligned_slots,
    concatenated_slots,
    repetition_correction,
    slot_components,
)

tables = arrays(np.int64, st.tuples(st.integers(1, 4), st.integers(1, 5)), elements=st.integers(1, 6))


@settings(max_examples=40, deadline=None)
@given(tables)
def test_aligned_prompts_have_the_same_component_in_every_slot(lengths):
    slots = aligned_slots(lengths)
    assert slots.shape == (lengths.shape[0], lengths.max(axis=0).sum())
    components = slot_components(lengths, slots)
    assert (components == components[0]).all()
    np.testing.assert_array_equal(components[0], np.repeat(np.arange(lengths.shape[1]), lengths.max(axis=0)))


@settings(max_examples=40, deadline=None)
@given(tables)
def test_every_token_stands_somewhere_and_copies_differ_by_at_most_one(lengths):
    slots = aligned_slots(lengths)
    components = slot_components(lengths, slots)
    for row, kinds, total in zip(slots, components, lengths.sum(axis=1), strict=True):
        counts = np.bincount(row, minlength=total)
        assert counts.min() >= 1
        owner = dict(zip(row, kinds, strict=True))
        for component in set(kinds):
            own = [n for token, n in enumerate(counts) if owner[token] == component]
            assert max(own) - min(own) <= 1


@settings(max_examples=40, deadline=None)
@given(tables)
def test_the_correction_is_minus_the_logarithm_of_the_copies(lengths):
    slots = aligned_slots(lengths)
    for row, added in zip(slots, repetition_correction(slots), strict=True):
        copies = np.bincount(row)
        np.testing.assert_allclose(np.exp(-added), copies[row], rtol=1e-14)
        # the copies of all tokens together weigh as much as the prompt as written
        assert np.exp(added).sum() == pytest.approx((copies > 0).sum())


def test_prompts_of_equal_lengths_are_left_as_they_are():
    lengths = [[2, 1, 3], [2, 1, 3]]
    np.testing.assert_array_equal(aligned_slots(lengths), np.tile(np.arange(6), (2, 1)))
    np.testing.assert_array_equal(concatenated_slots(lengths), np.tile(np.arange(6), (2, 1)))
    np.testing.assert_array_equal(repetition_correction(aligned_slots(lengths)), np.zeros((2, 6)))


def test_tokens_repeat_in_their_order():
    np.testing.assert_array_equal(aligned_slots([[2], [5]])[0], [0, 1, 0, 1, 0])


def test_a_component_that_no_prompt_has_takes_no_slot():
    np.testing.assert_array_equal(aligned_slots([[1, 0, 1], [2, 0, 1]]), [[0, 0, 1], [0, 1, 2]])


def test_concatenation_ends_in_blanks():
    slots = concatenated_slots([[1, 1], [3, 1]])
    np.testing.assert_array_equal(slots[0], [0, 1, BLANK, BLANK])
    np.testing.assert_array_equal(slot_components([[1, 1], [3, 1]], slots)[0], [0, 1, BLANK, BLANK])


@pytest.mark.parametrize(
    ("lengths", "error", "words"),
    [
        ([[1, 0], [1, 2]], ValueError, "component 1 is empty in prompt 0"),
        ([[0, 0], [1, 2]], ValueError, "without any token"),
        ([[1, -1]], ValueError, "contains -1"),
        ([[1.0, 2.0]], TypeError, "integers"),
        ([1, 2], ValueError, "one row for each prompt"),
        (np.zeros((0, 3), np.int64), ValueError, "one row for each prompt"),
    ],
)
def test_bad_lengths(lengths, error, words):
    with pytest.raises(error, match=words):
        aligned_slots(lengths)


def test_bad_slots():
    with pytest.raises(ValueError, match="blanks"):
        repetition_correction([[0, BLANK]])
    with pytest.raises(ValueError, match="beyond the last token"):
        slot_components([[1, 1]], [[0, 2]])
    with pytest.raises(ValueError, match="one row for each prompt"):
        slot_components([[1, 1]], [[0, 1], [0, 1]])
    with pytest.raises(ValueError, match="contains -2"):
        slot_components([[1, 1]], [[0, -2]])
