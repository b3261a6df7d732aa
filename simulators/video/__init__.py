"""Attention between the frames of a video: TiARA in compiled batches and inside diffusers' models."""

from tightbound.simulators.video.diffusers_processor import (
    TiaraAttnProcessor,
    set_temporal_processor,
)
from tightbound.simulators.video.tiara import (
    softmax_attention,
    tiara,
    tiara_weights,
)

__all__ = [
    "TiaraAttnProcessor",
    "set_temporal_processor",
    "softmax_attention",
    "tiara",
    "tiara_weights",
]
