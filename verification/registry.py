"""Which papers there are, and the claims that a pattern selects."""

from __future__ import annotations

import contextlib
import difflib
import importlib
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase

from tightbound.verification.claim import Claim
from tightbound.verification.paper import Paper
from tightbound.verification.plugins import PluginError, announced

PAPERS: tuple[str, ...] = (
    "bandit_spec",
    "icl_bma",
    "cot_statistics",
    "bail_planner",
    "gmfg_ppo",
    "gmfg_monotone",
    "speculative_core",
    "longspec",
    "sparse_to_dense",
    "attention_sink",
    "tiara",
)
"""Folders under ``papers/``; each holds ``PAPER`` in its ``__init__`` and ``CLAIMS`` in ``claims``.

Papers in packages of their own are found by ``tightbound.verification.plugins``.
"""


OnProblem = Callable[[str], None]


def _ignore(problem: str) -> None:
    """Tell nobody."""


def keys() -> tuple[str, ...]:
    """Return the keys of all papers: those of this package, then those of other packages."""
    return (*PAPERS, *(plugin.key for plugin in announced(PAPERS)[0]))


def package(key: str) -> str:
    """Return the name of the package that holds the paper ``key``."""
    for plugin in () if key in PAPERS else announced(PAPERS)[0]:
        if plugin.key == key:
            return plugin.package
    return f"tightbound.papers.{key}"


def papers() -> tuple[Paper, ...]:
    """Return the bibliographic record of every paper that can be had."""
    found = [importlib.import_module(f"tightbound.papers.{name}").PAPER for name in PAPERS]
    for plugin in announced(PAPERS)[0]:
        with contextlib.suppress(Exception):  # claims() tells what is wrong
            found.append(importlib.import_module(plugin.package).PAPER)
    return tuple(found)


def claims(
    patterns: Iterable[str] = (), paper: str | None = None, *, on_problem: OnProblem = _ignore
) -> tuple[Claim, ...]:
    """Return the claims that any of ``patterns`` selects, in the order of the registry.

    The claims of other packages come last; one is imported only where ``patterns`` may mean it.

    Parameters
    ----------
    patterns : iterable of str
        Each an id (``"BS-4a"``, or ``"BS-4"`` for all its parts), a glob over ids (``"BS-*"``) or a paper
        (``"bandit_spec"``), in any case.
        None at all selects every claim.
    paper : str, optional
        Keep the claims of this paper only.
    on_problem : callable, optional
        Told about every paper of another package that cannot be used and is left out.

    Raises
    ------
    ValueError
        For a pattern or a paper that selects nothing, with the nearest names that exist, and for a paper of
        another package that is asked for by its name and cannot be used.
    """
    wanted = tuple(patterns)
    own = tuple(claim for name in PAPERS for claim in _load(name))
    validate(own)
    if paper is not None:
        key = _paper(paper)
        pool = _load(key) if key in PAPERS else _others(own, [key], on_problem)
    else:
        pool = own + _others(own, wanted, on_problem)
    if not wanted:
        return pool
    for pattern in wanted:
        if not any(_matches(claim, pattern) for claim in pool):
            names = sorted({claim.id for claim in pool} | {claim.paper for claim in pool})
            raise ValueError(
                f"no claim matches {pattern!r}{_nearest(pattern, names)}; 'tightbound list' shows all"
            )
    return tuple(claim for claim in pool if any(_matches(claim, pattern) for pattern in wanted))


def family(selected: Iterable[Claim]) -> tuple[Claim, ...]:
    """Return the claims among which a run of ``selected`` shares its level.

    These are all claims of this package, so that the verdict on one of them does not depend on what else was
    asked for, and all claims of those papers of other packages that ``selected`` touches.
    """
    own = tuple(claim for name in PAPERS for claim in _load(name))
    touched = {claim.paper for claim in selected}
    return own + tuple(
        claim for plugin in announced(PAPERS)[0] if plugin.key in touched for claim in plugin.load()
    )


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


def _others(own: tuple[Claim, ...], patterns: Sequence[str], on_problem: OnProblem) -> tuple[Claim, ...]:
    """Return the claims of other packages that ``patterns`` may mean; without any pattern, of all."""
    if patterns and all(_plain(pattern, own) for pattern in patterns):
        return ()
    plugins, problems = announced(PAPERS)
    named = {pattern.lower() for pattern in patterns}
    known = {plugin.key.lower() for plugin in plugins}
    if patterns and all(_plain(pattern, own) or pattern.lower() in known for pattern in patterns):
        plugins, problems = tuple(plugin for plugin in plugins if plugin.key.lower() in named), ()
    for problem in problems:
        on_problem(str(problem))
    found: tuple[Claim, ...] = ()
    for plugin in plugins:
        try:
            more = plugin.load()
            try:
                validate(own + found + more)
            except ValueError as error:
                raise plugin.error(str(error)) from None
        except PluginError as error:
            if plugin.key.lower() in named:
                raise
            on_problem(str(error))
        else:
            found += more
    return found


def _plain(pattern: str, own: tuple[Claim, ...]) -> bool:
    """Whether ``pattern`` means claims of this package and can mean no other."""
    return not set("*?[") & set(pattern) and any(_matches(claim, pattern) for claim in own)


def _load(name: str) -> tuple[Claim, ...]:
    found: tuple[Claim, ...] = importlib.import_module(f"tightbound.papers.{name}.claims").CLAIMS
    for claim in found:
        if claim.paper != name:
            raise ValueError(
                f"{claim.id}: paper is {claim.paper!r} but it stands in papers/{name}: make them equal"
            )
    return found


def _paper(name: str) -> str:
    for known in PAPERS if name.lower() in [key.lower() for key in PAPERS] else keys():
        if known.lower() == name.lower():
            return known
    raise ValueError(f"paper is {name!r}: there are {', '.join(keys())}{_nearest(name, keys())}")


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
