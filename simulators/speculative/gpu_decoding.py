r"""Greedy decoding that stays on a device: plain, and Sparse-to-Dense, each step one graph of launches.

A step of plain decoding is one pass; a round of Sparse-to-Dense is gamma passes over chosen keys, one pass
over all keys that verifies the drafts, and the choice of what stays. Tokens, lengths and counts are tensors,
so the CPU only replays graphs. The texts are those of
`tightbound.simulators.speculative.SpeculativeDecoder` with `NoDraft` and `SparseToDense` at temperature 0.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.language_models import _gpu_attention as attention
from tightbound.simulators.language_models.gpu_llama import GpuLlama
from tightbound.simulators.language_models.language_model import ContextOverflowError
from tightbound.simulators.language_models.llama_cache import PENDING_ROOM
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

        how = over_chain(model, before, text, _splits(model, keys))
        places = place[document:].expand(batch, -1)
        model.run(keys, values, given[:, document:], places, before, how, observe=watch)
    return ReadPrompts(model, keys, values, given[:, -1:], length, document, tuple(masses))


@dataclass(frozen=True, eq=False)
class GreedyTexts:
    """What was written after a batch of prompts.

    Parameters
    ----------
    tokens : ndarray of int, shape (B, N)
    seconds : float
        Wall time until all texts were finished.
    rounds, accepted : ndarray of int, shape (B,)
        Rounds of each text and drafts accepted in them; plain decoding has N rounds.
    emitted : ndarray of int, shape (rounds,)
        Tokens of all texts after each round.
    captured : bool
        Whether steps were replayed as graphs.
    """

    tokens: NDArray[np.int64]
    seconds: float
    rounds: NDArray[np.int64]
    accepted: NDArray[np.int64]
    emitted: NDArray[np.int64]
    captured: bool

    @property
    def tokens_per_round(self) -> float:
        """Tokens per round of a text, the one after the accepted drafts included."""
        return float(1.0 + self.accepted.sum() / self.rounds.sum())


class GreedyWriter:
    """Writes texts after prompts that have been read, as often as one likes.

    Parameters
    ----------
    prompts : ReadPrompts
    tokens : int
        Tokens to write after each prompt.
    gamma : int
        Drafts per round, 0 for plain decoding.
    index : tensor of int32, shape (layers, B, Hk, K), optional
        Keys that drafts read of the document, from `ReadPrompts.keep`; needed where gamma is not 0.
    splits : pair of int, optional
        Into how many splits all keys are cut, and the kept ones; where None, by shapes.

    Raises
    ------
    ValueError
        If the prompts were read with less room, or drafts have no keys to read.
    ContextOverflowError
        If prompts and texts do not fit the model's context.

    Examples
    --------
    >>> from tightbound.simulators.language_models import GpuLlama, Llama, LlamaConfig
    >>> config = LlamaConfig(vocabulary=11, context=64, width=16, inner=24, layers=2, heads=4, kv_heads=2,
    ...                      head_size=4)
    >>> model = GpuLlama.of(Llama.random(config, rng=0))  # doctest: +SKIP
    >>> prompts = read_prompts(model, [[3, 1, 4, 1, 5, 9, 2, 6]], text=2, tokens=12)  # doctest: +SKIP
    >>> plain = GreedyWriter(prompts, 8).write()  # doctest: +SKIP
    >>> writer = GreedyWriter(prompts, 8, gamma=2, index=prompts.keep(4))  # doctest: +SKIP
    >>> writer.capture()  # one graph per round; says why where there is none  # doctest: +SKIP
    >>> (writer.write().tokens == plain.tokens).all()  # doctest: +SKIP
    True
    """

    def __init__(
        self,
        prompts: ReadPrompts,
        tokens: int,
        gamma: int = 0,
        index: Any = None,
        *,
        splits: tuple[int, int] | None = None,
    ) -> None:
        import torch

        self.prompts, self.model = prompts, prompts.model
        self.count, self.gamma = as_integer("tokens", tokens, least=1), as_integer("gamma", gamma, least=0)
        if prompts.length + self.count > self.model.context + 1:
            raise ContextOverflowError(
                f"prompts have {prompts.length} tokens and tokens is {tokens}: together at most "
                f"{self.model.context + 1} fit the context of {self.model.context}"
            )
        room = prompts.keys.shape[3] - prompts.length
        if room < self.count + 2 * self.gamma:  # the last round starts anew where it has gone beyond
            raise ValueError(
                f"tokens is {tokens} and gamma {gamma}, and the cache has room for {room}: read the prompts "
                f"with tokens={self.count + 2 * self.gamma}"
            )
        if self.gamma and index is None:
            raise ValueError(f"gamma is {gamma} and index is None: give the keys that drafts read")
        batch, device = prompts.batch, self.model.device
        self.index = index

        def zeros(*shape: int, dtype: Any = torch.int32) -> Any:
            return torch.zeros(shape, dtype=dtype, device=device)

        self.lengths, self.written, self.rounds, self.accepted = (zeros(batch) for _ in range(4))
        self.roots = zeros(batch, 1, dtype=torch.int64)
        self.tokens = zeros(batch, self.count + 2 * self.gamma + 1, dtype=torch.int64)
        self.step_number = zeros(1, dtype=torch.int64)
        self.emitted = zeros(self.count + 4, dtype=torch.int64)
        self.tail = torch.full_like(self.lengths, prompts.document)
        self.ahead = torch.arange(self.gamma + 1, dtype=torch.int32, device=device)
        parts, capacity = batch * self.model.config.kv_heads, prompts.keys.shape[3]
        kept = 0 if index is None else int(index.shape[-1])
        by_shapes = attention.splits(parts, capacity), attention.splits(parts, kept)
        self.splits, self.sparse_splits = by_shapes if splits is None else splits
        self.captured = False
        self._step: Callable[[], None] = self.step
        self.reset()

    def reset(self) -> None:
        """Go back to the end of the prompts."""
        self.lengths.fill_(self.prompts.length - 1)
        self.roots.copy_(self.prompts.last)
        for tensor in (self.written, self.rounds, self.accepted, self.step_number):
            tensor.zero_()

    def dense_pass(self, tokens: Any) -> Any:
        """Return the likeliest tokens (B, M) after rows (B, M) that see all keys."""
        count = tokens.shape[1]
        if count == 1:
            how = over_row(self.model, self.lengths, self.splits)
        else:
            how = over_chain(self.model, self.lengths, count, self.splits)
        return self._likeliest(tokens, self.lengths, self.ahead[:count], how)

    def sparse_pass(self, tokens: Any, number: int) -> Any:
        """Return the likeliest token (B, 1) after draft ``number`` by the kept keys and all later ones."""
        starts = self.lengths + number
        how = over_kept(self.model, self.index, self.tail, starts, self.sparse_splits)
        return self._likeliest(tokens, starts, self.ahead[:1], how)

    def _likeliest(self, tokens: Any, starts: Any, ahead: Any, how: Any) -> Any:
        places = starts[:, None] + ahead
        hidden = self.model.run(self.prompts.keys, self.prompts.values, tokens, places, starts, how)
        return self.model.logits(hidden).argmax(-1).view(tokens.shape)

    def step(self) -> None:
        """Write one token of every text, or up to gamma + 1; texts that are finished stay as they are."""
        import torch

        with torch.inference_mode():
            chain = [self.roots]
            for number in range(self.gamma):
                chain.append(self.sparse_pass(chain[-1], number))
            drafts = torch.cat(chain, 1)
            best = self.dense_pass(drafts)
            right = (best[:, :-1] == drafts[:, 1:]).int().cumprod(1).sum(1, dtype=torch.int32)
            self._settle(best, right)

    def _settle(self, best: Any, right: Any) -> None:
        open_ = self.written < self.count
        self.tokens.scatter_(1, self.written.long()[:, None] + self.ahead.long(), best)
        token = best.gather(1, right.long()[:, None])
        self.roots.copy_(token.where(open_[:, None], self.roots))
        taken = (right + 1) * open_
        self.lengths += taken
        self.written += taken
        self.accepted += right * open_
        self.rounds += open_
        self.emitted.scatter_(0, self.step_number, self.written.clamp(max=self.count).sum().view(1))
        self.step_number += 1

    def capture(self) -> str | None:
        """Make a graph of a step; return what kept it from being captured, None if nothing did."""
        self.reset()
        found = captured(self.step)
        self.captured = not isinstance(found, str)
        self._step = self.step if isinstance(found, str) else found
        return found if isinstance(found, str) else None

    def write(self) -> GreedyTexts:
        """Write all texts from the end of the prompts on."""
        self.reset()
        wait(self.model)
        began = time.perf_counter()
        if not self.gamma:
            for _ in range(self.count):
                self._step()
        else:
            done = 0
            while done < self.count:
                # after r more rounds no text can be finished that lacks more than r (gamma + 1) tokens
                for _ in range(max(1, (self.count - done) // (self.gamma + 1))):
                    self._step()
                done = int(self.written.min())
        wait(self.model)
        seconds = time.perf_counter() - began
        steps = int(self.step_number)
        parts = (self.tokens[:, : self.count], self.rounds, self.accepted, self.emitted[:steps])
        tokens, rounds, accepted, emitted = (part.cpu().numpy().astype(np.int64) for part in parts)
        return GreedyTexts(tokens, seconds, rounds, accepted, emitted, self.captured)


def over_row(model: GpuLlama, starts: Any, splits: int) -> Any:
    """Return how one row at ``starts`` sees every key up to its own."""
    if model.kernels:
        return attention.OneRow(starts + 1, splits)
    return attention.Masked(starts, _chain(model, len(starts), 1))


def over_chain(model: GpuLlama, starts: Any, rows: int, splits: int) -> Any:
    """Return how rows from ``starts`` on see every key up to their own."""
    mask = _chain(model, len(starts), rows)
    if not model.kernels:
        return attention.Masked(starts, mask)
    return attention.Tree(starts, mask, splits)


def over_kept(model: GpuLlama, index: Any, tail: Any, starts: Any, splits: int) -> Any:
    """Return how one row at ``starts`` sees kept keys and those from ``tail`` on."""
    if model.kernels:
        return attention.Chosen(index, tail, starts + 1, splits)
    return attention.Masked(starts, _chain(model, len(starts), 1), (index, tail))


def _splits(model: GpuLlama, keys: Any) -> int:
    return attention.splits(keys.shape[1] * model.config.kv_heads, keys.shape[3])


def _chain(model: GpuLlama, batch: int, rows: int) -> Any:
    import torch

    mask = torch.ones((rows, rows), dtype=torch.bool, device=model.device).tril()
    return mask.expand(batch, -1, -1).contiguous()


def captured(run: Callable[[], Any]) -> Callable[[], None] | str:
    """Return what replays the launches of ``run`` as one graph, or why they could not be captured."""
    import torch

    if not torch.cuda.is_available():
        return "torch sees no CUDA GPU"
    try:
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            run()  # compiles, and takes memory for libraries
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            run()
    except RuntimeError as error:
        torch.cuda.synchronize()
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    replay: Callable[[], None] = graph.replay
    return replay


def wait(model: GpuLlama) -> None:
    """Wait until the device has done what it was given."""
    if model.device.type == "cuda":
        import torch

        torch.cuda.synchronize()


def margins(prompts: ReadPrompts, tokens: NDArray[np.int64], chunk: int = 16) -> tuple[Any, Any]:
    """Return by how much the likeliest token leads along texts, and which it is, read from verification rows.

    Parameters
    ----------
    prompts : ReadPrompts
    tokens : ndarray of int, shape (B, N)
        Texts after the prompts.
    chunk : int
        Rows per pass.

    Returns
    -------
    lead : ndarray, shape (B, N)
        Difference of the two largest logits where each token was chosen.
    likeliest : ndarray of int, shape (B, N)
    """
    import torch

    model, batch = prompts.model, prompts.batch
    leads: list[Any] = []
    best: list[Any] = []
    with torch.inference_mode():
        given = torch.cat([prompts.last, model.put(tokens, torch.int64)[:, :-1]], 1)
        for low in range(0, given.shape[1], chunk):
            rows = given[:, low : low + chunk].contiguous()
            starts = torch.full((batch,), prompts.length - 1 + low, dtype=torch.int32, device=model.device)
            places = starts[:, None] + torch.arange(rows.shape[1], dtype=torch.int32, device=model.device)
            how = over_chain(model, starts, rows.shape[1], _splits(model, prompts.keys))
            hidden = model.run(prompts.keys, prompts.values, rows, places, starts, how)
            two = model.logits(hidden).topk(2, -1)
            leads.append((two.values[:, 0] - two.values[:, 1]).view(rows.shape))
            best.append(two.indices[:, 0].view(rows.shape))
    lead, likeliest = (torch.cat(part, 1).cpu().numpy() for part in (leads, best))
    return lead, likeliest


def _backend(model: GpuLlama) -> str:
    return "triton" if model.kernels else "numpy"
