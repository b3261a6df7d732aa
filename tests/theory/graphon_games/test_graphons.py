import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.graphon_games.graphons import (
    Graphon,
    erdos_renyi,
    exponential,
    grid,
    is_positive_semidefinite,
    power_law,
    ranked_attachment,
    smallest_eigenvalue,
    step_graphon,
    stochastic_block,
    uniform_attachment,
)

common = settings(deadline=None, derandomize=True, max_examples=25)
BOUNDED = [erdos_renyi(), uniform_attachment(), ranked_attachment(), exponential(), stochastic_block()]


@pytest.mark.parametrize("graphon", BOUNDED, ids=lambda g: g.name)
@pytest.mark.parametrize("kind", ["midpoint", "endpoint"])
def test_values_are_symmetric_probabilities(graphon, kind):
    matrix = graphon.matrix(grid(17, kind))
    assert np.array_equal(matrix, matrix.T)
    assert matrix.min() >= 0.0
    assert matrix.max() <= 1.0


@common
@given(st.floats(0, 1), st.floats(0, 1))
def test_formulas_at_a_point(x, y):
    at = lambda g: g.matrix([x, y])[0, 1]  # noqa: E731
    assert at(uniform_attachment()) == pytest.approx(min(1 - x, 1 - y), abs=1e-15)
    assert at(ranked_attachment()) == pytest.approx(1 - x * y, abs=1e-15)
    e = math.exp(3 * x * y)
    assert at(exponential(3.0)) == pytest.approx(2 * e / (1 + e) - 1, abs=1e-15)
    level = 0.9 if (x < 0.7) == (y < 0.7) else 0.3
    assert at(stochastic_block()) == level


@pytest.mark.parametrize("blocks", [1, 2, 7])
def test_grids(blocks):
    assert grid(blocks) == pytest.approx([(m - 0.5) / blocks for m in range(1, blocks + 1)], abs=1e-15)
    if blocks > 1:
        ends = grid(blocks, "endpoint")
        assert (ends[0], ends[-1]) == (0.0, 1.0)


@pytest.mark.parametrize("cutoff", [None, 0.1])
def test_power_law_has_unit_mean_and_warns_above_one(cutoff):
    graphon = power_law(0.5, cutoff)
    with pytest.warns(UserWarning, match=r"> 1: it weighs neighbours"):
        graphon.matrix(grid(200))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        degree = graphon.matrix(grid(1500)).mean()
    assert degree == pytest.approx(1.0, abs=1e-5 if cutoff else 0.02)


def test_power_law_needs_a_cutoff_at_zero():
    with pytest.raises(ValueError, match=r"NaN or infinite .* 'midpoint'.*cutoff"):
        power_law(0.5, None).matrix([0.0, 1.0])


@pytest.mark.parametrize(
    "graphon", [erdos_renyi(), uniform_attachment(), stochastic_block()], ids=lambda g: g.name
)
def test_semidefinite_by_proof_and_on_grids(graphon):
    assert is_positive_semidefinite(graphon)
    for blocks in (3, 40):
        for kind in ("midpoint", "endpoint"):
            assert smallest_eigenvalue(graphon, blocks, kind) >= -1e-14


@pytest.mark.parametrize(
    "graphon", [ranked_attachment(), exponential(0.5), exponential(3.0)], ids=lambda g: g.name
)
def test_indefinite_by_proof_and_on_grids(graphon):
    assert not is_positive_semidefinite(graphon)
    assert smallest_eigenvalue(graphon, 60) < -1e-6


def test_leading_term_of_the_exponential_form():
    # g on [0, d] with integral of g x zero; the form is -(theta^3/24) (int g x^3)^2 up to O(d^4)
    theta, d = 3.0, 0.1
    nodes, weights = np.polynomial.legendre.leggauss(40)
    x, w = d * (nodes + 1) / 2, d * weights / 2
    g = 1.0 - (w @ x) / (w @ x**2) * x
    form = (w * g) @ exponential(theta).matrix(x) @ (w * g)
    assert form / (-(theta**3) / 24 * (w @ (g * x**3)) ** 2) == pytest.approx(1.0, abs=5 * d**4 * theta**2)


@common
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_stochastic_block_is_semidefinite_iff_its_matrix_is(a, b, c):
    known = stochastic_block(a, b, c, 0.5).positive_semidefinite
    least = np.linalg.eigvalsh([[a, b], [b, c]])[0]
    if abs(a * c - b * b) > 1e-12:
        assert known == (least > 0)


def test_smallest_eigenvalue_of_ranked_attachment_in_closed_form():
    # on span{1, x} the operator is [[1, 1/2], [-1/2, -1/3]]
    exact = np.linalg.eigvals(np.array([[1, 1 / 2], [-1 / 2, -1 / 3]])).min()
    assert smallest_eigenvalue(ranked_attachment(), 400) == pytest.approx(exact, abs=1e-5)


def test_step_graphon_repeats_its_matrix():
    a = np.array([[0.2, 0.7], [0.7, 0.1]])
    assert np.array_equal(step_graphon(a).matrix(grid(6)), np.kron(a, np.ones((3, 3))))
    assert step_graphon(a).matrix([0.0, 1.0])[1, 1] == 0.1
    assert not is_positive_semidefinite(step_graphon(a))
    assert is_positive_semidefinite(step_graphon(np.full((3, 3), 0.4)))


def test_user_graphons_are_judged_on_the_grid():
    assert is_positive_semidefinite(Graphon(lambda x, y: x * y, "product"))
    assert not is_positive_semidefinite(Graphon(lambda x, y: (x + y) / 2, "average"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: erdos_renyi(1.5), r"p is 1.5: it must lie in \[0, 1\]"),
        (lambda: erdos_renyi(math.nan), "p has entries that are NaN"),
        (lambda: erdos_renyi([0.1, 0.2]), "p has shape .* give one number"),
        (lambda: exponential(-1.0), "theta is -1.0: it must lie in"),
        (lambda: stochastic_block(k=0.0), "k is 0.0"),
        (lambda: stochastic_block(k=1.0), "k is 1.0: it must be below 1.*erdos_renyi"),
        (lambda: stochastic_block(b=-0.1), "b is -0.1"),
        (lambda: power_law(1.0), "q is 1.0: it must be below 1"),
        (lambda: power_law(0.5, 0.0), "cutoff is 0.0"),
        (lambda: step_graphon([[0.1, 0.2]]), r"matrix has shape \(1, 2\): give a square"),
        (lambda: step_graphon([[0.1, 0.2], [0.3, 0.1]]), "not symmetric: use"),
        (lambda: step_graphon([[1.1]]), r"matrix has entries in \[1.1, 1.1\]: rescale"),
        (lambda: step_graphon([[math.inf]]), "matrix has entries that are NaN or infinite"),
        (lambda: grid(0), "blocks is 0: it must be at least 1"),
        (lambda: grid(1, "endpoint"), "blocks is 1: it must be at least 2"),
        (lambda: grid(3, "left"), "kind is 'left': choose 'midpoint' or 'endpoint'"),
        (lambda: erdos_renyi().matrix([0.1, 1.2]), r"positions is .* points of \[0, 1\]"),
        (lambda: erdos_renyi().matrix([]), "positions is"),
        (lambda: Graphon(lambda x, y: x + 0 * y, "bad").matrix([0.1, 0.2]), "bad is not symmetric: use"),
        (lambda: Graphon(lambda x, y: x + y, "big").matrix([0.1, 0.9]), r"big takes values .* rescale"),
        (lambda: Graphon(lambda x, y: x * y - 0.5, "low").matrix([0.1, 0.9]), "low takes values"),
        (lambda: Graphon(lambda x, y: x * y * np.nan, "nan").matrix([0.1]), "nan is NaN or infinite"),
    ],
)
def test_bad_values(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Graphon(np.eye(2), "matrix"), "give a callable .* step_graphon"),
        (lambda: grid(2.0), "blocks is 2.0 .*give an integer"),
        (lambda: grid(True), "blocks is True"),
        (lambda: erdos_renyi("half"), "p is 'half': give real numbers"),
    ],
)
def test_bad_types(make, message):
    with pytest.raises(TypeError, match=message):
        make()
