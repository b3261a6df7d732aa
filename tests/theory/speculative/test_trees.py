import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.speculative.chain import chain_law
from tightbound.theory.speculative.greedy import greedy_draft_law
from tightbound.theory.speculative.tables import PrefixTables, total_variation
from tightbound.theory.speculative.tree_law import children_as_if_sampled, expected_accepted, tree_law
from tightbound.theory.speculative.tree_shapes import (
    accepted_by_rank,
    best_tree,
    breadth_first_tree,
    values_of_all_trees,
)
from tightbound.theory.speculative.trees import DraftTree, beam_tree

common = settings(deadline=None, derandomize=True, max_examples=30)


def _random_tree(rng, nodes, vocabulary, deepest):
    parents, tokens, depths, used = [-1], [0], [0], set()
    while len(parents) < nodes:
        open_to = [i for i in range(len(parents)) if depths[i] < deepest]
        free = [(i, x) for i in open_to for x in range(vocabulary) if (i, x) not in used]
        if not free:
            break
        parent, token = free[rng.integers(len(free))]
        used.add((parent, token))
        parents.append(parent)
        tokens.append(token)
        depths.append(depths[parent] + 1)
    return DraftTree(np.array(parents), np.array(tokens))


@common
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_structure_of_random_trees(seed, nodes):
    tree = _random_tree(np.random.default_rng(seed), nodes, 3, 3)
    mask, depths = tree.ancestor_mask, tree.depths
    assert mask.sum(axis=1).tolist() == (depths + 1).tolist()
    assert np.all(np.tril(mask) == mask)
    for node in range(tree.nodes):
        line, at = {node}, node
        while at > 0:
            at = int(tree.parents[at])
            line.add(at)
        assert set(np.flatnonzero(mask[node]).tolist()) == line
        assert len(tree.path(node)) == depths[node]
    assert tree.positions(7).tolist() == (7 + depths).tolist()
    again = DraftTree.from_links(tree.first_child, tree.next_sibling, tree.tokens)
    assert again.parents.tolist() == tree.parents.tolist()


@common
@given(st.integers(0, 2**32 - 1), st.integers(1, 10), st.sampled_from([1.0, 0.6]))
def test_target_only_is_lossless_for_every_tree(pair, seed, nodes, keep):
    p, _ = pair(seed, 3, 3, keep)
    tree = _random_tree(np.random.default_rng(seed), nodes, 3, 3)
    law = tree_law(tree, p)
    assert total_variation(law.text(p, 4), p.joint(4)) < 1e-12
    assert law.expected_tokens - 1.0 == pytest.approx(expected_accepted(tree, p), abs=1e-12)
    sums = [
        np.prod([p.after(tree.path(v)[:i])[x] for i, x in enumerate(tree.path(v))]) for v in range(tree.nodes)
    ]
    assert expected_accepted(tree, p) == pytest.approx(sum(sums) - 1.0, abs=1e-12)


def test_a_chain_of_greedy_tokens_is_the_greedy_draft(pair):
    p, q = pair(3, 3, 3)
    tree = beam_tree(q, (1, 1, 1))
    # the likeliest token at each step, as in a greedy draft
    for one, other in zip(tree_law(tree, p).emitted, greedy_draft_law(p, q).emitted, strict=True):
        assert one == pytest.approx(other)


def test_the_root_alone_emits_one_token(pair):
    p, _ = pair(4, 3, 1)
    law = tree_law(DraftTree([-1], [0]), p)
    assert law.accepted.tolist() == [1.0]
    assert law.emitted[0].tolist() == p.rows[0].tolist()


def test_a_full_level_is_always_accepted(pair):
    p, q = pair(5, 3, 1)
    assert tree_law(DraftTree([-1, 0, 0, 0], [0, 0, 1, 2]), p).accepted == pytest.approx([0.0, 1.0])
    assert chain_law(p, q).accepted[1] < 1.0


def test_children_tried_as_if_sampled_change_the_text(pair):
    p, q = pair(6, 4, 2)
    tree = beam_tree(q, (2, 4))
    law = tree_law(tree, p, rule=children_as_if_sampled, draft=q)
    assert law.accepted.sum() == pytest.approx(1.0)
    assert total_variation(law.text(p), p.joint(3)) > 0.01


def test_cases_of_a_decoder_in_use(cases):
    """Nearly deterministic targets: the walk follows the links to the accepted nodes."""
    size = cases["VOCABULARY"]
    for case in cases["TREES"]:
        tree = DraftTree.from_links(case["first_child"], case["next_sibling"], case["tokens"])
        depth = int(tree.depths.max())
        assert depth <= 3
        rows = []
        for node in range(tree.nodes):
            logits = np.full(size, cases["OTHERS"])
            logits[case["choices"].get(node, case["otherwise"])] = cases["LIKELIEST"]
            scaled = np.exp((logits - logits.max()) / cases["TEMPERATURE"])
            rows.append(scaled / scaled.sum())
        tables = [np.full((size,) * (i + 1), 1.0 / size) for i in range(depth + 1)]
        for node in range(tree.nodes):
            tables[len(tree.path(node))][tree.path(node)] = rows[node]
        law = tree_law(tree, PrefixTables(tables))
        accepted = len(case["accepted"]) - 1
        assert [tree.path(node) for node in case["accepted"]] == [
            tuple(case["emitted"][:i]) for i in range(accepted + 1)
        ]
        assert law.emitted[accepted][tuple(case["emitted"])] == pytest.approx(1.0)


def test_beam_keeps_the_likeliest_paths(pair):
    _, q = pair(7, 3, 2)
    tree = beam_tree(q, (3, 4))
    joint = q.joint(2)
    kept = {tree.path(v) for v in range(tree.nodes) if tree.depths[v] == 2}
    best = sorted(itertools.product(range(3), repeat=2), key=lambda text: -joint[text])[:4]
    assert kept == set(best)


def test_beam_breaks_ties_by_index_and_leaves_out_what_cannot_be():
    q = PrefixTables.independent([0.4, 0.4, 0.2, 0.0], 2)
    tree = beam_tree(q, (2, 3))
    assert [tree.path(v) for v in range(1, tree.nodes)] == [(0,), (1,), (0, 0), (0, 1), (1, 0)]
    assert beam_tree(q, (9,)).nodes == 4


def test_a_wide_beam_tree_has_one_row_per_node():
    rng = np.random.default_rng(0)
    q = PrefixTables([rng.dirichlet(np.ones(17), (17,) * i) for i in range(3)])
    assert beam_tree(q, (4, 16, 16)).nodes == 1 + 4 + 16 + 16


@common
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=3), st.integers(0, 6))
def test_the_heap_finds_the_best_of_all_trees(rates, nodes):
    rates = sorted(rates, reverse=True)
    values = values_of_all_trees(rates, nodes)
    assert accepted_by_rank(best_tree(rates, nodes), rates) == pytest.approx(values.max(), abs=1e-12)
    assert accepted_by_rank(breadth_first_tree(len(rates), nodes), rates) <= values.max() + 1e-12


def test_every_tree_is_listed_once():
    # ternary trees with n + 1 nodes: binom(3n + 3, n + 1) / (2n + 3)
    assert [values_of_all_trees([0.5, 0.4, 0.3], n).size for n in range(6)] == [1, 3, 12, 55, 273, 1428]


def test_one_rank_gives_a_chain_and_sure_drafts_go_deep():
    assert best_tree([0.7], 3).parents.tolist() == [-1, 0, 1, 2]
    assert best_tree([1.0, 0.5], 3).parents.tolist() == [-1, 0, 1, 2]
    assert best_tree([0.5, 0.5], 0).nodes == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: DraftTree([], []), ("parents has shape", "M >= 1")),
        (lambda: DraftTree([-1, 0], [0]), ("tokens (1,)", "one entry per node")),
        (lambda: DraftTree([0, 0], [0, 1]), ("parents[0] is 0", "root")),
        (lambda: DraftTree([-1, 2, 0], [0, 1, 2]), ("parents[1] is 2", "sort the nodes")),
        (lambda: DraftTree([-1, -1], [0, 1]), ("parents[1] is -1", "comes before it")),
        (lambda: DraftTree([-1, 0], [0, -3]), ("tokens contains -3", "at least 0")),
        (lambda: DraftTree([-1, 0, 0], [0, 1, 1]), ("tokens repeat", "merge")),
        (lambda: DraftTree.from_links([1, -1, -1], [-1, -1, -1], [0, 1, 2]), ("reach 2 of 3", "link all")),
        (lambda: DraftTree.from_links([1, 1], [-1, -1], [0, 1]), ("lead to node 1 twice", "tree")),
        (lambda: DraftTree([-1], [0]).positions(-1), ("prefix_length is -1", "at least 0")),
        (lambda: beam_tree(PrefixTables([[0.5, 0.5]]), (0,)), ("widths is 0", "at least 1")),
        (lambda: best_tree([0.3, 0.6], 2), ("it rises", "sort")),
        (lambda: best_tree([1.3], 2), ("acceptance is [1.3]", "[0, 1]")),
        (lambda: values_of_all_trees([0.5], 9), ("nodes is 9", "at most 8")),
        (lambda: accepted_by_rank(breadth_first_tree(2, 2), [0.5]), ("rank 1", "every rank")),
        (lambda: tree_law(DraftTree([-1, 0], [0, 5]), PrefixTables.independent([0.5, 0.5], 2)), ("below 2",)),
        (lambda: tree_law(DraftTree([-1, 0], [0, 1]), PrefixTables([[0.5, 0.5]])), ("depth 1 needs 2",)),
    ],
)
def test_bad_input_names_argument_and_remedy(call, words):
    with pytest.raises(ValueError, match=re.escape(words[0])) as caught:
        call()
    assert all(word in str(caught.value) for word in words)


def test_real_numbers_are_no_tokens():
    with pytest.raises(TypeError, match="tokens has dtype float64"):
        DraftTree([-1, 0], [0.0, 1.0])
