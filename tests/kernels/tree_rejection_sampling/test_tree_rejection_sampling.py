"""Recursive rejection: the exact law of one node, whole trees, every backend, and the wrong rule."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from tightbound.kernels.tree_rejection_sampling import tree_rejection_sampling
from tightbound.theory.speculative.multi_draft import recursive_rejection


@settings(max_examples=40)
@given(
    batch=st.integers(1, 3),
    nodes=st.integers(1, 12),
    vocabulary=st.sampled_from([1, 3, 600]),
    replace=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_numba_is_the_reference(random_trees, batch, nodes, vocabulary, replace, seed):
    rng = np.random.default_rng(seed)
    _, *links = random_trees(rng, batch, nodes)
    tokens = rng.integers(0, min(vocabulary, 4), (batch, nodes))
    p, q = (rng.dirichlet(np.full(vocabulary, 0.3), (batch, nodes)) for _ in range(2))
    p[..., :4] += 0.2
    q[..., :4] += 1.0
    p, q = ((a / a.sum(-1, keepdims=True)).astype(np.float32) for a in (p, q))
    arguments = (tokens, *links, rng.random((batch, nodes)), rng.random(batch), p, q)
    before = [a.copy() for a in arguments]
    expected = tree_rejection_sampling(*arguments, replace=replace, backend="numpy")
    found = tree_rejection_sampling(*arguments, replace=replace, backend="numba")
    assert all((a == b).all() for a, b in zip(expected, found, strict=True))
    assert all((a == b).all() for a, b in zip(before, arguments, strict=True))


def node_law(p, q, children, points, replace, backend):
    """Law of (accepted, token) given the children of one node, by stratified variates."""
    k, size = len(children), len(p)
    grid = (np.arange(points) + 0.5) / points
    variates = np.stack([a.ravel() for a in np.meshgrid(*[grid] * (k + 1))], axis=1).astype(np.float32)
    many = len(variates)
    links = np.array([[0, *children], [1, *[-1] * k], [-1, *range(2, k + 1), -1]])
    index = np.arange((k + 1) * many).reshape(many, k + 1)
    found = tree_rejection_sampling(
        *(np.tile(links[0], (many, 1)), index, np.tile(links[1], (many, 1)), np.tile(links[2], (many, 1))),
        np.concatenate((np.zeros((many, 1), np.float32), variates[:, :k]), axis=1),
        variates[:, k],
        np.broadcast_to(p.astype(np.float32), (many, k + 1, size)),
        np.broadcast_to(q.astype(np.float32), (many, k + 1, size)),
        replace=replace,
        backend=backend,
    )
    law = np.zeros((2, size))
    np.add.at(law, (found.accept_token_num, found.predicts[index[:, 0]]), 1.0 / many)
    return law


def draws(q, k, replace):
    """Every sequence of k children with its probability."""
    for x in itertools.product(range(len(q)), repeat=k):
        weight, left = 1.0, q
        for token in x:
            weight *= left[token]
            if not replace:
                left = np.where(np.arange(len(q)) == token, 0.0, left)
                left = left / max(left.sum(), 1e-300)
        if weight > 0.0:
            yield x, weight


P, Q = np.array([0.2, 0.4, 0.4]), np.array([0.7, 0.1, 0.2])  # two tokens are left after a rejection


@pytest.mark.parametrize(("backend", "points"), [("numpy", 8), ("numba", 24)])
@pytest.mark.parametrize("replace", [True, False])
def test_law_of_one_node(backend, points, replace):
    found = sum(w * node_law(P, Q, x, points, replace, backend) for x, w in draws(Q, 2, replace))
    expected = recursive_rejection(P, Q, 2, replacement=replace)
    assert 0.5 * np.abs(found - [expected.replaced, expected.accepted]).sum() < 3 * 3 / points
    if backend == "numba":
        assert 0.5 * np.abs(found.sum(0) - P).sum() < 0.02


def test_the_rule_for_other_draws_gives_another_law():
    found = sum(w * node_law(P, Q, x, 24, False, "numba") for x, w in draws(Q, 2, True))
    assert 0.5 * np.abs(found.sum(0) - P).sum() > 0.05


def token_counts(replace, rule, n, rng):
    first = rng.choice(3, n, p=Q)
    left = np.tile(Q, (n, 1))
    if not replace:
        left[np.arange(n), first] = 0.0
    left /= left.sum(1, keepdims=True)
    second = (rng.random(n)[:, np.newaxis] > left.cumsum(1)).sum(1)
    index = np.arange(3 * n).reshape(n, 3)
    found = tree_rejection_sampling(
        np.stack((first, first, second), axis=1),
        index,
        np.tile([1, -1, -1], (n, 1)),
        np.tile([-1, 2, -1], (n, 1)),
        rng.random((n, 3)),
        rng.random(n),
        np.broadcast_to(P.astype(np.float32), (n, 3, 3)),
        np.broadcast_to(Q.astype(np.float32), (n, 3, 3)),
        replace=rule,
        backend="numba",
    )
    return np.bincount(found.predicts[index[:, 0]], minlength=3)


@pytest.mark.parametrize("replace", [True, False])
def test_the_token_follows_the_target_and_the_wrong_rule_shows(replace):
    rng, n = np.random.default_rng(0), 20_000

    def p_value(counts):
        return chi2.sf(((counts - n * P) ** 2 / (n * P)).sum(), 2)

    assert p_value(token_counts(replace, replace, n, rng)) > 1e-4
    assert p_value(token_counts(replace, not replace, n, rng)) < 1e-4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"candidates": [[0, 9]]}, "candidates contains 9"),
        ({"uniform": [[0.0, np.nan]]}, "uniform has entries outside"),
        ({"draft_probs": np.ones((1, 2, 4)) / 4}, "draft_probs has shape"),
        ({"draft_probs": -np.ones((1, 2, 3)), "check": True}, "draft_probs has entries that are negative"),
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
        "draft_probs": np.ones((1, 2, 3)) / 3,
        "replace": True,
    }
    with pytest.raises(ValueError, match=said):
        tree_rejection_sampling(**(good | change))


def test_triton_in_the_interpreter(interpreter):
    assert interpreter == ""


def test_triton_compiles(ahead_of_time):
    assert len(ahead_of_time) == 4
