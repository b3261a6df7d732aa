"""SINK-R1 to R5: sinks of a real language model, what they rest on, and what is lost without them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tightbound.papers._real_model import missing
from tightbound.papers.attention_sink.checks._smollm2 import (
    HALF,
    SUBSTITUTES,
    Array,
    accuracy,
    behind,
    halves,
    losses,
    seen,
)
from tightbound.theory.attention.sink import SHORTEST
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import BoundHolds, Order

PAPER = "attention_sink"
EPS = 0.3
MASSIVE = 10.0
FEWER = (3, 12, 24)
SOURCE = "derived; cf. Gu et al. 2025, "

Arrays = dict[str, Any]


def sizes(*changes: Mapping[str, Any], numbers: tuple[int, int, int] = (4, 24, 100)) -> Grid:
    """Return a grid with one cell per change, of these numbers of texts."""
    quick, standard, full = ([{"texts": n, **change} for change in changes] for n in numbers)
    return Grid(quick, standard, full)


def _real(seconds: Mapping[str, float], **given: Any) -> Claim:
    """Return a claim that is skipped where the model is not installed."""
    reason = missing()
    return Claim(
        paper=PAPER,
        provenance="derived",
        substitutes=SUBSTITUTES,
        seconds=seconds,
        skip=reason,
        expected="skipped" if reason else "pass",
        **given,
    )


# --- SINK-R1, R2: where there is a sink ---------------------------------------------------------------------


def _metric(importance: Array) -> Array:
    """Return the share of heads in which each column is a sink, (R, T)."""
    return np.asarray((importance > EPS).mean(axis=(1, 2)))


def _first_beside_others(importance: Array) -> Arrays:
    sink = _metric(importance)
    first = importance[..., 0]
    return {
        "greater": sink[:, 0],
        "smaller": sink[:, 1:HALF].max(axis=1),
        "sink": sink[:, :HALF],
        "first": first.mean(axis=0)[None],
        "of_mean": np.array([(first.mean(axis=0) > EPS).mean()]),
    }


def first_beside_others(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Sink metric of position 1 beside the largest of positions 2 to T/2, text by text."""
    return _first_beside_others(seen(cell["text"], cell["texts"]).importance)


def first_beside_others_mirrored(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where every row of weights was turned around."""
    return _first_beside_others(seen(cell["text"], cell["texts"]).mirrored)


def mean_beside_others(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same averaged over texts."""
    return _averaged(first_beside_others(cell, rng))


def mean_beside_others_mirrored(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same averaged over texts where every row of weights was turned around."""
    return _averaged(first_beside_others_mirrored(cell, rng))


def _averaged(found: Arrays) -> Arrays:
    return found | {name: found[name].mean(keepdims=True) for name in ("greater", "smaller")}


SINK_R1A = _real(
    id="SINK-R1a",
    title="A real language model has its sink on the first token of natural text",
    statement=r"Sink_1 > max_{2 <= k <= T/2} Sink_k + 1/4 in every text, \epsilon = 0.3, T = 64",
    source=SOURCE + "Table 1: 60 to 99 % in models from 14 million weights on",
    statistic=Order(margin=0.25, method="exact"),
    grid=sizes({"text": "natural"}),
    measure=first_beside_others,
    control=NegativeControl(
        because="with each row turned around the first column holds what tokens give to themselves",
        measure=first_beside_others_mirrored,
    ),
    seconds={"quick": 8.0, "standard": 15.0, "full": 50.0},
)
SINK_R1B = _real(
    id="SINK-R1b",
    title="Random tokens have the sink on the first of them, too, though some texts have a second one",
    statement=r"Sink_1 > max_{2 <= k <= T/2} Sink_k + 1/4 on average over texts, \epsilon = 0.3, T = 64",
    source=SOURCE + "Table 1",
    statistic=Order(margin=0.25, method="exact"),
    grid=sizes({"text": "random"}),
    measure=mean_beside_others,
    control=NegativeControl(
        because="with each row turned around the first column holds what tokens give to themselves",
        measure=mean_beside_others_mirrored,
    ),
    seconds={"quick": 2.0, "standard": 10.0, "full": 40.0},
)


def natural_beside_repeated(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Sink metric of position 1 in natural texts beside that of their first tokens repeated."""
    return _natural_beside("repeated", cell["texts"])


def natural_beside_random(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Sink metric of position 1 in natural texts beside that of random ones."""
    return _natural_beside("random", cell["texts"])


def _natural_beside(kind: str, count: int) -> Arrays:
    other = seen(kind, count).importance
    return {
        "greater": _metric(seen("natural", count).importance)[:, 0],
        "smaller": _metric(other)[:, 0],
        "first": other[..., 0].mean(axis=0)[None],
    }


SINK_R2A = _real(
    id="SINK-R2a",
    title="One token repeated has hardly a sink, random tokens have one",
    statement=r"Sink_1(natural) > Sink_1(repeated) + 1/4 in every text",
    source=SOURCE + "Table 1: LLaMA and Mistral, with rotary positions, have none on repeated tokens",
    statistic=Order(margin=0.25, method="exact"),
    grid=sizes({}),
    measure=natural_beside_repeated,
    control=NegativeControl(
        because="random tokens have a sink as natural text has",
        measure=natural_beside_random,
    ),
    seconds={"quick": 2.0, "standard": 10.0, "full": 40.0},
)


def repeated_beside_closed_form(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Scores of repeated tokens beside those that rotations alone give: differences over the logit radius."""
    return _beside_closed_form("repeated", cell["texts"])


def changed_beside_closed_form(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with another token in the middle."""
    return _beside_closed_form("changed", cell["texts"])


def _beside_closed_form(kind: str, count: int) -> Arrays:
    found = seen(kind, count)
    spread = np.abs(found.state_norm - found.state_norm[..., :1]) / found.state_norm[..., :1]
    return {"value": found.difference, "bound": np.array(accuracy()), "states": spread.max(axis=2)}


SINK_R2B = _real(
    id="SINK-R2b",
    title="On one token repeated all scores of a trained rotary model come from the rotations alone",
    statement=r"A_{ti} = e^{g(t-i)} / \sum_{n<t} e^{g(n)}, g(n) = <R_n q, k> / \sqrt{d}, up to float32",
    source=SOURCE + "Appendix C.1 (SINK-P4a on trained weights)",
    statistic=BoundHolds(),
    grid=sizes({}),
    measure=repeated_beside_closed_form,
    control=NegativeControl(
        because="after another token in the middle states differ",
        measure=changed_beside_closed_form,
    ),
    seconds={"quick": 2.0, "standard": 10.0, "full": 40.0},
)

# --- SINK-R3: a token is a bias of keys and values ----------------------------------------------------------


def _behind_first(cell: Cell, factor: float) -> Arrays:
    rows = halves(cell["texts"])
    keys, values = rows.keys[:, :, :1].copy(), rows.values[:, :, :1]
    keys[cell["layer"]] *= factor
    found = behind(keys, values, rows.tokens, 1)
    size = np.abs(rows.logits).max(axis=(1, 2))
    return {
        "value": np.abs(found - rows.logits).max(axis=(1, 2)) / size,
        "bound": np.array(accuracy()),
    }


def first_as_prefix(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Logits of the rest of a text behind the first token's keys and values, beside those of all of it.

    Largest difference over the second half of the text, over the largest logit.
    """
    return _behind_first(cell, 1.0)


def first_as_other_prefix(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with the key of one layer turned to the other side."""
    return _behind_first(cell, -1.0)


SINK_R3 = _real(
    id="SINK-R3",
    title="The first token of a trained model is exactly a bias of keys and values in every head",
    statement=r"(k_1, v_1) of every layer in front of x_2, ..., x_T gives the logits of x_1, ..., x_T",
    source="derived (SINK-I5 on trained weights)",
    statistic=BoundHolds(),
    grid=sizes({"layer": 15}, numbers=FEWER),
    measure=first_as_prefix,
    control=NegativeControl(
        because="the key of one layer is not that of the token",
        measure=first_as_other_prefix,
    ),
    seconds={"quick": 3.0, "standard": 10.0, "full": 20.0},
)

# --- SINK-R4: what is lost without the sink -----------------------------------------------------------------


def evicted_beside_others(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Loss of second halves without key and value of token 1, beside that without those of another token."""
    return _evicted_beside_others(cell, 1)


def other_evicted_beside_others(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with token 2 in the place of token 1."""
    return _evicted_beside_others(cell, 2)


def _evicted_beside_others(cell: Cell, place: int) -> Arrays:
    found = losses(cell["texts"])
    return {
        "greater": found[f"evicted_{place}"],
        "smaller": np.maximum(found["whole"], found[f"evicted_{HALF // 2}"]),
        **found,
    }


SINK_R4A = _real(
    id="SINK-R4a",
    title="A model that loses its first key and value loses its grip; another token is hardly missed",
    statement=r"loss(t > T/2; without k_1, v_1) > loss(without k_{T/4}, v_{T/4}) + 1/2 nats, in every text",
    source="derived; cf. Xiao et al. 2024, who keep the first tokens in the cache for this reason",
    statistic=Order(margin=0.5, method="exact"),
    grid=sizes({}, numbers=FEWER),
    measure=evicted_beside_others,
    control=NegativeControl(because="token 2 is no sink", measure=other_evicted_beside_others),
    seconds={"quick": 4.0, "standard": 13.0, "full": 25.0},
)


def started_later(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Loss of second halves where the text begins one token later, minus that of the whole text."""
    found = losses(cell["texts"])
    return {"value": found["started_later"] - found["whole"]}


def evicted(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the first key and value are taken away after the first half."""
    found = losses(cell["texts"])
    return {"value": found["evicted_1"] - found["whole"]}


def one_quarter(cell: Cell) -> float:
    """Return 1/4."""
    return 0.25


SINK_R4B = _real(
    id="SINK-R4b",
    title="A first token is missed, not that one: without it from the start the next one does as well",
    statement=r"loss(t > T/2 | x_2, ..., x_t) <= loss(t > T/2 | x_1, ..., x_t) + 1/4 nats, in every text",
    source="derived; cf. Xiao et al. 2024",
    statistic=BoundHolds(),
    grid=sizes({}, numbers=FEWER),
    measure=started_later,
    bound=one_quarter,
    control=NegativeControl(because="keys that were computed beside a sink need it", measure=evicted),
    seconds={"quick": 1.0, "standard": 1.0, "full": 1.0},
)

# --- SINK-R5: anatomy ---------------------------------------------------------------------------------------


def _over_others(lengths: Array, place: int) -> Array:
    """Return lengths at one place over the mean of positions 2, ..., T without it, (R, layers)."""
    others = np.delete(lengths, [0, place], axis=2).mean(axis=2)
    return np.asarray(lengths[:, :, place] / others)


def _anatomy(cell: Cell, place: int) -> Arrays:
    found = seen("natural", cell["texts"])
    state = _over_others(found.state_norm, place)
    cosine = found.cosine.mean(axis=2)  # heads
    return {
        "state": state,
        "key": _over_others(found.key_norm, place),
        "drain": _over_others(found.value_norm, place),
        "cosine": cosine[:, :, place],
        "other_cosine": np.delete(cosine[:, :, :HALF], [0, place], axis=2).mean(axis=2),
        "mass": found.importance[..., place].mean(axis=2),
    }


def largest_state(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Length of the first token's state over that of others, in the layer where it is largest."""
    found = _anatomy(cell, 0)
    return {"value": found["state"].max(axis=1), **found}


def largest_state_of_another(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same of the token in the middle of the first half."""
    found = _anatomy(cell, SHORTEST - 1)
    return {"value": found["state"].max(axis=1), **found}


def drained_value(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Length of the first token's value over that of others, on average where its state is massive."""
    return _drained(cell, 0)


def drained_value_of_another(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same of another token, in the same layers."""
    return _drained(cell, SHORTEST - 1)


def _drained(cell: Cell, place: int) -> Arrays:
    massive = _anatomy(cell, 0)["state"] > MASSIVE
    found = _anatomy(cell, place)
    count = np.maximum(massive.sum(axis=1), 1)
    return {
        "value": (found["drain"] * massive).sum(axis=1) / count,
        "key": (found["key"] * massive).sum(axis=1) / count,
    }


def massive_state(cell: Cell) -> float:
    """Return 10, from where on a state is called massive."""
    return MASSIVE


def one_half(cell: Cell) -> float:
    """Return 1/2."""
    return 0.5


SINK_R5A = _real(
    id="SINK-R5a",
    title="The state of the first token is massive",
    statement=r"max_l \|h_1^l\| / mean_{t>1} \|h_t^l\| >= 10 in every text",
    source=SOURCE + "Appendix C.3",
    statistic=BoundHolds(side="lower"),
    grid=sizes({}),
    measure=largest_state,
    bound=massive_state,
    control=NegativeControl(because="another token has no massive state", measure=largest_state_of_another),
    seconds={"quick": 1.0, "standard": 1.0, "full": 1.0},
)
SINK_R5B = _real(
    id="SINK-R5b",
    title="Where its state is massive, the value of the first token is short",
    statement=r"mean over layers with massive h_1 of \|v_1\| / mean_{t>1} \|v_t\| <= 1/2 in every text",
    source=SOURCE + "Appendix C.3",
    statistic=BoundHolds(),
    grid=sizes({}),
    measure=drained_value,
    bound=one_half,
    control=NegativeControl(
        because="the value of another token is not drained", measure=drained_value_of_another
    ),
    seconds={"quick": 1.0, "standard": 1.0, "full": 1.0},
)

REAL_MODEL = (SINK_R1A, SINK_R1B, SINK_R2A, SINK_R2B, SINK_R3, SINK_R4A, SINK_R4B, SINK_R5A, SINK_R5B)
