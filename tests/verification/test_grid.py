import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.verification.grid import SIZES, Grid, cells


def test_the_last_axis_runs_fastest():
    found = [dict(cell) for cell in cells(arms=[2, 3], tokens=(10, 20))]
    assert found == [{"arms": a, "tokens": t} for a in (2, 3) for t in (10, 20)]
    assert cells() == ({},)


def test_cells_are_read_only_and_lists_become_tuples():
    (cell,) = cells(means=[[0.1, [0.2]]])
    assert cell["means"] == (0.1, (0.2,))
    with pytest.raises(TypeError):
        cell["means"] = 1


def test_a_size_left_out_is_the_next_smaller():
    small, large = cells(n=[1]), cells(n=[1, 2])
    assert Grid(small).full == Grid(small).quick == small
    assert Grid(small, large).full == large
    assert Grid(small, full=large).standard == small
    assert [Grid(small, None, large).at(size) for size in SIZES] == [small, small, large]


def test_a_generator_of_cells_is_read_once():
    assert len(Grid(cell for cell in cells(n=[1, 2])).quick) == 2


def test_replicates():
    assert dict(Grid(cells(n=[1]), replicates=3).replicates) == dict.fromkeys(SIZES, 3)
    given_ = {"quick": 1, "standard": 2, "full": 4}
    assert dict(Grid(cells(n=[1]), replicates=given_).replicates) == given_


def test_a_grid_survives_pickling():
    grid = Grid(
        cells(n=[1, 2]), full=cells(means=[(0.1, 0.2)]), replicates={"quick": 1, "standard": 2, "full": 4}
    )
    copy = pickle.loads(pickle.dumps(grid))
    assert copy == grid
    assert [copy.at(size) for size in SIZES] == [grid.at(size) for size in SIZES]


values = (
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False)
)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.dictionaries(st.text(min_size=1), st.lists(values, min_size=1, max_size=3), max_size=3))
def test_the_number_of_cells_is_the_product_of_the_axes(axes):
    found = cells(**axes)
    assert len(found) == np.prod([len(entries) for entries in axes.values()], initial=1)
    assert all(set(cell) == set(axes) for cell in found)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float64("nan"), np.int64(3), {1}, 1j])
def test_cell_values_that_are_not_json(value):
    with pytest.raises(ValueError, match=r"cell value n is .*allowed are finite numbers.*turn NumPy values"):
        cells(n=[value])


def test_bad_grids():
    with pytest.raises(ValueError, match=r"quick has no cells: .*give e.g. cells"):
        Grid([])
    with pytest.raises(ValueError, match="full has no cells: leave it out"):
        Grid(cells(n=[1]), full=[])
    with pytest.raises(TypeError, match=r"a cell is 3: give mappings .* quick=cells\(tokens=\[10, 100\]\)"):
        Grid([3])
    with pytest.raises(ValueError, match="size is 'smoke': choose one of quick, standard, full"):
        Grid(cells(n=[1])).at("smoke")


@pytest.mark.parametrize("values", [3, 0.5, None, "abc"])
def test_an_axis_that_is_no_sequence_of_values(values):
    with pytest.raises(TypeError, match=r"n is .*: give the values of this axis, e.g. n=\["):
        cells(n=values)


@pytest.mark.parametrize("replicates", [0, -1, {"quick": 1}, {"quick": 1, "standard": 1, "full": 0}])
def test_bad_replicates(replicates):
    with pytest.raises(ValueError, match=r"replicates is .*at least 1"):
        Grid(cells(n=[1]), replicates=replicates)
