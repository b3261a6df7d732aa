"""Figures: drawn from evidence only, in one house look, so that their data can be compared."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from tightbound.verification.runner import ClaimEvidence

FORMATS = ("png", "pdf", "svg")

# Dates and library versions would make two equal figures differ byte by byte.
_METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    "svg": {"Date": None, "Creator": None},
}


@dataclass(frozen=True)
class Figure:
    """One figure of a paper.

    Parameters
    ----------
    name : str
        File name without suffix, and what follows the slash in ``tightbound reproduce PAPER/FIGURE``.
    title : str
        One line for lists; it is not printed into the figure.
    caption : str
        What is seen, which curve is the bound, which the control, and every substitution.
    claims : tuple of str
        Ids of the claims whose evidence is drawn.
    draw : callable ``(evidence) -> matplotlib.figure.Figure``
        ``evidence["BS-4a"].measure`` and ``.control`` are sequences of ``CellEvidence``. Nothing is
        simulated here, and matplotlib is imported inside.
    varies : str
        Why the data differs from machine to machine, so that none is shipped to compare with; empty where
        it does not.

    Raises
    ------
    ValueError
        For a name that is no plain word, an empty caption, or no claims.
    """

    name: str
    title: str
    caption: str
    claims: tuple[str, ...]
    draw: Callable[[Mapping[str, ClaimEvidence]], Drawing]
    varies: str = ""

    def __post_init__(self) -> None:
        if not self.name.replace("-", "_").isidentifier():
            raise ValueError(
                f"name is {self.name!r}: it becomes a file name; use letters, digits, '_' and '-'"
            )
        if not self.caption.strip():
            raise ValueError(
                f"{self.name}: caption is empty: name the bound, the control and every substitution"
            )
        if isinstance(self.claims, str) or not self.claims:
            raise ValueError(f"{self.name}: claims is {self.claims!r}: give a tuple of ids, e.g. ('BS-4a',)")


@contextmanager
def style() -> Iterator[None]:
    """Draw inside this context to get the house style, whatever the reader's own settings are."""
    import matplotlib as mpl

    with resources.as_file(resources.files("tightbound.papers") / "paper.mplstyle") as path:
        rules = mpl.rc_params_from_file(path, use_default_template=False)
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(rules)
        yield


def band(ax: Axes, x: ArrayLike, low: ArrayLike, high: ArrayLike, **look: Any) -> None:
    """Draw an interval as a band, in the colour of the line drawn last unless ``color`` is given."""
    lines = ax.get_lines()
    if lines:
        look.setdefault("color", lines[-1].get_color())
    ax.fill_between(np.asarray(x, float), np.asarray(low, float), np.asarray(high, float), **_BAND | look)


def bound_line(ax: Axes, x: ArrayLike, y: ArrayLike, label: str = "bound", **look: Any) -> None:
    """Draw a bound as a solid black line."""
    ax.plot(np.asarray(x, float), np.asarray(y, float), label=label, **_BOUND | look)


def control_line(ax: Axes, x: ArrayLike, y: ArrayLike, label: str = "control", **look: Any) -> None:
    """Draw the control as a dashed grey line."""
    ax.plot(np.asarray(x, float), np.asarray(y, float), label=label, **_CONTROL | look)


_BAND: dict[str, Any] = {"alpha": 0.25, "linewidth": 0.0}
_BOUND: dict[str, Any] = {"color": "black", "linestyle": "-", "linewidth": 1.4}
_CONTROL: dict[str, Any] = {"color": "0.5", "linestyle": "--", "linewidth": 1.0}


def figure_data(drawing: Drawing) -> dict[str, np.ndarray]:
    """Return everything that is drawn, as arrays: lines, markers, bands, error bars, bars and images.

    Names say where the data is: ``axes0.line1`` holds the x and y of the second line of the first axes.
    Text, colours and limits are not data.
    """
    from matplotlib.patches import Rectangle

    data: dict[str, np.ndarray] = {}
    for index, ax in enumerate(drawing.axes):
        where = f"axes{index}"
        for number, line in enumerate(ax.get_lines()):
            data[f"{where}.line{number}"] = _plain(line.get_xydata())
        for number, collection in enumerate(ax.collections):
            name = f"{where}.collection{number}"
            offsets = _plain(collection.get_offsets())
            if offsets.size and not np.array_equal(offsets, np.zeros((1, 2))):
                data[f"{name}.offsets"] = offsets
            else:
                paths = [_plain(path.vertices) for path in collection.get_paths()]
                data[f"{name}.paths"] = np.concatenate(paths) if paths else np.zeros((0, 2))
            values = collection.get_array()
            if values is not None:
                data[f"{name}.values"] = _plain(values)
        boxes = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
        if boxes:
            data[f"{where}.bars"] = np.array(
                [[*box.get_xy(), box.get_width(), box.get_height()] for box in boxes]
            )
        others = [patch for patch in ax.patches if not isinstance(patch, Rectangle)]
        for number, patch in enumerate(others):
            vertices = patch.get_patch_transform().transform(patch.get_path().vertices)
            data[f"{where}.patch{number}"] = _plain(vertices)
        for number, image in enumerate(ax.get_images()):
            data[f"{where}.image{number}"] = _plain(image.get_array())
    return data


def _plain(values: Any) -> np.ndarray:
    """Copy as float64, what is masked as NaN."""
    return np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan).copy()


def largest_difference(drawn: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray]) -> float:
    """Return the largest relative difference between two figures' data; ``inf`` where the shapes differ.

    Differences are relative to the reference entry, or to a millionth of the largest entry of its column
    where that is more, so that rounding near zero does not count.
    """
    if set(drawn) != set(reference):
        return float("inf")
    worst = 0.0
    for name, expected in reference.items():
        found = drawn[name]
        if found.shape != expected.shape or not np.array_equal(np.isnan(found), np.isnan(expected)):
            return float("inf")
        if not found.size:
            continue
        with np.errstate(invalid="ignore"):
            differences = np.where((found == expected) | np.isnan(expected), 0.0, np.abs(found - expected))
        finite = np.where(np.isfinite(expected), np.abs(expected), 0.0)
        column = finite.max(axis=0, keepdims=True) if finite.ndim > 1 else finite.max()
        scale = np.maximum(finite, 1e-6 * column)
        ratio = np.divide(differences, scale, out=np.where(differences > 0, np.inf, 0.0), where=scale > 0)
        worst = max(worst, float(ratio.max()))
    return worst


def rendered(drawing: Drawing, fmt: str) -> bytes:
    """Return the figure as a file's content; the same figure gives the same bytes."""
    if fmt not in FORMATS:
        raise ValueError(f"format is {fmt!r}: choose one of {', '.join(FORMATS)}")
    buffer = io.BytesIO()
    drawing.savefig(buffer, format=fmt, metadata=_METADATA[fmt])
    return buffer.getvalue()
