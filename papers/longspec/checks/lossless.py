"""LS-3: a tree of LongSpec drafts changes neither the text at temperature 0 nor its law above."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from tightbound.papers.longspec.pace import Pace
from tightbound.papers.longspec.texts import topics
from tightbound.simulators.language_models.byte_llama import encode
from tightbound.simulators.language_models.language_model import prefill
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.speculative.byte_pair import BytePair, load, restricted
from tightbound.simulators.speculative.decoder import SpeculativeDecoder, verification_pass
from tightbound.simulators.speculative.draft import Draft
from tightbound.simulators.speculative.drafter import Job, Turn
from tightbound.simulators.speculative.growth import Beam
from tightbound.simulators.speculative.long_spec import LongSpecDraft
from tightbound.simulators.speculative.sampling import RoundCoins, Sampling
from tightbound.theory.speculative.tables import PrefixTables
from tightbound.theory.speculative.tree_law import (
    NodeRule,
    children_as_if_sampled,
    target_only_rule,
    tree_law,
)
from tightbound.theory.speculative.trees import DraftTree
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality, Law

PAPER = "longspec"
PAIR = "a Llama of 0.8 million weights over bytes and its LongSpec draft in place of the paper's models"
LETTERS = b" etaonirslhdcmup"
TIE = 1e-5
"""Two logits that differ by less are equal as far as float32 can tell."""

Arrays = dict[str, Any]


class CausalLlama(Llama):
    """A target that ignores the mask of a tree: every row sees all rows before it."""

    def forward(self, cache: Any, tokens: ArrayLike, **rows: Any) -> NDArray[np.float32]:
        """Return logits of rows under a causal mask."""
        return super().forward(cache, tokens, **{**rows, "mask": None})


def prompts(cell: Cell, rng: np.random.Generator) -> list[np.ndarray]:
    """Return pieces of held-out topics, of different lengths."""
    text = encode("\n\n".join(topics().held_out))
    lengths = rng.integers(cell["prompt"] // 2, cell["prompt"] + 1, size=cell["prompts"])
    starts = rng.integers(text.size - cell["prompt"], size=cell["prompts"])
    return [text[start : start + length] for start, length in zip(starts, lengths, strict=True)]


def plain_logits(target: Llama, texts: list[np.ndarray], tokens: int) -> tuple[np.ndarray, float]:
    """Return the logits (B, n, V) of the last n tokens of texts, read one by one as plain decoding does.

    The second number is processor time per token, all texts together, the first pass left out.
    """
    cache = target.start(len(texts), max(text.size for text in texts))
    found = [prefill(target, cache, [text[:-tokens] for text in texts])]
    pace = Pace(len(texts), clock=time.process_time)
    for step in range(tokens - 1):
        found.append(target.forward(cache, [[text[text.size - tokens + step]] for text in texts])[:, 0])
        cache.commit(np.zeros((len(texts), 1), dtype=np.int64), np.ones(len(texts), dtype=np.int64))
        for number, text in enumerate(texts):
            pace(number, text[:1], None)
    return np.stack(found, axis=1), pace.seconds_per_token


def _written(cell: Cell, rng: np.random.Generator, masked: bool) -> Arrays:
    """Tokens of speculative decoding, beside those that plain decoding writes after the same text."""
    pair, count = load(), cell["tokens"]
    target = pair.target if masked else CausalLlama.like(pair.target)
    given = prompts(cell, rng)
    decoder = SpeculativeDecoder(target, LongSpecDraft(pair.block, Beam(cell["widths"])))
    pace = Pace(len(given), clock=time.process_time)
    decoding = decoder.generate(given, count, on_tokens=pace)
    found = np.array(decoding.tokens)
    texts = [np.concatenate([text, new]) for text, new in zip(given, found, strict=True)]
    logits, plain = plain_logits(pair.target, texts, count)
    best = logits.argmax(axis=-1)
    gap = logits.max(axis=-1) - np.take_along_axis(logits, found[..., np.newaxis], axis=-1)[..., 0]
    tie = (best != found) & (gap < TIE)
    return {
        "value": found.astype(float),
        "reference": np.where(tie, found, best).astype(float),
        "ties": np.array([tie.sum()], dtype=float),
        "tokens_per_round": np.array([decoding.tokens_per_round]),
        "seconds_per_token": np.array([[pace.seconds_per_token, plain]]),
    }


def greedy_texts(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Texts at temperature 0, beside plain decoding; near-ties are counted and go either way."""
    return _written(cell, rng, masked=True)


def greedy_texts_under_causal_mask(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the target reads a tree as if it were a chain."""
    return _written(cell, rng, masked=False)


CHAIN = (1, 1, 1, 1, 1)
TREES = ((2, 3, 3), (4, 16, 16, 16, 16))


def _greedy(contexts: list[int], prompts: int, tokens: int) -> list[dict[str, Any]]:
    return [
        {"widths": widths, "prompt": context, "prompts": prompts, "tokens": tokens}
        for widths in (CHAIN, *TREES)
        for context in contexts
    ]


def _trees(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the cells in which a causal mask is wrong, after short prompts."""
    return [cell for cell in cells if cell["widths"] != CHAIN and cell["prompt"] == 64]


def _batches(sizes: list[int], tokens: int) -> list[dict[str, Any]]:
    return [cell for size in sizes for cell in _greedy([256], size, tokens) if cell["widths"] != TREES[1]]


QUICK = [*_greedy([64, 256, 1024], 2, 32), *_batches([1, 8], 32)]
STANDARD = [*_greedy([64, 256, 1024, 4096], 4, 64), *_batches([1, 2, 8, 16], 64)]

LS_3A = Claim(
    id="LS-3a",
    paper=PAPER,
    title="At temperature 0 a tree of LongSpec drafts leaves the text of plain decoding, token for token",
    statement="every token is the target's likeliest after the text before it; speeds are recorded and "
    "decide nothing",
    source="arXiv 2502.17421, Section 3.3 (lossless tree verification)",
    provenance="text",
    statistic=Equality(),
    grid=Grid(
        quick=QUICK,
        standard=STANDARD,
    ),
    measure=greedy_texts,
    control=NegativeControl(
        measure=greedy_texts_under_causal_mask,
        grid=Grid(
            quick=_trees(QUICK),
            standard=_trees(STANDARD),
        ),
        because="under a causal mask a node sees its siblings, so the answer is that of another text",
    ),
    substitutes=PAIR,
    seconds={"quick": 5.0, "standard": 50.0},
)


class Round:
    """One round after a random text, with all laws of the target at hand.

    Parameters
    ----------
    cell : Cell
        ``widths`` of the tree, ``letters`` of the alphabet, ``prompt`` letters before.
    rng : Generator
        Chooses the text.
    """

    def __init__(self, cell: Cell, rng: np.random.Generator) -> None:
        alphabet = np.frombuffer(LETTERS[: cell["letters"]], np.uint8).astype(np.int64)
        self.pair = restricted(load(), alphabet)
        text = encode("\n\n".join(topics().held_out))
        known = np.searchsorted(np.sort(alphabet), text[np.isin(text, alphabet)])
        start = rng.integers(known.size - cell["prompt"])
        self.text = np.argsort(alphabet)[known[start : start + cell["prompt"]]]
        self.depth = len(cell["widths"])
        self.draft, rows = drafted(self.pair, self.text, Beam(cell["widths"], keep_laws=True))
        self.tree = DraftTree(self.draft.parents, self.draft.tokens)
        self.plain = PrefixTables(tables(self.pair.target, self.text, self.depth + 1))
        self.seen = self._with_rows(self.plain.rows, rows)
        assert self.draft.laws is not None
        uniform = [np.full_like(row, 1.0 / row.shape[-1]) for row in self.plain.rows]
        self.told = self._with_rows(uniform, self.draft.laws)

    def _with_rows(self, rows: Any, at_nodes: np.ndarray) -> PrefixTables:
        """Return tables with the laws after nodes of the tree in their places."""
        changed = [row.copy() for row in rows]
        for node, law in enumerate(at_nodes):
            if law.any():
                path = self.tree.path(node)
                changed[len(path)][path] = law
        return PrefixTables(changed)

    def law(self, rule: NodeRule) -> Arrays:
        """Return the law of the text when this round begins it, beside that of plain decoding."""
        found = tree_law(self.tree, self.seen, rule=rule, draft=self.told)
        return {
            "value": found.text(self.plain, self.depth + 1).ravel(),
            "reference": self.plain.joint(self.depth + 1).ravel(),
            "expected_tokens": np.array(found.expected_tokens),
        }


def drafted(pair: BytePair, text: np.ndarray, shape: Beam) -> tuple[Draft, np.ndarray]:
    """Return the draft of a round at temperature 1, and the target's laws after its nodes."""
    job = Job(pair.target, [text], [0], Sampling(temperature=1.0), text.size + 8, backend="numpy")
    cache = pair.target.start(1, job.capacity)
    if text.size > 1:
        prefill(pair.target, cache, [text[:-1]])
    session = LongSpecDraft(pair.block, shape).open(job)
    limit = np.array([shape.depth])
    (draft,) = session.draft(Turn([text], limit, [RoundCoins(0, 0, text.size)], cache))
    (logits,) = verification_pass(pair.target, cache, [draft])
    return draft, softmax(logits.astype(float), axis=-1)


def tables(target: Llama, text: np.ndarray, count: int) -> list[np.ndarray]:
    """Return the laws of the next ``count`` tokens after a text, each path read as a text of its own."""
    size = target.vocabulary
    shared = target.start(1, text.size)
    found = [prefill(target, shared, [text])[0]]
    keys, values = (
        np.stack(part)[:, :, : text.size]
        for part in zip(*map(shared.rows, range(target.layers)), strict=True)
    )
    for length in range(1, count):
        paths = np.stack(np.unravel_index(np.arange(size**length), (size,) * length), axis=1)
        cache = target.start(len(paths), text.size + length)
        cache.append(
            *(np.broadcast_to(rows, (rows.shape[0], len(paths), *rows.shape[2:])) for rows in (keys, values))
        )
        last = np.full((len(paths), 1), length - 1)
        found.append(target.forward(cache, paths, read=last)[:, 0])
    return [
        softmax(logits.astype(float).reshape((size,) * (n + 1)), axis=-1) for n, logits in enumerate(found)
    ]


def _laws(cell: Cell, rng: np.random.Generator, rule: NodeRule) -> Arrays:
    found = [Round(cell, rng).law(rule) for _ in range(cell["texts"])]
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def sampled_text(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Law of the text when a round of target-only verification begins it."""
    return _laws(cell, rng, target_only_rule)


def sampled_text_as_if_children_were_drawn(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the children are tried as if they had been drawn from q."""
    return _laws(cell, rng, children_as_if_sampled)


LS_3B = Claim(
    id="LS-3b",
    paper=PAPER,
    title="Above temperature 0 such a tree, verified by the target alone, leaves the law of the text",
    statement="draw from p at each node, go to the child with that token: the law of plain decoding",
    source="derived; proved in tree_law. The paper's public code uses the rule of the control",
    provenance="derived",
    statistic=Law(method="exact", atol=1e-5),
    grid=Grid(
        quick=cells(widths=[(4,), (2, 4)], letters=[12], prompt=[24], texts=[2]),
        standard=cells(widths=[(4,), (2, 4), (4, 6)], letters=[16], prompt=[64], texts=[10]),
    ),
    measure=sampled_text,
    control=NegativeControl(
        measure=sampled_text_as_if_children_were_drawn,
        because="the likeliest tokens of q were not drawn from q, so min(1, p/q) accepts them too often",
    ),
    substitutes=f"{PAIR}, both conditioned on 12 or 16 letters so that all laws can be enumerated",
    seconds={"quick": 1.0, "standard": 10.0},
)

LOSSLESS = (LS_3A, LS_3B)
