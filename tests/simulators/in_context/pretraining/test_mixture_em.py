"""EM for mixtures of chains: it climbs, it is the cross-entropy minimiser's loss, and its fixed points."""

import numpy as np
import pytest

from tightbound.simulators.in_context.pretraining.markov_mle import chain_mle
from tightbound.simulators.in_context.pretraining.mixture_em import (
    MixtureFit,
    document_counts,
    fit_mixture,
    mixture_error,
)
from tightbound.simulators.in_context.pretraining.sequence_data import sample_sequences
from tightbound.theory.in_context.markov_tasks import MarkovTasks

TRUTH = MarkovTasks(
    [0.6, 0.4],
    [[0.7, 0.3], [0.2, 0.8]],
    [[[0.9, 0.1], [0.2, 0.8]], [[0.3, 0.7], [0.6, 0.4]]],
)


@pytest.fixture(scope="module")
def tokens():
    return sample_sequences(TRUTH, 6 * 80, 12, rng=0)[0].reshape(6, 80, 12)


def cross_entropy(tokens, tasks):
    laws = tasks.predictive(tokens)
    return -np.log(np.take_along_axis(laws, tokens[..., None], axis=-1)).sum(axis=(1, 2)).mean()


def test_the_log_likelihood_is_minus_the_cross_entropy_of_next_tokens(tokens):
    fit = fit_mixture(tokens, TRUTH, most_iterations=1)
    for run in range(6):
        assert fit.log_likelihood[run] == pytest.approx(-cross_entropy(tokens[run], TRUTH), rel=1e-12)


def test_every_update_climbs_and_no_small_step_away_does_better(tokens):
    values = [fit_mixture(tokens, TRUTH, most_iterations=k).log_likelihood for k in (1, 2, 4, 8)]
    assert np.all(np.diff(values, axis=0) >= -1e-12)
    fit = fit_mixture(tokens, TRUTH, tolerance=1e-13, most_iterations=5000)
    assert fit.converged.all()
    rng = np.random.default_rng(1)
    best = MarkovTasks(fit.prior[0], fit.initial[0], fit.transition[0])
    least = cross_entropy(tokens[0], best)
    for _ in range(20):
        moved = [
            0.99 * law + 0.01 * rng.dirichlet(np.ones(2), size=law.shape[:-1])
            for law in (fit.prior[0], fit.initial[0], fit.transition[0])
        ]
        assert cross_entropy(tokens[0], MarkovTasks(*moved)) > least - 1e-7


def test_after_any_update_the_empty_prompt_is_the_frequency_of_first_tokens(tokens):
    for rounds in (1, 3, 100):
        fit = fit_mixture(tokens, TRUTH, most_iterations=rounds)
        law = np.einsum("rm,rmx->rx", fit.prior, fit.initial)
        frequency = np.stack([(tokens[:, :, 0] == x).mean(axis=1) for x in (0, 1)], axis=1)
        np.testing.assert_allclose(law, frequency, atol=1e-12)


def test_one_concept_is_the_table_of_frequencies(tokens):
    start = MarkovTasks([1.0], [[0.5, 0.5]], [[[0.5, 0.5], [0.5, 0.5]]])
    fit = fit_mixture(tokens, start)
    _, counts = document_counts(tokens, 2)
    np.testing.assert_allclose(fit.transition[:, 0], chain_mle(counts.sum(axis=1)), atol=1e-12)
    assert fit.iterations == 3  # the second update changes nothing, the third finds that out
    assert fit.converged.all()


def test_sets_are_fitted_independently(tokens):
    together, alone = fit_mixture(tokens, TRUTH), fit_mixture(tokens[2:3], TRUTH)
    np.testing.assert_allclose(together.transition[2], alone.transition[0], atol=1e-12)


def test_zero_probabilities_stay_zero_without_warning():
    start = MarkovTasks([0.5, 0.5], [0.5, 0.5], [[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]])
    fit = fit_mixture([[[0, 0, 0], [1, 1, 1], [0, 1, 0], [0, 1, 0]]], start)
    np.testing.assert_allclose(fit.prior, [[0.5, 0.5]])
    np.testing.assert_array_equal(fit.transition[0], start.transition)
    assert np.isfinite(fit.log_likelihood).all()


def test_error_is_that_of_the_exact_average(tokens):
    fit = fit_mixture(tokens, TRUTH)
    fresh = sample_sequences(TRUTH, 6 * 9, 7, rng=3)[0].reshape(6, 9, 7)
    laws = TRUTH.predictive(fresh.reshape(-1, 7)).reshape(6, 9, 7, 2)
    found = mixture_error(fit, fresh, laws)
    for run in range(6):
        fitted = MarkovTasks(fit.prior[run], fit.initial[run], fit.transition[run]).predictive(fresh[run])
        direct = 0.5 * np.abs(fitted - laws[run]).sum(axis=-1).mean(axis=0)
        np.testing.assert_allclose(found[run], direct, atol=1e-12)
    exact = MixtureFit(
        np.tile(TRUTH.prior, (6, 1)),
        np.tile(TRUTH.initial, (6, 1, 1)),
        np.tile(TRUTH.transition, (6, 1, 1, 1)),
        np.zeros(6),
        np.ones(6, bool),
        0,
    )
    np.testing.assert_allclose(mixture_error(exact, fresh, laws), 0.0, atol=1e-14)


def test_what_did_not_converge_says_so(tokens):
    fit = fit_mixture(tokens, TRUTH, most_iterations=2, tolerance=1e-15)
    assert not fit.converged.any()
    assert fit.iterations == 2


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: fit_mixture([[0, 1]], TRUTH), "sets of documents"),
        (lambda: fit_mixture([[[0, 2]]], TRUTH), "contains 2"),
        (lambda: fit_mixture([[[0, 1]]], TRUTH, tolerance=0.0), "tolerance"),
        (lambda: fit_mixture([[[0, 1]]], TRUTH, most_iterations=0), "most_iterations"),
        (
            lambda: mixture_error(fit_mixture([[[0, 1]]], TRUTH), [[[0]], [[1]]], np.full((2, 1, 1, 2), 0.5)),
            "1 mixtures",
        ),
    ],
)
def test_bad_input(call, match):
    with pytest.raises((ValueError, TypeError, IndexError), match=match):
        call()
