"""Attention between the frames of a video: frequencies, motion, reweighting, prompts; nothing is random.

Logits S and weights A are N x N over frames, with leading axes for sites and heads; alpha is the reduction of
the diagonal, rho the motion intensity of a frame, L the length of a window.
"""

from tightbound.theory.video.self_weight import (
    flicker_gain,
    least_flicker_reduction,
    scene_blur,
    self_weight_bias,
)

# isort: split
# The function self_weight, imported below, takes the place of the module of that name.
from tightbound.theory.video.consistency import (
    adjacent_cosine,
    distance_to_data,
    flicker,
    motion_smoothness,
    nearest,
    subject_consistency,
    switch_rate,
)
from tightbound.theory.video.contraction import (
    contraction_bound,
    dobrushin,
    logit_spread,
    oscillation,
    uniform_coefficient,
)
from tightbound.theory.video.dstft import (
    blackman_window,
    dstft,
    window_positions,
)
from tightbound.theory.video.dstft_energy import (
    dstft_energy,
    high_share,
    high_share_of_window,
)
from tightbound.theory.video.frequency_response import (
    attenuates,
    circulant,
    frequency_response,
    largest_attenuating_reduction,
    largest_nonnegative_reduction,
    other_frames_response,
    self_weight,
    self_weight_logit,
)
from tightbound.theory.video.high_band import (
    band_energy,
    least_energy_reduction,
)
from tightbound.theory.video.linear_gaussian_denoiser import (
    LinearGaussianDenoiser,
    denoise,
    gate_influence,
    geometric_noise_levels,
    peak_noise_level,
    prompt_weights,
    step_gains,
)
from tightbound.theory.video.motion_intensity import (
    UnseenRowWarning,
    lag_weights,
    main_lobe,
    motion_intensity,
    single_frame_ceiling,
    uniform_row_floor,
)
from tightbound.theory.video.prompt_alignment import (
    BLANK,
    COMPONENTS,
    aligned_slots,
    concatenated_slots,
    repetition_correction,
    slot_components,
)
from tightbound.theory.video.prompt_blend import (
    BlendGate,
    blend_schedule,
    prompt_blend,
    switch_schedule,
)
from tightbound.theory.video.reweighting import (
    affine_path,
    attention_weights,
    off_diagonal,
    reduce_diagonal,
    reweight,
    self_logit,
)
from tightbound.theory.video.tiara import (
    Reweighting,
    row_intensity,
    tiara,
    tiara_weights,
)

__all__ = [
    "BLANK",
    "COMPONENTS",
    "BlendGate",
    "LinearGaussianDenoiser",
    "Reweighting",
    "UnseenRowWarning",
    "adjacent_cosine",
    "affine_path",
    "aligned_slots",
    "attention_weights",
    "attenuates",
    "band_energy",
    "blackman_window",
    "blend_schedule",
    "circulant",
    "concatenated_slots",
    "contraction_bound",
    "denoise",
    "distance_to_data",
    "dobrushin",
    "dstft",
    "dstft_energy",
    "flicker",
    "flicker_gain",
    "frequency_response",
    "gate_influence",
    "geometric_noise_levels",
    "high_share",
    "high_share_of_window",
    "lag_weights",
    "largest_attenuating_reduction",
    "largest_nonnegative_reduction",
    "least_energy_reduction",
    "least_flicker_reduction",
    "logit_spread",
    "main_lobe",
    "motion_intensity",
    "motion_smoothness",
    "nearest",
    "off_diagonal",
    "oscillation",
    "other_frames_response",
    "peak_noise_level",
    "prompt_blend",
    "prompt_weights",
    "reduce_diagonal",
    "repetition_correction",
    "reweight",
    "row_intensity",
    "scene_blur",
    "self_logit",
    "self_weight",
    "self_weight_bias",
    "self_weight_logit",
    "single_frame_ceiling",
    "slot_components",
    "step_gains",
    "subject_consistency",
    "switch_rate",
    "switch_schedule",
    "tiara",
    "tiara_weights",
    "uniform_coefficient",
    "uniform_row_floor",
    "window_positions",
]
