"""A user's own paper, outside this repository: a small package with one complete claim, to be replaced."""

from __future__ import annotations

import itertools
import keyword
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from string import Template, ascii_lowercase

from tightbound.verification import registry
from tightbound.verification.errors import OutputError

_FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "__init__.py": "{paper}/__init__.py",
    "claims.py": "{paper}/claims.py",
    "figures.py": "{paper}/figures.py",
    "test_claims.py": "tests/test_claims.py",
}


def scaffold(paper: str, folder: Path) -> tuple[Path, ...]:
    """Write the package of a new paper and return its files.

    Parameters
    ----------
    paper : str
        Its key, which is also the name of its package: lower-case letters, digits and ``_``.
    folder : Path
        Where it goes; made where it does not exist.

    Raises
    ------
    ValueError
        For a key that cannot name a package or that is taken, and for a folder that holds something.
    OutputError
        Where the files cannot be written.
    """
    if not paper.isidentifier() or not paper.isascii() or paper != paper.lower() or keyword.iskeyword(paper):
        raise ValueError(
            f"paper is {paper!r}: it names a Python package; use lower-case letters, digits and '_', e.g. "
            "'my_paper'"
        )
    if paper in registry.keys() or find_spec(paper) is not None:
        raise ValueError(f"paper is {paper!r}: a package of this name is installed already; choose another")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is there already and is not empty: choose another --output")
    words = {"paper": paper, "distribution": paper.strip("_").replace("_", "-"), "id": _free_id(paper)}
    written = []
    try:
        for source, target in _FILES.items():
            template = resources.files("tightbound.verification") / "template" / f"{source}.template"
            path = folder / target.format(paper=paper)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(
                Template(template.read_text(encoding="utf-8")).substitute(words), encoding="utf-8"
            )
            written.append(path)
    except OSError as error:
        raise OutputError.of(folder, error) from None
    return tuple(written)


def _free_id(paper: str) -> str:
    """Return an id for the first claim that no other claim has."""
    letters = "".join(letter if letter.isalpha() else "-" for letter in paper.upper())
    prefix = "-".join(part for part in letters.split("-") if part) or "PAPER"
    known = {claim.id.rstrip(ascii_lowercase) for claim in registry.claims()}  # BS-7a and BS-7b take BS-7
    return next(name for n in itertools.count(1) if (name := f"{prefix}-{n}") not in known)
