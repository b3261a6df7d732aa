"""The law of chain verification, against enumeration and with mistakes that have to show."""

import numpy as np
import pytest
from scipy.stats import chi2

from tightbound.kernels.chain_speculative_sampling import (
    chain_speculative_sampling,
    ragged_chain_speculative_sampling,
)
from tightbound.theory.speculative.biased_rules import chain_law_replacing_from_target
from tightbound.theory.speculative.chain import chain_verification
from tightbound.theory.speculative.tables import PrefixTables

GREEDY = [
    ([1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4]),
    ([1, 2, 3], [1, 5, 3, 4], [1, 5, -1, -1]),
    ([1, 2, 3], [1, 2, 6, 4], [1, 2, 6, -1]),
]


def random_laws(rng, shape, vocabulary):
    return rng.dirichlet(np.ones(vocabulary), shape).astype(np.float32)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(("draft", "best", "expected"), GREEDY)
def test_greedy_rows(draft, best, expected, backend):
    p = np.eye(8, dtype=np.float32)[best][np.newaxis]
    for q in (np.eye(8, dtype=np.float32)[draft][np.newaxis], None):
        found = chain_speculative_sampling(q, [draft], p, [[0.0] * 3], [0.5], backend=backend, check=True)
        assert found.output_token_ids.tolist() == [expected]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_without_drafts_the_token_after_them_is_drawn(backend):
    p = np.eye(4, dtype=np.float32)[[[2]]]
    found = chain_speculative_sampling(
        np.zeros((1, 0, 4), np.float32), np.zeros((1, 0), int), p, np.zeros((1, 0)), [0.3], backend=backend
    )
    assert [part.tolist() for part in found] == [[[2]], [0], [0]]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_requests_of_different_length(backend):
    best = [[1, 2, 3], [4, 0], [5]]  # drafts [1, 2], [3] and none
    p = np.eye(6, dtype=np.float32)[np.concatenate(best)]
    found = ragged_chain_speculative_sampling(
        None, [1, 2, 3], p, [2, 3, 3], [0.5] * 3, [0.5] * 3, backend=backend, max_draft_tokens=3
    )
    assert found.output_token_ids.tolist() == [[1, 2, 3, -1], [4, -1, -1, -1], [5, -1, -1, -1]]
    assert found.output_emitted_draft_token_num.tolist() == [2, 0, 0]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_equal_laws_accept_and_disjoint_ones_reject_everything(backend, rng):
    q = random_laws(rng, (5, 3), 7)
    ids = rng.integers(0, 7, (5, 3))
    same = np.concatenate((q, q[:, :1]), axis=1)
    top = np.full((5, 3), 1.0 - 2**-53)
    found = chain_speculative_sampling(q, ids, same, top, np.full(5, top[0, 0]), backend=backend)
    assert (found.output_emitted_draft_token_num == 3).all()
    assert (found.output_token_ids[:, 3] == 6).all()
    q, p = np.zeros((1, 1, 4), np.float32), np.zeros((1, 2, 4), np.float32)
    q[..., :2], p[..., 2:] = 0.5, 0.5
    found = chain_speculative_sampling(q, [[1]], p, [[0.0]], [0.5], backend=backend)
    assert found.output_token_ids.tolist() == [[3, -1]]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_every_test_counts_for_the_drafter_and_the_first_failure_ends_the_text(backend):
    q, p = np.full((1, 3, 2), 0.5), np.array([[[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [0.5, 0.5]]])
    found = chain_speculative_sampling(q, [[0, 0, 0]], p, [[0.5] * 3], [0.5], backend=backend)
    assert [part.tolist() for part in found] == [[[1, -1, -1, -1]], [2], [0]]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_tokens_of_probability_zero_are_never_emitted(backend):
    q, p = np.array([[[0.5, 0.5, 0.0]]]), np.array([[[0.0, 0.5, 0.5], [0.5, 0.5, 0.0]]])
    # u = 0 does not accept a draft that the target excludes; the residual is only token 2
    assert chain_speculative_sampling(q, [[0]], p, [[0.0]], [0.0], backend=backend)[0].tolist() == [[2, -1]]
    # a draft that q excludes and p allows passes
    top = 1.0 - 2**-53
    assert chain_speculative_sampling(q, [[2]], p, [[top]], [top], backend=backend)[0].tolist() == [[2, 1]]


def stratified(points):
    grid = (np.arange(points) + 0.5) / points
    first, second = np.meshgrid(grid, grid, indexing="ij")
    return first.reshape(-1, 1), second.reshape(-1)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_law_of_one_draft_by_stratified_variates(backend, rng):
    size, points = 4, 64
    u, final = stratified(points)
    for greedy in (False, True):
        q, p = random_laws(rng, 1, size), random_laws(rng, 2, size)
        for x in range(size):
            drafted = np.eye(size)[[x]] if greedy else q
            law = chain_verification(p, drafted, np.array([x]))
            many = len(final)
            found = chain_speculative_sampling(
                None if greedy else np.broadcast_to(q, (many, 1, size)),
                np.full((many, 1), x),
                np.broadcast_to(p, (many, 2, size)),
                u,
                final,
                backend=backend,
            )
            n = found.output_emitted_draft_token_num
            y = found.output_token_ids[np.arange(many), n]
            seen = np.zeros((2, size))
            np.add.at(seen, (n, y), 1.0 / many)
            assert 0.5 * np.abs(seen - law).sum() < 3 * size / points


def sampled_texts(q, p, n, rng):
    """First three tokens of n rounds from tables q (g, V), p (g+1, V), continued from p."""
    drafts = np.stack([rng.choice(q.shape[1], n, p=row) for row in q], axis=1)
    found = chain_speculative_sampling(
        np.broadcast_to(q.astype(np.float32), (n, *q.shape)),
        drafts,
        np.broadcast_to(p.astype(np.float32), (n, *p.shape)),
        rng.random(drafts.shape),
        rng.random(n),
        backend="numba",
    )
    text = found.output_token_ids.copy()
    for i in range(text.shape[1]):
        gone = text[:, i] < 0
        text[gone, i] = rng.choice(p.shape[1], gone.sum(), p=p[i])
    return text


def p_value(text, joint):
    size = joint.shape[0]
    seen = np.bincount(np.ravel_multi_index(text.T, joint.shape), minlength=size ** text.shape[1])
    expected = joint.ravel() * len(text)
    assert expected.min() >= 5
    return chi2.sf(((seen - expected) ** 2 / expected).sum(), expected.size - 1)


def test_the_text_follows_the_target_and_a_wrong_replacement_shows():
    rng, n = np.random.default_rng(0), 20_000
    q, p = np.array([[0.6, 0.2, 0.2]] * 2), np.array([[0.2, 0.3, 0.5], [0.3, 0.4, 0.3], [0.4, 0.3, 0.3]])
    joint = np.einsum("i,j,k->ijk", *p)
    assert p_value(sampled_texts(q, p, n, rng), joint) > 1e-4
    target, draft = (
        PrefixTables([np.broadcast_to(row, (3,) * (i + 1)) for i, row in enumerate(laws)]) for laws in (p, q)
    )
    law = chain_law_replacing_from_target(target, draft).text(target)
    assert 0.5 * np.abs(law - joint).sum() > 0.05
    flat = rng.choice(law.size, n, p=law.ravel() / law.sum())
    assert p_value(np.stack(np.unravel_index(flat, law.shape), axis=1), joint) < 1e-4


BAD = [
    ({"draft_probs": np.ones((1, 1, 3)) / 3}, ValueError, r"draft_probs has shape \(1, 1, 3\): it must be"),
    ({"draft_token_ids": [[2]]}, ValueError, "draft_token_ids contains 2: give integers from 0 to 1"),
    ({"draft_token_ids": [[-1]]}, ValueError, "draft_token_ids contains -1"),
    ({"draft_token_ids": [[0.0]]}, TypeError, "draft_token_ids has dtype float64"),
    (
        {"target_probs": [[[0.5, 0.5]]]},
        ValueError,
        r"must be \(B, g\+1, V\) = \(1, 2, 2\), with B=1, V=2, g=1",
    ),
    ({"target_probs": [[[1, 0], [1, 0]]]}, TypeError, "target_probs has dtype int64"),
    ({"uniform": [[1.0]]}, ValueError, r"uniform has entries outside \[0, 1\)"),
    ({"uniform": [[np.nan]]}, ValueError, "uniform has entries outside"),
    ({"uniform_final": [0.1, 0.2]}, ValueError, "uniform_final has shape"),
    (
        {"draft_probs": [[[1.5, -0.5]]], "check": True},
        ValueError,
        "draft_probs has entries that are negative",
    ),
    ({"draft_probs": [[[np.nan, 1.0]]], "check": True}, ValueError, "negative or NaN"),
    ({"target_probs": [[[0.5, 0.5], [0.5, 0.6]]], "check": True}, ValueError, "sum is 0.1 away from 1"),
    ({"backend": "triton"}, (TypeError, RuntimeError), "triton"),
]


@pytest.mark.parametrize(("change", "error", "said"), BAD)
def test_bad_input(change, error, said):
    good = {
        "draft_probs": [[[0.5, 0.5]]],
        "draft_token_ids": [[0]],
        "target_probs": [[[0.5, 0.5], [0.5, 0.5]]],
        "uniform": [[0.5]],
        "uniform_final": [0.5],
    }
    with pytest.raises(error, match=said):
        chain_speculative_sampling(**(good | change))


@pytest.mark.parametrize("counts", [[2, 1], [1, 1], [0, 3]])
def test_counts_that_are_no_running_totals(counts):
    with pytest.raises(ValueError, match="cu_num_draft_tokens"):
        ragged_chain_speculative_sampling(None, [0, 0], np.ones((4, 1)), counts, [0.5] * 2, [0.5] * 2)


def test_a_limit_on_drafts_that_is_exceeded():
    with pytest.raises(
        ValueError, match="max_draft_tokens is 1, cu_num_draft_tokens gives a request 2 drafts"
    ):
        ragged_chain_speculative_sampling(
            None, [0, 0], np.ones((3, 1)), [2], [0.5] * 2, [0.5], max_draft_tokens=1
        )


def test_a_row_without_mass_gives_minus_one():
    for backend in ("numpy", "numba"):
        found = chain_speculative_sampling(None, [[0]], np.zeros((1, 2, 3)), [[0.5]], [0.5], backend=backend)
        assert found.output_token_ids.tolist() == [[-1, -1]]
