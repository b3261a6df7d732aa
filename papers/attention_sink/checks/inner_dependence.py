"""SINK-I6, I9: how scores of a row depend on each other, and the gradient that feeds a sink."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.papers.attention_sink.checks._training import PAPER, Arrays
from tightbound.theory.attention.inner_dependence import logit_gradient, sigmoid_jacobian, softmax_jacobian
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality

Array = NDArray[np.float64]

COLUMNS, WIDTH = 12, 6
HEADS = "single heads with random logits and values stand for those of language models"
# sums of a dozen products of numbers below 10, differentiated once: some thousand units of rounding
ROUNDING = Equality(atol=1e-12)
SIZES = {"quick": 20, "standard": 200, "full": 2000}


# --- I6: the Jacobian of the scores -------------------------------------------------------------------------


def _jacobian(operation: str, normaliser: str, logits: Array) -> tuple[Array, Array]:
    """Return scores (R, C) of rows of logits and, by differentiation, their derivatives (R, C, C)."""
    import jax

    from tightbound.simulators.attention.scores import scores_of_logits
    from tightbound.theory.attention.architecture import Architecture

    given: dict[str, Any] = {"operation": operation, "normaliser": normaliser}
    architecture = Architecture(2, COLUMNS, **given)

    def scores(row: Any) -> Any:
        return scores_of_logits(architecture, row, True, 1.0)

    with jax.enable_x64(True):
        rows = jax.numpy.asarray(logits)
        found = jax.jit(jax.vmap(lambda row: (scores(row), jax.jacrev(scores)(row))))(rows)
        return np.asarray(found[0]), np.asarray(found[1])


def jacobian_and_formula(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return derivatives of scores by logits beside the formula of the operation, (1, R C C)."""
    logits = rng.normal(0.0, 2.0, (SIZES["quick"], COLUMNS))
    scores, found = _jacobian(cell["operation"], cell["normaliser"], logits)
    formula = softmax_jacobian if cell["operation"] == "softmax" else sigmoid_jacobian
    return {"value": found.reshape(1, -1), "reference": formula(scores).reshape(1, -1)}


def jacobian_and_other_formula(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same beside the formula without, or with, the dependence on other logits."""
    logits = rng.normal(0.0, 2.0, (SIZES["quick"], COLUMNS))
    scores, found = _jacobian(cell["operation"], cell["normaliser"], logits)
    if cell["operation"] == "softmax":
        formula = sigmoid_jacobian(scores)
    else:
        formula = scores[..., None] * (np.eye(COLUMNS) - scores[..., None, :])
    return {"value": found.reshape(1, -1), "reference": formula.reshape(1, -1)}


SINK_I6 = Claim(
    id="SINK-I6",
    paper=PAPER,
    title="Scores of a softmax depend on each other's logits, those of a sigmoid without normaliser do not",
    statement=r"dA_ij/ds_ik = A_ij (1[j=k] - A_ik) for softmax; 1[j=k] A_ij (1 - A_ij) for sigmoid, Z = 1",
    source="derived; cf. Gu et al. 2025, the section on attention operations",
    provenance="derived",
    statistic=ROUNDING,
    grid=Grid(
        quick=[
            {"operation": "softmax", "normaliser": "sum"},
            {"operation": "sigmoid", "normaliser": "none"},
        ],
        replicates={"quick": 1, "standard": 10, "full": 100},
    ),
    measure=jacobian_and_formula,
    control=NegativeControl(
        because="with the other operation's formula the entries off the diagonal are wrong",
        measure=jacobian_and_other_formula,
    ),
    substitutes=HEADS,
    seconds={"quick": 1.0, "standard": 3.0},
)


# --- I9: the gradient that creates the sink -----------------------------------------------------------------


def _head(rng: np.random.Generator, heads: int) -> dict[str, Array]:
    """Return logits, values and the loss gradient of random heads, with both gradients by differentiation.

    The loss of a head is sum_t sin(out_t W) for random W, so that its gradient is no constant.
    """
    import jax
    import jax.numpy as jnp

    def output(logits: Any, values: Any) -> Any:
        seen = jnp.tril(jnp.ones((COLUMNS, COLUMNS), bool))
        return jax.nn.softmax(jnp.where(seen, logits, -jnp.inf), axis=-1) @ values

    def loss_of_output(out: Any, weight: Any) -> Any:
        return jnp.sin(out @ weight).sum()

    def one(logits: Any, values: Any, weight: Any) -> Any:
        out = output(logits, values)
        return (
            jax.grad(loss_of_output)(out, weight),
            jax.grad(lambda s: loss_of_output(output(s, values), weight))(logits),
            out,
        )

    logits = rng.normal(0.0, 1.5, (heads, COLUMNS, COLUMNS))
    values = rng.normal(size=(heads, COLUMNS, WIDTH))
    values[:, 0] = 0.0
    weight = rng.normal(size=(heads, WIDTH, WIDTH))
    with jax.enable_x64(True):
        u, slope, out = (np.asarray(part) for part in jax.jit(jax.vmap(one))(logits, values, weight))
    odds = np.where(np.tri(COLUMNS, dtype=bool), np.exp(logits - logits.max(axis=-1, keepdims=True)), 0.0)
    scores = odds / odds.sum(axis=-1, keepdims=True)
    return {"scores": scores, "values": values, "u": u, "slope": slope, "out": out}


def gradient_and_formula(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the derivatives of the loss by the logits beside the formula, (1, heads T T)."""
    head = _head(rng, cell["heads"])
    formula = logit_gradient(head["scores"], head["values"], head["u"])
    return {"value": head["slope"].reshape(1, -1), "reference": formula.reshape(1, -1)}


def gradient_without_competition(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same beside A_tj u_t v_j, which leaves the other columns out."""
    head = _head(rng, cell["heads"])
    formula = head["scores"] * (head["u"] @ head["values"].mT)
    return {"value": head["slope"].reshape(1, -1), "reference": formula.reshape(1, -1)}


def _first(cell: Cell, rng: np.random.Generator, *, hurting: bool) -> Arrays:
    head = _head(rng, cell["heads"])
    along = (head["u"] * head["out"]).sum(axis=-1)[:, 1:]
    chosen = along > 0.0 if hurting else along < 0.0
    value = head["slope"][:, 1:, 0][chosen]
    return {"value": value, "bound": -head["scores"][:, 1:, 0][chosen] * np.abs(along[chosen])}


def gradient_on_first(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return dL/ds_t1 for rows whose output hurts, beside minus A_t1 times how much."""
    return _first(cell, rng, hurting=True)


def gradient_on_first_where_it_helps(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for rows whose output helps."""
    return _first(cell, rng, hurting=False)


GRID = Grid(quick=cells(heads=[SIZES["quick"]]), standard=cells(heads=[200]), full=cells(heads=[2000]))

SINK_I9A = Claim(
    id="SINK-I9a",
    paper=PAPER,
    title="The gradient of a logit is its score times the advantage of its value",
    statement=r"dL/ds_tj = A_tj (u_t v_j - sum_k A_tk u_t v_k), u_t = dL/d out_t",
    source="derived",
    provenance="derived",
    statistic=ROUNDING,
    grid=GRID,
    measure=gradient_and_formula,
    control=NegativeControl(
        because="without the mean over the row the formula forgets that columns compete",
        measure=gradient_without_competition,
    ),
    substitutes=HEADS,
    seconds={"quick": 1.0, "standard": 2.0},
)
SINK_I9B = Claim(
    id="SINK-I9b",
    paper=PAPER,
    title="A head whose output hurts gains by attending to a first token without value",
    statement=r"v_1 = 0 and u_t out_t > 0 imply dL/ds_t1 = -A_t1 u_t out_t < 0",
    source="derived",
    provenance="derived",
    statistic=BoundHolds(slack=1e-12),
    grid=GRID,
    measure=gradient_on_first,
    control=NegativeControl(
        because="where the output helps, attending to the first token costs",
        measure=gradient_on_first_where_it_helps,
    ),
    substitutes=HEADS,
    seconds={"quick": 1.0, "standard": 2.0},
)

INNER_DEPENDENCE = (SINK_I6, SINK_I9A, SINK_I9B)
