from functools import partial

import numpy as np
import pytest
from scipy.special import softmax

from tightbound.simulators.video.consistency_sampler import (
    IdentityModel,
    draw_identities,
    frame_logits,
    posterior_mean,
    sample_identities,
)
from tightbound.theory.video.reweighting import attention_weights, reduce_diagonal

SMALL = IdentityModel(frames=10, dim=5, identities=3, steps=8)


def _alone(logits):
    return np.broadcast_to(np.eye(logits.shape[-1]), logits.shape)


def test_the_posterior_mean_is_that_of_bayes_rule():
    rng = np.random.default_rng(0)
    known, latent = rng.standard_normal((3, 5)), rng.standard_normal((4, 5))
    spread, noise = 0.4, 0.7
    found = posterior_mean(latent, known, spread, noise)
    for z, mean in zip(latent, found, strict=True):
        likely = softmax([-((z - mu) ** 2).sum() / (2 * (spread**2 + noise**2)) for mu in known])
        each = [(noise**2 * mu + spread**2 * z) / (spread**2 + noise**2) for mu in known]
        np.testing.assert_allclose(mean, likely @ each, atol=1e-13)


def test_frames_that_see_themselves_alone_look_like_the_data():
    model = IdentityModel(steps=100, smallest_noise=0.005)
    known, noise = draw_identities(model, 20, rng=0)
    scores = sample_identities(model, known, noise, _alone).scores()
    # tau E chi_d, and identities that are drawn independently with chance 1/6 each
    assert scores["distance"].mean() == pytest.approx(0.1 * np.sqrt(31.5), rel=0.05)
    assert scores["switch_rate"].mean() == pytest.approx(5 / 6, abs=0.03)


def test_runs_do_not_depend_on_those_beside_them():
    known, noise = draw_identities(SMALL, 4, rng=1)
    edit = partial(reduce_diagonal, reduction=3.0)
    all_at_once = sample_identities(SMALL, known, noise, edit).frames
    alone = sample_identities(SMALL, known[2:3], noise[2:3], edit).frames
    np.testing.assert_allclose(all_at_once[2:3], alone, atol=1e-12)


def test_equal_seeds_give_equal_draws():
    for first, second in zip(draw_identities(SMALL, 2, rng=5), draw_identities(SMALL, 2, rng=5), strict=True):
        np.testing.assert_array_equal(first, second)
    known, _ = draw_identities(SMALL, 2, rng=5)
    np.testing.assert_allclose(np.linalg.norm(known, axis=-1), SMALL.radius)


def test_uniform_attention_leaves_one_identity():
    known, noise = draw_identities(SMALL, 3, rng=2)
    scores = sample_identities(SMALL, known, noise, lambda logits: np.full(logits.shape, 0.1)).scores()
    np.testing.assert_array_equal(scores["shown"], 1.0)
    np.testing.assert_array_equal(scores["switch_rate"], 0.0)


def test_logits_are_cosines():
    latent = np.random.default_rng(3).standard_normal((2, 4, 5))
    logits = frame_logits(latent, 8.0)
    np.testing.assert_allclose(np.diagonal(logits, axis1=1, axis2=2), 8.0)
    assert np.abs(logits).max() <= 8.0 + 1e-12


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"frames": 2}, ValueError),
        ({"identities": 0}, ValueError),
        ({"dim": 3.5}, TypeError),
        ({"spread": 0.0}, ValueError),
        ({"radius": np.nan}, ValueError),
        ({"smallest_noise": 5.0}, ValueError),
        ({"steps": 0}, ValueError),
    ],
)
def test_bad_models(options, error):
    with pytest.raises(error):
        IdentityModel(**options)


def test_arrays_that_do_not_fit():
    known, noise = draw_identities(SMALL, 2, rng=0)
    with pytest.raises(ValueError, match="identities has shape"):
        sample_identities(SMALL, known[:1], noise, attention_weights)
    with pytest.raises(ValueError, match="noise has shape"):
        sample_identities(SMALL, known, noise[:, :5], attention_weights)
    with pytest.raises(ValueError, match="edit returned shape"):
        sample_identities(SMALL, known, noise, lambda logits: logits[0])
    with pytest.raises(ValueError, match="replications is 0"):
        draw_identities(SMALL, 0, rng=0)
