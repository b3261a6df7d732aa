"""Keys and bytes of self-speculation: thresholds, limits, bad input."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.speculative import memory_traffic as memory

SIZES = st.integers(1, 10**6)


@settings(max_examples=60, deadline=None)
@given(kept=SIZES, keys=SIZES, gamma=st.integers(1, 30), parts=st.integers(1, 50), hits=st.integers(0, 50))
def test_thresholds_are_where_the_counts_cross(kept, keys, gamma, parts, hits):
    share = Fraction(min(hits, parts), parts)
    saves = gamma * kept + keys < keys * (1 + share * gamma)
    assert saves == (share > memory.break_even_acceptance(kept, keys))
    stated = gamma * kept + keys < keys * share * gamma
    assert stated == (share > memory.stated_break_even_acceptance(kept, keys, gamma))
    assert saves or not stated


def test_counts_with_and_without_the_next_token():
    assert float(memory.keys_read_per_token(0.0, 3, 10, 100)) == 130.0
    assert float(memory.stated_keys_read_per_token(0.0, 3, 10, 100)) == np.inf
    assert float(memory.stated_keys_read_per_token(1.0, 2, 10, 100)) == 60.0


@settings(max_examples=40, deadline=None)
@given(
    weight=st.floats(0.0, 1e12),
    each=st.floats(1.0, 1e6),
    batch=st.integers(1, 64),
    keys=st.integers(8, 10**6),
)
def test_speed_up_lies_between_that_of_weights_alone_and_of_keys_alone(weight, each, batch, keys):
    gamma, tokens, kept = 4, 3.0, 8
    speed = float(memory.MemoryTraffic(weight, each, batch).speedup(tokens, gamma, kept=kept, keys=keys))
    assert tokens / (1 + gamma) - 1e-9 <= speed <= tokens / (1 + gamma * kept / keys) + 1e-9


def test_no_drafts_are_plain_decoding():
    assert float(memory.MemoryTraffic(1.0, 1.0).speedup(1.0, 0, kept=1, keys=5)) == 1.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: memory.keys_read_per_token(1.5, 3, 1, 1), "accepted"),
        (lambda: memory.keys_read_per_token(0.5, 0, 1, 1), "gamma"),
        (lambda: memory.keys_read_per_token(0.5, 1, 0, 1), "kept"),
        (lambda: memory.keys_read_per_token(0.5, 1, 1, -1), "keys"),
        (lambda: memory.break_even_acceptance(0, 1), "kept"),
        (lambda: memory.stated_break_even_acceptance(1, 1, 0), "gamma"),
        (lambda: memory.MemoryTraffic(-1.0, 1.0), "weight_bytes"),
        (lambda: memory.MemoryTraffic(1.0, 0.0), "key_bytes"),
        (lambda: memory.MemoryTraffic(1.0, 1.0, 0), "batch"),
        (lambda: memory.MemoryTraffic(1.0, 1.0).speedup(5.5, 4, kept=1, keys=2), "tokens"),
        (lambda: memory.MemoryTraffic(1.0, 1.0).speedup(0.5, 4, kept=1, keys=2), "tokens"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
