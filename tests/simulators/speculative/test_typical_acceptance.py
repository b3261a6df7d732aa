"""A rule that keeps likely drafts: greedy without drafts, dependent on the drafter with them."""

import numpy as np
import pytest

from tightbound.simulators.speculative.decoder import SpeculativeDecoder
from tightbound.simulators.speculative.draft import Draft
from tightbound.simulators.speculative.drafter import NoDraft
from tightbound.simulators.speculative.growth import Beam
from tightbound.simulators.speculative.sampling import Sampling
from tightbound.simulators.speculative.separate_model import SeparateModel
from tightbound.simulators.speculative.typical_acceptance import TypicalAcceptance

PROMPT = [0, 1, 2]


def write(target, drafter, rule):
    decoder = SpeculativeDecoder(target, drafter, rule, backend="numpy")
    return decoder.generate([PROMPT], 30, sampling=Sampling(temperature=1.0)).tokens[0]


def test_without_drafts_it_writes_the_likeliest_tokens(target, plain):
    assert write(target, NoDraft(), TypicalAcceptance()) == plain(target, PROMPT, 30)


def test_with_drafts_the_text_depends_on_them(target, small, plain):
    assert write(target, SeparateModel(small, 3), TypicalAcceptance()) != plain(target, PROMPT, 30)


def test_the_threshold_is_the_smaller_of_both():
    law = np.array([0.5, 0.3, 0.2])
    entropy = -np.sum(law * np.log(law))  # 1.0297
    draft = Draft.chain(0, [2, 2])
    # exp(-H) is 0.357: with delta 0.5 the rule asks for 0.179, with delta 1 for epsilon
    assert 0.5 * np.exp(-entropy) < 0.2 < np.exp(-entropy)
    (kept,) = TypicalAcceptance(0.3, 0.5).verify([draft], [np.array([law] * 3)], [], "numpy")
    assert kept.path.tolist() == [1, 2]
    (none,) = TypicalAcceptance(0.3, 1.0).verify([draft], [np.array([law] * 3)], [], "numpy")
    assert (none.path.tolist(), none.token) == ([], 0)


def test_bad_input(target, small):
    with pytest.raises(ValueError, match=r"epsilon is 0.0: give one number in \(0, 1\]"):
        TypicalAcceptance(epsilon=0.0)
    with pytest.raises(ValueError, match="delta"):
        TypicalAcceptance(delta=np.nan)
    with pytest.raises(ValueError, match="was given a tree: draft chains"):
        write(target, SeparateModel(small, Beam((2, 2))), TypicalAcceptance())
