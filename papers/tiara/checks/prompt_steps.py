"""PB-4: which denoising steps a prompt must change in to move layout or detail."""

from __future__ import annotations

import numpy as np

from tightbound.papers.tiara.checks._prompts import ALWAYS, NEVER, PAPER, Arrays, random_lengths, random_texts
from tightbound.simulators.video.prompt_transition import PromptTransition, drift, jumps
from tightbound.simulators.video.structured_prompts import StructuredPrompts
from tightbound.theory._validation import Array
from tightbound.theory.video.linear_gaussian_denoiser import (
    LinearGaussianDenoiser,
    denoise,
    gate_influence,
    geometric_noise_levels,
    peak_noise_level,
    prompt_weights,
    step_gains,
)
from tightbound.theory.video.prompt_alignment import aligned_slots, concatenated_slots
from tightbound.theory.video.prompt_blend import BlendGate, blend_schedule
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality, Order

DENOISER = (
    "a linear Gaussian denoiser with a layout and a detail block stands for a video diffusion model, random "
    "embeddings for its text encoder"
)
LEVELS = (4.0, 0.05)
LAYOUT, DETAIL = 2.0, 0.2
FRAMES, SPAN = 32, (8, 23)


def _transition(cell: Cell, rng: np.random.Generator) -> PromptTransition:
    lengths = random_lengths(rng)
    prompts = StructuredPrompts(lengths.tolist(), random_texts(lengths, cell["dim"], rng))
    levels = geometric_noise_levels(*LEVELS, cell["steps"])
    return PromptTransition(prompts, [SPAN], FRAMES, levels, leak=cell["leak"])


def _late(cell: Cell) -> BlendGate:
    """Blend the encoder in the last two fifths of the steps, the decoder always."""
    return BlendGate(steps=(3 * cell["steps"] // 5, cell["steps"] - 1), depth=1)


def _early(cell: Cell) -> BlendGate:
    return BlendGate(steps=(0, 2 * cell["steps"] // 5), depth=1)


def _late_share(cell: Cell) -> float:
    """Weight of the late gate in the layout; the leak reads the decoder, which is always blended."""
    late = _late(cell).steps
    assert late is not None
    model = LinearGaussianDenoiser(LAYOUT, geometric_noise_levels(*LEVELS, cell["steps"]))
    leak = float(cell["leak"])
    return (1.0 - leak) * gate_influence(model, range(late[0], late[1] + 1)) + leak


def _layout_drift(cell: Cell, rng: np.random.Generator, gate: BlendGate) -> Arrays:
    """Drift of the layout during the transition under a gate, and by the weights of the late gate's steps."""
    transition = _transition(cell, rng)
    slots = aligned_slots(transition.prompts.lengths)
    found = transition.sample(slots, gate)["layout"]
    gone = blend_schedule(FRAMES, [SPAN])[:, 1]
    during = slice(0, SPAN[1])
    whole = float(np.linalg.norm(found[-1] - found[0]))
    return {"value": drift(found)[during], "reference": _late_share(cell) * whole * gone[during]}


def layout_under_a_late_gate(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Drift of the layout, run step by step, beside a_n times the influence of the gate.

    With it come all measures of the transition, by block: hard switch, plain interpolation of prompts that
    are not aligned, PromptBlend.
    """
    state = rng.bit_generator.state
    judged = _layout_drift(cell, rng, _late(cell))
    rng.bit_generator.state = state
    transition = _transition(cell, rng)
    aligned, written = (make(transition.prompts.lengths) for make in (aligned_slots, concatenated_slots))
    ways = {
        "switch": transition.sample(aligned, NEVER),
        "lerp": transition.sample(written, ALWAYS),
        "blend": transition.sample(aligned, _late(cell)),
    }
    seen: Arrays = {}
    for way, blocks in ways.items():
        for name, samples in blocks.items():
            seen[f"{way}_{name}_jumps"] = jumps(samples)[None]
            seen[f"{way}_{name}_drift"] = drift(samples)[None]
    return judged | seen


def layout_under_an_early_gate(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Drift of the layout where early steps are blended, held against the influence of the late ones."""
    return _layout_drift(cell, rng, _early(cell))


PB_4A = Claim(
    id="PB-4a",
    paper=PAPER,
    title="During the transition the layout moves by the weight of the gate's steps",
    statement="|| layout_n - layout_0 || = a_n || layout_end - layout_0 || sum_{s in gate} w_s / sum_s w_s, "
    "the leak moving it in addition",
    source="derived; gates of Li et al., arXiv:2412.17254, as they are restated",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(
        quick=cells(dim=[8], steps=[10, 25], leak=[0.0, 0.1]),
        standard=cells(dim=[8, 64], steps=[10, 25, 50], leak=[0.0, 0.1, 0.5]),
    ),
    measure=layout_under_a_late_gate,
    control=NegativeControl(
        measure=layout_under_an_early_gate, because="early steps settle the layout, so it moves much more"
    ),
    substitutes=DENOISER,
    seconds={"quick": 0.4, "standard": 2.6},
)


def _models(cell: Cell) -> list[LinearGaussianDenoiser]:
    levels = geometric_noise_levels(*LEVELS, cell["steps"])
    return [LinearGaussianDenoiser(spread, levels) for spread in (LAYOUT, DETAIL)]


def _unrolled(cell: Cell, rng: np.random.Generator) -> tuple[list[Array], list[Array]]:
    """Weights of all steps and of the first latent, read off the sampler, and by formula."""
    run, told = [], []
    for model in _models(cell):
        steps = model.steps
        # one column per step whose prompt asks for 1, and one where the first latent is 1
        means = np.hstack([np.eye(steps), np.zeros((steps, 1))])
        run.append(denoise(model, means, np.eye(steps + 1)[-1]))
        weights, remainder = prompt_weights(model)
        told.append(np.append(weights, remainder))
    return run, told


def weights_of_steps(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Weights read off the sampler beside the formula, and their sum beside 1."""
    run, told = _unrolled(cell, rng)
    levels = geometric_noise_levels(*LEVELS, cell["steps"])
    value = np.concatenate([*run, [weights.sum() for weights in run]])
    reference = np.concatenate([*told, np.ones(len(told))])
    return {
        "value": value,
        "reference": reference,
        "x": levels[None, :-1],
        "layout": told[0][None, :-1],
        "detail": told[1][None, :-1],
    }


def weights_without_later_steps(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same by b_s alone, as if later steps did not overwrite."""
    found = weights_of_steps(cell, rng)
    bare = [np.append(step_gains(model)[1], prompt_weights(model)[1]) for model in _models(cell)]
    return {"value": found["value"], "reference": np.concatenate([*bare, np.ones(len(bare))])}


STEPS = Grid(quick=cells(steps=[10, 25, 50]), standard=cells(steps=[1, 2, 10, 25, 50, 200, 1000]))

PB_4B = Claim(
    id="PB-4b",
    paper=PAPER,
    title="The sample is a weighted mean of the prompts of all steps and the first latent",
    statement="z_S = sum_s w_s mu_s + prod_s a_s z_0, w_s = b_s prod_{u > s} a_u, sum_s w_s + prod_s a_s = 1",
    source="derived",
    provenance="derived",
    statistic=Equality(atol=1e-13),
    grid=STEPS,
    measure=weights_of_steps,
    control=NegativeControl(
        grid=Grid(quick=cells(steps=[10, 25, 50])),
        measure=weights_without_later_steps,
        because="later steps overwrite what earlier ones took from their prompt",
    ),
    substitutes=DENOISER,
    seconds={"quick": 0.1, "standard": 0.1},
)


def _influences(cell: Cell, gates: list[range]) -> Arrays:
    layout, detail = _models(cell)
    return {
        "greater": np.array([gate_influence(detail, steps) for steps in gates]),
        "smaller": np.array([gate_influence(layout, steps) for steps in gates]),
    }


def late_gates(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Influence on detail and on layout of all gates that reach to the last step."""
    return _influences(cell, [range(first, cell["steps"]) for first in range(1, cell["steps"])])


def early_gates(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Influence on detail and on layout of all gates that start with the first step."""
    return _influences(cell, [range(last) for last in range(1, cell["steps"])])


PB_4C = Claim(
    id="PB-4c",
    paper=PAPER,
    title="Every late gate moves detail more than layout",
    statement=r"\sum_{s \ge s_0} w_s / \sum_s w_s falls in the prior spread tau, for every s_0",
    source="derived; the paper credits late steps with shapes and details",
    provenance="derived",
    statistic=Order(method="exact"),
    grid=Grid(quick=cells(steps=[10, 25, 50]), standard=cells(steps=[2, 10, 25, 50, 200])),
    measure=late_gates,
    control=NegativeControl(
        grid=Grid(quick=cells(steps=[10, 25])),
        measure=early_gates,
        because="gates that start with the first step move the layout more",
    ),
    substitutes=DENOISER,
    seconds={"quick": 0.1, "standard": 0.1},
)


def _peak(cell: Cell, factor: float) -> Arrays:
    levels = geometric_noise_levels(*LEVELS, cell["steps"])
    weights = prompt_weights(LinearGaussianDenoiser(cell["spread"], levels))[0]
    limit = factor * peak_noise_level(cell["spread"], float(levels[1] / levels[0]))
    below = np.flatnonzero(levels[:-1] <= limit)
    return {"value": float(weights.argmax()), "reference": float(below[0])}


def heaviest_step(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Step of the largest weight beside the first one at or below the predicted noise level."""
    return _peak(cell, 1.0)


def heaviest_step_at_the_spread(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with the noise level taken as tau itself."""
    return _peak(cell, cell["spread"] / peak_noise_level(cell["spread"], 1.0 - 1e-12))


PB_4D = Claim(
    id="PB-4d",
    paper=PAPER,
    title="The prompt weighs most where the noise is sqrt(2) times the prior spread",
    statement=r"\arg\max_s w_s = \min\{s : \sigma_s \le \tau \sqrt{1 + r} / r\} for one ratio r of levels",
    source="derived",
    provenance="derived",
    statistic=Equality(),
    grid=Grid(
        quick=cells(steps=[25, 50, 200], spread=[0.2, 0.7, 2.0]),
        standard=cells(steps=[25, 50, 200, 1000], spread=[0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0]),
    ),
    measure=heaviest_step,
    control=NegativeControl(
        grid=Grid(quick=cells(steps=[50, 200], spread=[0.2, 0.7, 2.0])),
        measure=heaviest_step_at_the_spread,
        because="the weight is largest well above the spread itself",
    ),
    substitutes=DENOISER,
    seconds={"quick": 0.1, "standard": 0.1},
)


def _last_jump(cell: Cell, rng: np.random.Generator, gate: BlendGate) -> Arrays:
    """Jump of the layout into the first frame after the transition, and what the late gate leaves of it."""
    transition = _transition(cell, rng)
    found = transition.sample(aligned_slots(transition.prompts.lengths), gate)["layout"]
    whole = float(np.linalg.norm(found[-1] - found[0]))
    gone = float(blend_schedule(FRAMES, [SPAN])[SPAN[1] - 1, 1])
    return {
        "value": float(jumps(found)[SPAN[1] - 1]),
        "reference": whole * (1.0 - gone * _late_share(cell)),
    }


def layout_after_a_late_gate(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Jump of the layout at the end of the transition beside what the gate's steps leave of its way."""
    return _last_jump(cell, rng, _late(cell))


def layout_after_no_gate(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Jump of the layout at the end of a transition that is blended in all steps and layers."""
    return _last_jump(cell, rng, ALWAYS)


PB_4E = Claim(
    id="PB-4e",
    paper=PAPER,
    title="After the transition the layout jumps by what late steps did not move it",
    statement="|| layout_{n^s} - layout_{n^s-1} || = || layout_end - layout_0 || (1 - a_{n^s-1} w), w being "
    "the weight of the gate's steps, since all steps read the second prompt from frame n^s on",
    source="derived; the rule of Li et al., arXiv:2412.17254, as it is restated",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(
        quick=cells(dim=[8], steps=[10, 25], leak=[0.0, 0.1]),
        standard=cells(dim=[8, 64], steps=[10, 25, 50], leak=[0.0, 0.1, 0.5]),
    ),
    measure=layout_after_a_late_gate,
    control=NegativeControl(
        measure=layout_after_no_gate, because="blended in all steps, the layout has only 1/W of its way left"
    ),
    substitutes=DENOISER,
    seconds={"quick": 0.3, "standard": 1.5},
)

PROMPT_STEPS = (PB_4A, PB_4B, PB_4C, PB_4D, PB_4E)
