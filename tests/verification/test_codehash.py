import functools
import importlib
import sys
from pathlib import Path

import pytest

from tightbound import kernels
from tightbound.verification import codehash
from tightbound.verification.codehash import closure, code_hash
from tightbound.verification.seeding import generator


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes modules into one folder and hashes a function of one of them, as a fresh process would."""
    monkeypatch.syspath_prepend(str(tmp_path))
    written = set()

    def write(**sources):
        for name, source in sources.items():
            path = tmp_path.joinpath(*name.split("_")).with_suffix(".py")
            if path.stem == "init":
                path = path.with_stem("__init__")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
            written.add(name.split("_")[0])

    def hashed(name, function="measure"):
        codehash.forget()
        importlib.invalidate_caches()
        for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] in written]:
            del sys.modules[loaded]
        return code_hash(getattr(importlib.import_module(name), function))

    write.hash = hashed
    yield write
    codehash.forget()
    for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] in written]:
        del sys.modules[loaded]


def test_the_verification_layer_is_left_out_but_the_seeding():
    names = closure("tightbound.verification.seeding")
    assert names == ("tightbound", "tightbound.verification.seeding")


def test_imports_of_theory_are_followed_through_packages():
    names = closure("tightbound.theory.bandits")
    assert "tightbound.theory.bandits.laws" in names
    assert "tightbound.theory" in names


def test_the_closure_is_found_without_importing(module):
    module(near="def measure(): import far\n", far="import farther\n", farther="x = 1\n")
    module.hash("near")
    assert not {"far", "farther"} & set(sys.modules)


def test_a_change_of_the_own_module_changes_the_hash(module):
    module(own="def measure(): return 1\n")
    before = module.hash("own")
    assert module.hash("own") == before
    module(own="def measure(): return 2\n")
    assert module.hash("own") != before


def test_a_change_far_down_inside_a_function_changes_the_hash(module):
    module(near="def measure():\n    from middle import f\n", middle="import far\n", far="x = 1\n")
    before = module.hash("near")
    module(far="x = 2\n")
    assert module.hash("near") != before


def test_a_change_of_what_is_not_imported_does_not(module):
    module(near="def measure(): return 1\n", stranger="x = 1\n")
    before = module.hash("near")
    module(stranger="x = 2\n")
    assert module.hash("near") == before


@pytest.mark.parametrize(
    "statement", ["from . import sibling", "from .sibling import x", "import pack.sibling"]
)
def test_imports_within_a_users_package_are_followed(module, statement):
    module(pack_init="", pack_own=f"{statement}\ndef measure(): return 1\n", pack_sibling="x = 1\n")
    before = module.hash("pack.own")
    module(pack_sibling="x = 2\n")
    assert module.hash("pack.own") != before


def test_the_init_of_a_parent_package_counts(module):
    module(parent_init="y = 1\n", parent_own="def measure(): return 1\n")
    before = module.hash("parent.own")
    module(parent_init="y = 2\n")
    assert module.hash("parent.own") != before


def test_a_users_module_rests_on_what_it_imports_from_tightbound(module, monkeypatch):
    module(own="def measure():\n    from tightbound.theory import bandits\n    return bandits\n")
    before = module.hash("own")
    hashes = codehash._hash
    with monkeypatch.context() as patch:
        patch.setattr(codehash, "_hash", lambda path: "new" if path.endswith("laws.py") else hashes(path))
        codehash._closure.cache_clear()
        assert code_hash(importlib.import_module("own").measure) != before


def test_a_module_named_in_a_string_is_followed(module, monkeypatch):
    module(own="LAZY = {'f': 'tightbound.theory.bandits.laws'}\ndef measure(): return LAZY\n")
    before = module.hash("own")
    hashes = codehash._hash
    with monkeypatch.context() as patch:
        patch.setattr(codehash, "_hash", lambda path: "new" if path.endswith("laws.py") else hashes(path))
        codehash._closure.cache_clear()
        assert code_hash(importlib.import_module("own").measure) != before


def test_functions_of_one_module_differ_by_name(module):
    module(two="def measure(): return 1\ndef other(): return 1\n")
    assert module.hash("two") != module.hash("two", "other")


def test_arguments_of_a_partial_count():
    one, two, again = (functools.partial(generator, 0, cell=cell, replicate=0) for cell in (1, 2, 1))
    assert code_hash(one) == code_hash(again)
    assert code_hash(one) != code_hash(two)


def test_a_function_without_source_is_refused():
    space = {"__name__": "nowhere"}
    exec("def measure(): return 1", space)
    with pytest.raises(ValueError, match=r"nowhere:measure cannot be found: define it in a file"):
        code_hash(space["measure"])


def test_an_unknown_module_is_named():
    with pytest.raises(ValueError, match=r"module is 'tightbound.theory.nothing'"):
        closure("tightbound.theory.nothing")


def test_kernels_rest_on_all_their_backends():
    folders = [path for path in Path(kernels.__path__[0]).iterdir() if (path / "reference.py").exists()]
    assert len(folders) > 10
    for folder in folders:
        name = f"tightbound.kernels.{folder.name}"
        assert {f"{name}.reference", f"{name}.numba_cpu"} <= set(closure(name)), name
