"""The same training in torch, written as its users write one: modules, autograd, Adam."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.attention.forward import NORM_EPS
from tightbound.simulators.language_models.schedule import Schedule


def torch_training(
    initial: Mapping[str, NDArray[Any]], tokens: NDArray[Any], validation: NDArray[Any], schedule: Schedule
) -> float:
    """Return the validation loss after a training of one block of one head.

    Parameters
    ----------
    initial : mapping from name to array
        Weights of ``Architecture(vocabulary, context)``.
    tokens : ndarray of int, shape (steps, batch, T)
        Sequences of every step.
    validation : ndarray of int, shape (V, T)
        Sequences of the loss that is returned.
    schedule : Schedule
        Adam with a clipped gradient and decay="constant".
    """
    import torch
    from torch.nn.functional import cross_entropy, embedding, rms_norm, scaled_dot_product_attention

    w = {name: torch.tensor(value, requires_grad=True) for name, value in initial.items()}
    joint = torch.tensor(np.concatenate([initial[name][0] for name in ("query", "key", "value")], axis=1))
    w["joint"] = joint.requires_grad_()
    for name in ("query", "key", "value"):
        del w[name]
    width = joint.shape[0]

    def loss(rows: Any) -> Any:
        state = embedding(rows, w["token"]) + w["position"][: rows.shape[1]]
        seen = rms_norm(state, (width,), w["attention_norm"][0], NORM_EPS) @ w["joint"]
        q, k, v = seen.split(width, dim=-1)
        state = state + scaled_dot_product_attention(q, k, v, is_causal=True) @ w["mix"][0]
        logits = rms_norm(state, (width,), w["final_norm"], NORM_EPS) @ w["readout"]
        return cross_entropy(logits[:, :-1].flatten(0, 1), rows[:, 1:].flatten())

    optimiser = torch.optim.Adam(w.values(), betas=schedule.betas, eps=schedule.eps)
    for rows, rate in zip(torch.from_numpy(tokens.astype(np.int64)), schedule.rates().tolist(), strict=True):
        optimiser.param_groups[0]["lr"] = rate
        optimiser.zero_grad()
        loss(rows).backward()
        torch.nn.utils.clip_grad_norm_(w.values(), schedule.clip or np.inf)
        optimiser.step()
    with torch.no_grad():
        return float(loss(torch.from_numpy(validation.astype(np.int64))))
