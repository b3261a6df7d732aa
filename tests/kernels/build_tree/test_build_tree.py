"""Trees of drafts: powers of the parent matrix as a second way, every backend."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.kernels.build_tree import build_tree
from tightbound.kernels.verify_tree_greedy import verify_tree_greedy


@settings(max_examples=30)
@given(batch=st.integers(0, 3), nodes=st.integers(1, 20), seed=st.integers(0, 1000))
def test_ancestors_are_powers_of_the_parent_matrix(random_trees, batch, nodes, seed):
    rng = np.random.default_rng(seed)
    parent, child, sibling = np.zeros((3, 0, nodes), int)
    if batch:
        parent, _, child, sibling = random_trees(rng, batch, nodes)
    token, start = rng.integers(0, 9, parent.shape), rng.integers(0, 99, batch)
    tree = build_tree(parent, token, start, backend="numpy")
    for b in range(batch):
        step = (parent[b][:, np.newaxis] == np.arange(nodes)).astype(int)
        closure = sum(np.linalg.matrix_power(step, n) for n in range(nodes))
        assert (tree.tree_mask[b] == closure).all()
    assert (tree.positions == start[:, np.newaxis] + tree.tree_mask.sum(-1, dtype=int) - 1).all()
    assert (tree.retrieve_next_token == child).all()
    assert (tree.retrieve_next_sibling == sibling).all()
    for a, b in zip(tree, build_tree(parent, token, start, backend="numba"), strict=True):
        assert a.dtype == b.dtype
        assert (a == b).all()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_trees_of_different_size(backend):
    tree = build_tree([[-1, 0, 1, 1], [-1, 0, -1, -1]], [[1, 2, 3, 4]] * 2, [5, 6], backend=backend)
    assert tree.candidates.tolist() == [[1, 2, 3, 4], [1, 2, 0, 0]]
    assert tree.positions.tolist() == [[5, 6, 7, 7], [6, 7, 6, 6]]
    assert tree.tree_mask[1].tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0] * 4, [0] * 4]
    found = verify_tree_greedy(*tree[:4], [[2, 4, 0, 9], [2, 8, 0, 0]], backend=backend)
    assert found.accept_token_num.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([[-1, 1]], [[0, 0]], [0]), r"parent\[0, 1\] is 1: a parent comes before its child"),
        (([[0, 0]], [[0, 0]], [0]), r"parent\[0, 0\] is 0: .* the root, node 0, has none"),
        (([[-1, -1, 1]], [[0] * 3], [0]), r"parent\[0, 2\] is 1, a node that is absent"),
        (([[-1, -2]], [[0, 0]], [0]), "parent contains -2"),
        (([[-1, 0]], [[0, -1]], [0]), "token contains -1"),
        (([[-1, 0]], [[0, 0]], [-1]), "prefix_len contains -1"),
        (([[-1, 0]], [[0, 0]], [0, 0]), "prefix_len has shape"),
        ((np.zeros((1, 1025), int) - 1, np.zeros((1, 1025), int), [0]), "1 to 1024 nodes"),
    ],
)
def test_bad_input(arguments, said):
    with pytest.raises(ValueError, match=said):
        build_tree(*arguments)


def test_triton_in_the_interpreter(interpreter):
    assert interpreter == ""


def test_triton_compiles(ahead_of_time):
    assert len(ahead_of_time) == 2


def test_numba_cuda_in_the_simulator(simulator):
    assert simulator == ""
