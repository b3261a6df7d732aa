"""Training: it learns, stops, and goes on from a checkpoint as if nothing had happened."""

from dataclasses import replace

import numpy as np
import pytest

from tightbound.simulators.language_models.causal_transformer import CausalTransformer
from tightbound.simulators.language_models.checkpoint import CheckpointError
from tightbound.simulators.language_models.schedule import Schedule
from tightbound.simulators.language_models.training import TrainingDivergedError, train, train_many

MODEL = CausalTransformer(vocabulary=2, context=4, width=4, blocks=1, heads=1)
SCHEDULE = Schedule(20, batch=4, warmup=2, learning_rate=0.02, evaluate_every=5)
DATA = np.random.default_rng(0).integers(2, size=(10, 4))
FIXED = np.random.default_rng(1).integers(2, size=(16, 4))


def fresh(rng, count):
    """Sequences whose second half repeats the first."""
    return np.tile(rng.integers(2, size=(count, 2)), 2)


def run(**change):
    arguments = {"data": DATA, "schedule": SCHEDULE, "validation": FIXED, "key": 3} | change
    return train(MODEL, arguments.pop("data"), arguments.pop("schedule"), **arguments)


def same(a, b):
    return (
        all(np.array_equal(a.parameters[name], b.parameters[name]) for name in a.parameters)
        and np.array_equal(a.history.training, b.history.training)
        and np.array_equal(a.history.validation, b.history.validation)
        and (a.value, a.best_step, a.outcome) == (b.value, b.best_step, b.outcome)
    )


class Killed(Exception):
    pass


def killed_at(step):
    def progress(now, training, validation):
        if now == step:
            raise Killed

    return progress


def test_it_learns_what_can_be_known_and_nothing_more():
    model = CausalTransformer(vocabulary=2, context=4, width=16, dtype="float64")
    schedule = Schedule(200, batch=32, warmup=20, learning_rate=0.01)
    fixed = fresh(np.random.default_rng(5), 64)
    result = train(model, fresh, schedule, validation=fixed)
    assert result.outcome == "steps spent"
    assert not result.converged
    assert result.num_iter == 200
    assert result.history.step.tolist() == list(range(25, 201, 25))
    law = np.exp(model.log_predictive(result.parameters, fixed))
    chosen = np.take_along_axis(law, fixed[..., None], axis=-1)[..., 0]
    assert chosen[:, 2:].min() > 0.9
    assert chosen[:, :2] == pytest.approx(0.5, abs=0.1)
    assert result.value == pytest.approx(-np.log(chosen).mean(), abs=1e-9)


def test_best_weights_are_those_of_the_least_validation_loss():
    result = run(schedule=replace(SCHEDULE, steps=200, learning_rate=0.1))
    assert result.value == result.history.validation.min()
    assert result.best_step == result.history.step[result.history.validation.argmin()]
    assert result.best_step < 200  # ten sequences are soon known by heart
    law = MODEL.log_predictive(result.parameters, FIXED)
    loss = -np.take_along_axis(law, FIXED[..., None], axis=-1).mean()
    assert loss == pytest.approx(result.value, abs=1e-6)


def test_patience_stops_and_keeps_what_was_best():
    long = replace(SCHEDULE, steps=200, learning_rate=0.1)
    patient, brief = run(schedule=long), run(schedule=replace(long, patience=3))
    assert brief.outcome == "stopped early"
    assert brief.converged
    assert brief.num_iter == brief.best_step + 3 * long.evaluate_every < 200
    count = brief.history.step.size
    assert np.array_equal(brief.history.validation, patient.history.validation[:count])


def test_a_run_that_stopped_is_not_changed_by_others_that_go_on():
    schedule = replace(SCHEDULE, steps=200, learning_rate=0.1, patience=3)
    keys = (3, 4, 5)
    together = train_many(MODEL, [DATA, fresh, DATA], schedule, validation=FIXED, keys=keys)
    alone = train_many(MODEL, [DATA], schedule, validation=FIXED, keys=keys[:1])[0]
    assert len({result.num_iter for result in together}) > 1
    assert together[0].num_iter == alone.num_iter
    assert together[0].value == pytest.approx(alone.value, abs=1e-5)


@pytest.mark.parametrize("data", [DATA, fresh], ids=["fixed", "fresh"])
@pytest.mark.parametrize("patience", [None, 2])
def test_a_killed_run_ends_with_the_same_bits(tmp_path, data, patience):
    schedule = replace(SCHEDULE, steps=40, patience=patience)
    undisturbed = run(data=data, schedule=schedule)
    path = tmp_path / "run.npz"
    for step in (5, 10):
        with pytest.raises(Killed):
            run(data=data, schedule=schedule, checkpoint=path, progress=killed_at(step))
    steps = []
    resumed = run(data=data, schedule=schedule, checkpoint=path, progress=lambda step, *_: steps.append(step))
    assert steps[0] == 15
    assert same(undisturbed, resumed)
    # a finished one is read, not trained again
    again = run(data=data, schedule=schedule, checkpoint=path, progress=killed_at(steps[-1]))
    assert same(undisturbed, again)
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]


def test_several_runs_share_a_checkpoint(tmp_path):
    arguments = {"validation": FIXED, "keys": (0, 1)}
    undisturbed = train_many(MODEL, [DATA, fresh], SCHEDULE, **arguments)
    path = tmp_path / "run.npz"
    with pytest.raises(Killed):
        train_many(MODEL, [DATA, fresh], SCHEDULE, **arguments, checkpoint=path, progress=killed_at(5))
    resumed = train_many(MODEL, [DATA, fresh], SCHEDULE, **arguments, checkpoint=path)
    assert all(same(a, b) for a, b in zip(undisturbed, resumed, strict=True))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key": 4}, r"keys was \(3,\), now \(4,\)"),
        ({"schedule": replace(SCHEDULE, learning_rate=0.01)}, "learning_rate was 0.02, now 0.01"),
        ({"data": DATA[::-1]}, "data was"),
        ({"data": fresh}, "data was"),
        ({"validation": FIXED[:8]}, "validation was"),
        ({"mask": np.array([True, False, True, True])}, "mask was"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused_and_kept(tmp_path, change, words):
    path = tmp_path / "run.npz"
    run(checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=words) as raised:
        run(checkpoint=path, **change)
    assert str(path) in str(raised.value)
    assert "name another file" in str(raised.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "bits"])
def test_a_damaged_checkpoint_is_refused_and_kept(tmp_path, damage):
    path = tmp_path / "run.npz"
    run(checkpoint=path)
    whole = path.read_bytes()
    middle = len(whole) // 2
    damaged = {
        "truncated": whole[:middle],
        "empty": b"",
        "text": b"weights",
        "bits": whole[:middle] + bytes(b ^ 255 for b in whole[middle : middle + 64]) + whole[middle + 64 :],
    }[damage]
    path.write_bytes(damaged)
    with pytest.raises(CheckpointError, match="remove it to start again") as raised:
        run(checkpoint=path)
    assert str(path) in str(raised.value)
    assert path.read_bytes() == damaged


def test_another_version_of_the_state_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    run(checkpoint=path)
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files if "since" not in name}
    np.savez(path, **arrays)
    with pytest.raises(CheckpointError, match="another version"):
        run(checkpoint=path)


def test_an_existing_checkpoint_is_not_overwritten_unasked(tmp_path):
    path = tmp_path / "run.npz"
    run(checkpoint=path)
    with pytest.raises(FileExistsError, match="resume=True"):
        run(checkpoint=path, resume=False)


def test_what_is_masked_is_not_learnt():
    model, zeros = MODEL, np.zeros((16, 4), int)
    schedule = replace(SCHEDULE, steps=60, learning_rate=0.05)
    only_last = train(model, zeros, schedule, validation=zeros, mask=np.array([False, False, False, True]))
    law = np.exp(model.log_predictive(only_last.parameters, zeros[:1]))[0, :, 0]
    assert law[3] > 0.99
    assert only_last.value == pytest.approx(-np.log(law[3]), abs=1e-5)
    # targets that are masked do not matter
    other = zeros.copy()
    other[:, 3] = 1
    mask = np.array([True, True, True, False])
    a, b = (train(model, data, schedule, validation=data, mask=mask) for data in (zeros, other))
    assert same(a, b)


def test_progress_bar_goes_to_standard_error(capsys):
    run(progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "validation" in captured.err


def test_a_loss_that_overflows_is_an_error():
    with pytest.raises(TrainingDivergedError, match="lower learning_rate"):
        run(schedule=replace(SCHEDULE, warmup=0, learning_rate=1e38))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 21}, "give e.g. steps=25"),
        ({"steps": 0}, "steps is 0"),
        ({"batch": 0}, "batch is 0"),
        ({"warmup": 20}, "fewer than steps"),
        ({"learning_rate": 0.0}, "positive finite number"),
        ({"learning_rate": np.nan}, "NaN"),
        ({"betas": (0.9, 1.0)}, r"two numbers in \[0, 1\)"),
        ({"betas": (0.9,)}, "two numbers"),
        ({"patience": 0}, "patience is 0"),
    ],
)
def test_bad_schedules_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        replace(SCHEDULE, **change)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"data": DATA[:0]}, ValueError, "at least one sequence"),
        ({"data": DATA[:, :3]}, ValueError, "give both one length"),
        ({"data": lambda rng, count: DATA[:3]}, ValueError, "3 sequences instead of 4"),
        ({"data": DATA + 1}, IndexError, "data contains 2"),
        ({"data": DATA / 2}, TypeError, "data has dtype float64"),
        ({"validation": np.zeros((4, 5), int)}, ValueError, "larger context"),
        ({"validation": FIXED[0]}, ValueError, "one per row"),
        ({"mask": np.zeros(4, bool)}, ValueError, "at least one position"),
        ({"mask": np.ones(3, bool)}, ValueError, "one boolean per position"),
        ({"mask": np.ones(4)}, TypeError, "give booleans"),
        ({"key": -1}, ValueError, "keys is -1"),
    ],
)
def test_bad_arguments_are_refused(change, error, words):
    with pytest.raises(error, match=words):
        run(**change)


def test_runs_and_keys_must_match():
    with pytest.raises(ValueError, match="2 sets of data and 1 keys"):
        train_many(MODEL, [DATA, DATA], SCHEDULE, validation=FIXED, keys=[0])
    with pytest.raises(ValueError, match="at least one run"):
        train_many(MODEL, [], SCHEDULE, validation=FIXED, keys=[])


def test_learning_rate_rises_in_a_line_and_falls_in_a_cosine():
    rates = Schedule(100, warmup=10, learning_rate=0.5, evaluate_every=25).rates()
    assert rates[:11] == pytest.approx(0.05 * np.arange(11))
    assert rates[10:] == pytest.approx(0.25 * (1 + np.cos(np.pi * np.arange(90) / 90)))
