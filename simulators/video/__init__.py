"""Videos: TiARA in compiled batches and inside diffusers' models; samplers small enough to see through."""

from tightbound.simulators.video.consistency_sampler import (
    IdentityModel,
    IdentityVideos,
    draw_identities,
    sample_identities,
)
from tightbound.simulators.video.diffusers_processor import (
    TiaraAttnProcessor,
    set_temporal_processor,
)
from tightbound.simulators.video.one_step_denoise import (
    DriftAndBurst,
    NoisyVideos,
    draw_videos,
    separation,
)
from tightbound.simulators.video.prompt_transition import (
    Block,
    PromptTransition,
    drift,
    jumps,
)
from tightbound.simulators.video.structured_prompts import (
    StructuredPrompts,
)
from tightbound.simulators.video.tiara import (
    softmax_attention,
    tiara,
    tiara_weights,
)
from tightbound.simulators.video.toy_pictures import (
    ToyPictures,
)
from tightbound.simulators.video.toy_video import (
    Story,
    ToyVideo,
    disk_then_square,
    sample_toy_videos,
)

__all__ = [
    "Block",
    "DriftAndBurst",
    "IdentityModel",
    "IdentityVideos",
    "NoisyVideos",
    "PromptTransition",
    "Story",
    "StructuredPrompts",
    "TiaraAttnProcessor",
    "ToyPictures",
    "ToyVideo",
    "disk_then_square",
    "draw_identities",
    "draw_videos",
    "drift",
    "jumps",
    "sample_identities",
    "sample_toy_videos",
    "separation",
    "set_temporal_processor",
    "softmax_attention",
    "tiara",
    "tiara_weights",
]
