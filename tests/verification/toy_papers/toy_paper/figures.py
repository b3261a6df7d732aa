"""One figure with a bound, a band and a control."""

import numpy as np

from tightbound.verification.figures import Figure, band, bound_line, control_line


def draw_growth(evidence):
    import matplotlib.pyplot as plt

    found = evidence["TOY-1"]
    tokens = [item.cell["tokens"] for item in found.measure]
    values = [item.data["value"] for item in found.measure]
    drawing, ax = plt.subplots()
    ax.plot(tokens, [value.mean() for value in values], marker="o", label="measured")
    band(ax, tokens, [value.min() for value in values], [value.max() for value in values])
    bound_line(ax, tokens, [item.bound for item in found.measure])
    control_line(
        ax,
        [item.cell["tokens"] for item in found.control],
        [float(np.mean(item.data["value"])) for item in found.control],
    )
    ax.set(xlabel="tokens", ylabel="square")
    ax.legend()
    return drawing


FIGURES = (
    Figure(
        name="growth",
        title="Squares and their bound",
        caption="Measured squares, the bound (black) and a cube (dashed). Tokens are integers.",
        claims=("TOY-1",),
        draw=draw_growth,
    ),
)
