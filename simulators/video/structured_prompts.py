r"""Prompts of five components, embedded by a toy encoder and read by cross-attention.

A token's embedding is its component's direction :math:`t_j` beside a content :math:`v_j`. A query for one
component reads

.. math:: \sum_j \mathrm{softmax}_j(\kappa\, \langle q, t_j \rangle)\, v_j .

A slot that blends tokens of two components points between them and is read by both, which is what alignment
prevents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, Integers, as_floats, as_positive
from tightbound.theory.video.prompt_alignment import BLANK, COMPONENTS, slot_components


@dataclass(frozen=True, eq=False)
class StructuredPrompts:
    """Token counts and contents of P prompts.

    Parameters
    ----------
    lengths : array_like of int, shape (P, 5)
        Tokens of every component.
    contents : sequence of array_like, shape (tokens of the prompt, d)
        What every token says.
    sharpness : float
        kappa: logit of a token of the component asked for, against 0 for others.

    Raises
    ------
    TypeError, ValueError
        For contents that do not fit the lengths, or a sharpness that is not positive.

    Examples
    --------
    >>> prompts = StructuredPrompts([[1, 1, 1, 1, 1]], [np.eye(5)])
    >>> text = prompts.embeddings(np.arange(5)[None])
    >>> prompts.read(text, "time").round(3).tolist()  # the third token, and a little of the others
    [[0.0, 0.0, 0.999, 0.0, 0.0]]
    """

    lengths: ArrayLike
    contents: Sequence[ArrayLike]
    sharpness: float = 8.0

    def __post_init__(self) -> None:
        counts = np.asarray(self.lengths)
        if counts.ndim != 2 or counts.shape[1] != len(COMPONENTS):
            raise ValueError(
                f"lengths has shape {counts.shape}: give (prompts, {len(COMPONENTS)}), one count for each of "
                f"{', '.join(COMPONENTS)}"
            )
        texts = [as_floats(f"contents[{i}]", text) for i, text in enumerate(self.contents)]
        wanted = counts.sum(axis=1).tolist()
        shapes = [text.shape for text in texts]
        width = {shape[-1] for shape in shapes if len(shape) == 2}
        if [shape[0] for shape in shapes if len(shape) == 2] != wanted or len(width) != 1:
            raise ValueError(
                f"contents has shapes {shapes}: give one (tokens, d) for each prompt, with {wanted} tokens"
            )
        as_positive("sharpness", self.sharpness)
        object.__setattr__(self, "contents", tuple(texts))

    def embeddings(self, slots: Integers) -> Array:
        """Return the embedding of every slot: its component's direction, then its content; zeros if blank.

        Parameters
        ----------
        slots : ndarray of int, shape (P, M)
            From ``aligned_slots`` or ``concatenated_slots``.

        Returns
        -------
        ndarray, shape (P, M, 5 + d)
            Embeddings for ``prompt_blend``.
        """
        which = slot_components(self.lengths, slots)
        kinds = np.where(which[..., None] == np.arange(len(COMPONENTS)), 1.0, 0.0)
        said = np.stack([np.asarray(text)[row] for text, row in zip(self.contents, slots, strict=True)])
        return np.concatenate([kinds, np.where((slots == BLANK)[..., None], 0.0, said)], axis=-1)

    def read(self, texts: Array, component: str) -> Array:
        """Return what a query for ``component`` reads, (..., M, 5 + d) -> (..., d)."""
        from scipy.special import softmax

        kinds, said = np.split(texts, [len(COMPONENTS)], axis=-1)
        weights = softmax(self.sharpness * kinds[..., COMPONENTS.index(component)], axis=-1)
        return np.asarray(np.einsum("...m,...md->...d", weights, said))
