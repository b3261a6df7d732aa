"""SINK-T5a to T5c: what trained networks do on uniform random tokens, and on one repeated token."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.papers.attention_sink.checks._random_networks import beside_reference
from tightbound.papers.attention_sink.checks._training import (
    PAPER,
    SUBSTITUTES,
    Array,
    Arrays,
    Nets,
    sizes,
    trained,
)
from tightbound.papers.attention_sink.checks.emergence import most
from tightbound.papers.attention_sink.checks.positions import tenth
from tightbound.papers.attention_sink.checks.repeated_tokens import zero
from tightbound.theory.attention.architecture import Architecture
from tightbound.theory.attention.position_codes import alibi_slopes
from tightbound.theory.attention.repeated_tokens import repeated_token_reference
from tightbound.theory.attention.sink import sink_metric
from tightbound.theory.attention.transformer import Trace, forward
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell
from tightbound.verification.statistics import BoundHolds, Equality


def _first(nets: Nets, tokens: NDArray[np.int64]) -> Array:
    """Sink metric of position 1 on some sequences, one entry per run."""
    found = (nets.model.probe(one.parameters, tokens)["scores"] for one in nets.results)
    return np.array([sink_metric(scores) for scores in found])


def _random_tokens(nets: Nets, rng: np.random.Generator, *, fixed: bool) -> NDArray[np.int64]:
    problem = nets.problem
    tokens = rng.integers(problem.fixed_token, size=nets.validation.shape)
    if fixed:
        tokens[:, 0] = problem.fixed_token
    return tokens


def _repeated(nets: Nets) -> NDArray[np.int64]:
    """Every ordinary token, repeated: (V, T)."""
    return np.repeat(np.arange(nets.problem.fixed_token)[:, None], nets.problem.length, axis=1)


def on_random_tokens(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the sink metric of the fixed token before uniform tokens, one entry per run.

    ``text``, ``without``, ``repeated``: the same on sequences of the problem, on uniform tokens without the
    fixed one, and on every ordinary token repeated.
    """
    nets = trained(cell)
    return {
        "value": _first(nets, _random_tokens(nets, rng, fixed=True)),
        "text": nets.sink(0)[:, -1],
        "without": _first(nets, _random_tokens(nets, rng, fixed=False)),
        "repeated": _first(nets, _repeated(nets)),
    }


def on_random_tokens_untrained(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the metric on the same kind of sequences before training."""
    nets = trained(cell)
    tokens = _random_tokens(nets, rng, fixed=True)
    found = [nets.model.probe(nets.model.init(run), tokens)["scores"] for run in range(cell["runs"])]
    return {"value": np.array([sink_metric(scores) for scores in found])}


def on_repeated_tokens(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the sink metric of position 1 over all ordinary tokens, each repeated; one entry per run."""
    nets = trained(cell)
    return {"value": _first(nets, _repeated(nets)), "text": nets.sink(0)[:, -1]}


def _beside_closed_form(cell: Cell, *, fixed: bool) -> Arrays:
    """Compare trained weights, in float64, with the closed form of one repeated token."""
    nets = trained(cell)
    found = [_one_run(nets, run, fixed=fixed) for run in range(cell["runs"])]
    return {name: np.concatenate([one[name] for one in found]) for name in found[0]}


def _one_run(nets: Nets, run: int, *, fixed: bool) -> Arrays:
    architecture, weights = nets.model.architecture, nets.results[run].parameters
    tokens = np.full((1, nets.problem.length), 1 + nets.problem.triggers.max())
    reference = _closed_form(architecture, forward(architecture, weights, tokens[:, :1]))
    if fixed:
        tokens[0, 0] = nets.problem.fixed_token
    return beside_reference(forward(architecture, weights, tokens), reference)


def _closed_form(architecture: Architecture, alone: Trace) -> Array:
    given: dict[str, Any] = {}
    if architecture.position == "alibi":
        given["slope"] = alibi_slopes(architecture.heads)
    elif architecture.position == "rotary":
        given = {"query": alone.queries[..., 0, :], "key": alone.keys[..., 0, :]}
    return repeated_token_reference(architecture.position, architecture.context, **given)


def beside_closed_form(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the largest difference from the closed form on a repeated ordinary token, by run."""
    return _beside_closed_form(cell, fixed=False)


def beside_closed_form_after_fixed(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the first token is the fixed one."""
    return _beside_closed_form(cell, fixed=True)


SINK_T5A = Claim(
    id="SINK-T5a",
    paper=PAPER,
    title="The sink stays when what follows the fixed token is random",
    statement=r"Sink_1 exceeds 0.6 on the fixed token followed by uniform random tokens, in every run",
    source="derived; cf. Gu et al. 2025, Table 1: random tokens",
    provenance="derived",
    statistic=BoundHolds(side="lower"),
    grid=sizes({}),
    measure=on_random_tokens,
    bound=most,
    control=NegativeControl(
        because="before training attention is nearly uniform", measure=on_random_tokens_untrained
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 4.0, "standard": 30.0, "full": 90.0},
)
SINK_T5B = Claim(
    id="SINK-T5b",
    paper=PAPER,
    title="Training changes nothing about one repeated token where positions enter through the logits",
    statement=r"A_{t,i} is the closed form (1/t; that of ALiBi; that of rotary positions with the query and "
    "key of the token alone) for trained weights",
    source="Appendix C.1 (sections of SINK-P1, P3 and P4); derived anew",
    provenance="derived",
    # logits of trained networks have size up to a hundred, whose rounding, 1e-14, is that of the scores
    statistic=Equality(atol=1e-12),
    grid=sizes(*({"position": code, "runs": 1} for code in ("none", "alibi", "rotary"))),
    measure=beside_closed_form,
    bound=zero,
    control=NegativeControl(
        because="the fixed token at the start is another token, and the states are no longer equal",
        measure=beside_closed_form_after_fixed,
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 5.0, "standard": 20.0, "full": 40.0},
)
SINK_T5C = Claim(
    id="SINK-T5c",
    paper=PAPER,
    title="Learned positions keep the sink on one repeated token",
    statement=r"Sink_1 exceeds 0.1 over all ordinary tokens, each repeated, in every run",
    source="derived; cf. Gu et al. 2025, Table 1: repeated tokens, and Table 7",
    provenance="derived",
    statistic=BoundHolds(side="lower"),
    grid=sizes({"position": "learned"}),
    measure=on_repeated_tokens,
    bound=tenth,
    control=NegativeControl(
        because="where positions enter through the logits, repeated tokens get the closed forms, without "
        "a sink",
        grid=sizes({"position": "none", "runs": 1}, {"position": "alibi", "runs": 1}),
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 4.0, "standard": 30.0, "full": 90.0},
)

OTHER_TOKENS = (SINK_T5A, SINK_T5B, SINK_T5C)
