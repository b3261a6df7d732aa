"""Claims on stepwise reasoning by a trained model: exact parts, and controls that fail."""

import numpy as np
import pytest

from tightbound.papers.cot_statistics.checks import trained_transformer
from tightbound.papers.cot_statistics.checks.trained_transformer import SMALL, TRAINED_TRANSFORMER
from tightbound.theory.chain_of_thought.prompting_error import exact_prompting_error
from tightbound.verification.statistics.base import CellEvidence

TINY = {**SMALL, "width": 8, "updates": 75, "demonstrations": 2, "validation": 30, "prompts": 40, "runs": 1}


def generator(seed=0):
    return np.random.default_rng(seed)


def judge(claim, data):
    arrays = {name: np.atleast_1d(np.asarray(value)) for name, value in data.items()}
    return claim.statistic.judge([CellEvidence({}, arrays)], level=0.01).status


def test_ids_are_in_order_and_substitutes_are_named():
    assert [claim.id for claim in TRAINED_TRANSFORMER] == ["COT-9a", "COT-9b"]
    assert all(claim.substitutes and claim.seconds for claim in TRAINED_TRANSFORMER)


def test_error_of_prompting_agrees_with_the_sum_over_all_prompts():
    cell = {**SMALL, "states": 2, "steps": 1, "demonstrations": 3}
    chain = trained_transformer._tasks(cell)
    found = trained_transformer._prompt_error(cell, chain, generator())
    for n in range(4):
        exact = [np.exp(exact_prompting_error(chain, task, n).log_answer_kl) for task in range(2)]
        assert found[n] == pytest.approx(chain.prior @ exact, rel=0.05)


def test_error_of_pretraining_is_a_divergence_from_the_exact_average():
    """Averaged over tasks given the prompt, err_CoT - err_prompt = KL(P_BMA || law)."""
    chain = trained_transformer._tasks(TINY)
    prompts = trained_transformer._prompts(chain, 2, 40, generator())
    posterior, _ = trained_transformer._exact(chain, prompts, 2)
    average = np.einsum("bk,kzy->bzy", np.exp(posterior), chain.answer_table())
    laws = generator(1).dirichlet(np.ones(3), size=(len(prompts), 3))
    difference = trained_transformer._errors(chain, laws, posterior) - trained_transformer._errors(
        chain, average, posterior
    )
    direct = (average * np.log(average / laws)).sum(axis=-1) @ chain.query[0]
    assert difference == pytest.approx(direct, abs=1e-12)


def test_curves_compare_trained_untrained_and_exact_models():
    curves = trained_transformer._curves(TINY, generator())
    assert curves["trained"].shape == curves["untrained"].shape == (1, 3)
    assert curves["prompt"].shape == (3,)
    assert np.all(curves["trained"] > 0.0)
    assert np.all(np.diff(curves["prompt"]) < 0.0)
    beside = trained_transformer._beside_untrained(curves)
    assert beside["greater"][0] == pytest.approx(curves["untrained"][0, 1:].mean() / 5)


def test_training_without_a_shared_task_teaches_too_little():
    claim = TRAINED_TRANSFORMER[0]
    assert judge(claim, claim.control.measure(TINY, generator())) == "fail"


def test_the_exact_average_has_no_floor():
    claim = TRAINED_TRANSFORMER[1]
    for seed in range(3):
        assert judge(claim, claim.control.measure(SMALL, generator(seed))) == "fail"


def test_a_floor_is_found_where_there_is_one():
    claim = TRAINED_TRANSFORMER[1]
    prompt = 0.2 * 0.5 ** np.arange(9.0)
    flat = trained_transformer._at_the_floor((prompt + 0.05)[None], prompt)
    assert judge(claim, flat) == "pass"
    assert judge(claim, trained_transformer._at_the_floor((1.5 * prompt)[None], prompt)) == "fail"
