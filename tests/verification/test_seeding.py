import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.verification.seeding import generator

INDEX = st.integers(0, 2**40)


def test_stream_is_that_of_the_documented_seed_sequence():
    sequence = np.random.SeedSequence(7, spawn_key=(zlib.crc32(b"BS-4"), 3, 2))
    expected = np.random.default_rng(sequence).random(5)
    assert np.array_equal(generator(7, "BS-4", 3, 2).random(5), expected)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(root=INDEX, cell=INDEX, replicate=INDEX)
def test_every_argument_changes_the_stream(root, cell, replicate):
    draws = [
        generator(*arguments).integers(2**63)
        for arguments in (
            (root, "A-1", cell, replicate),
            (root + 1, "A-1", cell, replicate),
            (root, "A-2", cell, replicate),
            (root, "A-1", cell + 1, replicate),
            (root, "A-1", cell, replicate + 1),
        )
    ]
    assert len(set(draws)) == len(draws)


@pytest.mark.parametrize("name", ["root", "cell", "replicate"])
@pytest.mark.parametrize(
    ("bad", "error"), [(-1, ValueError), (1.0, TypeError), (True, TypeError), ("1", TypeError)]
)
def test_bad_numbers_are_named(name, bad, error):
    arguments = {"root": 0, "cell": 0, "replicate": 0, name: bad}
    with pytest.raises(error, match=rf"{name} is .*at least 0"):
        generator(arguments["root"], "A-1", arguments["cell"], arguments["replicate"])
