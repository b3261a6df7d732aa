"""Drafts that learn the target's laws: the loss, its slope, and what is compared."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.language_models.schedule import Schedule
from tightbound.simulators.language_models.trainable_llama import OffsetTexts
from tightbound.simulators.language_models.training import snapshot, train
from tightbound.simulators.speculative.distilled_long_spec import DistilledLongSpec, cross_entropy
from tightbound.simulators.speculative.trainable_long_spec import TrainableLongSpec

CONFIG = LlamaConfig(
    vocabulary=37, context=64, width=16, inner=24, layers=4, heads=4, kv_heads=2, head_size=4
)
LENGTH = 12


@pytest.fixture(scope="module")
def target():
    return Llama.random(CONFIG, rng=0)


@pytest.fixture(scope="module")
def draft(target):
    return TrainableLongSpec(target, window=8, inner=24, length=LENGTH, longest=64)


def sequences(count, lags=(1, 4)):
    return OffsetTexts(np.random.default_rng(1).integers(37, size=300), LENGTH, 64, lags)(
        np.random.default_rng(2), count
    )


def laws(target, draft, weights, one, lag):
    text = one[np.newaxis, 2:]
    places = np.r_[:4, 4 + one[0] : LENGTH + one[0]][np.newaxis]
    p = softmax(target.forward(target.start(1), text, positions=places), axis=-1)[0]
    q = log_softmax(np.asarray(draft.logits(weights, text, lag, int(one[0]))), axis=-1)[0]
    return p, q


@pytest.mark.parametrize(("precision", "rows", "error"), [("float32", 5, 1e-5), ("bfloat16", 64, 2e-2)])
def test_loss_is_the_cross_entropy_of_both_laws(target, draft, precision, rows, error):
    import jax

    model, given, weights = DistilledLongSpec(draft, precision, rows), sequences(3), draft.init(3)
    mask = np.ones(2 + LENGTH, bool)
    mask[:5] = False
    with jax.enable_x64(True):
        found = float(jax.jit(model.loss)(weights | model.constants, given, mask))
    told = []
    for one in given:
        p, q = laws(target, draft, weights, one, int(one[1]))
        told.append(-(p * q).sum(axis=-1)[3:].mean())
    assert found == pytest.approx(np.mean(told), rel=error)


def test_the_slope_is_that_of_the_value():
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    drafted, asked = rng.standard_normal((2, 2, 7, 5)).astype(np.float32)
    head = rng.standard_normal((11, 5)).astype(np.float32)
    weights = rng.uniform(size=(2, 7)).astype(np.float32)

    def plain(states):
        law = jax.nn.softmax(asked @ head.T)
        return -(weights[..., None] * law * jax.nn.log_softmax(states @ head.T)).sum()

    def chunked(states):
        return cross_entropy(states, jnp.asarray(asked), head, jnp.asarray(weights), 4)

    expected, slope = jax.value_and_grad(plain)(drafted)
    found, own = jax.value_and_grad(chunked)(jnp.asarray(drafted))
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    np.testing.assert_allclose(own, slope, atol=1e-5)


def test_laws_are_compared_by_lag_and_by_text(target, draft):
    import jax

    model, given, weights = DistilledLongSpec(draft, rows=7), sequences(2), draft.init(3)
    found = jax.jit(model.by_lag)(weights | model.constants, given)
    texts = jax.jit(model.by_text)(weights | model.constants, given)

    def means(one, lag):
        p, q = laws(target, draft, weights, one, lag)
        same = (p.argmax(axis=-1) == q.argmax(axis=-1)).mean()
        return np.minimum(p, np.exp(q)).sum(axis=-1).mean(), same, -(p * q).sum(axis=-1).mean()

    for lag in (1, 5):
        told = np.mean([means(one, lag) for one in given], axis=0)
        own = [found[name][lag - 1] for name in ("overlap", "agreement", "loss")]
        assert own == pytest.approx(told, rel=1e-4)
    for row, one in enumerate(given):
        own = [texts[name][row] for name in ("overlap", "agreement", "loss")]
        assert own == pytest.approx(means(one, int(one[1])), rel=1e-4)


def test_no_large_array_is_part_of_the_program_and_none_is_in_float64(draft):
    import jax

    model, given = DistilledLongSpec(draft, "bfloat16"), sequences(2)
    with jax.enable_x64(True):
        lowered = jax.jit(jax.value_and_grad(model.loss)).lower(
            draft.init(0) | model.constants, given.astype(np.int32), np.ones(2 + LENGTH, bool)
        )
    assert "xf64" not in lowered.as_text()
    assert {str(array.dtype) for array in model.constants.values()} == {"bfloat16"}


def test_training_lowers_the_loss_and_a_snapshot_shows_its_weights(draft, tmp_path):
    model = DistilledLongSpec(draft, "bfloat16")
    path, validation = tmp_path / "checkpoint.npz", sequences(4)
    sampler = OffsetTexts(np.arange(300) % 37, LENGTH, 64, (1, 4))
    schedule = Schedule(20, batch=4, evaluate_every=10, warmup=3, learning_rate=1e-2, clip=1.0)
    found = train(
        model,
        sampler,
        schedule,
        validation=validation,
        initial=draft.init_from_target(),
        watch=model.by_lag,
        checkpoint=path,
    )
    assert found.value < found.history.validation[0]
    weights, watched = snapshot(path)
    for name, array in found.parameters.items():
        np.testing.assert_array_equal(weights[name], array)
    np.testing.assert_array_equal(watched["agreement"], found.history.watched["agreement"][-1])
    draft.block(weights).check(draft.target)


@pytest.mark.parametrize(("how", "message"), [({"precision": "float16"}, "precision"), ({"rows": 0}, "rows")])
def test_bad_settings_are_refused(draft, how, message):
    with pytest.raises(ValueError, match=message):
        DistilledLongSpec(draft, **how)
