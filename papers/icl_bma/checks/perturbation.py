"""ICL-12: how far a softmax moves with its logits, and divergence by total variation: sharp constants."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import log_softmax, softmax

from tightbound.theory.in_context.perturbation import (
    kl_by_total_variation,
    kl_extremal_pair,
    softmax_extremal_logits,
    softmax_stability,
    stated_softmax_stability,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality

PAPER = "icl_bma"

# sums of at most 50 rounded terms of size at most 1
ROUNDING = 1e-13

Arrays = dict[str, Any]


def _total_variation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * np.abs(first - second).sum(axis=-1))


def _logit_pairs(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return logits, their changes (the largest of size eta), and eta, for many pairs."""
    shape = cell["pairs"], cell["size"]
    logits = rng.normal(0.0, 2.0, shape) * rng.exponential(1.0, (shape[0], 1))
    change = rng.uniform(0.0 if cell["one_sided"] else -1.0, 1.0, shape)
    # a third of the pairs moves every logit as far as allowed, a third a single one
    kind = rng.integers(3, size=(shape[0], 1))
    far = np.where(change > (0.5 if cell["one_sided"] else 0.0), 1.0, 0.0 if cell["one_sided"] else -1.0)
    single = np.where(np.arange(shape[1]) == 0, 1.0, 0.0)
    change = np.choose(kind, [change, far, np.broadcast_to(single, shape)])
    change *= np.exp(rng.uniform(np.log(1e-3), np.log(20.0), (shape[0], 1)))
    return logits, change, np.abs(change).max(axis=1)


def softmax_moves(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Total variation between softmax laws beside the sharp bound; trivial is the better of 1 and eta."""
    logits, change, eta = _logit_pairs(cell, rng)
    return {
        "value": _total_variation(softmax(logits, axis=1), softmax(logits + change, axis=1)),
        "bound": softmax_stability(eta, one_sided=cell["one_sided"]),
        "trivial": np.minimum(1.0, stated_softmax_stability(eta)),
    }


def softmax_moves_by_half(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with the bound at half the change, as if all changes had one sign."""
    found = softmax_moves(cell, rng)
    return found | {"bound": softmax_stability(2.0 * np.arctanh(found["bound"]), one_sided=True)}


def stated_softmax_moves(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the l1 distance beside twice the largest change, as printed."""
    logits, change, eta = _logit_pairs(cell, rng)
    return {
        "value": 2.0 * _total_variation(softmax(logits, axis=1), softmax(logits + change, axis=1)),
        "bound": 2.0 * stated_softmax_stability(eta),
    }


def softmax_moves_by_mean(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with the mean change in place of the largest."""
    logits, change, _ = _logit_pairs(cell, rng)
    return {
        "value": 2.0 * _total_variation(softmax(logits, axis=1), softmax(logits + change, axis=1)),
        "bound": 2.0 * np.abs(change).mean(axis=1),
    }


def softmax_extremes(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Total variation at the extremal logits, which should be the bound itself."""
    before, after = softmax_extremal_logits(cell["eta"], one_sided=cell["one_sided"])
    return {
        "value": _total_variation(softmax(before), softmax(after)),
        "reference": softmax_stability(cell["eta"], one_sided=cell["one_sided"]),
    }


def softmax_from_the_middle(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for changes that start at two equal logits."""
    before, after = softmax_extremal_logits(cell["eta"], one_sided=cell["one_sided"])
    found = _total_variation(softmax(np.zeros(2)), softmax(after - before))
    return {"value": found, "reference": softmax_stability(cell["eta"], one_sided=cell["one_sided"])}


def divergences(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean positive log-ratio (at least KL) beside the bound by total variation; trivial is b."""
    shape = cell["pairs"], cell["size"]
    spread = np.exp(rng.uniform(np.log(1e-2), np.log(6.0), (2, shape[0], 1)))
    p, q = log_softmax(rng.standard_normal((2, *shape)) * spread, axis=-1)
    largest = (p - q).max(axis=1)
    return {
        "value": (np.exp(p) * np.maximum(p - q, 0.0)).sum(axis=1),
        "bound": kl_by_total_variation(largest) * _total_variation(np.exp(p), np.exp(q)),
        "trivial": largest,
    }


def divergences_by_log_ratio(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with the constant b alone."""
    found = divergences(cell, rng)
    return found | {"bound": found["bound"] * -np.expm1(-found["trivial"])}


def divergence_extremes(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Divergence at the extremal pair of laws, which should be the bound itself."""
    p, q = kl_extremal_pair(cell["largest"])
    return {
        "value": -np.log(q[0]),
        "reference": kl_by_total_variation(cell["largest"]) * _total_variation(p, q),
    }


def shared_extremes(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the divergence of two laws with the same largest log-ratio and an atom where p is below q."""
    b = cell["largest"]
    q = np.array([0.5 * np.exp(-b), 1.0 - 0.5 * np.exp(-b)])
    return {
        "value": 0.5 * b + 0.5 * np.log(0.5 / q[1]),
        "reference": kl_by_total_variation(b) * _total_variation(np.array([0.5, 0.5]), q),
    }


_PAIRS = Grid(
    quick=cells(one_sided=[False, True], size=[2, 8, 50], pairs=[20_000]),
    standard=cells(one_sided=[False, True], size=[2, 8, 50], pairs=[200_000]),
    full=cells(one_sided=[False, True], size=[2, 8, 50, 500], pairs=[1_000_000]),
)
_TWO_SIDED = Grid(
    quick=cells(one_sided=[False], size=[2, 8, 50], pairs=[20_000]),
    standard=cells(one_sided=[False], size=[2, 8, 50], pairs=[200_000]),
    full=cells(one_sided=[False], size=[2, 8, 50, 500], pairs=[1_000_000]),
)

ICL_12A = Claim(
    id="ICL-12a",
    paper=PAPER,
    title="Lemma I.6 on the softmax holds, with a factor of two to spare",
    statement=r"\|softmax(x) - softmax(y)\|_1 <= 2 \|x - y\|_\infty; never more than half of it is used",
    source="Lemma I.6",
    provenance="text",
    statistic=BoundHolds(method="exact", slack=ROUNDING),
    grid=_PAIRS,
    measure=stated_softmax_moves,
    control=NegativeControl(
        measure=softmax_moves_by_mean,
        because="one logit that moves far is enough: the mean change does not bound the distance",
    ),
    seconds={"quick": 0.5, "standard": 5},
)

ICL_12B = Claim(
    id="ICL-12b",
    paper=PAPER,
    title="Logits that move by eta move a softmax law by at most tanh(eta/2)",
    statement=r"TV(softmax(x), softmax(x + \delta)) <= \tanh(\eta/2) for |\delta| <= \eta, and "
    r"\tanh(\eta/4) for 0 <= \delta <= \eta",
    source="derived; sharpens Lemma I.6",
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=ROUNDING),
    grid=_PAIRS,
    measure=softmax_moves,
    control=NegativeControl(
        measure=softmax_moves_by_half,
        grid=_TWO_SIDED,
        because="changes of both signs move a law twice as far as changes of one sign",
    ),
    seconds={"quick": 0.3, "standard": 4},
)

ICL_12C = Claim(
    id="ICL-12c",
    paper=PAPER,
    title="The sharp bound on a softmax is attained by two atoms",
    statement=r"TV = \tanh(\eta/2) at logits (-\eta, 0) and (0, -\eta); \tanh(\eta/4) with one sign",
    source="derived; the extremal pair of ICL-12b",
    provenance="derived",
    statistic=Equality(atol=ROUNDING),
    grid=Grid(quick=cells(one_sided=[False, True], eta=[1e-3, 0.1, 1.0, 5.0, 20.0])),
    measure=softmax_extremes,
    control=NegativeControl(
        measure=softmax_from_the_middle,
        because="changes that start at equal logits fall short of the bound",
    ),
    seconds={"quick": 0.05, "standard": 0.05},
)

ICL_12D = Claim(
    id="ICL-12d",
    paper=PAPER,
    title="A bounded log-ratio b turns total variation into divergence at the price b / (1 - exp(-b))",
    statement=r"KL(p, q) <= E_p (\log p/q)_+ <= b / (1 - e^{-b}) TV(p, q) where \log p/q <= b",
    source="derived; Lemma I.10 is of this kind (display lost in the copy read)",
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=ROUNDING),
    grid=Grid(
        quick=cells(size=[2, 8, 50], pairs=[20_000]),
        standard=cells(size=[2, 8, 50], pairs=[200_000]),
        full=cells(size=[2, 8, 50, 500], pairs=[1_000_000]),
    ),
    measure=divergences,
    control=NegativeControl(
        measure=divergences_by_log_ratio,
        because="the constant b alone is too small, most of all for nearly equal laws",
    ),
    seconds={"quick": 0.3, "standard": 3},
)

ICL_12E = Claim(
    id="ICL-12e",
    paper=PAPER,
    title="The sharp bound on divergence is attained by two atoms",
    statement=r"KL = b = b / (1 - e^{-b}) TV at p = (1, 0), q = (e^{-b}, 1 - e^{-b})",
    source="derived; the extremal pair of ICL-12d",
    provenance="derived",
    statistic=Equality(rtol=ROUNDING),
    grid=Grid(quick=cells(largest=[1e-3, 0.1, 1.0, 10.0, 100.0])),
    measure=divergence_extremes,
    control=NegativeControl(
        measure=shared_extremes,
        because="an atom where p is below q lowers the divergence and not the bound",
    ),
    seconds={"quick": 0.05, "standard": 0.05},
)

PERTURBATION = (ICL_12A, ICL_12B, ICL_12C, ICL_12D, ICL_12E)
