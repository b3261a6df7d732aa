"""ICL-7: the pretraining error against documents and their length, where both help and where one does not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tightbound.papers.icl_bma.checks.learned_prior import ICL_7K
from tightbound.theory.in_context.markov_tasks import MarkovTasks
from tightbound.theory.in_context.pretraining import (
    chain_error_bound,
    chain_first_order_error,
    empty_prompt_bound,
    stationary_law,
    two_token_error,
)
from tightbound.theory.planning.count_error import expected_count_error
from tightbound.verification.claim import Assumption, Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Slope

PAPER = "icl_bma"
SOURCE = "Theorem 5.3 (display lost in the copy read): generalisation part, average over positions"
TABLE = (
    "a table of transition frequencies of a token chain with bounded memory stands for a transformer that is "
    "trained on growing prefixes"
)
MIXTURE = (
    "maximum likelihood over mixtures of token chains, by EM started from the truth (the local maximiser), "
    "stands for a transformer trained by cross entropy; it is also the network that averages exactly, with "
    "its table and prior trained"
)

Arrays = dict[str, Any]


# --- Regimes (i) and (ii): one chain ------------------------------------------------------------------------


def _chain(cell: Cell) -> np.ndarray:
    """Reversible chain from random weights of pairs, made slow by staying where it is."""
    m = cell["tokens"]
    half = np.random.default_rng(m).uniform(0.2, 1.0, size=(m, m))
    rows = half + half.T
    fast = rows / rows.sum(axis=1, keepdims=True)
    return np.asarray(cell["stay"] * np.eye(m) + (1.0 - cell["stay"]) * fast)


def _surface(cell: Cell, rng: np.random.Generator, distinct: int | None = None) -> np.ndarray:
    """Errors (runs, documents, lengths); with few distinct documents, each is repeated."""
    from tightbound.simulators.in_context.pretraining.markov_mle import (
        chain_error,
        prefix_counts,
        sample_documents,
    )

    chain, documents, lengths = _chain(cell), cell["documents"], cell["lengths"]
    kept = documents if distinct is None else (distinct,)
    tokens = sample_documents(chain, kept[-1], lengths[-1], cell["runs"], rng=rng)
    error = chain_error(prefix_counts(tokens, len(chain), kept, lengths), chain)
    return np.broadcast_to(error, (cell["runs"], len(documents), len(lengths)))


def _curve(cell: Cell, surface: np.ndarray) -> Arrays:
    """Geometric mean over the other axis: its slope is the exponent of the fitted plane, run by run."""
    along = cell["along"]
    other = {"documents": 2, "lengths": 1}[along]
    return {
        "x": np.array(cell[along], dtype=np.float64),
        "value": np.exp(np.log(surface).mean(axis=other)),
        "surface": surface,
    }


def chain_exponent(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Error of transition frequencies against documents or against their length."""
    return _curve(cell, _surface(cell, rng))


def repeated_documents(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where all documents are copies of the first few, counted as if they were new."""
    return _curve(cell, _surface(cell, rng, distinct=cell["documents"][0]))


# One run's slope has standard deviation below 0.1, so 256 runs give intervals of 4.2 x 0.006; the
# deviation from -1/2 at these sizes is of order 1/(visits to a token), 0.01 to 0.02.
FAST: dict[str, Any] = {
    "tokens": [5],
    "stay": [0.0],
    "documents": [(16, 32, 64, 128)],
    "lengths": [(16, 32, 64, 128)],
}

ICL_7A = Claim(
    id="ICL-7a",
    paper=PAPER,
    title="On a fast chain documents and their length count alike: both exponents are one half",
    statement=r"log TV = c - a_N log N_p - a_T log T_p with a_N = a_T = 1/2 +- 0.05",
    source=SOURCE,
    provenance="derived",
    statistic=Slope(target=-0.5, side="two-sided", tolerance=0.05, method="per_seed"),
    grid=Grid(
        quick=cells(along=["documents", "lengths"], runs=[256], **FAST),
        standard=cells(along=["documents", "lengths"], runs=[512], **{**FAST, "tokens": [3, 5]}),
    ),
    measure=chain_exponent,
    control=NegativeControl(
        measure=repeated_documents,
        grid=Grid(quick=cells(along=["documents"], runs=[256], **FAST)),
        because="copies of 16 documents hold no new information, whatever their nominal number",
    ),
    substitutes=TABLE,
    seconds={"quick": 1.5, "standard": 6.0},
)


def scaled_error(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact error of a chain with two tokens, over its first-order value."""
    return _scaled(cell, 1)


def scaled_error_of_copies(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where every document occurs four times."""
    return _scaled(cell, 4)


def _scaled(cell: Cell, copies: int) -> Arrays:
    leave, back = cell["leave"], cell["back"]
    chain = np.array([[1.0 - leave, leave], [back, 1.0 - back]])
    n, t = cell["documents"], cell["length"]
    error = two_token_error(chain, n // copies, t)
    return {"value": error * math.sqrt(n * t) / chain_first_order_error(chain), "reference": 1.0}


ICL_7B = Claim(
    id="ICL-7b",
    paper=PAPER,
    title="TV times the root of N_p T_p is a known constant, exactly computed",
    statement=r"E TV \sqrt{N_p T_p} = (2\pi)^{-1/2} \sum_x \varpi_x^{1/2} \sum_y (P_{xy}(1 - P_{xy}))^{1/2} "
    "within 10 %",
    source=SOURCE + "; constant derived",
    provenance="derived",
    statistic=Equality(rtol=0.1),
    grid=Grid(
        quick=[
            *cells(leave=[0.5], back=[0.5], documents=[16, 64], length=[16, 32]),
            *cells(leave=[0.2], back=[0.35], documents=[16, 64], length=[16, 32]),
            *cells(leave=[0.7], back=[0.9], documents=[16, 64], length=[16, 32]),
        ],
    ),
    measure=scaled_error,
    control=NegativeControl(
        measure=scaled_error_of_copies,
        because="four copies of each document quadruple the nominal number and add no information: factor 2",
    ),
    substitutes=TABLE,
    seconds={"quick": 2.0, "standard": 2.0},
)


def slow_chain_error(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Error of transition frequencies of a slow chain at every size, beside its bound."""
    return _beside_bound(cell, _surface(cell, rng))


def slow_chain_error_of_copies(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where all documents are copies of the first few."""
    return _beside_bound(cell, _surface(cell, rng, distinct=cell["documents"][0]))


def _beside_bound(cell: Cell, surface: np.ndarray) -> Arrays:
    chain = _chain(cell)
    bound = [[chain_error_bound(chain, n, t) for t in cell["lengths"]] for n in cell["documents"]]
    return {
        "value": surface.reshape(len(surface), -1),
        "bound": np.array(bound).reshape(1, -1),
        "trivial": np.ones((1, len(cell["documents"]) * len(cell["lengths"]))),
    }


ICL_7C = Claim(
    id="ICL-7c",
    paper=PAPER,
    title="Slow mixing costs a term of order t_mix / (N_p T_p), and the rate stays",
    statement=r"E TV <= (N_pT_p)^{-1/2} \sum_x \varpi_x^{1/2} \sum_y (P_{xy}(1 - P_{xy}))^{1/2} + "
    r"4(m-1)/(N_pT_p) (1 + \lambda)/(1 - \lambda), \lambda the second eigenvalue",
    source=SOURCE + "; bound with constants derived",
    provenance="derived",
    statistic=BoundHolds(method="t"),
    grid=Grid(
        quick=cells(
            tokens=[3], stay=[0.0, 0.9, 0.97], documents=[(8, 32, 128)], lengths=[(16, 64, 256)], runs=[48]
        ),
        standard=cells(
            tokens=[3, 5],
            stay=[0.0, 0.9, 0.97, 0.99],
            documents=[(8, 32, 128)],
            lengths=[(16, 64, 256)],
            runs=[96],
        ),
    ),
    measure=slow_chain_error,
    control=NegativeControl(
        measure=slow_chain_error_of_copies,
        grid=Grid(
            quick=cells(
                tokens=[3], stay=[0.0, 0.9], documents=[(8, 32, 128)], lengths=[(16, 64, 256)], runs=[96]
            )
        ),
        because="copies of 8 documents hold no new information, whatever their nominal number",
    ),
    substitutes=TABLE,
    seconds={"quick": 0.8, "standard": 5.0},
)


def every_token_is_met(cell: Cell) -> bool:
    """Whether documents and transitions are enough for every token to be met often."""
    least = stationary_law(_chain(cell)).min()
    n, t = cell["documents"][0], cell["lengths"][0]
    return bool(n * least >= 3.0 and n * t * least >= 20.0)


# One run's slope has standard deviation 0.09 and mean -0.53 (100 runs of a trial with another seed): 400 runs
# give intervals of 4.4 x 0.0045.
SLOW: dict[str, Any] = {
    "tokens": [5],
    "stay": [0.9],
    "documents": [(20, 40, 80, 160)],
    "lengths": [(16, 32, 64, 128)],
}
SLOWER = SLOW | {"stay": [0.97], "lengths": [(64, 128, 256, 512)]}

ICL_7D = Claim(
    id="ICL-7d",
    paper=PAPER,
    title="On a slow chain both exponents are one half once every token has been met in some document",
    statement=r"a_N = a_T = 1/2 +- 0.07 where N_p \min \varpi >= 3 and N_pT_p \min \varpi >= 20",
    source=SOURCE,
    provenance="derived",
    statistic=Slope(target=-0.5, side="two-sided", tolerance=0.07, method="per_seed"),
    grid=Grid(
        quick=cells(along=["documents", "lengths"], runs=[400], **SLOW),
        standard=[
            *cells(along=["documents", "lengths"], runs=[400], **SLOW),
            *cells(along=["documents", "lengths"], runs=[128], **SLOWER),
        ],
        replicates={"quick": 1, "standard": 4, "full": 8},
    ),
    measure=chain_exponent,
    assumptions=(
        Assumption(
            name="every token is met",
            sentence="N_p min law >= 3 and N_p T_p min law >= 20 in the smallest cell",
            holds=every_token_is_met,
        ),
    ),
    control=NegativeControl(
        grid=Grid(
            quick=cells(
                along=["documents", "lengths"],
                runs=[160],
                tokens=[3],
                stay=[0.99],
                documents=[(1, 2, 4, 8)],
                lengths=[(8, 16, 32)],
            )
        ),
        because="with fewer documents than it takes to start in every token, new documents bring new tokens "
        "and longer ones do not",
    ),
    substitutes=TABLE,
    seconds={"quick": 2.0, "standard": 15.0},
)


# --- Regime (iii): a concept for every document -------------------------------------------------------------

TRUTH = MarkovTasks(
    [0.62, 0.38],
    [[0.6, 0.25, 0.15], [0.15, 0.3, 0.55]],
    [
        [[0.7, 0.2, 0.1], [0.1, 0.7, 0.2], [0.2, 0.1, 0.7]],
        [[0.15, 0.7, 0.15], [0.15, 0.15, 0.7], [0.7, 0.15, 0.15]],
    ],
)
FRESH = 40


def _fitted(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Errors of fitted mixtures (runs, documents, lengths): mean over positions, and at the empty prompt."""
    from tightbound.simulators.in_context.pretraining.mixture_em import fit_mixture, mixture_error
    from tightbound.simulators.in_context.pretraining.sequence_data import sample_sequences

    documents, lengths, runs = cell["documents"], cell["lengths"], cell["runs"]
    tokens = sample_sequences(TRUTH, runs * documents[-1], lengths[-1], rng=rng)[0]
    tokens = tokens.reshape(runs, documents[-1], lengths[-1])
    fresh = sample_sequences(TRUTH, runs * FRESH, lengths[-1], rng=rng)[0]
    laws = TRUTH.predictive(fresh).reshape(runs, FRESH, lengths[-1], -1)
    fresh = fresh.reshape(runs, FRESH, -1)
    mean, first = np.empty((2, runs, len(documents), len(lengths)))
    for i, n in enumerate(documents):
        for j, t in enumerate(lengths):
            fit = fit_mixture(tokens[:, :n, :t], TRUTH, tolerance=1e-8)
            if not fit.converged.all():
                raise RuntimeError(
                    f"EM did not converge in {int((~fit.converged).sum())} of {runs} runs with {n} documents "
                    f"of {t} tokens; allow more iterations"
                )
            error = mixture_error(fit, fresh[..., :t], laws[..., :t, :])
            mean[:, i, j], first[:, i, j] = error.mean(axis=1), error[:, 0]
    return mean, first


def empty_prompt_error(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Error at the empty prompt times the root of the number of documents.

    Against length, of fitted mixtures. Against documents, the exact expectation: after any update of EM the
    fitted law of the first token is the frequency of first tokens.
    """
    if cell["along"] == "documents":
        law = TRUTH.prior @ TRUTH.initial
        risk = [math.sqrt(n) * expected_count_error([1.0], [law], n) for n in cell["documents"]]
        return {"x": np.array(cell["documents"], dtype=np.float64), "value": np.array([risk])}
    _, first = _fitted(cell, rng)
    root = math.sqrt(cell["documents"][-1])
    return {"x": np.array(cell["lengths"], dtype=np.float64), "value": root * first[:, -1]}


def mean_error_in_its_place(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the error of fitted mixtures averaged over positions, times the same root."""
    mean, _ = _fitted(cell, rng)
    root = math.sqrt(cell["documents"][-1])
    return {"x": np.array(cell["lengths"], dtype=np.float64), "value": root * mean[:, -1]}


ICL_7E = Claim(
    id="ICL-7e",
    paper=PAPER,
    title="Longer documents do not help at the empty prompt: there the error is one over the root of N_p",
    statement=r"TV at position 0, times \sqrt{N_p}, changes neither with T_p (exponent 0, run by run) nor "
    "with N_p (exponent 0 +- 0.05)",
    source="qualification of Theorem 5.3, whose E_{S~D} averages over positions; derived",
    provenance="derived",
    statistic=Slope(target=0.0, side="two-sided", tolerance=0.05, method="exact"),
    grid=Grid(
        quick=[
            *cells(along=["lengths"], documents=[(64,), (256,)], lengths=[(8, 16, 32, 64)], runs=[16]),
            *cells(along=["documents"], documents=[(32, 64, 128, 256, 512, 1024)]),
        ],
        standard=[
            *cells(
                along=["lengths"], documents=[(64,), (256,), (1024,)], lengths=[(8, 16, 32, 64)], runs=[48]
            ),
            *cells(along=["documents"], documents=[(32, 64, 128, 256, 512, 1024, 4096)]),
        ],
    ),
    measure=empty_prompt_error,
    control=NegativeControl(
        measure=mean_error_in_its_place,
        grid=Grid(quick=cells(along=["lengths"], documents=[(256,)], lengths=[(8, 16, 32, 64)], runs=[16])),
        because="averaged over positions the error does fall with the length of documents",
    ),
    substitutes=MIXTURE,
    seconds={"quick": 0.8, "standard": 4.0},
)


def least_risks(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact risks at the empty prompt of two learners, mean over two priors, beside the lower bound.

    The first takes the frequencies of first tokens, as maximum likelihood does. The second is told the
    concept of every document, and knows the laws of the first token.
    """
    return _two_priors(cell, cell["documents"])


def least_risks_with_many_concepts(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where every one of 32 tokens of a document had drawn its own concept."""
    return _two_priors(cell, 32 * cell["documents"])


def _two_priors(cell: Cell, draws: int) -> Arrays:
    bound, gap = empty_prompt_bound(cell["documents"], TRUTH.initial)
    priors = [np.array([0.5 + side * gap, 0.5 - side * gap]) for side in (1, -1)]
    apart = 0.5 * np.abs(TRUTH.initial[0] - TRUTH.initial[1]).sum()
    frequency = np.mean([expected_count_error([1.0], [law @ TRUTH.initial], draws) for law in priors])
    told = apart * np.mean([expected_count_error([1.0], [law], draws) for law in priors])
    return {"value": np.array([[frequency, told]]), "bound": bound, "trivial": 0.0, "gap": gap}


ICL_7F = Claim(
    id="ICL-7f",
    paper=PAPER,
    title="At the empty prompt no learner beats one over the root of N_p, however long documents are",
    statement=r"(R_+ + R_-)/2 >= \gamma TV(\mu_0, \mu_1)(1 - TV(Bin(N_p, 1/2 + \gamma), "
    r"Bin(N_p, 1/2 - \gamma))) ~ c/\sqrt{N_p}, checked on two learners",
    source="qualification of Theorem 5.3; derived (two points, Le Cam)",
    provenance="derived",
    statistic=BoundHolds(method="exact", side="lower", slack=0.0),
    grid=Grid(
        quick=cells(documents=[16, 64, 256, 512, 1024]),
        standard=cells(documents=[4, 16, 64, 256, 512, 1024, 4096]),
    ),
    measure=least_risks,
    control=NegativeControl(
        measure=least_risks_with_many_concepts,
        because="if every token drew its own concept, N_p T_p concepts would be seen and not N_p",
    ),
    substitutes=MIXTURE,
    seconds={"quick": 0.1, "standard": 0.1},
)


def mixture_exponent(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Error of fitted mixtures averaged over positions, against documents or against their length."""
    mean, first = _fitted(cell, rng)
    return _curve(cell, mean) | {"first": first}


def empty_prompt_exponent(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the error at the empty prompt in the same way."""
    mean, first = _fitted(cell, rng)
    return _curve(cell, first) | {"mean": mean}


# The slope of one run has standard deviation 0.09 against documents and 0.14 against length (64 runs of a
# trial with another seed): 96 runs give intervals of 4.3 x 0.014 around exponents of 0.54 and 0.56.
ICL_7G = Claim(
    id="ICL-7g",
    paper=PAPER,
    title="With a hidden concept in every document the error averaged over positions keeps both exponents",
    statement=r"a_N >= 0.45 and a_T >= 0.45, although no document tells how often concepts are drawn",
    source=SOURCE,
    provenance="derived",
    statistic=Slope(target=-0.5, side="upper", tolerance=0.05, method="per_seed"),
    grid=Grid(
        quick=cells(
            along=["documents", "lengths"], documents=[(32, 128, 512)], lengths=[(8, 16, 32)], runs=[96]
        ),
        standard=cells(
            along=["documents", "lengths"],
            documents=[(32, 128, 512)],
            lengths=[(8, 16, 32, 64)],
            runs=[384],
        ),
    ),
    measure=mixture_exponent,
    control=NegativeControl(
        measure=empty_prompt_exponent,
        grid=Grid(quick=cells(along=["lengths"], documents=[(32, 128)], lengths=[(8, 16, 32)], runs=[96])),
        because="at the empty prompt the length of documents does not help",
    ),
    substitutes=MIXTURE,
    seconds={"quick": 2.5, "standard": 10.0},
)

PRETRAINING = (ICL_7A, ICL_7B, ICL_7C, ICL_7D, ICL_7E, ICL_7F, ICL_7G, ICL_7K)
