"""BS-13a-j: policies replayed on position-indexed traces of real text, against exact oracles."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.bandit_spec.checks.recording import (
    ARMS,
    SUBSTITUTES,
    best_single,
    pooled,
    recorded,
    references,
    replay,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Order

Arrays = dict[str, Any]
LOOKUP, DATASTORE, SUFFIX, NGRAM = range(len(ARMS))
COHERENT = [DATASTORE, SUFFIX, NGRAM]


def _grid(**axes: Any) -> Grid:
    """Lay the same cells out at three sizes: more texts, then longer ones too."""
    return Grid(
        quick=cells(**axes, texts=[200], tokens=[512], runs=[4]),
        standard=cells(**axes, texts=[400], tokens=[512], runs=[16]),
        full=cells(**axes, texts=[1500], tokens=[512, 1024], runs=[32]),
    )


def _reference(cell: Cell) -> Arrays:
    return dict(references(cell["category"], cell["texts"], cell["tokens"]))


# --- BS-13a


def lookup_against_memory(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return tokens per round of the weaker copying arm, and of the better trained one."""
    found = _reference(cell)
    speed = cell["tokens"] / found["fixed_rounds"]
    greater = speed[:, [LOOKUP, SUFFIX]].min(axis=1)
    return found | {"greater": greater, "smaller": speed[:, [DATASTORE, NGRAM]].max(axis=1)}


BS_13A = Claim(
    id="BS-13a",
    paper="bandit_spec",
    title="Copying drafters win code editing outright",
    statement=r"B/ST_i - B/ST_j > 1 on edits, for i copying from the prompt, j trained on other text",
    source="Section 6.1 (draft-model selection), shape of Table 1's CodeEditor column",
    provenance="derived",
    statistic=Order(margin=1.0),
    grid=_grid(category=["editing"]),
    measure=lookup_against_memory,
    control=NegativeControl(
        grid=_grid(category=["completion", "prose"]),
        because="where the prompt does not hold the answer, copying from it gains no whole token per round",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 3, "standard": 5, "full": 20},
)


# --- BS-13b


def single_against_best_per_text(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return rounds of the category's best single arm, relative to those of each text's own best arm."""
    found = _reference(cell)
    fixed = found["fixed_rounds"]
    ratio = best_single(fixed) / fixed.min(axis=1)
    return found | {"greater": ratio, "smaller": np.ones_like(ratio), "winner": fixed.argmin(axis=1)}


BS_13B = Claim(
    id="BS-13b",
    paper="bandit_spec",
    title="Outside editing, the best drafter changes from prompt to prompt",
    statement=r"E[ST_{i*} / min_i ST_i] - 1 > 0.01 with i* the best single arm of the category",
    source="Section 1 (motivation) and Section 6.1",
    provenance="derived",
    statistic=Order(margin=0.01),
    grid=_grid(category=["completion", "prose"]),
    measure=single_against_best_per_text,
    control=NegativeControl(
        grid=_grid(category=["editing"]),
        because="on edits one arm, the suffix automaton, is the best on nearly every prompt",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 3, "standard": 5, "full": 20},
)


# --- BS-13c, d


def single_arm_against_learner(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return rounds of the best single arm, and of a learner that starts afresh on each text."""
    found = pooled(cell) | replay(cell, cell["policy"], rng)
    return found | {"greater": best_single(found["fixed_rounds"]), "smaller": found["rounds"]}


BS_13C = Claim(
    id="BS-13c",
    paper="bandit_spec",
    title="On a mixture of tasks, learners need fewer rounds than the best single drafter",
    statement=r"min_i E[ST_i] > E[ST(ALG)], averaged over completion, editing and prose alike",
    source="Section 6.1, shape of Table 1 (mean accepted tokens)",
    provenance="derived",
    statistic=Order(),
    grid=_grid(policy=["UCBSpec", "UCBSpec, radius / 10", "Thompson"]),
    measure=single_arm_against_learner,
    control=NegativeControl(
        grid=_grid(category=["editing"], policy=["UCBSpec", "UCBSpec, radius / 10", "Thompson"]),
        because="on edits alone one arm is the best on nearly every prompt, so that exploring only costs",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 5, "standard": 30, "full": 300},
)


def weak_against_ucbspec(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return rounds of a policy that explores too little or too much, and of UCBSpec."""
    found = pooled(cell) | replay(cell, cell["policy"], rng)
    return found | {"greater": found["rounds"], "smaller": replay(cell, "UCBSpec", rng)["rounds"]}


def shortest_path_against_ucbspec(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return rounds of the shortest path, and of UCBSpec."""
    found = pooled(cell)
    return found | {"greater": found["oracle_rounds"], "smaller": replay(cell, "UCBSpec", rng)["rounds"]}


BS_13D = Claim(
    id="BS-13d",
    paper="bandit_spec",
    title="On real text greedy, the released rule and EXP3Spec need more rounds than UCBSpec",
    statement=r"E[ST(ALG)] > E[ST(UCBSpec)] for ALG in {greedy, released rule, EXP3Spec}",
    source="Remark 6.1 and Table 1 (UCBSpec above EXP3Spec); released code (bonus equal for all arms)",
    provenance="derived",
    statistic=Order(),
    grid=_grid(policy=["greedy", "released rule", "EXP3Spec"]),
    measure=weak_against_ucbspec,
    control=NegativeControl(
        measure=shortest_path_against_ucbspec,
        grid=_grid(policy=["shortest path"]),
        because="the shortest path through the trace needs no more rounds than UCBSpec",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 6, "standard": 40, "full": 400},
)


# --- BS-13e, f


def best_arm_against_oracle(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return rounds of each text's best arm, relative to the shortest path through its trace."""
    found = _reference(cell)
    ratio = found["fixed_rounds"].min(axis=1) / found["oracle_rounds"]
    return found | {"greater": ratio, "smaller": np.ones_like(ratio)}


def best_arm_against_oracle_without_choice(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Do the same on traces that hold each text's best arm alone."""
    from tightbound.theory.bandits.shortest_path import cost_to_go, fixed_arm_costs

    ratios = []
    for trace in recorded(cell["category"], cell["texts"], cell["tokens"]):
        best = fixed_arm_costs(trace.y).argmin()
        column = trace.y[:, best : best + 1]
        ratios.append(fixed_arm_costs(column)[0] / cost_to_go(column)[0])
    return {"greater": np.array(ratios), "smaller": np.ones(len(ratios))}


BS_13E = Claim(
    id="BS-13e",
    paper="bandit_spec",
    title="Changing drafters inside a text leaves the best fixed arm of the same prompt behind",
    statement=r"E[min_i ST_i / V(0)] - 1 > 0.02 with V(x) = 1 + min_i V(x + y_i(x))",
    source="Not in the paper: the dynamic oracle that stopping-time regret does not compete with",
    provenance="derived",
    statistic=Order(margin=0.02),
    grid=_grid(category=["completion", "editing", "prose"]),
    measure=best_arm_against_oracle,
    control=NegativeControl(
        measure=best_arm_against_oracle_without_choice,
        because="with one arm there is nothing to change, and the shortest path is that arm's own",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 3, "standard": 8, "full": 40},
)


def negative_regret(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Tell whether UCBSpec needs fewer rounds than the best fixed arm of the same text."""
    found = _reference(cell) | replay(cell, "UCBSpec", rng)
    return found | {"value": 1.0 * (found["rounds"] < found["fixed_rounds"].min(axis=1))}


def negative_regret_on_shuffled_positions(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Do the same after putting the rows of every trace in random order."""
    from tightbound.simulators.bandits import PositionTrace, UCBSpec, simulate
    from tightbound.theory.bandits.shortest_path import fixed_arm_costs

    value = []
    for trace in recorded(cell["category"], cell["texts"], cell["tokens"]):
        y = rng.permutation(trace.y)
        result = simulate(PositionTrace(y), UCBSpec(), cell["tokens"], replications=cell["runs"], rng=rng)
        value.append(1.0 * (result.stopping_time.mean() < fixed_arm_costs(y).min()))
    return {"value": np.array(value)}


def one_text_in_four(cell: Cell) -> float:
    """Return the share of texts that the claim names."""
    return 0.25


BS_13F = Claim(
    id="BS-13f",
    paper="bandit_spec",
    title="A learner can beat the best fixed arm of the same prompt: negative regret",
    statement=r"P(E[ST(UCBSpec) | text] < min_i ST_i(text)) >= 1/4 on completion",
    source="Against Assumption 4.1, under which regret is at least -L/mu*",
    provenance="derived",
    statistic=BoundHolds(method="t", side="lower"),
    grid=_grid(category=["completion"]),
    measure=negative_regret,
    bound=one_text_in_four,
    control=NegativeControl(
        measure=negative_regret_on_shuffled_positions,
        because="with positions shuffled rewards are exchangeable, and mixing arms gains nothing",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 4, "standard": 15, "full": 120},
)


# --- BS-13g, h


def _coherence(cell: Cell, arms: list[int]) -> Arrays:
    from tightbound.theory.bandits.shortest_path import coherence_share

    traces = recorded(cell["category"], cell["texts"], cell["tokens"])
    share = np.array([coherence_share(trace.y) for trace in traces])
    return {"value": share[:, arms], "reference": 1.0, "share": share}


def coherence_of_suffix_and_greedy_drafters(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return shares of coherent positions of datastore, suffix automaton and n-gram model."""
    return _coherence(cell, COHERENT)


def coherence_of_prompt_lookup(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for prompt lookup, whose n-gram moves on to another first occurrence."""
    return _coherence(cell, [LOOKUP])


BS_13G = Claim(
    id="BS-13g",
    paper="bandit_spec",
    title="Suffix-matching and greedy autoregressive drafters are coherent at every position",
    statement=r"y_i(x+1) >= y_i(x) - 1 for all x: an accepted continuation stays valid one token later",
    source="Not in the paper; the hypothesis of BS-10f",
    provenance="derived",
    statistic=Equality(),
    grid=_grid(category=["completion", "editing", "prose"]),
    measure=coherence_of_suffix_and_greedy_drafters,
    control=NegativeControl(
        measure=coherence_of_prompt_lookup,
        because="the last three tokens may have stood elsewhere first: prompt lookup drops a running copy",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 3, "standard": 5, "full": 20},
)


def _longest_step(y: np.ndarray) -> tuple[float, float]:
    from tightbound.theory.bandits.shortest_path import cost_to_go, longest_step_rounds

    return float(longest_step_rounds(y)), float(cost_to_go(y)[0])


def longest_step_against_oracle(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return rounds of always taking the longest step, and of the shortest path, on coherent arms."""
    traces = recorded(cell["category"], cell["texts"], cell["tokens"])
    value, reference = zip(*(_longest_step(trace.y[:, COHERENT]) for trace in traces), strict=True)
    return {"value": np.array(value), "reference": np.array(reference)}


def longest_step_on_shuffled_positions(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Do the same after putting the rows of every trace in random order."""
    traces = recorded(cell["category"], cell["texts"], cell["tokens"])
    shuffled = (rng.permutation(trace.y[:, COHERENT]) for trace in traces)
    value, reference = zip(*(_longest_step(y) for y in shuffled), strict=True)
    return {"value": np.array(value), "reference": np.array(reference)}


BS_13H = Claim(
    id="BS-13h",
    paper="bandit_spec",
    title="On coherent arms the dynamic oracle is the longest step: looking ahead gains nothing",
    statement=r"V(0) = rounds of argmax_i y_i(x) where every arm is coherent",
    source="Not in the paper; theory.bandits.shortest_path, proof there",
    provenance="derived",
    statistic=Equality(),
    grid=_grid(category=["completion", "editing", "prose"]),
    measure=longest_step_against_oracle,
    control=NegativeControl(
        measure=longest_step_on_shuffled_positions,
        because="with positions shuffled a shorter step can reach a better position",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 3, "standard": 8, "full": 40},
)


# --- BS-13i, j: Table 1 in tokens per second


def length_reward_against_cost_aware(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the time of UCBSpec, which counts tokens, and of its cost-aware form."""
    found = pooled(cell) | replay(cell, cell["policy"], rng)
    return found | {"greater": replay(cell, "UCBSpec", rng)["time"], "smaller": found["time"]}


BS_13I = Claim(
    id="BS-13i",
    paper="bandit_spec",
    title="In time, counting what a round costs beats counting its tokens alone",
    statement=r"E[T(UCBSpec)] > E[T(argmax_i (mu^_i + cr_i)/c_i)], c = ms per round in Table 1",
    source="Section 6 measures tokens per second, Sections 3-5 count rounds; costs from Table 1",
    provenance="derived",
    statistic=Order(),
    grid=_grid(policy=["cost-aware UCBSpec"]),
    measure=length_reward_against_cost_aware,
    control=NegativeControl(
        grid=_grid(policy=["cost-aware UCBSpec, equal costs"]),
        because="told that all rounds cost the same, the cost-aware rule makes UCBSpec's choices",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 5, "standard": 30, "full": 300},
)


def learner_against_single_arm_in_time(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the time of a learner, and of the single arm that is fastest over the mixture."""
    found = pooled(cell) | replay(cell, cell["policy"], rng)
    return found | {"greater": found["time"], "smaller": best_single(found["fixed_time"])}


def oracle_against_single_arm_in_time(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the time of the shortest path, and of the single arm that is fastest over the mixture."""
    found = pooled(cell)
    return found | {"greater": found["oracle_time"], "smaller": best_single(found["fixed_time"])}


BS_13J = Claim(
    id="BS-13j",
    paper="bandit_spec",
    title="In tokens per second the learners stay behind the best single drafter here",
    statement=r"E[T(ALG)] > min_i E[T_i]: no gain in throughput where arms are this unequal in cost",
    source="Table 1 reports the opposite sign (+7 to +20 %) for its models and drafters",
    provenance="derived",
    statistic=Order(),
    grid=_grid(policy=["UCBSpec", "Thompson", "EXP3Spec"]),
    measure=learner_against_single_arm_in_time,
    control=NegativeControl(
        measure=oracle_against_single_arm_in_time,
        grid=_grid(policy=["shortest path"]),
        because="the shortest path in time is faster than any single arm: the arms do complement each other",
    ),
    substitutes=f"{SUBSTITUTES} The 4-gram arm is charged 38 ms but accepts far less than a trained drafter.",
    seconds={"quick": 5, "standard": 30, "full": 300},
)

REPLAY = (BS_13A, BS_13B, BS_13C, BS_13D, BS_13E, BS_13F, BS_13G, BS_13H, BS_13I, BS_13J)
