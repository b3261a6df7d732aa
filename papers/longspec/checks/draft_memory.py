"""LS-4: the draft's own keys fill a ring, so its memory does not grow, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import softmax

from tightbound.papers.longspec.checks.lossless import PAIR, PAPER, Arrays
from tightbound.papers.longspec.texts import topics
from tightbound.simulators.language_models.byte_llama import encode
from tightbound.simulators.speculative.byte_pair import load
from tightbound.simulators.speculative.drafter import Job
from tightbound.simulators.speculative.growth import Branching
from tightbound.simulators.speculative.long_spec import LongSpecSession, keys_and_values
from tightbound.simulators.speculative.ring import Ring
from tightbound.simulators.speculative.sampling import Sampling
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Slope

Attend = Callable[[Ring, np.ndarray, int], np.ndarray]


def text(tokens: int) -> np.ndarray:
    """Return that many bytes of Python's help topics, from the beginning again where they end."""
    return np.resize(encode("\n\n".join(topics().training)), tokens)


def around_the_wrap(ring: Ring, queries: np.ndarray, ahead: int) -> np.ndarray:
    """Attend as drafting does."""
    return np.asarray(ring.attend(queries, ahead, backend="numpy")[0])


def last_slots(ring: Ring, queries: np.ndarray, ahead: int) -> np.ndarray:
    """Attend to the last slots of the ring, which hold the last tokens until it wraps."""
    shown = slice(ring.window - 1 - ahead, None, -1) if ahead == 0 else slice(1 + ahead, None)
    return _attention(queries, ring.keys[:, shown], ring.values[:, shown])


def _attention(queries: np.ndarray, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    group = queries.shape[2] // keys.shape[2]
    k, v = (np.repeat(rows, group, axis=2) for rows in (keys, values))
    scores = np.einsum("bmhd,bnhd->bhmn", queries, k) / np.sqrt(queries.shape[-1])
    return np.asarray(np.einsum("bhmn,bnhd->bmhd", softmax(scores, axis=-1), v))


def _errors(cell: Cell, rng: np.random.Generator, attend: Attend) -> Arrays:
    """Errors of a tree's rows against attention over the window, sliced out of the whole history."""
    pair, window, found = load(), cell["window"], []
    sizes = pair.target.config
    for tokens in cell["tokens"]:
        history = keys_and_values(pair.target, pair.block, text(tokens), np.arange(tokens))
        keys, values = (rows.astype(np.float64) for rows in history)
        ring = Ring(1, window, sizes.kv_heads, sizes.head_size, dtype="float64")
        for first in range(0, tokens, cell["chunk"]):
            last = slice(first, first + cell["chunk"])
            ring.write(0, first, keys[last], values[last])
        for ahead in cell["ahead"]:
            queries = rng.standard_normal((1, 3, sizes.heads, sizes.head_size))
            seen = slice(max(tokens + ahead - window + 1, 0), tokens)
            whole = _attention(queries, keys[None, seen], values[None, seen])
            found.append(np.abs(attend(ring, queries, ahead) - whole).max() / np.abs(values).max())
    return {"value": np.array(found)[:, None]}


def ring_attention(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Errors of attention over the ring."""
    return _errors(cell, rng, around_the_wrap)


def attention_to_the_last_slots(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the place at which the ring wraps is forgotten."""
    return _errors(cell, rng, last_slots)


def rounding(cell: Cell) -> float:
    """Return 1e-13 in units of the largest value: some hundred roundings in float64."""
    return 1e-13


LS_4A = Claim(
    id="LS-4a",
    paper=PAPER,
    title="Attention over the ring is windowed attention over the whole history",
    statement="row p sees the positions n with p - W < n <= p, wherever the ring wraps",
    source="arXiv 2502.17421, Section 3.1 (sliding window W); the ring is ours, its slots derived",
    provenance="derived",
    statistic=BoundHolds(slack=0.0),
    grid=Grid(
        quick=cells(window=[8, 32], tokens=[(1, 8, 45, 150)], ahead=[(0, 1, 4)], chunk=[1, 7]),
        standard=cells(
            window=[8, 32, 512], tokens=[(1, 8, 45, 600, 1500)], ahead=[(0, 1, 4)], chunk=[1, 7, 600]
        ),
    ),
    measure=ring_attention,
    bound=rounding,
    control=NegativeControl(
        measure=attention_to_the_last_slots,
        because="once the ring has wrapped, its last slots do not hold the last tokens",
    ),
    substitutes=PAIR,
    seconds={"quick": 0.5, "standard": 3.0},
)


def _session(tokens: int) -> LongSpecSession:
    """Return a session that has caught up with a text."""
    pair, given = load(), text(tokens)
    job = Job(pair.target, [given], [0], Sampling(), tokens)
    session = LongSpecSession(job, pair.block, Branching.chain(4))
    session.catch_up([given], np.array([tokens - 1]))
    return session


def _bytes(ring: Ring) -> Arrays:
    return {"value": np.array([float(ring.nbytes)])}


def draft_state(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Bytes of keys and values that a session keeps after so many tokens."""
    return _bytes(_session(cell["tokens"]).ring)


def linear_cache(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same of a cache with a slot for every token."""
    sizes = load().target.config
    return _bytes(Ring(1, cell["tokens"], sizes.kv_heads, sizes.head_size))


LS_4B = Claim(
    id="LS-4b",
    paper=PAPER,
    title="The draft's memory does not grow with the context",
    statement="2 W Hk D numbers for each text, whatever its length",
    source="arXiv 2502.17421, Section 3.1; its public code allocates a linear cache, as the control does",
    provenance="text",
    statistic=Slope(target=0.0, side="two-sided", axis="tokens", method="exact"),
    grid=Grid(quick=cells(tokens=[2**n for n in range(10, 17)])),
    measure=draft_state,
    control=NegativeControl(measure=linear_cache, because="a slot for every token is memory of order N"),
    substitutes=PAIR,
    seconds={"quick": 0.2, "standard": 0.2},
)

DRAFT_MEMORY = (LS_4A, LS_4B)
