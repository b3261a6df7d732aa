import re

import numpy as np
import pytest

from tightbound.simulators.speculative.rounds import simulate_all_lengths, simulate_chain, simulate_rounds
from tightbound.theory.speculative.acceptance import acceptance_probability, expected_tokens, speedup
from tightbound.theory.speculative.chain import chain_law
from tightbound.theory.speculative.tables import PrefixTables

P, Q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.7, 0.1])


def test_tokens_follow_the_truncated_geometric_law():
    alpha = float(acceptance_probability(P, Q))
    tokens = simulate_rounds(P, Q, 3, 0.1, 50_000, rng=1).tokens[0]
    law = np.append(alpha ** np.arange(3) * (1.0 - alpha), alpha**3)
    error = np.sqrt(law * (1.0 - law) / tokens.size)
    assert np.all(np.abs(np.bincount(tokens, minlength=5)[1:] / tokens.size - law) < 5.0 * error)


def test_speed_is_a_ratio_of_totals():
    found = simulate_rounds(P, Q, 2, 0.25, 40, runs=3, rng=2)
    assert found.tokens.shape == found.seconds.shape == (3, 40)
    assert np.all(found.seconds == 1.5)
    assert found.speedup == pytest.approx(found.tokens.mean(axis=1) / 1.5)
    many = simulate_rounds(P, Q, 2, 0.25, 50_000, rng=3)
    assert many.speedup[0] == pytest.approx(float(speedup(acceptance_probability(P, Q), 2, 0.25)), rel=0.02)


def test_no_draft_is_plain_decoding():
    found = simulate_rounds(P, Q, 0, 0.25, 5, rng=0)
    assert found.tokens.tolist() == [[1] * 5]
    assert found.speedup.tolist() == [1.0]


def test_all_lengths_share_their_coins():
    tokens = simulate_all_lengths(P, Q, 4, 30_000, rng=4)
    assert np.all(np.diff(tokens, axis=1) >= 0)
    alpha = float(acceptance_probability(P, Q))
    expected = [float(expected_tokens(alpha, gamma)) for gamma in range(5)]
    assert tokens.mean(axis=0) == pytest.approx(expected, abs=0.03)


def test_lasting_contexts_bunch_what_is_accepted():
    p = np.array([[0.5, 0.5], [1.0, 0.0]])
    q = np.array([[0.5, 0.5], [0.0, 1.0]])
    lasting = simulate_rounds(p, q, 3, 0.0, 20_000, persistence=1.0, rng=5).tokens
    fresh = simulate_rounds(p, q, 3, 0.0, 20_000, rng=5).tokens
    assert set(np.unique(lasting)) == {1, 4}
    assert lasting.mean() == pytest.approx(2.5, abs=0.05)
    assert fresh.mean() == pytest.approx(float(expected_tokens(0.5, 3)), abs=0.05)


def test_prefix_dependent_rounds_follow_the_enumerated_law():
    rng = np.random.default_rng(6)
    target = PrefixTables([rng.dirichlet(np.ones(3), (3,) * i) for i in range(3)])
    draft = PrefixTables([rng.dirichlet(np.ones(3), (3,) * i) for i in range(2)])
    accepted = simulate_chain(target, draft, 40_000, rng=7)
    law = chain_law(target, draft).accepted
    assert np.bincount(accepted, minlength=3) / accepted.size == pytest.approx(law, abs=0.015)


def test_impossible_tokens_are_never_drafted_or_accepted():
    q = PrefixTables([[0.0, 1.0, 0.0]])
    p = PrefixTables([[1.0, 0.0, 0.0]])
    assert simulate_chain(p, q, 200, rng=8).tolist() == [0] * 200
    assert simulate_rounds([1.0, 0.0], [0.0, 1.0], 2, 0.1, 200, rng=9).tokens.max() == 1


def test_same_seed_same_rounds():
    one, two = (simulate_rounds(P, Q, 3, 0.1, 100, rng=10).tokens for _ in range(2))
    assert one.tolist() == two.tolist()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: simulate_rounds(P, Q, -1, 0.1, 10), ("gamma is -1", "at least 0")),
        (lambda: simulate_rounds(P, Q, 1, -0.1, 10), ("cost is -0.1", "at least 0")),
        (lambda: simulate_rounds(P, Q, 1, 0.1, 0), ("rounds is 0", "at least 1")),
        (lambda: simulate_rounds(P, Q, 1, 0.1, 10, persistence=1.5), ("persistence is 1.5", "[0, 1]")),
        (
            lambda: simulate_rounds(np.full((1, 1, 2), 0.5), [0.5, 0.5], 1, 0.1, 10),
            ("shape (1, 1, 2)", "(C, V)"),
        ),
        (lambda: simulate_rounds(P, [0.5, 0.5], 1, 0.1, 10), ("p is a law over 3", "one vocabulary")),
    ],
)
def test_bad_input_names_argument_and_remedy(call, words):
    with pytest.raises(ValueError, match=re.escape(words[0])) as caught:
        call()
    assert all(word in str(caught.value) for word in words)
