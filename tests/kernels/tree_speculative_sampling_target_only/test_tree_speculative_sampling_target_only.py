"""Trees of chosen drafts: SGLang's case, the exact law over trees, every backend."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from tightbound.kernels.tree_speculative_sampling_target_only import tree_speculative_sampling_target_only
from tightbound.theory.speculative.multi_draft import target_only

CANDIDATES = [[0, 1, 2, 3, 4, 5], [7, 8, 9, 10, 11, 12]]
INDEX = [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
CHILD = [[1, 2, -1, 4, 5, -1], [4, 2, 3, -1, 5, -1]]
SIBLING = [[-1, 3, -1, -1, -1, -1], [-1, -1, -1, -1, 1, -1]]
BEST = [[3, 18, 18, 4, 5, 18], [11, 18, 18, 18, 12, 18]]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_two_requests_at_low_temperature(backend, rng):
    logits = np.where(np.arange(20) == np.array(BEST)[..., np.newaxis], 10.0, 1.0) / 0.01
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p = (p / p.sum(-1, keepdims=True)).astype(np.float32)
    found = tree_speculative_sampling_target_only(
        CANDIDATES, INDEX, CHILD, SIBLING, rng.random((2, 6)), rng.random(2), p, backend=backend, check=True
    )
    assert found.predicts.tolist() == [3, -1, -1, 4, 5, 18, 11, -1, -1, -1, 12, 18]
    assert found.accept_index.tolist() == [[0, 3, 4, 5, -1, -1], [6, 10, 11, -1, -1, -1]]
    assert found.accept_token_num.tolist() == [3, 2]


@settings(max_examples=40)
@given(
    batch=st.integers(1, 3),
    nodes=st.integers(1, 12),
    vocabulary=st.sampled_from([1, 3, 600]),
    seed=st.integers(0, 1000),
)
def test_numba_is_the_reference(random_trees, batch, nodes, vocabulary, seed):
    rng = np.random.default_rng(seed)
    _, *links = random_trees(rng, batch, nodes)
    tokens = rng.integers(0, min(vocabulary, 4), (batch, nodes))  # siblings often repeat
    p = rng.dirichlet(np.full(vocabulary, 0.3), (batch, nodes)).astype(np.float32)
    p[..., :4] += 1.0
    p /= p.sum(-1, keepdims=True)
    arguments = (tokens, *links, rng.random((batch, nodes)), rng.random(batch), p)
    before = [a.copy() for a in arguments]
    expected = tree_speculative_sampling_target_only(*arguments, backend="numpy")
    found = tree_speculative_sampling_target_only(*arguments, backend="numba")
    assert all((a == b).all() for a, b in zip(expected, found, strict=True))
    assert all((a == b).all() for a, b in zip(before, arguments, strict=True))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_law_at_one_node_by_stratified_variates(backend):
    p, points = np.array([0.1, 0.4, 0.2, 0.3]), 64
    chosen = [3, 1, 3]  # the last repeats the first and changes nothing
    grid = (np.arange(points) + 0.5) / points
    first, final = (a.ravel() for a in np.meshgrid(grid, grid))
    many = first.size
    links = [np.tile(row, (many, 1)) for row in ([0, *chosen], [1, -1, -1, -1], [-1, 2, 3, -1])]
    index = np.arange(4 * many).reshape(many, 4)
    found = tree_speculative_sampling_target_only(
        links[0],
        index,
        *links[1:],
        np.tile(first[:, np.newaxis], (1, 4)),
        final,
        np.broadcast_to(p.astype(np.float32), (many, 4, 4)),
        backend=backend,
    )
    law = target_only(p, [3, 1])
    token = found.predicts[index[:, 0]]
    hit = found.accept_token_num > 0
    for part, rows in ((law.accepted, hit), (law.replaced, ~hit)):
        seen = np.bincount(token[rows], minlength=4) / many
        assert 0.5 * np.abs(seen - part).sum() < 3 * 4 / points


def walk_law(p, first, second, n, rng, wrong=False):
    """First two tokens of n rounds from a tree: children ``first``, ``second`` below the first of them."""
    k = len(first)
    tokens = np.array([0, *first, *second])
    child, sibling = np.full((2, tokens.size), -1)
    child[0], child[1] = 1, 1 + k
    sibling[1:k] = np.arange(2, k + 1)
    sibling[k + 1 : -1] = np.arange(k + 2, tokens.size)
    rows = np.stack([p[0], *[p[1][x] for x in first], *[p[1][0]] * len(second)])
    index = np.arange(n * tokens.size).reshape(n, -1)
    coins = rng.random(index.shape)
    if wrong:
        coins = np.sqrt(coins)  # not uniform
    found = tree_speculative_sampling_target_only(
        *(np.tile(tokens, (n, 1)), index, np.tile(child, (n, 1)), np.tile(sibling, (n, 1))),
        coins,
        rng.random(n),
        np.broadcast_to(rows.astype(np.float32), (n, *rows.shape)),
        backend="numba",
    )
    at = found.accept_index[:, :2] - index[:, :1]
    one = found.predicts[index[:, 0]]
    two = np.array([rng.choice(3, p=p[1][x]) for x in one])
    more = at[:, 1] > 0
    two[more] = found.predicts[index[more, at[more, 1]]]
    return one, two, found.accept_token_num


def p_value(one, two, joint):
    seen = np.bincount(one * 3 + two, minlength=9)
    expected = joint.ravel() * one.size
    return chi2.sf(((seen - expected) ** 2 / expected).sum(), 8)


def test_the_text_follows_the_target_and_variates_that_are_not_uniform_show():
    rng, n = np.random.default_rng(0), 20_000
    p = (np.array([0.2, 0.5, 0.3]), np.array([[0.3, 0.3, 0.4], [0.6, 0.2, 0.2], [0.1, 0.5, 0.4]]))
    joint = p[0][:, np.newaxis] * p[1]
    one, two, accepted = walk_law(p, [1, 2], [0], n, rng)
    assert p_value(one, two, joint) > 1e-4
    mean = p[0][1] + p[0][2] + joint[1, 0]  # the sum over nodes of the probability of their paths
    assert abs(accepted.mean() - mean) < 5 * accepted.std() / np.sqrt(n)
    one, two, _ = walk_law(p, [1, 2], [0], n, rng, wrong=True)
    assert p_value(one, two, joint) < 1e-4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"candidates": [[0, 9]]}, "candidates contains 9: give integers from 0 to 2"),
        ({"uniform": [[0.0, 1.0]]}, "uniform has entries outside"),
        ({"uniform_final": [[0.0]]}, "uniform_final has shape"),
        ({"target_probs": np.ones((1, 3, 3)) / 3}, "target_probs has shape"),
        ({"target_probs": np.ones((1, 2, 3)), "check": True}, "sum is 2 away from 1"),
    ],
)
def test_bad_input(change, said):
    good = {
        "candidates": [[0, 1]],
        "retrieve_index": [[0, 1]],
        "retrieve_next_token": [[1, -1]],
        "retrieve_next_sibling": [[-1, -1]],
        "uniform": [[0.5, 0.5]],
        "uniform_final": [0.5],
        "target_probs": np.ones((1, 2, 3)) / 3,
    }
    with pytest.raises(ValueError, match=said):
        tree_speculative_sampling_target_only(**(good | change))


def test_triton_in_the_interpreter(interpreter):
    assert interpreter == ""


def test_triton_compiles(ahead_of_time):
    assert len(ahead_of_time) == 6


def test_numba_cuda_in_the_simulator(simulator):
    assert simulator == ""
