"""Greedy walks over trees: a case of SGLang's tests, a second algorithm, every backend."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.kernels.verify_tree_greedy import verify_tree_greedy

CANDIDATES = [[0, 1, 2, 3, 4, 5], [7, 8, 9, 10, 11, 12]]
INDEX = [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
CHILD = [[1, 2, -1, 4, 5, -1], [4, 2, 3, -1, 5, -1]]
SIBLING = [[-1, 3, -1, -1, -1, -1], [-1, -1, -1, -1, 1, -1]]
BEST = [[3, 18, 18, 4, 5, 18], [11, 18, 18, 18, 12, 18]]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_two_requests(backend):
    found = verify_tree_greedy(CANDIDATES, INDEX, CHILD, SIBLING, BEST, backend=backend)
    assert found.predicts.tolist() == [3, -1, -1, 4, 5, 18, 11, -1, -1, -1, 12, 18]
    assert found.accept_index.tolist() == [[0, 3, 4, 5, -1, -1], [6, 10, 11, -1, -1, -1]]
    assert found.accept_token_num.tolist() == [3, 2]


@settings(max_examples=30)
@given(batch=st.integers(1, 4), nodes=st.integers(1, 20), seed=st.integers(0, 1000))
def test_the_path_is_the_longest_that_greedy_decoding_takes(random_trees, batch, nodes, seed):
    rng = np.random.default_rng(seed)
    parent, index, child, sibling = random_trees(rng, batch, nodes)
    tokens, best = rng.integers(0, 3, (2, batch, nodes))
    arguments = (tokens, index, child, sibling, best)
    found = verify_tree_greedy(*arguments, backend="numpy")
    for a, b in zip(found, verify_tree_greedy(*arguments, backend="numba"), strict=True):
        assert a.dtype == b.dtype == np.int32
        assert (a == b).all()
    for b in range(batch):
        path = found.accept_index[b, : found.accept_token_num[b] + 1] - b * nodes
        assert (found.accept_index[b, len(path) :] == -1).all()
        assert path[0] == 0
        for node, after in pairwise(path):
            right = np.flatnonzero((parent[b] == node) & (tokens[b] == best[b, node]))
            assert after == right[0]
        assert not ((parent[b] == path[-1]) & (tokens[b] == best[b, path[-1]])).any()
        row = found.predicts[b * nodes : (b + 1) * nodes]
        assert (row[path] == best[b, path]).all()
        assert (np.delete(row, path) == -1).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"candidates": [[0, 1, 2]]}, "retrieve_index has shape"),
        ({"candidates": np.zeros((2, 0), int)}, "a tree has 1 to 1024 nodes"),
        ({"retrieve_index": np.full((2, 6), 12)}, "retrieve_index contains 12"),
        ({"retrieve_next_token": [[1, 1, -1, -1, -1, -1]] * 2}, "lead to a node twice in request 0"),
        ({"retrieve_next_token": [[0, -1, -1, -1, -1, -1]] * 2}, "leads from node 0 to the root"),
        ({"retrieve_next_sibling": [[-2, -1, -1, -1, -1, -1]] * 2}, "retrieve_next_sibling contains -2"),
        ({"target_predict": [[-1] * 6] * 2}, "target_predict contains -1"),
    ],
)
def test_bad_input(change, said):
    names = ("candidates", "retrieve_index", "retrieve_next_token", "retrieve_next_sibling", "target_predict")
    good = dict(zip(names, (CANDIDATES, INDEX, CHILD, SIBLING, BEST), strict=True))
    with pytest.raises(ValueError, match=said):
        verify_tree_greedy(**(good | change))


def test_triton_in_the_interpreter(interpreter):
    assert interpreter == ""


def test_triton_compiles(ahead_of_time):
    assert len(ahead_of_time) == 2


def test_numba_cuda_in_the_simulator(simulator):
    assert simulator == ""
