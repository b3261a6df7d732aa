import dataclasses
import errno
import json
import os
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tightbound.verification import evidence
from tightbound.verification.claim import Assumption, NegativeControl
from tightbound.verification.errors import OutputError
from tightbound.verification.evidence import CorruptEvidenceError, Evidence, Unit, measure, read, units, write
from tightbound.verification.grid import Grid, cells
from tightbound.verification.seeding import generator


def drawn(cell, rng):
    return {"value": rng.random(cell["n"]), "flag": True}


def seven(cell):
    return 7


def nothing_known(cell):
    return float("nan")


def forbidden(cell):
    return False


UNIT = Unit("A-1", "measure", 2, {"n": 3, "shape": (1, 2)}, 2, 5, drawn, seven, None)


def test_replicates_have_their_own_streams_and_are_joined():
    found = measure(UNIT)
    expected = [generator(5, "A-1", 2, replicate).random(3) for replicate in (0, 1)]
    assert np.array_equal(found.data["value"], np.concatenate(expected))
    assert found.data["flag"].tolist() == [True, True]
    assert (found.bound, found.trivial) == (7.0, None)


def test_where_an_assumption_is_false_nothing_is_measured():
    def explode(cell, rng):
        raise AssertionError("measured in spite of it")

    found = measure(
        dataclasses.replace(UNIT, measure=explode, assumptions=(Assumption("never", "it holds", forbidden),))
    )
    assert found.assumptions == {"never": False}
    assert found.data == {}


@pytest.mark.parametrize(
    ("returned", "error", "words"),
    [
        ([1.0], TypeError, "mapping from names to arrays"),
        ({}, TypeError, "mapping from names to arrays"),
        ({"__bound__": 1.0}, ValueError, "without leading"),
        ({3: 1.0}, ValueError, "use a string"),
        ({"value": object()}, TypeError, "value with dtype object"),
        ({"value": None}, TypeError, "numbers, booleans or strings"),
    ],
)
def test_bad_measurements_are_named(returned, error, words):
    with pytest.raises(error, match=words):
        measure(dataclasses.replace(UNIT, measure=lambda cell, rng: returned))


def test_replicates_of_different_shape_are_refused():
    widths = iter([2, 3])
    unit = dataclasses.replace(UNIT, measure=lambda cell, rng: {"value": np.zeros((4, next(widths)))})
    with pytest.raises(ValueError, match=r"value with shape \(4, 2\) .* and \(4, 3\).*only axis 0"):
        measure(unit)


def test_replicates_with_different_names_are_refused():
    names = iter(["value", "other"])
    unit = dataclasses.replace(UNIT, measure=lambda cell, rng: {next(names): 1.0})
    with pytest.raises(ValueError, match=r"\['value'\] in one replicate and \['other'\]"):
        measure(unit)


def test_a_bound_that_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match=r"bound\(cell\) returned nan: return a number, or inf"):
        measure(dataclasses.replace(UNIT, bound=nothing_known))
    with pytest.raises(TypeError, match=r"bound\(cell\) returned None: return a number"):
        measure(dataclasses.replace(UNIT, bound=lambda cell: None))


def test_a_function_that_takes_other_arguments_is_told_which_it_gets():
    with pytest.raises(TypeError, match=r"1 positional .*: it is called as measure\(cell, rng\)"):
        measure(dataclasses.replace(UNIT, measure=lambda cell: {"value": 1.0}))
    with pytest.raises(TypeError, match=r"missing 1 .*: it is called as bound\(cell\)"):
        measure(dataclasses.replace(UNIT, bound=lambda cell, rng: 1.0))
    with pytest.raises(TypeError, match=r"^unsupported operand[^:]*: 'int' and 'str'$"):
        measure(dataclasses.replace(UNIT, bound=lambda cell: 1 + "1"))


NAMES = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8)
ARRAYS = hnp.arrays(
    st.one_of(hnp.floating_dtypes(sizes=(32, 64)), hnp.integer_dtypes(), hnp.boolean_dtypes(), st.just("U5")),
    hnp.array_shapes(max_dims=3, max_side=4, min_side=0),
)


@given(
    data=st.dictionaries(NAMES, ARRAYS, max_size=3),
    bound=st.none() | st.floats(allow_nan=False),
    trivial=st.none() | st.floats(allow_nan=False),
    assumptions=st.dictionaries(NAMES, st.booleans(), max_size=2),
)
def test_what_is_written_is_read(tmp_path_factory, data, bound, trivial, assumptions):
    path = tmp_path_factory.mktemp("evidence") / "x.npz"
    cell = Grid([{"n": 3, "nested": ((1, 2.5), (None, "a"))}]).quick[0]
    found = Evidence(cell, data, bound, trivial, assumptions, {"cell": dict(cell), "wall_s": 0.1})
    write(path, found)
    again = read(path)
    assert again.cell == cell
    assert (again.bound, again.trivial, again.assumptions) == (bound, trivial, assumptions)
    assert again.sha256 == found.sha256 == again.about["sha256"]
    for name, array in data.items():
        assert again.data[name].dtype == array.dtype
        np.testing.assert_array_equal(again.data[name], array)


def test_the_digest_sees_the_data_and_not_the_time():
    found = measure(UNIT)
    assert dataclasses.replace(found, about=found.about | {"wall_s": 99.0}).sha256 == found.sha256
    changed = found.data["value"].copy()
    changed[0] = np.nextafter(changed[0], 2)
    assert dataclasses.replace(found, data=found.data | {"value": changed}).sha256 != found.sha256
    assert dataclasses.replace(found, bound=8.0).sha256 != found.sha256


def damaged(content):
    half = len(content) // 2
    return {
        "empty": b"",
        "cut": content[:half],
        "flipped": content[: half - 600]
        + bytes(byte ^ 0xFF for byte in content[half - 600 : half])
        + content[half:],
        "text": b"not an archive",
    }


@pytest.mark.parametrize("kind", ["empty", "cut", "flipped", "text"])
def test_a_damaged_file_is_named(tmp_path, kind):
    path = tmp_path / "x.npz"
    write(path, measure(UNIT))
    path.write_bytes(damaged(path.read_bytes())[kind])
    with pytest.raises(CorruptEvidenceError, match=r"x.npz .*measured again"):
        read(path)


def test_an_altered_file_is_named(tmp_path):
    path = tmp_path / "x.npz"
    write(path, measure(UNIT))
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez(path, **(arrays | {"value": arrays["value"] + 1}))
    with pytest.raises(CorruptEvidenceError, match=r"x.npz was altered"):
        read(path)


def test_a_pickle_is_never_loaded(tmp_path):
    path = tmp_path / "x.npz"
    path.write_bytes(pickle.dumps({"value": 1}))
    with pytest.raises(CorruptEvidenceError):
        read(path)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EFBIG, errno.EDQUOT])
def test_a_full_disk_leaves_nothing_and_says_what_to_do(tmp_path, monkeypatch, code):
    def refuse(_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(evidence.os, "fsync", refuse)
    with pytest.raises(OutputError, match=r"x.npz: .*; free space and run the same command again.*is kept"):
        write(tmp_path / "x.npz", measure(UNIT))
    assert list(tmp_path.iterdir()) == []


def test_only_stale_leftovers_are_swept(tmp_path):
    old, new, other = (tmp_path / f".{name}-x.tmp" for name in ("old", "new", "other"))
    for path in (old, new, other):
        path.touch()
    os.utime(old, (0, 0))
    evidence.sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([new, other])
    evidence.sweep(tmp_path, "new")
    assert list(tmp_path.iterdir()) == [other]


def test_every_part_of_a_unit_changes_its_key(monkeypatch):
    changes = [
        {"claim": "A-2"},
        {"role": "control"},
        {"index": 3},
        {"cell": {"n": 4, "shape": (1, 2)}},
        {"cell": {"n": 3.0, "shape": (1, 2)}},
        {"replicates": 3},
        {"seed": 6},
        {"measure": seven},
        {"bound": None},
        {"trivial": seven},
        {"assumptions": (Assumption("never", "it holds", forbidden),)},
    ]
    keys = {UNIT.key} | {dataclasses.replace(UNIT, **change).key for change in changes}
    assert len(keys) == len(changes) + 1
    assert dataclasses.replace(UNIT, cell={"shape": (1, 2), "n": 3}).key == UNIT.key
    newer = evidence.versions() | {"numpy": "99"}
    monkeypatch.setattr(evidence, "versions", lambda: newer)
    assert dataclasses.replace(UNIT).key not in keys


def test_a_control_shares_index_and_seed_in_the_cells_it_shares(toy):
    grid = Grid(cells(mean=[9.0, 1.0, 8.0, 0.0]))
    claim = toy.claim(1, control=NegativeControl("wider", measure=toy.shifted, grid=grid))
    own, control = (
        [u for u in units(claim, "quick", 0) if u.role == role] for role in ("measure", "control")
    )
    assert [unit.index for unit in own] == [0, 1]
    assert [unit.index for unit in control] == [2**20, 1, 2**20 + 2, 0]
    same = measure(control[3]).data["value"] - 5.0
    np.testing.assert_allclose(same, measure(own[0]).data["value"])


def test_a_control_takes_from_the_claim_what_it_does_not_replace(toy):
    claim = toy.claim(1, control=NegativeControl("lower", bound=toy.floor_above), trivial=toy.ceiling)
    unit = next(unit for unit in units(claim, "quick", 0) if unit.role == "control")
    assert (unit.measure, unit.bound, unit.trivial) == (toy.steady, toy.floor_above, toy.ceiling)


def test_versions_are_read_without_importing():
    found = evidence.versions()
    assert found["numpy"] == np.__version__
    assert json.dumps(found)
