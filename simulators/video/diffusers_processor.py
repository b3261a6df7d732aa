"""TiARA inside video models of diffusers: a processor for attention between frames."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from tightbound.kernels.backends import BackendUnavailableError
from tightbound.theory.video.dstft import Padding, blackman_window, window_positions
from tightbound.theory.video.tiara import Reweighting

TEMPORAL = ("motion_modules", "temp_attentions", "transformer_in", "temporal_transformer_blocks")


class TiaraAttnProcessor:
    """A drop-in processor for diffusers' ``Attention`` modules whose tokens are frames.

    It computes what the default processor does, with logits reweighted by TiARA
    (:mod:`tightbound.theory.video.tiara`) before the softmax; ``alpha=0`` is the default processor. Logits
    and softmax are in float32, whatever the model's dtype.

    Parameters
    ----------
    alpha, window_length, slow_below, abnormal_above, corner_alpha, corner_width, padding
        See :class:`~tightbound.theory.video.tiara.Reweighting`. Thresholds are in cycles per number of frames
        that a module sees at once, 16 in many models.

    Raises
    ------
    BackendUnavailableError
        Where torch or diffusers is not installed.
    TypeError, ValueError
        For parameters outside their range; when called, for a module that is not attention between frames, or
        fewer frames than the window is long.

    Examples
    --------
    >>> set_temporal_processor(unet, TiaraAttnProcessor(  # doctest: +SKIP
    ...     alpha=6.0, window_length=8, slow_below=7, abnormal_above=9))
    """

    def __init__(
        self,
        *,
        alpha: float,
        window_length: int,
        slow_below: int,
        abnormal_above: int,
        corner_alpha: float = 0.0,
        corner_width: int = 0,
        padding: Padding = "periodic",
    ) -> None:
        lacking = [name for name in ("torch", "diffusers") if find_spec(name) is None]
        if lacking:
            raise BackendUnavailableError(
                f"{' and '.join(lacking)} cannot be imported: pip install 'tightbound[video]' brings what a "
                "processor for video models needs; tightbound.simulators.video.tiara works without it"
            )
        self.settings = Reweighting(
            alpha, window_length, slow_below, abnormal_above, corner_alpha, corner_width, padding
        )

    def __call__(
        self,
        attn: Any,
        hidden_states: Any,
        encoder_hidden_states: Any = None,
        attention_mask: Any = None,
        temb: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Return the module's output, shape (sites, frames, channels) like ``hidden_states``."""
        if encoder_hidden_states is not None and encoder_hidden_states is not hidden_states:
            raise ValueError(
                "encoder_hidden_states is given: this is cross-attention, which has no weight of a frame on "
                "itself; set the processor on temporal self-attention alone (set_temporal_processor)"
            )
        if hidden_states.ndim != 3:
            raise ValueError(
                f"hidden_states has shape {tuple(hidden_states.shape)}: attention between frames sees "
                "(sites, frames, channels); set the processor on temporal layers alone "
                "(set_temporal_processor)"
            )
        residual = hidden_states
        if attn.spatial_norm is not None:
            hidden_states = attn.spatial_norm(hidden_states, temb)
        sites, frames, _ = hidden_states.shape
        mask = attn.prepare_attention_mask(attention_mask, frames, sites)
        if attn.group_norm is not None:
            hidden_states = attn.group_norm(hidden_states.transpose(1, 2)).transpose(1, 2)
        query, key, value = (
            attn.head_to_batch_dim(project(hidden_states)) for project in (attn.to_q, attn.to_k, attn.to_v)
        )
        weights = reweighted(scores(query, key, mask, attn.scale), self.settings)
        hidden_states = attn.batch_to_head_dim(weights.to(value.dtype) @ value)
        for layer in attn.to_out:  # projection and dropout
            hidden_states = layer(hidden_states)
        if attn.residual_connection:
            hidden_states = hidden_states + residual
        return hidden_states / attn.rescale_output_factor


def set_temporal_processor(model: Any, processor: TiaraAttnProcessor) -> tuple[str, ...]:
    """Put a processor on every self-attention between frames of a model.

    Parameters
    ----------
    model : diffusers model
        With ``attn_processors`` and ``set_attn_processor``, e.g. ``UNetMotionModel``,
        ``UNet3DConditionModel`` or ``UNetSpatioTemporalConditionModel``.
    processor : TiaraAttnProcessor
        Shared by all layers.

    Returns
    -------
    tuple of str
        Names of the layers that have it now; all others keep theirs.

    Raises
    ------
    ValueError
        For a model without temporal layers that this function knows.
    """
    known = model.attn_processors
    chosen = tuple(
        name
        for name in known
        if any(part in TEMPORAL for part in name.split("."))
        and not model.get_submodule(name.removesuffix(".processor")).is_cross_attention
    )
    if not chosen:
        raise ValueError(
            f"{type(model).__name__} has no layer named {', '.join(TEMPORAL)}: set the processor yourself on "
            "the modules whose tokens are frames"
        )
    model.set_attn_processor({name: processor if name in chosen else old for name, old in known.items()})
    return chosen


def scores(query: Any, key: Any, mask: Any, scale: float) -> Any:
    """Return logits in float32, shape (sites * heads, frames, frames)."""
    import torch

    query, key = query.float(), key.float()
    if mask is None:
        mask, beta = torch.empty((), dtype=query.dtype, device=query.device), 0.0
    else:
        mask, beta = mask.float(), 1.0
    return torch.baddbmm(mask, query, key.transpose(-1, -2), beta=beta, alpha=scale)


def reweighted(logits: Any, settings: Reweighting) -> Any:
    """Return the softmax of logits (torch tensor, (..., N, N)) reweighted by TiARA, in their dtype."""
    import torch

    frames = logits.shape[-1]
    if frames == 1:
        return torch.ones_like(logits)
    settings.fit(frames)

    def here(array: Any) -> Any:
        return torch.as_tensor(array, dtype=logits.dtype, device=logits.device)

    psi = blackman_window(settings.window_length)
    seen = psi > 0.0
    where = window_positions(frames, psi.size, settings.padding)[:, seen]
    columns = torch.as_tensor(where, device=logits.device)
    met = logits.gather(-1, columns.expand(*logits.shape[:-1], -1))
    windowed = (met - met.amax(dim=-1, keepdim=True)).exp() * here(psi[seen])
    lags = torch.arange(int(seen.sum()), dtype=torch.float64)[:, None]
    angles = 2.0 * torch.pi / frames * lags * torch.arange(settings.abnormal_above, dtype=torch.float64)
    power = (windowed @ here(angles.cos())) ** 2 + (windowed @ here(angles.sin())) ** 2
    intensity = power[..., settings.slow_below :].sum(dim=-1) / power.sum(dim=-1)
    changed = logits - torch.diag_embed(settings.alpha * (1.0 - intensity))
    if settings.corner_width:
        changed = changed + here(settings.corners(frames))
    return changed.softmax(dim=-1)
