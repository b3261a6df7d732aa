"""BS-17: a policy chooses while a language model writes; its rounds replay, and the text stays the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tightbound.papers import _real_model
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality

if TYPE_CHECKING:
    from tightbound.simulators.language_models.table_model import TableModel
    from tightbound.simulators.speculative.bandit_decoder import BanditDecoding
    from tightbound.simulators.speculative.verifiers import Verifier

PAPER = "bandit_spec"
POLICIES = ("UCBSpec", "EXP3Spec", "TokenThompson", "UCB1")
VOCABULARY, TEXTS = 5, 3
TABLES = "a table of laws of order two over five tokens in place of a language model"

Arrays = dict[str, Any]
Arms = dict[str, Any]


def policy(name: str) -> Any:
    """Return the policy of that name."""
    from tightbound.simulators import bandits

    return bandits.TokenThompson(assume_tgd=True) if name == "TokenThompson" else getattr(bandits, name)()


def table_models(rng: np.random.Generator) -> tuple[TableModel, TableModel]:
    """Return a random target and a drafter's model, which is half the target and half something else."""
    from tightbound.simulators.language_models.table_model import TableModel

    target = TableModel.random(VOCABULARY, 2, concentration=0.15, context=512, rng=rng)
    other = TableModel.random(VOCABULARY, 2, concentration=0.3, rng=rng)
    return target, TableModel((target.laws + other.laws) / 2.0, context=512)


def prompts(rng: np.random.Generator) -> list[np.ndarray]:
    """Return prompts of different lengths."""
    return [rng.integers(VOCABULARY, size=size) for size in range(4, 4 + TEXTS)]


def text_arms(rng: np.random.Generator) -> Arms:
    """Return drafters that read the text only."""
    from tightbound.simulators.speculative.ngram import NGram
    from tightbound.simulators.speculative.prompt_lookup import PromptLookup
    from tightbound.simulators.speculative.suffix import SuffixAutomaton

    return {
        "lookup": PromptLookup(max_draft=4),
        "suffix": SuffixAutomaton(max_draft=4),
        "n-gram": NGram(rng.integers(VOCABULARY, size=200), order=3, max_draft=2),
    }


def chain_arms(small: Any, rng: np.random.Generator) -> Arms:
    """Return those and two draft lengths of one model, which share its cache."""
    from tightbound.simulators.speculative.bandit_decoder import Arm
    from tightbound.simulators.speculative.separate_model import SeparateModel

    model = SeparateModel(small, 4)
    return text_arms(rng) | {"model, 2": Arm(model, 2), "model, 4": Arm(model)}


def all_arms(small: Any, rng: np.random.Generator) -> Arms:
    """Return those and a tree."""
    from tightbound.simulators.speculative.growth import Beam
    from tightbound.simulators.speculative.separate_model import SeparateModel

    return chain_arms(small, rng) | {"tree": SeparateModel(small, Beam((2, 3, 2)))}


def pulls_at_budgets(found: BanditDecoding, text: int) -> np.ndarray:
    """Return how often each arm had been used when b = 1, 2, ... tokens were there, shape (tokens, K)."""
    completion = found.completions[text]
    reached = np.searchsorted(np.cumsum(completion.log.emitted), np.arange(1, completion.tokens.size + 1))
    used = np.cumsum(np.eye(len(found.arms), dtype=np.int64)[completion.log.arm], axis=0)
    return np.asarray(used[reached])


def replayed_pulls(
    found: BanditDecoding, text: int, by: Any, *, shift: int = 0, coins: int = 0
) -> np.ndarray:
    """Return the same from the simulator, given only what each round yielded."""
    from tightbound.simulators.bandits import Table, simulate

    table = found.table(text)
    if shift:
        log = found.completions[text].log
        y = np.ones_like(np.asarray(table.y))
        y[np.arange(log.rounds), log.arm] = np.roll(log.emitted, shift)
        table = Table(y, after=1, max_draft=found.max_draft)
    budgets = np.arange(1, found.completions[text].tokens.size + 1)
    seed = found.policy_seeds[text] + coins
    return np.asarray(simulate(table, by, budgets, replications=1, rng=seed).pulls[0])


def live(cell: Cell, rng: np.random.Generator) -> BanditDecoding:
    """Write texts with a policy that picks drafters."""
    from tightbound.simulators.speculative.bandit_decoder import BanditDecoder
    from tightbound.simulators.speculative.sampling import Sampling

    target, small = table_models(rng)
    decoder = BanditDecoder(policy(cell["policy"]), all_arms(small, rng), target, backend="numpy")
    sampling = Sampling(temperature=cell["temperature"])
    return decoder.generate(prompts(rng), cell["tokens"], sampling=sampling, seed=cell.get("seed", 0))


def choices(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return pulls at every budget, live and replayed; a cell may name what is done wrongly."""
    found = live(cell, rng)
    wrong = cell.get("wrong", "")
    other = POLICIES[(POLICIES.index(cell["policy"]) + 1) % len(POLICIES)]
    by = policy(other if wrong == "another policy" else cell["policy"])
    how = {"shifted yields": {"shift": 1}, "other coins": {"coins": 1}}.get(wrong, {})
    every = range(TEXTS)
    return {
        "value": np.concatenate([pulls_at_budgets(found, text).ravel() for text in every]),
        "reference": np.concatenate([replayed_pulls(found, text, by, **how).ravel() for text in every]),
    }


def _choice_cells(tokens: int, seeds: int) -> tuple[Cell, ...]:
    return cells(policy=POLICIES, temperature=[0.0, 1.0], tokens=[tokens], seed=range(seeds))


BS_17A = Claim(
    id="BS-17a",
    paper=PAPER,
    title="The choices of a live run replay in the simulator, round by round",
    statement=r"n_i(b) of the run = n_i(b) of the policy simulated on the table of its yields, all i, b <= B",
    source="Algorithm 1; what a round shows to the policy is the number of its tokens",
    provenance="derived",
    statistic=Equality(),
    grid=Grid(quick=_choice_cells(60, 1), standard=_choice_cells(120, 4), full=_choice_cells(250, 20)),
    measure=choices,
    control=NegativeControl(
        grid=Grid(
            quick=cells(
                wrong=["shifted yields", "another policy"], policy=POLICIES, temperature=[0.0], tokens=[60]
            )
            + cells(
                wrong=["other coins"], policy=["EXP3Spec", "TokenThompson"], temperature=[0.0], tokens=[60]
            )
        ),
        because="yields of the round before, another policy or other coins lead to other choices",
    ),
    substitutes=TABLES,
    seconds={"quick": 2.0, "standard": 8.0},
)


def plain_text(target: TableModel, prompt: np.ndarray, tokens: int) -> np.ndarray:
    """Return the likeliest tokens one by one, straight from the table."""
    text = prompt.tolist()
    for _ in range(tokens):
        text.append(int(np.argmax(target.law(text))))
    return np.array(text[prompt.size :])


def rounds_from_one_recording(cell: Cell, rng: np.random.Generator, late: int = 0) -> Arrays:
    """Return rounds of every drafter and policy: live, and from the recorded positions of the plain text."""
    from tightbound.simulators.bandits import PositionTrace, simulate
    from tightbound.simulators.bandits.traces import record_trace
    from tightbound.simulators.speculative.bandit_decoder import BanditDecoder
    from tightbound.simulators.speculative.decoder import SpeculativeDecoder

    target, _ = table_models(rng)
    arms, given, tokens = text_arms(rng), prompts(rng), cell["tokens"]
    traces = []
    for prompt in given:
        text = np.concatenate([prompt, plain_text(target, prompt, tokens)])
        y = np.roll(record_trace(arms, text, prompt.size).y, late, axis=0)
        traces.append(PositionTrace(y, max_draft=4))
    decoded: list[Any] = []
    for drafter in arms.values():
        decoded.append(SpeculativeDecoder(target, drafter, backend="numpy").generate(given, tokens))
    expected = [[trace.fixed_arm_stopping_time(np.array([tokens]))[0] for trace in traces]]
    for name in POLICIES:
        found = BanditDecoder(policy(name), arms, target, backend="numpy").generate(given, tokens)
        decoded.append(found)
        results = [
            simulate(trace, policy(name), tokens, replications=1, rng=seed)
            for trace, seed in zip(traces, found.policy_seeds, strict=True)
        ]
        expected.append([result.stopping_time[0] for result in results])
    rounds = [[one.log.rounds for one in found.completions] for found in decoded]
    reference = np.concatenate([np.array(one, dtype=float).T for one in expected])
    return {"value": np.array(rounds).ravel(), "reference": reference.ravel()}


def rounds_from_late_positions(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where each position has the yields of the one before it."""
    return rounds_from_one_recording(cell, rng, late=1)


BS_17B = Claim(
    id="BS-17b",
    paper=PAPER,
    title="One recording of a greedy text tells the rounds of every drafter and policy",
    statement="ST of a live run = ST of the policy on the trace of positions recorded once, drafters by text",
    source="Section 6; at temperature 0 accepted lengths belong to positions (BS-10c)",
    provenance="derived",
    statistic=Equality(),
    grid=Grid(
        quick=cells(tokens=[60], model=[0, 1]),
        standard=cells(tokens=[80, 200], model=range(5)),
        full=cells(tokens=[80, 200, 400], model=range(20)),
    ),
    measure=rounds_from_one_recording,
    control=NegativeControl(
        measure=rounds_from_late_positions,
        because="yields read one position late are those of another round",
    ),
    substitutes=TABLES,
    seconds={"quick": 1.0, "standard": 10.0},
)


def texts(
    cell: Cell,
    rng: np.random.Generator,
    arms: Callable[[Any, np.random.Generator], Arms] = all_arms,
    verifier: Verifier | None = None,
    temperature: float = 0.0,
) -> Arrays:
    """Return the tokens written under a policy, and the likeliest tokens one by one."""
    from tightbound.simulators.speculative.bandit_decoder import BanditDecoder
    from tightbound.simulators.speculative.sampling import Sampling

    target, small = table_models(rng)
    given, tokens = prompts(rng), cell["tokens"]
    how: dict[str, Any] = {} if verifier is None else {"verifier": verifier}
    decoder = BanditDecoder(policy(cell["policy"]), arms(small, rng), target, backend="numpy", **how)
    found = decoder.generate(given, tokens, sampling=Sampling(temperature=temperature))
    return {
        "value": np.concatenate(found.tokens),
        "reference": np.concatenate([plain_text(target, prompt, tokens) for prompt in given]),
    }


def texts_by_typical_acceptance(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where drafts stay that are likely enough, not the likeliest."""
    from tightbound.simulators.speculative.typical_acceptance import TypicalAcceptance

    return texts(cell, rng, chain_arms, TypicalAcceptance(), 1.0)


def _text_cells(tokens: int, seeds: int) -> tuple[Cell, ...]:
    return cells(policy=POLICIES, tokens=[tokens], model=range(seeds))


BS_17C = Claim(
    id="BS-17c",
    paper=PAPER,
    title="Whatever a policy picks, the greedy text is that of plain decoding, token for token",
    statement="text of BanditDecoder = likeliest tokens one by one, chains and trees, three texts at once",
    source="Proposition 3.1, at temperature 0",
    provenance="text",
    statistic=Equality(),
    grid=Grid(quick=_text_cells(60, 1), standard=_text_cells(150, 5), full=_text_cells(400, 20)),
    measure=texts,
    control=NegativeControl(
        measure=texts_by_typical_acceptance,
        because="typical acceptance keeps drafts that are not the likeliest tokens",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.5, "standard": 6.0},
)


REAL_PROMPT = "Repeat three times: the red fox saw the brown fox."


@lru_cache(maxsize=1)
def real_prompt() -> tuple[Any, np.ndarray]:
    """Return SmolLM2-135M-Instruct and a prompt that invites copying."""
    from tightbound.simulators.language_models import smollm2
    from tightbound.simulators.language_models.byte_pair_tokenizer import chat

    model, tokenizer = smollm2.load()
    return model, tokenizer.encode(chat([("user", REAL_PROMPT)]), special=True)


@lru_cache(maxsize=4)
def real_plain(tokens: int) -> np.ndarray:
    """Return the text of plain decoding."""
    from tightbound.simulators.speculative.decoder import SpeculativeDecoder
    from tightbound.simulators.speculative.drafter import NoDraft

    model, prompt = real_prompt()
    return SpeculativeDecoder(model, NoDraft()).generate([prompt], tokens).completions[0].tokens


@lru_cache(maxsize=4)
def real_run(name: str, tokens: int, lossy: bool = False) -> BanditDecoding:
    """Return a live run of the model, greedy or by a rule that changes the text."""
    from tightbound.simulators.speculative.bandit_decoder import BanditDecoder
    from tightbound.simulators.speculative.layer_skip import LayerSkip
    from tightbound.simulators.speculative.prompt_lookup import PromptLookup
    from tightbound.simulators.speculative.sampling import Sampling
    from tightbound.simulators.speculative.suffix import SuffixAutomaton
    from tightbound.simulators.speculative.typical_acceptance import TypicalAcceptance

    model, prompt = real_prompt()
    arms: Arms = {
        "lookup": PromptLookup(max_draft=4),
        "suffix": SuffixAutomaton(max_draft=4),
        "layers": LayerSkip(tuple(layer for layer in range(model.layers) if layer not in (14, 15)), 2),
    }
    how: dict[str, Any] = {"verifier": TypicalAcceptance()} if lossy else {}
    decoder = BanditDecoder(policy(name), arms, model, **how)
    return decoder.generate([prompt], tokens, sampling=Sampling(temperature=1.0 if lossy else 0.0))


def real_text(cell: Cell, rng: np.random.Generator, lossy: bool = False) -> Arrays:
    """Return the tokens of SmolLM2 under a policy and without drafts, up to a tie in float32."""
    from tightbound.simulators.speculative.generate import NEAR_TIE, parting

    model, prompt = real_prompt()
    plain = real_plain(cell["tokens"])
    written = real_run(cell["policy"], cell["tokens"], lossy).completions[0].tokens
    place, margin = parting(model, prompt, plain, written)
    tie = place if margin is not None and margin < NEAR_TIE else None
    return {"value": written[:tie], "reference": plain[:tie], "compared": np.array(plain[:tie].size)}


def real_text_by_typical_acceptance(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where drafts stay that are likely enough."""
    return real_text(cell, rng, lossy=True)


def real_choices(cell: Cell, rng: np.random.Generator, shift: int = 0) -> Arrays:
    """Return pulls of the run on SmolLM2 at every budget, live and replayed."""
    found = real_run(cell["policy"], cell["tokens"])
    return {
        "value": pulls_at_budgets(found, 0).ravel(),
        "reference": replayed_pulls(found, 0, policy(cell["policy"]), shift=shift).ravel(),
    }


def real_choices_from_shifted_yields(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same replayed from the yields of the round before."""
    return real_choices(cell, rng, shift=1)


_MISSING = _real_model.missing()
_REAL: dict[str, Any] = {
    "paper": PAPER,
    "statistic": Equality(),
    "grid": Grid(
        quick=cells(policy=["UCBSpec"], tokens=[12]),
        standard=cells(policy=POLICIES, tokens=[48]),
        full=cells(policy=POLICIES, tokens=[200]),
    ),
    "substitutes": "SmolLM2-135M-Instruct in place of models of 7 billion parameters and more",
    "expected": "skipped" if _MISSING else "pass",
    "skip": _MISSING,
}

BS_17D = Claim(
    id="BS-17d",
    title="On a real model too the greedy text under a policy is that of plain decoding",
    statement="text of BanditDecoder = text of plain decoding, SmolLM2-135M-Instruct, float32",
    source="Proposition 3.1, at temperature 0; after a tie of two logits (below 1e-5) nothing is compared",
    provenance="text",
    measure=real_text,
    control=NegativeControl(
        measure=real_text_by_typical_acceptance,
        because="typical acceptance keeps drafts that are not the likeliest tokens",
    ),
    seconds={"quick": 9.0, "standard": 60.0},
    **_REAL,
)

BS_17E = Claim(
    id="BS-17e",
    title="On a real model too the choices replay in the simulator",
    statement=r"n_i(b) of the run = n_i(b) of the policy simulated on the table of its yields, all i, b <= B",
    source="Algorithm 1; what a round shows to the policy is the number of its tokens",
    provenance="derived",
    measure=real_choices,
    control=NegativeControl(
        measure=real_choices_from_shifted_yields,
        because="yields of the round before lead to other choices",
    ),
    seconds={"quick": 0.6, "standard": 1.0},
    **_REAL,
)

LIVE = (BS_17A, BS_17B, BS_17C, BS_17D, BS_17E)
