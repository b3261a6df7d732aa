"""A transition between two prompts: hard switch, plain interpolation and PromptBlend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, bound_line, control_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence
    from tightbound.verification.statistics.base import CellEvidence

CELL = {"steps": 25, "leak": 0.0}
BLOCKS = {"layout": "layout (place)", "detail": "detail (subject)", "light": "light (time, shared)"}
WAYS = {
    "switch": ("hard switch", "#D55E00", "-"),
    "lerp": ("interpolation as written", "0.5", "--"),
    "blend": ("PromptBlend", "#0072B2", "-"),
}


def _way(ax: Axes, item: CellEvidence, way: str, block: str) -> None:
    label, colour, _ = WAYS[way]
    far = item.data[f"{way}_{block}_drift"].ravel()
    frames = np.arange(far.size)
    if way == "lerp":
        control_line(ax, frames, far, label=label)
    else:
        ax.plot(frames, far, color=colour, label=label, zorder=3 if way == "blend" else 2)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw the way of each block from its first frame, and its largest jump and whole way."""
    import matplotlib.pyplot as plt

    item = next(c for c in evidence["PB-4a"].measure if CELL.items() <= c.cell.items())
    drawing, axes = plt.subplots(2, 3, figsize=(7.0, 3.6), height_ratios=(1.3, 1.0), sharey="row")
    for column, (block, title) in enumerate(BLOCKS.items()):
        top, bottom = axes[0, column], axes[1, column]
        for way in WAYS:
            _way(top, item, way, block)
        if block == "layout":
            reference = item.data["reference"].ravel()
            frames = np.arange(reference.size)
            bound_line(top, frames, reference, label="weight of the gate's steps", linewidth=0.8, zorder=4)
        top.axvspan(8, 23, color="0.93", linewidth=0, zorder=0)
        top.set(title=title, xlabel="frame $n$", xlim=(0, 31))
        jumps = {way: item.data[f"{way}_{block}_jumps"].ravel() for way in WAYS}
        places = np.arange(len(WAYS))
        colours = [WAYS[way][1] for way in WAYS]
        bottom.barh(places + 0.2, [j.sum() for j in jumps.values()], 0.36, color=colours, alpha=0.4)
        bottom.barh(places - 0.2, [j.max() for j in jumps.values()], 0.36, color=colours)
        bottom.set_yticks(places, [WAYS[way][0] for way in WAYS])
        bottom.invert_yaxis()
        if column == 1:
            bottom.set_xlabel("largest jump (dark) and whole way (light)")
        bottom.grid(axis="y", visible=False)
    axes[0, 0].set_ylabel("distance from frame 0")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=4)
    return drawing


PROMPT_TRANSITION = Figure(
    name="prompt_transition",
    title="Hard switch, interpolation and PromptBlend between two prompts",
    caption="A transition over frames 8 to 23 (shaded) between two prompts that share the time but no length "
    "of their subjects. Top: distance of each block of the latent from its first frame; bottom: its "
    "largest jump from one frame to the next (dark) and the whole way it goes (light). PromptBlend "
    "leads the detail over evenly and keeps the layout of the first prompt during the transition, "
    "moving it by the weight of the gate's late steps only (black: a_n times that weight, equal to "
    "what is run, PB-4a). As its rule is restated, frames after the transition read the second prompt"
    " alone, so the layout then jumps as far as with a hard switch. Dashed grey, the control: "
    "blending in all steps and layers without alignment, which moves the light that both prompts "
    "share and lengthens every way. A linear Gaussian denoiser with a layout, a detail and a light "
    "block stands for a video diffusion model, random embeddings for its text encoder.",
    claims=("PB-4a",),
    draw=draw,
)
