"""Prompts that a model has read on a device, and the attention that their text pays to what is before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from tightbound.simulators.language_models import _gpu_attention as attention
from tightbound.simulators.language_models.gpu_llama import GpuLlama
from tightbound.simulators.language_models.language_model import ContextOverflowError
from tightbound.simulators.language_models.llama_cache import PENDING_ROOM
from tightbound.simulators.speculative.gpu_passes import by_shapes, over_chain
from tightbound.theory._validation import as_indices, as_integer

TOGETHER = 4
"""Documents that are read in one pass."""


@dataclass(frozen=True, eq=False)
class ReadPrompts:
    """Prompts of one length that a model has read, but for their last tokens.

    Parameters
    ----------
    model : GpuLlama
    keys, values : tensor, shape (layers, B, Hk, N, D)
        The cache.
    last : tensor of int64, shape (B, 1)
        Last token of each prompt.
    length, document : int
        Tokens of each prompt, and how many of them come before its text.
    masses : tuple of tensor, shape (B, Hk, document), one per layer
        Attention that the text pays to each key of the document, summed over the heads of a group.
    """

    model: GpuLlama
    keys: Any
    values: Any
    last: Any
    length: int
    document: int
    masses: tuple[Any, ...]

    @property
    def batch(self) -> int:
        """Number of prompts."""
        return int(self.last.shape[0])

    def first(self, batch: int) -> ReadPrompts:
        """Return the first ``batch`` prompts, in the same memory."""
        masses = tuple(mass[:batch] for mass in self.masses)
        keys, values = self.keys[:, :batch], self.values[:, :batch]
        return ReadPrompts(self.model, keys, values, self.last[:batch], self.length, self.document, masses)

    def keep(self, count: int) -> Any:
        """Return the ``count`` keys of largest mass, or all: (layers, B, Hk, K) of int32, ascending."""
        import torch

        from tightbound.kernels.topk_select import topk_select

        kept = [topk_select(mass, count, backend=_backend(self.model)) for mass in self.masses]
        return torch.stack([torch.as_tensor(index, device=self.model.device) for index in kept])


def read_prompts(model: GpuLlama, prompts: ArrayLike, text: int, tokens: int) -> ReadPrompts:
    """Read prompts into a cache with room for what is written after them.

    Parameters
    ----------
    model : GpuLlama
    prompts : array_like of int, shape (B, n)
        Prompts of one length.
    text : int
        How many tokens at their end are text, 1 to n - 1; the others are a document.
    tokens : int
        Most tokens that will be written after each, rounds that go beyond included.

    Raises
    ------
    ValueError
        For tokens that the model does not know, or where all of a prompt would be text.
    ContextOverflowError
        If prompts, or what may be written after them, do not fit the model's context.

    Examples
    --------
    >>> from tightbound.simulators.language_models import GpuLlama, smollm2
    >>> model = GpuLlama.of(smollm2.load().model)  # doctest: +SKIP
    >>> prompts = read_prompts(model, [[3, 1, 4, 1, 5, 9, 2, 6]], text=2, tokens=12)  # doctest: +SKIP
    >>> (prompts.batch, prompts.document)  # doctest: +SKIP
    (1, 6)
    """
    import torch

    from tightbound.kernels.topk_select import attention_mass

    ids = as_indices("prompts", prompts, model.vocabulary)
    batch, length = ids.shape
    document = length - as_integer("text", text, least=1)
    if document < 1:
        raise ValueError(f"text is {text} and prompts have {length} tokens: leave at least one before it")
    if length > model.context:
        raise ContextOverflowError(f"prompts have {length} tokens: give at most {model.context}")
    room, most = as_integer("tokens", tokens, least=1), model.context + PENDING_ROOM - length
    if room > most:
        raise ContextOverflowError(
            f"tokens is {tokens} after prompts of {length}: give at most {most}, the context of "
            f"{model.context} and what a round may go beyond it"
        )
    cache = model.start(batch, length, room=room)
    keys, values, device = cache.keys, cache.values, model.device
    masses: list[Any] = []
    with torch.inference_mode():
        given = model.put(ids, torch.int64)
        place = torch.arange(length, dtype=torch.int32, device=device)
        for low in range(0, batch, TOGETHER):
            some = slice(low, min(low + TOGETHER, batch))
            count = some.stop - low
            model.run(
                keys[:, some],
                values[:, some],
                given[some, :document],
                place[:document].expand(count, -1),
                torch.zeros(count, dtype=torch.int32, device=device),
                attention.Prompt(),
            )
        before = torch.full((batch,), document, dtype=torch.int32, device=device)
        whole = torch.full_like(before, length)

        def watch(layer: int, queries: Any, hidden: Any) -> None:
            if layer < model.layers:
                there = keys[layer].transpose(1, 2)
                found = attention_mass(
                    queries, there, whole, num_candidates=document, backend=_backend(model)
                )
                masses.append(torch.as_tensor(found, device=device))

        how = over_chain(model, before, text, by_shapes(model, keys))
        places = place[document:].expand(batch, -1)
        model.run(keys, values, given[:, document:], places, before, how, observe=watch)
    return ReadPrompts(model, keys, values, given[:, -1:], length, document, tuple(masses))


def _backend(model: GpuLlama) -> str:
    return "triton" if model.kernels else "numpy"
