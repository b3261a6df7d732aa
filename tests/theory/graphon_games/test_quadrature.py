import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.graphon_games.graphons import (
    exponential,
    grid,
    power_law,
    stochastic_block,
    uniform_attachment,
)
from tightbound.theory.graphon_games.quadrature import (
    aggregate_error,
    integral,
    midpoint_bound,
    right_grid,
    worst_lipschitz_error,
)

common = settings(deadline=None, derandomize=True, max_examples=25)
SIZES = np.array([10, 20, 40, 80])


def _slope(errors):
    return np.polyfit(np.log(SIZES), np.log(np.abs(errors)), 1)[0]


def _density(y):
    return 0.2 + 0.6 * y**2


@pytest.mark.parametrize(
    ("positions", "order"),
    [(grid, -2.0), (right_grid, -1.0), (lambda m: grid(m, "endpoint"), -1.0)],
    ids=["midpoint", "right", "endpoint"],
)
def test_orders_for_a_smooth_graphon(positions, order):
    errors = [aggregate_error(exponential(), _density, positions(m), 0.5) for m in SIZES]
    assert _slope(errors) == pytest.approx(order, abs=0.06)


def test_midpoint_bound_of_a_smooth_and_of_a_kinked_graphon():
    for m in SIZES:
        # g = tanh(1.5 x y) f(y) at x = 1/2: |g''| <= 1.2 + 2 * 0.75 * 1.2 + 0.77 * 0.75^2 * 0.8
        error = aggregate_error(exponential(), _density, grid(m), 0.5)
        assert abs(error) <= midpoint_bound(1.2 + 1.8 + 0.35, m)
        # g = (1 - max(x, y)) f(y): second derivative at most 1.2 + 1.2 * 1 + ..., slope jumps by f(x)
        x = 0.37
        error = aggregate_error(uniform_attachment(), _density, grid(m), x)
        assert abs(error) <= midpoint_bound(3.6, m, kink=_density(x))


@pytest.mark.parametrize("m", [5, 50, 500])
def test_leading_terms_of_the_coarse_grids(m):
    x = 0.8
    g = lambda y: np.tanh(1.5 * x * y) * _density(y)  # noqa: E731
    right = aggregate_error(exponential(), _density, right_grid(m), x)
    assert abs(right - (g(1.0) - g(0.0)) / (2 * m)) < 1.0 / m**2
    ends = aggregate_error(exponential(), _density, grid(m, "endpoint"), x)
    assert abs(ends - ((g(0.0) + g(1.0)) / 2 - integral(g)) / m) < 1.0 / m**2


def test_step_graphons_are_exact_on_aligned_blocks():
    error = aggregate_error(
        stochastic_block(k=0.5), lambda y: np.where(y < 0.5, 0.3, 0.9), grid(4), 0.2, breaks=[0.5]
    )
    assert abs(error) < 1e-15


@pytest.mark.filterwarnings("ignore:graphon power")
def test_weights_above_one_are_integrated_too():
    errors = [aggregate_error(power_law(), _density, grid(m), 0.5, breaks=[0.1]) for m in SIZES]
    assert abs(errors[-1]) < 1e-4


@common
@given(st.floats(-3, 3), st.floats(0, 1))
def test_integral_in_closed_form(slope, kink):
    found = integral(lambda y: np.exp(slope * y) + np.abs(y - kink), [kink])
    exact = (np.expm1(slope) / slope if abs(slope) > 1e-8 else 1.0) + (kink**2 + (1 - kink) ** 2) / 2
    assert found == pytest.approx(exact, abs=1e-8 if abs(slope) < 1e-6 else 1e-12)


@pytest.mark.parametrize("m", [1, 2, 7, 40])
def test_worst_errors_in_closed_form(m):
    assert worst_lipschitz_error(grid(m)) == pytest.approx(1 / (4 * m), rel=1e-12)
    assert worst_lipschitz_error(right_grid(m)) == pytest.approx(1 / (2 * m), rel=1e-12)
    if m > 1:
        ends = worst_lipschitz_error(grid(m, "endpoint"))
        assert ends == pytest.approx((2 * m - 1) / (6 * m * (m - 1)), rel=1e-12)


@common
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_worst_error_is_the_area_between_distribution_functions(seed, m):
    points = np.random.default_rng(seed).random(m)
    edges = np.sort(np.concatenate([[0.0, 1.0], points]))
    area = 0.0
    for low, high in itertools.pairwise(edges):
        f = np.searchsorted(np.sort(points), low, side="right") / m
        inner = np.clip(f, low, high)
        area += abs((inner - low) * (inner + low - 2 * f) / 2) + abs(
            (high - inner) * (high + inner - 2 * f) / 2
        )
    assert worst_lipschitz_error(points) == pytest.approx(area, abs=1e-13)
    # attained by the distance to the points' own staircase, not exceeded by others
    for shift in (0.0, 0.3, 0.9):
        error = np.mean(np.abs(points - shift)) - integral(lambda y, s=shift: np.abs(y - s), [shift])
        assert abs(error) <= worst_lipschitz_error(points) + 1e-13


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: right_grid(0), "blocks is 0"),
        (lambda: integral(lambda y: y, [1.5]), r"breaks is \[1.5\]: they must lie in \[0, 1\]"),
        (lambda: integral(lambda y: y * np.nan), "function has entries that are NaN"),
        (lambda: aggregate_error(exponential(), np.cos, [0.5], 1.5), "at is 1.5"),
        (lambda: aggregate_error(exponential(), np.cos, [1.5], 0.5), "positions is"),
        (lambda: midpoint_bound(-1.0, 3), "curvature is -1.0"),
        (lambda: midpoint_bound(1.0, 0), "blocks is 0"),
        (lambda: worst_lipschitz_error([]), "positions is .* points of"),
        (lambda: worst_lipschitz_error([-0.1]), "positions is"),
    ],
)
def test_bad_values(call, message):
    with pytest.raises(ValueError, match=message):
        call()
