import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.simulators.language_models.language_model import ContextOverflowError, KeySelection, prefill
from tightbound.simulators.language_models.table_model import TableModel


def committed(model, text):
    cache = model.start(1)
    model.forward(cache, [text])
    cache.commit([range(len(text))], [len(text)])
    return cache


@given(st.integers(1, 4), st.integers(0, 3), st.integers(0, 10**6))
def test_a_chain_gets_the_laws_of_the_table(vocabulary, order, seed):
    model = TableModel.random(vocabulary, order, rng=seed)
    text = np.random.default_rng(seed).integers(0, vocabulary, 6)
    cache = model.start(1)
    logits = np.concatenate([model.forward(cache, [text[:2]])[0], model.forward(cache, [text[2:]])[0]])
    assert logits.dtype == np.float64
    for i, row in enumerate(logits):
        past = np.concatenate([np.full(order, vocabulary), text[: i + 1]])[i + 1 :]
        np.testing.assert_allclose(np.exp(row), model.laws[tuple(past)], rtol=1e-15)


def test_rows_of_a_tree_follow_their_paths(rng):
    model = TableModel.random(3, 3, rng=rng)
    cache = committed(model, [2, 0])
    parents, tokens = [-1, 0, 0, 1, 2], np.array([1, 0, 2, 2, 1])
    mask, depth = np.eye(5, dtype=bool), np.zeros(5, dtype=int)
    for i, parent in enumerate(parents):
        if parent >= 0:
            mask[i] |= mask[parent]
            depth[i] = depth[parent] + 1
    logits = model.forward(cache, [tokens], mask=[mask], positions=[2 + depth])[0]
    for i, row in enumerate(logits):
        np.testing.assert_allclose(np.exp(row), model.law([2, 0, *tokens[mask[i]]]))
    cache.commit([[0, 2, 4]], [3])
    assert cache.tokens(0).tolist() == [2, 0, 1, 2, 1]
    assert cache.pending == 0


def test_sequences_of_a_batch_keep_different_numbers_of_rows():
    model = TableModel([0.5, 0.5], context=4)
    cache = model.start(3)
    model.forward(cache, [[0, 0], [1, 0], [1, 1]])
    cache.commit([[0, 1], [0, 9], [7, 7]], [2, 1, 0])  # what is beyond the counts is not read
    assert cache.lengths.tolist() == [2, 1, 0]
    model.forward(cache, [[1], [1], [1]])
    cache.discard()
    assert (cache.lengths.tolist(), cache.pending) == ([2, 1, 0], 0)
    cache.select([0, 2])
    assert [cache.tokens(b).tolist() for b in range(2)] == [[0, 0], []]
    assert model.forward(cache, [[1], [1]], read=np.zeros((2, 0), int)).shape == (2, 0, 2)
    assert cache.pending == 1


def test_impossible_tokens_have_minus_infinity():
    model = TableModel([1.0, 0.0])
    assert model.forward(model.start(1), [[0]]).tolist() == [[[0.0, -np.inf]]]


def test_read_chooses_rows():
    model = TableModel.random(3, 1, rng=0)
    whole = model.forward(model.start(2), [[0, 1, 2], [2, 2, 0]])
    some = model.forward(model.start(2), [[0, 1, 2], [2, 2, 0]], read=[[2], [0]])
    assert np.array_equal(some[:, 0], whole[[0, 1], [2, 0]])


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"tokens": [[5]]}, IndexError, "tokens contains 5"),
        ({"tokens": [[0.5]]}, TypeError, "integers"),
        ({"tokens": [[]]}, ValueError, "at least one token"),
        ({"tokens": [[0], [0]]}, ValueError, "per sequence"),
        ({"tokens": [[0]], "mask": [[[0, 0, 0]]]}, ValueError, "from itself"),
        ({"tokens": [[0]], "mask": [[[1]]]}, ValueError, r"\(1, 1, 3\)"),
        ({"tokens": [[0]], "positions": [[0]]}, ValueError, r"positions\[0, 0\] is 0"),
        ({"tokens": [[0]], "positions": [[-1]]}, ValueError, "at least 0"),
        ({"tokens": [[0]], "positions": [[0.5]]}, ValueError, "integers"),
        ({"tokens": [[0]], "read": [[1]]}, IndexError, "read contains 1"),
        ({"tokens": [[0]], "read": [1]}, ValueError, "read has shape"),
        ({"tokens": [[0] * 4]}, ContextOverflowError, "context - 1 = 4"),
    ],
)
def test_bad_rows(arguments, error, says):
    model = TableModel([0.5, 0.5], context=5)
    cache = model.start(1)
    model.forward(cache, [[1, 1]])
    with pytest.raises(error, match=says):
        model.forward(cache, **arguments)
    assert cache.pending == 2  # as it was before


@pytest.mark.parametrize(
    ("rows", "counts", "error", "says"),
    [
        ([[0, 0]], [2], ValueError, "ascend"),
        ([[1, 0]], [2], ValueError, "ascend"),
        ([[3]], [1], IndexError, "rows contains 3"),
        ([[0]], [2], ValueError, "from 0 to R = 1"),
        ([[0]], [-1], ValueError, "contains -1"),
        ([[0]], [0.5], ValueError, "integer"),
        ([0], [1], ValueError, "rows has shape"),
        ([[0]], [1, 1], ValueError, "counts has shape"),
        ([[0, 1, 2]], [3], ContextOverflowError, "capacity is 2"),
    ],
)
def test_bad_commits(rows, counts, error, says):
    model = TableModel([0.5, 0.5])
    cache = model.start(1, capacity=2)
    model.forward(cache, [[0, 1, 0]])
    with pytest.raises(error, match=says):
        cache.commit(rows, counts)
    assert (cache.lengths.tolist(), cache.pending) == ([0], 3)


def test_nothing_to_commit():
    cache = TableModel([0.5, 0.5]).start(1)
    cache.commit([[]], [0])
    with pytest.raises(ValueError, match="none is pending"):
        cache.commit([[0]], [1])


@pytest.mark.parametrize("sequences", [[], [1, 0], [0, 0], [[0]]])
def test_bad_sequences(sequences):
    with pytest.raises(ValueError, match="sequences"):
        TableModel([0.5, 0.5]).start(2).select(sequences)


@pytest.mark.parametrize(
    ("laws", "says"), [([[0.5, 0.5]], "V \\+ 1"), ([0.5, 0.6], "sums to"), ([np.nan, 1.0], "NaN")]
)
def test_bad_tables(laws, says):
    with pytest.raises(ValueError, match=says):
        TableModel(laws)


@pytest.mark.parametrize("chunk", [1, 2, 3, 64])
def test_prefill_gives_the_law_after_each_prompt(chunk, rng):
    model = TableModel.random(4, 2, rng=rng)
    prompts = [[0, 1, 2, 3, 1], [2], [3, 3]]
    cache = model.start(3)
    logits = prefill(model, cache, prompts, chunk=chunk)
    assert cache.lengths.tolist() == [5, 1, 2]
    for b, prompt in enumerate(prompts):
        assert cache.tokens(b).tolist() == prompt
        np.testing.assert_allclose(np.exp(logits[b]), model.law(prompt))


def test_prefill_goes_on_from_what_is_there():
    model = TableModel.random(3, 3, rng=1)
    cache = committed(model, [0, 1])
    np.testing.assert_allclose(np.exp(prefill(model, cache, [[2]])[0]), model.law([0, 1, 2]))


def test_bad_prompts():
    model = TableModel([0.5, 0.5], context=4)
    for prompts, error, says in (
        ([[0], []], ValueError, r"prompts\[1\] is empty"),
        ([[0]], ValueError, "one per sequence"),
        ([[0], [0, 0, 0, 0, 0]], ContextOverflowError, r"prompts\[1\] has 5"),
        ([[0], [2]], IndexError, "contains 2"),
    ):
        cache = model.start(2)
        with pytest.raises(error, match=says):
            prefill(model, cache, prompts)
        assert cache.lengths.tolist() == [0, 0]
    cache = model.start(1)
    model.forward(cache, [[0]])
    with pytest.raises(ValueError, match="pending"):
        prefill(model, cache, [[0]])


def test_bad_selections():
    with pytest.raises(ValueError, match="layers, B, Hk, K"):
        KeySelection(np.zeros((1, 1, 2), int), np.zeros(1, int))
    with pytest.raises(ValueError, match="one integer per sequence"):
        KeySelection(np.zeros((1, 2, 1, 2), int), np.zeros(1, int))
    for keys in ([1, 1], [2, 1], [-1, 0], [0, 3]):
        with pytest.raises(ValueError, match="must ascend strictly"):
            KeySelection(np.array([[[keys]]]), np.array([3]))
