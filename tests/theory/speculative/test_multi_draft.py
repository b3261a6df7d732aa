"""Rules for several candidates, and the optimal transport that bounds them."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.speculative.acceptance import acceptance_probability
from tightbound.theory.speculative.chain import replace_from_target, residual
from tightbound.theory.speculative.k_seq import first_accepted, k_seq, k_seq_acceptance, k_seq_scale
from tightbound.theory.speculative.multi_draft import (
    recursive_rejection,
    recursive_rejection_acceptance,
    target_only,
    top_tokens,
)
from tightbound.theory.speculative.optimal_transport import (
    candidates_without_replacement,
    independent_candidates,
    optimal_acceptance_of,
    optimal_coupling,
    optimal_multidraft_acceptance,
)

common = settings(deadline=None, derandomize=True, max_examples=25)
instances = (st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(1, 3), st.sampled_from([1.0, 0.6]))


@common
@given(*instances)
def test_rules_are_lossless_and_below_their_optimum(laws, seed, size, k, keep):
    p, q = laws(np.random.default_rng(seed), (2, size), keep)
    best = float(optimal_multidraft_acceptance(p, q, k))
    with_replacement = recursive_rejection(p, q, k)
    for law in (with_replacement, k_seq(p, q, k)):
        assert law.token == pytest.approx(p, abs=1e-12)
        assert law.acceptance <= best + 1e-12
    assert float(recursive_rejection_acceptance(p, q, k)) == pytest.approx(
        with_replacement.acceptance, abs=1e-12
    )
    assert float(k_seq_acceptance(p, q, k)) >= (1.0 - (1.0 - 1.0 / k) ** k) * best - 1e-12
    without = recursive_rejection(p, q, k, replacement=False)
    assert without.token == pytest.approx(p, abs=1e-12)
    if k <= np.count_nonzero(q):
        assert without.acceptance <= optimal_acceptance_of(p, candidates_without_replacement(q, k)) + 1e-12


def test_one_candidate_is_chain_verification(laws, rng):
    p, q = laws(rng, (2, 5))
    beta = float(acceptance_probability(p, q))
    assert float(optimal_multidraft_acceptance(p, q, 1)) == pytest.approx(beta)
    assert float(k_seq_scale(p, q, 1)) == pytest.approx(1.0)
    for law in (
        recursive_rejection(p, q, 1),
        recursive_rejection(p, q, 1, replacement=False),
        k_seq(p, q, 1),
    ):
        assert law.acceptance == pytest.approx(beta)


@pytest.mark.parametrize("replacement", [True, False])
def test_recursion_follows_the_candidates_one_by_one(laws, replacement):
    p, q = laws(np.random.default_rng(5), (2, 4))
    joint = independent_candidates(q, 2) if replacement else candidates_without_replacement(q, 2)
    token = np.zeros(4)
    for pair in itertools.product(range(4), repeat=2):
        weight, law, proposal = joint[pair], p, q
        if weight == 0.0:
            continue
        for x in pair:
            accept = min(1.0, law[x] / proposal[x])
            token[x] += weight * accept
            weight *= 1.0 - accept
            law = residual(law, proposal)
            if not replacement:
                proposal = np.where(np.arange(4) == x, 0.0, proposal)
                proposal = proposal / proposal.sum()
    found = recursive_rejection(p, q, 2, replacement=replacement)
    assert found.accepted == pytest.approx(token, abs=1e-14)


def test_candidates_can_run_out():
    law = recursive_rejection([0.2, 0.3, 0.5], [0.6, 0.4, 0.0], 3, replacement=False)
    assert law.token == pytest.approx([0.2, 0.3, 0.5])
    assert law.acceptance == pytest.approx(0.5)


def test_without_the_update_the_token_is_biased():
    law = recursive_rejection([0.5, 0.5], [0.75, 0.25], 2, correction=replace_from_target)
    assert law.token[0] > 0.6


@common
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(1, 4), st.sampled_from([1.0, 0.6]))
def test_closed_form_is_the_least_cut(laws, seed, size, k, keep):
    p, q = laws(np.random.default_rng(seed), (2, size), keep)
    cut = optimal_acceptance_of(p, independent_candidates(q, k))
    assert float(optimal_multidraft_acceptance(p, q, k)) == pytest.approx(cut, abs=1e-12)
    subsets = itertools.chain.from_iterable(itertools.combinations(range(size), n) for n in range(size + 1))
    by_hand = 1.0 + min(p[list(a)].sum() - q[list(a)].sum() ** k for a in subsets)
    assert cut == pytest.approx(by_hand, abs=1e-12)


def test_the_program_attains_the_closed_form(laws, rng):
    for k in (1, 2, 3):
        p, q = laws(rng, (2, 3))
        joint = independent_candidates(q, k)
        value, coupling = optimal_coupling(p, joint)
        assert value == pytest.approx(float(optimal_multidraft_acceptance(p, q, k)), abs=1e-9)
        assert coupling.sum(axis=-1) == pytest.approx(joint, abs=1e-9)
        assert coupling.sum(axis=tuple(range(k))) == pytest.approx(p, abs=1e-9)


def test_the_cut_holds_for_any_joint_law(rng):
    p, joint = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(9)).reshape(3, 3)
    assert optimal_acceptance_of(p, joint) == pytest.approx(optimal_coupling(p, joint)[0], abs=1e-9)


def test_more_candidates_never_hurt_and_many_find_everything(laws, rng):
    p, q = laws(rng, (2, 4))
    best = [float(optimal_multidraft_acceptance(p, q, k)) for k in range(1, 40)]
    assert np.all(np.diff(best) >= -1e-15)
    assert float(optimal_multidraft_acceptance(p, q, 100_000)) == pytest.approx(1.0)


def test_a_batch_is_its_rows(laws, rng):
    p, q = laws(rng, (2, 7, 4), 0.7)
    for found in (
        optimal_multidraft_acceptance,
        recursive_rejection_acceptance,
        k_seq_acceptance,
        k_seq_scale,
    ):
        rows = [float(found(a, b, 3)) for a, b in zip(p, q, strict=True)]
        assert found(p, q, 3) == pytest.approx(rows, abs=1e-14)


def test_below_its_scale_k_seq_accepts_more_than_there_is():
    p, q = np.array([0.5, 0.5]), np.array([0.75, 0.25])
    scale = float(k_seq_scale(p, q, 2))
    assert np.all(first_accepted(p, q, 2, np.array(scale)) <= p + 1e-12)
    assert np.any(first_accepted(p, q, 2, np.array(0.5 * (1.0 + scale))) > p + 1e-3)
    assert abs(k_seq(p, q, 2, 0.5 * (1.0 + scale)).token - p).max() > 1e-3
    assert k_seq(p, q, 2, 2.0).token == pytest.approx(p)


def test_k_seq_without_overlap_accepts_nothing():
    law = k_seq([1.0, 0.0], [0.0, 1.0], 3)
    assert law.acceptance == 0.0
    assert law.token.tolist() == [1.0, 0.0]


def test_target_only_accepts_the_mass_of_the_candidates():
    law = target_only([0.5, 0.3, 0.2], top_tokens([0.2, 0.4, 0.4], 2))
    assert law.acceptance == pytest.approx(0.5)
    assert law.token == pytest.approx([0.5, 0.3, 0.2])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: recursive_rejection([0.5, 0.5], [0.5, 0.5], 0), ("k is 0", "at least 1")),
        (lambda: recursive_rejection(np.full(10, 0.1), np.full(10, 0.1), 6), ("10 tokens and k=6", "fewer")),
        (lambda: recursive_rejection([[0.5, 0.5]], [[0.5, 0.5]], 1), ("shape (1, 2)", "(V,)")),
        (lambda: target_only([0.5, 0.5], [0, 0]), ("candidates is [0, 0]", "distinct")),
        (lambda: k_seq([0.5, 0.5], [0.5, 0.5], 2, 0.5), ("scale contains 0.5", "at least 1")),
        (lambda: k_seq([[0.5, 0.5]], [0.5, 0.5], 2), ("shape (1, 2)", "(V,)")),
        (lambda: optimal_multidraft_acceptance([0.5, 0.5], [0.5, 0.5], 0), ("k is 0", "at least 1")),
        (lambda: optimal_acceptance_of(np.full(20, 0.05), np.full(20, 0.05)), ("20 tokens", "at most 16")),
        (
            lambda: optimal_acceptance_of([0.5, 0.5], np.full((2, 3), 1 / 6)),
            ("candidates has shape", "V = 2"),
        ),
        (lambda: optimal_acceptance_of([0.5, 0.5], np.full((2, 2), 0.3)), ("candidates has a row", "divide")),
        (
            lambda: optimal_coupling(np.full(6, 1 / 6), np.full((6,) * 5, 6.0**-5)),
            ("variables", "closed form"),
        ),
        (lambda: candidates_without_replacement([1.0, 0.0], 2), ("k is 2", "only 1")),
    ],
)
def test_bad_input_names_argument_and_remedy(call, words):
    with pytest.raises(ValueError, match=re.escape(words[0])) as caught:
        call()
    assert all(word in str(caught.value) for word in words)
