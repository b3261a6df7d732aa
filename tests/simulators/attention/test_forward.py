"""The forward pass in JAX against its twin in NumPy, and products with derivatives of their own."""

import numpy as np
import pytest

from tightbound.simulators.attention.model import SinkTransformer
from tightbound.simulators.attention.products import inner, linear, mix
from tightbound.theory.attention.architecture import Architecture
from tightbound.theory.attention.transformer import forward as reference

SMALL = {"vocabulary": 5, "context": 6, "width": 8, "heads": 2}
VARIANTS = [
    {"blocks": 2, "feed_forward": "swiglu", "norm": "post", "position": "rotary"},
    {"feed_forward": "gelu", "norm": "none", "position": "alibi", "heads": 1, "prefix": 3},
    {"feed_forward": "reglu", "position": "relative", "bias_slot": "off_by_one"},
    {"feed_forward": "swish", "position": "sinusoidal", "operation": "sigmoid", "logit_bias": -1.0},
    {"feed_forward": "geglu", "position": "bucket_index", "operation": "sigmoid", "normaliser": "none"},
    {"feed_forward": "relu", "operation": "relu", "normaliser": "max_abs", "window": 3},
    {"operation": "elu1", "bias_slot": "value", "normaliser": "none"},
    {"operation": "elu1", "scale": 0.5, "bias_slot": "key", "slot_value_norm": 2.0, "position": "rotary"},
    {"operation": "kernel_elu", "bias_slot": "key", "slot_value_norm": 2.0, "slot_direction": "diagonal"},
    {"operation": "identity", "normaliser": "none", "sink_token": True},
    {"operation": "mlp", "normaliser": "max_abs", "bias_slot": "key_value", "share_slot": True},
    {"normaliser": "power", "power": 2.0, "bias_slot": "key", "slot_dimensions": 2, "position": "alibi"},
]


@pytest.mark.parametrize("change", VARIANTS, ids=lambda change: "-".join(map(str, change.values())))
def test_every_intermediate_is_that_of_the_twin(change):
    model = SinkTransformer(Architecture(**(SMALL | change)), dtype="float64")
    rng = np.random.default_rng(0)
    weights = {name: value + 0.3 * rng.standard_normal(value.shape) for name, value in model.init(0).items()}
    tokens = rng.integers(5, size=(3, 6))
    found, expected = model.probe(weights, tokens), reference(model.architecture, weights, tokens)
    for name in ("logits", "scores", "queries", "keys", "values", "hidden", "residual"):
        np.testing.assert_allclose(found[name], getattr(expected, name), rtol=1e-11, atol=1e-11)
    outputs = found["scores"] @ found["values"]
    if change.get("bias_slot") == "value":
        outputs = outputs + weights["slot_value"][:, None, :, None]
    np.testing.assert_allclose(found["outputs"], outputs, rtol=1e-11, atol=1e-11)


def test_settings_take_the_place_of_numbers_of_the_architecture():
    base = {**SMALL, "bias_slot": "key"}
    model = SinkTransformer(Architecture(**base), dtype="float64", settings=("scale", "slot_value_norm"))
    plain = SinkTransformer(Architecture(**base, scale=0.5, slot_value_norm=3.0), dtype="float64")
    rng = np.random.default_rng(1)
    weights = plain.init(0) | {"readout": rng.standard_normal((8, 5))}
    tokens = rng.integers(5, size=(2, 6))
    assert model.frozen == ("scale", "slot_value_norm")
    assert float(model.init(0)["scale"]) == 1.0
    traced = model.probe(weights | {"scale": np.array(0.5), "slot_value_norm": np.array(3.0)}, tokens)
    np.testing.assert_allclose(traced["logits"], plain.probe(weights, tokens)["logits"], atol=1e-13)


def test_loss_leaves_the_first_token_out():
    import jax

    model = SinkTransformer(Architecture(**SMALL), dtype="float64")
    rng = np.random.default_rng(2)
    weights = model.init(0) | {"readout": rng.standard_normal((8, 5))}
    tokens, mask = rng.integers(5, size=(3, 6)), np.array([True, True, False, True, True, False])
    logs = model.log_predictive(weights, tokens)
    picked = np.take_along_axis(logs, tokens[:, 1:, None], axis=-1)[..., 0]
    with jax.enable_x64(True):
        found = float(jax.jit(model.loss)(weights, tokens, mask))
    assert found == pytest.approx(-picked[:, mask[1:]].mean(), abs=1e-13)
    assert np.exp(model.log_predictive(model.init(0), tokens)) == pytest.approx(0.2)


def test_products_have_the_derivatives_of_einsum():
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(3)
    cases = [
        (linear, "bnd,dk->bnk", (2, 3, 4), (4, 5)),
        (inner, "bhrd,bhcd->bhrc", (2, 3, 4, 5), (2, 3, 6, 5)),
        (mix, "bhrc,bhcd->bhrd", (2, 3, 4, 6), (2, 3, 6, 5)),
    ]
    with jax.enable_x64(True):
        for product, letters, left, right in cases:
            a, b = rng.standard_normal((2, *left)), rng.standard_normal((2, *right))

            def value(x, y, product=product):
                return jnp.sin(product(x, y)).sum()

            def plain(x, y, letters=letters):
                return jnp.sin(jnp.einsum(letters, x, y)).sum()

            for own, other in zip(
                *(jax.jit(jax.vmap(jax.grad(f, argnums=(0, 1))))(a, b) for f in (value, plain)), strict=True
            ):
                np.testing.assert_allclose(own, other, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"dtype": "float16"}, ValueError, "choose 'float32' or 'float64'"),
        ({"settings": ("power",)}, ValueError, "settings contains 'power'"),
        ({"fixed": ("slot_key",)}, ValueError, "fixed contains 'slot_key'"),
        ({"architecture": 3}, TypeError, "give an Architecture"),
        ({"embedding_scale": 0.0}, ValueError, "positive finite"),
    ],
)
def test_bad_models_are_refused(change, error, words):
    with pytest.raises(error, match=words):
        SinkTransformer(**({"architecture": Architecture(**SMALL)} | change))
