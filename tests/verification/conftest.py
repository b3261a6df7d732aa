import importlib
from pathlib import Path

import pytest

import tightbound.papers
from tightbound.verification import registry

HERE = Path(__file__).parent


@pytest.fixture
def toys(monkeypatch):
    """Replace the registered papers by the toy papers."""
    monkeypatch.setattr(
        tightbound.papers, "__path__", [*tightbound.papers.__path__, str(HERE / "toy_papers")]
    )
    monkeypatch.setattr(registry, "PAPERS", ("toy_paper", "wrong_paper"))


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Toy claims for the runner, importable in workers too, with a fresh folder to count calls in."""
    folder = tmp_path / "calls"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("TOY_FOLDER", str(folder))
    return importlib.import_module("toy_claims")
