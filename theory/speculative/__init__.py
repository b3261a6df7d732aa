"""Speculative decoding: exact laws of verification rules, acceptance, speed-up, candidates, draft trees.

p is the law of the next token under the target, q under the drafter, both over V tokens; gamma is the number
of drafted tokens per round, k the number of candidates for one token. :class:`PrefixTables` is a small model;
laws of a round are enumerated. Nothing here is random.
"""

from tightbound.theory.speculative.acceptance import (
    acceptance_probability,
    expected_tokens,
    expected_tokens_in_context,
    operations_factor,
    optimal_gamma,
    speedup,
)
from tightbound.theory.speculative.anchor_offset import anchor_offset_positions, position_coverage
from tightbound.theory.speculative.block import block_law, block_verification, expected_tokens_of_blocks
from tightbound.theory.speculative.chain import chain_law, chain_verification, residual
from tightbound.theory.speculative.greedy import (
    greedy_draft_law,
    greedy_text,
    greedy_verification,
    speculative_greedy_text,
)
from tightbound.theory.speculative.k_seq import k_seq, k_seq_acceptance, k_seq_scale
from tightbound.theory.speculative.memory_traffic import (
    MemoryTraffic,
    break_even_acceptance,
    keys_read_per_token,
    stated_break_even_acceptance,
    stated_keys_read_per_token,
)
from tightbound.theory.speculative.multi_draft import (
    NodeLaw,
    recursive_rejection,
    recursive_rejection_acceptance,
    target_only,
    top_tokens,
)
from tightbound.theory.speculative.optimal_transport import (
    candidates_without_replacement,
    independent_candidates,
    optimal_acceptance_of,
    optimal_coupling,
    optimal_multidraft_acceptance,
)
from tightbound.theory.speculative.roofline import Roofline
from tightbound.theory.speculative.round_law import RoundLaw, round_law
from tightbound.theory.speculative.sparse_attention import (
    kept_mass,
    sparse_error,
    sparse_error_bound,
    top_keys,
)
from tightbound.theory.speculative.tables import PrefixTables, total_variation
from tightbound.theory.speculative.tree_law import expected_accepted, tree_law
from tightbound.theory.speculative.tree_shapes import accepted_by_rank, best_tree, breadth_first_tree
from tightbound.theory.speculative.trees import DraftTree, beam_tree

__all__ = [
    "DraftTree",
    "MemoryTraffic",
    "NodeLaw",
    "PrefixTables",
    "Roofline",
    "RoundLaw",
    "acceptance_probability",
    "accepted_by_rank",
    "anchor_offset_positions",
    "beam_tree",
    "best_tree",
    "block_law",
    "block_verification",
    "breadth_first_tree",
    "break_even_acceptance",
    "candidates_without_replacement",
    "chain_law",
    "chain_verification",
    "expected_accepted",
    "expected_tokens",
    "expected_tokens_in_context",
    "expected_tokens_of_blocks",
    "greedy_draft_law",
    "greedy_text",
    "greedy_verification",
    "independent_candidates",
    "k_seq",
    "k_seq_acceptance",
    "k_seq_scale",
    "kept_mass",
    "keys_read_per_token",
    "operations_factor",
    "optimal_acceptance_of",
    "optimal_coupling",
    "optimal_gamma",
    "optimal_multidraft_acceptance",
    "position_coverage",
    "recursive_rejection",
    "recursive_rejection_acceptance",
    "residual",
    "round_law",
    "sparse_error",
    "sparse_error_bound",
    "speculative_greedy_text",
    "speedup",
    "stated_break_even_acceptance",
    "stated_keys_read_per_token",
    "target_only",
    "top_keys",
    "top_tokens",
    "total_variation",
    "tree_law",
]
