"""Which papers there are, and the claims that a pattern selects."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from tightbound.verification.claim import Claim
from tightbound.verification.paper import Paper

PAPERS: tuple[str, ...] = (
    "bandit_spec",
    "icl_bma",
    "cot_statistics",
    "bail_planner",
    "gmfg_ppo",
    "gmfg_monotone",
    "speculative_core",
)
"""Folders under ``papers/``; each holds ``PAPER`` in its ``__init__`` and ``CLAIMS`` in ``claims``."""


def papers() -> tuple[Paper, ...]:
    """Return the bibliographic record of every paper."""
    return tuple(importlib.import_module(f"tightbound.papers.{name}").PAPER for name in PAPERS)


def claims(patterns: Iterable[str] = (), paper: str | None = None) -> tuple[Claim, ...]:
    """Return the claims that any of ``patterns`` selects, in the order of the registry.

    Parameters
    ----------
    patterns : iterable of str
        Each an id (``"BS-4a"``, or ``"BS-4"`` for all its parts), a glob over ids (``"BS-*"``) or a paper
        (``"bandit_spec"``), in any case.
        None at all selects every claim.
    paper : str, optional
        Keep the claims of this paper only.

    Raises
    ------
    ValueError
        For a pattern or a paper that selects nothing, with the nearest names that exist.
    """
    chosen = PAPERS if paper is None else (_paper(paper),)
    pool = tuple(claim for name in chosen for claim in _load(name))
    validate(pool if paper is None else tuple(claim for name in PAPERS for claim in _load(name)))
    wanted = tuple(patterns)
    if not wanted:
        return pool
    for pattern in wanted:
        if not any(_matches(claim, pattern) for claim in pool):
            names = sorted({claim.id for claim in pool} | {claim.paper for claim in pool})
            raise ValueError(
                f"no claim matches {pattern!r}{_nearest(pattern, names)}; 'tightbound list' shows all"
            )
    return tuple(claim for claim in pool if any(_matches(claim, pattern) for pattern in wanted))


def validate(claims: Sequence[Claim]) -> None:
    """Check that ids are unique and that every ``corrected_by`` names a claim.

    Raises
    ------
    ValueError
        With the id that occurs twice, or the correction that does not exist.
    """
    by_id: dict[str, Claim] = {}
    for claim in claims:
        if claim.id.lower() in by_id:
            papers = f"{by_id[claim.id.lower()].paper} and {claim.paper}"
            raise ValueError(
                f"id {claim.id!r} occurs twice (papers {papers}): give one of the two another id"
            )
        by_id[claim.id.lower()] = claim
    for claim in claims:
        if claim.corrected_by is not None and claim.corrected_by.lower() not in by_id:
            hint = _nearest(claim.corrected_by, sorted(other.id for other in claims))
            raise ValueError(f"{claim.id}: corrected_by is {claim.corrected_by!r}, which is no claim{hint}")


def _load(name: str) -> tuple[Claim, ...]:
    found: tuple[Claim, ...] = importlib.import_module(f"tightbound.papers.{name}.claims").CLAIMS
    for claim in found:
        if claim.paper != name:
            raise ValueError(
                f"{claim.id}: paper is {claim.paper!r} but it stands in papers/{name}: make them equal"
            )
    return found


def _paper(name: str) -> str:
    for known in PAPERS:
        if known.lower() == name.lower():
            return known
    raise ValueError(f"paper is {name!r}: there are {', '.join(PAPERS)}{_nearest(name, PAPERS)}")


def _matches(claim: Claim, pattern: str) -> bool:
    wanted = (pattern.lower(), f"{pattern.lower()}[a-z]")  # BS-7 means its parts BS-7a, BS-7b, ... too
    return fnmatchcase(claim.paper.lower(), wanted[0]) or any(
        fnmatchcase(claim.id.lower(), w) for w in wanted
    )


def _nearest(name: str, known: Sequence[str]) -> str:
    spelt = {entry.lower(): entry for entry in known}
    near = [entry for entry in spelt if entry.startswith(name.lower())][:3]
    near = near or difflib.get_close_matches(name.lower(), spelt, n=3)
    return f"; did you mean {', '.join(spelt[entry] for entry in near)}?" if near else ""
