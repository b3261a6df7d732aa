"""Training: it learns, stops, and goes on from a checkpoint as if nothing had happened."""

from dataclasses import replace

import numpy as np
import pytest

from tightbound.simulators.language_models.causal_transformer import CausalTransformer
from tightbound.simulators.language_models.checkpoint import CheckpointError
from tightbound.simulators.language_models.schedule import OwnRate, Schedule
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
        ({"weight_decay": -1.0}, "weight_decay is -1.0"),
        ({"clip": 0.0}, "clip is 0.0"),
        ({"eps": 0.0}, "eps is 0.0"),
        ({"decay": "linear"}, "choose 'cosine' or 'constant'"),
        ({"optimiser": "lion"}, "choose 'adam' or 'sgd'"),
        ({"keep": "first"}, "choose 'best' or 'last'"),
        ({"keep": "last", "patience": 2}, "leave patience out"),
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
        ({"initial": {"token": np.zeros((3, 4))}}, ValueError, "initial lacks or adds down, "),
        ({"initial": MODEL.init(0) | {"up": np.zeros(3)}}, ValueError, r"initial\['up'\] has shape"),
        ({"initial": MODEL.init(0) | {"up": np.full((1, 4, 16), np.nan)}}, ValueError, "NaN or infinite"),
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


def test_runs_with_rates_of_their_own_are_those_trained_alone():
    settings = [
        replace(SCHEDULE, learning_rate=rate, warmup=warmup, weight_decay=decay, clip=clip, eps=eps)
        for rate, warmup, decay, clip, eps in [(0.02, 2, 0.0, None, 1e-8), (0.05, 4, 0.3, 0.5, 1e-3)]
    ]
    together = train_many(MODEL, [DATA, DATA], settings, validation=FIXED, keys=[0, 1])
    alone = train_many(MODEL, [DATA], settings[1], validation=FIXED, keys=[1])[0]
    assert together[1].value == pytest.approx(alone.value, abs=1e-6)
    assert together[0].value != pytest.approx(together[1].value, abs=1e-3)
    mixed = [SCHEDULE, replace(SCHEDULE, batch=2)]
    with pytest.raises(ValueError, match="schedules differ in more than learning_rate"):
        train_many(MODEL, [DATA, DATA], mixed, validation=FIXED, keys=[0, 1])
    with pytest.raises(ValueError, match="there are 1 schedules and 2 keys"):
        train_many(MODEL, [DATA, DATA], [SCHEDULE], validation=FIXED, keys=[0, 1])


def plain_steps(model, weights, schedule, batches):
    """The same steps with optax, parameter by parameter."""
    import jax
    import optax

    own = schedule.own_rate
    rates, moments, slope = schedule.rates(), {}, jax.jit(jax.grad(model.loss))
    for step, tokens in enumerate(batches):
        with jax.enable_x64(True):
            slopes = slope(weights, tokens, np.ones(tokens.shape[1], bool))
            if schedule.clip is not None:
                clip = optax.clip_by_global_norm(schedule.clip)
                slopes, _ = clip.update(slopes, clip.init(slopes))
            for name in weights:
                factor = own if own is not None and own.parameter == name else OwnRate("")
                rule = (
                    optax.scale_by_adam(*schedule.betas, eps=schedule.eps * factor.eps)
                    if schedule.optimiser == "adam"
                    else optax.identity()
                )
                before = moments.get(name, rule.init(weights[name]))
                change, moments[name] = rule.update(slopes[name], before)
                change = change + schedule.weight_decay * factor.weight_decay * weights[name]
                weights = weights | {name: weights[name] - rates[step] * factor.learning_rate * change}
    return weights


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_steps_are_those_of_optax(optimiser):
    model = CausalTransformer(vocabulary=2, context=4, width=4, blocks=1, heads=1, dtype="float64")
    schedule = replace(
        SCHEDULE,
        steps=4,
        evaluate_every=2,
        decay="constant",
        weight_decay=0.2,
        clip=0.05,
        eps=1e-3,
        optimiser=optimiser,
        keep="last",
        own_rate=OwnRate("mix", 2.0, 0.5, 3.0),
    )
    drawn = []

    def noted(rng, count):
        drawn.append(fresh(rng, count))
        return drawn[-1]

    initial = model.init(7) | {"readout": np.random.default_rng(2).standard_normal((4, 2))}
    result = train(model, noted, schedule, validation=FIXED, initial=initial)
    batches = np.concatenate(drawn[1:]).reshape(4, 4, 4)  # the first draw only names the data
    expected = plain_steps(model, initial, schedule, batches)
    for name, value in result.parameters.items():
        np.testing.assert_allclose(value, expected[name], atol=1e-12)
    assert result.best_step == result.num_iter == 4


def mean_weights(parameters, tokens):
    """What the test below watches."""
    return {"mean": parameters["token"].mean(), "first": tokens[0]}


def test_what_is_watched_is_kept_and_survives_a_kill(tmp_path):
    undisturbed = run(watch=mean_weights)
    seen = undisturbed.history.watched
    assert seen["mean"].shape == (4,)
    assert np.array_equal(seen["first"], np.tile(FIXED[0], (4, 1)))
    kept = undisturbed.history.step.tolist().index(undisturbed.best_step)
    assert seen["mean"][kept] == pytest.approx(undisturbed.parameters["token"].mean(), abs=1e-6)
    path = tmp_path / "run.npz"
    with pytest.raises(Killed):
        run(watch=mean_weights, checkpoint=path, progress=killed_at(10))
    resumed = run(watch=mean_weights, checkpoint=path)
    assert same(undisturbed, resumed)
    assert np.array_equal(resumed.history.watched["mean"], seen["mean"])
    with pytest.raises(CheckpointError, match="watch was"):
        run(checkpoint=path)


def test_constant_rates_rise_in_a_line_and_stay():
    rates = Schedule(100, warmup=10, learning_rate=0.5, decay="constant").rates()
    assert rates[:11] == pytest.approx(0.05 * np.arange(11))
    assert np.all(rates[10:] == 0.5)
    with pytest.raises(ValueError, match="eps is 0"):
        OwnRate("mix", eps=0.0)


def test_learning_rate_rises_in_a_line_and_falls_in_a_cosine():
    rates = Schedule(100, warmup=10, learning_rate=0.5, evaluate_every=25).rates()
    assert rates[:11] == pytest.approx(0.05 * np.arange(11))
    assert rates[10:] == pytest.approx(0.25 * (1 + np.cos(np.pi * np.arange(90) / 90)))
