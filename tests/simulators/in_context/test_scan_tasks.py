"""The compiled scans return what the recursion in log space returns."""

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.in_context import scan_tasks as scans
from tightbound.simulators.in_context.sampling import sample
from tightbound.theory.in_context import model_averaging as averaging
from tightbound.theory.in_context.errors import InconsistentEvidenceError, UnsupportedTaskWarning
from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.hmm_concept import HMMConcept
from tightbound.theory.in_context.markov_tasks import MarkovTasks
from tightbound.theory.in_context.regret import regret

TOLERANCE = {"numba": 1e-12, "jax": 1e-10}
BACKENDS = sorted(TOLERANCE)


def reference(model, *demonstrations):
    path = averaging.log_posterior(model, *demonstrations)
    return {
        scans.scan_log_predictive: averaging.log_predictive(model, *demonstrations),
        scans.scan_log_posterior: path,
        scans.scan_final_log_posterior: path[..., -1, :],
        scans.scan_regret: regret(model, *demonstrations),
    }


def agree(found, expected, tolerance):
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def laws(rng, *shape, zeros):
    """Return random laws, of whose entries about a share ``zeros`` are zero."""
    weights = rng.exponential(size=shape) * (rng.random(shape) >= zeros)
    weights[..., 0] += weights.sum(axis=-1) == 0.0
    return weights / weights.sum(axis=-1, keepdims=True)


def random_model(rng, hidden, tasks, states, covariates, responses, zeros, informative):
    prior = laws(rng, tasks, zeros=0.3 if tasks > 1 else 0.0)
    asked = laws(rng, tasks, covariates, zeros=zeros) if informative else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnsupportedTaskWarning)
        if not hidden:
            return FiniteTasks(prior, laws(rng, tasks, covariates, responses, zeros=zeros), asked)
        return HMMConcept(
            prior,
            laws(rng, tasks, states, zeros=zeros),
            laws(rng, tasks, states, states, zeros=zeros),
            laws(rng, tasks, states, covariates, responses, zeros=zeros),
            asked,
        )


models = st.builds(
    random_model,
    st.integers(0, 2**32).map(np.random.default_rng),
    hidden=st.booleans(),
    tasks=st.sampled_from([1, 2, 5, 9]),
    states=st.sampled_from([1, 2, 5]),
    covariates=st.sampled_from([1, 3]),
    responses=st.sampled_from([1, 2, 4]),
    zeros=st.sampled_from([0.0, 0.4]),
    informative=st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(
    model=models,
    length=st.sampled_from([0, 1, 7, 40]),
    count=st.sampled_from([1, 3, 6]),
    seed=st.integers(0, 99),
)
def test_compiled_loops_agree_with_log_space(model, length, count, seed):
    _, c, r = sample(model, length, count, rng=seed)
    for scan, expected in reference(model, c, r).items():
        agree(scan(model, c, r), expected, TOLERANCE["numba"])


@pytest.mark.parametrize(("hidden", "informative"), list(itertools.product([False, True], repeat=2)))
def test_jax_agrees_with_log_space(hidden, informative):
    rng = np.random.default_rng(5)
    for zeros in (0.0, 0.3):  # with zeros, covariates may tell nothing
        model = random_model(rng, hidden, 5, 3, 2, 3, zeros, informative)
        _, c, r = sample(model, 60, 4, rng=0)
        for scan, expected in reference(model, c, r).items():
            agree(scan(model, c, r, backend="jax"), expected, TOLERANCE["jax"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_markov_chains(backend):
    rng = np.random.default_rng(0)
    tasks = MarkovTasks(laws(rng, 4, zeros=0), laws(rng, 4, 3, zeros=0), laws(rng, 4, 3, 3, zeros=0.2))
    tokens = np.empty((6, 30), np.int64)
    for row in tokens:  # of chain 0
        row[0] = rng.choice(3, p=tasks.initial[0])
        for t in range(1, 30):
            row[t] = rng.choice(3, p=tasks.transition[0, row[t - 1]])
    told = np.take_along_axis(tasks.log_predictive(tokens), tokens[..., None], axis=-1)[..., 0]
    path = tasks.log_weights(tokens)
    with np.errstate(divide="ignore"):
        first, step = np.log(tasks.initial.T), np.log(np.moveaxis(tasks.transition, 0, -1))
    each = np.concatenate([first[tokens[:, :1]], step[tokens[:, :-1], tokens[:, 1:]]], axis=1)
    expected = (each.cumsum(axis=1).max(axis=-1) - told.cumsum(axis=1)) / np.arange(1, 31)
    tolerance = TOLERANCE[backend]
    agree(scans.scan_log_predictive(tasks, tokens, backend=backend), told, tolerance)
    agree(scans.scan_log_posterior(tasks, tokens, backend=backend), path, tolerance)
    agree(scans.scan_final_log_posterior(tasks, tokens[0], backend=backend), path[0, -1], tolerance)
    agree(scans.scan_regret(tasks, tokens, backend=backend), expected, tolerance)


def leaning(tasks=2):
    """Return two tasks, of which each sees the other's response as unlikely."""
    return FiniteTasks([1.0 / tasks] * tasks, [[[0.999, 0.001]], [[0.001, 0.999]]])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_task_comes_back_from_far_below_the_smallest_double(backend):
    r = np.repeat([0, 1, 0], [400, 700, 300])  # log odds to 2760, back to -2070, and to 0 again
    c = np.zeros_like(r)
    found = scans.scan_log_posterior(leaning(), c, r, backend=backend)
    assert found.min() < -2700
    agree(found, averaging.log_posterior(leaning(), c, r), TOLERANCE[backend])
    assert np.exp(found[-1]) == pytest.approx([0.5, 0.5], abs=1e-9)


def stuck(depth=0.999):
    """Return models whose hidden state never moves: a state comes back too."""
    shown = [[[[depth, 1 - depth]], [[1 - depth, depth]]], [[[0.5, 0.5]], [[0.3, 0.7]]]]
    return HMMConcept([0.5, 0.5], [[0.5, 0.5]] * 2, [np.eye(2)] * 2, shown)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_hidden_state_comes_back(backend):
    r = np.stack([np.repeat([0, 1, 0], [400, 700, 300]), np.tile([0, 1], 700)])
    c = np.zeros_like(r)
    for scan, expected in reference(stuck(), c, r).items():
        agree(scan(stuck(), c, r, backend=backend), expected, TOLERANCE[backend])


@pytest.mark.parametrize("smallest", [1e-80, 1e-200, 1e-300])
def test_tiny_probabilities(smallest):
    """Chances of 1e-160 and less are products that the faster kernel must not lose."""
    model = stuck(1.0 - 1e-16)
    shown = np.array(model.emission)
    shown[0] = [[[1.0, smallest]], [[smallest, 1.0]]]
    moves = [[[1.0, smallest], [0.3, 0.7]], [[0.6, 0.4], [smallest, 1.0]]]  # no transpose of itself
    model = HMMConcept([0.5, 0.5], [[1.0, smallest], [0.5, 0.5]], moves, shown)
    r = np.array([[0, 0, 1, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 0], [1] * 14, [0] * 14])
    c = np.zeros_like(r)
    for scan, expected in reference(model, c, r).items():
        agree(scan(model, c, r), expected, TOLERANCE["numba"])
    tasks = FiniteTasks([1.0, smallest], shown[:, 0])
    for scan, expected in reference(tasks, c, r).items():
        agree(scan(tasks, c, r), expected, TOLERANCE["numba"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_demonstrations_and_no_sequences(backend):
    for model in (leaning(), stuck()):
        none = np.empty((2, 0), np.int64)
        start = np.log([[0.5, 0.5]] * 2)
        assert scans.scan_log_predictive(model, none, none, backend=backend).shape == (2, 0)
        assert scans.scan_regret(model, none, none, backend=backend).shape == (2, 0)
        agree(scans.scan_log_posterior(model, none, none, backend=backend), start[:, None], 1e-15)
        agree(scans.scan_final_log_posterior(model, [], [], backend=backend), start[0], 1e-15)
        nobody = np.empty((0, 4), np.int64)
        assert scans.scan_log_posterior(model, nobody, nobody, backend=backend).shape == (0, 5, 2)


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_task_has_no_regret(backend):
    tasks = FiniteTasks([1.0], [[[0.2, 0.8]]])
    found = scans.scan_regret(tasks, [[0] * 9], [[0, 1] * 4 + [1]], backend=backend)
    agree(found, np.zeros((1, 9)), 1e-15)


def test_leading_shapes():
    _, c, r = sample(stuck(), 5, 6, rng=0)
    flat = scans.scan_log_posterior(stuck(), c, r)
    shaped = scans.scan_log_posterior(stuck(), c.reshape(2, 3, 5), r.reshape(2, 3, 5))
    assert np.array_equal(shaped, flat.reshape(2, 3, 6, 2))
    assert np.array_equal(scans.scan_log_posterior(stuck(), c[0], r[0]), flat[0])


@pytest.mark.parametrize(("hidden", "tasks"), [(False, 37), (True, 37), (True, 70)])
def test_neither_threads_nor_the_batch_change_a_bit(hidden, tasks):
    """Below 32 sequences the tasks of a bank go side by side, else the sequences."""
    import numba

    rng = np.random.default_rng(2)
    model = random_model(rng, hidden, tasks, 5, 3, 4, 0.2, True)
    _, c, r = sample(model, 50, 150, rng=1)
    every = (scans.scan_log_posterior, scans.scan_log_predictive, scans.scan_regret)
    whole = [scan(model, c, r) for scan in every]
    threads = numba.get_num_threads()
    try:
        for count in range(1, threads + 1):
            numba.set_num_threads(count)
            for scan, expected in zip(every, whole, strict=True):
                assert np.array_equal(scan(model, c, r), expected)
    finally:
        numba.set_num_threads(threads)
    for low, high in ((0, 1), (0, 2), (3, 8), (17, 50), (100, 150), (20, 149)):
        for scan, expected in zip(every, whole, strict=True):
            assert np.array_equal(scan(model, c[low:high], r[low:high]), expected[low:high])


def test_the_path_ends_where_the_final_posterior_is():
    model = random_model(np.random.default_rng(3), True, 6, 3, 2, 4, 0.2, True)
    _, c, r = sample(model, 20, 5, rng=1)
    assert np.array_equal(
        scans.scan_log_posterior(model, c, r)[:, -1], scans.scan_final_log_posterior(model, c, r)
    )


def certain(hidden):
    """Return tasks that exclude a response, and a covariate by the task that is left."""
    tables, asked = [[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]], [[1.0, 0.0], [0.5, 0.5]]
    if not hidden:
        return FiniteTasks([0.5, 0.5], tables, asked)
    shown = np.repeat(np.array(tables)[:, None], 2, axis=1)
    return HMMConcept([0.5, 0.5], [[0.5, 0.5]] * 2, [[[0.5, 0.5]] * 2] * 2, shown, asked)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("hidden", [False, True])
def test_impossible_evidence(hidden, backend):
    model = certain(hidden)
    c, r = np.zeros((3, 4), np.int64), np.zeros((3, 4), np.int64)
    r[1, 2] = 1
    for scan in reference(model, c[:1], r[:1]):
        with pytest.raises(InconsistentEvidenceError, match=r"^response 1 at step 2 of sequence 1 has"):
            scan(model, c, r, backend=backend)
    r[1, 2], c[2, 3] = 0, 1
    with pytest.raises(InconsistentEvidenceError, match=r"^covariate 1 at step 3 of sequence \(2, 0\) has"):
        scans.scan_log_posterior(model, c[:, None], r[:, None], backend=backend)
    with pytest.raises(InconsistentEvidenceError, match=r"^response 1 at step 2 of sequence 0 has"):
        scans.scan_log_posterior(model, [0] * 4, [0, 0, 1, 0], backend=backend)


def test_impossible_evidence_after_what_only_log_space_can_follow():
    shown = [[[[0.999, 0.001, 0.0]], [[0.001, 0.999, 0.0]]]] * 2
    model = HMMConcept([0.5, 0.5], [[0.5, 0.5]] * 2, [np.eye(2)] * 2, shown)
    r = np.zeros((4, 200), np.int64)
    r[2, 190] = 2
    with pytest.raises(InconsistentEvidenceError, match="response 2 at step 190 of sequence 2"):
        scans.scan_log_predictive(model, np.zeros_like(r), r)


@pytest.mark.parametrize("backend", BACKENDS)
def test_impossible_token(backend):
    tasks = MarkovTasks([0.5, 0.5], [1.0, 0.0], [[[0.5, 0.5], [1.0, 0.0]]] * 2)
    with pytest.raises(InconsistentEvidenceError, match="token 1 at step 2 of sequence 1"):
        scans.scan_regret(tasks, [[0, 1, 0], [0, 1, 1]], backend=backend)


def test_bad_input():
    scan = scans.scan_log_posterior
    with pytest.raises(TypeError, match="2 sequences were given beside MarkovTasks: give tokens"):
        scan(MarkovTasks([1.0], [1.0], [[[1.0]]]), [0], [0])
    with pytest.raises(TypeError, match="1 sequences were given beside FiniteTasks: give covariates and"):
        scan(leaning(), [0])
    with pytest.raises(TypeError, match="model is dict"):
        scan({}, [0], [0])
    with pytest.raises(ValueError, match=r"backend is 'torch': choose 'numba' or 'jax'"):
        scan(leaning(), [0], [0], backend="torch")
    with pytest.raises(IndexError, match="responses contains 2"):
        scan(leaning(), [0], [2])
    with pytest.raises(IndexError, match="tokens contains -1"):
        scan(MarkovTasks([1.0], [1.0], [[[1.0]]]), [[-1]])
    with pytest.raises(ValueError, match="tokens is one number"):
        scan(MarkovTasks([1.0], [1.0], [[[1.0]]]), 0)
    with pytest.raises(TypeError, match="dtype float64"):
        scan(leaning(), [0.5], [0])
    with pytest.raises(ValueError, match="one response for each"):
        scan(leaning(), [0, 0], [0])
