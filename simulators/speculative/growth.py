r"""Drafts from a language model: layer by layer, as chains, as trees of draws, or as beams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels._reference_draw import draw
from tightbound.kernels.beam_tree_step import beam_tree_step
from tightbound.simulators.speculative.draft import Draft
from tightbound.simulators.speculative.sampling import RoundCoins, Sampling
from tightbound.simulators.speculative.text_drafter import Tokens
from tightbound.theory._validation import Array, Integers, as_integer


class Forward(Protocol):
    """Appends pending rows and returns their logits: a model's ``forward``, its cache given."""

    def __call__(
        self, tokens: Integers, *, mask: NDArray[np.bool_] | None, positions: Integers | None, read: Integers
    ) -> NDArray[Any]:
        """Return logits (B, R, V)."""
        ...


@dataclass(frozen=True)
class Branching:
    """Every node of depth j has ``children[j]`` children, drawn from the drafter's law at that node.

    At temperature 0 they are the likeliest tokens instead. Ones make a chain.

    Parameters
    ----------
    children : sequence of int
        Children per node, at least 1; their number is the depth of the tree. Empty drafts nothing.
    replace : bool
        Whether children are drawn independently or without replacement.

    Examples
    --------
    >>> Branching.chain(3)
    Branching(children=(1, 1, 1), replace=True)
    """

    children: tuple[int, ...]
    replace: bool = True

    def __post_init__(self) -> None:
        counts = tuple(as_integer("children", count, least=1) for count in self.children)
        object.__setattr__(self, "children", counts)

    @classmethod
    def chain(cls, length: int) -> Branching:
        """Return the shape of a path of ``length`` drawn tokens, at least 0."""
        return cls((1,) * as_integer("length", length, least=0))

    @property
    def depth(self) -> int:
        """Longest path."""
        return len(self.children)


@dataclass(frozen=True)
class Beam:
    """Layer j holds the ``widths[j]`` likeliest continuations of layer j - 1; nothing is drawn.

    Parameters
    ----------
    widths : sequence of int
        Nodes per layer, at least 1. Ones make the chain of the likeliest tokens.
    keep_laws : bool
        Whether drafts carry the laws that tokens were chosen by. No lossless rule reads them.

    References
    ----------
    Yang et al., "LongSpec", arXiv 2502.17421 (widths 4, 16, 16, 16, 16).

    Examples
    --------
    >>> Beam((2, 3)).widths
    (2, 3)
    """

    widths: tuple[int, ...]
    keep_laws: bool = False

    def __post_init__(self) -> None:
        widths = tuple(as_integer("widths", width, least=1) for width in self.widths)
        object.__setattr__(self, "widths", widths)

    @property
    def depth(self) -> int:
        """Longest path."""
        return len(self.widths)


Shape = Branching | Beam


def as_shape(shape: Shape | int) -> Shape:
    """Return a shape; a number is the length of a chain of drawn tokens."""
    if isinstance(shape, (Branching, Beam)):
        return shape
    return Branching.chain(as_integer("shape", shape, least=0))


@dataclass(eq=False)
class Sprout:
    """The draft of one sequence while it grows."""

    parents: list[int]
    tokens: list[int]
    rows: list[Integers]
    """Pending rows on the path of each node that was read, the node's own last."""
    frontier: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    laws: list[Array] = field(default_factory=list)


def grow(
    forward: Forward,
    unread: Sequence[Tokens],
    lengths: Integers,
    limits: Integers,
    shape: Shape,
    sampling: Sampling,
    coins: Sequence[RoundCoins],
    *,
    backend: str = "auto",
) -> tuple[list[Draft], list[list[Integers]]]:
    """Draft for a batch with one pass per layer of the tree.

    Parameters
    ----------
    forward : callable
        Pass of the drafter over rows of all sequences; nothing is pending before the first.
    unread : sequence of ndarray of int
        Tokens of each text that the drafter has not committed, the last of them the root; at least one where
        the limit is not 0.
    lengths : ndarray of int, shape (B,)
        Tokens of each text that it has.
    limits : ndarray of int, shape (B,)
        Longest path of each draft; 0 drafts nothing.
    shape : Branching or Beam
        Shape of the tree.
    sampling : Sampling
        How tokens are drawn.
    coins : sequence of RoundCoins
        Variates of each sequence.
    backend : str
        See :mod:`tightbound.kernels.backends`.

    Returns
    -------
    drafts : list of Draft
        One per sequence.
    rows : list of list of ndarray of int
        Pending rows on the path of each node, from the first unread token on; for the first nodes of each
        draft, those that were read. Deeper nodes have none.
    """
    depths = np.minimum(limits, shape.depth)
    sprouts = [Sprout([-1], [int(tokens[-1]) if tokens.size else 0], []) for tokens in unread]
    pending, deepest = 0, int(depths.max(initial=0))
    for layer in range(deepest):
        # a sequence whose last layer is empty has no token left to draft
        active = np.array([b for b in np.flatnonzero(depths > layer) if layer == 0 or sprouts[b].frontier])
        if active.size == 0:
            break
        logits, pending = _pass(forward, sprouts, unread, lengths, active, layer, pending)
        if isinstance(shape, Beam):
            _beam(sprouts, logits, shape, layer, sampling, backend)
        else:
            _branch(sprouts, logits, shape, layer, sampling, coins, backend)
    return [_draft(sprout, shape, sampling) for sprout in sprouts], [sprout.rows for sprout in sprouts]


def _pass(
    forward: Forward,
    sprouts: list[Sprout],
    unread: Sequence[Tokens],
    lengths: Integers,
    active: Integers,
    layer: int,
    pending: int,
) -> tuple[dict[int, NDArray[Any]], int]:
    """Read the frontier (at first the unread tokens) of active sequences; return logits by sequence."""
    fed: list[Tokens] = [np.zeros(0, np.int64) for _ in sprouts]
    for b in active:
        one = sprouts[b]
        fed[b] = unread[b] if layer == 0 else np.array([one.tokens[i] for i in one.frontier], dtype=np.int64)
    width = max(1, *(tokens.size for tokens in fed))
    tokens = np.zeros((len(sprouts), width), dtype=np.int64)
    mask = np.zeros((len(sprouts), width, pending + width), dtype=np.bool_)
    mask[:, np.arange(width), pending + np.arange(width)] = True
    positions = np.repeat(lengths[:, np.newaxis], width, axis=1)
    wanted = max(1, *(1 if layer == 0 else rows.size for rows in fed))
    read = np.zeros((len(sprouts), wanted), dtype=np.int64)
    for b in active:
        one, count = sprouts[b], fed[b].size
        tokens[b, :count] = fed[b]
        own = pending + np.arange(count)
        if layer == 0:
            mask[b, :count, :count] = np.tri(count, dtype=np.bool_)
            positions[b, :count] += np.arange(count)
            one.rows.append(own)
            read[b] = count - 1
        else:
            for i, node in enumerate(one.frontier):
                above = one.rows[one.parents[node]]
                mask[b, i, above] = True
                positions[b, i] = lengths[b] + above.size
                one.rows.append(np.append(above, own[i]))
            read[b, :count] = np.arange(count)
    chain = bool(np.all(mask == np.tri(width, pending + width, pending, dtype=np.bool_)))
    logits = forward(tokens, mask=None if chain else mask, positions=None if chain else positions, read=read)
    found = {int(b): logits[b, : 1 if layer == 0 else fed[b].size] for b in active}
    return found, pending + width


def _branch(
    sprouts: list[Sprout],
    logits: dict[int, NDArray[Any]],
    shape: Branching,
    layer: int,
    sampling: Sampling,
    coins: Sequence[RoundCoins],
    backend: str,
) -> None:
    """Give every node of the frontier its children."""
    count = shape.children[layer]
    drawn_from = {} if sampling.greedy else _laws(logits, sampling, backend)
    for b, rows in logits.items():
        one = sprouts[b]
        nodes, laws = one.frontier or [0], drawn_from.get(b)
        following: list[int] = []
        for i, node in enumerate(nodes):
            if laws is None:
                tokens = _likeliest(rows[i], count)
            else:
                tokens = _drawn(laws[i], count, shape.replace, coins[b].drafts)
                one.laws.append(laws[i])
            following += range(len(one.tokens), len(one.tokens) + len(tokens))
            one.tokens += tokens
            one.parents += [node] * len(tokens)
        one.frontier = following


def _laws(logits: dict[int, NDArray[Any]], sampling: Sampling, backend: str) -> dict[int, Array]:
    """Return the laws of all sequences, computed in one call."""
    laws = np.asarray(sampling.law(np.concatenate(list(logits.values())), backend=backend))
    ends = np.cumsum([len(rows) for rows in logits.values()])
    return dict(zip(logits, np.split(laws, ends[:-1]), strict=True))


def _likeliest(scores: NDArray[Any], count: int) -> list[int]:
    """Return the tokens of largest score, of equal ones the smaller first; none that is impossible."""
    if count == 1:
        return [int(np.argmax(scores))]
    best = np.argsort(-scores, kind="stable")[:count]
    return [int(token) for token in best if scores[token] > -np.inf]


def _drawn(law: Array, count: int, replace: bool, source: np.random.Generator) -> list[int]:
    """Return tokens drawn from a law; without replacement fewer where there are no others."""
    left, tokens = law, []
    for u in source.random(count):
        if not left.any():
            break
        tokens.append(draw(left, float(u), left))
        if not replace:
            left = np.where(np.arange(left.size) == tokens[-1], 0.0, left)
    return tokens


def _beam(
    sprouts: list[Sprout],
    logits: dict[int, NDArray[Any]],
    shape: Beam,
    layer: int,
    sampling: Sampling,
    backend: str,
) -> None:
    """Give every sequence the likeliest continuations of its frontier."""
    told = _laws(logits, sampling, backend) if shape.keep_laws else {}
    most = max(len(rows) for rows in logits.values())
    size = next(iter(logits.values())).shape[-1]
    scores, upto = np.zeros((len(logits), most, size)), np.full((len(logits), most), -np.inf)
    for i, (b, rows) in enumerate(logits.items()):
        one = sprouts[b]
        scores[i, : len(rows)] = _log_softmax(rows / (sampling.temperature or 1.0))
        upto[i, : len(rows)] = one.scores if one.frontier else 0.0
        one.laws += list(told.get(b, ()))
    step = beam_tree_step(scores, upto, min(shape.widths[layer], most * size), backend=backend)
    for i, b in enumerate(logits):
        one = sprouts[b]
        nodes, kept = one.frontier or [0], step.tokens[i] >= 0
        first = len(one.tokens)
        one.tokens += step.tokens[i][kept].tolist()
        one.parents += [nodes[parent] for parent in step.parents[i][kept]]
        one.scores = step.cum[i][kept].tolist()
        one.frontier = list(range(first, len(one.tokens)))


def _log_softmax(scores: NDArray[Any]) -> Array:
    shifted = np.asarray(scores - scores.max(axis=-1, keepdims=True), dtype=np.float64)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def _draft(sprout: Sprout, shape: Shape, sampling: Sampling) -> Draft:
    """Return the grown draft; rows of laws that no child was drawn from are 0."""
    laws = None
    if sprout.laws:
        laws = np.zeros((len(sprout.tokens), sprout.laws[0].size), dtype=sprout.laws[0].dtype)
        laws[: len(sprout.laws)] = sprout.laws
    parents, tokens = np.array(sprout.parents), np.array(sprout.tokens)
    if isinstance(shape, Beam) or sampling.greedy or len(tokens) == 1:
        return Draft(parents, tokens, laws=laws)
    return Draft(parents, tokens, "independent" if shape.replace else "distinct", laws)
