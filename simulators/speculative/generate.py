"""Write one text with a language model from a file, and tell how fast drafts made it."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tightbound.simulators.language_models.byte_pair_tokenizer import BytePairTokenizer
from tightbound.simulators.language_models.language_model import ContextOverflowError, LanguageModel, prefill
from tightbound.simulators.speculative.bandit_decoder import Arm, BanditDecoder
from tightbound.simulators.speculative.decoder import SpeculativeDecoder
from tightbound.simulators.speculative.decoding import Completion, Decoding
from tightbound.simulators.speculative.drafter import NoDraft
from tightbound.simulators.speculative.sampling import Sampling
from tightbound.simulators.speculative.text_drafter import Tokens
from tightbound.theory._validation import Integers, as_integer

if TYPE_CHECKING:
    from tightbound.simulators.bandits.policies.base import Policy

NEAR_TIE = 1e-5
"""Logits closer than this are in no certain order: near 40 they are 4e-6 apart in float32."""

OnText = Callable[[str, int], None]
"""Called after each round with the new part of the text and the number of tokens so far."""


@dataclass(frozen=True, eq=False)
class Generation:
    """A text and how it was written.

    Parameters
    ----------
    text : str
        What was written, without the token that ends it.
    decoding : Decoding
        Tokens, rounds and times.
    """

    text: str
    decoding: Decoding

    @property
    def completion(self) -> Completion:
        """Tokens and rounds."""
        return self.decoding.completions[0]

    @property
    def tokens_per_round(self) -> float:
        """Written tokens per round, the token after the drafts included."""
        return self.decoding.tokens_per_round

    def statistics(self) -> dict[str, Any]:
        """Return everything measured as plain numbers and strings; None where nothing was drafted."""
        found, log, times = self.decoding, self.completion.log, self.decoding.timings
        return {
            "prompt_tokens": int(self.completion.prompt.size),
            "tokens": int(self.completion.tokens.size),
            "outcome": self.completion.outcome,
            **_totals(log.kept, log.accepted, log.drafted),
            "tokens_per_second": found.tokens_per_second,
            "seconds": {name: float(getattr(times, name)) for name in vars(times)},
            "drafters": [
                {"name": name, **_totals(log.kept[mine], log.accepted[mine], log.drafted[mine])}
                for name, mine in ((name, log.arm == arm) for arm, name in enumerate(found.arms))
            ],
        }


@dataclass(frozen=True)
class Comparison:
    """A text beside that of plain decoding.

    Parameters
    ----------
    tokens_per_second : float
        Of plain decoding, the reading of the prompt not counted.
    speedup : float
        Tokens per second of the text with drafts over that.
    text : {"equal", "near-tie", "different"}, optional
        At temperature 0 whether the texts are the same, or part where two tokens have almost one logit;
        None where they are samples.
    place : int, optional
        Output token at which they part.
    margin : float, optional
        How far the logits of the two tokens there are apart.
    """

    tokens_per_second: float
    speedup: float
    text: Literal["equal", "near-tie", "different"] | None = None
    place: int | None = None
    margin: float | None = None


@dataclass(frozen=True, eq=False)
class Order:
    """What is to be written, checked before any work is done.

    Parameters
    ----------
    model : LanguageModel
        The target.
    tokenizer : BytePairTokenizer
        Its tokeniser.
    prompt : ndarray of int
        Tokens of the prompt.
    arms : mapping from str to Arm
        What drafts, see :func:`~tightbound.simulators.speculative.named_drafters.named_arms`.
    policy : Policy, optional
        What picks among several arms.
    max_new_tokens : int
        Most tokens to write, at least 1.
    sampling : Sampling
        How tokens are drawn.
    seed : int
        Root of all random numbers.

    Raises
    ------
    ValueError
        For an empty prompt, no token to write, or several arms without a policy.
    ContextOverflowError
        If prompt and text do not fit the model's context.
    """

    model: LanguageModel
    tokenizer: BytePairTokenizer
    prompt: Tokens
    arms: Mapping[str, Arm]
    policy: Policy | None = None
    max_new_tokens: int = 128
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0

    def __post_init__(self) -> None:
        most = as_integer("max_new_tokens", self.max_new_tokens, least=1)
        as_integer("seed", self.seed, least=0)
        if self.prompt.size == 0:
            raise ValueError("the prompt is empty: give at least one word")
        if self.policy is None and len(self.arms) != 1:
            raise ValueError(f"there are {len(self.arms)} drafters and no policy: give one that picks")
        room = self.model.context + 1 - self.prompt.size
        if most > room:
            remedy = f"ask for at most {room} new tokens" if room > 0 else "shorten the prompt"
            raise ContextOverflowError(
                f"the prompt has {self.prompt.size} tokens and max_new_tokens is {most}: the model's context "
                f"has {self.model.context} positions; {remedy}"
            )
        if self.policy is not None:
            BanditDecoder(self.policy, self.arms, self.model)

    @property
    def ends(self) -> tuple[int, ...]:
        """Tokens that end a text: that of the file, and the marks by which chats and documents end."""
        spelt = ("<|im_end|>", "<|endoftext|>")
        marks = {i for i in self.tokenizer.control if self.tokenizer.tokens[i] in spelt}
        own = set() if self.tokenizer.end is None else {self.tokenizer.end}
        return tuple(sorted(marks | own))


def generate(order: Order, on_text: OnText | None = None) -> Generation:
    """Write the text.

    Parameters
    ----------
    order : Order
        What to write.
    on_text : callable, optional
        See :data:`OnText`.

    Raises
    ------
    ValueError
        For a drafter that does not fit the target.
    """
    if order.policy is None:
        ((name, arm),) = order.arms.items()
        found = _written(order, SpeculativeDecoder(order.model, arm.drafter), on_text)
        return replace(found, decoding=replace(found.decoding, arms=(name,)))
    return _written(order, BanditDecoder(order.policy, order.arms, order.model), on_text)


def warm_up(order: Order) -> None:
    """Decode a few tokens with each drafter, so that no compilation falls into the time of a text."""
    short = np.tile(order.prompt[-8:], 2)  # repeated, so that there is something to look up
    for drafter in (NoDraft(), *dict.fromkeys(arm.drafter for arm in order.arms.values())):
        decoder = SpeculativeDecoder(order.model, drafter)
        decoder.generate([short], min(4, order.max_new_tokens), sampling=order.sampling)


def compare(order: Order, found: Generation) -> Comparison:
    """Write the text again without drafts, and compare speed and, at temperature 0, tokens."""
    plain = _written(order, SpeculativeDecoder(order.model, NoDraft()), None)
    slow, fast = plain.decoding.tokens_per_second, found.decoding.tokens_per_second
    if not order.sampling.greedy:
        return Comparison(slow, fast / slow)
    place, margin = parting(order.model, order.prompt, plain.completion.tokens, found.completion.tokens)
    if place is None:
        return Comparison(slow, fast / slow, "equal")
    near = margin is not None and margin < NEAR_TIE
    return Comparison(slow, fast / slow, "near-tie" if near else "different", place, margin)


def parting(
    model: LanguageModel, prompt: Tokens, plain: Integers, other: Integers
) -> tuple[int | None, float | None]:
    """Return where two texts part, and how far apart the logits of the two tokens there are.

    Parameters
    ----------
    model : LanguageModel
        The model that wrote both.
    prompt : ndarray of int
        Tokens before both.
    plain, other : ndarray of int
        The texts; logits are those after what they share.

    Returns
    -------
    place : int or None
        None where they are the same.
    margin : float or None
        None where one text is the beginning of the other.
    """
    shared = min(plain.size, other.size)
    differ = np.flatnonzero(plain[:shared] != other[:shared])
    if differ.size == 0:
        return (None, None) if plain.size == other.size else (shared, None)
    place = int(differ[0])
    before = np.concatenate([prompt, plain[:place]])
    logits = prefill(model, model.start(1, before.size), [before])[0]
    return place, float(abs(logits[plain[place]] - logits[other[place]]))


def _written(order: Order, decoder: SpeculativeDecoder | BanditDecoder, on_text: OnText | None) -> Generation:
    characters = codecs.getincrementaldecoder("utf-8")(errors="replace")
    parts: list[str] = []
    count, ends = 0, order.ends

    def on_tokens(number: int, tokens: Tokens, outcome: str | None) -> None:
        nonlocal count
        count += tokens.size
        shown = tokens[:-1] if outcome == "eos" else tokens
        parts.append(characters.decode(order.tokenizer.decode_bytes(shown), outcome is not None))
        if on_text is not None:
            on_text(parts[-1], count)

    found = decoder.generate(
        [order.prompt],
        order.max_new_tokens,
        sampling=order.sampling,
        eos=ends,
        seed=order.seed,
        on_tokens=on_tokens,
    )
    return Generation("".join(parts), found)


def _totals(kept: Integers, accepted: Integers, drafted: Integers) -> dict[str, Any]:
    """Return ratios of totals over some rounds."""
    rounds, drafts = int(kept.size), int(drafted.sum())
    return {
        "rounds": rounds,
        "tokens_per_round": float(kept.sum() / rounds) if rounds else None,
        "accepted_per_round": float(accepted.sum() / rounds) if rounds else None,
        "acceptance_rate": float(accepted.sum() / drafts) if drafts else None,
    }
