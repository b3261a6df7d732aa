r"""A sampler that forgets who is seen: frames share an identity only as far as attention mixes them.

A frame x of dimension d shows one of K identities, :math:`x \sim \frac1K \sum_j N(\mu_j, \tau^2 I)`. Frames
start from independent noise and are denoised by the exact posterior mean D, mixed over frames by attention:

.. math:: h = \bar A\, D(z; \sigma), \qquad z \leftarrow h + \frac{\sigma'}{\sigma} (z - h), \qquad
          S_{nm} = s \cos(z_n, z_m),

where :math:`\bar A` is the softmax of S after its diagonal was edited. Nothing else ties frames together, so
the identity flips from frame to frame unless attention prevents it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tightbound.theory._validation import Array, as_integer, as_positive
from tightbound.theory.video.consistency import (
    adjacent_cosine,
    distance_to_data,
    flicker,
    motion_smoothness,
    nearest,
    switch_rate,
)
from tightbound.theory.video.linear_gaussian_denoiser import geometric_noise_levels

Edit = Callable[[Array], Array]
"""From logits, shape (R, N, N), to the weights of attention, of the same shape."""


@dataclass(frozen=True)
class IdentityModel:
    """What frames may show, and the noise levels at which they are denoised.

    Parameters
    ----------
    frames, dim : int
        N frames of d coordinates each.
    identities : int
        K of them, drawn on a sphere.
    radius, spread : float
        Of the sphere, and tau about each identity.
    sharpness : float
        s: the largest logit of attention.
    largest_noise, smallest_noise : float
        First and last noise level; they fall geometrically.
    steps : int
        Denoising steps.

    Raises
    ------
    TypeError, ValueError
        For sizes below what makes sense or numbers that are not positive.

    Examples
    --------
    >>> IdentityModel(frames=8).identities
    6
    """

    frames: int = 48
    dim: int = 32
    identities: int = 6
    radius: float = 3.0
    spread: float = 0.1
    sharpness: float = 8.0
    largest_noise: float = 4.0
    smallest_noise: float = 0.05
    steps: int = 25

    def __post_init__(self) -> None:
        for name, least in (("frames", 3), ("dim", 2), ("identities", 1)):
            as_integer(name, getattr(self, name), least=least)
        for name in ("radius", "spread", "sharpness"):
            as_positive(name, getattr(self, name))
        geometric_noise_levels(self.largest_noise, self.smallest_noise, self.steps)


@dataclass(frozen=True, eq=False)
class IdentityVideos:
    """R videos and what they should have shown.

    Parameters
    ----------
    frames : ndarray, shape (R, N, d)
        The videos.
    identities : ndarray, shape (R, K, d)
        The identities of each run.
    """

    frames: Array
    identities: Array

    def scores(self) -> dict[str, Array]:
        """Return the measures of consistency and fidelity of every video, each of shape (R,).

        ``switch_rate``: share of consecutive frames that show another identity; ``shown``: number of
        identities seen; ``cosine``, ``flicker``: of consecutive frames; ``smoothness``: of every second
        frame against its neighbours; ``distance``: of a frame from the nearest identity, in units of the
        latent.
        """
        pairs = list(zip(self.frames, self.identities, strict=True))
        labels = np.stack([nearest(video, known) for video, known in pairs])
        return {
            "switch_rate": switch_rate(labels),
            "shown": np.array([np.unique(row).size for row in labels], dtype=np.float64),
            "cosine": adjacent_cosine(self.frames),
            "flicker": flicker(self.frames),
            "smoothness": motion_smoothness(self.frames),
            "distance": np.array([float(distance_to_data(video, known)) for video, known in pairs]),
        }


def draw_identities(
    model: IdentityModel, replications: int, *, rng: np.random.Generator | int | None
) -> tuple[Array, Array]:
    """Draw identities and the first noise, for several edits to start from the same.

    Parameters
    ----------
    model : IdentityModel
        Sizes.
    replications : int
        R, at least 1.
    rng : None, int or Generator
        All randomness.

    Returns
    -------
    identities : ndarray, shape (R, K, d)
        Uniform on the sphere.
    noise : ndarray, shape (R, N, d)
        Standard Gaussian, independent over frames.

    Examples
    --------
    >>> [array.shape for array in draw_identities(IdentityModel(frames=8), 3, rng=0)]
    [(3, 6, 32), (3, 8, 32)]
    """
    runs = as_integer("replications", replications, least=1)
    generator = np.random.default_rng(rng)
    directions = generator.standard_normal((runs, model.identities, model.dim))
    directions *= model.radius / np.linalg.norm(directions, axis=-1, keepdims=True)
    return directions, generator.standard_normal((runs, model.frames, model.dim))


def sample_identities(model: IdentityModel, identities: Array, noise: Array, edit: Edit) -> IdentityVideos:
    """Denoise from given noise, with attention as edited.

    Parameters
    ----------
    model : IdentityModel
        The model.
    identities : ndarray, shape (R, K, d)
        From ``draw_identities``.
    noise : ndarray, shape (R, N, d)
        From ``draw_identities``.
    edit : callable
        Turns logits (R, N, N) into weights of attention whose rows sum to 1.

    Returns
    -------
    IdentityVideos
        The videos. The same identities, noise and edit give the same videos.

    Raises
    ------
    ValueError
        For identities and noise that do not fit the model, or weights of the wrong shape.

    Examples
    --------
    >>> from scipy.special import softmax
    >>> model = IdentityModel(frames=8)
    >>> known, noise = draw_identities(model, 2, rng=0)
    >>> videos = sample_identities(model, known, noise, lambda logits: softmax(logits, axis=-1))
    >>> videos.frames.shape
    (2, 8, 32)
    """
    runs = noise.shape[0]
    for name, array, shape in (
        ("identities", identities, (runs, model.identities, model.dim)),
        ("noise", noise, (runs, model.frames, model.dim)),
    ):
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}: the model asks for {shape}")
    levels = geometric_noise_levels(model.largest_noise, model.smallest_noise, model.steps)
    latent = levels[0] * noise
    for now, then in itertools.pairwise(levels):
        weights = edit(frame_logits(latent, model.sharpness))
        if weights.shape != (runs, model.frames, model.frames):
            raise ValueError(f"edit returned shape {weights.shape}: it must keep the shape of the logits")
        clean = weights @ posterior_mean(latent, identities, model.spread, float(now))
        latent = clean + (then / now) * (latent - clean)
    return IdentityVideos(latent, identities)


def frame_logits(latent: Array, sharpness: float) -> Array:
    """Return sharpness times the cosine between frames, shape (..., N, N)."""
    units = latent / np.linalg.norm(latent, axis=-1, keepdims=True)
    return np.asarray(sharpness * (units @ np.swapaxes(units, -1, -2)))


def posterior_mean(latent: Array, identities: Array, spread: float, noise: float) -> Array:
    r"""Return the posterior mean of each frame on its own.

    With weights :math:`\pi_j \propto \exp(-\|z - \mu_j\|^2 / 2(\tau^2 + \sigma^2))`:
    :math:`D = (\sigma^2 \sum_j \pi_j \mu_j + \tau^2 z) / (\tau^2 + \sigma^2)`.
    """
    from scipy.special import softmax

    total = spread**2 + noise**2
    # |z|^2 is the same for all identities
    scores = latent @ np.swapaxes(identities, -1, -2) - 0.5 * (identities**2).sum(axis=-1)[..., None, :]
    likely = softmax(scores / total, axis=-1) @ identities
    return np.asarray((noise**2 * likely + spread**2 * latent) / total)
