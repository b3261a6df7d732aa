"""Rows of the live benchmark: medians over prompts, ratios of totals, the best drafter of each prompt."""

import numpy as np
import pytest

from tightbound.papers.bandit_spec import benchmarks
from tightbound.papers.bandit_spec.benchmarks import DRAFTERS, LEARNERS, live_orders, live_rows
from tightbound.simulators.language_models import smollm2
from tightbound.simulators.language_models.byte_pair_tokenizer import _NAMES, BytePairTokenizer
from tightbound.simulators.language_models.table_model import TableModel


def test_rows_of_given_rounds_and_speeds():
    tokens = np.array([60, 60, 60])
    names = ("none", *DRAFTERS, *LEARNERS)
    rounds = {name: np.full(3, 60) for name in names}
    rounds[DRAFTERS[0]], rounds[DRAFTERS[2]] = np.array([20, 30, 60]), np.array([60, 10, 30])
    rounds["ucb_spec"] = np.array([20, 15, 20])
    speeds = {name: 60 / (0.1 * some) for name, some in rounds.items()}
    rows = {(row["what"], row["unit"]): row for row in live_rows(tokens, rounds, speeds)}
    best = rows["best drafter of each prompt", "tokens/round"]
    assert best["ratio_to"] == DRAFTERS[2]  # 100 rounds, the other one has 110
    assert best["ratio"] == pytest.approx(100 / 60)
    assert rows["ucb_spec", "tokens/round"]["ratio"] == pytest.approx(100 / 55)
    assert rows["ucb_spec", "tokens/round"]["median"] == 3.0
    assert rows["none", "tokens/round"]["median"] == 1.0
    assert rows["ucb_spec", "tokens/s"]["median"] == pytest.approx(30.0)
    assert rows["ucb_spec", "tokens/s"]["ratio"] == pytest.approx(100 / 55)
    assert len(rows) == 2 * (len(names) + 1)


def test_the_fastest_drafter_need_not_be_the_one_with_fewest_rounds():
    tokens = np.array([60, 60])
    rounds = {name: np.full(2, 30) for name in ("none", *DRAFTERS, *LEARNERS)}
    rounds[DRAFTERS[1]] = np.array([20, 20])
    speeds = {name: np.array([30.0, 30.0]) for name in rounds}
    speeds[DRAFTERS[0]], speeds[DRAFTERS[3]] = np.array([20.0, 60.0]), np.array([50.0, 30.0])
    rows = {(row["what"], row["unit"]): row for row in live_rows(tokens, rounds, speeds)}
    assert rows["none", "tokens/round"]["ratio_to"] == DRAFTERS[1]
    assert rows["none", "tokens/s"]["ratio_to"] == DRAFTERS[3]  # 1.2 + 2 s, the first one 3 + 1 s
    best = rows["best drafter of each prompt", "tokens/s"]
    assert best["ratio"] == pytest.approx(3.2 / 2.2)
    assert (best["low20"], best["high80"]) == (pytest.approx(52.0), pytest.approx(58.0))


def test_it_runs_on_another_model(monkeypatch):
    tokenizer = BytePairTokenizer(tuple(_NAMES.values()), ())
    law = np.full((257, 256), 1 / 512)
    law[np.arange(257), (np.arange(257) + 1) % 7 + 97] += 0.5  # "abcdefg" again and again
    model = TableModel(law, context=64)
    monkeypatch.setattr(smollm2, "load", lambda: (model, tokenizer))
    monkeypatch.setattr(benchmarks, "PROMPT_TOKENS", 16)
    monkeypatch.setattr(benchmarks, "NEW_TOKENS", 16)
    monkeypatch.setattr(benchmarks, "WORKLOAD", {"code": ("formatstrings",), "prose": ("exceptions",)})
    orders = live_orders()
    assert set(orders) == {"none", *DRAFTERS, *LEARNERS}
    prompts = {bytes(order.prompt.tolist()) for some in orders.values() for order in some}
    assert len(prompts) == sum(map(len, benchmarks.WORKLOAD.values()))
    assert all(list(order.arms) == list(DRAFTERS) for order in orders["exp3_spec"])
    rows = {(row["what"], row["unit"]): row for row in benchmarks.live()}
    assert rows["none", "tokens/round"]["median"] == 1.0
    assert rows["suffix_automaton:8", "tokens/round"]["median"] > 1.5
    best, learner = (
        rows[name, "tokens/round"]["ratio"] for name in ("best drafter of each prompt", "ucb_spec")
    )
    assert best >= 1.0 >= learner
