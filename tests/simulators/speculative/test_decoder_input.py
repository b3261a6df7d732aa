"""What the decoder refuses, and how it says so; drafts, shapes and verifiers by themselves."""

import numpy as np
import pytest

from tightbound.simulators.language_models.language_model import ContextOverflowError
from tightbound.simulators.language_models.table_model import TableModel
from tightbound.simulators.speculative.decoder import SpeculativeDecoder
from tightbound.simulators.speculative.draft import Draft
from tightbound.simulators.speculative.drafter import Drafter, NoDraft, TextSession, Turn
from tightbound.simulators.speculative.growth import Beam, Branching
from tightbound.simulators.speculative.ngram import NGram
from tightbound.simulators.speculative.prompt_lookup import PromptLookup
from tightbound.simulators.speculative.sampling import RoundCoins, Sampling
from tightbound.simulators.speculative.separate_model import SeparateModel
from tightbound.simulators.speculative.verifiers import (
    BlockVerification,
    ChainVerification,
    GreedyVerification,
    RecursiveRejection,
    TargetOnlyVerification,
)

FAIR = TableModel(np.full((3, 2), 0.5), context=12)


@pytest.fixture
def decoder():
    return SpeculativeDecoder(FAIR, PromptLookup(max_draft=2), backend="numpy")


class TestGenerate:
    def test_no_prompts(self, decoder):
        with pytest.raises(ValueError, match="prompts is empty"):
            decoder.generate([], 3)

    def test_an_empty_prompt(self, decoder):
        with pytest.raises(ValueError, match=r"prompts\[1\] is empty: give at least one token"):
            decoder.generate([[0], []], 3)

    def test_tokens_outside_the_vocabulary(self, decoder):
        with pytest.raises(IndexError, match=r"prompts\[0\] contains 2: give integers from 0 to 1"):
            decoder.generate([[0, 2]], 3)
        with pytest.raises(IndexError, match="eos contains 7"):
            decoder.generate([[0]], 3, eos=7)
        with pytest.raises(IndexError, match="stop contains 5"):
            decoder.generate([[0]], 3, stop=[[5]])

    def test_tokens_that_are_no_integers(self, decoder):
        with pytest.raises(TypeError, match=r"prompts\[0\] has dtype float64"):
            decoder.generate([[0.5]], 3)

    @pytest.mark.parametrize("count", [0, -1])
    def test_nothing_to_write(self, decoder, count):
        with pytest.raises(ValueError, match=f"max_new_tokens is {count}: it must be at least 1"):
            decoder.generate([[0]], count)

    def test_numbers_for_other_prompts(self, decoder):
        with pytest.raises(ValueError, match="max_new_tokens has 2 entries for 1 prompts"):
            decoder.generate([[0]], [3, 4])
        with pytest.raises(ValueError, match="requests has 1 entries for 2 prompts"):
            decoder.generate([[0], [1]], 3, requests=[0])
        with pytest.raises(ValueError, match="requests holds a number twice"):
            decoder.generate([[0], [1]], 3, requests=[4, 4])

    def test_a_text_longer_than_the_context(self, decoder):
        with pytest.raises(ContextOverflowError, match=r"prompts\[1\] has 5 tokens .* at most 13 fit"):
            decoder.generate([[0], [0, 1, 0, 1, 0]], [3, 9])
        assert len(decoder.generate([[0, 1, 0, 1, 0]], 8).tokens[0]) == 8

    def test_a_stop_sequence_that_is_empty(self, decoder):
        with pytest.raises(ValueError, match="stop holds an empty sequence"):
            decoder.generate([[0]], 3, stop=[[]])

    def test_a_negative_seed(self, decoder):
        with pytest.raises(ValueError, match="seed is -1"):
            decoder.generate([[0]], 3, seed=-1)

    def test_no_drafter(self):
        with pytest.raises(TypeError, match=r"drafter is None .*: give a drafter, .* NoDraft"):
            SpeculativeDecoder(FAIR, None)

    def test_a_model_without_a_law(self):
        class Broken:
            vocabulary, context, start = 2, 12, staticmethod(FAIR.start)

            @staticmethod
            def forward(cache, tokens, **how):
                return FAIR.forward(cache, tokens, **how) * np.nan

        for sampling in (Sampling(), Sampling(1.0)):
            with pytest.raises(ValueError, match="NaN"):
                SpeculativeDecoder(Broken(), NoDraft(), backend="numpy").generate([[0]], 2, sampling=sampling)


class TestSampling:
    @pytest.mark.parametrize("value", [-0.1, np.nan, np.inf])
    def test_temperature(self, value):
        with pytest.raises(ValueError, match="temperature"):
            Sampling(temperature=value)

    @pytest.mark.parametrize("value", [0.0, -1.0, 1.5])
    def test_top_p(self, value):
        with pytest.raises(ValueError, match=r"top_p is .*: give a share above 0 and at most 1"):
            Sampling(top_p=value)

    def test_top_k(self):
        with pytest.raises(ValueError, match="top_k is -1"):
            Sampling(top_k=-1)
        with pytest.raises(TypeError, match=r"top_k is 1\.5"):
            Sampling(top_k=1.5)


class TestModels:
    def test_another_vocabulary(self):
        other = SeparateModel(TableModel(np.full((4, 3), 1 / 3)), 2)
        with pytest.raises(ValueError, match="the drafter knows 3 tokens and the target 2: take a drafter"):
            SpeculativeDecoder(FAIR, other).generate([[0]], 3)

    def test_a_drafter_whose_context_is_too_short(self):
        short = SeparateModel(TableModel(np.full((3, 2), 0.5), context=4), 2)
        with pytest.raises(
            ContextOverflowError, match="texts grow to 5 rows and the drafter's context has 4"
        ):
            SpeculativeDecoder(FAIR, short).generate([[0]], 5)
        assert len(SpeculativeDecoder(FAIR, short, backend="numpy").generate([[0]], 4).tokens[0]) == 4

    @pytest.mark.parametrize("shape", [-1, Branching((1,))])
    def test_lengths(self, shape):
        if isinstance(shape, Branching):
            assert SeparateModel(FAIR, shape).max_draft == 1
        else:
            with pytest.raises(ValueError, match="shape is -1"):
                SeparateModel(FAIR, shape)

    def test_shapes(self):
        with pytest.raises(ValueError, match="children is 0"):
            Branching((2, 0))
        with pytest.raises(ValueError, match="widths is 0"):
            Beam((0,))

    def test_tokens_that_the_target_does_not_know_end_a_draft(self):
        drafter = NGram([0, 1, 5, 0, 1, 5], order=3, max_draft=3)
        assert drafter.draft([0]).tolist() == [1, 5, 0]
        turn = Turn([np.array([0])], np.array([3]), [], None)
        assert TextSession(drafter, 2).draft(turn)[0].tokens.tolist() == [0, 1]
        assert len(SpeculativeDecoder(FAIR, drafter, backend="numpy").generate([[0]], 5).tokens[0]) == 5

    def test_every_kind_is_a_drafter(self):
        assert isinstance(NoDraft(), Drafter)
        assert isinstance(SeparateModel(FAIR), Drafter)
        assert not isinstance(PromptLookup(), Drafter)  # it reads a text and needs no session


class TestDraft:
    def test_structure(self):
        draft = Draft([-1, 0, 0, 1, 3], [9, 1, 2, 3, 4])
        assert draft.depths.tolist() == [0, 1, 1, 2, 3]
        assert draft.mask.astype(int).tolist()[4] == [1, 1, 0, 1, 1]
        assert not draft.is_chain
        assert Draft.chain(9, [1, 2]).is_chain

    @pytest.mark.parametrize("parents", [[0, 0], [-1, 1], [-1, -1], [-1, 2]])
    def test_parents(self, parents):
        with pytest.raises(ValueError, match="the root has parent -1"):
            Draft(parents, [1, 2])

    def test_shapes(self):
        with pytest.raises(ValueError, match=r"parents has shape \(2,\), tokens \(1,\)"):
            Draft([-1, 0], [1])
        with pytest.raises(ValueError, match="origin is 'guessed'"):
            Draft([-1], [1], "guessed")
        with pytest.raises(ValueError, match="laws is None for independent drafts"):
            Draft([-1, 0], [1, 2], "independent")
        with pytest.raises(ValueError, match="laws has 1 rows for 2 nodes"):
            Draft([-1, 0], [1, 2], "independent", np.ones((1, 3)) / 3)


class TestVerifiers:
    tree = Draft([-1, 0, 0], [0, 0, 1])
    law = np.full((3, 2), 0.5)
    coins = RoundCoins(0, 0, 1)

    @pytest.mark.parametrize("rule", [ChainVerification(), BlockVerification()])
    def test_chains_only(self, rule):
        with pytest.raises(ValueError, match="was given a tree: use TargetOnlyVerification"):
            rule.verify([self.tree], [self.law], [self.coins], "numpy")

    def test_drawn_trees_only(self):
        with pytest.raises(ValueError, match="chosen, not drawn, and would change the text"):
            RecursiveRejection().verify([self.tree], [self.law], [self.coins], "numpy")

    def test_a_law_without_mass(self):
        with pytest.raises(ValueError, match="has no mass"):
            TargetOnlyVerification().verify([self.tree], [0.0 * self.law], [self.coins], "numpy")
        with pytest.raises(ValueError, match="logits after a draft are NaN"):
            GreedyVerification().verify([self.tree], [np.nan * self.law], [self.coins], "numpy")

    def test_greedy_walks_to_the_likeliest_child(self):
        law = np.array([[0.1, 0.9], [0.5, 0.5], [0.8, 0.2]])
        found = GreedyVerification().verify([self.tree], [law], [self.coins], "numpy")[0]
        assert found.path.tolist() == [2]
        assert found.tokens(self.tree).tolist() == [1, 0]


def test_a_cache_that_lags_behind_is_caught_up_in_chunks(monkeypatch):
    # another arm writes for a long time; then the model must read all of it
    from tightbound.simulators.bandits import RoundRobin
    from tightbound.simulators.speculative import model_session
    from tightbound.simulators.speculative.bandit_decoder import Arm, BanditDecoder

    monkeypatch.setattr(model_session, "CHUNK", 2)
    target = TableModel.random(3, 2, rng=1)
    model = SeparateModel(target, 2)
    arms = {
        "model": model,
        **{f"text {i}": PromptLookup(max_draft=3) for i in range(4)},
        "again": Arm(model, 1),
    }
    found = BanditDecoder(RoundRobin(), arms, target, backend="numpy").generate([[0], [1, 2, 1, 2]], 40)
    for one in found.completions:
        by_model = one.log.arm % 5 == 0
        assert np.all(one.log.accepted[by_model] == one.log.drafted[by_model])
