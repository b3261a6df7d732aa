import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.video.prompt_alignment import aligned_slots, repetition_correction
from tightbound.theory.video.prompt_blend import BlendGate, blend_schedule, prompt_blend, switch_schedule

ALWAYS, NEVER = BlendGate(depth=0), BlendGate()


@st.composite
def stories(draw):
    frames = draw(st.integers(2, 30))
    cuts = sorted(draw(st.lists(st.integers(0, frames - 1), min_size=0, max_size=8, unique=True)))
    return frames, list(zip(cuts[::2], cuts[1::2], strict=False))


@settings(max_examples=50, deadline=None)
@given(stories())
def test_weights_are_shares_that_move_forward(story):
    frames, transitions = story
    for schedule in (blend_schedule, switch_schedule):
        weights = schedule(frames, transitions)
        assert weights.shape == (frames, len(transitions) + 1)
        assert weights.min() >= 0.0
        np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-14)
        # from any prompt on, the share of the prompts to come never falls
        assert (np.diff(weights[:, ::-1].cumsum(axis=1)[:, :-1], axis=0) >= -1e-14).all()
        for index, (end, start) in enumerate(transitions):
            assert weights[end, index] == 1.0
            assert weights[start, index + 1] == 1.0


def test_the_schedule_is_linear_inside_and_whole_outside():
    weights = blend_schedule(10, [(2, 6)])[:, 1]
    np.testing.assert_allclose(weights, [0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1, 1], atol=1e-15)
    np.testing.assert_array_equal(switch_schedule(10, [(2, 6)])[:, 1], [0] * 6 + [1] * 4)


def test_neighbouring_frames_make_a_hard_switch():
    np.testing.assert_array_equal(blend_schedule(4, [(1, 2)]), switch_schedule(4, [(1, 2)]))


def test_one_prompt_needs_no_transition():
    text = np.random.default_rng(0).standard_normal((1, 3, 4))
    read = prompt_blend(text, [], frames=5, gate=ALWAYS, step=0, depth=0)
    np.testing.assert_array_equal(read, np.repeat(text, 5, axis=0))


@pytest.mark.parametrize("step", [0, 4, 5, 9, 10])
@pytest.mark.parametrize("depth", [0, 2, 3])
def test_the_gate_opens_late_or_deep(step, depth):
    gate = BlendGate(steps=(5, 9), depth=3)
    assert gate.is_open(step=step, depth=depth) == (5 <= step <= 9 or depth >= 3)
    assert not NEVER.is_open(step=step, depth=depth)
    assert ALWAYS.is_open(step=step, depth=depth)


def test_a_gate_reads_the_blend_inside_and_one_prompt_outside():
    texts = np.random.default_rng(1).standard_normal((2, 6, 8))
    gate = BlendGate(steps=(3, 5))
    outside = prompt_blend(texts, [(1, 5)], frames=7, gate=gate, step=2, depth=0)
    np.testing.assert_array_equal(outside, texts[[0, 0, 0, 0, 0, 1, 1]])
    inside = prompt_blend(texts, [(1, 5)], frames=7, gate=gate, step=3, depth=0)
    np.testing.assert_allclose(inside[2], 0.75 * texts[0] + 0.25 * texts[1], atol=1e-15)


def test_corrections_blend_like_one_more_coordinate():
    lengths = [[1, 2], [3, 2]]
    slots = aligned_slots(lengths)
    correction = repetition_correction(slots)
    read = prompt_blend(correction[..., None], [(0, 2)], frames=3, gate=ALWAYS, step=0, depth=0)[..., 0]
    np.testing.assert_allclose(read, [correction[0], correction.mean(axis=0), correction[1]], atol=1e-15)


@pytest.mark.parametrize(
    ("transitions", "error", "words"),
    [
        ([(4, 4)], ValueError, r"transitions\[0\]\[1\]"),
        ([(4, 2)], ValueError, r"transitions\[0\]\[1\]"),
        ([(-1, 2)], ValueError, r"transitions\[0\]\[0\]"),
        ([(2, 10)], ValueError, "ends at frame 10 of 10"),
        ([(1, 4), (3, 6)], ValueError, r"transitions\[1\]\[0\]"),
        ([(1.0, 4)], TypeError, "integer"),
        ([3], TypeError, r"transitions\[0\] is 3"),
        ([(1, 2, 3)], TypeError, r"transitions\[0\]"),
    ],
)
def test_bad_transitions(transitions, error, words):
    with pytest.raises(error, match=words):
        blend_schedule(10, transitions)


def test_bad_frames():
    with pytest.raises(ValueError, match="frames is 0"):
        blend_schedule(0, [])


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"steps": (5, 2)}, ValueError),
        ({"steps": (-1, 2)}, ValueError),
        ({"steps": 5}, TypeError),
        ({"steps": (1.5, 2)}, TypeError),
        ({"depth": -1}, ValueError),
        ({"depth": True}, TypeError),
    ],
)
def test_bad_gates(options, error):
    with pytest.raises(error):
        BlendGate(**options)


def test_bad_embeddings():
    texts = np.zeros((2, 3, 4))
    with pytest.raises(ValueError, match="one more than transitions"):
        prompt_blend(texts, [], frames=4, gate=ALWAYS, step=0, depth=0)
    with pytest.raises(ValueError, match="NaN"):
        prompt_blend(texts * np.nan, [(0, 1)], frames=4, gate=ALWAYS, step=0, depth=0)
    with pytest.raises(TypeError, match="BlendGate"):
        prompt_blend(texts, [(0, 1)], frames=4, gate=None, step=0, depth=0)
    with pytest.raises(ValueError, match="step is -1"):
        prompt_blend(texts, [(0, 1)], frames=4, gate=NEVER, step=-1, depth=0)
