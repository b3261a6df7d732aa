"""COT-9: a transformer with trained weights that reasons step by step, and the floor that training leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.papers.cot_statistics.checks._chains import PAPER
from tightbound.theory.chain_of_thought.answer_law import log_posterior
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import Order

SOURCE = "derived; cf. Hu et al. 2024, abstract: error of prompting plus error of pretraining"
SUBSTITUTES = (
    "a transformer of two blocks with thousands of weights, trained on demonstrations of chains of discrete "
    "steps, in place of a language model"
)

MANY_PROMPTS = 20_000

Arrays = dict[str, Any]
Array = NDArray[np.float64]
Integers = NDArray[np.int64]


def _errors(chain: DiscreteChain, laws: Array, log_weights: Array) -> Array:
    r"""Return E KL(P_theta(y | z_0) || law) per prompt, theta from the posterior and z_0 from its law.

    ``laws`` are (B, m, m), ``log_weights`` (B, M). Averaging over the posterior is exact and leaves only the
    prompts to chance.
    """
    from scipy.special import xlogy

    weights, truth = np.exp(log_weights), chain.answer_table()
    own = np.einsum("bk,kz,kzy->b", weights, chain.query, xlogy(truth, truth))
    return np.asarray(own - np.einsum("bk,kz,kzy,bzy->b", weights, chain.query, truth, np.log(laws)))


def _tasks(cell: Cell) -> DiscreteChain:
    from tightbound.simulators.chain_of_thought.random_chain import random_chain

    return random_chain(
        cell["tasks"],
        cell["steps"],
        cell["states"],
        concentration=cell["concentration"],
        rng=cell["instance"],
    )


def _prompts(chain: DiscreteChain, length: int, count: int, rng: np.random.Generator) -> Integers:
    """Return prompts of ``length`` demonstrations of one task each, from the prior."""
    from tightbound.simulators.chain_of_thought.sampling import sample_demonstrations

    task = rng.choice(chain.tasks, size=count, p=chain.prior)
    return sample_demonstrations(chain, task, length, count, rng=rng)


def _exact(chain: DiscreteChain, prompts: Integers, n: int) -> tuple[Array, Array]:
    """Return the log posterior after n demonstrations and the error of prompting, one row per prompt."""
    posterior = log_posterior(chain, prompts[:, :n])
    # the law of the query is the same for all tasks, so that it tells nothing
    average = np.einsum("bk,kzy->bzy", np.exp(posterior), chain.answer_table())
    return posterior, _errors(chain, average, posterior)


def _prompt_error(cell: Cell, chain: DiscreteChain, rng: np.random.Generator) -> Array:
    """Return the error of prompting for n = 0, ..., N.

    Its mean rests on the few prompts that leave the task open, so it is taken over many more prompts than a
    model reads.
    """
    prompts = _prompts(chain, cell["demonstrations"], MANY_PROMPTS, rng)
    return np.array([_exact(chain, prompts, n)[1].mean() for n in range(cell["demonstrations"] + 1)])


def _curves(
    cell: Cell, rng: np.random.Generator, *, shared_task: bool = True, untrained: bool = True
) -> dict[str, Array]:
    """Train, and return errors against the number of demonstrations n = 0, ..., N.

    ``prompt`` (N+1,): err_prompt, of the exact average; ``trained`` (runs, N+1): err_pre, what the trained
    models add on the same prompts; where ``untrained`` asks for it, ``untrained`` (1, N+1): what random
    weights add.
    """
    from tightbound.simulators.chain_of_thought.demonstration_sequences import (
        DemonstrationSequences,
        generated_answer_laws,
    )
    from tightbound.simulators.language_models.causal_transformer import CausalTransformer
    from tightbound.simulators.language_models.schedule import Schedule
    from tightbound.simulators.language_models.training import train_many

    chain = _tasks(cell)
    prompts = _prompts(chain, cell["demonstrations"], cell["prompts"], rng)
    sequences = DemonstrationSequences(chain, cell["demonstrations"] + 1, shared_task)
    model = CausalTransformer(
        chain.states + 1, sequences.length, width=cell["width"], heads=cell["heads"], dtype=cell["dtype"]
    )
    schedule = Schedule(cell["updates"], cell["batch"], cell["learning_rate"], patience=cell["patience"])
    keys = rng.integers(2**31, size=(cell["runs"],)).tolist()
    results = train_many(
        model,
        [sequences] * len(keys),
        schedule,
        validation=sequences(rng, cell["validation"]),
        mask=sequences.mask,
        keys=keys,
    )
    weights = [result.parameters for result in results] + [model.init(keys[0])] * untrained
    added = np.empty((len(weights), cell["demonstrations"] + 1))
    for n in range(added.shape[1]):
        posterior, exact = _exact(chain, prompts, n)
        for run, w in enumerate(weights):
            laws = generated_answer_laws(model, w, chain, prompts[:, :n])
            added[run, n] = (_errors(chain, laws, posterior) - exact).mean()
    runs = len(results)
    return {
        "prompt": _prompt_error(cell, chain, rng),
        "trained": added[:runs],
        "untrained": added[runs:],
    }


# --- COT-9a: training removes most of the error -------------------------------------------------------------


def error_of_training(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return a fifth of the error of random weights, and that of trained ones, over prompts of 1 to N."""
    return _beside_untrained(_curves(cell, rng))


def error_without_shared_task(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for models trained where every demonstration has a task of its own."""
    return _beside_untrained(_curves(cell, rng, shared_task=False))


def _beside_untrained(curves: dict[str, Array]) -> Arrays:
    trained, untrained = (curves[name][:, 1:].mean(axis=1) for name in ("trained", "untrained"))
    return {
        "greater": np.broadcast_to(untrained / 5.0, trained.shape),
        "smaller": trained,
        "trained": curves["trained"],
        "untrained": curves["untrained"],
    }


SMALL: dict[str, Any] = {
    "tasks": 2,
    "steps": 2,
    "states": 3,
    "concentration": 0.2,
    "instance": 0,
    "demonstrations": 6,
    "width": 16,
    "heads": 4,
    "dtype": "float32",
    "updates": 600,
    "batch": 32,
    "learning_rate": 0.02,
    "patience": None,
    "validation": 200,
    "prompts": 100,
    "runs": 1,
}
MIDDLE: dict[str, Any] = {
    **SMALL,
    "tasks": 6,
    "states": 4,
    "demonstrations": 12,
    "width": 32,
    "updates": 1000,
    "batch": 64,
    "learning_rate": 0.01,
    "validation": 500,
}
LONG: dict[str, Any] = {**MIDDLE, "demonstrations": 24, "updates": 5000, "prompts": 1000, "runs": 5}

COT_9A = Claim(
    id="COT-9a",
    paper=PAPER,
    title="Training removes most of the pretraining error of stepwise answers",
    statement="err_pre(trained) < err_pre(untrained) / 5, averaged over prompts of 1 to N demonstrations, in "
    "every run; err_pre = err_CoT - err_prompt, exact over paths, queries and tasks given the prompt",
    source=SOURCE,
    provenance="derived",
    statistic=Order(method="exact"),
    grid=Grid(quick=[SMALL], standard=[MIDDLE], full=[LONG]),
    measure=error_of_training,
    control=NegativeControl(
        measure=error_without_shared_task,
        because="demonstrations of different tasks teach nothing about the task of a prompt",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 8.0, "standard": 115.0, "full": 4000.0},
)


# --- COT-9b: the floor --------------------------------------------------------------------------------------


def floor_of_training(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return what must be greater and what smaller for the error to have reached a floor."""
    curves = _curves(cell, rng, untrained=False)
    return _at_the_floor(curves["prompt"] + curves["trained"], curves["prompt"])


def no_floor_without_training_error(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for the exact average in place of the trained model."""
    prompt = _prompt_error(cell, _tasks(cell), rng)
    return _at_the_floor(prompt[None], prompt)


def _at_the_floor(cot: Array, prompt: Array) -> Arrays:
    """Compare the errors of the longest prompts with those of prompts of three quarters of that length.

    Earlier the pretraining error itself still falls, as the posterior becomes sharp.
    """
    before = 3 * (cot.shape[1] - 1) // 4
    prompts = np.broadcast_to(prompt, cot.shape)
    return {
        "greater": np.stack([0.5 * prompts[:, before], cot[:, -1], cot[:, -1]], axis=1),
        "smaller": np.stack([prompts[:, -1], 0.5 * cot[:, before], 2.0 * prompts[:, -1]], axis=1),
        "cot": cot,
        "prompt": prompt[None],
    }


COT_9B = Claim(
    id="COT-9b",
    paper=PAPER,
    title="With longer prompts the error of a trained model stops at its pretraining error",
    statement="from 3N/4 to N demonstrations err_prompt falls below half, err_CoT does not, and err_CoT(N) > "
    "2 err_prompt(N), in every run",
    source=SOURCE,
    provenance="derived",
    statistic=Order(method="exact"),
    grid=Grid(quick=[SMALL], standard=[MIDDLE], full=[LONG]),
    measure=floor_of_training,
    control=NegativeControl(
        measure=no_floor_without_training_error,
        because="the exact average has no pretraining error, so that its error falls on",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 5.0, "standard": 50.0, "full": 2000.0},
)

TRAINED_TRANSFORMER = (COT_9A, COT_9B)
