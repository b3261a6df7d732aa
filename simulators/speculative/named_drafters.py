"""Drafters and policies by name, for a language model that was read from a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tightbound.simulators.language_models.byte_pair_tokenizer import BytePairTokenizer
from tightbound.simulators.speculative.bandit_decoder import Arm
from tightbound.simulators.speculative.drafter import Drafter, NoDraft
from tightbound.simulators.speculative.text_drafter import TextDrafter, Tokens
from tightbound.theory._validation import as_integer

if TYPE_CHECKING:
    from tightbound.simulators.bandits.policies.base import Policy
    from tightbound.simulators.language_models.llama import Llama

LONG_SPEC = Path(__file__).parent / "data" / "long_spec_smollm2.npz"
"""Weights of the LongSpec draft of SmolLM2-135M-Instruct."""


@dataclass(frozen=True, eq=False)
class Material:
    """What drafters are made of.

    Parameters
    ----------
    target : Llama
        The model that they draft for.
    tokenizer : BytePairTokenizer
        Its tokeniser.
    memory : str, optional
        Text that "ngram" counts and "datastore" copies from; Python's own help topics where left out.
    draft_model : Path, optional
        GGUF file of the model of "separate_model".
    draft_weights : Path, optional
        Weights of "long_spec", those of SmolLM2-135M-Instruct where left out.
    keys : int
        Keys of the document that "sparse_to_dense" keeps.
    """

    target: Llama
    tokenizer: BytePairTokenizer
    memory: str | None = field(default=None, repr=False)
    draft_model: Path | None = None
    draft_weights: Path | None = None
    keys: int = 256

    @cached_property
    def memory_tokens(self) -> Tokens:
        """Tokens of the memory."""
        if self.memory is not None:
            return self.tokenizer.encode(self.memory)
        from pydoc_data.topics import topics

        return self.tokenizer.encode("\n\n".join(topics.values()))


def _prompt_lookup(material: Material, gamma: int) -> TextDrafter:
    from tightbound.simulators.speculative.prompt_lookup import PromptLookup

    return PromptLookup(max_draft=gamma)


def _suffix_automaton(material: Material, gamma: int) -> TextDrafter:
    from tightbound.simulators.speculative.suffix import SuffixAutomaton

    return SuffixAutomaton(max_draft=gamma)


def _datastore(material: Material, gamma: int) -> TextDrafter:
    from tightbound.simulators.speculative.suffix import SuffixDatastore

    return SuffixDatastore(material.memory_tokens, max_draft=gamma)


def _ngram(material: Material, gamma: int) -> TextDrafter:
    from tightbound.simulators.speculative.ngram import NGram

    return NGram(material.memory_tokens, max_draft=gamma)


def _layer_skip(material: Material, gamma: int) -> Drafter:
    """Leave out a seventh of the layers, in the middle, where the read-out misses them least."""
    from tightbound.simulators.speculative.layer_skip import LayerSkip

    layers = material.target.layers
    first = 2 * layers // 5
    skipped = range(first, first + layers // 7)
    return LayerSkip(tuple(layer for layer in range(layers) if layer not in skipped), gamma)


def _separate_model(material: Material, gamma: int) -> Drafter:
    from tightbound.simulators.language_models import smollm2
    from tightbound.simulators.speculative.separate_model import SeparateModel

    if material.draft_model is None:
        raise ValueError("separate_model needs a model that drafts: name its GGUF file as draft_model")
    model, tokenizer = smollm2.load(material.draft_model)
    theirs, ours = tokenizer, material.tokenizer
    if theirs.tokens != ours.tokens or theirs.merges != ours.merges:
        raise ValueError(
            f"the tokeniser of {material.draft_model} ({theirs.vocabulary} tokens) is not that of the target "
            f"({ours.vocabulary}), so its tokens mean other words: take a smaller model of the same family"
        )
    return SeparateModel(model, gamma)


def _sparse_to_dense(material: Material, gamma: int) -> Drafter:
    from tightbound.simulators.speculative.sparse_to_dense import SparseToDense

    return SparseToDense(material.keys, shape=gamma)


def _long_spec(material: Material, gamma: int) -> Drafter:
    from tightbound.simulators.speculative.growth import Beam
    from tightbound.simulators.speculative.long_spec import LongSpecDraft
    from tightbound.simulators.speculative.long_spec_block import LongSpecBlock

    path = LONG_SPEC if material.draft_weights is None else material.draft_weights
    if not path.is_file():
        raise ValueError(
            f"long_spec needs trained weights and there is no file {path}: train them with 'python -m "
            "tightbound.papers.longspec.train smollm2' and name the file as draft_weights"
        )
    block = LongSpecBlock.load(path)
    block.check(material.target)
    return LongSpecDraft(block, Beam((4, *(16,) * (gamma - 1))))


DRAFTERS: Mapping[str, Callable[[Material, int], Drafter | TextDrafter]] = {
    "none": lambda material, gamma: NoDraft(),
    "prompt_lookup": _prompt_lookup,
    "suffix_automaton": _suffix_automaton,
    "datastore": _datastore,
    "ngram": _ngram,
    "layer_skip": _layer_skip,
    "separate_model": _separate_model,
    "sparse_to_dense": _sparse_to_dense,
    "long_spec": _long_spec,
}
"""Makers of drafters that draft ``gamma`` tokens, at least 1."""


def arm_lengths(specs: Sequence[str], gamma: int) -> dict[str, tuple[str, int]]:
    """Return drafter and draft length of each arm, by the name of the arm.

    Parameters
    ----------
    specs : sequence of str
        Each ``"name"`` or ``"name:length"``; length 0 drafts nothing.
    gamma : int
        Longest draft of names without a length, in tokens, at least 0.

    Raises
    ------
    ValueError
        For no or an unknown name, a length that is no number of at least 0, or an arm named twice.

    Examples
    --------
    >>> arm_lengths(["prompt_lookup", "prompt_lookup:8", "none"], 4)
    {'prompt_lookup:4': ('prompt_lookup', 4), 'prompt_lookup:8': ('prompt_lookup', 8), 'none': ('none', 0)}
    """
    usual = as_integer("gamma", gamma, least=0)
    wanted: dict[str, tuple[str, int]] = {}
    for spec in specs:
        name, colon, length = spec.partition(":")
        if name not in DRAFTERS:
            raise ValueError(f"drafter is {name!r}: choose among {', '.join(DRAFTERS)}")
        if colon and not (length.isascii() and length.isdecimal()):
            raise ValueError(f"drafter is {spec!r}: after the colon give its longest draft, e.g. '{name}:4'")
        tokens = int(length) if colon else usual
        label, tokens = (name, 0) if name == "none" else (f"{name}:{tokens}", tokens)
        if label in wanted:
            raise ValueError(f"drafter {label!r} is given twice: give each once, or other lengths")
        wanted[label] = name, tokens
    if not wanted:
        raise ValueError(f"no drafter is given: choose among {', '.join(DRAFTERS)}")
    return wanted


def named_arms(lengths: Mapping[str, tuple[str, int]], material: Material) -> dict[str, Arm]:
    """Return the arms of ``arm_lengths``; lengths of one drafter share it and its cache.

    Raises
    ------
    ValueError
        For material that a drafter lacks or that does not fit the target.

    Examples
    --------
    >>> arms = named_arms(arm_lengths(["prompt_lookup:2", "prompt_lookup:8"], 4), None)
    >>> arms["prompt_lookup:2"].drafter is arms["prompt_lookup:8"].drafter
    True
    """
    longest: dict[str, int] = {}
    for name, tokens in lengths.values():
        longest[name] = max(tokens, longest.get(name, 0))
    made = {
        name: DRAFTERS[name](material, tokens) if tokens else NoDraft() for name, tokens in longest.items()
    }
    return {label: Arm(made[name], tokens) for label, (name, tokens) in lengths.items()}


def named_policy(name: str) -> Policy:
    """Return the policy called ``name``; "fixed" plays the first arm only.

    Raises
    ------
    ValueError
        For a name that is not in ``POLICIES``.

    Examples
    --------
    >>> named_policy("exp3_spec")
    EXP3Spec()
    """
    from tightbound.simulators import bandits as b

    known: dict[str, Callable[[], Policy]] = {
        "ucb_spec": b.UCBSpec,
        "exp3_spec": b.EXP3Spec,
        "thompson": lambda: b.TokenThompson(assume_tgd=True),
        "kl_ucb": lambda: b.TokenKLUCB(assume_tgd=True),
        "released_ucb": b.ReleasedUCB,
        "ucb1": b.UCB1,
        "greedy": b.Greedy,
        "round_robin": b.RoundRobin,
        "fixed": lambda: b.FixedArm(0),
    }
    if name not in known:
        raise ValueError(f"policy is {name!r}: choose among {', '.join(known)}")
    return known[name]()
