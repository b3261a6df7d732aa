"""A policy that chooses while a text is written, and the simulator that replays what it did."""

import numpy as np
import pytest

from tightbound.simulators import bandits as b
from tightbound.simulators.bandits.traces import record_trace
from tightbound.simulators.speculative.bandit_decoder import Arm, BanditDecoder
from tightbound.simulators.speculative.growth import Beam
from tightbound.simulators.speculative.ngram import NGram
from tightbound.simulators.speculative.prompt_lookup import PromptLookup
from tightbound.simulators.speculative.sampling import Sampling
from tightbound.simulators.speculative.separate_model import SeparateModel
from tightbound.simulators.speculative.suffix import SuffixAutomaton

PROMPTS = [[0, 1, 2, 0, 1], [2], [1, 1, 0, 2, 0]]
TOKENS = 40
POLICIES = [
    b.UCBSpec(),
    b.EXP3Spec(),
    b.TokenThompson(assume_tgd=True),
    b.EXP3S(),
    b.UCB1(),
    b.DiscountedUCB(discount=0.9),
]


@pytest.fixture
def text_arms():
    data = np.random.default_rng(5).integers(3, size=200)
    return {
        "lookup": PromptLookup(max_draft=4),
        "suffix": SuffixAutomaton(max_draft=4),
        "n-gram": NGram(data, order=3, max_draft=2),
    }


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=1.0)], ids=["greedy", "sampled"])
def test_rounds_replay_in_the_simulator(policy, sampling, target, small, text_arms):
    arms = text_arms | {"model": SeparateModel(small, 2), "tree": SeparateModel(small, Beam((2, 2)))}
    decoder = BanditDecoder(policy, arms, target, backend="numpy")
    found = decoder.generate(PROMPTS, TOKENS, sampling=sampling, seed=5)
    for i, one in enumerate(found.completions):
        assert one.log.emitted.max() <= found.max_draft + 1 == 5
        replay = b.simulate(found.table(i), policy, TOKENS, replications=1, rng=found.policy_seeds[i])
        assert replay.stopping_time.item() == one.log.rounds
        np.testing.assert_array_equal(replay.pulls[0, 0], np.bincount(one.log.arm, minlength=5))


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)
def test_greedy_rounds_are_those_of_the_recorded_trace(policy, target, text_arms, plain):
    # positions of one trace of the target's text give every arm's yield, played or not
    decoder = BanditDecoder(policy, text_arms, target, backend="numpy")
    found = decoder.generate(PROMPTS, TOKENS, seed=7)
    for i, (prompt, one) in enumerate(zip(PROMPTS, found.completions, strict=True)):
        text = [*prompt, *plain(target, prompt, TOKENS)]
        assert one.tokens.tolist() == text[len(prompt) :]
        trace = record_trace(text_arms, text, len(prompt))
        # the decoder drafts no further than the text is long
        room = TOKENS - one.log.start
        yields = np.minimum(trace.y[one.log.start, one.log.arm], room)
        np.testing.assert_array_equal(one.log.emitted, yields)
        environment = b.PositionTrace(trace.y, max_draft=4)
        replay = b.simulate(environment, policy, TOKENS, replications=1, rng=found.policy_seeds[i])
        assert replay.stopping_time.item() == one.log.rounds
        np.testing.assert_array_equal(replay.pulls[0, 0], np.bincount(one.log.arm, minlength=3))


def test_another_arm_or_yield_would_not_replay(target, text_arms):
    found = BanditDecoder(b.UCBSpec(), text_arms, target, backend="numpy").generate(PROMPTS, TOKENS)
    table, log = found.table(0), found.completions[0].log
    y = np.array(table.y)
    y[np.arange(log.rounds), log.arm] = 1
    wrong = b.Table(y, after=1, max_draft=4)
    assert b.simulate(wrong, b.UCBSpec(), TOKENS, replications=1).stopping_time.item() != log.rounds


def test_lengths_of_one_drafter_are_arms_that_share_its_cache(target, small, plain):
    model = SeparateModel(small, 4)
    arms = {"one": Arm(model, 1), "two": Arm(model, 2), "four": Arm(model), "none": Arm(model, 0)}
    decoder = BanditDecoder(b.RoundRobin(), arms, target, backend="numpy")
    found = decoder.generate(PROMPTS, TOKENS)
    assert found.tokens == [plain(target, p, TOKENS) for p in PROMPTS]
    log = found.completions[0].log
    assert log.arm[:8].tolist() == [0, 1, 2, 3] * 2
    assert log.drafted[:8].tolist() == [1, 2, 4, 0] * 2
    assert found.costs.shape == (4,)
    assert np.all(found.costs > 0.0)


def test_a_text_does_not_depend_on_those_beside_it(target, text_arms, small):
    arms = text_arms | {"model": SeparateModel(small, 3)}
    decoder = BanditDecoder(b.EXP3Spec(), arms, target, backend="numpy")
    together = decoder.generate(PROMPTS, [TOKENS, 9, 21], sampling=Sampling(1.0), seed=2)
    for r, tokens in enumerate([TOKENS, 9, 21]):
        alone = decoder.generate([PROMPTS[r]], tokens, sampling=Sampling(1.0), seed=2, requests=[r])
        assert alone.tokens[0] == together.tokens[r]
        np.testing.assert_array_equal(alone.completions[0].log.arm, together.completions[r].log.arm)
    assert len(set(together.policy_seeds)) == 3


def test_an_end_token_ends_the_rounds_too(target, text_arms):
    found = BanditDecoder(b.EXP3Spec(), text_arms, target, backend="numpy").generate(PROMPTS, TOKENS, eos=1)
    for i, one in enumerate(found.completions):
        replay = b.simulate(
            found.table(i), b.EXP3Spec(), one.tokens.size, replications=1, rng=found.policy_seeds[i]
        )
        assert replay.stopping_time.item() == one.log.rounds


def test_costs_are_unknown_where_an_arm_was_never_played(target, text_arms):
    found = BanditDecoder(b.FixedArm(1), text_arms, target, backend="numpy").generate(PROMPTS, TOKENS)
    assert found.costs is None
    assert found.table(0).costs is None


class TestBadInput:
    def test_policies_that_want_to_see_more(self, target, text_arms):
        for policy in (b.Hedge(), b.HedgeSpec(), b.MetaSDUCB()):
            with pytest.raises(TypeError, match="asks for more than the yield of the arm it played"):
                BanditDecoder(policy, text_arms, target)

    def test_no_policy(self, target, text_arms):
        with pytest.raises(TypeError, match=r"policy is 'ucb': give a policy, e\.g\. UCBSpec"):
            BanditDecoder("ucb", text_arms, target)

    def test_no_arms(self, target):
        with pytest.raises(ValueError, match="drafters is empty"):
            BanditDecoder(b.UCBSpec(), {}, target)

    def test_no_drafter(self, target):
        with pytest.raises(TypeError, match=r"drafter is 3 .*: give a drafter, e\.g\. PromptLookup"):
            BanditDecoder(b.UCBSpec(), {"x": 3}, target)

    def test_a_length_beyond_the_drafter(self, target):
        with pytest.raises(ValueError, match="max_draft is 9 and the drafter drafts at most 4"):
            BanditDecoder(b.UCBSpec(), {"x": Arm(PromptLookup(max_draft=4), 9)}, target)
