"""Other packages' log likelihoods, and where they differ by design."""

import numpy as np
import pytest

from tightbound.papers.icl_bma import _peers
from tightbound.papers.icl_bma import benchmarks as bench
from tightbound.simulators.in_context.scan_tasks import scan_log_predictive
from tightbound.theory.in_context.errors import InconsistentEvidenceError
from tightbound.theory.in_context.hmm_concept import HMMConcept
from tightbound.verification.peers import agree


def test_log_likelihoods_are_the_sums_of_the_reference():
    bank, c, r = bench.bank_task(3, 4, tasks=5, length=20)
    expected = bank.log_likelihoods(c, r).sum(axis=-2)
    agree(bench.log_likelihoods(bank, c, r), expected, 1e-12, relative=True)


@pytest.mark.parametrize("package", sorted(_peers.PEERS))
def test_peers_agree(package):
    pytest.importorskip(package)
    bank, c, r = bench.bank_task(3, 4, tasks=5, length=100)
    _, peer = _peers.PEERS[package]
    agree(peer(bank, r)(), bench.log_likelihoods(bank, c, r), bench.TOLERANCE, relative=True)


def stopped():
    """Return a model that starts in a state which never shows symbol 1, and stays there."""
    return HMMConcept([1.0], [[1.0, 0.0]], [np.eye(2)], [[[[1.0, 0.0]], [[0.5, 0.5]]]])


def test_dynamax_gives_an_impossible_sequence_a_finite_log_likelihood():
    pytest.importorskip("dynamax")
    bank, r = stopped(), np.array([[0, 1, 0]])
    expected = bank.log_likelihoods(np.zeros_like(r), r).sum(axis=-2)
    assert expected[0, 0] == -np.inf
    assert _peers.dynamax_filter(bank, r)()[0, 0] == pytest.approx(-np.log(2), abs=1e-12)
    with pytest.raises(InconsistentEvidenceError):
        scan_log_predictive(bank, np.zeros_like(r), r)


def test_dynamax_raises_small_probabilities_to_its_floor():
    """A state of probability 1e-20 that alone explains what comes is taken for one of 1e-15."""
    pytest.importorskip("dynamax")
    shown = [[[[0.5, 0.5, 0.0]], [[1e-20, 0.0, 1.0]]]]
    bank = HMMConcept([1.0], [[0.5, 0.5]], [np.eye(2)], shown)
    r = np.array([[0, 2]])
    zeros = np.zeros_like(r)
    ours = scan_log_predictive(bank, zeros, r).sum()
    assert ours == pytest.approx(np.log(0.5e-20), abs=1e-12)
    found = float(_peers.dynamax_filter(bank, r)()[0, 0])
    assert found == pytest.approx(np.log(0.5e-15), abs=1e-8)


def test_equal_weights_are_no_posterior():
    """The control: one prediction from the prior agrees, later ones do not and are worse on average."""
    bank, c, r = bench.bank_task(3, 50, tasks=5, length=40)
    ours, control = scan_log_predictive(bank, c, r), _peers.equal_weight_log_predictive(bank, r)
    np.testing.assert_allclose(control[:, 0], ours[:, 0], rtol=0, atol=1e-12)
    assert np.abs(control - ours)[:, 1:].max() > 0.1
    assert control.sum(axis=1).mean() < ours.sum(axis=1).mean() - 1.0


def test_a_peer_that_differs_is_not_timed():
    def shifted(bank, responses):
        return lambda: bench.log_likelihoods(bank, np.zeros_like(responses), responses) + 1e-3

    with pytest.raises(ArithmeticError, match="speeds cannot be compared"):
        bench.match(shifted, 2, sequences=2)
