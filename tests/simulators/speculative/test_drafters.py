"""Every drafter: the one-pass form equals the per-position definition, at every position."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.speculative import (
    NGram,
    PromptLookup,
    SuffixAutomaton,
    SuffixDatastore,
    accepted_lengths,
)

token_lists = st.lists(st.integers(0, 3), min_size=0, max_size=40)
data_lists = st.lists(st.integers(0, 4), min_size=4, max_size=40)


def by_definition(drafter, text, start):
    rows = np.full((len(text) - start, drafter.max_draft), -1)
    for x in range(len(text) - start):
        draft = drafter.draft(np.asarray(text[: start + x], dtype=int))
        rows[x, : draft.size] = draft
    return rows


@pytest.mark.parametrize("name", ["lookup", "automaton", "datastore", "ngram"])
@settings(deadline=None, derandomize=True, max_examples=50)
@given(
    text=token_lists, data=data_lists, share=st.floats(0, 1), max_draft=st.integers(1, 5), n=st.integers(1, 4)
)
def test_one_pass_equals_the_definition(name, text, data, share, max_draft, n):
    drafter = {
        "lookup": lambda: PromptLookup(max_ngram=n, max_draft=max_draft),
        "automaton": lambda: SuffixAutomaton(max_draft=max_draft),
        "datastore": lambda: SuffixDatastore(data, max_draft=max_draft),
        "ngram": lambda: NGram(data, order=n, max_draft=max_draft),
    }[name]()
    start = int(share * len(text))
    np.testing.assert_array_equal(drafter.drafts(text, start), by_definition(drafter, text, start))


@pytest.mark.parametrize("alphabet", [2, 50])
def test_one_pass_equals_the_definition_on_a_longer_text(alphabet):
    rng = np.random.default_rng(3)
    text, data = rng.integers(alphabet, size=300), rng.integers(alphabet + 5, size=400)
    for drafter in (PromptLookup(), SuffixAutomaton(), SuffixDatastore(data), NGram(data)):
        np.testing.assert_array_equal(drafter.drafts(text, 100), by_definition(drafter, text, 100))


def brute_force_repeat(tokens):
    for n in range(len(tokens) - 1, 0, -1):
        for end in range(n, len(tokens)):
            if tokens[end - n : end] == tokens[-n:]:
                return end
    return 0


@settings(deadline=None, derandomize=True, max_examples=50)
@given(tokens=st.lists(st.integers(0, 2), min_size=1, max_size=25))
def test_the_automaton_copies_after_the_first_occurrence_of_the_longest_repeat(tokens):
    end = brute_force_repeat(tokens)
    expected = tokens[end : end + 4] if end else []
    assert SuffixAutomaton(max_draft=4).draft(tokens).tolist() == expected


def test_prompt_lookup_takes_the_longest_ngram_and_its_first_occurrence():
    context = [1, 2, 3, 9, 2, 3, 8, 1, 2, 3]
    assert PromptLookup(max_ngram=3, max_draft=2).draft(context).tolist() == [9, 2]
    assert PromptLookup(max_ngram=2, max_draft=2).draft([2, 3, 7, 1, 2, 3, 9, 2, 3]).tolist() == [7, 1]


def test_ngram_predicts_the_most_frequent_and_then_the_smallest_token():
    model = NGram(data=[0, 2, 0, 2, 0, 1, 0, 1, 0, 3], order=2, max_draft=1)
    assert model.draft([0]).tolist() == [1]
    assert model.draft([7]).tolist() == [0]


def test_a_text_in_the_datastore_is_copied_whole():
    data = np.random.default_rng(0).permutation(200)
    y = accepted_lengths(SuffixDatastore(data, max_draft=6).drafts(data, 1), data, 1)
    assert np.all(y[:-6] == 7)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(text=st.lists(st.integers(0, 2), min_size=2, max_size=30), start=st.integers(0, 2))
def test_accepted_lengths_count_the_common_prefix(text, start):
    drafts = SuffixAutomaton(max_draft=4).drafts(text, start)
    y = accepted_lengths(drafts, text, start)
    for x, row in enumerate(drafts):
        ahead = text[start + x :]
        common = 0
        while common < min(4, len(ahead)) and row[common] == ahead[common]:
            common += 1
        assert y[x] == 1 + common


@pytest.mark.parametrize(
    "drafter", [PromptLookup(), SuffixAutomaton(), SuffixDatastore([1, 2]), NGram([1, 2, 3, 4])]
)
class TestBadInput:
    def test_floats_are_no_tokens(self, drafter):
        with pytest.raises(TypeError, match=r"text has dtype float64.*Vocabulary\.encode"):
            drafter.drafts([0.5, 1.0], 1)
        with pytest.raises(TypeError, match="context has dtype float64"):
            drafter.draft([0.5])

    def test_negative_tokens(self, drafter):
        with pytest.raises(ValueError, match="text holds -1: token ids are 0 or larger; cut padding off"):
            drafter.drafts([3, -1], 1)

    @pytest.mark.parametrize("start", [-1, 4, 1.0, True])
    def test_start_outside_the_text(self, drafter, start):
        with pytest.raises(ValueError, match=r"start is .*0\.\.3"):
            drafter.drafts([1, 2, 3], start)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: PromptLookup(max_ngram=0), "max_ngram is 0: give an integer of at least 1"),
        (lambda: PromptLookup(max_draft=-2), "max_draft is -2: give an integer of at least 1"),
        (lambda: SuffixAutomaton(max_draft=0), "max_draft is 0: give an integer of at least 1"),
        (lambda: SuffixDatastore([1]), "data holds 1 tokens: give at least 2"),
        (lambda: NGram([1, 2], order=3), "data holds 2 tokens: give at least order=3"),
        (lambda: NGram([1, 2, 3], order=0), "order is 0: give an integer of at least 1"),
    ],
)
def test_bad_hyper_parameters(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_hyper_parameter_of_the_wrong_type():
    with pytest.raises(TypeError, match=r"max_draft is 2\.5: give an integer"):
        SuffixAutomaton(max_draft=2.5)


def test_drafts_of_another_length_than_the_output():
    with pytest.raises(ValueError, match=r"drafts has shape \(3, 2\): give one row .*, \(2, max_draft\)"):
        accepted_lengths(np.zeros((3, 2), int), [1, 2, 3], 1)
