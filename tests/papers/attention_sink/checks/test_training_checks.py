"""Claims on trained networks: what they measure on tiny ones, and that their statistics can fail."""

import numpy as np
import pytest

from tightbound.papers.attention_sink.checks import bias_slots, emergence, operations, positions
from tightbound.papers.attention_sink.checks._training import QUICK, side_by_side, trained
from tightbound.papers.attention_sink.checks.bias_slots import BIAS_SLOTS
from tightbound.papers.attention_sink.checks.emergence import EMERGENCE
from tightbound.papers.attention_sink.checks.operations import OPERATIONS
from tightbound.papers.attention_sink.checks.positions import POSITIONS
from tightbound.theory.attention.sink import sink_metric, value_drain
from tightbound.verification.statistics.base import CellEvidence

CLAIMS = {claim.id: claim for claim in (*EMERGENCE, *OPERATIONS, *BIAS_SLOTS, *POSITIONS)}
# small and short, for all claims on softmax attention without a slot one compiled program
TINY = {
    **QUICK,
    "tokens": 8,
    "length": 16,
    "width": 16,
    "batch": 16,
    "warmup": 10,
    "validation": 20,
    "steps": 120,
    "evaluate_every": 40,
    "learning_rate": 0.02,
}
RNG = np.random.default_rng(0)


def judge(name, data, bound=None):
    arrays = {key: np.atleast_1d(np.asarray(value)) for key, value in data.items()}
    return CLAIMS[name].statistic.judge([CellEvidence({}, arrays, bound)], level=0.01).status


def test_ids_are_those_expected_and_say_what_stands_for_what():
    assert list(CLAIMS) == [f"SINK-T{n}" for n in ("1a", "1b", "2", "3a", "3b", "3c", "4a", "4b", "9")]
    for claim in CLAIMS.values():
        assert "not that position 1 is chosen by itself" in claim.substitutes
        assert claim.seconds or claim.skip
        for size, runs in (("quick", 2), ("standard", 5)):
            assert all(cell["runs"] >= runs for cell in claim.grid.at(size))


def test_trainings_are_shared_and_learn():
    nets = trained(TINY)
    assert trained(dict(reversed(list(TINY.items()))), operation="softmax", fixed_position=1) is nets
    excess = nets.excess_loss()
    assert excess.shape == (2, 3)
    assert np.all(excess[:, -1] < 0.5 * excess[:, 0])
    traces = [nets.probe(run) for run in range(2)]
    expected = [sink_metric(trace["scores"], position=1) for trace in traces]
    assert nets.sink(0)[:, -1] == pytest.approx(expected, abs=1e-6)
    drains = [value_drain(trace["values"]).mean() for trace in traces]
    assert nets.value_drain()[:, -1] == pytest.approx(drains, rel=0.05)


def test_slower_training_is_another_one():
    cell = {**TINY, "learning_rate": TINY["learning_rate"] / emergence.SLOWER}
    fast, slow = emergence.drain_of_first(TINY, RNG), emergence.drain_of_first_slowly(TINY, RNG)
    assert np.array_equal(slow["value"], trained(cell).value_drain()[:, -1])
    assert np.all(fast["excess_loss"][:, -1] < slow["excess_loss"][:, -1])
    assert fast["scores"].sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert np.abs(fast["cosine"]).max() <= 1.0
    assert np.array_equal(emergence.sink_on_first(TINY, RNG)["value"], trained(TINY).sink(0)[:, -1])
    assert judge("SINK-T1a", {"value": [0.9, 0.5]}, 0.6) == "fail"
    assert judge("SINK-T1b", {"value": [0.2, 0.6]}, 0.5) == "fail"


def test_settings_side_by_side_are_those_alone():
    rates = [{"learning_rate": 0.02}, {"learning_rate": 0.01}]
    both = side_by_side({**TINY, "runs": 1}, *rates)
    for nets, change in zip(both, rates, strict=True):
        alone = trained({**TINY, "runs": 1, **change})
        assert nets.excess_loss() == pytest.approx(alone.excess_loss(), abs=1e-3)
    with pytest.raises(ValueError, match="changes contain 'window'"):
        side_by_side(TINY, {"window": 4})


def test_positions_are_counted_from_one():
    found = positions.strongest({**TINY, "fixed_position": 3}, RNG)
    assert np.array_equal(found["value"], found["sink"].argmax(axis=1) + 1)
    assert np.all(trained({**TINY, "fixed_position": 3}).validation[:, 2] == 8)
    without = positions.strongest_without({**TINY, "fixed_position": 3}, RNG)
    assert not np.any(trained({**TINY, "fixed_position": None}).validation == 8)
    assert np.array_equal(
        positions.first_without({**TINY, "fixed_position": None}, RNG)["value"], without["sink"][:, 0]
    )
    assert judge("SINK-T4a", {"value": [3.0, 4.0]}, 3.0) == "fail"


def test_raw_scores_of_rows_that_sum_to_one():
    found = operations.first_as_sink({**TINY, "operation": "softmax", "normaliser": "sum"}, RNG)
    assert found["mass"] == pytest.approx(found["proxy"], rel=1e-5)
    assert found["raw"] == pytest.approx(found["mass"] / found["typical_mass"])
    assert np.all(found["value"] <= found["raw"])
    assert np.all(found["value"] <= 0.5 / found["value_drain"])
    assert judge("SINK-T2", {"value": [0.9, 1.1]}, 1.0) == "fail"


def test_slots_are_column_zero():
    cell = {**TINY, "bias_slot": "key"}
    found, nets = bias_slots.slot_and_first(cell, RNG), trained(cell)
    assert nets.fixed_column == 1
    scores = nets.probe(1)["scores"]
    assert found["slot_mass"][1] == pytest.approx(scores[0, :, 0, :, 0].mean(), rel=1e-4)
    assert found["first_mass"][1] == pytest.approx(scores[0, :, 0, :, 1].mean(), rel=1e-4)
    assert judge("SINK-T3a", {"greater": [1.0, 0.7], "smaller": [0.0, 0.3]}) == "fail"


def test_attention_within_a_window_is_in_units_of_uniform():
    class Architecture:
        window = 4

    class Model:
        architecture = Architecture()

    class Nets:
        model = Model()

    seen = np.tri(8) - np.tri(8, k=-4)
    uniform = (seen / seen.sum(axis=1, keepdims=True))[None, None, None]
    found = positions._beside_window(Nets(), [{"scores": uniform}])
    assert found["greater"] == pytest.approx(1.0)
    assert found["smaller"] == pytest.approx(1.0)
    assert judge("SINK-T9", found) == "fail"
