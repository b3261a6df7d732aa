"""Arguments of the operations that walk trees of drafts, checked."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tightbound.kernels._inputs import Sizes, here, to_numpy

MOST_NODES = 1024


class TreeSample(NamedTuple):
    """What verification of a tree emits, in NumPy arrays or torch tensors of int32.

    Parameters
    ----------
    predicts : shape (B * M,)
        At the ``retrieve_index`` of every node on the accepted path the token that follows it, elsewhere -1.
    accept_index : shape (B, M)
        ``retrieve_index`` of the nodes on the path, root first, then -1.
    accept_token_num : shape (B,)
        Accepted drafts: nodes on the path without the root.
    """

    predicts: Any
    accept_index: Any
    accept_token_num: Any


def tree(
    candidates: Any,
    retrieve_index: Any,
    next_token: Any,
    next_sibling: Any,
    vocabulary: int | None,
    check: bool,
) -> tuple[Sizes, tuple[Any, Any, Any, Any]]:
    """Check the nodes and links of trees; links are followed only with ``check`` or on the CPU."""
    sizes = Sizes()
    tokens = sizes.array("candidates", candidates, "B M")
    batch, nodes = sizes["B"], sizes["M"]
    if not 1 <= nodes <= MOST_NODES:
        raise ValueError(f"candidates has shape {(batch, nodes)}: a tree has 1 to {MOST_NODES} nodes")
    most = 2**31 - 1 if vocabulary is None else vocabulary - 1
    tokens = sizes.between("candidates", tokens, 0, most, check)
    index = sizes.integers("retrieve_index", retrieve_index, "B M", 0, batch * nodes - 1, check)
    child = sizes.integers("retrieve_next_token", next_token, "B M", -1, nodes - 1, check)
    sibling = sizes.integers("retrieve_next_sibling", next_sibling, "B M", -1, nodes - 1, check)
    if check or here(child):
        links = [to_numpy(a if here(a) else a.cpu(), np.int64) for a in (child, sibling)]
        for name, link in zip(("retrieve_next_token", "retrieve_next_sibling"), links, strict=True):
            wrong = np.argwhere((link != -1) & (link <= 0 if name.endswith("token") else link == 0))
            if wrong.size:
                raise ValueError(
                    f"{name} leads from node {wrong[0, 1]} to the root: no node precedes the root"
                )
        reached = np.sort(np.concatenate(links, axis=1), axis=1)
        twice = np.argwhere((reached[:, 1:] == reached[:, :-1]) & (reached[:, 1:] >= 0))
        if twice.size:
            raise ValueError(
                f"retrieve_next_token and retrieve_next_sibling lead to a node twice in request "
                f"{twice[0, 0]}: every node but the root has one place, see build_tree"
            )
    return sizes, (tokens, index, child, sibling)
