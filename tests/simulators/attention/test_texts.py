"""Text besides Bigram-Backcopy: hidden Markov models, grammars, bytes."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.attention.byte_text import ByteText, help_topics
from tightbound.simulators.attention.grammar_text import GrammarText, random_grammar_text
from tightbound.simulators.attention.hidden_markov_text import HiddenMarkovText, random_hidden_markov_text


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 3), st.integers(2, 4))
def test_predictive_of_a_hidden_markov_text_is_bayes_rule_over_all_paths(seed, states, length):
    rng = np.random.default_rng(seed)
    start, step = rng.dirichlet(np.ones(states)), rng.dirichlet(np.ones(states), states)
    emit = rng.dirichlet(np.ones(3), states)
    text = HiddenMarkovText(start, step, emit, length)
    tokens = text(rng, 5)
    laws = text.predictive(tokens)
    joint = np.prod(np.take_along_axis(laws, tokens[..., None].astype(int), axis=2)[..., 0], axis=1)
    for row, found in zip(tokens, joint, strict=True):
        total = 0.0
        for path in itertools.product(range(states), repeat=length - 1):
            moves = [step[a, b] for a, b in itertools.pairwise(path)]
            total += start[path[0]] * np.prod(moves) * np.prod(emit[list(path), row[1:]])
        assert found == pytest.approx(total, rel=1e-12)


def test_sampled_hidden_markov_text_has_its_own_law():
    text = random_hidden_markov_text(3, 3, states=2, rng=1)
    tokens = text(np.random.default_rng(0), 20_000)
    second = np.bincount(tokens[:, 1], minlength=4) / len(tokens)
    law = text.predictive(tokens[:1])[0, 1]
    assert np.all(np.abs(second - law) < 5.0 * np.sqrt(law * (1.0 - law) / len(tokens)) + 1e-12)
    chosen = tokens[tokens[:, 1] == second.argmax()]
    third, law = np.bincount(chosen[:, 2], minlength=4) / len(chosen), text.predictive(chosen[:1])[0, 2]
    assert np.all(np.abs(third - law) < 5.0 * np.sqrt(law * (1.0 - law) / len(chosen)) + 1e-12)


def test_a_grammar_that_writes_one_sentence_writes_nothing_else():
    pairs, words = np.zeros((3, 3, 3)), np.zeros((3, 2))
    pairs[0, 1, 2] = words[1, 0] = words[2, 1] = 1.0
    assert GrammarText(pairs, words, 6)(np.random.default_rng(0), 2).tolist() == [[2, 0, 1, 0, 1, 0]] * 2


def test_first_words_of_a_grammar_have_their_law():
    # N0 -> N0 N0 with probability r, else a word: the first word has the law of the words
    text = GrammarText([[[0.3]]], [[0.2, 0.5]], 4)
    tokens = text(np.random.default_rng(0), 20_000)
    share = np.mean(tokens[:, 1:] == 1, axis=0)
    assert np.all(np.abs(share - 5.0 / 7.0) < 5.0 * 0.46 / np.sqrt(len(tokens)))
    deep = GrammarText([[[0.499]]], [[0.251, 0.25]], 5)(np.random.default_rng(1), 2000)
    assert np.all(deep[:, 0] == 2)
    assert np.all((deep[:, 1:] == 0) | (deep[:, 1:] == 1))


def test_random_texts_depend_on_the_seed_alone():
    for make in (random_hidden_markov_text, random_grammar_text):
        drawn = [make(8, 6, rng=3)(np.random.default_rng(2), 4) for _ in range(2)]
        assert np.array_equal(*drawn)
        assert drawn[0].dtype == np.int32
        assert np.all(drawn[0][:, 0] == make(8, 6, rng=3).tokens - 1)


def test_pieces_of_a_text_are_in_it():
    known, new = help_topics()
    assert len(known) > 200_000
    assert len(new) > 20_000
    text = ByteText("tight ßound", 5)
    whole = "tight ßound".encode()
    for piece in text(np.random.default_rng(0), 20):
        assert bytes(piece.astype(np.uint8)) in whole
    assert "tight" not in repr(text)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: HiddenMarkovText([1.0], np.eye(2), np.eye(2), 3), "have shapes"),
        (lambda: HiddenMarkovText([0.5, 0.6], np.eye(2), np.eye(2), 3), "initial"),
        (lambda: HiddenMarkovText([0.5, 0.5], np.eye(2), np.eye(2), 1), "length is 1"),
        (lambda: random_hidden_markov_text(stay=1.0), "stay is 1.0"),
        (lambda: random_hidden_markov_text(3, 4).predictive([[3, 0]]), "shape"),
        (lambda: random_hidden_markov_text(3, 3).predictive([[3, 3, 0]]), "elsewhere than first"),
        (lambda: HiddenMarkovText([1.0], [[1.0]], [[1.0, 0.0]], 2).predictive([[2, 1]]), "impossible"),
        (lambda: GrammarText(np.zeros((2, 2)), np.eye(2), 3), "have shapes"),
        (lambda: GrammarText([[[0.5]]], [[0.5]], 3), "grow without end"),
        (lambda: GrammarText([[[0.5]]], [[0.4]], 3), "rules of a symbol"),
        (lambda: random_grammar_text(branching=0.5), "branching is 0.5"),
        (lambda: ByteText("ab", 3), "a piece has 3"),
    ],
)
def test_bad_input_says_what_is_allowed(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_a_text_is_a_str():
    with pytest.raises(TypeError, match="text is bytes"):
        ByteText(b"abc", 2)
