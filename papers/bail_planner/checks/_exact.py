"""What the claims on exact planners share."""

from __future__ import annotations

from typing import Any

PAPER = "bail_planner"
EXACT = (
    "the exact posterior mixture of experts stands for the language model, a table for the reporter, one "
    "transition kernel for the actor"
)

Arrays = dict[str, Any]
