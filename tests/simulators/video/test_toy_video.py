import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.video.toy_pictures import ToyPictures
from tightbound.simulators.video.toy_video import Story, ToyVideo, disk_then_square, sample_toy_videos
from tightbound.theory.video.prompt_alignment import aligned_slots, concatenated_slots
from tightbound.theory.video.prompt_blend import BlendGate
from tightbound.theory.video.reweighting import attention_weights

SMALL = ToyPictures(frames=4, pixels=8, colours=3, skies=3)
ALWAYS, NEVER = BlendGate(depth=0), BlendGate()


def _dictionary(pictures):
    return pictures.render().transpose(0, 1, 4, 2, 3).reshape(pictures.frames, -1, 3, pictures.pixels**2)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_distances_and_means_are_those_of_the_pictures(seed):
    rng = np.random.default_rng(seed)
    every = _dictionary(SMALL)
    latent = rng.standard_normal((4, 2, 3, 64))
    expected = ((latent[:, :, None] - every[:, None]) ** 2).sum(axis=(-2, -1))
    np.testing.assert_allclose(SMALL.squared_distances(latent), expected, rtol=1e-12)
    weights = rng.dirichlet(np.ones(every.shape[1]), size=(4, 2))
    np.testing.assert_allclose(SMALL.mean(weights), np.einsum("nrj,njcp->nrcp", weights, every), atol=1e-13)


def test_the_nearest_picture_of_a_picture_is_itself():
    videos = SMALL.render().swapaxes(0, 1)
    index, distance = SMALL.nearest(videos)
    # colours and shapes differ in every picture
    np.testing.assert_array_equal(index, np.repeat(np.arange(len(videos))[:, None], 4, axis=1))
    assert distance.max() < 1e-6


def test_a_square_covers_more_than_a_disk_and_moves_right():
    disk, square = SMALL.masks[:, 0], SMALL.masks[:, -2]
    assert (square.sum(axis=1) > disk.sum(axis=1)).all()
    columns = SMALL.masks.reshape(4, -1, 8, 8).sum(axis=2)
    centres = (columns * np.arange(8)).sum(axis=-1) / columns.sum(axis=-1)
    assert (np.diff(centres, axis=0) > 0).all()


def _story(gate, slots=aligned_slots, span=(2, 5)):
    prompts = disk_then_square()
    return Story(prompts, [span], slots(prompts.lengths), gate)


def test_a_story_reads_the_prompts():
    asked = _story(ALWAYS).reading(8, 0)
    np.testing.assert_allclose(asked[0], [-1.0, -1.0, -1.0], atol=0.02)
    np.testing.assert_allclose(asked[-1], [1.0, 1.0, -1.0], atol=0.02)
    np.testing.assert_allclose(asked[:, 2], asked[0, 2], atol=1e-12)
    assert _story(ALWAYS, concatenated_slots).reading(8, 0)[:, 2].max() > -0.5


def test_videos_show_what_was_asked_for():
    model = ToyVideo(ToyPictures(frames=8))
    videos = sample_toy_videos(model, _story(NEVER), attention_weights, 3, rng=0)
    codes = model.pictures.codes[model.pictures.nearest(videos)[0]]
    assert (codes[:, 0, 2] < 0).all()
    assert (codes[:, -1, 2] > 0).all()
    np.testing.assert_array_equal(codes[..., 3], -1.0)
    assert model.pictures.nearest(videos)[1].max() < 0.15


def test_equal_seeds_give_equal_videos():
    model = ToyVideo(ToyPictures(frames=4, pixels=8), steps=5)
    story = _story(NEVER, span=(1, 2))
    first, second = (sample_toy_videos(model, story, attention_weights, 2, rng=7) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    "options", [{"frames": 1}, {"pixels": 3}, {"shapes": 1}, {"sizes": ()}, {"sizes": (0.0,)}]
)
def test_bad_pictures(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        ToyPictures(**options)


@pytest.mark.parametrize(
    "options", [{"prompt_spread": 0.0}, {"reach": np.nan}, {"steps": 0}, {"largest_noise": 0.01}]
)
def test_bad_models(options):
    with pytest.raises(ValueError, match="give"):
        ToyVideo(**options)


def test_a_story_that_is_longer_than_the_video():
    with pytest.raises(ValueError, match="ends at frame 5 of 4"):
        sample_toy_videos(ToyVideo(SMALL), _story(NEVER), attention_weights, 1, rng=0)
