"""Every figure on TiARA and PromptBlend; how each is drawn stands in ``plots``."""

from tightbound.papers.tiara.plots.consistency import CONSISTENCY_FIGURE
from tightbound.papers.tiara.plots.contraction import CONTRACTION_FIGURE
from tightbound.papers.tiara.plots.denoise import DENOISE_FIGURE
from tightbound.papers.tiara.plots.frequency_response import FREQUENCY_RESPONSE_FIGURE
from tightbound.papers.tiara.plots.motion_intensity import MOTION_INTENSITY_FIGURE
from tightbound.papers.tiara.plots.prompt_transition import PROMPT_TRANSITION
from tightbound.papers.tiara.plots.prompt_weights import PROMPT_WEIGHTS
from tightbound.papers.tiara.plots.toy_video import TOY_VIDEO_FIGURE

FIGURES = (
    FREQUENCY_RESPONSE_FIGURE,
    MOTION_INTENSITY_FIGURE,
    CONTRACTION_FIGURE,
    CONSISTENCY_FIGURE,
    DENOISE_FIGURE,
    PROMPT_WEIGHTS,
    PROMPT_TRANSITION,
    TOY_VIDEO_FIGURE,
)
