"""Claims on the trained transformer: verdicts at quick size, and that the control differs as it says."""

import numpy as np
import pytest

from tightbound.papers.icl_bma.checks import trained_transformer
from tightbound.papers.icl_bma.checks.trained_transformer import SMALL, TRAINED_TRANSFORMER, Setting
from tightbound.verification.statistics.base import CellEvidence

# a quarter of the quick training: enough to infer something, not enough for a verdict
TINY = {
    **SMALL,
    "width": 8,
    "steps": 60,
    "validation": 40,
    "fresh": 60,
    "runs": 2,
    "trajectories": (8, 32, None),
}


def generator(seed=0):
    return np.random.default_rng(seed)


def judge(claim, data):
    arrays = {name: np.atleast_1d(np.asarray(value)) for name, value in data.items()}
    return claim.statistic.judge([CellEvidence({}, arrays)], level=0.01).status


def test_ids_are_in_order_and_substitutes_are_named():
    assert [claim.id for claim in TRAINED_TRANSFORMER] == ["ICL-7h", "ICL-7i", "ICL-7j"]
    assert all(claim.substitutes and claim.seconds for claim in TRAINED_TRANSFORMER)


def test_budgets_share_shapes_and_references():
    found = trained_transformer.error_by_budget(TINY, generator())
    assert found["curve"].shape == (2, 3, 12)
    mean = found["curve"].mean(axis=-1)
    assert np.array_equal(found["greater"], np.stack([mean[:, 0], mean[:, 1], mean[:, 0] / 2], axis=1))
    assert np.array_equal(found["smaller"], mean[:, [1, 2, 2]])
    assert found["pooled"][0, :2] == pytest.approx(0.0, abs=1e-12)
    again = trained_transformer.error_by_budget(TINY, generator())
    assert np.array_equal(found["curve"], again["curve"])


def test_copies_do_not_help():
    found = trained_transformer.error_by_nominal_budget(TINY, generator())
    assert found["curve"].shape == (2, 2, 12)
    assert judge(TRAINED_TRANSFORMER[0], found) == "fail"


def test_without_concepts_the_bigram_law_is_learnt_at_best():
    claims = TRAINED_TRANSFORMER[1:]
    for claim in claims:
        found = claim.control.measure(TINY, generator())
        assert judge(claim, found) == "fail"
        assert found["bound"] == pytest.approx(found["pooled"].mean() / 2)


def test_exact_laws_are_at_distance_zero_and_pooled_ones_are_not():
    setting = Setting.of(TINY, generator())
    exact = setting.distance(setting.tasks.log_predictive(setting.fresh))
    assert not exact.total_variation.any()
    pooled = setting.pooled()
    assert pooled.total_variation[2:].min() > 0.05
    assert pooled.divergence[2:].min() > 0.0


def test_half_of_the_bigram_law_is_not_enough_to_pass():
    claim = TRAINED_TRANSFORMER[1]
    assert judge(claim, {"value": [0.09, 0.08], "bound": [0.1]}) == "pass"
    assert judge(claim, {"value": [0.09, 0.11], "bound": [0.1]}) == "fail"
