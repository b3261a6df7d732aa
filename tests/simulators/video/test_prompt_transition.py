import numpy as np
import pytest

from tightbound.simulators.video.prompt_transition import Block, PromptTransition, drift, jumps
from tightbound.simulators.video.structured_prompts import StructuredPrompts
from tightbound.theory.video.linear_gaussian_denoiser import (
    LinearGaussianDenoiser,
    geometric_noise_levels,
    prompt_weights,
)
from tightbound.theory.video.prompt_alignment import aligned_slots, concatenated_slots
from tightbound.theory.video.prompt_blend import BlendGate

LENGTHS = [[1, 1, 2, 1, 1], [3, 1, 2, 1, 1]]
LEVELS = geometric_noise_levels(4.0, 0.05, 12)
ALWAYS, NEVER = BlendGate(depth=0), BlendGate()


@pytest.fixture
def transition():
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((6, 4)), rng.standard_normal((8, 4))
    second[4:6] = first[2:4]
    # so sharp that a query reads its own component and nothing else
    prompts = StructuredPrompts(LENGTHS, [first, second], sharpness=60.0)
    return PromptTransition(prompts, [(3, 8)], 12, LEVELS)


def test_a_query_reads_the_mean_of_its_component(transition):
    prompts = transition.prompts
    for slots in (aligned_slots(LENGTHS), concatenated_slots(LENGTHS)):
        texts = prompts.embeddings(slots)
        np.testing.assert_allclose(
            prompts.read(texts, "time"), np.repeat(prompts.contents[0][2:4].mean(0)[None], 2, 0), atol=1e-12
        )
        np.testing.assert_allclose(
            prompts.read(texts, "subject"),
            [prompts.contents[0][0], prompts.contents[1][:3].mean(0)],
            atol=1e-12,
        )


def test_a_hard_switch_holds_each_prompt(transition):
    found = transition.sample(aligned_slots(LENGTHS), NEVER)
    weight = prompt_weights(LinearGaussianDenoiser(0.2, LEVELS))[0].sum()
    first, second = transition.prompts.contents
    np.testing.assert_allclose(found["detail"][:8], np.tile(weight * first[0], (8, 1)), atol=1e-12)
    np.testing.assert_allclose(found["detail"][8:], np.tile(weight * second[:3].mean(0), (4, 1)), atol=1e-12)


def test_alignment_keeps_the_shared_block(transition):
    aligned = transition.sample(aligned_slots(LENGTHS), ALWAYS)["light"]
    written = transition.sample(concatenated_slots(LENGTHS), ALWAYS)["light"]
    assert drift(aligned).max() < 1e-12
    assert drift(written).max() > 0.05


def test_a_leak_moves_the_layout_with_the_decoder(transition):
    gate, slots = BlendGate(depth=1), aligned_slots(LENGTHS)
    tight = transition.sample(slots, gate)["layout"]
    loose = PromptTransition(transition.prompts, [(3, 8)], 12, LEVELS, leak=0.25)
    leaky = loose.sample(slots, gate)["layout"]
    assert drift(tight)[:8].max() == 0.0
    whole = drift(leaky)[-1]
    shares = np.array([0.0, 0.05, 0.1, 0.15, 0.2, 1.0])
    np.testing.assert_allclose(drift(leaky)[3:9], shares * whole, atol=1e-12)


def test_jumps_and_drift():
    path = np.array([[0.0], [1.0], [-1.0]])
    np.testing.assert_array_equal(jumps(path), [1.0, 2.0])
    np.testing.assert_array_equal(drift(path), [0.0, 1.0, 1.0])


def test_bad_arguments(transition):
    with pytest.raises(ValueError, match="component is 'weather'"):
        Block("weather", 0, 1.0)
    with pytest.raises(ValueError, match="depth is 2"):
        Block("time", 2, 1.0)
    with pytest.raises(ValueError, match="leak is 1"):
        PromptTransition(transition.prompts, [(3, 8)], 12, LEVELS, leak=1.0)
    with pytest.raises(ValueError, match="lengths has shape"):
        StructuredPrompts([[1, 1]], [np.zeros((2, 3))])
    with pytest.raises(ValueError, match="contents has shapes"):
        StructuredPrompts([[1] * 5], [np.zeros((4, 3))])
    with pytest.raises(ValueError, match="contents has shapes"):
        StructuredPrompts([[1] * 5] * 2, [np.zeros((5, 3)), np.zeros((5, 2))])
    with pytest.raises(ValueError, match="sharpness"):
        StructuredPrompts([[1] * 5], [np.zeros((5, 3))], sharpness=0.0)
