"""What one worker of ``seeds.py`` does: measure one half of a claim from several roots, or judge a root."""

from __future__ import annotations

import functools
import os
import secrets
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from tightbound.verification import evidence, registry
from tightbound.verification.claim import Claim
from tightbound.verification.evidence import Evidence, Unit
from tightbound.verification.ledger import Record, to_json
from tightbound.verification.runner import verify
from tightbound.verification.seeding import generator

_NUMBERS = ("estimate", "low", "high", "bound", "p_value")


@functools.cache
def every_claim() -> Mapping[str, Claim]:
    """Return all claims of this package by their ids."""
    return {claim.id: claim for claim in registry.claims()}


def measure_series(
    claim: str, role: str, roots: Sequence[int], output: Path, still: Mapping[int, str], deadline: float
) -> tuple[list[int], dict[int, str]]:
    """Measure the units of a claim (or of its control) from each root and write their evidence.

    One process takes all roots, so that what JAX and Numba compile is compiled once. A unit that drew nothing
    is the same from every root: its file is linked, not made again.

    Parameters
    ----------
    claim, role : str
        Which units.
    roots : sequence of int
        In their order.
    output : Path
        Its folder ``ROOT`` is the output folder of a run from that root.
    still : mapping from int to str
        Evidence of the units, by position, that are known to draw nothing.
    deadline : float
        Time after which no unit is started.

    Returns
    -------
    tuple of list of int and dict
        The roots that are complete, and ``still`` with what was learnt.
    """
    found, done = dict(still), list[int]()
    for root in roots:
        mine = [unit for unit in evidence.units(every_claim()[claim], "quick", root) if unit.role == role]
        for position, unit in enumerate(mine):
            path = output / str(root) / unit.file
            if path.exists():
                continue
            if position in found:
                _link(Path(found[position]), path)
                continue
            if time.time() > deadline:
                return done, found
            try:
                measured, drew = measure(unit)
            except (Exception, SystemExit):
                continue  # the judge meets the same error and tells it
            evidence.write(path, measured)
            if not drew:
                found[position] = str(path)
        done.append(root)
    return done, found


def measure(unit: Unit) -> tuple[Evidence, bool]:
    """Measure a unit; also return whether it drew any random number."""
    given: list[tuple[np.random.Generator, tuple[Any, ...]]] = []

    def watched(*key: Any) -> np.random.Generator:
        given.append((generator(*key), key))
        return given[-1][0]

    with mock.patch.object(evidence, "generator", watched):
        found = evidence.measure(unit)
    return found, any(not _fresh(rng, generator(*key)) for rng, key in given)


def _fresh(rng: np.random.Generator, other: np.random.Generator) -> bool:
    """Whether ``rng`` has neither drawn nor spawned since it was as ``other`` is."""
    mine, theirs = (
        (one.bit_generator.state, getattr(one.bit_generator.seed_seq, "n_children_spawned", None))
        for one in (rng, other)
    )
    return repr(mine) == repr(theirs)


def _link(source: Path, path: Path) -> None:
    """Put the file at ``source`` at ``path`` too, in one step."""
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    os.link(source, temporary)
    os.replace(temporary, path)


def judge_root(root: int, names: Sequence[str], output: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Judge claims from the evidence of a root; what is missing is measured here.

    Returns
    -------
    tuple of dict and list of dict
        How the claims ended, and the numbers behind each stochastic one.
    """
    selected = [every_claim()[name] for name in names]
    folder = output / str(root)
    records = verify(
        selected, size="quick", seed=root, executor="serial", output=folder, family=registry.family(selected)
    )
    return summary(root, records), [_numbers(record) for record in records if record["p_value"] is not None]


def _numbers(record: Record) -> dict[str, Any]:
    kept = {name: record[name] for name in ("claim", "seed", "status", "expected", *_NUMBERS)}
    control = {f"control_{name}": record["control"][name] for name in ("status", *_NUMBERS[:4])}
    return to_json(kept | control)


def summary(root: int, records: Sequence[Record]) -> dict[str, Any]:
    """Return how the claims of one root ended, and those that ended otherwise than expected."""
    return {
        "seed": root,
        "claims": len(records),
        "statuses": dict(sorted(Counter(record["status"] for record in records).items())),
        "unexpected": {
            record["claim"]: record["status"] for record in records if record["status"] != record["expected"]
        },
        "reasons": {
            record["claim"]: record["reason"]
            for record in records
            if record["status"] != record["expected"] and record["reason"]
        },
    }
