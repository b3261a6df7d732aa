"""A package is timed only where it takes as many rounds on the same draws."""

import math

import pytest

from tightbound.papers.bandit_spec import benchmarks as bench


def plain_ucb1(draws, max_draft, tokens):
    """UCB1 as a loop: every arm once, then the first of the largest indices."""
    arms = range(draws.shape[1])
    counts, sums, total, rounds = [0 for _ in arms], [0.0 for _ in arms], 0, 0
    while total < tokens:
        if rounds < len(counts):
            arm = rounds
        else:
            bonus = 2.0 * math.log(rounds)
            index = [sums[i] / counts[i] + math.sqrt(bonus / counts[i]) for i in arms]
            arm = index.index(max(index))
        y = int(draws[rounds, arm])
        counts[arm] += 1
        sums[arm] += (y - 1) / max_draft
        total, rounds = total + y, rounds + 1
    return rounds


def first_arm(draws, max_draft, tokens):
    """Always the first arm: the best one, so rounds are fewer."""
    return int((draws[:, 0].cumsum() < tokens).sum()) + 1


def test_the_same_rule_takes_the_same_rounds():
    match = bench.match(plain_ucb1, exact=True, tokens=500, runs=4)
    assert match.agreement == "equal rounds in every run"
    assert len(match.theirs()) == 4
    assert "+0.0" in bench.match(plain_ucb1, exact=False, tokens=500, runs=4).agreement


@pytest.mark.parametrize("exact", [True, False])
def test_another_rule_is_not_timed(exact):
    with pytest.raises(ArithmeticError, match="speeds cannot be compared"):
        bench.match(first_arm, exact=exact, tokens=500, runs=4)
