"""Traces of real text that the replay claims share: recorded once per process, with the text's digest."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tightbound.verification.grid import Cell

if TYPE_CHECKING:
    from tightbound.simulators.bandits.traces import Trace
    from tightbound.simulators.speculative import TextDrafter

MAX_DRAFT = 10
ARMS = ("prompt lookup", "datastore", "suffix automaton", "4-gram")
COSTS = (29.0, 27.0, 28.0, 38.0)
"""ms per round of PLD, REST, suffix tree and a trained drafter: 1000 MAT / (tokens/s) in Table 1."""
VANILLA = 27.0
CATEGORIES = ("completion", "editing", "prose")
SUBSTITUTES = (
    "Human-written text (CPython's library source and help topics) stands in for a language model's greedy "
    "output, a 4-gram model for a trained drafter, the paper's ms per round for measured time. Acceptance "
    "levels differ from the paper's; bursts and position dependence are real. The text differs between "
    "Python versions; its digest is recorded."
)


@lru_cache(maxsize=1)
def drafters() -> dict[str, TextDrafter]:
    """Return the four arms, those with a memory trained on the corpus's training split."""
    from tightbound.simulators.bandits.corpus import load_corpus
    from tightbound.simulators.speculative import NGram, PromptLookup, SuffixAutomaton, SuffixDatastore

    train = load_corpus().train
    made = (
        PromptLookup(max_ngram=3, max_draft=MAX_DRAFT),
        SuffixDatastore(train, MAX_DRAFT),
        SuffixAutomaton(MAX_DRAFT),
        NGram(train, order=4, max_draft=MAX_DRAFT),
    )
    return dict(zip(ARMS, made, strict=True))


@lru_cache(maxsize=16)
def recorded(category: str, texts: int, tokens: int) -> tuple[Trace, ...]:
    """Return the first ``texts`` traces of a category; the same cell always gives the same texts."""
    from tightbound.simulators.bandits.corpus import load_corpus
    from tightbound.simulators.bandits.traces import record_traces

    passages = load_corpus().passages(
        category, texts, output_tokens=tokens, rng=np.random.default_rng([CATEGORIES.index(category), 13])
    )
    return record_traces(drafters(), passages, costs=COSTS)


@lru_cache(maxsize=16)
def references(category: str, texts: int, tokens: int) -> dict[str, Any]:
    """Return each text's fixed-arm and oracle costs, in rounds and in ms."""
    from tightbound.simulators.bandits.corpus import load_corpus
    from tightbound.theory.bandits.shortest_path import cost_to_go, fixed_arm_costs

    traces = recorded(category, texts, tokens)
    fixed = np.array([fixed_arm_costs(trace.y) for trace in traces])
    return {
        "category": np.full(texts, CATEGORIES.index(category)),
        "fixed_rounds": fixed,
        "fixed_time": fixed * COSTS,
        "oracle_rounds": np.array([cost_to_go(trace.y)[0] for trace in traces]),
        "oracle_time": np.array([cost_to_go(trace.y, costs=COSTS)[0] for trace in traces]),
        "corpus": np.full(texts, int(load_corpus().digest[:12], 16)),
    }


def pooled(cell: Cell) -> dict[str, Any]:
    """Return the references of all categories of a cell, one row per text."""
    parts = [references(category, cell["texts"], cell["tokens"]) for category in categories(cell)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def categories(cell: Cell) -> tuple[str, ...]:
    """Return the categories of a cell: the one it names, or all."""
    return (cell["category"],) if "category" in cell else CATEGORIES


def policy(name: str) -> Any:
    """Return the policy of that name."""
    from tightbound.simulators.bandits import EXP3Spec, Greedy, TokenThompson, UCBSpec
    from tightbound.simulators.bandits.policies.cost_aware_ucb_spec import CostAwareUCBSpec
    from tightbound.simulators.bandits.policies.released_ucb import ReleasedUCB

    known: dict[str, Callable[[], Any]] = {
        "UCBSpec": UCBSpec,
        "UCBSpec, radius / 10": lambda: UCBSpec(scale=0.1),
        "Thompson": lambda: TokenThompson(assume_tgd=True),
        "EXP3Spec": EXP3Spec,
        "greedy": Greedy,
        "released rule": ReleasedUCB,
        "cost-aware UCBSpec": lambda: CostAwareUCBSpec(costs=COSTS),
        "cost-aware UCBSpec, equal costs": lambda: CostAwareUCBSpec(costs=(1.0,) * len(COSTS)),
    }
    return known[name]()


def replay(cell: Cell, name: str, rng: np.random.Generator) -> dict[str, Any]:
    """Run a policy on every text of a cell; return each text's mean rounds and ms over ``runs`` runs."""
    from tightbound.simulators.bandits import PositionTrace, simulate

    chosen, rounds, time = policy(name), [], []
    for category in categories(cell):
        for trace in recorded(category, cell["texts"], cell["tokens"]):
            environment = PositionTrace(trace.y, max_draft=MAX_DRAFT)
            result = simulate(environment, chosen, cell["tokens"], replications=cell["runs"], rng=rng)
            rounds.append(result.stopping_time.mean())
            time.append((result.pulls[:, 0] @ np.array(COSTS)).mean())
    return {"rounds": np.array(rounds), "time": np.array(time)}


def best_single(costs: np.ndarray) -> np.ndarray:
    """Return, per text, the cost of the one arm that is best on average over these texts."""
    return np.asarray(costs[:, costs.mean(axis=0).argmin()])
