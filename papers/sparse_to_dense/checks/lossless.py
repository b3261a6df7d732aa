"""STD-1a, 1c, 1d: sparse drafts leave the text as it is, exactly, on small transformers in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.sparse_to_dense.real_runs import SELECTIONS
from tightbound.papers.sparse_to_dense.targets import (
    LastDraftTaken,
    SparseRowsKept,
    Watched,
    Wrapped,
    total_variation,
)
from tightbound.simulators.language_models.exact_llama import ExactLlama
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.speculative.decoder import SpeculativeDecoder
from tightbound.simulators.speculative.drafter import Job, NoDraft
from tightbound.simulators.speculative.model_session import read_into
from tightbound.simulators.speculative.sampling import Sampling
from tightbound.simulators.speculative.sparse_to_dense import SparseToDense
from tightbound.theory.speculative.chain import chain_verification
from tightbound.theory.speculative.round_law import round_law
from tightbound.theory.speculative.tables import PrefixTables, all_texts
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Law

PAPER = "sparse_to_dense"
UNTRAINED = "transformers of three layers with random weights in place of a video language model"

Arrays = dict[str, Any]


def _toy(cell: Cell, rng: np.random.Generator) -> tuple[ExactLlama, list[np.ndarray]]:
    """Return an untrained model, and prompts of one length."""
    config = LlamaConfig(
        vocabulary=cell["vocabulary"],
        context=96,
        width=16,
        inner=24,
        layers=3,
        heads=4,
        kv_heads=2,
        head_size=8,
    )
    model = ExactLlama(Llama.random(config, rng=rng))
    return model, [rng.integers(cell["vocabulary"], size=40) for _ in range(cell["prompts"])]


def _decode(cell: Cell, rng: np.random.Generator, fault: type[Wrapped]) -> tuple[Any, Any, Watched, Watched]:
    """Decode greedily, plainly and with sparse drafts; return texts, and who watched."""
    model, prompts = _toy(cell, rng)
    drafter = SparseToDense(
        cell["keys"], text=6, shape=cell["gamma"], selection=SELECTIONS[cell["selection"]]
    )
    plain, sparse = Watched(model), Watched(fault(model))
    texts = [
        SpeculativeDecoder(target, how, backend="numpy").generate(prompts, cell["tokens"])
        for target, how in ((plain, NoDraft()), (sparse, drafter))
    ]
    return texts[0], texts[1], plain, sparse


TOYS = Grid(
    quick=cells(
        vocabulary=[40],
        prompts=[6],
        tokens=[12],
        keys=[1, 8],
        gamma=[1, 4],
        selection=["guided", "streaming", "recent", "random"],
    ),
    standard=cells(
        vocabulary=[40],
        prompts=[12],
        tokens=[40],
        keys=[1, 4, 16, 64],
        gamma=[1, 2, 4, 9],
        selection=["guided", "streaming", "recent", "random"],
    ),
)


def _texts(cell: Cell, rng: np.random.Generator, fault: type[Wrapped]) -> Arrays:
    plain, sparse, _, _ = _decode(cell, rng, fault)
    return {"value": np.array(sparse.tokens), "reference": np.array(plain.tokens)}


def texts(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Tokens written with sparse drafts, beside those of plain greedy decoding."""
    return _texts(cell, rng, Wrapped)


def texts_with_last_draft_unverified(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where a round verifies gamma positions, and its last draft is the token after them."""
    return _texts(cell, rng, LastDraftTaken)


STD_1A = Claim(
    id="STD-1a",
    paper=PAPER,
    title="Sparse drafts write the text of plain greedy decoding, whatever keys they read",
    statement=r"tokens equal, for every K, \gamma and selection of keys",
    source="Sparse-to-Dense: lossless; here in float64, token by token",
    provenance="abstract",
    statistic=Equality(),
    grid=TOYS,
    measure=texts,
    control=NegativeControl(
        measure=texts_with_last_draft_unverified,
        because="the token after gamma - 1 accepted drafts is the target's, not the last draft",
    ),
    substitutes=UNTRAINED,
    seconds={"quick": 1.0, "standard": 20.0},
)


def _laws(cell: Cell, rng: np.random.Generator, fault: type[Wrapped]) -> Arrays:
    plain, sparse, by_plain, by_sparse = _decode(cell, rng, fault)
    found = []
    for b, (right, other) in enumerate(zip(by_plain.along(plain), by_sparse.along(sparse), strict=True)):
        same = np.cumprod(np.array(plain.tokens[b]) == np.array(sparse.tokens[b]), dtype=bool)
        found.append(float(total_variation(right, other)[np.append(True, same[:-1])].max()))
    return {"value": np.array(found)}


def laws(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Largest total variation along a text between laws that chose its tokens with and without drafts."""
    return _laws(cell, rng, Wrapped)


def laws_with_sparse_rows_kept(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where accepted tokens keep the keys and values that the sparse pass gave them."""
    return _laws(cell, rng, SparseRowsKept)


def rounding(cell: Cell) -> float:
    """Return what float64 leaves of a probability after three layers."""
    return 1e-12


STD_1C = Claim(
    id="STD-1c",
    paper=PAPER,
    title="After rounds of sparse drafts the dense cache gives the laws that it gives without them",
    statement=r"max_t TV(p_t, p_t^{dense}) <= 10^{-12}",
    source="derived: accepted tokens have the keys and values of the dense pass that verified them",
    provenance="derived",
    statistic=BoundHolds(slack=0.0),
    grid=TOYS,
    measure=laws,
    bound=rounding,
    control=NegativeControl(
        measure=laws_with_sparse_rows_kept,
        because="above the first layer the sparse pass computes other keys and values for the same tokens",
    ),
    substitutes=UNTRAINED,
    seconds={"quick": 1.0, "standard": 20.0},
)


def _tables(cell: Cell, rng: np.random.Generator) -> tuple[PrefixTables, PrefixTables]:
    """Return laws after every continuation of a prompt: dense ones, and those that drafts are drawn from."""
    model, (prompt,) = _toy(cell, rng)
    size, gamma = cell["vocabulary"], cell["gamma"]
    every = all_texts(size, gamma)
    prompts = [prompt] * len(every)
    drafter = SparseToDense(cell["keys"], text=6, shape=gamma, selection=SELECTIONS[cell["selection"]])
    one = [0] * len(every)  # all copies draw the same random keys
    session: Any = drafter.open(Job(model, prompts, one, Sampling(temperature=1.0), 60, backend="numpy"))
    cache = model.start(len(every), 60)
    read_into(model, cache, [text[:-1] for text in prompts], observe=session.observer(cache))
    session.begin(cache)
    rows = np.column_stack([[text[-1] for text in prompts], every])
    laws = []
    for count, cheaper in ((gamma + 1, {}), (gamma, session.cheaper())):
        logits = model.forward(cache, rows[:, :count], **cheaper)
        cache.discard()
        table = Sampling(temperature=1.0).law(logits, backend="numpy").swapaxes(0, 1)
        shaped = table.reshape(count, *[size] * (gamma + 1))
        laws.append(PrefixTables([shaped[(i, ..., *[0] * (gamma - i), slice(None))] for i in range(count)]))
    return laws[0], laws[1]


def _round(cell: Cell, rng: np.random.Generator, known: bool) -> Arrays:
    dense, sparse = _tables(cell, rng)
    told = sparse if known else PrefixTables(dense.rows[: sparse.length])
    law = round_law(dense, told, chain_verification, sparse)
    tokens = sparse.length + 1
    return {"value": law.text(dense).reshape(1, -1), "reference": dense.joint(tokens).reshape(1, -1)}


def text_after_a_round(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Law of the text that a round of drawn sparse drafts begins, beside that of the dense model."""
    return _round(cell, rng, known=True)


def text_verified_by_dense_law(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where verification takes the drafts for draws from the dense law."""
    return _round(cell, rng, known=False)


STD_1D = Claim(
    id="STD-1d",
    paper=PAPER,
    title="At temperature 1 the text has the law of the dense model, if the law of the drafts is known",
    statement=r"P(x_1 ... x_{\gamma + 1}) = \prod_t p(x_t | x_{<t}), all texts enumerated",
    source="derived: chain verification (CORE-1) with the law that the sparse pass drew from",
    provenance="derived",
    statistic=Law(method="exact", atol=1e-12),
    grid=Grid(
        quick=cells(
            vocabulary=[4],
            prompts=[1],
            keys=[2, 8],
            gamma=[1, 3],
            selection=["guided", "streaming", "recent", "random"],
        ),
        standard=cells(
            vocabulary=[5],
            prompts=[1],
            keys=[1, 4, 16],
            gamma=[1, 2, 3],
            selection=["guided", "streaming", "recent", "random"],
        ),
    ),
    measure=text_after_a_round,
    control=NegativeControl(
        measure=text_verified_by_dense_law,
        because="same weights do not make it the same law: every draft would be accepted",
    ),
    substitutes=UNTRAINED,
    seconds={"quick": 1.0, "standard": 5.0},
)

LOSSLESS = (STD_1A, STD_1C, STD_1D)
