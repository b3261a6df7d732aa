"""K7: attention of the rows of a draft tree over the keys of the tree, each row over its own path."""

from __future__ import annotations

from typing import Any

from tightbound.kernels import _attention_arguments as arguments
from tightbound.kernels.backends import implementation

_MODULES = {
    "numpy": "tightbound.kernels.tree_attention.reference",
    "numba": "tightbound.kernels.tree_attention.numba_cpu",
    "triton": "tightbound.kernels.tree_attention.triton_gpu",
}

__all__ = ["bytes_read", "flops", "tree_attention"]


def tree_attention(
    q: Any,
    k_spec: Any,
    v_spec: Any,
    tree_mask: Any,
    *,
    sm_scale: float | None = None,
    storage: str | None = None,
    backend: str = "auto",
) -> tuple[Any, Any]:
    r"""Attend from each row to the keys that its mask shows, and return the state.

    .. math:: o_m = \sum_{j : A_{mj} = 1} e^{x_{mj} - L_m} v_j, \qquad
              L_m = \log \sum_{j : A_{mj} = 1} e^{x_{mj}}, \qquad x_{mj} = \mathrm{scale} \; q_m \cdot k_j

    With :math:`A_{mj} = 1` iff node j is an ancestor of m or m itself, row m is the ordinary causal
    attention over the path from the root to m. Merge it with the state over the cached prefix, or call
    `tightbound.kernels.hybrid_tree_attention.hybrid_tree_attention`, which does both.

    Parameters
    ----------
    q : array, shape (B, M, H, D)
        Queries of the nodes. float32, float16 or bfloat16.
    k_spec, v_spec : array, shape (B, T, Hk, D)
        Keys and values of T nodes; T = M for a whole tree, T > M for the rows of its last layer. H is a
        multiple of Hk.
    tree_mask : array, shape (B, M, T)
        bool, or integers of which 0 hides a key.
    sm_scale : float, optional
        Factor on q.k, 1 / sqrt(D) where None.
    storage : {None, "bfloat16"}
        "bfloat16" says that arrays of dtype uint16 hold bfloat16.
    backend : {"auto", "numpy", "numba", "triton"}
        See `tightbound.kernels.backends`; "triton" takes D in {16, 32, 64, 128, 256}.

    Returns
    -------
    o : array, shape (B, M, H, D)
        float64 from "numpy", else float32; 0 for a row that sees no key.
    lse : array, shape (B, M, H)
        Natural log-sum-exp, same dtype; -inf for a row that sees no key.

    Raises
    ------
    ValueError
        If shapes disagree, H is no multiple of Hk, D does not suit the backend, or (on the CPU) keys or
        values hold NaN or infinities.
    TypeError
        For dtypes that are not listed above, k_spec and v_spec of different ones, and float64 on a GPU.
    BackendUnavailableError
        If the backend cannot run here.

    Notes
    -----
    Accuracy as in `tightbound.kernels.decode_attention_splitk.decode_attention_splitk`. Values of hidden
    keys are multiplied by 0, so they must be finite.

    References
    ----------
    Miao et al., "SpecInfer", ASPLOS 2024; Yang et al., "LongSpec", 2025.

    Examples
    --------
    Two children of one root, which do not see each other:

    >>> import numpy as np
    >>> q, v = np.zeros((1, 3, 1, 1)), np.array([0.0, 2.0, 6.0]).reshape(1, 3, 1, 1)
    >>> mask = np.array([[[1, 0, 0], [1, 1, 0], [1, 0, 1]]])
    >>> tree_attention(q, q, v, mask, backend="numpy")[0].ravel()
    array([0., 1., 3.])
    """
    sizes = arguments.sizes(q, k_spec, v_spec, names=("q", "k_spec", "v_spec"))
    run = implementation("tree_attention", backend, _MODULES, q)
    scale = arguments.scale(sm_scale, sizes.dim)
    state: tuple[Any, Any] = run(q, k_spec, v_spec, tree_mask, sizes, scale, storage)
    return state


def bytes_read(*, batch: int, rows: int, nodes: int, kv_heads: int, dim: int, itemsize: int) -> int:
    """Return how many bytes of keys, values and mask are read.

    Examples
    --------
    >>> bytes_read(batch=1, rows=69, nodes=69, kv_heads=8, dim=128, itemsize=2)
    287385
    """
    return batch * (2 * nodes * kv_heads * dim * itemsize + rows * nodes)


def flops(*, batch: int, rows: int, nodes: int, heads: int, dim: int) -> int:
    """Return the operations of the two products over all pairs, hidden ones included.

    Examples
    --------
    >>> flops(batch=1, rows=69, nodes=69, heads=32, dim=128)
    78004224
    """
    return 4 * batch * rows * nodes * heads * dim
