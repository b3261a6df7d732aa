"""Above temperature 0: the decoder decides as the published rules do, and its texts have the target's law."""

import numpy as np
import pytest
from scipy.special import chdtrc

from tightbound.simulators.bandits import EXP3Spec
from tightbound.simulators.language_models.table_model import TableModel
from tightbound.simulators.speculative import sampling as sampling_module
from tightbound.simulators.speculative.bandit_decoder import BanditDecoder
from tightbound.simulators.speculative.biased_verifiers import (
    BlockToFirstFailure,
    ChildrenAsDrawn,
    ChosenAsDrawn,
)
from tightbound.simulators.speculative.decoder import SpeculativeDecoder
from tightbound.simulators.speculative.growth import Beam, Branching
from tightbound.simulators.speculative.ngram import NGram
from tightbound.simulators.speculative.sampling import RoundCoins, Sampling
from tightbound.simulators.speculative.separate_model import SeparateModel
from tightbound.simulators.speculative.verifiers import (
    BlockVerification,
    ChainVerification,
    MatchedVerification,
    RecursiveRejection,
    TargetOnlyVerification,
)
from tightbound.theory.speculative import (
    PrefixTables,
    block_law,
    chain_law,
    greedy_draft_law,
    recursive_rejection,
    total_variation,
    tree_law,
)
from tightbound.theory.speculative.biased_rules import (
    block_law_to_first_failure,
    chain_law_at_wrong_temperature,
    chain_law_replacing_from_target,
    greedy_draft_as_if_sampled,
)
from tightbound.theory.speculative.chain import replace_from_target
from tightbound.theory.speculative.tree_law import children_as_if_sampled
from tightbound.theory.speculative.trees import beam_tree

AS_IS = Sampling(temperature=1.0)
CUT = Sampling(temperature=0.7, top_k=2, top_p=0.95)
PROMPT, TOKENS, TEXTS = [0], 3, 700
LEVEL = 1e-4


@pytest.fixture(scope="module")
def pair():
    """A target and a drafter that differ enough for every wrong rule to show."""
    laws = [[0.6, 0.3, 0.1], [0.1, 0.6, 0.3], [0.3, 0.1, 0.6], [0.4, 0.3, 0.3]]
    other = [[0.2, 0.7, 0.1], [0.3, 0.1, 0.6], [0.7, 0.2, 0.1], [0.2, 0.2, 0.6]]
    return TableModel(laws), TableModel(other)


def p_value(texts, law):
    """Pearson's test of texts against their law, cells pooled to at least 5 expected."""
    counts = np.bincount(np.ravel_multi_index(np.array(texts).T, law.shape), minlength=law.size)
    expected = len(texts) * law.ravel()
    assert counts[expected == 0.0].sum() == 0
    counts, expected = counts[expected > 0.0], expected[expected > 0.0]
    order = np.argsort(expected)
    group = np.cumsum(expected[order]) // 5.0
    edges = np.unique(group, return_index=True)[1]
    seen, wanted = np.add.reduceat(counts[order], edges), np.add.reduceat(expected[order], edges)
    return float(chdtrc(edges.size - 1, ((seen - wanted) ** 2 / wanted).sum()))


def sample(decoder, sampling=AS_IS, seed=11):
    return decoder.generate([PROMPT] * TEXTS, TOKENS, sampling=sampling, seed=seed).tokens


LOSSLESS = {
    "chain": (2, ChainVerification(), AS_IS),
    "chain, tempered and cut": (2, ChainVerification(), CUT),
    "block": (2, BlockVerification(), AS_IS),
    "likeliest chain, block": (Beam((1, 1)), BlockVerification(), CUT),
    "independent tree": (Branching((2, 1)), RecursiveRejection(), AS_IS),
    "distinct tree": (Branching((2, 2), replace=False), RecursiveRejection(), AS_IS),
    "beam": (Beam((2, 2)), TargetOnlyVerification(), AS_IS),
    "n-gram": (NGram([0, 1, 2, 0, 2, 1, 1], order=2, max_draft=2), MatchedVerification(), AS_IS),
    "drawn tree, target only": (Branching((2, 1)), TargetOnlyVerification(), AS_IS),
}


def decoder_of(pair, drafter, verifier):
    target, small = pair
    if isinstance(drafter, (int, Branching, Beam)):
        drafter = SeparateModel(small, drafter)
    return SpeculativeDecoder(target, drafter, verifier, backend="numpy")


@pytest.mark.parametrize("name", list(LOSSLESS))
def test_texts_have_the_law_of_the_target(name, pair, law_of_text):
    drafter, verifier, sampling = LOSSLESS[name]
    texts = sample(decoder_of(pair, drafter, verifier), sampling)
    assert p_value(texts, law_of_text(pair[0], PROMPT, TOKENS, sampling)) > LEVEL


def test_texts_have_the_law_of_the_target_under_a_bandit(pair, law_of_text):
    target, small = pair
    arms = {
        "chain": SeparateModel(small, 2),
        "beam": SeparateModel(small, Beam((2, 1))),
        "n-gram": NGram([0, 1, 2, 0, 2, 1, 1], order=2, max_draft=1),
    }
    texts = sample(BanditDecoder(EXP3Spec(), arms, target, backend="numpy"))
    assert p_value(texts, law_of_text(target, PROMPT, TOKENS, AS_IS)) > LEVEL


def tables(model, length):
    rows = [np.empty((3,) * (n + 1)) for n in range(length)]
    for n, table in enumerate(rows):
        for prefix in np.ndindex((3,) * n):
            table[prefix] = model.law([*PROMPT, *prefix])
    return PrefixTables(rows)


def biased(pair):
    """Wrong rules: verifier, shape of the drafts, and the exact law of a round and what follows."""
    p, q = tables(pair[0], 3), tables(pair[1], 2)
    beam = beam_tree(q, (2, 2))
    return {
        "chosen as drawn": (
            ChosenAsDrawn(),
            Beam((1, 1), keep_laws=True),
            greedy_draft_as_if_sampled(p, q).text(p),
        ),
        "chosen as drawn, replaced from the target": (
            ChosenAsDrawn(correction=replace_from_target),
            Beam((1, 1), keep_laws=True),
            greedy_draft_as_if_sampled(p, q, correction=replace_from_target).text(p),
        ),
        "drawn, replaced from the target": (
            ChosenAsDrawn(correction=replace_from_target),
            2,
            chain_law_replacing_from_target(p, q).text(p),
        ),
        "block to the first failure": (BlockToFirstFailure(), 2, block_law_to_first_failure(p, q).text(p)),
        "children as drawn": (
            ChildrenAsDrawn(),
            Beam((2, 2), keep_laws=True),
            tree_law(beam, p, rule=children_as_if_sampled, draft=q).text(p),
        ),
    }


@pytest.mark.parametrize(
    "name",
    [
        "chosen as drawn",
        "chosen as drawn, replaced from the target",
        "drawn, replaced from the target",
        "block to the first failure",
        "children as drawn",
    ],
)
def test_rules_that_change_the_text_are_rejected(name, pair, law_of_text):
    verifier, shape, law = biased(pair)[name]
    right = law_of_text(pair[0], PROMPT, TOKENS, AS_IS)
    assert total_variation(law, right) > 0.05
    texts = sample(decoder_of(pair, shape, verifier))
    assert p_value(texts, right) < LEVEL


def test_a_drafter_that_is_told_another_temperature_is_rejected(pair, law_of_text):
    # drafts are drawn at temperature 0.25, verification is told the law at temperature 1
    target, small = pair
    hot = tables(small, 2).tempered(0.25)
    law = chain_law_at_wrong_temperature(tables(target, 3), tables(small, 2), 0.25)
    right = law_of_text(target, PROMPT, TOKENS, AS_IS)
    assert total_variation(law.text(tables(target, 3)), right) > 0.05

    class Told:
        max_draft = 2

        def open(self, job):
            session = SeparateModel(TableModel(hot_laws(small)), 2).open(job)
            honest = session.draft

            def draft(turn):
                found = honest(turn)
                for one, text in zip(found, turn.texts, strict=True):
                    if one.laws is not None:
                        told = [small.law([*text, *one.tokens[1 : i + 1]]) for i in range(one.nodes)]
                        object.__setattr__(one, "laws", np.array(told))
                return found

            session.draft = draft
            return session

    assert hot.rows[0].shape == (3,)
    texts = sample(SpeculativeDecoder(target, Told(), ChainVerification(), backend="numpy"))
    assert p_value(texts, right) < LEVEL


def hot_laws(model):
    return model.laws**4 / (model.laws**4).sum(axis=-1, keepdims=True)


def test_coins_addressed_by_the_token_would_bias_block_verification(law_of_text, monkeypatch):
    # the coin of a position is then used again in the round after the one that found it to fail
    pair = TableModel([0.5, 0.5]), TableModel([0.9, 0.1])

    def verification(self, count):
        one = [
            np.random.default_rng([self.seed, self.request, self.position + i]).random(2)
            for i in range(count)
        ]
        return np.array([one[0][1], *(coins[0] for coins in one[: count - 1])])

    monkeypatch.setattr(sampling_module.RoundCoins, "verification", verification)
    right = law_of_text(pair[0], PROMPT, TOKENS, AS_IS)
    assert p_value(sample(decoder_of(pair, 2, BlockVerification())), right) < LEVEL
    assert p_value(sample(decoder_of(pair, 2, ChainVerification())), right) > LEVEL


def test_the_rules_are_exactly_lossless_on_these_laws(pair):
    # what the decisions above follow, summed over all drafts and all outcomes instead of drawn
    p, q = tables(pair[0], 3), tables(pair[1], 2)
    laws = [
        chain_law(p, q).text(p),
        block_law(p, q).text(p),
        greedy_draft_law(p, q).text(p),
        block_law(p, q.greedy()).text(p),
        tree_law(beam_tree(q, (2, 2)), p).text(p),
    ]
    for law in laws:
        assert total_variation(law, p.joint(3)) <= 1e-12
    for text in np.ndindex(3, 3):
        for replace in (True, False):
            node = recursive_rejection(p.after(text), q.after(text[:1]), 2, replacement=replace)
            assert total_variation(node.accepted + node.replaced, p.after(text)) <= 1e-12


CASES = {
    "chain": ((1, 1, 1), True, ChainVerification(), "chain"),
    "block": ((1, 1, 1), True, BlockVerification(), "block"),
    "independent": ((2, 2), True, RecursiveRejection(), "independent"),
    "distinct": ((3, 2), False, RecursiveRejection(), "distinct"),
    "target only": ((2, 2), False, TargetOnlyVerification(), "target only"),
}


@pytest.mark.parametrize("name", list(CASES))
@pytest.mark.parametrize("sampling", [AS_IS, CUT], ids=["as is", "cut"])
def test_decisions_are_those_of_the_published_rules(name, sampling, target, small, reference, drawn_tree):
    children, replace, verifier, rule = CASES[name]
    drafter = SeparateModel(small, Branching(children, replace=replace))
    decoder = SpeculativeDecoder(target, drafter, verifier, backend="numpy")
    prompts = [[0], [1, 2, 0], [2, 2]] * 8
    found = decoder.generate(prompts, 12, sampling=sampling, seed=3).tokens
    draft_of = drawn_tree(small, children, replace, sampling)
    expected = [
        reference(target, prompt, 12, sampling, draft_of, rule, seed=3, request=r)
        for r, prompt in enumerate(prompts)
    ]
    assert found == expected


def test_chosen_drafts_are_verified_by_their_point_mass(target, chain_drafters, reference):
    from tightbound.simulators.speculative.draft import Draft

    lookup = chain_drafters["lookup"]
    prompts = [[0, 1, 0, 1, 0], [2, 2, 1, 2, 2]] * 8

    def draft_of(text, room, coins):
        return Draft.chain(text[-1], lookup.draft(text)[:room])

    for verifier, rule in ((ChainVerification(), "chain"), (BlockVerification(), "block")):
        decoder = SpeculativeDecoder(target, lookup, verifier, backend="numpy")
        found = decoder.generate(prompts, 12, sampling=AS_IS, seed=4).tokens
        expected = [
            reference(target, prompt, 12, AS_IS, draft_of, rule, seed=4, request=r)
            for r, prompt in enumerate(prompts)
        ]
        assert found == expected


@pytest.mark.parametrize("shape", [3, Branching((2, 2)), Branching((2, 2), replace=False), Beam((2, 2))])
def test_a_text_depends_on_its_number_and_not_on_its_neighbours(shape, target, small):
    decoder = SpeculativeDecoder(target, SeparateModel(small, shape), backend="numpy")
    prompts = [[0], [1, 2, 0, 1], [2, 2], [1]]
    together = decoder.generate(prompts, [12, 3, 7, 12], sampling=AS_IS, seed=8).tokens
    again = decoder.generate(
        prompts[::-1], [12, 7, 3, 12], sampling=AS_IS, seed=8, requests=[3, 2, 1, 0]
    ).tokens
    assert again[::-1] == together
    for r, (prompt, tokens) in enumerate(zip(prompts, [12, 3, 7, 12], strict=True)):
        alone = decoder.generate([prompt], tokens, sampling=AS_IS, seed=8, requests=[r])
        assert alone.tokens == [together[r]]
    assert decoder.generate(prompts, 12, sampling=AS_IS, seed=9).tokens != together


def test_block_verification_accepts_at_least_as_much(pair):
    chain, block = (
        decoder_of(pair, 2, rule).generate([PROMPT] * 200, 6, sampling=AS_IS, seed=2)
        for rule in (ChainVerification(), BlockVerification())
    )
    assert block.accepted_per_round > chain.accepted_per_round + 0.02


def test_acceptance_of_one_draft_is_one_minus_total_variation(pair):
    # one draft per round, whose context is that of the target
    found = decoder_of(pair, 1, ChainVerification()).generate([PROMPT] * TEXTS, 2, sampling=AS_IS, seed=6)
    accepted = np.concatenate([one.log.accepted[:1] for one in found.completions])
    overlap = np.minimum(pair[0].law(PROMPT), pair[1].law(PROMPT)).sum()
    assert abs(accepted.mean() - overlap) < 4.0 * np.sqrt(overlap * (1 - overlap) / TEXTS)


def test_coins_are_read_from_counters():
    first = RoundCoins(7, 3, 20)
    np.testing.assert_array_equal(first.verification(5)[:3], RoundCoins(7, 3, 20).verification(3))
    streams = [
        RoundCoins(*address).verification(4) for address in ((7, 3, 20), (8, 3, 20), (7, 4, 20), (7, 3, 21))
    ]
    streams.append(first.drafts.random(4))
    assert len({row.tobytes() for row in streams}) == 5
