"""PLN-13 and PLN-20: pretraining by counting, and the whole chain from documents to regret."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.bail_planner.checks.contrastive import CONTRASTIVE
from tightbound.papers.bail_planner.checks.language_model_error import LANGUAGE_MODEL_ERROR
from tightbound.papers.bail_planner.checks.recurrent import RECURRENT
from tightbound.theory.planning.bounds import count_mle_bound, derived_epsilon, sampled_mass
from tightbound.theory.planning.count_error import context_free_floor, expected_count_error
from tightbound.theory.planning.evaluation import distinguishability
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.lattice import Lattice
from tightbound.theory.planning.reported_trial import UNIT, reported_trial
from tightbound.theory.planning.tree import HistoryTree
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Order, Slope

PAPER = "bail_planner"
COUNTS = (
    "a count table over prompt contexts (rounded posterior, current prefix) in place of a GPT-scale language "
    "model, tables in place of the Reporter, a product of tabular kernels in place of the Actor"
)
SOURCE = "derived; cf. He et al. 2024, pretraining of the language model"

Arrays = dict[str, Any]


# --- PLN-13: the error of counting --------------------------------------------------------------------------


def _prompts(cell: Cell) -> tuple[np.ndarray, np.ndarray]:
    """Return the law of contexts (C,) and of the label in each (C, G).

    ``documents``: the prompt of a random episode among ``size`` of a document on REPORTED-TRIAL, whose
    context is its exact posterior and whose label is the expert's subgoal. ``random``: ``size`` contexts
    with Dirichlet laws of 4 labels.
    """
    if cell["prompts"] == "random":
        rng = np.random.default_rng(cell["size"])
        return rng.dirichlet(np.ones(cell["size"])), rng.dirichlet(np.ones(4), size=cell["size"])
    lattice = Lattice.of(reported_trial(), 0, UNIT, reach=4.0 * cell["size"] * UNIT)
    uniform = np.full((2 * lattice.radius + 1, 2), 0.5)
    here = lattice.occupation(uniform, cell["size"])
    mass = 0.5 * (here + here[::-1])
    seen = mass > 0
    return mass[seen] / mass[seen].sum(), np.stack([lattice.weight, 1.0 - lattice.weight], 1)[seen]


def count_error(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the exact expected error of the count table with its bound, against the number of samples."""
    contexts, labels = _prompts(cell)
    sizes = 2 ** np.array(cell["log_samples"])
    return {
        "value": np.array([[expected_count_error(contexts, labels, int(n)) for n in sizes]]),
        "bound": np.array([[count_mle_bound(contexts, labels.shape[1], int(n)) for n in sizes]]),
        "x": sizes.astype(np.float64),
        "floor": np.array([context_free_floor(contexts, labels)]),
    }


def context_free_error(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a table that ignores the prompt."""
    from tightbound.simulators.planning.language_models.count_model import CountModel

    found = count_error(cell, rng)
    contexts, labels = _prompts(cell)
    value = []
    for n in found["x"]:
        seen = rng.choice(labels.shape[1], size=int(n), p=contexts @ labels)
        law = CountModel.fit(np.zeros((seen.size, 1), dtype=np.int64), seen, labels=labels.shape[1]).law((0,))
        value.append(contexts @ (0.5 * np.abs(law - labels).sum(axis=1)))
    return {**found, "value": np.array([value])}


LADDER = tuple(range(8, 19, 2))
PROMPTS = [
    *cells(prompts=["documents"], size=[4, 8], log_samples=[LADDER]),
    *cells(prompts=["random"], size=[16, 64], log_samples=[LADDER]),
]
MORE_PROMPTS = [
    *cells(prompts=["documents"], size=[2, 4, 8, 12], log_samples=[tuple(range(8, 19))]),
    *cells(prompts=["random"], size=[4, 16, 64], log_samples=[tuple(range(8, 19))]),
]

PLN_13A = Claim(
    id="PLN-13a",
    paper=PAPER,
    title="The expected error of a count table stays below its bound",
    statement=r"E TV <= \sum_c p_c \min\{1, \sqrt{(G-1)/(2 N p_c)} + (1 - 1/G)(1 - p_c)^N\}",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(quick=PROMPTS, standard=MORE_PROMPTS),
    measure=count_error,
    control=NegativeControl(
        measure=context_free_error,
        because="a table that ignores the prompt cannot fall below a floor, while the bound does",
    ),
    substitutes=COUNTS,
    seconds={"quick": 0.5, "standard": 2.0},
)

PLN_13B = Claim(
    id="PLN-13b",
    paper=PAPER,
    title="The error of a count table falls as one over the root of the number of samples",
    statement="log-log slope of the exact expected total variation is -1/2 within 0.05",
    source=SOURCE,
    provenance="derived",
    statistic=Slope(target=-0.5, side="two-sided", tolerance=0.05, method="exact"),
    grid=Grid(quick=PROMPTS, standard=MORE_PROMPTS),
    measure=count_error,
    control=NegativeControl(
        measure=context_free_error,
        because="a table that ignores the prompt stops at its floor",
    ),
    substitutes=COUNTS,
    seconds={"quick": 0.5, "standard": 2.0},
)


def _tables(cell: Cell, rng: np.random.Generator, *, free: bool) -> Arrays:
    from tightbound.simulators.planning.language_models.count_model import CountModel

    contexts, labels = _prompts(cell)
    found = []
    for _ in range(cell["runs"]):
        drawn = rng.choice(labels.size, size=cell["samples"], p=(contexts[:, None] * labels).ravel())
        context, label = np.divmod(drawn, labels.shape[1])
        keys = np.zeros_like(context) if free else context
        table = CountModel.fit(keys[:, None], label, labels=labels.shape[1])
        asked = np.zeros(contexts.size, dtype=np.int64) if free else np.arange(contexts.size)
        found.append(contexts @ (0.5 * np.abs(table.laws(asked[:, None]) - labels).sum(axis=1)))
    return {"value": np.array(found), "contexts": contexts[None], "labels": labels[None]}


def sampled_tables(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return errors of count tables fitted to samples, beside their exact expectation."""
    found = _tables(cell, rng, free=False)
    expected = expected_count_error(found["contexts"][0], found["labels"][0], cell["samples"])
    return {"value": found["value"], "reference": np.array([expected])}


def sampled_context_free(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for tables that ignore the prompt."""
    found = _tables(cell, rng, free=True)
    expected = expected_count_error(found["contexts"][0], found["labels"][0], cell["samples"])
    return {"value": found["value"], "reference": np.array([expected])}


PLN_13C = Claim(
    id="PLN-13c",
    paper=PAPER,
    title="Fitted count tables have the exact expected error",
    statement="mean TV of tables fitted to N samples equals the sum over numbers of visits, within 5 %",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(rtol=0.05, method="t"),
    grid=Grid(
        quick=[
            {"prompts": "documents", "size": 8, "samples": 512, "runs": 3400},
            {"prompts": "random", "size": 16, "samples": 2048, "runs": 600},
        ],
        standard=[
            {"prompts": prompts, "size": size, "samples": samples, "runs": 2000}
            for prompts, size in (("documents", 8), ("random", 16))
            for samples in (64, 512, 2048)
        ],
    ),
    measure=sampled_tables,
    control=NegativeControl(
        measure=sampled_context_free,
        grid=Grid(quick=[{"prompts": "documents", "size": 8, "samples": 512, "runs": 100}]),
        because="a table that ignores the prompt has another error",
    ),
    substitutes=COUNTS,
    seconds={"quick": 4.5, "standard": 10.0},
)


def error_without_context(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return errors of tables that ignore the prompt, beside their floor."""
    found = _tables(cell, rng, free=True)
    floor = context_free_floor(found["contexts"][0], found["labels"][0])
    return {"value": found["value"], "reference": np.array([floor])}


def error_with_context(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return errors of tables that do not, beside the same floor."""
    found = _tables(cell, rng, free=False)
    floor = context_free_floor(found["contexts"][0], found["labels"][0])
    return {"value": found["value"], "reference": np.array([floor])}


PLN_13D = Claim(
    id="PLN-13d",
    paper=PAPER,
    title="A table that ignores the prompt stops at a computable floor",
    statement=r"TV \to \sum_c p_c TV(p_c, \sum_{c'} p_{c'} p_{c'}), within 1 % at N = 2^{18}",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(rtol=0.01),
    grid=Grid(
        quick=[
            {"prompts": "documents", "size": 8, "samples": 2**18, "runs": 3},
            {"prompts": "random", "size": 16, "samples": 2**18, "runs": 3},
        ],
        standard=[
            {"prompts": prompts, "size": size, "samples": 2**18, "runs": 10}
            for prompts, size in (("documents", 8), ("random", 16))
        ],
    ),
    measure=error_without_context,
    control=NegativeControl(
        measure=error_with_context,
        because="a table that keeps the prompt's context passes below that floor",
    ),
    substitutes=COUNTS,
    seconds={"quick": 1.5, "standard": 5.0},
)


# --- PLN-20: from documents to regret -----------------------------------------------------------------------

ALWAYS_TRY = np.array([0.0, 1.0])
NEGATIVES = np.array([0.5, 0.5])
RADIUS = 14  # a context holds log odds up to 14 log 2, that is, weights up to 1 - 6e-5


def _eps(episodes: int) -> float:
    eta = distinguishability(reported_trial(), ALWAYS_TRY)
    return float(derived_epsilon(episodes, eta, sampled_mass(2, 2)))


def _lattice(reliability: np.ndarray | None, truth: int) -> Lattice:
    return Lattice.of(reported_trial(reliability), truth, UNIT, reach=100.0)


GAP = 2.0 / 3.0 - 0.5  # what a wrong subgoal costs


def _perfect_regret(cell: Cell) -> float:
    """Exact regret per episode, in gaps, of a perfect language model with a Reporter as assumed."""
    lattice, eps = _lattice(None, cell["truth"]), _eps(cell["episodes"])
    policy = (1.0 - eps) * lattice.bail() + eps * ALWAYS_TRY
    return float(lattice.forward(policy, cell["episodes"]).regret[-1] / cell["episodes"] / GAP)


def _trained_regret(cell: Cell, documents: int, radius: int, rng: np.random.Generator) -> float:
    """Pretrain both models, and return the exact regret per episode, in gaps, of the planner they make."""
    from tightbound.simulators.planning.language_models.pretraining import PromptContexts, write_documents
    from tightbound.simulators.planning.language_models.reporter import TabularContrastive, sample_pairs

    assumed = reported_trial()
    tree = HistoryTree(assumed)
    contexts = PromptContexts(UNIT, radius)
    drawn = write_documents(tree, expert(tree), documents, cell["length"], rng=rng)
    table = contexts.fit(tree, drawn)
    q = float(assumed.observation[2, 2])
    pairs = sample_pairs(
        [[q, 1.0 - q], [1.0 - q, q]], NEGATIVES, documents * cell["length"] * assumed.horizon, rng=rng
    )
    learned = TabularContrastive(NEGATIVES).fit(pairs).translation
    lattice = _lattice(np.diag(learned), cell["truth"])
    own = lattice.weight if cell["truth"] == 0 else 1.0 - lattice.weight
    bins = contexts.bins(np.stack([own, 1.0 - own], axis=1))
    answers = table.laws(np.stack([*np.zeros((3, bins.size), dtype=np.int64), bins], axis=1))
    eps = _eps(cell["episodes"])
    policy = (1.0 - eps) * answers + eps * ALWAYS_TRY
    return float(lattice.forward(policy, cell["episodes"]).regret[-1] / cell["episodes"] / GAP)


def _mean_regret(cell: Cell, documents: int, radius: int, rng: np.random.Generator) -> float:
    """Return that regret; from few documents it is a matter of chance, and averaged."""
    repeats = cell["repeats"] if documents <= FEW else 1
    return float(np.mean([_trained_regret(cell, documents, radius, rng) for _ in range(repeats)]))


def _end_to_end(cell: Cell, rng: np.random.Generator, radius: int) -> np.ndarray:
    """Regret per episode after pretraining, shape (R, number of N_p)."""
    return np.array(
        [[_mean_regret(cell, n, radius, rng) for n in cell["documents"]] for _ in range(cell["runs"])]
    )


def fewer_and_more_documents(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return regret per episode with N_p documents and with 64 times as many."""
    share = _end_to_end(cell, rng, RADIUS)
    return {
        "greater": share[:, :2],
        "smaller": share[:, 3:5],
        "share": share,
        "documents": np.array(cell["documents"])[None],
        "floor": np.array([_perfect_regret(cell)]),
    }


def perfect_at_once(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a language model and a Reporter that need no documents."""
    floor = np.full((2, 2), _perfect_regret(cell))
    return {"greater": floor, "smaller": floor}


FEW = 4
END_TO_END = {"length": 8, "documents": (1, 4, 16, 64, 256), "repeats": 2}

PLN_20A = Claim(
    id="PLN-20a",
    paper=PAPER,
    title="More pretraining documents lower the regret of the whole chain",
    statement="E Reg(T)/T is smaller with 64 N_p documents than with N_p, for N_p = 1 and 4",
    source="derived; cf. He et al. 2024, regret in the practical setting",
    provenance="derived",
    statistic=Order(method="t"),
    grid=Grid(
        quick=[{**END_TO_END, "truth": 0, "episodes": 1000, "runs": 30}],
        standard=[{**END_TO_END, "truth": z, "episodes": 2000, "runs": 60} for z in (0, 1)],
        full=[{**END_TO_END, "truth": z, "episodes": 8000, "runs": 200} for z in (0, 1)],
    ),
    measure=fewer_and_more_documents,
    control=NegativeControl(
        measure=perfect_at_once,
        because="what is perfect without documents does not improve with them",
    ),
    substitutes=COUNTS,
    seconds={"quick": 6.0, "standard": 35.0, "full": 300.0},
)


def distance_to_floor(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return regret per episode after pretraining, beside that of perfect models."""
    share = _end_to_end(cell, rng, RADIUS)
    return {"value": share, "reference": np.array([_perfect_regret(cell)])}


def distance_without_the_past(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a table whose contexts leave out past episodes."""
    share = _end_to_end(cell, rng, 0)
    return {
        "value": share,
        "reference": np.array([_perfect_regret(cell)]),
        "documents": np.array(cell["documents"])[None],
    }


PLN_20B = Claim(
    id="PLN-20b",
    paper=PAPER,
    title="With enough pretraining documents the whole chain does as well as perfect models",
    statement="E Reg(T)/T at N_p = 256 is that of exact inference, within 1 % of what a wrong subgoal costs",
    source="derived; cf. He et al. 2024, regret in the practical setting",
    provenance="derived",
    statistic=Equality(atol=0.01, method="t"),
    grid=Grid(
        quick=[{"length": 8, "documents": (256,), "truth": z, "episodes": 1000, "runs": 16} for z in (0, 1)],
        standard=[
            {"length": 8, "documents": (256, 1024), "truth": z, "episodes": 2000, "runs": 50} for z in (0, 1)
        ],
    ),
    measure=distance_to_floor,
    control=NegativeControl(
        measure=distance_without_the_past,
        grid=Grid(quick=[{**END_TO_END, "truth": 0, "episodes": 1000, "runs": 10}]),
        because="a language model that ignores past episodes does not learn the environment from any number",
    ),
    substitutes=COUNTS,
    seconds={"quick": 2.0, "standard": 10.0},
)

PRETRAINING = (
    *LANGUAGE_MODEL_ERROR,
    PLN_13A,
    PLN_13B,
    PLN_13C,
    PLN_13D,
    *CONTRASTIVE,
    PLN_20A,
    PLN_20B,
    *RECURRENT,
)
