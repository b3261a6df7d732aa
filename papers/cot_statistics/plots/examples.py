"""Two toys after the paper's examples: squared error and accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification.figures import Figure, band, control_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence
    from tightbound.verification.statistics import CellEvidence

WIDTH = 4.0


def _lines(ax: Axes, cells: Sequence[CellEvidence], quantity: str) -> None:
    n = [item.cell["n"] for item in cells]
    for name, label in (("vanilla", "question and answer"), ("steps", "with steps")):
        samples = np.array([item.data[f"{quantity}_{name}"] for item in cells])
        mean = samples.mean(axis=1)
        reach = WIDTH * samples.std(axis=1, ddof=1) / np.sqrt(samples.shape[1])
        ax.plot(n, mean, "o-", markersize=3, label=label)
        band(ax, n, mean - reach, mean + reach)


def draw(evidence: Mapping[str, ClaimEvidence]) -> Drawing:
    """Draw both quantities for both examples."""
    import matplotlib.pyplot as plt

    found = evidence["COT-5g"]
    names = list(dict.fromkeys(item.cell["example"] for item in found.measure))
    slip = max(item.cell["slip"] for item in found.measure)
    drawing, axes = plt.subplots(2, len(names), figsize=(7.0, 4.2), sharex=True, squeeze=False)
    for column, name in enumerate(names):
        same = {"example": name, "slip": slip}
        cells = [item for item in found.measure if same.items() <= item.cell.items()]
        upper, lower = axes[:, column]
        _lines(upper, cells, "squared")
        _lines(lower, cells, "right")
        n = [item.cell["n"] for item in cells]
        lower.plot(
            n,
            [item.data["right_best"].mean() for item in cells],
            color="C2",
            linewidth=0.8,
            linestyle="-.",
            label="task known",
        )
        if column == 0:
            shared = [item for item in found.control if same.items() <= item.cell.items()]
            control_line(
                upper,
                [item.cell["n"] for item in shared],
                [item.data["squared_steps"].mean() for item in shared],
                label="control: shared table, no slip",
            )
        upper.set(xscale="log", ylabel="squared error above the least")
        lower.set(xscale="log", xlabel="demonstrations $n$", ylabel="chance of a right answer")
        upper.set_title(name)
        lower.set_xticks(n, [str(one) for one in n])
        lower.minorticks_off()
    handles, labels = axes[0, 0].get_legend_handles_labels()
    more, names_more = axes[1, 0].get_legend_handles_labels()
    drawing.legend([*handles, more[-1]], [*labels, names_more[-1]], loc="outside upper center", ncols=4)
    return drawing


EXAMPLES_FIGURE = Figure(
    name="examples",
    title="Two toys after the paper's examples",
    caption="Left: country, code, code times an unknown factor modulo 7, with a table of codes of each "
    "task's own (16 tables, 3 factors); a country that no demonstration shows stays unpredictable "
    "however many steps are shown. Right: city, two attributes, half-evaluated equation, result "
    "modulo 3 (8 equations; the table of cities is shared). Every step slips to a uniform value "
    "with probability 0.3. Top: squared error of the mean answer, above that of an answer that "
    "knows the task; bottom: chance that the likeliest answer is right. Means over tasks, prompts "
    "and queries, bands of 4 standard errors. Dashed grey, the control: one known table and no "
    "slip, where the code is a function of the country, both prompts give the same answer, and one "
    "demonstration shows the factor. Look-alikes built from a third party's summary of the paper: "
    "small tables in place of its questions, the exact Bayesian average in place of a language "
    "model; none of its numbers are reproduced.",
    claims=("COT-5g",),
    draw=draw,
)
