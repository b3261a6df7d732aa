"""One text: pieces of characters, where two texts part, and what an order refuses."""

import numpy as np
import pytest

from tightbound.simulators import bandits as b
from tightbound.simulators.language_models.byte_pair_tokenizer import _NAMES, BytePairTokenizer
from tightbound.simulators.language_models.language_model import ContextOverflowError
from tightbound.simulators.language_models.table_model import TableModel
from tightbound.simulators.speculative.bandit_decoder import Arm
from tightbound.simulators.speculative.drafter import NoDraft
from tightbound.simulators.speculative.generate import Order, compare, generate, parting, warm_up
from tightbound.simulators.speculative.named_drafters import DRAFTERS, arm_lengths, named_policy
from tightbound.simulators.speculative.prompt_lookup import PromptLookup

MARKS = ("<|im_end|>", "<end>")
SIZE = 256 + len(MARKS)
TOKENIZER = BytePairTokenizer((*_NAMES.values(), *MARKS), (), (256, 257), end=257)
NONE = {"none": Arm(NoDraft())}
LOOKUP = {"lookup": Arm(PromptLookup(max_draft=4))}


def cycle(text, *, end=None, context=64):
    """A model that writes ``text`` again and again, or once and then ``end``."""
    ids = TOKENIZER.encode(text).tolist()
    law = np.full((SIZE + 1, SIZE), 0.5 / SIZE)
    law[SIZE, ids[0]] += 0.5
    for now, following in zip(ids, [*ids[1:], ids[0] if end is None else end], strict=True):
        law[now, following] += 0.5
    return TableModel(law / law.sum(axis=1, keepdims=True), context=context)


def order(model, prompt, arms=LOOKUP, **more):
    return Order(model, TOKENIZER, TOKENIZER.encode(prompt), arms, **more)


def test_characters_come_whole_and_the_end_is_not_shown():
    model, seen = cycle("aé€z", end=256), []
    found = generate(
        order(model, "a", NONE, max_new_tokens=20), lambda text, tokens: seen.append((text, tokens))
    )
    assert found.text == "é€z"
    assert [text for text, _ in seen] == ["", "é", "", "", "€", "z", ""]
    assert [tokens for _, tokens in seen] == [1, 2, 3, 4, 5, 6, 7]
    assert found.completion.outcome == "eos"
    assert found.completion.tokens[-1] == 256


def test_half_a_character_at_the_limit_is_replaced():
    assert generate(order(cycle("a€"), "a", NONE, max_new_tokens=2)).text == "\ufffd"


def test_statistics_are_those_of_the_rounds():
    wanted = order(cycle("abc"), "abcabc", max_new_tokens=12)
    found = generate(wanted)
    assert found.text == "abcabcabcabc"
    told = found.statistics()
    # lookup copies from the first occurrence: three tokens, then four
    assert told["tokens"] == 12
    assert told["rounds"] == found.completion.log.rounds < 5
    assert told["tokens_per_round"] == 12 / told["rounds"] == found.tokens_per_round
    assert told["accepted_per_round"] == pytest.approx(found.completion.log.accepted.mean())
    assert told["acceptance_rate"] == 1.0
    assert [one["name"] for one in told["drafters"]] == ["lookup"]
    compared = compare(wanted, found)
    assert (compared.text, compared.place, compared.margin) == ("equal", None, None)
    assert compared.speedup == pytest.approx(told["tokens_per_second"] / compared.tokens_per_second)


@pytest.mark.parametrize(("apart", "text"), [(1e-7, "near-tie"), (1e-3, "different")])
def test_a_tie_is_told_from_a_difference_by_the_logits(apart, text):
    law = np.full((SIZE + 1, SIZE), 1e-6)
    law[:, 97], law[:, 98] = 0.5, 0.5 * np.exp(-apart)
    tie = TableModel(law / law.sum(axis=1, keepdims=True))
    wanted = order(tie, "a", NONE, max_new_tokens=3)
    found = generate(wanted)
    found.completion.tokens[1] = 98  # what another order of summation might have written
    told = compare(wanted, found)
    assert (told.text, told.place) == (text, 1)
    assert told.margin == pytest.approx(apart)


def test_where_texts_part():
    model, prompt = cycle("abc"), TOKENIZER.encode("abc")
    a, c = TOKENIZER.encode("abca"), TOKENIZER.encode("abcc")
    place, margin = parting(model, prompt, a, c)
    assert place == 3
    assert margin == pytest.approx(np.log((0.5 / SIZE + 0.5) / (0.5 / SIZE)))
    assert parting(model, prompt, a, a) == (None, None)
    assert parting(model, prompt, a, a[:2]) == (2, None)


def test_warming_up_leaves_the_text_alone():
    wanted = order(cycle("abc"), "abcabc", LOOKUP | NONE, policy=b.UCBSpec(), max_new_tokens=6)
    warm_up(wanted)
    assert generate(wanted).text == "abcabc"


class TestBadInput:
    @pytest.mark.parametrize(
        ("given", "error", "message"),
        [
            ({"prompt": ""}, ValueError, "the prompt is empty"),
            ({"max_new_tokens": 0}, ValueError, "max_new_tokens is 0"),
            ({"seed": -1}, ValueError, "seed is -1"),
            ({"max_new_tokens": 65}, ContextOverflowError, "has 64 positions; ask for at most 64 new tokens"),
            ({"prompt": "a" * 65}, ContextOverflowError, "shorten the prompt"),
            ({"arms": LOOKUP | NONE}, ValueError, "there are 2 drafters and no policy"),
            ({"arms": LOOKUP | NONE, "policy": b.Hedge()}, TypeError, "more than the yield of the arm"),
        ],
    )
    def test_orders(self, given, error, message):
        with pytest.raises(error, match=message):
            order(cycle("abc"), **{"prompt": "a", "max_new_tokens": 4, **given})

    def test_names(self):
        for specs, message in (
            (["x"], f"drafter is 'x': choose among {', '.join(DRAFTERS)}"),
            ([], "no drafter is given"),
            (["ngram:-1"], "after the colon give its longest draft"),
            (["ngram:"], "after the colon give its longest draft"),
            (["none", "none:3"], "'none' is given twice"),
        ):
            with pytest.raises(ValueError, match=message):
                arm_lengths(specs, 4)
        with pytest.raises(ValueError, match="policy is 'hedge': choose among ucb_spec"):
            named_policy("hedge")
