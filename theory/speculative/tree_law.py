r"""Law of one round that verifies a tree of drafts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np

from tightbound.theory._validation import Array, Integers
from tightbound.theory.speculative.chain import residual
from tightbound.theory.speculative.round_law import RoundLaw
from tightbound.theory.speculative.tables import PrefixTables
from tightbound.theory.speculative.trees import DraftTree, without

NodeRule = Callable[[Array, Array, Integers], tuple[Array, Array]]
"""``(p (V,), q (V,), children tokens (n,)) -> (accept (n,), rest (V,))``, together a law of total mass 1."""


def target_only_rule(p: Array, q: Array, children: Integers) -> tuple[Array, Array]:
    """Accept child c with probability p(c); else a token from p without the children.

    Examples
    --------
    >>> target_only_rule(np.array([0.5, 0.3, 0.2]), np.ones(3) / 3, np.array([0, 2]))
    (array([0.5, 0.2]), array([0. , 0.3, 0. ]))
    """
    rest = p.copy()
    rest[children] = 0.0
    return p[children], rest


def children_as_if_sampled(p: Array, q: Array, children: Integers) -> tuple[Array, Array]:
    r"""Try children that were *not* drawn, in random order, by rejection without replacement: a biased rule.

    Child c is accepted with :math:`\min(1, p(c)/q(c))`; after a rejection p becomes
    :math:`(p - q)_+`, q loses c, both normalised. For children drawn from q this is lossless
    (:func:`~tightbound.theory.speculative.multi_draft.recursive_rejection`); for the likeliest tokens of q it
    is not. It is what a public implementation of LongSpec means to do at positive temperature.

    Examples
    --------
    >>> accept, rest = children_as_if_sampled(np.array([0.5, 0.5]), np.array([0.75, 0.25]), np.array([0]))
    >>> accept.round(6), rest.round(6)  # token 0 comes out with 2/3 instead of 1/2
    (array([0.666667]), array([0.      , 0.333333]))
    """
    accept, rest = np.zeros(children.size), np.zeros(p.size)
    orders = math.factorial(children.size)
    for order in itertools.permutations(range(children.size)):
        weight, law, proposal = 1.0 / orders, p, q
        for child in order:
            token = int(children[child])
            chance = min(1.0, float(law[token] / proposal[token])) if proposal[token] > 0.0 else 1.0
            accept[child] += weight * chance
            weight *= 1.0 - chance
            law, proposal = residual(law, proposal), without(proposal, np.array([token]))
        rest += weight * law
    return accept, rest


def tree_law(
    tree: DraftTree,
    target: PrefixTables,
    *,
    rule: NodeRule = target_only_rule,
    draft: PrefixTables | None = None,
) -> RoundLaw:
    r"""Law of one round over a given tree, by enumeration of its nodes.

    From the root on, ``rule`` either accepts a child, from which it goes on, or emits a token and ends the
    round; a node without children emits a token from p.

    With :func:`target_only_rule` it is lossless for every tree: the token after each node is from p, and it
    is committed whether or not a child carries it. A node is reached if and only if the tokens drawn follow
    its path, with probability :math:`\prod p`.

    Parameters
    ----------
    tree : DraftTree
        The drafted tokens.
    target : PrefixTables
        Laws p, one table more than the tree is deep.
    rule : callable ``(p, q, children) -> (accept, rest)``
        Verification at one node.
    draft : PrefixTables, optional
        Laws q for rules that read them; p where left out.

    Returns
    -------
    RoundLaw
        ``emitted[t]`` belongs to t accepted nodes.

    Raises
    ------
    ValueError
        For too few tables, or a token outside the vocabulary.

    Examples
    --------
    >>> p = PrefixTables.independent([0.5, 0.3, 0.2], 3)
    >>> law = tree_law(DraftTree([-1, 0, 0, 1], [0, 0, 1, 2]), p)
    >>> law.accepted
    array([0.2, 0.7, 0.1])
    """
    size, depth = target.vocabulary, int(tree.depths.max())
    if tree.nodes > 1 and tree.tokens[1:].max() >= size:
        raise ValueError(f"tokens contains {tree.tokens[1:].max()}: the target knows tokens below {size}")
    if target.length < depth + 1:
        raise ValueError(f"target gives {target.length} tables, a tree of depth {depth} needs {depth + 1}")
    told = target if draft is None else draft
    emitted = [np.zeros((size,) * (t + 1)) for t in range(depth + 1)]
    reach = np.zeros(tree.nodes)
    reach[0] = 1.0
    for node in range(tree.nodes):
        path, children = tree.path(node), tree.children(node)
        p = target.after(path)
        rest = p
        if children.size:
            accept, rest = rule(p, told.after(path), tree.tokens[children])
            reach[children] = reach[node] * accept
        emitted[len(path)][path] += reach[node] * rest
    return RoundLaw(tuple(emitted))


def expected_accepted(tree: DraftTree, model: PrefixTables) -> float:
    r"""Mean accepted nodes of target-only verification, :math:`\sum_{v \ne root} \prod_{u \le v} p(u)`.

    A node counts if and only if it is reached (see :func:`tree_law`); add the probabilities.

    Parameters
    ----------
    tree : DraftTree
        The drafted tokens.
    model : PrefixTables
        Laws p of the target; laws of the drafter give what the drafter believes.

    Returns
    -------
    float
        Accepted drafts per round, the token after them not counted.

    Examples
    --------
    >>> p = PrefixTables.independent([0.5, 0.3, 0.2], 3)
    >>> round(expected_accepted(DraftTree([-1, 0, 0, 1], [0, 0, 1, 2]), p), 12)
    0.9
    """
    reach = np.ones(tree.nodes)
    for node in range(1, tree.nodes):
        path = tree.path(node)
        reach[node] = reach[tree.parents[node]] * model.after(path[:-1])[path[-1]]
    return float(reach[1:].sum())
