"""Block verification: its exact law, every backend, and two mistakes that have to show."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from tightbound.kernels.block_speculative_sampling import (
    block_speculative_sampling,
    ragged_block_speculative_sampling,
)
from tightbound.kernels.chain_speculative_sampling import chain_speculative_sampling
from tightbound.theory.speculative.biased_rules import block_law_to_first_failure
from tightbound.theory.speculative.block import block_verification
from tightbound.theory.speculative.tables import PrefixTables, total_variation


@settings(max_examples=40)
@given(
    drafts=st.lists(st.integers(0, 4), min_size=1, max_size=5),
    vocabulary=st.sampled_from([1, 2, 7, 1500]),
    dtype=st.sampled_from([np.float16, np.float32]),
    seed=st.integers(0, 1000),
)
def test_numba_is_the_reference(drafts, vocabulary, dtype, seed):
    rng, total = np.random.default_rng(seed), sum(drafts)
    q = rng.dirichlet(np.full(vocabulary, 0.2), total).astype(dtype)
    p = rng.dirichlet(np.full(vocabulary, 0.2), total + len(drafts)).astype(dtype)
    p[:total] = (p[:total] + q) / 2
    ids = q.argmax(-1) if rng.random() < 0.5 else rng.integers(0, vocabulary, total)
    arguments = (q, ids, p, np.cumsum(drafts), rng.random(total), rng.random(len(drafts)))
    before = [a.copy() for a in arguments]
    expected = ragged_block_speculative_sampling(*arguments, backend="numpy")
    found = ragged_block_speculative_sampling(*arguments, backend="numba")
    for a, b in zip(expected, found, strict=True):
        assert a.dtype == b.dtype == np.int32
        assert (a == b).all()
    assert all((a == b).all() for a, b in zip(before, arguments, strict=True))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_law_given_the_drafts_by_stratified_variates(backend, rng):
    size, points = 3, 24
    grid = (np.arange(points) + 0.5) / points
    variates = np.stack([a.ravel() for a in np.meshgrid(grid, grid, grid)], axis=1)
    many = len(variates)
    for _ in range(4):
        q, p = rng.dirichlet(np.ones(size), 2), rng.dirichlet(np.ones(size), 3)
        x = rng.integers(0, size, 2)
        found = block_speculative_sampling(
            np.broadcast_to(q.astype(np.float32), (many, 2, size)),
            np.tile(x, (many, 1)),
            np.broadcast_to(p.astype(np.float32), (many, 3, size)),
            variates[:, :2],
            variates[:, 2],
            backend=backend,
        )
        tau = found.output_emitted_draft_token_num
        seen = np.zeros((3, size))
        np.add.at(seen, (tau, found.output_token_ids[np.arange(many), tau]), 1.0 / many)
        assert 0.5 * np.abs(seen - block_verification(p, q, x)).sum() < 3 * size / points


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_equal_laws_accept_and_disjoint_ones_reject_everything(backend, rng):
    q = rng.dirichlet(np.ones(7), (5, 3)).astype(np.float32)
    ids = rng.integers(0, 7, (5, 3))
    top = np.full((5, 3), 1.0 - 2**-53)
    found = block_speculative_sampling(
        q, ids, np.concatenate((q, q[:, :1]), axis=1), top, top[:, 0], backend=backend, check=True
    )
    assert (found.output_emitted_draft_token_num == 3).all()
    q, p = np.zeros((1, 2, 4), np.float32), np.zeros((1, 3, 4), np.float32)
    q[..., :2], p[..., 2:] = 0.5, 0.5
    found = block_speculative_sampling(q, [[1, 0]], p, [[0.0, 0.0]], [0.5], backend=backend)
    assert found.output_token_ids.tolist() == [[3, -1, -1]]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_one_draft_or_none_is_chain_verification(backend, rng):
    for drafts in (0, 1):
        q, p = (rng.dirichlet(np.ones(5), (9, drafts + n)).astype(np.float32) for n in (0, 1))
        arguments = (q, rng.integers(0, 5, (9, drafts)), p, rng.random((9, drafts)), rng.random(9))
        one, other = (
            f(*arguments, backend=backend) for f in (block_speculative_sampling, chain_speculative_sampling)
        )
        assert (one.output_token_ids == other.output_token_ids).all()


Q = np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]])
P = np.array([[0.2, 0.3, 0.5], [0.3, 0.4, 0.3], [0.4, 0.3, 0.3]])


def tables(laws):
    return PrefixTables([np.broadcast_to(law, (3,) * (i + 1)) for i, law in enumerate(laws)])


def p_value(text):
    expected = tables(P).joint(3).ravel() * len(text)
    seen = np.bincount(np.ravel_multi_index(text.T, (3, 3, 3)), minlength=27)
    return chi2.sf(((seen - expected) ** 2 / expected).sum(), 26)


def test_the_text_follows_the_target_and_stopping_at_the_first_failure_shows():
    rng, n = np.random.default_rng(0), 20_000
    found = block_speculative_sampling(
        np.broadcast_to(Q.astype(np.float32), (n, 2, 3)),
        np.stack([rng.choice(3, n, p=row) for row in Q], axis=1),
        np.broadcast_to(P.astype(np.float32), (n, 3, 3)),
        rng.random((n, 2)),
        rng.random(n),
        backend="numba",
    )
    text = found.output_token_ids.copy()
    for i in range(3):
        gone = text[:, i] < 0
        text[gone, i] = rng.choice(3, gone.sum(), p=P[i])
    assert p_value(text) > 1e-4
    wrong = block_law_to_first_failure(tables(P), tables(Q)).text(tables(P))
    assert total_variation(wrong, tables(P).joint(3)) > 0.05
    drawn = rng.choice(27, n, p=wrong.ravel() / wrong.sum())
    assert p_value(np.stack(np.unravel_index(drawn, (3, 3, 3)), axis=1)) < 1e-4


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"draft_probs": None}, TypeError, "draft_probs is None"),
        ({"draft_token_ids": [[3, 0]]}, ValueError, "draft_token_ids contains 3"),
        ({"target_probs": P[np.newaxis, :2]}, ValueError, "target_probs has shape"),
        ({"uniform": [[0.5, -0.1]]}, ValueError, "uniform has entries outside"),
        ({"draft_probs": Q[np.newaxis] * 2, "check": True}, ValueError, "sum is 1 away from 1"),
        ({"backend": "numba_cuda"}, ValueError, "runs on numpy, numba, triton; choose one"),
    ],
)
def test_bad_input(change, error, said):
    good = {
        "draft_probs": Q[np.newaxis],
        "draft_token_ids": [[0, 1]],
        "target_probs": P[np.newaxis],
        "uniform": [[0.5, 0.5]],
        "uniform_final": [0.5],
    }
    with pytest.raises(error, match=said):
        block_speculative_sampling(**(good | change))


def test_triton_in_the_interpreter(interpreter):
    assert interpreter == ""


def test_triton_compiles(ahead_of_time):
    assert len(ahead_of_time) == 8
