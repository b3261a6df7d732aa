r"""One step of attention as a denoiser of a video that drifts, and for a while alternates.

Clean frames x_n of dimension d move slowly along a great circle; those of a burst jump to and fro besides.
What is seen is :math:`z_n = x_n + \sigma \varepsilon_n`, and attention with identity projections,
:math:`y = \mathrm{sm}(Z Z^T / \sqrt d + \Lambda) Z`, estimates x. Noise raises the diagonal of the logits by
:math:`\sigma^2 \sqrt d` in expectation and leaves the rest unbiased.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tightbound.theory._validation import Array, as_integer, as_positive


@dataclass(frozen=True)
class DriftAndBurst:
    """A video whose frames drift, with a burst of frames that alternate.

    Parameters
    ----------
    frames, dim : int
        N frames of d >= 3 coordinates; drift and alternation take three directions at random.
    first, last : int
        Frames first, ..., last - 1 are the burst; 0 <= first < last <= N, and not all of them.
    turns : float
        Turns of the great circle during the video.
    jump : float
        Size of the alternation, as a share of a frame's length; 0 for none.

    Raises
    ------
    TypeError, ValueError
        For sizes out of range.

    Examples
    --------
    >>> int(DriftAndBurst().fast.sum())
    16
    """

    frames: int = 64
    dim: int = 64
    first: int = 24
    last: int = 40
    turns: float = 0.5
    jump: float = 1.0

    def __post_init__(self) -> None:
        count = as_integer("frames", self.frames, least=2)
        as_integer("dim", self.dim, least=3)
        begin = as_integer("first", self.first, least=0)
        end = as_integer("last", self.last, least=begin + 1)
        if end > count or end - begin == count:
            raise ValueError(
                f"the burst is frames {begin} to {end - 1} of {count}: end it by frame {count - 1} and leave "
                "a frame outside"
            )
        as_positive("turns", self.turns)
        if not (isinstance(self.jump, (int, float)) and 0.0 <= self.jump < math.inf):
            raise ValueError(f"jump is {self.jump!r}: give a finite number of at least 0")

    @property
    def fast(self) -> np.ndarray:
        """Which frames belong to the burst, shape (N,)."""
        places = np.arange(self.frames)
        return np.asarray((places >= self.first) & (places < self.last))


@dataclass(frozen=True, eq=False)
class NoisyVideos:
    """R clean videos and what was seen of them, each of shape (R, N, d).

    Parameters
    ----------
    model : DriftAndBurst
        What was drawn.
    clean, noisy : ndarray, shape (R, N, d)
        The frames, of length about sqrt(d), and what was seen.
    """

    model: DriftAndBurst
    clean: Array
    noisy: Array

    @cached_property
    def logits(self) -> Array:
        """Logits Z Z^T / sqrt(d), shape (R, N, N)."""
        return np.asarray(self.noisy @ np.swapaxes(self.noisy, -1, -2) / math.sqrt(self.model.dim))

    def errors(self, weights: Array) -> tuple[Array, Array]:
        """Return the mean squared error per coordinate on slow and on fast frames.

        Parameters
        ----------
        weights : ndarray, shape (R, N, N)
            Attention; rows sum to 1.

        Returns
        -------
        slow, fast : ndarray, shape (R,)
            The errors of each video.
        """
        if weights.shape != (*self.noisy.shape[:2], self.noisy.shape[1]):
            raise ValueError(f"weights has shape {weights.shape}: give one matrix (N, N) for each video")
        squares = ((weights @ self.noisy - self.clean) ** 2).mean(axis=-1)
        fast = self.model.fast
        return squares[:, ~fast].mean(axis=1), squares[:, fast].mean(axis=1)


def draw_videos(
    model: DriftAndBurst, noise: float, replications: int, *, rng: np.random.Generator | int | None
) -> NoisyVideos:
    """Draw clean videos and add noise.

    Parameters
    ----------
    model : DriftAndBurst
        What is drawn.
    noise : float
        sigma, against frames whose coordinates have size about 1.
    replications : int
        R, at least 1.
    rng : None, int or Generator
        All randomness.

    Returns
    -------
    NoisyVideos
        The videos.

    Raises
    ------
    TypeError, ValueError
        For noise that is not positive or fewer than one replication.

    Examples
    --------
    >>> draw_videos(DriftAndBurst(), 0.5, 3, rng=0).noisy.shape
    (3, 64, 64)
    """
    sigma = as_positive("noise", noise)
    runs = as_integer("replications", replications, least=1)
    generator = np.random.default_rng(rng)
    bases = np.linalg.qr(generator.standard_normal((runs, model.dim, 3)))[0]
    angles = 2.0 * np.pi * model.turns * np.arange(model.frames) / model.frames
    sides = np.where(model.fast, model.jump * (-1.0) ** np.arange(model.frames), 0.0)
    path = math.sqrt(model.dim) * np.stack([np.cos(angles), np.sin(angles), sides], axis=1)
    clean = path @ np.swapaxes(bases, -1, -2)
    return NoisyVideos(model, clean, clean + sigma * generator.standard_normal(clean.shape))


def separation(scores: Array, positive: np.ndarray) -> Array:
    """Return the chance that a positive column scores above a negative one, ties half (the AUC), per row.

    Parameters
    ----------
    scores : ndarray, shape (R, N)
        One score per frame.
    positive : ndarray of bool, shape (N,)
        Which columns should score high.

    Returns
    -------
    ndarray, shape (R,)
        In [0, 1].

    Examples
    --------
    >>> separation(np.array([[0.1, 0.4, 0.4]]), np.array([False, False, True])).tolist()
    [0.75]
    """
    above = scores[:, positive, None] - scores[:, None, ~positive]
    return np.asarray(((above > 0) + 0.5 * (above == 0)).mean(axis=(1, 2)))
