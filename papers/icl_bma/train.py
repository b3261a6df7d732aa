"""Train the transformer of ICL-7h at length; ``python -m tightbound.papers.icl_bma.train`` prints its errors.

The same command goes on from where it was killed. Checkpoints are of one setting: other arguments need
another folder.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.papers.icl_bma.checks.trained_transformer import PAPER_SIZE, Setting
from tightbound.verification.figures import style

Array = NDArray[np.float64]
BUDGETS = (64, 256, 1024, 4096, None)
POSITIONS = (0, 1, 2, 4, 8, 16, 31)
SETTING: dict[str, Any] = {**PAPER_SIZE, "steps": 2000, "validation": 500, "fresh": 2000}


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    name : str
        Who predicts.
    total_variation : ndarray, shape (R, T)
        From the exact average, by run and position.
    gap : float
        Expected loss minus Bayes entropy, in nats per token.
    steps : str
        Steps taken; with early stopping, the least and the most.
    seconds : float, optional
        Wall time of training in this call.
    """

    name: str
    total_variation: Array
    gap: float
    steps: str = "–"
    seconds: float | None = None


def rows(cell: dict[str, Any], folder: Path, budgets: Sequence[int | None] = BUDGETS) -> list[Row]:
    """Train one model per budget and run, or go on where ``folder`` says, and measure all of them.

    Parameters
    ----------
    cell : dict
        The setting, as the cells of ICL-7h.
    folder : Path
        Where checkpoints are; it is made if it does not exist.
    budgets : sequence of int or None
        Numbers of trajectories; None is a new one at every use.

    Returns
    -------
    list of Row
        Two references, then one row per budget.
    """
    from tightbound.simulators.in_context.pretraining.sequence_data import FreshSequences, sample_sequences
    from tightbound.simulators.language_models.training import train_many

    rng = np.random.default_rng(0)
    setting = Setting.of(cell, rng)
    most = max([1, *(n for n in budgets if n is not None)])
    pools = [sample_sequences(setting.tasks, most, cell["length"], rng=rng)[0] for _ in range(cell["runs"])]
    uniform = setting.distance(np.full((*setting.fresh.shape, cell["tokens"]), -np.log(cell["tokens"])))
    pooled = setting.pooled()
    found = [
        Row("uniform law", uniform.total_variation[None], float(uniform.divergence.mean())),
        Row("best bigram law", pooled.total_variation[None], float(pooled.divergence.mean())),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    for budget in budgets:
        start = time.perf_counter()
        results = train_many(
            setting.model,
            [
                FreshSequences(setting.tasks, cell["length"]) if budget is None else pool[:budget]
                for pool in pools
            ],
            setting.schedule,
            validation=setting.validation,
            checkpoint=folder / f"trajectories_{'inf' if budget is None else budget}.npz",
            progress=True,
            keys=range(len(pools)),
        )
        seconds = time.perf_counter() - start
        errors = [setting.errors(result) for result in results]
        steps = sorted(result.num_iter for result in results)
        found.append(
            Row(
                f"transformer, N_p = {'inf' if budget is None else budget}",
                np.stack([one.total_variation for one in errors]),
                float(np.mean([one.divergence.mean() for one in errors])),
                f"{steps[0]}" if steps[0] == steps[-1] else f"{steps[0]} to {steps[-1]}",
                seconds,
            )
        )
    return found


def table(found: Sequence[Row], positions: Sequence[int] = POSITIONS) -> str:
    """Return the rows as Markdown: total variation, mean over runs, with their range for the mean."""
    shown = [t for t in positions if t < found[0].total_variation.shape[1]]
    heads = ["predictor", "mean TV", *(f"{t} read" for t in shown), "gap, nats", "steps", "training, s"]
    lines = [
        f"| {' | '.join(heads)} |",
        "|" + "---|" * len(heads),
        f"| exact average{' | 0' * (len(shown) + 2)} | – | – |",
    ]
    for row in found:
        mean = row.total_variation.mean(axis=1)
        spread = f"{mean.mean():.4f}" + (f" ({mean.min():.4f} to {mean.max():.4f})" if mean.size > 1 else "")
        by_position = [f"{row.total_variation[:, t].mean():.3f}" for t in shown]
        seconds = "–" if row.seconds is None else f"{row.seconds:.0f}"
        lines.append(
            f"| {' | '.join([row.name, spread, *by_position, f'{row.gap:.4f}', row.steps, seconds])} |"
        )
    return "\n".join(lines)


def slope(found: Sequence[Row], budgets: Sequence[int | None] = BUDGETS) -> tuple[float, float]:
    """Return the slope of log TV in log N_p over finite budgets, and half its 95 % t interval over runs."""
    from scipy.stats import t

    finite = [(n, row) for n, row in zip(budgets, found[2:], strict=True) if n is not None]
    x = np.log([n for n, _ in finite])
    y = np.log([row.total_variation.mean(axis=1) for _, row in finite])
    each = ((x - x.mean()) @ y) / ((x - x.mean()) @ (x - x.mean()))
    if each.size < 2:
        return float(each.mean()), float("inf")
    return float(each.mean()), float(t.ppf(0.975, each.size - 1) * each.std(ddof=1) / np.sqrt(each.size))


def figure(found: Sequence[Row], path: Path, budgets: Sequence[int | None] = BUDGETS) -> None:
    """Draw total variation by position, for every number of trajectories."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from tightbound.papers.icl_bma.plots.trained_transformer import curves_by_position

    with style():
        drawing, ax = plt.subplots(figsize=(3.5, 2.9))
        curves_by_position(
            ax, [row.total_variation for row in found[2:]], budgets, found[1].total_variation[0]
        )
        drawing.legend(loc="outside upper center", ncols=2, columnspacing=1.0, handlelength=1.6)
        path.parent.mkdir(parents=True, exist_ok=True)
        drawing.savefig(path)
        plt.close(drawing)


def microseconds(predict: Callable[[], Any], tokens: int) -> float:
    """Return the least wall time of three calls per predicted token; one more before them compiles."""
    predict()
    best = np.inf
    for _ in range(3):
        start = time.perf_counter()
        predict()
        best = min(best, time.perf_counter() - start)
    return 1e6 * best / tokens


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and print the table, the slope and the cost of one prediction."""
    parser = argparse.ArgumentParser(prog="python -m tightbound.papers.icl_bma.train", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".tightbound/trained_transformer"))
    parser.add_argument("--steps", type=int, default=SETTING["steps"], help="steps of the longest training")
    parser.add_argument(
        "--runs", type=int, default=SETTING["runs"], help="trainings per number of trajectories"
    )
    parser.add_argument("--figure", type=Path, help="file to draw the curves into, e.g. curves.png")
    given = parser.parse_args(arguments)
    cell = {**SETTING, "steps": given.steps, "runs": given.runs}
    try:
        found = rows(cell, given.folder)
    except ValueError as error:  # among them a checkpoint of another setting
        parser.error(str(error))
    print(table(found))
    if given.figure is not None:
        figure(found, given.figure)
    middle, reach = slope(found)
    print(f"\nslope of log TV in log N_p, finite N_p, over runs: {middle:.3f} ± {reach:.3f} (95 %)")
    setting = Setting.of(cell, np.random.default_rng(0))
    size, weights = setting.fresh.size, setting.model.init(0)
    exact = microseconds(lambda: setting.tasks.log_predictive(setting.fresh), size)
    trained = microseconds(lambda: setting.model.log_predictive(weights, setting.fresh), size)
    print(
        f"one prediction: exact average {exact:.2f} us, transformer {trained:.2f} us "
        f"({len(setting.fresh)} sequences at once)"
    )


if __name__ == "__main__":
    main()
