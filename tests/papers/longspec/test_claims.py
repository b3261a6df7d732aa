"""Claims that need no trained model hold and their controls fail; every numbered claim is there."""

import pytest

from tightbound.papers.longspec.checks.positions import POSITIONS
from tightbound.papers.longspec.checks.published_speed import PUBLISHED_SPEED
from tightbound.papers.longspec.checks.tree_attention import TREE_ATTENTION
from tightbound.papers.longspec.claims import CLAIMS
from tightbound.verification.registry import validate

LEVEL = 0.01 / 600


@pytest.mark.parametrize("claim", [*TREE_ATTENTION, *PUBLISHED_SPEED, *POSITIONS], ids=lambda claim: claim.id)
def test_holds_and_its_control_does_not(claim, judge):
    cells = claim.grid.quick[:3]
    assert judge(claim, cells, claim.measure, claim.bound, level=LEVEL) == "pass"
    assert judge(claim, cells, claim.control.measure, claim.bound, level=LEVEL) == "fail"


def test_the_numbered_claims_are_all_there():
    validate(CLAIMS)
    assert {claim.id.rstrip("abc") for claim in CLAIMS} == {f"LS-{n}" for n in range(1, 11)}
