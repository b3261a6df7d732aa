"""COT-5: prompts that show the steps against prompts that show only question and answer."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from tightbound.papers.cot_statistics.checks._chains import EXACT, PAPER, Arrays, chain_of, sizes
from tightbound.theory.chain_of_thought.answer_law import log_posterior
from tightbound.theory.chain_of_thought.comparison import answer_only, average_prompting_error
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.exponents import chernoff_point, kl_divergence, log_affinity
from tightbound.theory.chain_of_thought.prompt_losses import prompt_losses
from tightbound.theory.chain_of_thought.prompting_error import exact_prompting_error, prompt_types
from tightbound.theory.chain_of_thought.stepwise_law import noisy_answer_law
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Order

SOURCE = "derived; the paper's own comparison was not available"


def _kl(chain: DiscreteChain, truth: int, n: int) -> float:
    return float(np.exp(exact_prompting_error(chain, truth, n).log_answer_kl))


def _exponents(chain: DiscreteChain) -> np.ndarray:
    """Bhattacharyya, Chernoff and Kullback-Leibler exponents of task 0 against each of the others."""
    return np.stack([-log_affinity(chain, 0, 0.5), chernoff_point(chain, 0).value, kl_divergence(chain, 0)])[
        :, 1:
    ]


# --- COT-5a, b: more is told by the steps -------------------------------------------------------------------


def _pairs(cell: Cell, rng: np.random.Generator, *, whole: bool) -> Arrays:
    value, bound = [], []
    for _ in range(cell["instances"]):
        chain = chain_of(cell, rng, informative_query=True)
        value.append(_exponents(answer_only(chain)))
        if not whole:
            chain = DiscreteChain(chain.prior, chain.kernels[:, :-1], chain.query)
        bound.append(_exponents(chain))
    return {"value": np.array(value), "bound": np.array(bound)}


def pairs(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Three exponents of vanilla prompts, and as bounds those of prompts with steps."""
    return _pairs(cell, rng, whole=True)


def pairs_without_answers(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for demonstrations whose last step is cut off."""
    return _pairs(cell, rng, whole=False)


COT_5A = Claim(
    id="COT-5a",
    paper=PAPER,
    title="Every exponent of vanilla prompts is at most that of prompts with steps, pair by pair",
    statement=r"rho_CoT <= rho_ICL, C_ICL <= C_CoT and KL_ICL <= KL_CoT for every pair of tasks",
    source=SOURCE + " (Hölder and Jensen)",
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-12),
    grid=Grid(
        quick=[sizes(51, h, m, instances=4) for h in (1, 2, 4) for m in (2, 4)],
        standard=[sizes(51, h, m, instances=20) for h in (1, 2, 4, 8) for m in (2, 4)],
    ),
    measure=pairs,
    control=NegativeControl(
        measure=pairs_without_answers,
        grid=Grid(quick=[sizes(51, h, m, instances=4) for h in (2, 4) for m in (2, 4)]),
        because="steps without the answer are not more than the answer: they tell something else",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.3, "standard": 2.0},
)


def _with_depth(cell: Cell, rng: np.random.Generator, *, mixing: bool) -> Arrays:
    """Mean log ratio of Chernoff exponents, with steps over vanilla, for H and for H + 1 steps."""
    found = []
    for _ in range(cell["instances"]):
        longer = chain_of({**cell, "steps": cell["steps"] + 1}, rng)
        kernels = longer.kernels.copy()
        if not mixing:
            # known moves before the step that differs
            kernels[:, :-1] = np.roll(np.eye(cell["states"]), 1, axis=1)
        ratios = []
        for tasks in (kernels[:, -cell["steps"] :], kernels):
            chain = DiscreteChain(longer.prior, tasks, longer.query)
            ratios.append(np.log(_exponents(chain)[1] / _exponents(answer_only(chain))[1]).mean())
        found.append(ratios)
    shorter, deeper = np.array(found).T
    return {"greater": deeper, "smaller": shorter}


def with_depth(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the log ratio of exponents for chains of random steps."""
    return _with_depth(cell, rng, mixing=True)


def with_depth_of_known_moves(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where all steps but the last are known permutations."""
    return _with_depth(cell, rng, mixing=False)


COT_5B = Claim(
    id="COT-5b",
    paper=PAPER,
    title="Each further step widens the gap between the exponents, where steps mix",
    statement=r"E log(C_CoT/C_ICL) at H+1 steps > E log(C_CoT/C_ICL) at H, over chains of random steps",
    source=SOURCE + ": the law of the answer given the question forgets the task",
    provenance="derived",
    statistic=Order(method="t"),
    grid=Grid(
        quick=[sizes(26, h, m, instances=24) for h in (1, 2, 3) for m in (2, 3)],
        standard=[sizes(26, h, m, instances=100) for h in (1, 2, 3, 5) for m in (2, 3)],
    ),
    measure=with_depth,
    control=NegativeControl(
        measure=with_depth_of_known_moves,
        grid=Grid(quick=[sizes(26, h, 2, instances=24) for h in (1, 2)]),
        because="known permutations forget nothing, and the answer tells all that the steps do",
    ),
    substitutes=EXACT,
    seconds={"quick": 2.5, "standard": 15.0},
)


# --- COT-5c, d: on average over tasks, and for one ----------------------------------------------------------


def _risks(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Prompting errors averaged over the prior, (instances, lengths): with steps, and vanilla."""
    found = []
    for _ in range(cell["instances"]):
        chain = chain_of(cell, rng)
        found.append(
            [
                [average_prompting_error(one, n) for n in cell["lengths"]]
                for one in (chain, answer_only(chain))
            ]
        )
    steps, vanilla = np.moveaxis(np.array(found), 1, 0)
    return steps, vanilla


def on_average(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact prompting error with steps and, as the bound, without, averaged over tasks."""
    steps, vanilla = _risks(cell, rng)
    return {"value": steps, "bound": vanilla}


def relabelled_model(chain: DiscreteChain) -> DiscreteChain:
    """Return tasks with the first state in between renamed, at the same answers given the question."""
    kernels = chain.kernels.copy()
    order = np.roll(np.arange(chain.states), 1)
    kernels[:, 0] = kernels[:, 0][:, :, order]
    kernels[:, 1] = kernels[:, 1][:, order]
    return DiscreteChain(chain.prior, kernels, chain.query)


def on_average_with_wrong_labels(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the posterior takes the states in between for others."""
    value, bound = [], []
    for _ in range(cell["instances"]):
        chain = chain_of(cell, rng)
        model = relabelled_model(chain)
        risks = []
        for n in cell["lengths"]:
            risk = 0.0
            for truth in range(chain.tasks):
                chance, _ = prompt_types(chain, n, truth)
                _, believed = prompt_types(model, n, truth)
                losses = prompt_losses(model, truth, believed)
                risk += chain.prior[truth] * float(np.exp(logsumexp(chance + losses.log_answer_kl)))
            risks.append(risk)
        value.append(risks)
        bound.append([average_prompting_error(answer_only(chain), n) for n in cell["lengths"]])
    return {"value": np.array(value), "bound": np.array(bound)}


_DEPTHS = [
    sizes(3, 1, 2, lengths=(0, 1, 2, 3, 4), instances=10),
    sizes(3, 2, 2, lengths=(0, 1, 2, 3, 4), instances=20),
    sizes(3, 3, 2, lengths=(0, 1, 2, 3, 4), instances=10),
    sizes(3, 4, 2, lengths=(0, 1, 2, 3, 4), instances=2),
]
_DEEPER = [
    sizes(3, 1, 2, lengths=(0, 1, 2, 3, 4, 5, 6), instances=50),
    sizes(3, 2, 2, lengths=(0, 1, 2, 3, 4, 5, 6), instances=50),
    sizes(3, 3, 2, lengths=(0, 1, 2, 3, 4, 5), instances=40),
    sizes(3, 4, 2, lengths=(0, 1, 2, 3, 4), instances=20),
]

COT_5C = Claim(
    id="COT-5c",
    paper=PAPER,
    title="On average over tasks prompts with steps are never worse, at any number of demonstrations",
    statement=r"sum_theta pi(theta) E KL(P_theta||P_BMA(.|S_CoT,z_0)) = I(y;theta|S_CoT,z_0) <= "
    r"I(y;theta|S_ICL,z_0), for every n",
    source=SOURCE + " (conditioning reduces entropy)",
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-12),
    grid=Grid(quick=_DEPTHS, standard=_DEEPER),
    measure=on_average,
    control=NegativeControl(
        measure=on_average_with_wrong_labels,
        grid=Grid(quick=[sizes(3, 2, 2, lengths=(0, 1, 2, 3, 4), instances=20)]),
        because="a posterior that takes steps for others is misled; answers alone could not do that",
    ),
    substitutes=EXACT,
    seconds={"quick": 3.3, "standard": 17.0},
)


def for_one_task(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the largest excess of the error with steps over the vanilla error, task by task; and 0."""
    excess = []
    for _ in range(cell["instances"]):
        chain = chain_of(cell, rng)
        vanilla = answer_only(chain)
        excess += [
            _kl(chain, task, n) - _kl(vanilla, task, n)
            for task in range(chain.tasks)
            for n in cell["lengths"]
        ]
    found = np.array(excess)
    return {
        "greater": found.max(keepdims=True),
        "smaller": np.zeros(1),
        "excess": found,
        "reversed": np.array([(found > cell["margin"]).sum()]),
    }


def for_the_average_task(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for the average over tasks."""
    steps, vanilla = _risks(cell, rng)
    return {"greater": (steps - vanilla).max(keepdims=True).ravel(), "smaller": np.zeros(1)}


COT_5D = Claim(
    id="COT-5d",
    paper=PAPER,
    title="For one fixed task prompts with steps can be worse",
    statement=r"there are tasks, priors and n with E KL(P_theta||P_BMA(.|S_CoT)) > "
    r"E KL(P_theta||P_BMA(.|S_ICL))",
    source="derived; existence by exact enumeration, no share is claimed",
    provenance="derived",
    statistic=Order(margin=1e-3, method="exact"),
    grid=Grid(
        quick=[sizes(3, 2, 2, lengths=(1, 2, 3, 4), instances=40, margin=1e-3)],
        standard=[sizes(3, 2, 2, lengths=(1, 2, 3, 4, 5, 6), instances=200, margin=1e-3)],
    ),
    measure=for_one_task,
    control=NegativeControl(
        measure=for_the_average_task,
        grid=Grid(quick=[sizes(3, 2, 2, lengths=(1, 2, 3, 4), instances=10, margin=1e-3)]),
        because="averaged over the prior the order never reverses (COT-5c)",
    ),
    substitutes=EXACT,
    seconds={"quick": 2.0, "standard": 13.0},
)


# --- COT-5e: noisy steps ------------------------------------------------------------------------------------


def near_permutations(states: int, slip: float) -> DiscreteChain:
    """Return tasks of three steps, each step one of two near-permutations."""
    moves = [(1.0 - slip) * np.roll(np.eye(states), shift, axis=1) + slip / states for shift in range(states)]
    choices = [(moves[a], moves[b], moves[c]) for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    # one query: by symmetry the others add nothing
    return DiscreteChain(np.full(len(choices), 1.0 / len(choices)), choices, np.eye(states)[0])


def _noisy_error(chain: DiscreteChain, truth: int, n: int, noise: float) -> float:
    """Mean KL of the answers of a model whose every step is uniform with probability ``noise``."""
    chance, likelihoods = prompt_types(chain, n, truth)
    weights = chain.log_prior + likelihoods
    weights = weights - logsumexp(weights, axis=1, keepdims=True)
    true = chain.answer_table()[truth]
    total = 0.0
    for query in np.flatnonzero(chain.query[truth]):
        law = noisy_answer_law(chain, weights, int(query), noise)
        error = (true[query] * np.log(true[query] / law)).sum(axis=1)
        total += chain.query[truth, query] * float(np.exp(chance) @ error)
    return total


def _crossing(cell: Cell, noise: float) -> Arrays:
    chain = near_permutations(cell["states"], cell["slip"])
    vanilla = answer_only(chain)
    steps, direct = (
        np.array([_noisy_error(one, 0, n, noise) for n in cell["lengths"]]) for one in (chain, vanilla)
    )
    middle, last = cell["lengths"].index(cell["few"]), -1
    return {
        "greater": np.array([[direct[middle], steps[last]]]),
        "smaller": np.array([[steps[middle], direct[last]]]),
        "n": np.array(cell["lengths"]),
        "steps": steps,
        "direct": direct,
    }


def crossing(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact errors of noisy models with steps and without, at few and at many demonstrations."""
    return _crossing(cell, cell["noise"])


def no_crossing(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same without noise."""
    return _crossing(cell, 0.0)


COT_5E = Claim(
    id="COT-5e",
    paper=PAPER,
    title="Where every generated step is noisy, steps win with few demonstrations and lose with many",
    statement=r"exists n_1 < n_2: err_CoT(n_1) < err_ICL(n_1) and err_CoT(n_2) > err_ICL(n_2), each "
    r"step of either model being uniform with probability eps: the chain pays H times, the answer once",
    source="derived; existence by exact enumeration",
    provenance="derived",
    statistic=Order(margin=1e-3, method="exact"),
    grid=Grid(
        quick=cells(
            states=[2], slip=[0.1], noise=[0.05, 0.1], lengths=[(0, 1, 2, 3, 4, 6, 8, 10, 12)], few=[3]
        ),
        standard=cells(
            states=[2], slip=[0.1], noise=[0.05, 0.1], lengths=[(0, 1, 2, 3, 4, 6, 8, 10, 12, 16)], few=[3]
        ),
    ),
    measure=crossing,
    control=NegativeControl(measure=no_crossing, because="without noise the steps cost nothing at any n"),
    substitutes=EXACT + "; uniform slips of every generated step stand for pretraining errors",
    seconds={"quick": 0.9, "standard": 4.0},
)


# --- COT-5f: steps that need not be told apart --------------------------------------------------------------


def _unneeded(cell: Cell, rng: np.random.Generator, *, same: bool) -> Arrays:
    """Errors, and the doubt of vanilla prompts less that of the prior, for tasks with renamed steps."""
    found = []
    for _ in range(cell["instances"]):
        chain = chain_of({**cell, "tasks": 2}, rng)
        twin = relabelled_model(chain).kernels[0] if same else chain.kernels[1]
        chain = DiscreteChain(chain.prior, np.stack([chain.kernels[0], twin]), chain.query)
        for n in cell["lengths"]:
            vanilla = exact_prompting_error(answer_only(chain), 0, n)
            found.append(
                [
                    _kl(chain, 0, n),
                    float(np.exp(vanilla.log_answer_kl)),
                    float(np.exp(vanilla.log_doubt)) - chain.prior[1],
                ]
            )
    value = np.array(found)
    return {"value": value, "reference": np.zeros_like(value)}


def unneeded(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Both errors, and how far vanilla prompts move the posterior, where two tasks answer alike."""
    return _unneeded(cell, rng, same=True)


def needed(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for two tasks that answer differently."""
    return _unneeded(cell, rng, same=False)


COT_5F = Claim(
    id="COT-5f",
    paper=PAPER,
    title="Where tasks differ in their steps alone, vanilla prompts cannot tell them apart and need not",
    statement=r"P_theta(y|z_0) = P_theta'(y|z_0): pi_n(.|S_ICL) = pi for every S_ICL, and both errors are 0",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(
        quick=[sizes(2, 2, 3, lengths=(0, 1, 2, 3), instances=3)],
        standard=[sizes(2, 2, 3, lengths=(0, 1, 2, 3), instances=30)],
    ),
    measure=unneeded,
    control=NegativeControl(measure=needed, because="tasks that answer differently have to be told apart"),
    substitutes=EXACT,
    seconds={"quick": 0.2, "standard": 1.2},
)


# --- COT-5g, h: two examples --------------------------------------------------------------------------------


def example(cell: Cell) -> DiscreteChain:
    """Return the tasks that a cell names."""
    from tightbound.theory.chain_of_thought.area_code import area_code
    from tightbound.theory.chain_of_thought.city_equation import city_equation

    if cell["example"] == "city equation":
        cities = [[0, 1], [1, 0], [1, 1], [2, 1], [1, 2], [2, 2]]
        equations = [[a, b, c] for a in (1, 2) for b in (1, 2) for c in (0, 1)]
        return city_equation(cities, equations, 3, slip=cell["slip"])
    codes = [[1, 2, 3, 4]]
    if cell["example"] == "area code, own tables":
        codes = [[a, b, c, d] for a in (1, 2) for b in (1, 2) for c in (1, 2) for d in (1, 2)]
    return area_code(codes, [1, 2, 3], 7, slip=cell["slip"])


def answers_of_prompts(
    chain: DiscreteChain, n: int, prompts: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw tasks, prompts and queries; return answer laws (prompts, m): true, with steps, and vanilla."""
    from tightbound.simulators.chain_of_thought.sampling import sample_demonstrations

    truth = rng.integers(chain.tasks, size=prompts)
    seen = sample_demonstrations(chain, truth, n, prompts, rng=rng)
    query = rng.choice(chain.states, size=prompts, p=chain.query[0])
    table = chain.answer_table()
    laws = []
    for tasks, shown in ((chain, seen), (answer_only(chain), seen[..., [0, -1]])):
        weights = np.exp(log_posterior(tasks, shown, query))
        laws.append(np.einsum("bk,kby->by", weights, table[:, query]))
    return table[truth, query], laws[0], laws[1]


def _divergence(true: np.ndarray, law: np.ndarray) -> np.ndarray:
    on = true > 0.0
    ratio = np.where(on, true, 1.0) / np.where(on, law, 1.0)
    return np.asarray((true * np.log(ratio)).sum(axis=1))


def _squared_error(true: np.ndarray, law: np.ndarray) -> np.ndarray:
    """Squared error of the mean answer, less that of the best answer, which knows the task."""
    values = np.arange(true.shape[1])
    return np.asarray(((true - law) @ values) ** 2)


def _example(cell: Cell, rng: np.random.Generator) -> Arrays:
    true, steps, vanilla = answers_of_prompts(example(cell), cell["n"], cell["prompts"], rng)
    found: dict[str, np.ndarray] = {
        "greater": _divergence(true, vanilla),
        "smaller": _divergence(true, steps),
    }
    for name, law in (("steps", steps), ("vanilla", vanilla)):
        found[f"squared_{name}"] = _squared_error(true, law)
        found[f"right_{name}"] = np.take_along_axis(true, law.argmax(axis=1)[:, None], axis=1)[:, 0]
    found["right_best"] = true.max(axis=1)
    return found


def examples(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Answer divergence of vanilla prompts and of prompts with steps, prompt by prompt."""
    return _example(cell, rng)


def looked_up(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the code of a country is known and no step slips."""
    return _example({**cell, "example": "area code, shared table", "slip": 0.0}, rng)


_NAMES = ["area code, own tables", "city equation"]

COT_5G = Claim(
    id="COT-5g",
    paper=PAPER,
    title="In two toys after the paper's examples, prompts with steps are better on average",
    statement=r"E KL of vanilla prompts > E KL of prompts with steps, tasks drawn from the prior: country to "
    r"code to number with a table of each task's own; city to attributes to equation to result with slips",
    source=SOURCE + "; the examples are known from a third party's summary",
    provenance="derived",
    statistic=Order(method="t"),
    grid=Grid(
        quick=cells(example=_NAMES, slip=[0.3], n=[1, 2, 4, 8, 16], prompts=[4000]),
        standard=cells(example=_NAMES, slip=[0.1, 0.3], n=[1, 2, 4, 8, 16], prompts=[20_000]),
    ),
    measure=examples,
    control=NegativeControl(
        measure=looked_up,
        because="with a known table and no slip the code is a function of the country and tells nothing new",
    ),
    substitutes=EXACT + "; small tables and arithmetic modulo a prime stand for the paper's questions",
    seconds={"quick": 0.3, "standard": 5.0},
)


def same_divergence(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Answer divergence with steps, and as the reference without, prompt by prompt."""
    _, steps, vanilla = answers_of_prompts(example(cell), cell["n"], cell["prompts"], rng)
    return {"value": steps, "reference": vanilla}


def slipping(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where steps slip."""
    return same_divergence({**cell, "slip": 0.3}, rng)


COT_5H = Claim(
    id="COT-5h",
    paper=PAPER,
    title="A step that can be looked up is worth nothing: both prompts answer alike",
    statement=r"z_1 = code(z_0) known: P_BMA(y|S_CoT,z_0) = P_BMA(y|S_ICL,z_0) for every prompt",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(
        quick=cells(example=["area code, shared table"], slip=[0.0], n=[0, 1, 2, 4], prompts=[500]),
        standard=cells(example=["area code, shared table"], slip=[0.0], n=[0, 1, 2, 4], prompts=[5000]),
    ),
    measure=same_divergence,
    control=NegativeControl(
        measure=slipping, because="a code that was noted down wrongly is no function of the country"
    ),
    substitutes=EXACT + "; a small table stands for that of the area codes",
    seconds={"quick": 0.1, "standard": 0.1},
)

COMPARISON = (COT_5A, COT_5B, COT_5C, COT_5D, COT_5E, COT_5F, COT_5G, COT_5H)
