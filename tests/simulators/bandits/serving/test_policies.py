import numpy as np
import pytest

from tightbound.simulators.bandits.policies.greedy import Greedy
from tightbound.simulators.bandits.policies.round_robin import RoundRobin
from tightbound.simulators.bandits.serving import (
    AcceptanceEMA,
    Clairvoyant,
    FixedLength,
    LengthBandit,
    LengthTable,
    PoissonTraffic,
    RequestThompson,
    RoundView,
    Server,
    best_length_table,
    capacity,
    mixed_throughput,
    reward_ranges,
    serve,
    workload_from_acceptance,
)

LENGTHS = (0, 1, 2, 3, 4)


def view(batch: int, acceptance: float = 0.5) -> RoundView:
    ids = np.arange(batch)
    return RoundView(0.0, ids, np.zeros(batch, np.int64), 100 * batch, np.full(batch, acceptance))


def start(policy, server=None):  # type: ignore[no-untyped-def]
    return policy.init(Server() if server is None else server, 4, np.random.default_rng(0))


def test_table_looks_up_the_batch_and_keeps_its_last_entry() -> None:
    table = LengthTable((4, 2, 1))
    assert [table.choose(None, view(size)) for size in (1, 2, 3, 50)] == [4, 2, 1, 1]


def test_oracle_table_is_the_best_column_of_the_mix() -> None:
    server, traffic = Server(), PoissonTraffic(requests=1, rates=(1.0,))
    table = np.array(best_length_table(server, traffic))
    sizes = np.arange(1, 65)
    rates = np.stack([mixed_throughput(server, traffic, sizes, gamma) for gamma in LENGTHS])
    np.testing.assert_array_equal(table, rates.argmax(axis=0))
    # Monte Carlo over requests agrees with the closed moments.
    drawn = PoissonTraffic(requests=40_000, rates=(1.0,), max_gamma=4).draw(0).acceptance
    tokens = 1.0 + sum(drawn**k for k in range(1, 4))
    expected = float(rates[3][0] / mixed_one(server, traffic, 3))
    assert abs(tokens.mean() - expected) <= 5 * tokens.std() / np.sqrt(tokens.size)


def mixed_one(server: Server, traffic: PoissonTraffic, gamma: int) -> float:
    """Rounds per second of a single request."""
    from tightbound.theory.bandits.serving import roofline_round_time

    return 1.0 / float(
        roofline_round_time(1, gamma, traffic.prompt.mean + traffic.output.mean / 2, server.latency)
    )


def test_capacity_falls_with_longer_outputs() -> None:
    from tightbound.simulators.bandits.serving import GeometricLength

    short = PoissonTraffic(requests=1, rates=(1.0,), output=GeometricLength(100.0))
    long = PoissonTraffic(requests=1, rates=(1.0,), output=GeometricLength(400.0))
    assert capacity(Server(), short) > 2 * capacity(Server(), long)


def test_ladder_climbs_on_acceptance_and_descends_on_rejection() -> None:
    policy = AcceptanceEMA(ladder=(1, 2, 4), rate=0.5, interval=5)
    state = start(policy)
    for _ in range(60):
        length = policy.choose(state, view(3))
        policy.update(state, view(3), length, np.full(3, length + 1), 0.01)
    assert policy.choose(state, view(3)) == 4
    for _ in range(60):
        policy.update(state, view(3), policy.choose(state, view(3)), np.ones(3), 0.01)
    assert policy.choose(state, view(3)) == 1


def test_thompson_learns_each_request_and_shares_the_category() -> None:
    policy = RequestThompson(concentration=2.0)
    state = start(policy)
    batch = view(60)  # more drafts than ride along for free
    good = np.arange(60) < 10
    policy.choose(state, batch)
    for _ in range(100):
        policy.update(state, batch, np.full(60, 4), np.where(good, 5, 1), 0.01)
    lengths = policy.choose(state, batch)
    assert lengths[good].mean() > lengths[~good].mean() + 1
    assert state.category[:, 0].tolist() == [4000.0, 5000.0]


def test_thompson_counts_no_rejection_where_nothing_was_drafted() -> None:
    policy = RequestThompson()
    state = start(policy)
    policy.choose(state, view(1))
    policy.update(state, view(1), np.array([0]), np.array([1]), 0.01)
    assert state.request[:, 0].tolist() == [0.0, 0.0]


def test_clairvoyant_beats_every_fixed_length_round_by_round() -> None:
    rng = np.random.default_rng(0)
    load = workload_from_acceptance(
        np.zeros(60), np.full(60, 50), np.full(60, 1000), rng.beta(2, 2, 60), max_gamma=4
    )
    server = Server(max_batch=60)
    limit = 60 * 200

    def seconds(policy) -> float:  # type: ignore[no-untyped-def]
        return float(serve(load, policy, server, limit=limit).seconds.sum())

    assert seconds(Clairvoyant()) < min(seconds(FixedLength(length)) for length in LENGTHS)


def test_bandit_splits_its_state_at_the_edges() -> None:
    server = Server()
    policy = LengthBandit(RoundRobin(), LENGTHS, reward_ranges(server, LENGTHS, (8,)), (8,))
    state = start(policy, server)
    assert policy.choose(state, view(3)) == 0
    policy.update(state, view(3), 0, np.ones(3), 0.0125)
    assert policy.choose(state, view(7)) == 1
    assert policy.choose(state, view(8)) == 0


def test_bandit_finds_the_length_with_the_largest_throughput() -> None:
    load = workload_from_acceptance(
        np.zeros(4), np.full(4, 50), np.full(4, 6000), np.full(4, 0.8), max_gamma=4, rng=1
    )
    server = Server(max_batch=4, kv_tokens=10**6)
    policy = LengthBandit(Greedy(), (0, 4), reward_ranges(server, (0, 4)))
    trace = serve(load, policy, server, limit=8000)
    chosen = trace.length[~trace.prefill]
    assert np.mean(chosen == 4) > 0.95


def test_rewards_stay_in_the_range_that_is_computed() -> None:
    traffic = PoissonTraffic(requests=150, rates=(12.0,))
    for edges in ((), (8, 16, 32)):
        for server in (Server(), Server(max_batch=12, switch_seconds=0.1)):
            policy = LengthBandit(RoundRobin(), LENGTHS, reward_ranges(server, LENGTHS, edges), edges)
            serve(traffic.draw(0), policy, server)


def test_reward_outside_its_range_is_refused() -> None:
    policy = LengthBandit(RoundRobin(), LENGTHS, ((0.0, 100.0),))
    state = start(policy)
    with pytest.raises(ValueError, match=r"reward 300 tokens/s left its range \[0, 100\].*widen"):
        policy.update(state, view(3), 0, np.ones(3), 0.01)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: FixedLength(-1), ("length", "at least 0")),
        (lambda: LengthTable(()), ("lengths", "at least one")),
        (lambda: AcceptanceEMA(ladder=(0, 2)), ("ladder", "at least 1")),
        (lambda: AcceptanceEMA(up=0.3, down=0.5), ("up", "down < up")),
        (lambda: RequestThompson(concentration=0.0), ("concentration", "above 0")),
        (lambda: LengthBandit(RoundRobin(), (), ((0.0, 1.0),)), ("lengths", "at least one")),
        (lambda: LengthBandit(RoundRobin(), (0,), ((0.0, 1.0),), (4,)), ("ranges", "one pair more")),
        (lambda: LengthBandit(RoundRobin(), (0,), ((1.0, 1.0),)), ("ranges", "low < high")),
        (lambda: LengthBandit(RoundRobin(), (0,), ((0.0, 1.0),) * 2, (1,)), ("edges", "at least 2")),
    ],
)
def test_bad_input_names_argument_and_remedy(call, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r".") as caught:
        call()
    for word in words:
        assert word in str(caught.value)
