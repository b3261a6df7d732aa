r"""Several candidates for one token: rules that try them in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_indices, as_integer
from tightbound.theory.speculative.acceptance import as_pair
from tightbound.theory.speculative.chain import Correction, normalised, residual

MOST_SEQUENCES = 200_000


@dataclass(frozen=True, eq=False)
class NodeLaw:
    """Law of the token that one node emits, split by where it came from.

    Parameters
    ----------
    accepted : ndarray, shape (V,)
        Probability that token y is emitted as an accepted candidate.
    replaced : ndarray, shape (V,)
        Probability that it is emitted after all candidates were rejected.
    """

    accepted: Array
    replaced: Array

    @property
    def acceptance(self) -> float:
        """Probability that some candidate is accepted."""
        return float(self.accepted.sum())

    @property
    def token(self) -> Array:
        """Law of the emitted token, shape (V,); the target's law if the rule is lossless."""
        return np.asarray(self.accepted + self.replaced)


def recursive_rejection(
    p: ArrayLike, q: ArrayLike, k: int, *, replacement: bool = True, correction: Correction = residual
) -> NodeLaw:
    r"""Law of recursive rejection over k candidates, by enumeration of what is drawn and rejected.

    .. math:: x_j \sim q^{(j)},\quad \text{accept with } \min(1, p^{(j)}(x_j)/q^{(j)}(x_j)),\quad
              \text{else } p^{(j+1)} \propto (p^{(j)} - q^{(j)})_+

    with :math:`p^{(1)} = p`, :math:`q^{(1)} = q`; if none is accepted the token is from :math:`p^{(k+1)}`.
    With replacement :math:`q^{(j)} = q`; without, :math:`q^{(j+1)}` is :math:`q^{(j)}` without :math:`x_j`,
    normalised. Both are lossless: given what was rejected so far the rest of the procedure emits
    :math:`p^{(j)}` exactly, by induction from the end, because one step of chain verification is lossless
    for any pair of laws.

    Parameters
    ----------
    p, q : array_like, shape (V,)
        Laws of the next token under target and drafter.
    k : int
        Number of candidates, at least 1.
    replacement : bool
        Whether candidates are independent, or drawn without replacement (at most as many as q can draw).
    correction : callable ``(P, Q) -> law``
        Law that the next candidate is tried against; anything but
        :func:`~tightbound.theory.speculative.chain.residual` changes the token.

    Returns
    -------
    NodeLaw

    Raises
    ------
    ValueError
        For laws that are none, k below 1, or too many sequences of candidates.

    References
    ----------
    Miao et al., "SpecInfer", ASPLOS 2024, multi-step speculative sampling (with replacement).

    Examples
    --------
    >>> law = recursive_rejection([0.5, 0.5], [0.75, 0.25], 2)
    >>> law.acceptance, law.token
    (0.8125, array([0.5, 0.5]))
    >>> recursive_rejection([0.5, 0.5], [0.75, 0.25], 2, replacement=False).acceptance
    1.0
    """
    target, draft = _one_pair(p, q)
    count = as_integer("k", k, least=1)
    if target.size**count > MOST_SEQUENCES:
        raise ValueError(
            f"{target.size} tokens and k={count} candidates make {target.size**count} sequences, at most "
            f"{MOST_SEQUENCES} are enumerated: use fewer of either"
        )
    accepted, replaced = np.zeros(target.size), np.zeros(target.size)

    def follow(weight: float, law: Array, proposal: Array, left: int) -> None:
        if left == 0 or not proposal.any():
            replaced[:] += weight * law
            return
        accepted[:] += weight * np.minimum(law, proposal)
        next_law = correction(law, proposal)
        for x in np.flatnonzero(proposal > law):
            rest = weight * float(proposal[x] - law[x])
            following = proposal
            if not replacement:
                following = np.where(np.arange(proposal.size) == x, 0.0, proposal)
                following = normalised(following, np.zeros(proposal.size))
            follow(rest, next_law, following, left - 1)

    follow(1.0, target, draft, count)
    return NodeLaw(accepted, replaced)


def recursive_rejection_acceptance(p: ArrayLike, q: ArrayLike, k: int) -> Array:
    r"""Give the acceptance of recursion with replacement, :math:`1 - \prod_{j=1}^{k} (1 - \beta_j)`.

    :math:`\beta_j = \sum_x \min(p^{(j)}, q)`: what is rejected does not change the next law, so the rounds
    are independent.

    Parameters
    ----------
    p, q : array_like, shapes (..., V) that broadcast
        Laws of the next token under target and drafter.
    k : int
        Number of candidates, at least 1.

    Returns
    -------
    ndarray, shape (...)

    Examples
    --------
    >>> float(recursive_rejection_acceptance([0.5, 0.5], [0.75, 0.25], 2))
    0.8125
    """
    law, draft = as_pair(p, q)
    rejected: Array = np.ones(law.shape[:-1])
    for _ in range(as_integer("k", k, least=1)):
        rejected = rejected * np.maximum(law - draft, 0.0).sum(axis=-1)
        law = residual(law, draft)
    return np.asarray(1.0 - rejected)


def target_only(p: ArrayLike, candidates: ArrayLike) -> NodeLaw:
    r"""Law of the rule for given candidates: draw from p, accept a candidate if it is the token drawn.

    Acceptance is :math:`\sum_{c \in C} p(c)`. That the token is from p needs no proof, and nothing needs to
    be known of where the candidates come from: it is the rule for candidates that were not drawn, such as
    the k likeliest tokens.

    Parameters
    ----------
    p : array_like, shape (V,)
        Law of the next token under the target.
    candidates : array_like of int, shape (k,)
        Distinct tokens.

    Returns
    -------
    NodeLaw

    Raises
    ------
    ValueError
        For candidates that repeat.
    IndexError
        For candidates outside the vocabulary.

    Examples
    --------
    >>> target_only([0.5, 0.3, 0.2], [2, 0]).acceptance
    0.7
    """
    target, _ = _one_pair(p, p)
    chosen = as_indices("candidates", candidates, target.size)
    if chosen.ndim != 1 or np.unique(chosen).size != chosen.size:
        raise ValueError(f"candidates is {chosen.tolist()}: give distinct tokens, shape (k,)")
    kept = np.zeros(target.size, dtype=bool)
    kept[chosen] = True
    return NodeLaw(np.where(kept, target, 0.0), np.where(kept, 0.0, target))


def top_tokens(q: ArrayLike, k: int) -> np.ndarray:
    """Return the k likeliest tokens of each row, likeliest first, of equal ones the smaller first.

    Examples
    --------
    >>> top_tokens([0.2, 0.4, 0.4], 2).tolist()
    [1, 2]
    """
    law = as_floats("q", q)
    return np.asarray(np.argsort(-law, axis=-1, kind="stable")[..., : as_integer("k", k, least=1)])


def _one_pair(p: ArrayLike, q: ArrayLike) -> tuple[Array, Array]:
    target, draft = as_pair(p, q)
    if target.ndim != 1:
        raise ValueError(f"p and q have shape {target.shape}: give one law each, shape (V,)")
    return target, draft
