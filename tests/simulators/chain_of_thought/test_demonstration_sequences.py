"""Demonstrations as tokens, and the answer law of a generating model against sampling and enumeration."""

import itertools

import numpy as np
import pytest

from tightbound.simulators.chain_of_thought.demonstration_sequences import (
    DemonstrationSequences,
    generated_answer_laws,
    joined,
)
from tightbound.simulators.chain_of_thought.random_chain import random_chain
from tightbound.simulators.language_models.causal_transformer import CausalTransformer
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain

CHAIN = random_chain(2, 2, 3, rng=0)
MODEL = CausalTransformer(vocabulary=4, context=11, width=8, dtype="float64")


def weights():
    rng = np.random.default_rng(0)
    return {name: value + 0.3 * rng.standard_normal(value.shape) for name, value in MODEL.init(0).items()}


def test_demonstrations_are_joined_by_separators():
    assert joined([[[0, 1, 2], [2, 1, 0]]], 3).tolist() == [[0, 1, 2, 3, 2, 1, 0]]
    with pytest.raises(ValueError, match="n >= 1"):
        joined(np.zeros((2, 0, 3), int), 3)


def test_mask_marks_steps_and_nothing_else():
    sequences = DemonstrationSequences(CHAIN, 2)
    assert sequences.length == 7
    assert sequences.mask.tolist() == [False, True, True, False, False, True, True]


def test_sequences_follow_one_task_or_one_each():
    stay, swap = np.eye(2), np.eye(2)[::-1]
    chain = DiscreteChain([0.5, 0.5], [[stay, stay], [swap, swap]])
    one = DemonstrationSequences(chain, 3)(np.random.default_rng(0), 200)
    each = DemonstrationSequences(chain, 3, shared_task=False)(np.random.default_rng(0), 200)
    for tokens, agree in ((one, True), (each, False)):
        assert tokens.shape == (200, 11)
        assert np.all(tokens[:, [3, 7]] == 2)
        stays = tokens[:, [0, 4, 8]] == tokens[:, [1, 5, 9]]
        assert np.all(tokens[:, [1, 5, 9]] == tokens[:, [0, 4, 8]] ^ ~stays)
        assert np.all(stays.all(axis=1) | (~stays).all(axis=1)) == agree
        assert 0.4 < stays.mean() < 0.6


@pytest.mark.parametrize("n", [0, 2])
def test_answer_laws_are_sums_over_paths(n):
    w, rng = weights(), np.random.default_rng(1)
    prompts = rng.integers(3, size=(2, n, 3))
    found = generated_answer_laws(MODEL, w, CHAIN, prompts)
    assert found.sum(axis=-1) == pytest.approx(1.0)
    for b, query, answer in itertools.product(range(2), range(3), range(3)):
        total = 0.0
        known = [*joined(prompts[b : b + 1], 3)[0], 3] if n else []
        for middle in range(3):
            law = []
            for path in ((query,), (query, middle)):
                odds = np.exp(np.asarray(MODEL.logits(w, [[*known, *path]]))[0, -1, :3])
                law.append(odds / odds.sum())
            total += law[0][middle] * law[1][answer]
        assert found[b, query, answer] == pytest.approx(total, abs=1e-12)


def test_answer_laws_do_not_depend_on_how_prompts_are_blocked(monkeypatch):
    from tightbound.simulators.chain_of_thought import demonstration_sequences

    prompts = np.random.default_rng(2).integers(3, size=(5, 1, 3))
    whole = generated_answer_laws(MODEL, weights(), CHAIN, prompts)
    monkeypatch.setattr(demonstration_sequences, "LARGEST_BATCH", 18)
    assert generated_answer_laws(MODEL, weights(), CHAIN, prompts) == pytest.approx(whole, abs=1e-14)


def test_one_step_needs_no_sum():
    chain = random_chain(2, 1, 3, rng=0)
    law = generated_answer_laws(MODEL, weights(), chain, np.zeros((1, 0, 2), int))[0]
    odds = np.exp(np.asarray(MODEL.logits(weights(), [[0], [1], [2]]))[:, -1, :3])
    assert law == pytest.approx(odds / odds.sum(axis=-1, keepdims=True))


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        (np.zeros((1, 1, 2), int), "give .B, n, 3."),
        (np.zeros((1, 3, 3), int), "need 15 positions"),
    ],
)
def test_bad_prompts_are_refused(prompts, words):
    with pytest.raises(ValueError, match=words):
        generated_answer_laws(MODEL, weights(), CHAIN, prompts)


def test_what_does_not_fit_is_refused():
    empty = np.zeros((1, 0, 3), int)
    with pytest.raises(ValueError, match="vocabulary 5: give 4"):
        generated_answer_laws(CausalTransformer(5, 11), {}, CHAIN, empty)
    with pytest.raises(ValueError, match="59049 paths"):
        generated_answer_laws(MODEL, {}, random_chain(1, 10, 3, rng=0), np.zeros((1, 0, 11), int))
    with pytest.raises(IndexError, match="contains 3"):
        generated_answer_laws(MODEL, weights(), CHAIN, np.full((1, 1, 3), 3))
    with pytest.raises(ValueError, match="demonstrations is 0"):
        DemonstrationSequences(CHAIN, 0)
