import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.video.consistency import (
    adjacent_cosine,
    distance_to_data,
    flicker,
    motion_smoothness,
    nearest,
    subject_consistency,
    switch_rate,
)

SCORES = (adjacent_cosine, subject_consistency, motion_smoothness)


def _video(seed, frames=7, dim=4):
    return np.random.default_rng(seed).standard_normal((frames, dim)) + 0.1


def test_a_still_video_has_the_best_score_of_all():
    still = np.tile(_video(0, frames=1), (6, 1))
    for score in SCORES:
        assert score(still) == pytest.approx(1.0)
    assert flicker(still) == 0.0
    # which is why it is read beside the distance to the data
    assert distance_to_data(still, [[5.0, 5.0, 5.0, 5.0]]) > 4.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_cosines_ignore_scale_and_the_others_follow_it(seed, scale):
    video = _video(seed)
    for score in SCORES:
        assert score(scale * video) == pytest.approx(float(score(video)), abs=1e-12)
    assert flicker(scale * video) == pytest.approx(scale * float(flicker(video)))


def test_leading_axes_are_videos():
    videos = np.stack([_video(1), _video(2)])
    for score in (*SCORES, flicker):
        np.testing.assert_allclose(score(videos), [float(score(video)) for video in videos], rtol=1e-14)


def test_alternation_is_neither_smooth_nor_alike():
    video = np.where(np.arange(8) % 2 == 0, 1.0, -1.0)[:, None] * np.ones(3)
    assert adjacent_cosine(video) == pytest.approx(-1.0)
    assert motion_smoothness(video) == pytest.approx(-1.0)
    assert flicker(video) == pytest.approx(2.0)
    # half of the cosines to the first frame are clipped: 0 or 1, and all to the one before are
    assert subject_consistency(video) == pytest.approx(3 / 14)


def test_switches_are_counted_between_neighbours():
    assert switch_rate([1, 1, 1]) == 0.0
    np.testing.assert_allclose(switch_rate([[0, 1, 0], [0, 0, 1]]), [1.0, 0.5])


def test_nearest_and_its_distance():
    data = np.array([[0.0, 0.0], [3.0, 4.0]])
    video = np.array([[3.0, 4.5], [0.0, 0.25], [3.0, 4.0]])
    np.testing.assert_array_equal(nearest(video, data), [1, 0, 1])
    assert distance_to_data(video, data) == pytest.approx(0.25)


@pytest.mark.parametrize("score", [*SCORES, flicker])
def test_too_few_frames_or_none(score):
    with pytest.raises(ValueError, match="at least"):
        score([[1.0, 2.0]])
    with pytest.raises(ValueError, match="NaN"):
        score([[1.0], [np.nan], [1.0]])
    with pytest.raises(TypeError):
        score("video")


def test_frames_without_a_direction():
    with pytest.raises(ValueError, match="all zero"):
        adjacent_cosine([[1.0, 0.0], [0.0, 0.0]])
    with pytest.raises(ValueError, match="every second frame is zero"):
        motion_smoothness([[1.0], [0.0], [1.0]])


def test_extreme_scales_do_not_turn_into_nan():
    assert adjacent_cosine([[1e-300, 0.0], [1e-300, 1e-300]]) == pytest.approx(np.sqrt(0.5))
    assert adjacent_cosine([[1e300, 0.0], [1e300, 1e300]]) == pytest.approx(np.sqrt(0.5))
    for scale in (1e-300, 1e300):
        assert motion_smoothness([[scale], [scale], [-scale]]) == pytest.approx(0.0)
        assert flicker([[scale], [-scale]]) == pytest.approx(2.0 * scale)
        assert distance_to_data([[scale, 0.0]], [[0.0, scale]]) == pytest.approx(np.sqrt(2.0) * scale)


def test_bad_labels_and_data():
    with pytest.raises(TypeError, match="integer"):
        switch_rate([0.0, 1.0])
    with pytest.raises(ValueError, match="at least 2 frames"):
        switch_rate([1])
    with pytest.raises(ValueError, match="data has shape"):
        distance_to_data([[1.0, 2.0]], [[1.0]])
