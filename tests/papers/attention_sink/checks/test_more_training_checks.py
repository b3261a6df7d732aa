"""Further claims on trained networks: what they measure on tiny ones, and that their statistics can fail."""

import numpy as np
import pytest

from tightbound.papers.attention_sink.checks import (
    data_amount,
    learning_rate,
    other_tokens,
    prefix,
    thresholds,
    value_norm,
    weight_decay,
)
from tightbound.papers.attention_sink.checks._texts import trained_on
from tightbound.papers.attention_sink.checks._training import QUICK, trained
from tightbound.papers.attention_sink.checks.always_active import ALWAYS_ACTIVE
from tightbound.papers.attention_sink.checks.data_amount import DATA_AMOUNT
from tightbound.papers.attention_sink.checks.learning_rate import LEARNING_RATE
from tightbound.papers.attention_sink.checks.other_tokens import OTHER_TOKENS
from tightbound.papers.attention_sink.checks.prefix import PREFIX
from tightbound.papers.attention_sink.checks.thresholds import THRESHOLD
from tightbound.papers.attention_sink.checks.value_norm import VALUE_NORM
from tightbound.papers.attention_sink.checks.weight_decay import WEIGHT_DECAY
from tightbound.theory.attention.sink import sink_metric
from tightbound.verification.statistics.base import CellEvidence

GROUPS = (
    OTHER_TOKENS,
    LEARNING_RATE,
    VALUE_NORM,
    WEIGHT_DECAY,
    DATA_AMOUNT,
    THRESHOLD,
    PREFIX,
    ALWAYS_ACTIVE,
)
CLAIMS = {claim.id: claim for group in GROUPS for claim in group}
# the cell of the other test module of training, so that programs and trainings are shared with it
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
    expected = ("5a", "5b", "5c", "6a", "6b", "7a", "7b", "8", "10a", "10b", "11", "12", "13")
    assert list(CLAIMS) == [f"SINK-T{n}" for n in expected]
    for claim in CLAIMS.values():
        assert "in place of a language model" in claim.substitutes
        assert "fixed token" in claim.substitutes or "first token is fixed" in claim.substitutes
        assert set(claim.seconds) == {"quick", "standard", "full"}


def test_entries_that_are_no_setting_do_not_train_again():
    assert trained({**TINY, "slower": 4, "decay": 5.0, "sequences": 0}) is trained(TINY)


def test_trained_weights_give_the_closed_form_of_a_repeated_token():
    cell = {**TINY, "position": "rotary", "runs": 1}
    assert other_tokens.beside_closed_form(cell, RNG)["value"].max() < 1e-12
    wrong = other_tokens.beside_closed_form_after_fixed(cell, RNG)["value"]
    assert judge("SINK-T5b", {"value": wrong}, 0.0) == "fail"


def test_other_tokens_are_what_they_are_called():
    nets = trained(TINY)
    drawn = other_tokens._random_tokens(nets, np.random.default_rng(0), fixed=True)
    assert np.all(drawn[:, 0] == 8)
    assert drawn[:, 1:].max() < 8
    assert np.all(other_tokens._repeated(nets) == np.arange(8)[:, None])
    found = other_tokens.on_random_tokens(TINY, np.random.default_rng(0))
    assert found["value"] == pytest.approx(
        [sink_metric(nets.model.probe(one.parameters, drawn)["scores"]) for one in nets.results]
    )
    assert judge("SINK-T5a", {"value": [0.9, 0.5]}, 0.6) == "fail"
    assert judge("SINK-T5c", {"value": [0.9, 0.05]}, 0.1) == "fail"


def test_equal_progress_is_an_equal_sum_of_rates():
    cell = {**TINY, "slower": 2}
    found = learning_rate.sink_at_equal_progress(cell, RNG)
    assert found["steps"].tolist() == [40]
    slow = trained(TINY, learning_rate=0.01, warmup=20)
    assert np.array_equal(found["slow"], slow.sink(0)[:, [1]])
    assert np.array_equal(found["fast"], trained(TINY).sink(0)[:, [0]])
    both = learning_rate.sink_at_equal_steps(cell, RNG)
    assert both["steps"].tolist() == [40, 80, 120]
    assert np.array_equal(both["greater"], trained(TINY).sink(0).mean(axis=1))
    early = learning_rate.sink_at_equal_steps_early(cell, RNG)
    assert np.array_equal(early["greater"], trained(TINY).sink(0)[:, 0])
    for name in ("SINK-T6a", "SINK-T6b"):
        assert judge(name, {"greater": [0.5, 0.2], "smaller": [0.1, 0.2]}) == "fail"


class Made:
    """Stands for trained networks; what it returns is told by the change that it was asked for."""

    fixed_column, steps = 1, np.array([40, 80])

    def __init__(self, change):
        self.size = change.get("slot_value_norm", 0.0) + change.get("weight_decay", 0.0)

    def sink(self, column):
        return np.array([[0.0, self.size + 100.0 * column], [0.0, self.size + 100.0 * column + 1.0]])

    def excess_loss(self):
        return np.full((2, 2), self.size)

    def watched(self, name):
        return np.full((2, 2, 3), self.size)


def test_lengths_of_the_slot_are_columns(monkeypatch):
    monkeypatch.setattr(value_norm, "side_by_side", lambda cell, *changes: tuple(map(Made, changes)))
    cell = {**TINY, "norms": (0.0, 5.0, 20.0)}
    found = value_norm.slot_loses(cell, RNG)
    assert found["slot"].tolist() == [[0.0, 5.0, 20.0], [1.0, 6.0, 21.0]]
    assert found["greater"].tolist() == [0.0, 1.0]
    assert found["smaller"].tolist() == [20.0, 21.0]
    gains = value_norm.first_gains(cell, RNG)
    assert gains["greater"].tolist() == [120.0, 121.0]
    assert gains["smaller"].tolist() == [100.0, 101.0]
    assert value_norm.slot_loses_nothing(cell, RNG)["smaller"].tolist() == [5.0, 6.0]
    assert value_norm.first_gains_nothing(cell, RNG)["greater"].tolist() == [105.0, 106.0]
    for name in ("SINK-T7a", "SINK-T7b"):
        assert judge(name, {"greater": [1.0, 0.8], "smaller": [0.0, 0.4]}) == "fail"


def test_decay_is_compared_with_none(monkeypatch):
    monkeypatch.setattr(weight_decay, "trained", lambda cell, **change: Made(change))
    found = weight_decay.sink_without_decay({**TINY, "decay": 20.0}, RNG)
    assert found["greater"].tolist() == [0.0, 1.0]
    assert found["smaller"].tolist() == [20.0, 21.0]
    assert np.all(found["excess_loss"] > found["plain_loss"])
    assert judge("SINK-T8", {"greater": [1.0, 0.8], "smaller": [0.0, 0.4]}) == "fail"


def test_few_sequences_are_learned_by_heart():
    found = data_amount.sink_with_few_sequences({**TINY, "sequences": 4, "recorded": (8,)}, RNG)
    assert np.all(found["excess_loss"][:, -1] > found["endless_loss"][:, -1])
    assert found["recorded"].shape == (2, 3, 1)
    assert np.array_equal(found["recorded"][:, :, 0], trained(TINY, sequences=8).sink(0))
    assert judge("SINK-T10a", {"greater": [1.0, 0.8], "smaller": [0.0, 0.4]}) == "fail"


@pytest.mark.parametrize("text", ["bytes", "hidden_markov", "grammar"])
def test_texts_are_learned(text):
    nets = trained_on(text, TINY)
    assert nets.losses().shape == (2, 3)
    assert np.all(nets.losses()[:, -1] < np.log(nets.model.vocabulary))
    assert nets.watched("sink").shape == (2, 3, 16)
    if text == "bytes":
        found = data_amount.first_in_bytes(TINY, RNG)
        assert found["value"] == pytest.approx(found["sink"].max(axis=1))
    assert judge("SINK-T10b", {"value": [0.05, 0.2]}, 0.1) == "fail"
    assert judge("SINK-T13", {"value": [0.05, 0.2]}, 0.1) == "fail"


def test_metric_falls_with_the_threshold():
    found = thresholds.at_thresholds({**TINY, "lengths": (16,)}, RNG)
    assert found["metric"].shape == (2, 1, 3)
    assert np.array_equal(found["metric"][:, 0, 1], trained(TINY).sink(0)[:, -1])
    assert np.all(np.diff(found["metric"], axis=2) <= 0.0)
    assert judge("SINK-T11", {"value": [[0.9, 0.5]]}, 0.6) == "fail"


def test_prefix_is_seen_by_all_rows_and_not_predicted():
    cell = {**TINY, "prefix": 3, "fixed_position": 2}
    found = prefix.sink_on_fixed(cell, RNG)
    assert found["scores"][0, 1] > 0.0
    assert found["scores"][3, 4] == 0.0
    assert np.array_equal(found["value"], found["sink"][:, 1])
    nets = trained(cell)
    assert np.all(nets.excess_loss()[:, -1] > 0.0)  # no token that a row saw is predicted
    assert np.array_equal(prefix.sink_on_first_of_prefix(cell, RNG)["value"], found["sink"][:, 0])
    assert judge("SINK-T12", {"value": [0.9, 0.5]}, 0.6) == "fail"
