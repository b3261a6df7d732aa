"""Frames of a toy video with and without TiARA and PromptBlend, to be judged by eye."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tightbound.verification.figures import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

STRIP = (0, 3, 6, 9, 11, 13, 15, 17, 20, 23)
ROWS = {
    "neither": "neither",
    "tiara": "TiARA",
    "blend": "PromptBlend",
    "both": "both",
    "unaligned": "control:\nnot aligned",
}


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw one row of frames for each way of generating."""
    import matplotlib.pyplot as plt

    data = evidence["TIARA-V1"].measure[0].data
    drawing, axes = plt.subplots(len(ROWS), len(STRIP), figsize=(7.0, 3.75))
    for row, (way, label) in enumerate(ROWS.items()):
        for column, frame in enumerate(STRIP):
            ax = axes[row, column]
            ax.imshow(data[f"{way}_frames"][0, column], interpolation="nearest")
            ax.set_xticks([])
            ax.set_yticks([])
            ax.spines[:].set_visible(False)
            if row == 0:
                ax.set_title(f"frame {frame}" if column == 0 else f"{frame}", fontsize=7)
        grey = way == "unaligned"
        axes[row, 0].set_ylabel(
            label, rotation=0, ha="right", va="center", fontsize=7.5, color="0.45" if grey else "black"
        )
    drawing.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0.0, hspace=0.0)  # type: ignore[union-attr, call-arg]
    return drawing


TOY_VIDEO_FIGURE = Figure(
    name="toy_video",
    title="A toy video with and without TiARA and PromptBlend",
    caption="Ten of 24 frames of one video each, from the same noise: a red disk by night, from frame 6 to 17"
    " on its way to a blue square by night. No prompt says how large it is. Without either method its"
    " size changes on the way, and the prompt at once, at frame 17. TiARA keeps the size, and leaves "
    "halos of what it has averaged; PromptBlend leads colour and shape over; both together do both. "
    "Last row, the control: prompts blended in all steps and layers as they are written, so that "
    "words for the night meet words of other components and the night grows light half way. 270 drawn"
    " pictures for each frame with their exact posterior mean stand for a video diffusion model, "
    "codes of shape, colour and sky for its text encoder, attention by cosines between whole frames "
    "for its temporal layers.",
    claims=("TIARA-V1",),
    draw=draw,
)
