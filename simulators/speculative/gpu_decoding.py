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
from numpy.typing import NDArray

from tightbound.simulators.language_models import _gpu_attention as attention
from tightbound.simulators.language_models.language_model import ContextOverflowError
from tightbound.simulators.speculative.gpu_passes import (
    by_shapes,
    captured,
    over_chain,
    over_kept,
    over_row,
    wait,
)
from tightbound.simulators.speculative.gpu_prompts import ReadPrompts
from tightbound.theory._validation import as_integer


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
            how = over_chain(model, starts, rows.shape[1], by_shapes(model, prompts.keys))
            hidden = model.run(prompts.keys, prompts.values, rows, places, starts, how)
            two = model.logits(hidden).topk(2, -1)
            leads.append((two.values[:, 0] - two.values[:, 1]).view(rows.shape))
            best.append(two.indices[:, 0].view(rows.shape))
    lead, likeliest = (torch.cat(part, 1).cpu().numpy() for part in (leads, best))
    return lead, likeliest
