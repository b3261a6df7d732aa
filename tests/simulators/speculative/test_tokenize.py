import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.speculative import Vocabulary
from tightbound.simulators.speculative.tokenize import split


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.text())
def test_pieces_join_to_the_text(text):
    assert "".join(split(text)) == text


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.text(max_size=30), max_size=4))
def test_round_trip(texts):
    vocabulary = Vocabulary.of(texts)
    for text in texts:
        assert vocabulary.decode(vocabulary.encode(text)) == text


def test_ids_follow_first_appearance():
    assert Vocabulary.of(["b a b", "c a"]).pieces == ("b", " a", " b", "c")


def test_unknown_piece():
    with pytest.raises(
        ValueError, match=r"piece ' new', .* 2 known ones: build the vocabulary with Vocabulary\.of"
    ):
        Vocabulary.of(["an old"]).encode("an new")


@pytest.mark.parametrize("tokens", [[2], [-1, 0]])
def test_unknown_id(tokens):
    with pytest.raises(IndexError, match=r"allowed are 0\.\.1"):
        Vocabulary.of(["an old"]).decode(tokens)


def test_repeated_piece():
    with pytest.raises(ValueError, match="pieces holds a piece twice"):
        Vocabulary(("a", "a"))
