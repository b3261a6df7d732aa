"""Passes that wait for arithmetic: limits, a bound, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.speculative.memory_traffic import MemoryTraffic
from tightbound.theory.speculative.roofline import Roofline

WHOLE = {"weight_operations": 4e8, "key_operations": 7e4, "bandwidth": 2e10, "rate": 6e10}
TRAFFIC = MemoryTraffic(8e8, 5e4, batch=3)


def test_each_part_waits_for_what_takes_longer():
    line = Roofline(TRAFFIC, **WHOLE)
    # one row: weights 0.04 s from memory, 0.02 s of arithmetic; keys 0.0075 s from memory, 0.0035 s
    assert float(line.seconds(1000)) == pytest.approx(0.04 + 0.0075)
    # four rows: 0.08 s of arithmetic on weights; on keys 0.014 s
    assert float(line.seconds(1000, 4)) == pytest.approx(0.08 + 0.014)
    assert line.key_intensity == pytest.approx(0.0035 / 0.0075)
    assert line.seconds([1000, 2000]).shape == (2,)


@settings(max_examples=60, deadline=None)
@given(
    weight=st.floats(0.0, 1e11),
    each=st.floats(1e3, 1e6),
    batch=st.integers(1, 64),
    gamma=st.integers(0, 12),
    share=st.floats(0.0, 1.0),
    kept=st.integers(1, 10**5),
    more=st.integers(0, 10**6),
    operations=st.floats(1.0, 1e12),
    intensity=st.floats(1e-3, 1.0),
    rate=st.floats(1e6, 1e15),
)
def test_arithmetic_only_costs_where_one_row_waits_for_memory(
    weight, each, batch, gamma, share, kept, more, operations, intensity, rate
):
    traffic = MemoryTraffic(weight, each, batch)
    bandwidth = 1e10
    line = Roofline(traffic, operations, intensity * each * rate / bandwidth, bandwidth, rate)
    assert line.key_intensity == pytest.approx(intensity)
    sizes = {"kept": kept, "keys": kept + more}
    tokens = 1.0 + share * gamma
    by_bytes = float(traffic.speedup(tokens, gamma, **sizes))
    assert float(line.speedup(tokens, gamma, **sizes)) <= by_bytes * (1 + 1e-12)
    free = Roofline(traffic, operations, 1.0, bandwidth, np.inf)
    assert float(free.speedup(tokens, gamma, **sizes)) == pytest.approx(by_bytes, rel=1e-12)


def test_long_sequences_and_no_drafts():
    line = Roofline(TRAFFIC, **WHOLE)
    for gamma in (1, 2, 6):
        limit = (gamma + 1) / max(1.0, (gamma + 1) * line.key_intensity)
        assert float(line.speedup(gamma + 1, gamma, kept=100, keys=10**13)) == pytest.approx(limit)
        assert limit <= 1.0 / line.key_intensity + 1e-12
    assert float(line.speedup(1.0, 0, kept=1, keys=50)) == 1.0


@pytest.mark.parametrize("name", sorted(WHOLE))
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, "fast"])
def test_sizes_out_of_range(name, value):
    with pytest.raises((TypeError, ValueError), match=name if value != "fast" else None):
        Roofline(TRAFFIC, **{**WHOLE, name: value})


def test_arguments_out_of_range():
    line = Roofline(TRAFFIC, **WHOLE)
    for call, words in (
        (lambda: line.seconds(0), "keys"),
        (lambda: line.seconds(10, 0), "rows"),
        (lambda: line.speedup(4.0, 2, kept=1, keys=2), "tokens"),
        (lambda: line.speedup(0.5, 2, kept=1, keys=2), "tokens"),
        (lambda: line.speedup(1.0, -1, kept=1, keys=2), "gamma"),
        (lambda: line.speedup(1.0, 1, kept=0, keys=2), "keys"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
