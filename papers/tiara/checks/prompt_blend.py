"""PB-1, PB-2, PB-3, PB-5: what alignment and blending of prompts do, exactly."""

from __future__ import annotations

import numpy as np

from tightbound.papers.tiara.checks._prompts import (
    ALWAYS,
    NEVER,
    PAPER,
    SHARED,
    TEXT,
    Arrays,
    laid_out,
    random_lengths,
    random_texts,
)
from tightbound.theory._validation import Array, Integers
from tightbound.theory.video.prompt_alignment import (
    aligned_slots,
    concatenated_slots,
    repetition_correction,
    slot_components,
)
from tightbound.theory.video.prompt_blend import BlendGate, blend_schedule, prompt_blend, switch_schedule
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality


def _instances(dims: list[int], widths: list[int], count: int) -> tuple[Cell, ...]:
    return cells(dim=dims, width=widths, instances=[count])


SMALL = Grid(
    quick=_instances([8, 64], [1, 4, 15], 10),
    standard=_instances([8, 64, 768], [1, 4, 15, 99], 30),
)


# --- PB-1: components that both prompts share ---------------------------------------------------------------


def _movement(cell: Cell, rng: np.random.Generator, *, aligned: bool) -> tuple[list[Array], list[Array]]:
    """How far shared slots move from where they were, and a_n times how far their two tokens are apart."""
    moved, apart = [], []
    for _ in range(cell["instances"]):
        lengths = random_lengths(rng)
        slots = (aligned_slots if aligned else concatenated_slots)(lengths)
        places = slot_components(lengths, slots)[0] == SHARED
        texts = laid_out(random_texts(lengths, cell["dim"], rng), slots)[:, places]
        frames, span = cell["width"] + 3, (1, cell["width"] + 1)
        read = prompt_blend(texts, [span], frames=frames, gate=ALWAYS, step=0, depth=0)
        moved.append(np.linalg.norm(read - read[0], axis=-1).ravel())
        gone = blend_schedule(frames, [span])[:, 1]
        apart.append((gone[:, None] * np.linalg.norm(texts[1] - texts[0], axis=-1)).ravel())
    return moved, apart


def shared_slots_aligned(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Movement of the shared component's slots along the blend of aligned prompts."""
    return {"value": np.concatenate(_movement(cell, rng, aligned=True)[0])}


def shared_slots_concatenated(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for prompts that are only concatenated."""
    return {"value": np.concatenate(_movement(cell, rng, aligned=False)[0])}


def nothing(cell: Cell) -> float:
    """Return 0."""
    return 0.0


PB_1A = Claim(
    id="PB-1a",
    paper=PAPER,
    title="Aligned, a component that both prompts share stays where it is",
    statement="(1 - a_n) P_i + a_n P_{i+1} is constant in n on the slots of a shared component",
    source="derived; the alignment of Li et al., arXiv:2412.17254, as it is restated",
    provenance="derived",
    statistic=Equality(atol=1e-13),
    grid=SMALL,
    measure=shared_slots_aligned,
    bound=nothing,
    control=NegativeControl(
        measure=shared_slots_concatenated,
        because="without alignment other tokens come to share its slots",
    ),
    substitutes=TEXT,
    seconds={"quick": 0.1, "standard": 0.5},
)


def movement_without_alignment(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Movement of concatenated slots beside a_n ||e - e'||."""
    moved, apart = _movement(cell, rng, aligned=False)
    return {"value": np.concatenate(moved), "reference": np.concatenate(apart)}


def movement_of_aligned_slots(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Movement of aligned slots, held against that of concatenated ones."""
    state = rng.bit_generator.state
    apart = _movement(cell, rng, aligned=False)[1]
    rng.bit_generator.state = state
    moved = _movement(cell, rng, aligned=True)[0]
    # an aligned component may have more slots; the claim speaks of its tokens
    pairs = [(a[: b.size], b[: a.size]) for a, b in zip(moved, apart, strict=True)]
    return {
        "value": np.concatenate([a for a, _ in pairs]),
        "reference": np.concatenate([b for _, b in pairs]),
    }


PB_1B = Claim(
    id="PB-1b",
    paper=PAPER,
    title="Without alignment it moves by a_n times the distance to the token that shares its slot",
    statement="|| (1 - a_n) e_k + a_n e'_k - e_k || = a_n || e_k - e'_k ||",
    source="derived",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=SMALL,
    measure=movement_without_alignment,
    control=NegativeControl(measure=movement_of_aligned_slots, because="aligned slots do not move"),
    substitutes=TEXT,
    seconds={"quick": 0.2, "standard": 0.7},
)


# --- PB-2: steps of the conditioning ------------------------------------------------------------------------


def _steps(cell: Cell, rng: np.random.Generator, gate: BlendGate) -> Arrays:
    texts = rng.standard_normal((2, 12, cell["dim"]))
    width = cell["width"]
    read = prompt_blend(texts, [(2, width + 2)], frames=width + 5, gate=gate, step=0, depth=0)
    steps = np.linalg.norm(np.diff(read, axis=0), axis=(1, 2))
    return {"value": steps[2 : width + 2], "reference": np.linalg.norm(texts[1] - texts[0]) / width}


def blended_steps(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Change of the conditioning from frame to frame of the transition, gate open."""
    return _steps(cell, rng, ALWAYS)


def switched_steps(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same, gate shut."""
    return _steps(cell, rng, NEVER)


PB_2 = Claim(
    id="PB-2",
    paper=PAPER,
    title="Where it is blended, the prompt moves by 1/W of its way in each of W frames",
    statement="|| c_{n+1} - c_n || = || P_{i+1} - P_i || / (n^s_{i+1} - n^e_i)",
    source="derived",
    provenance="derived",
    statistic=Equality(rtol=1e-12),
    grid=Grid(
        quick=cells(dim=[8, 64], width=[2, 15, 99]), standard=cells(dim=[8, 64, 768], width=[2, 15, 99])
    ),
    measure=blended_steps,
    control=NegativeControl(measure=switched_steps, because="a hard switch goes the whole way in one frame"),
    substitutes=TEXT,
    seconds={"quick": 0.1, "standard": 0.1},
)


# --- PB-3: repetition in cross-attention --------------------------------------------------------------------


def _attend(logits: Array, values: Array) -> Array:
    from scipy.special import softmax

    return np.asarray(softmax(logits, axis=-1) @ values)


def _queries(cell: Cell, rng: np.random.Generator) -> tuple[Array, Array, Integers]:
    """Logits of 16 queries for the tokens of a prompt, their values, and how often each is repeated."""
    tokens = cell["tokens"]
    logits = cell["scale"] * rng.standard_normal((16, tokens))
    return logits, rng.standard_normal((tokens, 8)), np.asarray(rng.integers(1, 6, size=tokens))


def repeated_keys(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Attention over repeated keys beside attention with log r added to their logits."""
    logits, values, copies = _queries(cell, rng)
    where = np.repeat(np.arange(copies.size), copies)
    return {
        "value": _attend(logits[:, where], values[where]).ravel(),
        "reference": _attend(logits + np.log(copies), values).ravel(),
    }


def repeated_keys_ignored(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Attention over repeated keys beside attention over single ones."""
    logits, values, copies = _queries(cell, rng)
    where = np.repeat(np.arange(copies.size), copies)
    return {
        "value": _attend(logits[:, where], values[where]).ravel(),
        "reference": _attend(logits, values).ravel(),
    }


READING = Grid(
    quick=cells(tokens=[5, 40], scale=[1.0, 10.0]),
    standard=cells(tokens=[5, 40, 77, 300], scale=[0.1, 1.0, 10.0, 100.0]),
)

PB_3A = Claim(
    id="PB-3a",
    paper=PAPER,
    title="Repeating a key r times adds log r to its logit",
    statement="softmax over keys of which j stands r_j times = softmax of l_j + log r_j",
    source="derived",
    provenance="derived",
    # logits to 100 carry 1e-14 into the exponent; up to 300 terms are summed
    statistic=Equality(atol=1e-12),
    grid=READING,
    measure=repeated_keys,
    control=NegativeControl(
        measure=repeated_keys_ignored, because="alignment by repetition does change what is read"
    ),
    substitutes=TEXT,
    seconds={"quick": 0.1, "standard": 0.1},
)


def _aligned_reading(cell: Cell, rng: np.random.Generator, *, corrected: bool) -> Arrays:
    value, reference = [], []
    for _ in range(cell["instances"]):
        lengths = random_lengths(rng)
        slots = aligned_slots(lengths)
        added = repetition_correction(slots) if corrected else np.zeros(slots.shape)
        for count, where, extra in zip(lengths.sum(axis=1), slots, added, strict=True):
            logits = cell["scale"] * rng.standard_normal((16, count))
            values = rng.standard_normal((count, 8))
            value.append(_attend(logits[:, where] + extra, values[where]).ravel())
            reference.append(_attend(logits, values).ravel())
    return {"value": np.concatenate(value), "reference": np.concatenate(reference)}


def corrected_reading(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Attention over aligned prompts with the correction beside attention over the prompts as written."""
    return _aligned_reading(cell, rng, corrected=True)


def uncorrected_reading(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same without the correction."""
    return _aligned_reading(cell, rng, corrected=False)


PB_3B = Claim(
    id="PB-3b",
    paper=PAPER,
    title="With - log r added, an aligned prompt is read as it was written",
    statement="attention over the aligned prompt with l_j - log r_j = attention over the prompt",
    source="derived; the correction is added here",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(
        quick=cells(scale=[1.0, 10.0], instances=[10]),
        standard=cells(scale=[0.1, 1.0, 10.0, 100.0], instances=[100]),
    ),
    measure=corrected_reading,
    control=NegativeControl(
        measure=uncorrected_reading, because="uncorrected, a component that was lengthened weighs more"
    ),
    substitutes=TEXT,
    seconds={"quick": 0.1, "standard": 0.3},
)


# --- PB-5: outside the gates --------------------------------------------------------------------------------


def _outside(cell: Cell, rng: np.random.Generator, gate: BlendGate) -> Arrays:
    """Return what is read of three prompts at step 2 and depth 1, beside the prompt whose turn it is."""
    width = cell["width"]
    spans = [(2, 2 + width), (4 + width, 4 + 2 * width)]
    frames = 7 + 2 * width
    texts = rng.standard_normal((3, 6, cell["dim"]))
    read = prompt_blend(texts, spans, frames=frames, gate=gate, step=2, depth=1)
    turn = switch_schedule(frames, spans).argmax(axis=1)
    shares = blend_schedule(frames, spans)
    ends = [shares[end, i + 1] for i, (end, _) in enumerate(spans)]
    starts = [shares[start, i + 1] for i, (_, start) in enumerate(spans)]
    return {
        "value": np.concatenate([read.ravel(), ends, starts]),
        "reference": np.concatenate([texts[turn].ravel(), np.zeros(2), np.ones(2)]),
    }


def outside_the_gate(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return what is read before the gate's steps and above its depth, and a_n at both ends."""
    return _outside(cell, rng, BlendGate(steps=(3, 9), depth=2))


def inside_the_gate(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the gate's depth is reached."""
    return _outside(cell, rng, BlendGate(steps=(3, 9), depth=1))


PB_5 = Claim(
    id="PB-5",
    paper=PAPER,
    title="Outside the gate every frame reads one prompt, and blending starts at 0 and ends at 1",
    statement="t not in [t_1, t_2] and d < D: c_n = P_i until frame n^s_{i+1}, then P_{i+1}; a_n is 0 and 1 "
    "at the ends",
    source="derived; PromptBlend as it is restated",
    provenance="derived",
    statistic=Equality(),
    grid=Grid(quick=cells(dim=[8, 64], width=[2, 15]), standard=cells(dim=[8, 64, 768], width=[2, 15, 99])),
    measure=outside_the_gate,
    control=NegativeControl(measure=inside_the_gate, because="inside it frames of a transition read both"),
    substitutes=TEXT,
    seconds={"quick": 0.1, "standard": 0.1},
)

PROMPT_BLEND = (PB_1A, PB_1B, PB_2, PB_3A, PB_3B, PB_5)
