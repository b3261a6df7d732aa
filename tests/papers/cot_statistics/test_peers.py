"""SciPy's laws of count vectors."""

from tightbound.papers.cot_statistics import benchmarks as bench


def test_scipy_agrees():
    match = bench.match(6, 3)
    assert match.agreement == "equal" or match.agreement.endswith("of the value")
    assert match.ours().shape == match.theirs().shape == (28, 8)
