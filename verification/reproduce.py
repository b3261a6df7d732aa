"""From evidence to figures on disk, and the comparison of their data with what the package ships."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import io
import os
import tempfile
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tightbound.verification import registry, runner
from tightbound.verification.errors import OutputError
from tightbound.verification.events import OnEvent
from tightbound.verification.figures import Figure, figure_data, largest_difference, rendered, style
from tightbound.verification.grid import Size

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

RTOL = 1e-6
"""Largest relative difference between drawn data and reference data that counts as equal."""


@dataclass(frozen=True)
class Outcome:
    """What became of one figure: where it is, and how its data compares (empty where it was not compared)."""

    path: Path
    good: bool
    verdict: str = ""


def figures(paper: str) -> tuple[Figure, ...]:
    """Return the figures of a paper in the order of its ``figures.py``."""
    found: tuple[Figure, ...] = importlib.import_module(f"tightbound.papers.{paper}.figures").FIGURES
    return found


def select(names: Sequence[str]) -> list[tuple[str, Figure]]:
    """Return paper and figure for each of ``names``, which read ``"paper"`` or ``"paper/figure"``.

    Raises
    ------
    ValueError
        For a paper or a figure that does not exist, with the nearest names that do.
    """
    chosen: list[tuple[str, Figure]] = []
    for name in names:
        paper, slash, wanted = name.partition("/")
        if paper not in registry.PAPERS:
            raise ValueError(f"there is no paper {paper!r}; {_nearest(paper, registry.PAPERS)}")
        found = figures(paper)
        if slash and wanted not in [figure.name for figure in found]:
            near = _nearest(wanted, [figure.name for figure in found])
            raise ValueError(f"{paper} has no figure {wanted!r}; {near}")
        selected = [(paper, figure) for figure in found if not slash or figure.name == wanted]
        chosen += [entry for entry in selected if entry not in chosen]
    return chosen


def reproduce(
    paper: str, figure: Figure, *, size: Size, output: Path, fmt: str, check: bool, on_event: OnEvent
) -> Outcome:
    """Measure what is missing, draw ``figure``, write it with caption and data, and compare where asked."""
    evidence = runner.evidence_for(
        registry.claims(figure.claims), size=size, output=output, on_event=on_event
    )
    import matplotlib as mpl

    mpl.use("Agg")
    with style():
        drawing = figure.draw(evidence)
        data = figure_data(drawing)
        content = rendered(drawing, fmt)
    _close(drawing)
    folder = output / "figures" / paper
    path = folder / f"{figure.name}.{fmt}"
    arrays = io.BytesIO()
    np.savez(arrays, allow_pickle=False, **data)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / f"{figure.name}.npz", arrays.getvalue())
        _write(
            folder / f"{figure.name}.txt",
            f"{figure.title}\n\n{textwrap.fill(figure.caption, 100)}\n".encode(),
        )
        _write(path, content)
    except OSError as error:
        raise OutputError.of(folder, error) from None
    if not check:
        return Outcome(path, good=True)
    reference = _reference(paper, figure.name)
    if reference is None:
        return Outcome(path, good=False, verdict=f"no reference data in papers/{paper}/reference")
    worst = largest_difference(data, reference)
    verdict = "other curves or points" if np.isinf(worst) else f"largest relative difference {worst:.2g}"
    return Outcome(path, worst <= RTOL, f"{'ok' if worst <= RTOL else 'differs'}, {verdict}")


def _reference(paper: str, name: str) -> dict[str, np.ndarray] | None:
    file = _reference_folder(paper) / f"{name}.npz"
    if not file.is_file():
        return None
    with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}


def _reference_folder(paper: str) -> Traversable:
    return resources.files(f"tightbound.papers.{paper}") / "reference"


def _close(drawing: Drawing) -> None:
    import matplotlib.pyplot as plt

    plt.close(drawing)


def _write(path: Path, content: bytes) -> None:
    """Replace ``path`` in one step, so that nobody ever reads half a file."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known)
    return f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(known) or 'none yet'}"
