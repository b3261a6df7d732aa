"""Claims on the trained pair hold, and their controls fail, on a small share of the quick grid."""

import numpy as np
import pytest

from tightbound.papers.longspec.checks import lossless
from tightbound.papers.longspec.checks.attention_speed import LS_10, arrays, eager, hybrid
from tightbound.papers.longspec.checks.draft_memory import DRAFT_MEMORY, LS_4B
from tightbound.papers.longspec.checks.lossless import LOSSLESS, LS_3B
from tightbound.papers.longspec.checks.noisy_training import NOISY_TRAINING
from tightbound.papers.longspec.checks.trained_drafts import LS_8, LS_9B, acceptance, pieces

LEVEL = 0.01 / 450
CLAIMS = (*LOSSLESS, *DRAFT_MEMORY, *NOISY_TRAINING, LS_9B)


def fewer(claim, cells):
    cells = [cell for cell in cells if cell.get("prompt", 0) <= 64]
    return cells if claim is LS_4B else cells[-1:]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_holds_and_its_control_does_not(claim, judge):
    assert judge(claim, fewer(claim, claim.grid.quick), claim.measure, claim.bound, level=LEVEL) == "pass"
    cells = fewer(claim, (claim.control.grid or claim.grid).quick)
    measure, bound = claim.control.measure or claim.measure, claim.control.bound or claim.bound
    assert judge(claim, cells, measure, bound, level=LEVEL) == "fail"


def test_laws_of_paths_are_those_of_plain_decoding():
    """One by one, as a text of its own, each path has the law that the tables state."""
    cell = {**LS_3B.grid.quick[-1], "letters": 4}
    one = lossless.Round(cell, np.random.default_rng(0))
    target = one.pair.target
    for path in ((), (2,), (1, 3)):
        text = np.concatenate([one.text, np.array(path, dtype=np.int64)])
        logits = target.forward(target.start(1, 64), text[None])[0, -1].astype(float)
        exact = np.exp(logits - logits.max())
        assert one.plain.rows[len(path)][path] == pytest.approx(exact / exact.sum(), abs=1e-5)


def test_a_near_tie_is_counted_and_goes_either_way(monkeypatch):
    def tied(target, texts, tokens):
        logits, pace = plain(target, texts, tokens)
        equal = logits.max(axis=-1, keepdims=True) + 1e-6
        return np.where(np.arange(logits.shape[-1]) == 0, equal, logits), pace

    plain = lossless.plain_logits
    cell = {"widths": (1,), "prompt": 20, "prompts": 2, "tokens": 4}
    assert lossless.greedy_texts(cell, np.random.default_rng(0))["ties"] == 0
    monkeypatch.setattr(lossless, "plain_logits", tied)
    found = lossless.greedy_texts(cell, np.random.default_rng(0))
    assert found["ties"] == 8
    assert np.array_equal(found["value"], found["reference"])


def test_both_kinds_of_attention_agree():
    given = arrays(100, 16, np.random.default_rng(0))
    assert hybrid(*given) == pytest.approx(eager(*given), abs=1e-5)
    assert LS_10.expected == "skipped"


def test_drafts_are_accepted_less_often_where_the_keys_are_older():
    cell = {**LS_8.grid.quick[0], "pieces": 3}
    tokens = pieces(cell, np.random.default_rng(0))
    assert tokens.shape == (3, 128)
    assert len({tuple(piece) for piece in tokens}) == 3
    found = acceptance(["shipped"], tokens, [1, 4], 0)
    assert found.shape == (1, 3, 2)
    assert np.all((found > 0.3) & (found < 1.0))
    assert np.all(found[0, :, 0] > found[0, :, 1])  # older keys say less
    assert LS_8.expected == "skipped"
