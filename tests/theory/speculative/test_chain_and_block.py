"""Chain and block verification against each other, plain decoding, and a loop that follows the algorithms."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.speculative.acceptance import expected_tokens_in_context
from tightbound.theory.speculative.biased_rules import (
    block_law_to_first_failure,
    chain_law_at_wrong_temperature,
    chain_law_replacing_from_target,
    greedy_draft_as_if_sampled,
)
from tightbound.theory.speculative.block import block_law, block_verification, expected_tokens_of_blocks
from tightbound.theory.speculative.chain import (
    chain_law,
    chain_verification,
    replace_from_target,
    residual,
)
from tightbound.theory.speculative.round_law import round_law
from tightbound.theory.speculative.tables import PrefixTables, total_variation

common = settings(deadline=None, derandomize=True, max_examples=25)
instances = (st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(1, 3), st.sampled_from([1.0, 0.6]))


def _distance(law, target, tokens):
    return total_variation(law.text(target, tokens), target.joint(tokens))


@common
@given(*instances)
def test_chain_and_block_are_lossless_and_block_accepts_no_less(pair, seed, vocabulary, gamma, keep):
    p, q = pair(seed, vocabulary, gamma, keep)
    chain, block = chain_law(p, q), block_law(p, q)
    for law in (chain, block):
        assert _distance(law, p, gamma + 1) < 1e-12
        assert law.accepted.sum() == pytest.approx(1.0)
    assert chain.expected_tokens == pytest.approx(expected_tokens_in_context(p, q), abs=1e-12)
    assert block.expected_tokens == pytest.approx(expected_tokens_of_blocks(p, q), abs=1e-12)
    assert block.expected_tokens >= chain.expected_tokens - 1e-12
    # every prefix of the draft is kept at least as often
    assert np.all(np.cumsum(block.accepted) <= np.cumsum(chain.accepted) + 1e-12)


def _chain_by_hand(target, draft, texts):
    """Follow the algorithm token by token."""
    law = {}
    for text, weight in texts:
        reach = weight
        for i, x in enumerate(text):
            p, q = target.after(text[:i]), draft.after(text[:i])
            accept = min(1.0, p[x] / q[x])
            if accept < 1.0:
                excess = np.maximum(p - q, 0.0)
                for y, mass in enumerate(excess / excess.sum()):
                    law[(*text[:i], y)] = law.get((*text[:i], y), 0.0) + reach * (1.0 - accept) * mass
            reach *= accept
        for y, mass in enumerate(target.after(text)):
            law[(*text, y)] = law.get((*text, y), 0.0) + reach * mass
    return law


def _block_by_hand(target, draft, texts):
    """Throw every combination of coins and keep the last success."""
    law = {}
    for text, weight in texts:
        gamma, path = len(text), [1.0]
        for i, x in enumerate(text):
            path.append(min(1.0, path[-1] * target.after(text[:i])[x] / draft.after(text[:i])[x]))
        excess = [
            np.maximum(path[i] * target.after(text[:i]) - draft.after(text[:i]), 0.0) for i in range(gamma)
        ]
        coins = []
        for i in range(1, gamma):
            rest = excess[i].sum() + 1.0 - path[i]
            coins.append(excess[i].sum() / rest if rest > 0.0 else 1.0)
        coins.append(path[gamma])
        for outcome in itertools.product((0, 1), repeat=gamma):
            chance = weight * np.prod([h if hit else 1.0 - h for h, hit in zip(coins, outcome, strict=True)])
            if chance <= 1e-18:
                continue
            tau = max((i + 1 for i, hit in enumerate(outcome) if hit), default=0)
            follow = target.after(text) if tau == gamma else excess[tau] / excess[tau].sum()
            for y, mass in enumerate(follow):
                law[(*text[:tau], y)] = law.get((*text[:tau], y), 0.0) + chance * mass
    return law


@pytest.mark.parametrize(("law", "by_hand"), [(chain_law, _chain_by_hand), (block_law, _block_by_hand)])
def test_laws_agree_with_the_algorithm_followed_by_hand(pair, law, by_hand):
    p, q = pair(11, 3, 2)
    texts = [(text, q.joint(2)[text]) for text in itertools.product(range(3), repeat=2)]
    expected = by_hand(p, q, texts)
    found = law(p, q)
    for t, part in enumerate(found.emitted):
        for text in itertools.product(range(3), repeat=t + 1):
            assert part[text] == pytest.approx(expected.get(text, 0.0), abs=1e-14)


def test_equal_laws_accept_everything(pair):
    p, _ = pair(5, 3, 3, 0.7)
    q = PrefixTables(p.rows[:3])
    for law in (chain_law(p, q), block_law(p, q)):
        assert law.accepted == pytest.approx([0.0, 0.0, 0.0, 1.0])


def test_disjoint_supports_reject_everything_and_leave_the_target():
    p, q = PrefixTables.independent([0.25, 0.75, 0.0, 0.0], 3), PrefixTables.independent([0, 0, 0.5, 0.5], 2)
    for law in (chain_law(p, q), block_law(p, q)):
        assert law.accepted == pytest.approx([1.0, 0.0, 0.0])
        assert law.emitted[0] == pytest.approx([0.25, 0.75, 0.0, 0.0])


def test_block_and_chain_are_one_rule_for_one_draft(pair):
    p, q = pair(6, 4, 1)
    for one, other in zip(chain_law(p, q).emitted, block_law(p, q).emitted, strict=True):
        assert one == pytest.approx(other)


def test_ratios_on_one_side_leave_nothing_to_gain():
    # the second position is drafted perfectly, so no ratio exceeds 1 after one below 1
    p = PrefixTables([[0.5, 0.5], [[0.3, 0.7]] * 2, [[[0.5, 0.5]] * 2] * 2])
    q = PrefixTables([[0.9, 0.1], [[0.3, 0.7]] * 2])
    assert expected_tokens_of_blocks(p, q) == pytest.approx(expected_tokens_in_context(p, q), abs=1e-15)


def test_one_draft_at_a_time_is_the_batch(pair):
    p, q = pair(7, 3, 2)
    texts = np.array([[0, 1], [2, 2]])
    for rule in (chain_verification, block_verification):
        both = rule(p.along(texts, 3), q.along(texts, 2), texts)
        for row, text in zip(both, texts, strict=True):
            assert rule(p.along(text, 3), q.along(text, 2), text) == pytest.approx(row)
            assert row.sum() == pytest.approx(1.0)


@common
@given(st.integers(0, 2**32 - 1))
def test_residual_restores_the_target(seed):
    p, q = np.random.default_rng(seed).dirichlet(np.ones(4), size=(2, 3))
    kept = np.minimum(p, q)
    assert kept + (1.0 - kept.sum(-1, keepdims=True)) * residual(p, q) == pytest.approx(p, abs=1e-14)
    assert residual(p, p) == pytest.approx(p)


@pytest.mark.parametrize(
    "wrong",
    [
        chain_law_replacing_from_target,
        block_law_to_first_failure,
        greedy_draft_as_if_sampled,
        lambda p, q: greedy_draft_as_if_sampled(p, q, correction=replace_from_target),
        lambda p, q: chain_law_at_wrong_temperature(p, q, 0.5),
    ],
)
def test_biased_rules_change_the_text(pair, wrong):
    p, q = pair(8, 3, 2)
    assert _distance(wrong(p, q), p, 3) > 0.01


def test_right_temperature_is_no_mistake(pair):
    p, q = pair(9, 3, 2)
    assert _distance(chain_law_at_wrong_temperature(p, q, 1.0), p, 3) < 1e-12


def test_a_longer_text_is_written_by_the_target(pair):
    p, q = pair(10, 3, 2)
    short = PrefixTables(q.rows[:1])
    assert _distance(chain_law(p, short), p, 3) < 1e-12


def test_tables_that_do_not_fit_are_refused(pair):
    p, q = pair(1, 3, 2)
    other, _ = pair(1, 4, 2)
    with pytest.raises(ValueError, match="give one vocabulary"):
        chain_law(other, q)
    with pytest.raises(ValueError, match="2 drafts need 3 target tables"):
        chain_law(PrefixTables(p.rows[:2]), q)
    with pytest.raises(ValueError, match="2 of the proposal"):
        round_law(p, q, chain_verification, PrefixTables(q.rows[:1]))
    with pytest.raises(ValueError, match="at least 3"):
        chain_law(p, q).text(p, 2)
    with pytest.raises(ValueError, match="text of 4 tokens"):
        chain_law(p, q).text(p, 4)
