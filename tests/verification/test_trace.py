import dataclasses
import importlib

import pytest

from tightbound.verification.evidence import Unit, measure
from tightbound.verification.trace import told


def inner():
    raise ValueError("too small")


def outer(cell, rng):
    inner()


def silent(cell, rng):
    raise MemoryError


@pytest.mark.parametrize(
    ("function", "head"), [(outer, "ValueError: too small ("), (silent, "MemoryError (")]
)
def test_type_message_and_places_without_folders_or_the_engine(function, head):
    try:
        measure(Unit("A-1", "measure", 0, {}, 1, 0, function, None, None))
    except Exception as error:
        line = told(error)
    assert line.startswith(head)
    assert "test_trace.py" in line
    assert "/" not in line
    assert "evidence.py" not in line
    assert "\n" not in line


def test_innermost_comes_first():
    try:
        outer({}, None)
    except ValueError as error:
        line = told(error)
    assert line.index("inner") < line.index("outer")


def test_an_import_is_told_by_what_was_imported(tmp_path, monkeypatch):
    (tmp_path / "mistaken.py").write_text("first = 1\nsecond = first / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ZeroDivisionError) as caught:
        importlib.import_module("mistaken")
    assert "(mistaken.py:2 <module> < test_trace.py:" in told(caught.value)


def test_places_that_are_no_file_tell_nothing():
    made = dataclasses.make_dataclass("Made", ["x"], namespace={"__post_init__": lambda self: inner()})
    try:
        made(1)
    except ValueError as error:
        line = told(error)
    assert "<string>" not in line
    assert line.endswith("test_places_that_are_no_file_tell_nothing)")


def test_an_error_without_places():
    assert told(KeyError("x")) == "KeyError: 'x'"
