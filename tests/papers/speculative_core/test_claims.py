"""Every claim holds and every control fails, on a small share of the quick grid."""

import pytest

from tightbound.papers.speculative_core.claims import CLAIMS
from tightbound.verification.claim import NegativeControl
from tightbound.verification.registry import validate

LEVEL = 0.01 / 300


def _fewer(cells):
    return cells[-1:] if len(cells) < 4 else cells[:: len(cells) // 3]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_holds_and_its_control_does_not(claim, judge):
    assert judge(claim, _fewer(claim.grid.quick), claim.measure, claim.bound, level=LEVEL) == "pass"
    control: NegativeControl = claim.control
    cells = (control.grid or claim.grid).quick
    assert (
        judge(claim, cells, control.measure or claim.measure, control.bound or claim.bound, level=LEVEL)
        == "fail"
    )


def test_the_numbered_claims_are_all_there():
    validate(CLAIMS)
    numbers = {claim.id.rstrip("abc") for claim in CLAIMS}
    assert numbers == {f"CORE-{n}" for n in range(1, 14)} | {"CORE-N2", "CORE-N3", "CORE-N4"}


def test_only_what_was_proved_is_gated():
    assert {claim.provenance for claim in CLAIMS} == {"derived"}
