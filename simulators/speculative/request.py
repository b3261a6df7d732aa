"""A text that is asked for in names, numbers and files, and the order to write it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tightbound.simulators.language_models import smollm2
from tightbound.simulators.language_models.byte_pair_tokenizer import BytePairTokenizer, chat
from tightbound.simulators.speculative.generate import Order
from tightbound.simulators.speculative.named_drafters import (
    Material,
    arm_lengths,
    named_arms,
    named_policy,
)
from tightbound.simulators.speculative.sampling import Sampling
from tightbound.simulators.speculative.text_drafter import Tokens


@dataclass(frozen=True)
class Request:
    """What to write and how, in names, numbers and files.

    Parameters
    ----------
    prompt : str
        What to continue or to answer.
    drafters : sequence of str
        See :func:`~tightbound.simulators.speculative.named_drafters.arm_lengths`.
    policy : str, optional
        See :func:`~tightbound.simulators.speculative.named_drafters.named_policy`; of several drafters
        "ucb_spec" picks where it is left out.
    model : Path, optional
        GGUF file of a Llama-family model, SmolLM2-135M-Instruct where left out.
    chat : bool, optional
        Whether the prompt is a message to answer; where left out, if the tokeniser knows ChatML's marks.
    gamma : int
        Longest draft of drafters without a length of their own; 0 decodes plainly.
    max_new_tokens, temperature, top_k, top_p, seed
        See :class:`~tightbound.simulators.speculative.generate.Order` and
        :class:`~tightbound.simulators.speculative.sampling.Sampling`.
    memory, keys, draft_model, draft_weights
        See :class:`~tightbound.simulators.speculative.named_drafters.Material`.
    """

    prompt: str = field(repr=False)
    drafters: tuple[str, ...] = ("prompt_lookup",)
    policy: str | None = None
    model: Path | None = None
    chat: bool | None = None
    gamma: int = 4
    max_new_tokens: int = 128
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0
    memory: str | None = field(default=None, repr=False)
    keys: int = 256
    draft_model: Path | None = None
    draft_weights: Path | None = None

    def order(self) -> Order:
        """Read the files and return what is to be written, checked.

        Raises
        ------
        ValueError, TypeError
            For anything out of range or unknown, or a file that is no such model.
        FileNotFoundError
            For a file that is not there; where it is the model, the message says how to install one.
        ModuleNotFoundError
            Where the package that reads GGUF files is not installed.
        """
        lengths = arm_lengths(self.drafters, self.gamma)
        sampling = Sampling(self.temperature, self.top_k, self.top_p)
        name = "ucb_spec" if self.policy is None and len(self.drafters) > 1 else self.policy
        policy = None if name is None else named_policy(name)
        if not self.prompt:
            raise ValueError("the prompt is empty: give at least one word")
        model, tokenizer = smollm2.load(self.model)
        material = Material(model, tokenizer, self.memory, self.draft_model, self.draft_weights, self.keys)
        arms = named_arms(lengths, material)
        prompt = self._tokens(tokenizer)
        return Order(model, tokenizer, prompt, arms, policy, self.max_new_tokens, sampling, self.seed)

    def _tokens(self, tokenizer: BytePairTokenizer) -> Tokens:
        known = {tokenizer.tokens[i] for i in tokenizer.control} >= {"<|im_start|>", "<|im_end|>"}
        if self.chat and not known:
            raise ValueError("the model's tokeniser has no marks of a chat: continue the text as it is")
        if known if self.chat is None else self.chat:
            return tokenizer.encode(chat([("user", self.prompt)]), special=True)
        return tokenizer.encode(self.prompt)
