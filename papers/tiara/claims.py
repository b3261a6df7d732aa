"""Every claim on TiARA and PromptBlend, by topic; the claims themselves stand in ``checks``."""

from tightbound.papers.tiara.checks.affine_path import AFFINE_PATH
from tightbound.papers.tiara.checks.consistency import CONSISTENCY
from tightbound.papers.tiara.checks.contraction import CONTRACTION
from tightbound.papers.tiara.checks.denoise import DENOISE
from tightbound.papers.tiara.checks.dstft import DSTFT
from tightbound.papers.tiara.checks.frequency_response import FREQUENCY_RESPONSE
from tightbound.papers.tiara.checks.motion_intensity import MOTION_INTENSITY
from tightbound.papers.tiara.checks.prompt_blend import PROMPT_BLEND
from tightbound.papers.tiara.checks.prompt_steps import PROMPT_STEPS
from tightbound.papers.tiara.checks.self_weight import SELF_WEIGHT
from tightbound.papers.tiara.checks.toy_video import TOY_VIDEO

CLAIMS = (
    *AFFINE_PATH,  # TIARA-1
    *FREQUENCY_RESPONSE,  # TIARA-2, TIARA-3
    *DSTFT,  # TIARA-4, TIARA-8
    *CONTRACTION,  # TIARA-5
    *MOTION_INTENSITY,  # TIARA-6
    *SELF_WEIGHT,  # TIARA-7, TIARA-9
    *CONSISTENCY,  # TIARA-S1
    *DENOISE,  # TIARA-S2
    *PROMPT_BLEND,  # PB-1, PB-2, PB-3, PB-5
    *PROMPT_STEPS,  # PB-4
    *TOY_VIDEO,  # TIARA-V1, PB-6
)
