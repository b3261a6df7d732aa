"""STD-3: what attention over the kept keys loses, and which keys to keep."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from tightbound.theory.speculative.sparse_attention import (
    kept_mass,
    sparse_error,
    sparse_error_bound,
    top_keys,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality

PAPER = "sparse_to_dense"
RANDOM = "random attention weights and values in place of a video language model's"

Arrays = dict[str, Any]


class Instances:
    """Attention weights from logits of a given spread, values around a common mean, and the top keys."""

    def __init__(self, cell: Cell, rng: np.random.Generator) -> None:
        count, keys = cell["instances"], cell["keys"]
        logits = cell["spread"] * rng.standard_normal((count, keys))
        weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
        self.weights = weights / weights.sum(axis=-1, keepdims=True)
        self.values = 2.0 + rng.standard_normal((count, keys, cell["dim"]))
        self.keep = np.zeros((count, keys), dtype=bool)
        top = top_keys(self.weights[:, np.newaxis], cell["kept"])
        np.put_along_axis(self.keep, top, True, axis=-1)

    def output(self, weights: np.ndarray) -> np.ndarray:
        """Return the weighted sums of values."""
        return np.asarray(np.einsum("rn,rnd->rd", weights, self.values))

    def truncated(self) -> np.ndarray:
        """Weights of the kept keys, left as they are."""
        return np.where(self.keep, self.weights, 0.0)

    def sparse(self) -> np.ndarray:
        """Weights of attention over the kept keys alone."""
        kept = self.truncated()
        return np.asarray(kept / kept.sum(axis=-1, keepdims=True))


GRID = Grid(
    quick=cells(keys=[64], kept=[1, 8, 32], spread=[0.5, 2.0, 6.0], dim=[16], instances=[50]),
    standard=cells(keys=[128], kept=[1, 8, 64, 128], spread=[0.5, 2.0, 6.0], dim=[64], instances=[100]),
    full=cells(keys=[512], kept=[1, 8, 64, 256], spread=[0.5, 2.0, 6.0], dim=[64], instances=[100]),
)
SOURCE = "derived; proved in sparse_error, sparse_error_bound, kept_mass and top_keys"


def output_error(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Error of attention over the kept keys, beside (1 - m) times the difference of the two parts."""
    drawn = Instances(cell, rng)
    return {
        "value": drawn.output(drawn.sparse()) - drawn.output(drawn.weights),
        "reference": sparse_error(drawn.weights, drawn.keep, drawn.values),
    }


def output_error_of_truncated_weights(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the kept weights are not made to sum to one."""
    drawn = Instances(cell, rng)
    return {
        "value": drawn.output(drawn.truncated()) - drawn.output(drawn.weights),
        "reference": sparse_error(drawn.weights, drawn.keep, drawn.values),
    }


STD_3A = Claim(
    id="STD-3a",
    paper=PAPER,
    title="The error of sparse attention is the dropped mass times the gap between kept and dropped parts",
    statement=r"o_S - o = (1 - m)(o_S - o_R)",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(atol=1e-13),
    grid=GRID,
    measure=output_error,
    control=NegativeControl(
        measure=output_error_of_truncated_weights,
        because="weights that do not sum to one shrink the output, also where kept and dropped parts agree",
    ),
    substitutes=RANDOM,
    seconds={"quick": 0.1, "standard": 0.5},
)


def _norms(cell: Cell, rng: np.random.Generator, renormalised: bool) -> Arrays:
    drawn = Instances(cell, rng)
    used = drawn.sparse() if renormalised else drawn.truncated()
    gap = drawn.output(used) - drawn.output(drawn.weights)
    bound = sparse_error_bound(drawn.weights, drawn.keep, drawn.values)
    return {
        "value": np.linalg.norm(gap, axis=-1),
        "bound": bound,
        "mass": kept_mass(drawn.weights, drawn.keep),
    }


def error_norm(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Norm of that error, beside the dropped mass times the diameter of the values."""
    return _norms(cell, rng, renormalised=True)


def error_norm_of_truncated_weights(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for kept weights that are not made to sum to one."""
    return _norms(cell, rng, renormalised=False)


STD_3B = Claim(
    id="STD-3b",
    paper=PAPER,
    title="Sparse attention errs by at most the dropped mass times the diameter of the values",
    statement=r"|o_S - o| <= (1 - m) diam(V) <= 2 (1 - m) max_n |v_n|",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(slack=1e-13),
    grid=GRID,
    measure=error_norm,
    control=NegativeControl(
        measure=error_norm_of_truncated_weights,
        because="without making the weights sum to one the mean of the values is lost too",
    ),
    substitutes=RANDOM,
    seconds={"quick": 0.2, "standard": 2.5},
)


def _distance(cell: Cell, rng: np.random.Generator, renormalised: bool) -> Arrays:
    drawn = Instances(cell, rng)
    used = drawn.sparse() if renormalised else drawn.truncated()
    return {
        "value": 0.5 * np.abs(used - drawn.weights).sum(axis=-1),
        "reference": 1.0 - kept_mass(drawn.weights, drawn.keep),
    }


def distance_of_weights(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Total variation between sparse and dense weights, beside the dropped mass."""
    return _distance(cell, rng, renormalised=True)


def distance_of_truncated_weights(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same, half the L1 distance, for weights that do not sum to one."""
    return _distance(cell, rng, renormalised=False)


STD_3C = Claim(
    id="STD-3c",
    paper=PAPER,
    title="In total variation, sparse attention is off by the dropped mass, exactly",
    statement=r"TV(a_S, a) = 1 - m",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(atol=1e-13),
    grid=GRID,
    measure=distance_of_weights,
    control=NegativeControl(
        measure=distance_of_truncated_weights,
        because="weights that are cut and not rescaled are off by half as much: nothing was added elsewhere",
    ),
    substitutes=RANDOM,
    seconds={"quick": 0.1, "standard": 0.2},
)


def _groups(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (instances, G, N) and, for every set of K keys, the mass that the group keeps."""
    weights = rng.dirichlet(np.full(cell["keys"], 0.3), (cell["instances"], cell["group"]))
    sets = list(combinations(range(cell["keys"]), cell["kept"]))
    return weights, np.stack([weights[..., list(chosen)].sum(axis=(-2, -1)) for chosen in sets], axis=-1)


def _shared(cell: Cell, rng: np.random.Generator, chosen: np.ndarray, groups: Any) -> Arrays:
    weights, masses = groups
    kept = np.take_along_axis(weights, chosen[:, np.newaxis], axis=-1).sum(axis=(-2, -1))
    return {"value": kept, "reference": masses.max(axis=-1)}


def mass_of_summed_choice(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mass kept by the keys of largest summed weight, beside the best over all sets of that size."""
    groups = _groups(cell, rng)
    return _shared(cell, rng, top_keys(groups[0], cell["kept"]), groups)


def mass_of_first_head(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for the best keys of the first head alone."""
    groups = _groups(cell, rng)
    return _shared(cell, rng, top_keys(groups[0][:, :1], cell["kept"]), groups)


GROUPS = Grid(
    quick=cells(keys=[9], kept=[1, 3], group=[2, 3], instances=[30]),
    standard=cells(keys=[12], kept=[1, 3, 6], group=[2, 3, 7], instances=[100]),
)

STD_3D = Claim(
    id="STD-3d",
    paper=PAPER,
    title="Among all sets of one size, the keys of largest summed weight keep most mass over a group",
    statement=r"\sum_g a_g(S) is largest for the top K of \sum_g a_g",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(atol=1e-13),
    grid=GROUPS,
    measure=mass_of_summed_choice,
    control=NegativeControl(
        measure=mass_of_first_head, because="the best keys of one head are not those of the group"
    ),
    substitutes=RANDOM,
    seconds={"quick": 0.1, "standard": 1.0},
)


def _of_one_head(cell: Cell, rng: np.random.Generator, group: int) -> Arrays:
    """Mass that the first head keeps, beside the most it could keep with a set of its own."""
    weights, _ = _groups(cell, rng)
    chosen = top_keys(weights[:, :group], cell["kept"])
    kept = np.take_along_axis(weights[:, 0], chosen, axis=-1).sum(axis=-1)
    best = np.sort(weights[:, 0], axis=-1)[:, -cell["kept"] :].sum(axis=-1)
    return {"value": kept, "reference": best}


def mass_of_own_choice(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mass of a head under its own choice, beside the most it could keep."""
    return _of_one_head(cell, rng, 1)


def mass_of_shared_choice(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same under the choice that it shares with its group."""
    return _of_one_head(cell, rng, cell["group"])


STD_3E = Claim(
    id="STD-3e",
    paper=PAPER,
    title="A head alone keeps its own best keys; sharing them with a group costs it mass",
    statement=r"a_g(S) is largest for the top K of a_g, and that set is not the group's",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(atol=1e-13),
    grid=GROUPS,
    measure=mass_of_own_choice,
    control=NegativeControl(
        measure=mass_of_shared_choice, because="keys that suit the group on average are not each head's best"
    ),
    substitutes=RANDOM,
    seconds={"quick": 0.1, "standard": 1.0},
)

KEPT_KEYS = (STD_3A, STD_3B, STD_3C, STD_3D, STD_3E)
