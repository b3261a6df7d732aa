import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.in_context.networks.finite_posterior import finite_posterior_network
from tightbound.theory.in_context.networks.posterior_head import posterior_head

COUNTINGS = ("position", "begin", "linear")
TABLE = np.log([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])


def by_counting(table, prior, letters):
    """Posterior by products of probabilities over counts."""
    counts = np.bincount(letters, minlength=table.shape[1])
    weight = np.asarray(prior) * np.exp(table @ counts)
    return weight / weight.sum()


@settings(max_examples=30)
@given(
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(0, 12),
    st.sampled_from(COUNTINGS),
    st.integers(0, 2**32 - 1),
)
def test_the_network_is_bayes_rule(tasks, alphabet, n, counting, seed):
    rng = np.random.default_rng(seed)
    laws, prior = rng.dirichlet(np.ones(alphabet), size=tasks) + 1e-3, rng.dirichlet(np.ones(tasks)) + 1e-3
    table, prior = np.log(laws / laws.sum(axis=1, keepdims=True)), prior / prior.sum()
    letters = rng.integers(alphabet, size=n)
    network = finite_posterior_network(table, prior, counting=counting)
    np.testing.assert_allclose(network(letters), by_counting(table, prior, letters), atol=1e-13)
    assert (network.tasks, network.alphabet) == (tasks, alphabet)


@pytest.mark.parametrize("counting", COUNTINGS)
def test_the_network_knows_the_length(counting):
    head = posterior_head([0.5, 0.5], counting=counting)
    assert [head.count(n) for n in (0, 1, 9, 1000)] == pytest.approx([0, 1, 9, 1000], abs=1e-9)


def test_prompts_run_in_batches_and_empty_ones_give_the_prior(rng):
    network = finite_posterior_network(TABLE, [0.25, 0.75])
    letters = rng.integers(3, size=(2, 4, 6))
    found = network(letters)
    assert found.shape == (2, 4, 2)
    np.testing.assert_allclose(found[1, 2], network(letters[1, 2]))
    np.testing.assert_allclose(network(np.empty((3, 0), dtype=int)), [[0.25, 0.75]] * 3)


def test_the_predictive_mixes_the_answers(rng):
    answers = rng.dirichlet(np.ones(4), size=(2, 3))
    network = finite_posterior_network(TABLE, [0.5, 0.5], answers)
    letters = [0, 0, 1]
    for query in range(3):
        np.testing.assert_allclose(network.predictive(letters, query), network(letters) @ answers[:, query])


def test_a_frozen_scale_is_right_at_one_length_and_tempers_elsewhere():
    frozen, counted = (finite_posterior_network(TABLE, [0.5, 0.5], scale=s) for s in (4, None))
    np.testing.assert_allclose(frozen([0, 1, 2, 0]), counted([0, 1, 2, 0]), atol=1e-14)
    # eight times the same letter carry the evidence of four
    np.testing.assert_allclose(frozen([0] * 8), counted([0] * 4), atol=1e-14)


def test_weights_of_competitors_far_below_rounding_stay_exact():
    network = finite_posterior_network(np.log([[0.9, 0.1], [0.1, 0.9]]), [0.5, 0.5])
    assert network([0] * 200)[1] == pytest.approx(9.0**-200, rel=1e-10)
    logits = network.logits([0] * 2000)
    assert logits[1] - logits[0] == pytest.approx(-2000 * np.log(9.0), rel=1e-12)


def test_weights_can_be_inspected_and_not_changed():
    network = finite_posterior_network(TABLE, [0.25, 0.75])
    np.testing.assert_allclose(network.head.registers, [[1, 0, np.log(0.25)], [0, 1, np.log(0.75)]])
    np.testing.assert_array_equal(network.head.pooling.query, 0.0)
    with pytest.raises(ValueError, match="read-only"):
        network.embedding[0, 0] = 1.0


@pytest.mark.parametrize(
    ("table", "prior", "more", "message"),
    [
        (TABLE, [1.0, 0.0], {}, "prior gives task 1 probability 0"),
        (TABLE, [0.5, 0.6], {}, "sums to 1.1"),
        (TABLE, [0.5, np.nan], {}, "NaN"),
        (TABLE, [[0.5, 0.5]], {}, "one probability per task"),
        (TABLE, [1.0], {}, "2 rows and prior 1 entries"),
        (TABLE[0], [0.5, 0.5], {}, "one row per task"),
        ([[0.0, -np.inf], [-1.0, -1.0]], [0.5, 0.5], {}, "positive probability under every task"),
        (TABLE, [0.5, 0.5], {"answers": [[0.5, 0.5]]}, "a law of R per query"),
        (TABLE, [0.5, 0.5], {"answers": [[[0.5, 0.4]], [[0.5, 0.5]]]}, "sums to 0.9"),
        (TABLE, [0.5, 0.5], {"counting": "abacus"}, "choose one of position, begin, linear"),
        (TABLE, [0.5, 0.5], {"scale": 0}, "at least 1"),
        (TABLE, [0.5, 0.5], {"scale": 3, "counting": "linear"}, "only counting='position' has a scale"),
    ],
)
def test_bad_tables(table, prior, more, message):
    with pytest.raises(ValueError, match=message):
        finite_posterior_network(table, prior, **more)


def test_bad_prompts():
    network = finite_posterior_network(TABLE, [0.5, 0.5])
    with pytest.raises(IndexError, match="contains 3"):
        network([0, 3])
    with pytest.raises(IndexError, match="contains -1"):
        network([-1])
    with pytest.raises(TypeError, match="integers"):
        network([0.5])
    with pytest.raises(ValueError, match="a sequence of indices"):
        network(1)
    with pytest.raises(ValueError, match="no answers"):
        network.predictive([0], 0)
    with pytest.raises(ValueError, match="at least 0"):
        network.head.count(-1)
    with pytest.raises(ValueError, match="one column per task"):
        network.head(np.zeros((3, 5)))
    with pytest.raises(ValueError, match="NaN"):
        network.head(np.full((3, 2), np.nan))
    asked = finite_posterior_network(TABLE, [0.5, 0.5], np.full((2, 1, 2), 0.5))
    with pytest.raises(IndexError, match="query contains 1"):
        asked.predictive([0], 1)
