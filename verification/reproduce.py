"""From evidence to figures on disk, and the comparison of their data with what the package ships."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.util
import io
import os
import secrets
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tightbound.verification import registry, runner
from tightbound.verification.errors import OutputError
from tightbound.verification.events import OnEvent
from tightbound.verification.evidence import ROLES, CorruptEvidenceError, read
from tightbound.verification.figures import Figure, figure_data, largest_difference, rendered, style
from tightbound.verification.grid import Size
from tightbound.verification.report.html import Picture, render_gallery
from tightbound.verification.runner import ClaimEvidence
from tightbound.verification.trace import told

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

GALLERY = "gallery.html"
RTOL = 1e-6
"""Largest relative difference between drawn data and reference data that counts as equal."""

_COLUMN = 5.0  # inches beyond which a figure takes the width of the page
_LARGE = 200_000  # bytes of an SVG beyond which a page holds the PNG instead


@dataclass(frozen=True)
class Outcome:
    """What became of one figure: where it is, how its data compares (empty where not asked), and its look."""

    path: Path
    good: bool
    verdict: str
    picture: Picture


def figures(paper: str) -> tuple[Figure, ...]:
    """Return the figures of a paper in the order of its ``figures.py``; none where it has no such file."""
    module = f"{registry.package(paper)}.figures"
    try:
        if importlib.util.find_spec(module) is None:
            return ()
    except Exception:  # another package that cannot be imported; 'tightbound list' tells why
        if paper in registry.PAPERS:
            raise
        return ()
    found: tuple[Figure, ...] = importlib.import_module(module).FIGURES
    return found


def select(names: Sequence[str]) -> list[tuple[str, Figure]]:
    """Return paper and figure for each of ``names``, which read ``"paper"`` or ``"paper/figure"``.

    Without names, every figure of every paper.

    Raises
    ------
    ValueError
        For a paper or a figure that does not exist, with the nearest names that do, and for a figure of
        another package that is drawn from a claim that does not exist.
    """
    if not names:
        return [(paper, figure) for paper in registry.keys() for figure in figures(paper)]
    chosen: list[tuple[str, Figure]] = []
    for name in names:
        paper, slash, wanted = name.partition("/")
        if paper not in registry.keys():
            raise ValueError(f"there is no paper {paper!r}; {_nearest(paper, registry.keys())}")
        found = figures(paper)
        if not found:
            raise ValueError(f"{paper} has no figures")
        if slash and wanted not in [figure.name for figure in found]:
            near = _nearest(wanted, [figure.name for figure in found])
            raise ValueError(f"{paper} has no figure {wanted!r}; {near}")
        selected = [(paper, figure) for figure in found if not slash or figure.name == wanted]
        for _, figure in selected if paper not in registry.PAPERS else ():
            try:
                registry.claims(figure.claims)
            except ValueError as error:
                raise ValueError(f"figure {paper}/{figure.name} cannot be drawn: {_unknown(error)}") from None
        chosen += [entry for entry in selected if entry not in chosen]
    return chosen


def reproduce(
    paper: str, figure: Figure, *, size: Size, output: Path, fmt: str, check: bool, on_event: OnEvent
) -> Outcome:
    """Measure what is missing, draw ``figure``, write it with caption and data, and compare where asked."""
    evidence = runner.evidence_for(
        registry.claims(figure.claims), size=size, output=output, on_event=on_event
    )
    data, content, picture = _drawn(paper, figure, evidence, fmt)
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
    good, verdict = _compared(paper, figure, data) if check else (True, "")
    return Outcome(path, good, verdict, picture)


def not_run(figure: Figure) -> str:
    """Return why a claim that ``figure`` needs is not run here; empty where all are."""
    try:
        needed = registry.claims(figure.claims)
    except ValueError as error:
        return _unknown(error)
    return next((claim.skip for claim in needed if claim.skip), "")


def _unknown(error: ValueError) -> str:
    return f"{error}; mend the figure's 'claims'"


def gallery(outcomes: Sequence[Outcome], *, size: Size, output: Path) -> Path:
    """Write the page of all figures beside them and return where it is."""
    folder = output / "figures"
    page = render_gallery(
        [outcome.picture for outcome in outcomes],
        {outcome.picture.anchor: outcome.path.relative_to(folder).as_posix() for outcome in outcomes},
        papers=registry.papers(),
        notes=f"Drawn from instances of the {size} size.",
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / GALLERY, page.encode())
    except OSError as error:
        raise OutputError.of(folder, error) from None
    return folder / GALLERY


def pictures(records: Iterable[Mapping[str, Any]], folder: Path) -> tuple[list[Picture], list[str]]:
    """Draw every figure for which ``records`` name all the evidence; nothing is measured.

    Parameters
    ----------
    records : iterable of dict
        Of one ledger, at most one per claim.
    folder : Path
        The ledger's folder.

    Returns
    -------
    pictures, problems : list of Picture, list of str
        What was drawn, and one sentence for each figure that could not be, although its claims are there.
    """
    judged = {str(record["claim"]): record for record in records if record["evidence"]}
    found: list[Picture] = []
    problems: list[str] = []
    for paper in registry.keys():
        if all(record["paper"] != paper for record in judged.values()):
            continue
        for figure in figures(paper):
            used = [judged[name] for name in figure.claims if name in judged]
            if len(used) < len(figure.claims) or len({(r["size"], r["seed"]) for r in used}) > 1:
                continue
            try:
                evidence = {str(record["claim"]): _stored(record, folder) for record in used}
                found.append(_drawn(paper, figure, evidence, "svg")[2])
            except Exception as error:  # one broken figure must not cost the reader the report
                problems.append(f"figure {paper}/{figure.name} is left out: {told(error)}")
    return found, problems


def _stored(record: Mapping[str, Any], folder: Path) -> ClaimEvidence:
    """Return the evidence that a record was judged by."""
    cells: dict[str, list[Any]] = {role: [] for role in ROLES}
    for entry in record["evidence"]:
        if entry["file"] is None:
            raise CorruptEvidenceError(f"{record['claim']} has a cell without evidence")
        cells[entry["role"]].append(read(folder / entry["file"]).for_statistic)
    return ClaimEvidence(tuple(cells["measure"]), tuple(cells["control"]))


def _drawn(
    paper: str, figure: Figure, evidence: Mapping[str, ClaimEvidence], fmt: str
) -> tuple[dict[str, np.ndarray], bytes, Picture]:
    """Return the data that is drawn, the file in the format asked for, and the picture for a page."""
    import matplotlib as mpl

    mpl.use("Agg")
    with style():
        drawing = figure.draw(evidence)
        data = figure_data(drawing)
        wide = bool(drawing.get_figwidth() > _COLUMN)
        content = rendered(drawing, fmt)
        vector = content if fmt == "svg" else rendered(drawing, "svg")
        small = len(vector) <= _LARGE
        shown = vector if small else content if fmt == "png" else rendered(drawing, "png")
    _close(drawing)
    substitutes = {claim.substitutes: None for claim in registry.claims(figure.claims) if claim.substitutes}
    picture = Picture(
        paper,
        figure.name,
        figure.title,
        figure.caption,
        figure.claims,
        tuple(substitutes),
        "image/svg+xml" if small else "image/png",
        shown,
        wide,
    )
    return data, content, picture


def _compared(paper: str, figure: Figure, data: Mapping[str, np.ndarray]) -> tuple[bool, str]:
    if figure.varies:
        return True, f"not compared: {figure.varies}"
    reference = _reference(paper, figure.name)
    if reference is None:
        return False, f"no reference data: copy its .npz to {_reference_folder(paper)}"
    worst = largest_difference(data, reference)
    verdict = "other curves or points" if np.isinf(worst) else f"largest relative difference {worst:.2g}"
    return worst <= RTOL, f"{'ok' if worst <= RTOL else 'differs'}, {verdict}"


def _reference(paper: str, name: str) -> dict[str, np.ndarray] | None:
    file = _reference_folder(paper) / f"{name}.npz"
    if not file.is_file():
        return None
    with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}


def _reference_folder(paper: str) -> Traversable:
    return resources.files(registry.package(paper)) / "reference"


def _close(drawing: Drawing) -> None:
    import matplotlib.pyplot as plt

    plt.close(drawing)


def _write(path: Path, content: bytes) -> None:
    """Replace ``path`` in one step, so that nobody ever reads half a file."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known)
    return f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(known) or 'none yet'}"
