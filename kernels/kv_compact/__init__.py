"""Keep the keys and values of the accepted path of a tree."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tightbound.kernels._inputs import Sizes, here, is_tensor, to_numpy
from tightbound.kernels.backends import implementation

MODULES = {
    "numpy": "tightbound.kernels.kv_compact.reference",
    "numba": "tightbound.kernels.kv_compact.numba_cpu",
    "triton": "tightbound.kernels.kv_compact.triton_gpu",
    "numba_cuda": "tightbound.kernels.kv_compact.numba_cuda",
}


class Compacted(NamedTuple):
    """A cache without what was rejected.

    Parameters
    ----------
    k, v : shape (B, N, Hk, D), dtype of the input
        Rows up to ``kv_len`` are those of the text; later ones are left as they were.
    kv_len : int32, shape (B,)
        Rows that count: ``prefix_len + 1 + accept_token_num``.
    """

    k: Any
    v: Any
    kv_len: Any


def kv_compact(
    k: Any,
    v: Any,
    accept_index: Any,
    accept_token_num: Any,
    prefix_len: Any,
    *,
    out: tuple[Any, Any] | None = None,
    backend: str = "auto",
    check: bool = False,
) -> Compacted:
    r"""Move the rows of the accepted nodes of each tree, root first, to the end of the prefix.

    .. math:: \mathrm{out}[b, n_b + j] = k[b, n_b + i_j], \quad j = 0, \dots, \tau_b

    where n is ``prefix_len``, :math:`i_0 = 0 < i_1 < \dots` are the nodes on the path and tau is their number
    without the root. A row is never read after it was written, so a cache can be compacted in place.

    Parameters
    ----------
    k, v : array, shape (B, N, Hk, D)
        Cache with the row of node i of request b at ``prefix_len[b] + i``. Any dtype; the last axis dense.
    accept_index : array of int, shape (B, M)
        ``b * M + i`` for the nodes on the path, as verification returns it.
    accept_token_num : array of int, shape (B,)
        Nodes on the path without the root, as verification returns it.
    prefix_len : array of int, shape (B,)
        Rows of the text before the root.
    out : (k, v), optional
        Where to write; the inputs themselves compact the cache in place. New arrays where left out, which
        copies the whole cache. Elsewhere only the rows of the path are written.
    backend : str
        See :mod:`tightbound.kernels.backends`; all give the same bits.
    check : bool
        Look at values also where that waits for a GPU.

    Returns
    -------
    Compacted

    Raises
    ------
    ValueError
        For shapes or dtypes that disagree, paths that do not ascend, leave the tree or the cache.
    TypeError
        For arrays of the wrong kind.
    BackendUnavailableError
        If ``backend`` cannot run here.

    Examples
    --------
    >>> k = np.arange(5.0).reshape(1, 5, 1, 1)
    >>> found = kv_compact(k, -k, [[0, 2, -1]], [1], [2])
    >>> found.k.ravel(), found.kv_len
    (array([0., 1., 2., 4., 4.]), array([4], dtype=int32))
    """
    sizes = Sizes()
    keys, values = sizes.array("k", k, "B N Hk D"), sizes.array("v", v, "B N Hk D")
    path = sizes.array("accept_index", accept_index, "B M")
    batch, nodes, rows = (sizes[axis] for axis in ("B", "M", "N"))
    path = sizes.between("accept_index", path, -1, max(batch * nodes - 1, 0), check)
    number = sizes.integers("accept_token_num", accept_token_num, "B", 0, max(nodes - 1, 0), check)
    start = sizes.integers("prefix_len", prefix_len, "B", 0, rows, check)
    if check or here(path):
        read = [to_numpy(a if here(a) else a.cpu(), np.int64) for a in (path, number, start)]
        _look(read[0], read[1], read[2], rows)
    written = tuple(a.clone() if is_tensor(a) else a.copy() for a in (keys, values)) if out is None else out
    for name, source, target in (("k", keys, written[0]), ("v", values, written[1])):
        if tuple(target.shape) != tuple(source.shape) or target.dtype != source.dtype:
            raise ValueError(
                f"out has {name} of shape {tuple(target.shape)} and dtype {target.dtype}, the input "
                f"{tuple(source.shape)} and {source.dtype}: give arrays like the inputs, or the inputs"
            )
    run = implementation("kv_compact", backend, MODULES, keys)
    for source, target in ((keys, written[0]), (values, written[1])):
        kv_len = run(_as_bytes(source), _as_bytes(target), path, number, start)
    return Compacted(written[0], written[1], kv_len)


def _look(path: Any, number: Any, start: Any, rows: int) -> None:
    batch, nodes = path.shape
    local = path - nodes * np.arange(batch)[:, np.newaxis]
    on = np.arange(nodes) <= number[:, np.newaxis]
    for b in range(batch):
        mine = local[b, on[b]]
        if mine[0] != 0 or np.any(np.diff(mine) <= 0) or mine[-1] >= nodes:
            raise ValueError(
                f"accept_index[{b}] holds nodes {mine.tolist()} of request {b}: a path starts at node 0 and "
                f"ascends, up to node {nodes - 1}; give b * M + node"
            )
        if start[b] + mine[-1] >= rows:
            raise ValueError(
                f"accept_index[{b}] ends with node {mine[-1]}, in row {start[b] + mine[-1]} of {rows}: "
                "give the whole cache, with the rows of the tree after prefix_len"
            )


def _as_bytes(array: Any) -> Any:
    # bits are moved, not numbers: every dtype is bytes
    step = array.stride(-1) if is_tensor(array) else array.strides[-1] // array.itemsize
    if array.shape[-1] > 1 and step != 1:
        raise ValueError("k, v and out must be dense along the last axis: copy them first")
    if not is_tensor(array):
        return array.view(np.uint8)
    import torch

    return array.detach().view(torch.uint8)
