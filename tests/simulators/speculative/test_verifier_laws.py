"""Exact laws of the verifiers: all drafts, and all cells of variates in which a verdict is the same."""

import itertools

import numpy as np
import pytest

from tightbound.simulators.speculative.biased_verifiers import (
    BlockToFirstFailure,
    ChildrenAsDrawn,
    ChosenAsDrawn,
)
from tightbound.simulators.speculative.draft import Draft
from tightbound.simulators.speculative.verifiers import (
    BlockVerification,
    ChainVerification,
    MatchedVerification,
    RecursiveRejection,
    TargetOnlyVerification,
)
from tightbound.theory.speculative import (
    DraftTree,
    PrefixTables,
    RoundLaw,
    block_law,
    chain_law,
    total_variation,
    tree_law,
)
from tightbound.theory.speculative.biased_rules import (
    block_law_to_first_failure,
    chain_law_replacing_from_target,
    greedy_draft_as_if_sampled,
)
from tightbound.theory.speculative.block import stopping_chances
from tightbound.theory.speculative.chain import normalised, replace_from_target, residual
from tightbound.theory.speculative.tree_law import children_as_if_sampled
from tightbound.theory.speculative.trees import beam_tree, without

GAMMA, SIZE = 2, 3


class Given:
    """Variates that are given: of the last token first, then of the nodes."""

    def __init__(self, final, nodes):
        self.values = np.array([final, *nodes])

    def verification(self, count):
        return np.append(self.values, np.zeros(count))[:count]


@pytest.fixture(scope="module")
def pair():
    rng = np.random.default_rng(12)
    target = PrefixTables([rng.dirichlet(np.ones(SIZE), (SIZE,) * i) for i in range(GAMMA + 1)])
    draft = PrefixTables([rng.dirichlet(np.ones(SIZE), (SIZE,) * i) for i in range(GAMMA)])
    return target, draft


def cells(points):
    """Middles and widths of the intervals between these points of [0, 1]."""
    inner = [x for x in np.unique(points) if 1e-15 < x < 1.0 - 1e-15]
    edges = np.array([0.0, *inner, 1.0])
    return list(zip((edges[1:] + edges[:-1]) / 2.0, np.diff(edges), strict=True))


def steps(*laws):
    return np.concatenate([np.cumsum(law / law.sum()) for law in laws if law.sum() > 0.0])


def law_of_round(verifier, weighted, target):
    """Sum over drafts (weight, draft, points per node, points of the last token) and their cells."""
    emitted = [np.zeros((SIZE,) * (t + 1)) for t in range(GAMMA + 1)]
    for weight, draft, per_node, last in weighted:
        rows = np.array([target.after(path(draft, i)) for i in range(draft.nodes)])
        cases = list(itertools.product(cells(last), *(cells(points) for points in per_node)))
        coins = [Given(final, [u for u, _ in nodes]) for (final, _), *nodes in cases]
        found = verifier.verify([draft] * len(cases), [rows] * len(cases), coins, "numpy")
        for verdict, case in zip(found, cases, strict=True):
            volume = weight * np.prod([width for _, width in case])
            emitted[verdict.path.size][tuple(verdict.tokens(draft))] += volume
    return RoundLaw(tuple(emitted))


def path(draft, node):
    tokens = []
    while node > 0:
        tokens.append(int(draft.tokens[node]))
        node = int(draft.parents[node])
    return tuple(reversed(tokens))


def drawn_chains(target, q):
    """Every chain that q draws, with the points at which rules of chains change their mind."""
    for x in itertools.product(range(SIZE), repeat=GAMMA):
        told = np.array([q.after(x[:i]) for i in range(GAMMA)])
        yield from chain_case(target, told, x, q.joint(GAMMA)[x], "independent")


def chosen_chains(target, q):
    """The likeliest chain of q, whose law is a point mass."""
    x = tuple(int(a[0]) for a in np.nonzero(q.greedy().joint(GAMMA)))
    told = np.eye(SIZE)[list(x)]
    for weight, draft, *points in chain_case(target, told, x, 1.0, "chosen"):
        laws = np.array([*(q.after(x[:i]) for i in range(GAMMA)), np.zeros(SIZE)])
        yield (weight, Draft(draft.parents, draft.tokens, laws=laws), *points)


def chain_case(target, told, x, weight, origin):
    p = np.array([target.after(x[:i]) for i in range(GAMMA + 1)])
    chances, excess = stopping_chances(p, told, np.array(x))
    ratios = [p[i, x[i]] / told[i, x[i]] for i in range(GAMMA)]
    per_node = [[min(1.0, ratios[i]), chances[i]] for i in range(GAMMA)]
    last = steps(*p, *residual(p[:-1], told), *normalised(excess, p[:-1]))
    laws = np.concatenate([told, np.zeros((1, SIZE))])
    yield weight, Draft(np.arange(-1, GAMMA), [0, *x], origin, laws), per_node, last


def beam_case(target, q):
    """A tree of the likeliest tokens."""
    tree = beam_tree(q, (2, 2))
    p = [target.after(tree.path(i)) for i in range(tree.nodes)]
    tokens = [tree.tokens[tree.children(i)] for i in range(tree.nodes)]
    per_node = [np.cumsum(p[i][tokens[i]]) if tokens[i].size else [] for i in range(tree.nodes)]
    rests = [np.where(np.isin(np.arange(SIZE), tokens[i]), 0.0, p[i]) for i in range(tree.nodes)]
    laws = np.array([q.after(tree.path(i)) if tokens[i].size else np.zeros(SIZE) for i in range(tree.nodes)])
    yield 1.0, Draft(tree.parents, tree.tokens, laws=laws), per_node, steps(*rests)


def drawn_pairs(target, q, replace):
    """Two children of the root, drawn one after the other; leaves below them."""
    p, law = target.after(()), q.after(())
    for x in itertools.product(range(SIZE), repeat=2):
        second = law if replace else without(law, np.array([x[0]]))
        weight = law[x[0]] * second[x[1]]
        if weight == 0.0:
            continue
        once = residual(p, law)
        twice = residual(once, second)
        per_node = [[], [p[x[0]] / law[x[0]]], [once[x[1]] / second[x[1]]]]
        laws = np.array([law, np.zeros(SIZE), np.zeros(SIZE)])
        draft = Draft([-1, 0, 0], [0, *x], "independent" if replace else "distinct", laws)
        yield weight, draft, per_node, steps(twice, target.after(x[:1]), target.after(x[1:]))


def text_of(verifier, weighted, target):
    return law_of_round(verifier, weighted, target).text(target, GAMMA + 1)


@pytest.mark.parametrize("rule", [ChainVerification(), BlockVerification(), MatchedVerification()])
@pytest.mark.parametrize("drafts", [drawn_chains, chosen_chains])
def test_chains_are_lossless(rule, drafts, pair):
    target, q = pair
    law = text_of(rule, drafts(target, q), target)
    assert total_variation(law, target.joint(GAMMA + 1)) <= 1e-12


@pytest.mark.parametrize("rule", [TargetOnlyVerification(), MatchedVerification()])
def test_trees_of_chosen_tokens_are_lossless(rule, pair):
    target, q = pair
    # nodes read a variate each, the root the first
    law = text_of(rule, beam_case(target, q), target)
    assert total_variation(law, target.joint(GAMMA + 1)) <= 1e-12


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("rule", [RecursiveRejection(), MatchedVerification()])
def test_trees_of_drawn_tokens_are_lossless(rule, replace, pair):
    target, q = pair
    law = text_of(rule, drawn_pairs(target, q, replace), target)
    assert total_variation(law, target.joint(GAMMA + 1)) <= 1e-12


def test_accepted_lengths_have_the_law_of_theory(pair):
    target, q = pair
    for rule, law in ((ChainVerification(), chain_law), (BlockVerification(), block_law)):
        found = law_of_round(rule, drawn_chains(target, q), target)
        np.testing.assert_allclose(found.accepted, law(target, q).accepted, atol=1e-12)


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        (BlockToFirstFailure(), block_law_to_first_failure),
        (ChosenAsDrawn(correction=replace_from_target), chain_law_replacing_from_target),
    ],
)
def test_wrong_rules_for_drawn_chains_have_the_law_they_are_known_for(rule, wrong, pair):
    target, q = pair
    law = text_of(rule, drawn_chains(target, q), target)
    assert total_variation(law, wrong(target, q).text(target)) <= 1e-12
    assert total_variation(law, target.joint(GAMMA + 1)) > 0.01


@pytest.mark.parametrize("correction", [residual, replace_from_target])
def test_chosen_chains_verified_as_if_drawn_have_the_law_they_are_known_for(correction, pair):
    target, q = pair
    x = tuple(int(a[0]) for a in np.nonzero(q.greedy().joint(GAMMA)))
    told = np.array([q.after(x[:i]) for i in range(GAMMA)])
    law = text_of(
        ChosenAsDrawn(correction=correction), chain_case(target, told, x, 1.0, "independent"), target
    )
    wrong = greedy_draft_as_if_sampled(target, q, correction=correction)
    assert total_variation(law, wrong.text(target)) <= 1e-12
    assert total_variation(law, target.joint(GAMMA + 1)) > 0.01


def test_chosen_children_verified_as_if_drawn_have_the_law_they_are_known_for(pair):
    target, q = pair
    law, p = q.after(()), target.after(())
    tokens = np.argsort(-law)[:2]
    laws = np.array([law, np.zeros(SIZE), np.zeros(SIZE)])
    draft = Draft([-1, 0, 0], [0, *tokens], laws=laws)
    points, last = [[], [], []], [p, target.after((tokens[0],)), target.after((tokens[1],))]
    for first, other in ((0, 1), (1, 0)):
        a, b = tokens[first], tokens[other]
        once, second = residual(p, law), without(law, np.array([a]))
        points[1 + first].append(p[a] / law[a])
        points[1 + other].append(once[b] / second[b])
        last.append(residual(once, second))

    class Ordered:
        """The order in which children are tried is drawn too; here it is given."""

        def __init__(self, keys):
            self.keys = keys

        def verify(self, drafts, rows, coins, backend):
            for one in coins:
                one.values = np.array([*one.values, *self.keys])
            return ChildrenAsDrawn().verify(drafts, rows, coins, backend)

    case = [(1.0, draft, points, steps(*last))]
    total = sum(0.5 * text_of(Ordered(keys), case, target) for keys in ((0.0, 0.2, 0.7), (0.0, 0.7, 0.2)))
    wrong = tree_law(DraftTree(draft.parents, draft.tokens), target, rule=children_as_if_sampled, draft=q)
    assert total_variation(total, wrong.text(target, GAMMA + 1)) <= 1e-12
    assert total_variation(total, target.joint(GAMMA + 1)) > 0.01
