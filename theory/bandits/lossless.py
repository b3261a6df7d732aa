r"""Exact law of generated text under speculative decoding, by enumeration over a small vocabulary.

The target and the drafters are Markov of order two: ``model[a, b]`` is the law of the token that follows a,
b. A round drafts L tokens from the chosen drafter Q, accepts each with probability :math:`\min(1, P/Q)`,
replaces the first rejected one, and adds a token from P where all were accepted.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats, as_integer
from tightbound.theory.bandits._validation import Array
from tightbound.theory.speculative.chain import Correction, chain_verification, replace_from_target, residual

__all__ = [
    "canonical_law",
    "generated_law",
    "generated_law_with_peeking",
    "replace_from_target",
    "residual",
]

Tokens = tuple[int, ...]
Rounds = tuple[tuple[int, Tokens], ...]
BlockLaw = dict[Tokens, float]


def canonical_law(target: ArrayLike, prompt: Sequence[int], tokens: int) -> Array:
    r"""Law of the next N tokens of plain decoding, :math:`\prod_k P(x_k \mid x_{k-2}, x_{k-1})`.

    Parameters
    ----------
    target : array_like, shape (V, V, V)
        ``target[a, b]`` is the law of the token after a, b.
    prompt : sequence of int
        At least two tokens in 0, ..., V-1.
    tokens : int
        Number of tokens N, at least 1.

    Returns
    -------
    ndarray, shape (V,) * N
        Probability of every text.

    Raises
    ------
    ValueError
        For a model that is not one, or a prompt that is too short or leaves the vocabulary.

    Examples
    --------
    >>> canonical_law(np.full((2, 2, 2), 0.5), (0, 1), 2)
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    model = _as_model("target", target)
    start = _as_prompt(prompt, model.shape[0])
    length = as_integer("tokens", tokens, least=1)
    law = np.zeros((model.shape[0],) * length)
    for text in itertools.product(range(model.shape[0]), repeat=length):
        whole = (*start[-2:], *text)
        law[text] = np.prod([model[whole[k], whole[k + 1], whole[k + 2]] for k in range(length)])
    return law


def generated_law(
    target: ArrayLike,
    drafters: ArrayLike,
    policy: Callable[[Rounds], int],
    prompt: Sequence[int],
    tokens: int,
    max_draft: int,
    *,
    correction: Correction = residual,
) -> Array:
    r"""Law of the first N tokens of speculative decoding whose drafter is chosen from the history.

    Speculative decoding is lossless: for every policy that looks at past rounds only, this equals
    :func:`canonical_law`.

    Parameters
    ----------
    target : array_like, shape (V, V, V)
        ``target[a, b]`` is the law of the token after a, b.
    drafters : array_like, shape (K, V, V, V)
        The same for every drafter.
    policy : callable ``rounds -> arm``
        Called with the past rounds, a tuple of (arm, tokens of the block); may be adversarial.
    prompt : sequence of int
        At least two tokens in 0, ..., V-1.
    tokens : int
        Number of tokens N, at least 1. Tokens of the last block beyond N are cut.
    max_draft : int
        Draft length L, at least 1.
    correction : callable ``(P, Q) -> law``
        Law of the replacement of a rejected token; anything but :func:`residual` breaks the equality.

    Returns
    -------
    ndarray, shape (V,) * N
        Probability of every text.

    Raises
    ------
    ValueError
        For models or a prompt that do not fit, or a policy that returns no arm.

    References
    ----------
    Hou et al., "BanditSpec", ICML 2025, Proposition 3.1.

    Examples
    --------
    >>> fair, biased = np.full((2, 2, 2), 0.5), np.full((2, 2, 2), 0.5)
    >>> biased[..., 0], biased[..., 1] = 0.75, 0.25
    >>> generated_law(fair, [biased], lambda rounds: 0, (0, 1), 2, 1)
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    model, drafts = _as_model("target", target), _as_drafters(drafters, target)
    length = as_integer("max_draft", max_draft, least=1)
    known: dict[tuple[int, Tokens], BlockLaw] = {}

    def block_law(rounds: Rounds, context: Tokens) -> list[tuple[int, Tokens, float]]:
        arm = _as_arm(policy(rounds), drafts.shape[0])
        if (arm, context) not in known:
            law: BlockLaw = {}
            for draft, chance in _drafts(drafts[arm], context, length):
                for block, p in _verified(model, drafts[arm], context, draft, correction).items():
                    law[block] = law.get(block, 0.0) + chance * p
            known[arm, context] = law
        return [(arm, block, p) for block, p in known[arm, context].items()]

    return _text_law(block_law, _as_prompt(prompt, model.shape[0]), tokens, model.shape[0])


def generated_law_with_peeking(
    target: ArrayLike,
    drafters: ArrayLike,
    policy: Callable[[Rounds, tuple[Tokens, ...]], int],
    prompt: Sequence[int],
    tokens: int,
    max_draft: int,
) -> Array:
    r"""Law of the first N tokens where the policy sees the drafts of the current round before it chooses.

    Given the choice, the draft no longer follows Q, so acceptance with :math:`\min(1, P/Q)` is wrong and the
    text changes in general.

    Parameters
    ----------
    target, drafters, prompt, tokens, max_draft
        As in :func:`generated_law`.
    policy : callable ``(rounds, drafts) -> arm``
        Called with the past rounds and the drafts of all drafters, each a tuple of L tokens. The drafts are
        independent.

    Returns
    -------
    ndarray, shape (V,) * N
        Probability of every text.

    Examples
    --------
    >>> fair = np.full((2, 2, 2), 0.5)
    >>> zero = lambda rounds, drafts: 0 if drafts[0][0] == 0 else 1
    >>> generated_law_with_peeking(fair, [fair, fair], zero, (0, 1), 1, 1)
    array([0.75, 0.25])
    """
    model, drafts = _as_model("target", target), _as_drafters(drafters, target)
    length = as_integer("max_draft", max_draft, least=1)

    def block_law(rounds: Rounds, context: Tokens) -> list[tuple[int, Tokens, float]]:
        law: dict[tuple[int, Tokens], float] = {}
        for joint in itertools.product(*(_drafts(q, context, length) for q in drafts)):
            chance = float(np.prod([p for _, p in joint]))
            arm = _as_arm(policy(rounds, tuple(draft for draft, _ in joint)), drafts.shape[0])
            for block, p in _verified(model, drafts[arm], context, joint[arm][0], residual).items():
                law[arm, block] = law.get((arm, block), 0.0) + chance * p
        return [(arm, block, p) for (arm, block), p in law.items()]

    return _text_law(block_law, _as_prompt(prompt, model.shape[0]), tokens, model.shape[0])


def _drafts(model: Array, context: Tokens, length: int) -> list[tuple[Tokens, float]]:
    """Return every draft of ``length`` tokens that can occur, with its probability."""
    out: list[tuple[Tokens, float]] = [((), 1.0)]
    for _ in range(length):
        longer = []
        for draft, chance in out:
            a, b = (*context, *draft)[-2:]
            longer += [
                ((*draft, int(x)), chance * float(model[a, b, x])) for x in np.flatnonzero(model[a, b])
            ]
        out = longer
    return out


def _verified(
    target: Array, drafter: Array, context: Tokens, draft: Tokens, correction: Correction
) -> BlockLaw:
    """Return the law of the block that verification makes of one draft."""
    length = len(draft)
    met = [(*context, *draft[:k])[-2:] for k in range(length + 1)]
    laws, proposed = np.stack([target[ab] for ab in met]), np.stack([drafter[ab] for ab in met[:-1]])
    given = chain_verification(laws, proposed, np.array(draft), correction=correction)
    return {
        (*draft[:k], int(x)): float(given[k, x]) for k in range(length + 1) for x in np.flatnonzero(given[k])
    }


def _text_law(
    block_law: Callable[[Rounds, Tokens], list[tuple[int, Tokens, float]]],
    prompt: Tokens,
    tokens: int,
    size: int,
) -> Array:
    """Follow every sequence of blocks until N tokens exist and add up the probability of each text."""
    length = as_integer("tokens", tokens, least=1)
    law = np.zeros((size,) * length)
    stack: list[tuple[Rounds, Tokens, float]] = [((), (), 1.0)]
    while stack:
        rounds, text, probability = stack.pop()
        if len(text) >= length:
            law[text[:length]] += probability
            continue
        for arm, block, chance in block_law(rounds, (*prompt, *text)[-2:]):
            stack.append(((*rounds, (arm, block)), text + block, probability * chance))
    return law


def _as_model(name: str, model: ArrayLike) -> Array:
    """Return a Markov model of order two."""
    array = as_floats(name, model)
    if array.ndim != 3 or len(set(array.shape)) != 1 or array.shape[0] < 2:
        raise ValueError(f"{name} has shape {array.shape}: give shape (V, V, V) with V >= 2")
    if np.any(array < 0.0) or np.any(np.abs(array.sum(axis=-1) - 1.0) > 1e-12):
        raise ValueError(
            f"{name} has rows that are no laws: entries must be >= 0 and rows sum to 1; divide by the sum"
        )
    return array


def _as_drafters(drafters: ArrayLike, target: ArrayLike) -> Array:
    """Return the drafters as one array over arms."""
    array = as_floats("drafters", drafters)
    if array.ndim != 4 or array.shape[0] == 0 or array.shape[1:] != np.shape(target):
        raise ValueError(
            f"drafters has shape {array.shape}: "
            "give shape (K, V, V, V) with K >= 1 and the vocabulary of the target"
        )
    return np.stack([_as_model("drafters", model) for model in array])


def _as_prompt(prompt: Sequence[int], size: int) -> Tokens:
    """Return the prompt as a tuple of tokens."""
    tokens = tuple(prompt)
    if len(tokens) < 2 or any(isinstance(x, bool) or not 0 <= x < size for x in tokens):
        raise ValueError(f"prompt is {prompt!r}: give at least two tokens in 0, ..., {size - 1}")
    return tokens


def _as_arm(arm: int, arms: int) -> int:
    """Return the arm the policy chose."""
    if not 0 <= arm < arms:
        raise ValueError(f"policy returned {arm!r}: arms are numbered 0 to {arms - 1}")
    return int(arm)
