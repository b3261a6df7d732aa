"""BS-1: choosing drafters leaves the text as it is, and bounds the number of rounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tightbound.theory.bandits import (
    canonical_law,
    generated_law,
    generated_law_with_peeking,
    replace_from_target,
    residual,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Law

PAPER = "bandit_spec"
SYNTHETIC = "tokens per round drawn from given laws in place of a language model and its drafters"

Arrays = dict[str, Any]


PROMPT = (0, 1)
VOCABULARY = 3


def _adversary(rounds: Any) -> int:
    """Pick a drafter from everything that past rounds show: tokens, arms, block lengths."""
    last = len(rounds[-1][1]) if rounds else 0
    return int(sum(block[-1] + arm for arm, block in rounds) + len(rounds) + last) % 2


def _random_models(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return a target and two drafters, Markov of order two with Dirichlet rows."""
    flat = np.ones(VOCABULARY)
    return rng.dirichlet(flat, (VOCABULARY, VOCABULARY)), rng.dirichlet(flat, (2, VOCABULARY, VOCABULARY))


def _texts(cell: Cell, rng: np.random.Generator, decode: Callable[..., np.ndarray]) -> Arrays:
    """Return laws of the first tokens of ``decode`` and of plain decoding, one row per random instance."""
    found, reference = [], []
    for _ in range(cell["instances"]):
        target, drafters = _random_models(rng)
        found.append(decode(target, drafters).ravel())
        reference.append(canonical_law(target, PROMPT, cell["tokens"]).ravel())
    return {"value": np.stack(found), "reference": np.stack(reference)}


def speculative_text(cell: Cell, rng: np.random.Generator, correction: Any = residual) -> Arrays:
    """Law of the text under the adversarial choice of drafters."""

    def decode(target: np.ndarray, drafters: np.ndarray) -> np.ndarray:
        size, draft = cell["tokens"], cell["max_draft"]
        return generated_law(target, drafters, _adversary, PROMPT, size, draft, correction=correction)

    return _texts(cell, rng, decode)


def text_with_wrong_replacement(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where a rejected token is drawn anew from the target."""
    return speculative_text(cell, rng, replace_from_target)


def text_with_drafts_in_view(cell: Cell, rng: np.random.Generator, policy: Any = None) -> Arrays:
    """Law of the text where the policy is handed the current drafts; by default it ignores them."""
    choose = policy or (lambda rounds, drafts: _adversary(rounds))

    def decode(target: np.ndarray, drafters: np.ndarray) -> np.ndarray:
        return generated_law_with_peeking(target, drafters, choose, PROMPT, cell["tokens"], cell["max_draft"])

    return _texts(cell, rng, decode)


def text_with_peeking(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the policy takes the first drafter whenever that one drafts token 0."""
    return text_with_drafts_in_view(cell, rng, lambda rounds, drafts: int(drafts[0][0] != 0))


def _one(cell: Cell) -> float:
    """Return 1."""
    return 1.0


BS_1A = Claim(
    id="BS-1a",
    paper=PAPER,
    title="Choosing drafters from the history leaves the law of the text unchanged",
    statement="law of the first N tokens under any history-dependent policy = law under the target alone",
    source="Proposition 3.1",
    provenance="text",
    statistic=Law(method="exact", atol=1e-12),
    grid=Grid(
        quick=cells(max_draft=[1, 2], tokens=[4, 5], instances=[3]),
        standard=cells(max_draft=[1, 2, 3], tokens=[4, 5, 6], instances=[20]),
        full=cells(max_draft=[1, 2, 3], tokens=[4, 5, 6, 7], instances=[100]),
    ),
    measure=speculative_text,
    control=NegativeControl(
        measure=text_with_wrong_replacement,
        because="a rejected token drawn from P instead of (P - Q)_+ counts likely tokens twice",
    ),
    substitutes="Markov chains of order two over three tokens in place of language models",
    seconds={"quick": 0.2, "standard": 10.0},
)

BS_1B = Claim(
    id="BS-1b",
    paper=PAPER,
    title="What must stay unseen is the current draft, not the past",
    statement="losslessness holds for a policy that may use all past rounds but not the drafts of this one",
    source="Proposition 3.1, the role of the history",
    provenance="derived",
    statistic=Law(method="exact", atol=1e-12),
    grid=Grid(
        quick=cells(max_draft=[1, 2], tokens=[3], instances=[2]),
        standard=cells(max_draft=[1, 2], tokens=[3, 4], instances=[10]),
    ),
    measure=text_with_drafts_in_view,
    control=NegativeControl(
        measure=text_with_peeking,
        because="given that a drafter was chosen for its draft, the draft no longer follows Q",
    ),
    substitutes="Markov chains of order two over three tokens in place of language models",
    seconds={"quick": 0.5, "standard": 20.0},
)


def _policy(name: str) -> Any:
    """Return the policy called ``name``."""
    from tightbound.simulators import bandits

    return getattr(bandits, name)()


def sandwich(cell: Cell, rng: np.random.Generator, bonus: int = 1) -> Arrays:
    """Return least and most rounds over what was seen, each as a ratio that is at most 1."""
    from tightbound.simulators.bandits import TruncatedGeometric, simulate

    budgets = np.array(cell["budgets"])
    environment = TruncatedGeometric(cell["acceptance"], cell["max_draft"])
    result = simulate(environment, _policy(cell["policy"]), budgets, replications=cell["runs"], rng=rng)
    least = np.ceil(budgets / (cell["max_draft"] + bonus))
    return {"value": np.concatenate((least / result.stopping_time, result.stopping_time / budgets))}


def sandwich_without_bonus_token(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with at most L instead of L + 1 tokens per round."""
    return sandwich(cell, rng, bonus=0)


def _sandwich_cells(runs: int) -> tuple[Cell, ...]:
    return cells(
        policy=("UCBSpec", "EXP3Spec", "TokenThompson", "Greedy"),
        acceptance=[(0.99, 0.9), (0.3, 0.1)],
        max_draft=[4],
        budgets=[(1, 9, 100, 1000)],
        runs=[runs],
    )


BS_1C = Claim(
    id="BS-1c",
    paper=PAPER,
    title="The number of rounds lies between B / (L + 1) and B",
    statement=r"\lceil B/(L+1) \rceil <= ST <= B on every path",
    source="Proposition 3.1",
    provenance="text",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=_sandwich_cells(200),
        standard=_sandwich_cells(10_000),
    ),
    measure=sandwich,
    bound=_one,
    control=NegativeControl(
        measure=sandwich_without_bonus_token,
        because="a round yields L drafted tokens and one more; without that one the lower end is too high",
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 0.5, "standard": 10.0},
)


LOSSLESSNESS = (BS_1A, BS_1B, BS_1C)
