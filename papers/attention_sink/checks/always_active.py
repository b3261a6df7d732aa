"""SINK-T13: where every row finds something to attend to, a fixed first token is no sink."""

from __future__ import annotations

import numpy as np

from tightbound.papers.attention_sink.checks._texts import trained_on
from tightbound.papers.attention_sink.checks._training import PAPER, Arrays, sizes, trained
from tightbound.papers.attention_sink.checks.positions import tenth
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell
from tightbound.verification.statistics import BoundHolds


def sink_in_hidden_markov_text(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the sink metric of the fixed first token at the end, one entry per run."""
    nets = trained_on("hidden_markov", cell)
    return {
        "value": nets.watched("sink")[:, -1, 0],
        "steps": nets.steps,
        "sink": nets.watched("sink")[:, :, 0],
        "mass": nets.watched("mass")[:, -1],
        "loss": nets.losses(),
    }


def sink_in_backcopy(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same on Bigram-Backcopy, where most rows have nothing to attend to."""
    return {"value": trained(cell).sink(0)[:, -1]}


SINK_T13 = Claim(
    id="SINK-T13",
    paper=PAPER,
    title="Where every row finds something to attend to, a fixed first token is no sink",
    statement=r"Sink_1 is below 0.1 at the end of training on text of a hidden Markov model, in every run",
    source="derived: a sink is where a head that has nothing to do puts its weight; cf. Guo et al., "
    "arXiv:2410.13835, and Gu et al. 2025, the section on data distribution",
    provenance="derived",
    statistic=BoundHolds(),
    grid=sizes({}),
    measure=sink_in_hidden_markov_text,
    bound=tenth,
    control=NegativeControl(
        because="in Bigram-Backcopy only a row after a trigger has something to attend to",
        measure=sink_in_backcopy,
    ),
    substitutes="a transformer of one layer and one head trained on a hidden Markov model of four lasting "
    "states, whose earlier tokens all tell something about the next one, in place of a language model of 60 "
    "million weights on natural text; the first token is fixed",
    seconds={"quick": 4.0, "standard": 30.0, "full": 90.0},
)

ALWAYS_ACTIVE = (SINK_T13,)
