"""Every figure of LongSpec; how each is drawn stands in ``plots``."""

from tightbound.papers.longspec.plots.batch import BATCH
from tightbound.papers.longspec.plots.context import CONTEXT
from tightbound.papers.longspec.plots.latency import LATENCY
from tightbound.papers.longspec.plots.noisy_training import NOISY_TRAINING_FIGURE
from tightbound.papers.longspec.plots.offset_curves import OFFSET_CURVES
from tightbound.papers.longspec.plots.positions import POSITIONS_FIGURE
from tightbound.papers.longspec.plots.published_speed import ROUNDS_FIGURE, SPEEDUPS_FIGURE

FIGURES = (
    SPEEDUPS_FIGURE,
    ROUNDS_FIGURE,
    POSITIONS_FIGURE,
    OFFSET_CURVES,
    CONTEXT,
    NOISY_TRAINING_FIGURE,
    LATENCY,
    BATCH,
)
