"""Records as one JSON list: exactly what the ledger holds."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tightbound.verification.claim import Claim
from tightbound.verification.ledger import to_json
from tightbound.verification.report.text import Record


def render(records: Sequence[Record]) -> str:
    """Return the records as a JSON list, strict JSON: a number that is not finite is a string.

    Examples
    --------
    >>> print(render([{"claim": "A-1", "bound": float("inf"), "low": float("nan")}]))
    [
      {
        "claim": "A-1",
        "bound": "inf",
        "low": "nan"
      }
    ]
    """
    return json.dumps([to_json(record) for record in records], indent=2, allow_nan=False, ensure_ascii=False)


def render_claims(claims: Sequence[Claim]) -> str:
    """Return what ``tightbound list --format json`` prints: the words of each claim, not its functions."""
    words = [
        {
            "claim": claim.id,
            "paper": claim.paper,
            "title": claim.title,
            "statement": claim.statement,
            "source": claim.source,
            "provenance": claim.provenance,
            "expected": claim.expected,
            "corrected_by": claim.corrected_by,
            "assumptions": {entry.name: entry.sentence for entry in claim.assumptions},
            "control": {"must": claim.control_must, "because": claim.control.because},
            "substitutes": claim.substitutes,
            "skip": claim.skip,
        }
        for claim in claims
    ]
    return json.dumps(words, indent=2, allow_nan=False, ensure_ascii=False)
