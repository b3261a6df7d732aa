import numpy as np
import pytest

from tightbound.simulators.video.one_step_denoise import DriftAndBurst, draw_videos, separation


def test_a_frame_that_sees_itself_alone_keeps_the_noise():
    videos = draw_videos(DriftAndBurst(), 0.5, 50, rng=0)
    slow, fast = videos.errors(np.broadcast_to(np.eye(64), (50, 64, 64)))
    assert slow.mean() == pytest.approx(0.25, rel=0.02)
    assert fast.mean() == pytest.approx(0.25, rel=0.03)


def test_clean_frames_have_the_length_they_should():
    model = DriftAndBurst()
    clean = draw_videos(model, 0.5, 3, rng=0).clean
    sizes = np.linalg.norm(clean, axis=-1) / np.sqrt(model.dim)
    np.testing.assert_allclose(sizes[:, ~model.fast], 1.0)
    np.testing.assert_allclose(sizes[:, model.fast], np.sqrt(2.0))


def test_slow_frames_drift_and_fast_ones_jump():
    model = DriftAndBurst()
    clean = draw_videos(model, 0.5, 2, rng=1).clean
    steps = np.linalg.norm(np.diff(clean, axis=1), axis=-1) / np.sqrt(model.dim)
    inside = model.fast[1:] & model.fast[:-1]
    assert steps[:, inside].min() > 2.0
    assert steps[:, ~model.fast[1:] & ~model.fast[:-1]].max() < 0.06


def test_logits_carry_the_bias_of_the_noise_on_the_diagonal():
    model, noise = DriftAndBurst(), 1.0
    videos = draw_videos(model, noise, 300, rng=2)
    clean = videos.clean @ videos.clean.swapaxes(1, 2) / np.sqrt(model.dim)
    excess = (videos.logits - clean).mean(axis=0)
    assert np.diag(excess).mean() == pytest.approx(noise**2 * np.sqrt(model.dim), rel=0.02)
    assert excess[~np.eye(64, dtype=bool)].mean() == pytest.approx(0.0, abs=0.02)


def test_separation_is_the_area_under_the_curve():
    positive = np.array([True, True, False])
    np.testing.assert_allclose(
        separation(np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0], [1.0, 1.0, 1.0]]), positive), [1.0, 0.0, 0.5]
    )


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"frames": 1}, ValueError),
        ({"dim": 2}, ValueError),
        ({"last": 65}, ValueError),
        ({"first": 30, "last": 30}, ValueError),
        ({"first": 0, "last": 64}, ValueError),
        ({"turns": 0.0}, ValueError),
        ({"jump": -1.0}, ValueError),
        ({"jump": np.nan}, ValueError),
        ({"jump": "high"}, ValueError),
    ],
)
def test_bad_models(options, error):
    with pytest.raises(error):
        DriftAndBurst(**options)


def test_bad_arguments():
    with pytest.raises(ValueError, match="noise"):
        draw_videos(DriftAndBurst(), 0.0, 2, rng=0)
    with pytest.raises(ValueError, match="weights has shape"):
        draw_videos(DriftAndBurst(), 1.0, 2, rng=0).errors(np.eye(64))
