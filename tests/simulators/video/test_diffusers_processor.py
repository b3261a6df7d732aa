"""The processor for diffusers on small random modules; skipped where torch or diffusers is missing."""

import os
from importlib.util import find_spec

import numpy as np
import pytest

from tightbound.kernels.backends import BackendUnavailableError
from tightbound.simulators.video import diffusers_processor
from tightbound.simulators.video.diffusers_processor import TiaraAttnProcessor, set_temporal_processor
from tightbound.theory.video.tiara import Reweighting, tiara, tiara_weights

REQUIRE = "TIGHTBOUND_REQUIRE_GPU_TOOLCHAIN"
GOOD = {"alpha": 6.0, "window_length": 8, "slow_below": 6, "abnormal_above": 9}
HEADS, FRAMES, CHANNELS, SITES = 4, 16, 32, 6


@pytest.fixture(scope="module")
def torch():
    lacking = [name for name in ("torch", "diffusers") if find_spec(name) is None]
    if lacking and os.environ.get(REQUIRE) == "1":
        raise ModuleNotFoundError(f"{REQUIRE}=1, and {', '.join(lacking)} is not installed")
    if lacking:
        pytest.skip(f"{', '.join(lacking)} is not installed: pip install 'tightbound[video]'")
    import torch

    with torch.no_grad():
        yield torch


@pytest.fixture
def module(torch):
    from diffusers.models.attention_processor import Attention

    torch.manual_seed(0)
    found = Attention(
        query_dim=CHANNELS,
        heads=HEADS,
        dim_head=CHANNELS // HEADS,
        residual_connection=True,
        rescale_output_factor=1.5,
    )
    for weight in found.parameters():  # logits that differ, so that rows are sharp
        weight.mul_(3.0)
    return found.eval()


def frames_of(torch, frames=FRAMES):
    return torch.randn(SITES, frames, CHANNELS, generator=torch.Generator().manual_seed(1))


def by_theory(torch, module, x, **arguments):
    """The same layer in NumPy: projections, TiARA head by head in float64, projection, residual."""
    exact = module.double()
    z = x.double()
    q, k, v = (
        part(z).reshape(*z.shape[:2], HEADS, -1).transpose(1, 2).numpy()
        for part in (exact.to_q, exact.to_k, exact.to_v)
    )
    logits = q @ np.swapaxes(k, -1, -2) * exact.scale
    out = np.swapaxes(tiara(logits, v, **arguments), 1, 2).reshape(*z.shape[:2], -1)
    return ((exact.to_out[0](torch.from_numpy(out)) + z) / 1.5).numpy()


@pytest.mark.parametrize("change", [{}, {"corner_alpha": 3.0, "corner_width": 3}, {"padding": "reflect"}])
def test_is_the_definition(torch, module, change):
    arguments = {**GOOD, **change}
    x = frames_of(torch)
    default = module(x)
    module.set_processor(TiaraAttnProcessor(**arguments))
    found = module(x)
    assert found.dtype == torch.float32
    expected = by_theory(torch, module, x, **arguments)
    scale = np.abs(expected).max()
    assert np.abs(found.numpy() - expected).max() < 5e-6 * scale
    assert np.abs(default.numpy() - expected).max() > 1e-2 * scale


def test_without_a_reduction_is_the_default(torch, module):
    from diffusers.models.attention_processor import AttnProcessor

    x = frames_of(torch)
    module.set_processor(AttnProcessor())
    default = module(x)
    module.set_processor(TiaraAttnProcessor(**{**GOOD, "alpha": 0.0}))
    assert torch.equal(module(x), default)


def test_masks_are_added(torch, module):
    from diffusers.models.attention_processor import AttnProcessor

    x = frames_of(torch)
    mask = torch.zeros(SITES, 1, FRAMES).masked_fill(torch.arange(FRAMES) >= 12, -1e4)
    module.set_processor(AttnProcessor())
    default = module(x, attention_mask=mask)
    module.set_processor(TiaraAttnProcessor(**{**GOOD, "alpha": 0.0}))
    assert torch.equal(module(x, attention_mask=mask), default)
    assert not torch.equal(module(x), default)


def test_half_precision_keeps_its_dtype(torch, module):
    module.set_processor(TiaraAttnProcessor(**GOOD))
    x = frames_of(torch)
    exact = module(x)
    half = module.bfloat16()(x.bfloat16())
    assert half.dtype == torch.bfloat16
    assert float((half.float() - exact).abs().max()) < 0.1 * float(exact.abs().max())


def test_one_hot_rows_and_one_frame(torch):
    logits = 500.0 * torch.eye(FRAMES)[None]
    settings = Reweighting(**{**GOOD, "alpha": 600.0})
    found = diffusers_processor.reweighted(logits, settings).numpy()
    assert np.abs(found - tiara_weights(logits.numpy(), settings)).max() < 1e-4
    assert diffusers_processor.reweighted(torch.ones(3, 1, 1), settings).tolist() == [[[1.0]]] * 3


def test_refuses_what_is_not_attention_between_frames(torch, module):
    module.set_processor(TiaraAttnProcessor(**GOOD))
    x = frames_of(torch)
    with pytest.raises(ValueError, match="cross-attention"):
        module(x, encoder_hidden_states=x.clone())
    with pytest.raises(ValueError, match="attention between frames sees"):
        module(torch.zeros(2, CHANNELS, 4, 4))
    with pytest.raises(ValueError, match="window_length is 8 with 7 frames"):
        module(frames_of(torch, 7))


def test_temporal_layers_of_a_model(torch):
    from diffusers import UNet3DConditionModel

    torch.manual_seed(0)
    model = UNet3DConditionModel(
        sample_size=8,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
        cross_attention_dim=8,
        attention_head_dim=4,
        layers_per_block=1,
    ).eval()
    inputs = (torch.randn(1, 4, FRAMES, 8, 8), 10, torch.randn(1, 3, 8))
    before = model(*inputs).sample
    processor = TiaraAttnProcessor(**GOOD)
    chosen = set_temporal_processor(model, processor)
    assert {part for name in chosen for part in name.split(".")} >= {"temp_attentions", "transformer_in"}
    for name, found in model.attn_processors.items():
        assert (found is processor) == (name in chosen)
        assert ("temp_attentions" in name or "transformer_in" in name) == (name in chosen)
    after = model(*inputs).sample
    assert after.shape == before.shape
    assert torch.isfinite(after).all()
    assert not torch.equal(after, before)


def test_a_model_without_temporal_layers(torch):
    class Model:
        attn_processors = {"down_blocks.0.attentions.0.attn1.processor": None}

    with pytest.raises(ValueError, match="Model has no layer named motion_modules"):
        set_temporal_processor(Model(), TiaraAttnProcessor(**GOOD))


def test_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(diffusers_processor, "find_spec", lambda name: None)
    with pytest.raises(BackendUnavailableError, match=r"torch and diffusers .* 'tightbound\[video\]'"):
        TiaraAttnProcessor(**GOOD)


def test_parameters_are_checked(torch):
    with pytest.raises(ValueError, match="alpha is -1"):
        TiaraAttnProcessor(**{**GOOD, "alpha": -1.0})
