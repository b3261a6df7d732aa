"""Figures of the trained pair show what was measured."""

import numpy as np
import pytest

from tightbound.papers.longspec.plots.batch import BATCH
from tightbound.papers.longspec.plots.context import CONTEXT, HEAD_SIZE, KV_HEADS, NAMES, WINDOW
from tightbound.papers.longspec.plots.latency import LATENCY
from tightbound.papers.longspec.plots.noisy_training import NOISY_TRAINING_FIGURE
from tightbound.papers.longspec.plots.offset_curves import OFFSET_CURVES
from tightbound.simulators.speculative.byte_pair import load
from tightbound.verification.figures import style
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.statistics import CellEvidence


@pytest.fixture
def drawn():
    import matplotlib.pyplot as plt

    drawings = []

    def draw(figure, evidence):
        with style():
            drawings.append(figure.draw(evidence))
        return drawings[-1]

    yield draw
    for drawing in drawings:
        plt.close(drawing)


def evidence(cells, data, control=()):
    return ClaimEvidence(
        measure=tuple(CellEvidence(cell=c, data=d) for c, d in zip(cells, data, strict=True)),
        control=tuple(CellEvidence(cell=c, data=d) for c, d in control),
    )


def test_the_state_of_the_draft_is_that_of_the_shipped_pair():
    sizes = load().block.target
    assert (load().block.window, sizes.kv_heads, sizes.head_size) == (WINDOW, KV_HEADS, HEAD_SIZE)


def test_context(drawn):
    cells = [{"widths": w, "prompt": n, "prompts": 2} for w in NAMES for n in (64, 1024)]
    cells.append(cells[0] | {"prompts": 8})  # belongs to another figure
    rounds = [{"tokens_per_round": np.array([2.0 + i])} for i in range(len(cells))]
    state = [{"tokens": n} for n in (1024, 4096)]
    bytes_ = [{"value": np.array([16384.0])}] * 2
    linear = [(cell, {"value": np.array([512.0 * cell["tokens"]])}) for cell in state]
    drawing = drawn(CONTEXT, {"LS-3a": evidence(cells, rounds), "LS-4b": evidence(state, bytes_, linear)})
    top, below = drawing.axes
    curves = {line.get_label(): line for line in top.get_lines()}
    for i, name in enumerate(NAMES.values()):
        assert curves[name].get_ydata().tolist() == [2.0 + 2 * i, 3.0 + 2 * i]
    lines = {line.get_label(): line.get_ydata().tolist() for line in below.get_lines()}
    assert lines["ring, allocated"] == lines["$2 W H_k D$ numbers"] == [16.0, 16.0]
    assert lines["control: a slot per token"] == [512.0, 2048.0]


def test_acceptance_by_lag(drawn):
    cell = [{"lags": (1, 2)}]
    data, other = ({"by_lag": np.array([[[x, y], [0.8, 0.4]]])} for x, y in ((0.7, 0.6), (0.5, 0.3)))
    drawing = drawn(NOISY_TRAINING_FIGURE, {"LS-9b": evidence(cell, [data], [(cell[0], other)])})
    curves = {line.get_label(): line.get_ydata().tolist() for line in drawing.axes[0].get_lines()}
    assert curves["trained with lags 1 to 4"] == [0.7, 0.6]
    assert curves["trained with lag 1"] == [0.8, 0.4]
    assert curves["control: trained without lag"] == [0.5, 0.3]


def test_speed_by_batch(drawn):
    cells = [{"widths": w, "prompt": 256, "prompts": n} for w in list(NAMES)[:2] for n in (1, 8)]
    cells.append({"widths": list(NAMES)[2], "prompt": 256, "prompts": 1})  # one batch is no curve
    data = [{"seconds_per_token": np.array([[0.1 / (i + 1), 0.05]])} for i in range(len(cells))]
    (ax,) = drawn(BATCH, {"LS-3a": evidence(cells, data)}).axes
    curves = {line.get_label(): line.get_ydata().tolist() for line in ax.get_lines()}
    assert curves["chain of 5"] == pytest.approx([10.0, 20.0])
    assert curves["tree 2, 3, 3"] == pytest.approx([30.0, 40.0])
    assert curves["plain decoding"] == pytest.approx([20.0, 20.0])
    assert "tree 4, 16, ..., 16" not in curves


def test_where_time_goes(drawn):
    data = [{"seconds": np.array([[0.1, 0.2, 0.3, 0.001, 0.4]])}]
    (ax,) = drawn(LATENCY, {"LS-3c": evidence([{"keys": 64}], data)}).axes
    ends = {round(bar.get_y() + bar.get_height() / 2): bar.get_x() + bar.get_width() for bar in ax.patches}
    assert ends[1] == pytest.approx(801.0)
    assert ends[0] == pytest.approx(601.0)


def test_pairs_with_and_without_offsets(drawn):
    rng = np.random.default_rng(0)
    steps = np.tile([10, 50, 60], (4, 1))
    cell = {"length": 512, "longest": 8192}
    with_offsets, plain = (6.0 + 0.1 * rng.standard_normal((4, 3, 2)) for _ in range(2))
    other = {"value": np.ones((1, 1))}  # lengths at which no draft was trained
    found = ClaimEvidence(
        *(
            tuple(
                CellEvidence(cell=c, data=d)
                for c, d in (({"length": 32}, other), (cell, other | {"loss": loss, "steps": steps}))
            )
            for loss in (with_offsets, plain)
        )
    )
    left, middle, right = drawn(OFFSET_CURVES, {"LS-7b": found}).axes
    curves = {line.get_label(): line.get_ydata() for line in left.get_lines()}
    assert curves["control, last positions"] == pytest.approx(plain[:, 1:, 1].mean(axis=0))
    assert curves["offsets, first positions"] == pytest.approx(with_offsets[:, 1:, 0].mean(axis=0))
    added = {line.get_label(): line.get_ydata() for line in middle.get_lines()}["last positions"]
    assert added == pytest.approx((with_offsets - plain)[:, 1:, 1].mean(axis=0))
    low, high = np.sort(middle.collections[1].get_paths()[0].vertices[:, 1])[[0, -1]]
    assert low < added.min() < added.max() < high
    far = {line.get_label(): line.get_ydata() for line in right.get_lines()}["control: positions from 0"]
    assert far == pytest.approx(1e3 * (plain[..., 1] - plain[..., 0])[:, 1:].mean(axis=0))
