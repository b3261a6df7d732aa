"""Random tables and the cases that decoders in use are tested with."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from tightbound.theory.speculative.tables import PrefixTables


@pytest.fixture(scope="session")
def cases():
    return runpy.run_path(str(Path(__file__).parent / "cases.py"))


@pytest.fixture(scope="session")
def laws():
    """Dirichlet rows in which an entry other than one stays with probability ``keep``."""

    def draw(rng, shape, keep=1.0):
        rows = rng.dirichlet(np.ones(shape[-1]), shape[:-1])
        kept = rng.random(shape) < keep
        np.put_along_axis(kept, rng.integers(shape[-1], size=(*shape[:-1], 1)), True, axis=-1)
        return rows * kept / (rows * kept).sum(axis=-1, keepdims=True)

    return draw


@pytest.fixture(scope="session")
def pair(laws):
    """Tables of a target and of a drafter of ``gamma`` tokens."""

    def draw(seed, vocabulary, gamma, keep=1.0):
        rng = np.random.default_rng(seed)
        target = [laws(rng, (vocabulary,) * (i + 1), keep) for i in range(gamma + 1)]
        draft = [laws(rng, (vocabulary,) * (i + 1), keep) for i in range(gamma)]
        return PrefixTables(target), PrefixTables(draft)

    return draw
