r"""A toy video that can be looked at: a shape crosses the picture while one prompt gives way to another.

The prompt asks for shape and colour (the subject) and for the sky (the time); nobody asks for the size, so it
is up to the noise of each frame. The denoiser is exact for the J pictures x_j(n) that frame n can show,

.. math:: D_n(z) = \sum_j \pi_j x_j(n), \qquad
          \pi_j \propto \exp\Big( -\frac{\|z - x_j(n)\|^2}{2 (\sigma^2 + \tau^2)}
                                  - \frac{\|e_j - c_n\|^2}{2 \kappa^2} \Big),

e_j being what picture j shows and c_n what frame n reads. Attention mixes frames after D.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tightbound.simulators.video.consistency_sampler import Edit, frame_logits
from tightbound.simulators.video.prompt_transition import DECODER, ENCODER
from tightbound.simulators.video.structured_prompts import StructuredPrompts
from tightbound.simulators.video.toy_pictures import ToyPictures
from tightbound.theory._validation import Array, Integers, as_integer, as_positive
from tightbound.theory.video.linear_gaussian_denoiser import geometric_noise_levels
from tightbound.theory.video.prompt_blend import BlendGate, Transition, prompt_blend

GREY = 0.5


@dataclass(frozen=True)
class ToyVideo:
    """Pictures that frames can show, and how they are denoised.

    Parameters
    ----------
    pictures : ToyPictures
        What frames can show.
    prompt_spread, picture_spread : float
        kappa and tau.
    sharpness : float
        Largest logit of attention between frames.
    reach : float
        Frames after which a logit has fallen by 1.
    largest_noise, smallest_noise : float
        Noise levels, in units of pixel values (0 to 1).
    steps : int
        Denoising steps.

    Raises
    ------
    TypeError, ValueError
        For numbers that are not positive or noise that does not fall.
    """

    pictures: ToyPictures = field(default_factory=ToyPictures)
    prompt_spread: float = 0.15
    picture_spread: float = 0.03
    sharpness: float = 8.0
    reach: float = 3.0
    largest_noise: float = 8.0
    smallest_noise: float = 0.02
    steps: int = 25

    def __post_init__(self) -> None:
        for name in ("prompt_spread", "picture_spread", "sharpness", "reach"):
            as_positive(name, getattr(self, name))
        geometric_noise_levels(self.largest_noise, self.smallest_noise, self.steps)


@dataclass(frozen=True, eq=False)
class Story:
    """What is said over the frames, and how it is let in.

    Parameters
    ----------
    prompts : StructuredPrompts
        Contents of three coordinates: shape, colour, sky.
    transitions : sequence of (int, int)
        Frames between consecutive prompts.
    slots : ndarray of int, shape (P, M)
        How tokens are laid out.
    gate : BlendGate
        Where blended prompts are read: the sky through ``ENCODER``, the subject through ``DECODER``.
    """

    prompts: StructuredPrompts
    transitions: Sequence[Transition]
    slots: Integers
    gate: BlendGate

    def reading(self, frames: int, step: int) -> Array:
        """Return shape, colour and sky that every frame reads at a step, shape (N, 3)."""
        texts = self.prompts.embeddings(self.slots)
        subject, time = (
            self.prompts.read(
                prompt_blend(texts, self.transitions, frames=frames, gate=self.gate, step=step, depth=depth),
                component,
            )
            for depth, component in ((DECODER, "subject"), (ENCODER, "time"))
        )
        return np.concatenate([subject[:, :2], time[:, 2:]], axis=1)


def disk_then_square() -> StructuredPrompts:
    """Return two prompts: a bright red disk by night, then a bright blue square, in four words, by night.

    Both name the same time; the longer subject pushes it to other slots unless the prompts are aligned. Words
    of subject and quality say that something is bright, which a query for the time must not read.

    Examples
    --------
    >>> disk_then_square().lengths
    [[1, 1, 2, 1, 1], [4, 1, 2, 1, 1]]
    """
    disk, square, night, none = [-1.0, -1.0, 1.0], [1.0, 1.0, 1.0], [0.0, 0.0, -1.0], [0.0, 0.0, 0.0]
    bright = [0.0, 0.0, 1.0]
    return StructuredPrompts(
        [[1, 1, 2, 1, 1], [4, 1, 2, 1, 1]],
        [[disk, none, night, night, none, bright], [*[square] * 4, none, night, night, none, bright]],
    )


def sample_toy_videos(
    model: ToyVideo, story: Story, edit: Edit, replications: int, *, rng: np.random.Generator | int | None
) -> Array:
    """Generate videos.

    Parameters
    ----------
    model : ToyVideo
        The pictures and the denoiser.
    story : Story
        The prompts.
    edit : callable
        Turns logits (R, N, N) into weights of attention whose rows sum to 1.
    replications : int
        R, at least 1.
    rng : None, int or Generator
        All randomness; an equal seed gives equal first noise, whatever story and edit are.

    Returns
    -------
    ndarray, shape (R, N, P, P, 3)
        Colours, about 0 to 1: clip them to show them.

    Raises
    ------
    TypeError, ValueError
        For fewer than one replication, or a story that does not fit the frames.

    Examples
    --------
    >>> from tightbound.theory.video.prompt_alignment import aligned_slots
    >>> from tightbound.theory.video.reweighting import attention_weights
    >>> prompts = disk_then_square()
    >>> story = Story(prompts, [(2, 6)], aligned_slots(prompts.lengths), BlendGate())
    >>> model = ToyVideo(ToyPictures(frames=8))
    >>> sample_toy_videos(model, story, attention_weights, 2, rng=0).shape
    (2, 8, 16, 16, 3)
    """
    from scipy.special import softmax

    runs = as_integer("replications", replications, least=1)
    pictures = model.pictures
    frames, size = pictures.frames, pictures.pixels
    codes = pictures.codes[:, [0, 2, 3]]
    levels = geometric_noise_levels(model.largest_noise, model.smallest_noise, model.steps)
    noise = np.random.default_rng(rng).standard_normal((runs, frames, 3, size**2))
    # frames first, so that each meets its own pictures in one product
    latent = levels[0] * noise.swapaxes(0, 1)
    places = np.arange(frames)
    nearness = -np.abs(places[:, None] - places) / model.reach
    for step, (now, then) in enumerate(itertools.pairwise(levels)):
        asked = story.reading(frames, step)[:, None]
        wanted = ((codes - asked) ** 2).sum(axis=-1) / (2.0 * model.prompt_spread**2)
        seen = pictures.squared_distances(latent) / (2.0 * (now**2 + model.picture_spread**2))
        clean = pictures.mean(softmax(-seen - wanted[:, None], axis=-1))
        # about a middle grey, so that a common brightness does not make all frames alike
        weights = edit(frame_logits(_flat(latent) - GREY, model.sharpness) + nearness)
        mixed = (weights @ _flat(clean)).swapaxes(0, 1).reshape(latent.shape)
        latent = mixed + (then / now) * (latent - mixed)
    return np.asarray(latent.transpose(1, 0, 3, 2).reshape(runs, frames, size, size, 3))


def _flat(video: Array) -> Array:
    """Frames first, (N, R, 3, P * P), to videos first, (R, N, coordinates)."""
    return np.asarray(video.swapaxes(0, 1).reshape(video.shape[1], video.shape[0], -1))
