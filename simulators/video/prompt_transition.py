r"""A transition between prompts, frame by frame, through a denoiser whose prompt weights are known.

Three blocks stand for a video model. Each asks the prompt for one component and is denoised towards what it
reads (:mod:`tightbound.theory.video.linear_gaussian_denoiser`): the layout (wide prior, the place, read by
the encoder), the detail (narrow prior, the subject, read by the decoder), and the light (wide prior, the
time, read by the encoder).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.video.structured_prompts import StructuredPrompts
from tightbound.theory._validation import Array, Integers, as_floats, as_positive
from tightbound.theory.video.linear_gaussian_denoiser import LinearGaussianDenoiser, denoise
from tightbound.theory.video.prompt_alignment import COMPONENTS
from tightbound.theory.video.prompt_blend import BlendGate, Transition, prompt_blend

ENCODER, DECODER = 0, 1
"""Depths at which blocks read the prompt."""


@dataclass(frozen=True)
class Block:
    """A part of the latent: what it reads, where, and how wide its prior is.

    Parameters
    ----------
    component : str
        One of ``COMPONENTS``.
    depth : int
        ``ENCODER`` or ``DECODER``.
    prior_std : float
        tau.

    Raises
    ------
    TypeError, ValueError
        For an unknown component or depth, or a spread that is not positive.
    """

    component: str
    depth: int
    prior_std: float

    def __post_init__(self) -> None:
        if self.component not in COMPONENTS:
            raise ValueError(f"component is {self.component!r}: choose one of {', '.join(COMPONENTS)}")
        if self.depth not in (ENCODER, DECODER):
            raise ValueError(f"depth is {self.depth!r}: give ENCODER (0) or DECODER (1)")
        as_positive("prior_std", self.prior_std)


def _blocks() -> dict[str, Block]:
    return {
        "layout": Block("place", ENCODER, 2.0),
        "detail": Block("subject", DECODER, 0.2),
        "light": Block("time", ENCODER, 2.0),
    }


@dataclass(frozen=True, eq=False)
class PromptTransition:
    """Prompts, the frames between them, and a denoiser that reads them.

    Parameters
    ----------
    prompts : StructuredPrompts
        What is said.
    transitions : sequence of (int, int)
        Frames between consecutive prompts.
    frames : int
        N.
    noise_levels : array_like, shape (S + 1,)
        Levels of the denoiser.
    blocks : mapping from name to Block
        Parts of the latent.
    leak : float
        Share of what a block reads at the other depth, in [0, 1).

    Raises
    ------
    ValueError
        For a leak outside its range.

    Examples
    --------
    >>> says = [np.full((5, 1), 0.0), np.full((5, 1), 1.0)]
    >>> prompts = StructuredPrompts([[1] * 5] * 2, says)
    >>> transition = PromptTransition(prompts, [(0, 4)], 5, [4.0, 1.0, 0.0])
    >>> slots = np.tile(np.arange(5), (2, 1))
    >>> transition.sample(slots, BlendGate(steps=(1, 1)))["detail"].ravel().round(2).tolist()
    [0.0, 0.24, 0.48, 0.72, 0.99]
    """

    prompts: StructuredPrompts
    transitions: Sequence[Transition]
    frames: int
    noise_levels: ArrayLike
    blocks: Mapping[str, Block] = field(default_factory=_blocks)
    leak: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.leak < 1.0:
            raise ValueError(f"leak is {self.leak!r}: give the share read at the other depth, in [0, 1)")

    def sample(self, slots: Integers, gate: BlendGate) -> dict[str, Array]:
        """Denoise all frames of every block, from a latent of zeros.

        Parameters
        ----------
        slots : ndarray of int, shape (P, M)
            How tokens are laid out.
        gate : BlendGate
            Where blended prompts are read; depths are ``ENCODER`` and ``DECODER``.

        Returns
        -------
        dict from block to ndarray, shape (N, d)
            The samples.
        """
        levels = as_floats("noise_levels", self.noise_levels)
        texts = self.prompts.embeddings(slots)
        found: dict[str, Array] = {}
        for name, block in self.blocks.items():
            means = np.stack([self._mean(block, texts, gate, step) for step in range(levels.size - 1)])
            model = LinearGaussianDenoiser(block.prior_std, levels)
            found[name] = denoise(model, means, np.zeros(means.shape[1:]))
        return found

    def _mean(self, block: Block, texts: Array, gate: BlendGate, step: int) -> Array:
        own, other = (
            self.prompts.read(
                prompt_blend(texts, self.transitions, frames=self.frames, gate=gate, step=step, depth=depth),
                block.component,
            )
            for depth in (block.depth, ENCODER + DECODER - block.depth)
        )
        return (1.0 - self.leak) * own + self.leak * other


def jumps(samples: Array) -> Array:
    """Return how far each frame is from the one before, shape (N, d) -> (N - 1,).

    Examples
    --------
    >>> jumps(np.array([[0.0, 0.0], [3.0, 4.0]])).tolist()
    [5.0]
    """
    return np.asarray(np.linalg.norm(np.diff(samples, axis=0), axis=1))


def drift(samples: Array) -> Array:
    """Return how far each frame is from the first, shape (N, d) -> (N,).

    Examples
    --------
    >>> drift(np.array([[0.0, 0.0], [3.0, 4.0]])).tolist()
    [0.0, 5.0]
    """
    return np.asarray(np.linalg.norm(samples - samples[0], axis=1))
