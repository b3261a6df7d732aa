"""Plain decoding of the same weights by Hugging Face transformers, eager, with its dynamic cache."""

from __future__ import annotations

import inspect
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.language_models.llama import Llama


def halves(weights: NDArray[Any], dim: int) -> NDArray[Any]:
    """Return rows of heads with rotary pairs (i, i + D / 2) in place of (2 i, 2 i + 1)."""
    heads = weights.reshape(-1, dim // 2, 2, weights.shape[1])
    return np.asarray(heads.transpose(0, 2, 1, 3).reshape(weights.shape))


def build(model: Llama, dtype: str, device: str) -> Any:
    """Return a ``LlamaForCausalLM`` with the weights of a model."""
    import torch
    from transformers import (  # type: ignore[import-not-found, unused-ignore]
        LlamaConfig,
        LlamaForCausalLM,
    )

    sizes = model.config
    config = LlamaConfig(
        vocab_size=sizes.vocabulary,
        hidden_size=sizes.width,
        intermediate_size=sizes.inner,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.kv_heads,
        head_dim=sizes.head_size,
        max_position_embeddings=sizes.context,
        rms_norm_eps=sizes.eps,
        rope_parameters={"rope_type": "default", "rope_theta": sizes.rope_base},
        tie_word_embeddings=model.head is model.embedding,
        attn_implementation="sdpa",
    )
    usual = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))  # not by .to(): angles stay in float32
    try:
        with torch.device(device):
            found = LlamaForCausalLM(config)
    finally:
        torch.set_default_dtype(usual)
    queries, dim = sizes.heads * sizes.head_size, sizes.head_size
    keys = queries + sizes.kv_heads * dim
    named: dict[str, NDArray[Any]] = {
        "model.embed_tokens.weight": model.embedding,
        "model.norm.weight": model.norm,
        "lm_head.weight": model.head,
    }
    for number, block in enumerate(model.blocks):
        parts = {
            "self_attn.q_proj": halves(block.query_key_value[:queries], dim),
            "self_attn.k_proj": halves(block.query_key_value[queries:keys], dim),
            "self_attn.v_proj": block.query_key_value[keys:],
            "self_attn.o_proj": block.output,
            "mlp.gate_proj": block.gate_up[: sizes.inner],
            "mlp.up_proj": block.gate_up[sizes.inner :],
            "mlp.down_proj": block.down,
            "input_layernorm": block.attention_norm,
            "post_attention_layernorm": block.mlp_norm,
        }
        named |= {f"model.layers.{number}.{name}.weight": array for name, array in parts.items()}
    state = {name: torch.from_numpy(np.array(array)) for name, array in named.items()}
    found.load_state_dict(state, strict=True)
    return found.eval()


def decode(model: Any, prompts: NDArray[np.int64], tokens: int) -> tuple[NDArray[np.int64], float]:
    """Return greedy texts (B, N) and the seconds that all but the first token of each took."""
    import torch

    device = model.device
    named = inspect.signature(model.forward).parameters
    name = "cache" if "cache" in named else "past_key_values"  # the older one warns in newer versions

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    with torch.inference_mode():
        out = model(torch.from_numpy(prompts).to(device), use_cache=True, logits_to_keep=1)
        written = [out.logits[:, -1].argmax(-1, keepdim=True)]
        wait()
        began = time.perf_counter()
        for _ in range(tokens - 1):
            out = model(written[-1], **{name: getattr(out, name)}, use_cache=True)
            written.append(out.logits[:, -1].argmax(-1, keepdim=True))
        wait()
        seconds = time.perf_counter() - began
    return torch.cat(written, 1).cpu().numpy(), seconds
