import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from tightbound.simulators.bandits import _kernel_random as kernel
from tightbound.simulators.bandits.streams import POLICY, Coins, Stream, mix, seed_of


def test_mix_is_the_splitmix64_finaliser():
    # first outputs of the published generator seeded with 0: mix of 1, 2, 3 times the golden ratio
    golden = 0x9E3779B97F4A7C15
    first = [mix(golden * k % 2**64) for k in (1, 2, 3)]
    assert first == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


@pytest.mark.parametrize("address", [(0, 0, 0), (2**64 - 1, 7, 3), (12345, 10**6, POLICY)])
def test_compiled_uniforms_are_the_same_bits(address):
    seed, replication, lane = address
    stream = Stream(*address)
    start, step = kernel.stream(np.uint64(seed), replication, np.uint64(lane))
    assert (int(start), int(step)) == (stream.start, stream.step)
    for counter in (0, 1, 2, 10**6, 2**40):
        assert kernel.uniform(np.uint64(start), np.uint64(step), counter) == stream.uniform(counter)


def test_coins_of_a_round_are_consecutive_and_rounds_do_not_meet():
    stream = Stream(1, 2, POLICY)
    coins = Coins(stream, 5)
    assert [coins(), coins()] == [stream.uniform(5 * 2**32), stream.uniform(5 * 2**32 + 1)]


def test_uniforms_are_uniform_and_uncorrelated_across_lanes_and_replications():
    n = 20000
    table = np.array([[Stream(9, r, lane).uniform(0) for lane in range(4)] for r in range(n // 4)])
    path = np.array([Stream(9, 0, 0).uniform(k) for k in range(n)])
    assert 0.0 <= table.min() < table.max() < 1.0
    assert kstest(table.ravel(), "uniform").pvalue > 1e-6
    assert kstest(path, "uniform").pvalue > 1e-6
    correlation = np.corrcoef(table.T)[np.triu_indices(4, 1)]
    assert np.all(np.abs(correlation) < 5.0 / np.sqrt(len(table)))
    assert abs(np.corrcoef(path[:-1], path[1:])[0, 1]) < 5.0 / np.sqrt(n)
    pairs = np.histogram2d(path[:-1:2], path[1::2], bins=10, range=[[0, 1], [0, 1]])[0]
    assert chisquare(pairs.ravel()).pvalue > 1e-6


def test_steps_are_odd_with_enough_changes_of_bits():
    for r in range(2000):
        step = Stream(3, r, 1).step
        assert step % 2 == 1
        assert (step ^ (step >> 1)).bit_count() >= 24


def test_an_integer_gives_one_seed_and_a_generator_moves_on():
    rng = np.random.default_rng(5)
    assert seed_of(5) == seed_of(5)
    assert seed_of(rng) != seed_of(rng)
