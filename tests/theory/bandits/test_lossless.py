import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.bandits import (
    canonical_law,
    generated_law,
    generated_law_with_peeking,
    replace_from_target,
    residual,
)

common = settings(deadline=None, derandomize=True, max_examples=25)


def _adversary(rounds):
    return (
        sum(block[-1] + arm for arm, block in rounds) + len(rounds) + sum(len(b) for _, b in rounds[-1:])
    ) % 2


def _models(rng, size=3):
    return rng.dirichlet(np.ones(size), size=(size, size)), rng.dirichlet(np.ones(size), size=(2, size, size))


def _distance(p, q):
    return 0.5 * np.abs(p - q).sum()


@pytest.mark.parametrize("tokens", [1, 4, 6])
@pytest.mark.parametrize("max_draft", [1, 2, 3])
def test_text_follows_the_target_under_an_adversarial_policy(tokens, max_draft, rng):
    target, drafters = _models(rng)
    law = generated_law(target, drafters, _adversary, (0, 1), tokens, max_draft)
    assert _distance(law, canonical_law(target, (0, 1), tokens)) < 1e-12


@common
@given(st.integers(0, 2**32 - 1), st.integers(1, 2))
def test_text_follows_the_target_where_some_tokens_are_impossible(seed, max_draft):
    rng = np.random.default_rng(seed)
    target, drafters = _models(rng)
    target[rng.random(target.shape) < 0.3] = 0.0
    drafters[rng.random(drafters.shape) < 0.3] = 0.0
    target[..., 0] += 0.1
    drafters[..., 1] += 0.1
    target, drafters = target / target.sum(-1, keepdims=True), drafters / drafters.sum(-1, keepdims=True)
    law = generated_law(target, drafters, _adversary, (0, 1), 3, max_draft)
    assert _distance(law, canonical_law(target, (0, 1), 3)) < 1e-12


def test_a_wrong_replacement_changes_the_text(rng):
    target, drafters = _models(rng)
    broken = generated_law(target, drafters, _adversary, (0, 1), 4, 2, correction=replace_from_target)
    assert _distance(broken, canonical_law(target, (0, 1), 4)) > 0.01


def test_looking_at_the_current_drafts_changes_the_text(rng):
    target, drafters = _models(rng)
    blind = generated_law_with_peeking(
        target, drafters, lambda rounds, drafts: _adversary(rounds), (0, 1), 3, 2
    )
    assert _distance(blind, canonical_law(target, (0, 1), 3)) < 1e-12

    def peek(rounds, drafts):
        return 0 if drafts[0][0] == 0 else 1

    seen = generated_law_with_peeking(target, drafters, peek, (0, 1), 3, 2)
    assert _distance(seen, canonical_law(target, (0, 1), 3)) > 0.01


def test_peeking_at_one_token_by_hand():
    fair = np.full((2, 2, 2), 0.5)
    # the first drafter's draft is used when it is 0 (then accepted), else the second one's, a fair coin
    law = generated_law_with_peeking(fair, [fair, fair], lambda r, d: d[0][0], (0, 0), 1, 1)
    assert law == pytest.approx([0.75, 0.25])


@common
@given(st.integers(0, 2**32 - 1))
def test_residual_restores_the_target(seed):
    p, q = np.random.default_rng(seed).dirichlet(np.ones(4), size=2)
    kept = np.minimum(p, q)
    assert kept + (1.0 - kept.sum()) * residual(p, q) == pytest.approx(p, abs=1e-14)
    assert residual(p, p) == pytest.approx(p)


fair2 = np.full((2, 2, 2), 0.5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: canonical_law(np.full((2, 3, 2), 0.5), (0, 1), 2), ("target", "(V, V, V)")),
        (lambda: canonical_law(np.full((2, 2, 2), 0.4), (0, 1), 2), ("target", "divide by the sum")),
        (lambda: canonical_law(fair2, (0,), 2), ("prompt", "two tokens")),
        (lambda: canonical_law(fair2, (0, 2), 2), ("prompt", "0, ..., 1")),
        (lambda: canonical_law(fair2, (0, 1), 0), ("tokens", "at least 1")),
        (lambda: generated_law(fair2, fair2, lambda r: 0, (0, 1), 2, 1), ("drafters", "(K, V, V, V)")),
        (lambda: generated_law(fair2, [fair2], lambda r: 1, (0, 1), 2, 1), ("policy returned 1", "0 to 0")),
        (lambda: generated_law(fair2, [fair2], lambda r: 0, (0, 1), 2, 0), ("max_draft", "at least 1")),
    ],
)
def test_bad_input_names_argument_and_remedy(call, words):
    with pytest.raises(ValueError, match=re.escape(words[0])) as caught:
        call()
    assert all(word in str(caught.value) for word in words)
