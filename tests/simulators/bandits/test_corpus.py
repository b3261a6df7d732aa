import re

import numpy as np
import pytest

from tightbound.simulators.bandits import corpus as module
from tightbound.simulators.bandits.corpus import (
    CATEGORIES,
    TEST_MODULES,
    TRAIN_MODULES,
    Corpus,
    edit,
    load_corpus,
)
from tightbound.simulators.speculative import SuffixDatastore, Vocabulary, accepted_lengths


@pytest.fixture(scope="module")
def corpus():
    return load_corpus()


def test_splits_are_disjoint(corpus):
    assert not set(TRAIN_MODULES) & set(TEST_MODULES)
    assert set(corpus.code) == set(TEST_MODULES)
    train = corpus.vocabulary.decode(corpus.train)
    for text in [*corpus.code.values(), *corpus.prose.values()]:
        assert text not in train
    long = [part for text in corpus.prose.values() for part in text.split("\n\n") if len(part) > 200]
    assert len(long) > 100
    assert sum(part in train for part in long) == 0


def test_every_text_survives_the_round_trip(corpus):
    for text in [*corpus.code.values(), *corpus.prose.values()]:
        assert corpus.vocabulary.decode(corpus.vocabulary.encode(text)) == text


def test_digest_names_the_text(corpus):
    assert re.fullmatch("[0-9a-f]{64}", corpus.digest)
    assert load_corpus.__wrapped__().digest == corpus.digest


@pytest.mark.parametrize("category", CATEGORIES)
def test_passages_are_drawn_from_held_out_text(corpus, category):
    passages = corpus.passages(category, 6, prompt_tokens=100, output_tokens=200, rng=5)
    assert len(passages) == 6
    held_out = corpus.prose if category == "prose" else corpus.code
    for passage in passages:
        name = passage.source.split(":")[0]
        assert passage.output.size == 200
        assert passage.text.size == passage.prompt.size + 200
        assert corpus.vocabulary.decode(passage.prompt) in held_out[name]
        if category != "editing":
            assert corpus.vocabulary.decode(passage.text) in held_out[name]


def test_the_same_rng_draws_the_same_passages(corpus):
    first, second, other = (corpus.passages("editing", 2, rng=seed) for seed in (1, 1, 2))
    assert [p.output.tolist() for p in first] == [p.output.tolist() for p in second]
    assert [p.output.tolist() for p in first] != [p.output.tolist() for p in other]


def test_edited_text_is_a_copy_with_changes(corpus):
    for passage in corpus.passages("editing", 5, rng=3):
        assert passage.output.tolist() != passage.prompt[: passage.output.size].tolist()
        original = SuffixDatastore(passage.prompt, max_draft=20)
        y = accepted_lengths(original.drafts(passage.output, 0), passage.output, 0)
        assert y.mean() > 5


def test_edit_renames_deletes_and_inserts():
    original = [f"    alpha = alpha + alpha  # {i}\n" for i in range(10)]
    edited = edit(original, ["beta gamma\n"] * 5, np.random.default_rng(0))
    assert len(edited) == 10
    assert sum("alpha" in line for line in edited) == 0
    assert sum(line == "beta gamma\n" for line in edited) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"category": "poetry"}, "category is 'poetry': choose one of completion, editing, prose"),
        ({"count": 0}, "count is 0: give an integer of at least 1"),
        ({"prompt_tokens": 0}, "prompt_tokens is 0: give an integer"),
        (
            {"output_tokens": 10**7},
            r"the longest held-out text has \d+: lower prompt_tokens or output_tokens",
        ),
        ({"output_tokens": 10**7, "category": "editing"}, "lower prompt_tokens or output_tokens"),
    ],
)
def test_bad_requests(corpus, arguments, message):
    with pytest.raises(ValueError, match=message):
        corpus.passages(**{"category": "prose", "count": 1} | arguments)


def test_an_interpreter_without_sources(monkeypatch, tmp_path):
    monkeypatch.setattr(module.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"no source of its module 'argparse'.*record_trace"):
        load_corpus.__wrapped__()


def test_an_interpreter_without_help_topics(monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(module.importlib, "import_module", absent)
    with pytest.raises(FileNotFoundError, match=r"no help topics.*install the interpreter's library sources"):
        load_corpus.__wrapped__()


def test_a_corpus_of_ones_own():
    text = "one two three four five six seven eight nine ten " * 3
    words = Vocabulary.of([text])
    own = Corpus(words, words.encode(text), code={"a": text}, prose={"a": text})
    (passage,) = own.passages("prose", 1, prompt_tokens=4, output_tokens=6, rng=0)
    assert (passage.prompt.size, passage.output.size) == (4, 6)
