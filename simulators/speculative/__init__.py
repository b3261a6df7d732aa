"""Speculative decoding: one decoder, its drafters and verifiers, a bandit that chooses among them.

`SpeculativeDecoder` writes texts from any language model. Drafters propose tokens: from the text alone
(`PromptLookup`, `NGram`), from another model, or from the target itself with fewer layers or keys. Rounds can
also be simulated without a model. `GreedyWriter` writes greedy texts that stay on a GPU.
"""

from tightbound.simulators.speculative.bandit_decoder import (
    Arm,
    BanditDecoder,
    BanditDecoding,
)
from tightbound.simulators.speculative.decoder import (
    SpeculativeDecoder,
)
from tightbound.simulators.speculative.decoding import (
    Completion,
    Decoding,
    RoundLog,
    Timings,
)
from tightbound.simulators.speculative.draft import (
    Draft,
)
from tightbound.simulators.speculative.drafter import (
    Drafter,
    NoDraft,
)
from tightbound.simulators.speculative.gpu_decoding import (
    GreedyTexts,
    GreedyWriter,
)
from tightbound.simulators.speculative.gpu_prompts import (
    ReadPrompts,
    read_prompts,
)
from tightbound.simulators.speculative.growth import (
    Beam,
    Branching,
)
from tightbound.simulators.speculative.layer_skip import (
    LayerSkip,
)
from tightbound.simulators.speculative.long_spec import LongSpecDraft
from tightbound.simulators.speculative.long_spec_block import LongSpecBlock
from tightbound.simulators.speculative.ngram import (
    NGram,
)
from tightbound.simulators.speculative.prompt_lookup import (
    PromptLookup,
)
from tightbound.simulators.speculative.rounds import (
    Rounds,
    simulate_all_lengths,
    simulate_chain,
    simulate_rounds,
)
from tightbound.simulators.speculative.sampling import (
    Sampling,
)
from tightbound.simulators.speculative.separate_model import (
    SeparateModel,
)
from tightbound.simulators.speculative.sparse_to_dense import (
    Random,
    Recent,
    SparseToDense,
    Streaming,
    TextGuided,
)
from tightbound.simulators.speculative.suffix import (
    SuffixAutomaton,
    SuffixDatastore,
)
from tightbound.simulators.speculative.text_drafter import (
    TextDrafter,
    accepted_lengths,
)
from tightbound.simulators.speculative.tokenize import (
    Vocabulary,
)
from tightbound.simulators.speculative.verifiers import (
    BlockVerification,
    ChainVerification,
    GreedyVerification,
    MatchedVerification,
    RecursiveRejection,
    TargetOnlyVerification,
    Verdict,
)

__all__ = [
    "Arm",
    "BanditDecoder",
    "BanditDecoding",
    "Beam",
    "BlockVerification",
    "Branching",
    "ChainVerification",
    "Completion",
    "Decoding",
    "Draft",
    "Drafter",
    "GreedyTexts",
    "GreedyVerification",
    "GreedyWriter",
    "LayerSkip",
    "LongSpecBlock",
    "LongSpecDraft",
    "MatchedVerification",
    "NGram",
    "NoDraft",
    "PromptLookup",
    "Random",
    "ReadPrompts",
    "Recent",
    "RecursiveRejection",
    "RoundLog",
    "Rounds",
    "Sampling",
    "SeparateModel",
    "SparseToDense",
    "SpeculativeDecoder",
    "Streaming",
    "SuffixAutomaton",
    "SuffixDatastore",
    "TargetOnlyVerification",
    "TextDrafter",
    "TextGuided",
    "Timings",
    "Verdict",
    "Vocabulary",
    "accepted_lengths",
    "read_prompts",
    "simulate_all_lengths",
    "simulate_chain",
    "simulate_rounds",
]
