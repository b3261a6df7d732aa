r"""PromptBlend: interpolation of aligned prompts from frame to frame, where it is let in.

Prompt i is followed by prompt i + 1 through the transition :math:`[e_i, s_{i+1}]`. Frame n of it reads

.. math:: (1 - a_n) P_i + a_n P_{i+1}, \qquad a_n = \frac{n - e_i}{s_{i+1} - e_i},

in late denoising steps and in deep layers, and :math:`P_i` elsewhere; from frame :math:`s_{i+1}` on it reads
:math:`P_{i+1}`. Late steps settle details, early ones the layout (see
:mod:`tightbound.theory.video.linear_gaussian_denoiser`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer

Transition = tuple[int, int]
"""Last frame of the earlier prompt and first frame of the later one."""


@dataclass(frozen=True)
class BlendGate:
    r"""Where a blended prompt is let in: at denoising step t and depth d iff t in [t1, t2] or d >= D.

    Parameters
    ----------
    steps : (int, int), optional
        First and last denoising step t1 <= t2, both included, counted from 0 at the noisiest. No step where
        left out.
    depth : int, optional
        First depth D of the decoder, layers being counted from 0 at the input. No layer where left out.

    Raises
    ------
    TypeError, ValueError
        For steps or depths that are no counts, or steps in the wrong order.

    Notes
    -----
    ``BlendGate(depth=0)`` is always open, which is plain linear interpolation; ``BlendGate()`` is always
    shut, which is a hard switch at the end of the transition.

    Examples
    --------
    >>> gate = BlendGate(steps=(15, 24), depth=3)
    >>> gate.is_open(step=20, depth=0), gate.is_open(step=2, depth=0), gate.is_open(step=2, depth=4)
    (True, False, True)
    """

    steps: tuple[int, int] | None = None
    depth: int | None = None

    def __post_init__(self) -> None:
        if self.steps is not None:
            if not isinstance(self.steps, tuple) or len(self.steps) != 2:
                raise TypeError(f"steps is {self.steps!r}: give (first, last), e.g. (15, 24), or None")
            first = as_integer("steps[0]", self.steps[0], least=0)
            as_integer("steps[1]", self.steps[1], least=first)
        if self.depth is not None:
            as_integer("depth", self.depth, least=0)

    def is_open(self, *, step: int, depth: int) -> bool:
        """Return whether the blended prompt is read at this step and depth."""
        now = as_integer("step", step, least=0)
        layer = as_integer("depth", depth, least=0)
        late = self.steps is not None and self.steps[0] <= now <= self.steps[1]
        return late or (self.depth is not None and layer >= self.depth)


def blend_schedule(frames: int, transitions: Sequence[Transition]) -> Array:
    """Return the weight of every prompt in every frame where the gate is open.

    Parameters
    ----------
    frames : int
        N, at least 1.
    transitions : sequence of (int, int)
        ``(e, s)`` for each pair of consecutive prompts: the earlier prompt alone up to frame e, the later
        one from frame s on, 0 <= e < s < N. They must not overlap.

    Returns
    -------
    ndarray, shape (N, P)
        Nonnegative rows that sum to 1; P is one more than the number of transitions.

    Raises
    ------
    TypeError, ValueError
        For transitions out of order or outside the frames.

    Examples
    --------
    >>> blend_schedule(6, [(1, 4)])[:, 1].round(2).tolist()
    [0.0, 0.0, 0.33, 0.67, 1.0, 1.0]
    """
    count, pairs = _checked(frames, transitions)
    n = np.arange(count)
    gone = np.array([np.clip((n - end) / (start - end), 0.0, 1.0) for end, start in pairs])
    return _shares(gone.reshape(len(pairs), count))


def switch_schedule(frames: int, transitions: Sequence[Transition]) -> Array:
    """Return the weight of every prompt in every frame where the gate is shut.

    Parameters
    ----------
    frames, transitions
        As in :func:`blend_schedule`.

    Returns
    -------
    ndarray, shape (N, P)
        Zeros and ones: each prompt stays until the next one's first frame.

    Raises
    ------
    TypeError, ValueError
        As in :func:`blend_schedule`.

    Examples
    --------
    >>> switch_schedule(6, [(1, 4)])[:, 1].tolist()
    [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]
    """
    count, pairs = _checked(frames, transitions)
    gone = np.array([np.arange(count) >= start for _, start in pairs], dtype=np.float64)
    return _shares(gone.reshape(len(pairs), count))


def prompt_blend(
    embeddings: ArrayLike,
    transitions: Sequence[Transition],
    *,
    frames: int,
    gate: BlendGate,
    step: int,
    depth: int,
) -> Array:
    """Return the text that every frame reads at one denoising step and one layer.

    Parameters
    ----------
    embeddings : array_like, shape (P, M, ...)
        One embedding for each prompt and slot, aligned (``aligned_slots``); any further axes are carried.
    transitions : sequence of (int, int)
        Frames ``(e, s)`` between consecutive prompts, as in :func:`blend_schedule`; one fewer than prompts.
    frames : int
        N.
    gate : BlendGate
        Steps and depths at which prompts are blended.
    step : int
        Denoising step, counted from 0 at the noisiest.
    depth : int
        Depth of the layer, counted from 0 at the input.

    Returns
    -------
    ndarray, shape (N, M, ...)
        Keys and values of cross-attention are projections of it.

    Raises
    ------
    TypeError, ValueError
        For embeddings that are not finite or too few or many for the transitions, and as in
        :func:`blend_schedule`.

    Examples
    --------
    >>> day, night = [[1.0, 0.0]], [[0.0, 1.0]]  # one slot, two coordinates
    >>> gate = BlendGate(steps=(5, 9))
    >>> prompt_blend([day, night], [(0, 2)], frames=3, gate=gate, step=7, depth=0)[1].tolist()
    [[0.5, 0.5]]
    >>> prompt_blend([day, night], [(0, 2)], frames=3, gate=gate, step=1, depth=0)[1].tolist()
    [[1.0, 0.0]]

    Embeddings of your own, here of two components with one and one, and with three and one tokens: lay them
    out with ``aligned_slots``, and blend what is added to the logits alike.

    >>> import numpy as np
    >>> from tightbound.theory.video.prompt_alignment import aligned_slots, repetition_correction
    >>> mine = [np.ones((2, 768)), np.zeros((4, 768))]
    >>> slots = aligned_slots([[1, 1], [3, 1]])
    >>> texts = np.stack([tokens[places] for tokens, places in zip(mine, slots)])
    >>> when = {"frames": 3, "gate": gate, "step": 7, "depth": 0}
    >>> prompt_blend(texts, [(0, 2)], **when).shape
    (3, 4, 768)
    >>> prompt_blend(repetition_correction(slots)[..., None], [(0, 2)], **when)[1, :, 0].round(3).tolist()
    [-0.549, -0.549, -0.549, 0.0]
    """
    texts = as_floats("embeddings", embeddings)
    if not isinstance(gate, BlendGate):
        raise TypeError(f"gate is {gate!r}: give a BlendGate, e.g. BlendGate(steps=(15, 24), depth=3)")
    schedule = blend_schedule if gate.is_open(step=step, depth=depth) else switch_schedule
    weights = schedule(frames, transitions)
    if texts.ndim < 2 or texts.shape[0] != weights.shape[1]:
        raise ValueError(
            f"embeddings has shape {texts.shape} and there are {len(transitions)} transitions: give shape "
            f"(prompts, slots, ...) with {weights.shape[1]} prompts, one more than transitions"
        )
    return np.asarray(np.tensordot(weights, texts, axes=1))


def _checked(frames: int, transitions: Sequence[Transition]) -> tuple[int, list[Transition]]:
    count = as_integer("frames", frames, least=1)
    pairs: list[Transition] = []
    earliest = 0
    for index, pair in enumerate(transitions):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"transitions[{index}] is {pair!r}: give (last frame, first frame), e.g. (7, 16)")
        end = as_integer(f"transitions[{index}][0]", pair[0], least=earliest)
        start = as_integer(f"transitions[{index}][1]", pair[1], least=end + 1)
        if start >= count:
            raise ValueError(
                f"transitions[{index}] ends at frame {start} of {count} (counted from 0): end it by frame "
                f"{count - 1}, or ask for more frames"
            )
        pairs.append((end, start))
        earliest = start
    return count, pairs


def _shares(gone: Array) -> Array:
    """Turn how far each transition has gone, shape (P - 1, N), into weights of prompts, shape (N, P)."""
    count = gone.shape[1]
    entered = np.vstack([np.ones((1, count)), gone])
    left = np.vstack([gone, np.zeros((1, count))])
    return np.asarray((entered - left).T)
