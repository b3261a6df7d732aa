"""K12: sliding-window attention over a ring buffer, with the first tokens of the sequence kept as sinks."""

from __future__ import annotations

from typing import Any

from tightbound.kernels import _attention_arguments as arguments
from tightbound.kernels.backends import implementation
from tightbound.theory._validation import as_integer

_MODULES = {
    "numpy": "tightbound.kernels.window_attention.reference",
    "numba": "tightbound.kernels.window_attention.numba_cpu",
    "triton": "tightbound.kernels.window_attention.triton_gpu",
}

__all__ = ["bytes_read", "flops", "ring_slots", "window_attention"]


def window_attention(
    q: Any,
    k_ring: Any,
    v_ring: Any,
    ring_pos: Any,
    *,
    window: int | None = None,
    sinks: int = 0,
    sm_scale: float | None = None,
    storage: str | None = None,
    backend: str = "auto",
) -> tuple[Any, Any]:
    r"""Attend to the last ``window`` positions and to the first ``sinks``, kept in a ring of C slots.

    Row m stands at position :math:`t = \text{ring\_pos} - M + m` and sees :math:`\{ n \le t : n > t -
    \text{window} \text{ or } n < \text{sinks} \}`, its own position included. Position n lies in slot n
    while n < sinks, then in slot sinks + (n - sinks) mod (C - sinks), see `ring_slots`: memory does not
    grow with the sequence. The result is that of the same window over the whole history.

    Parameters
    ----------
    q : array, shape (B, M, H, D)
        Queries of the last M positions. float32, float16 or bfloat16.
    k_ring, v_ring : array, shape (B, C, Hk, D)
        The ring, in any strides; those of the M positions of q have been written.
    ring_pos : array of int, shape (B,)
        Tokens written so far, at least M; more than C means that the ring has wrapped.
    window : int, optional
        Positions that a row sees, itself included, 1 to C - sinks - M + 1; as many where None, which is
        what the ring still holds for the first of the M rows.
    sinks : int
        First positions that every later row sees, 0 to C - 1. They do not count as part of the window.
    sm_scale : float, optional
        Factor on q.k, 1 / sqrt(D) where None.
    storage : {None, "bfloat16"}
        "bfloat16" says that arrays of dtype uint16 hold bfloat16.
    backend : {"auto", "numpy", "numba", "triton"}
        See `tightbound.kernels.backends`; "triton" takes D in {16, 32, 64, 128, 256}.

    Returns
    -------
    o : array, shape (B, M, H, D)
        float64 from "numpy", else the dtype of q (float32 for float64, and for bfloat16 in NumPy).
    lse : array, shape (B, M, H)
        Natural log-sum-exp in float32 (numpy: float64).

    Raises
    ------
    ValueError
        If shapes disagree, H is no multiple of Hk, D does not suit the backend, the ring is too small for
        window, sinks and rows, or (on the CPU) ``ring_pos`` is below M or keys that are read hold NaN or
        infinities.
    TypeError
        For dtypes that are not listed above, k and v of different ones, and float64 on a GPU.
    BackendUnavailableError
        If the backend cannot run here.

    Notes
    -----
    Accuracy as in `tightbound.kernels.decode_attention_splitk.decode_attention_splitk`, then rounded to
    the dtype of o. Keys are used as they are stored: positions are not rotated again, as StreamingLLM
    does for its cache. FlashAttention's window_size=(left, 0) is window = left + 1 here.

    References
    ----------
    Beltagy et al., "Longformer", 2020; Xiao et al., "Efficient streaming language models with attention
    sinks", ICLR 2024.

    Examples
    --------
    Five tokens in a ring of four slots, the first of which is a sink:

    >>> import numpy as np
    >>> ring = np.zeros((1, 4, 1, 1))
    >>> for n in range(5):
    ...     ring[0, ring_slots(n, 4, sinks=1)] = n
    >>> q = np.zeros((1, 1, 1, 1))
    >>> o, _ = window_attention(q, 0 * ring, ring, np.array([5]), window=2, sinks=1, backend="numpy")
    >>> round(o.item(), 12) == round((0 + 3 + 4) / 3, 12)
    True
    """
    sizes = arguments.sizes(q, k_ring, v_ring, names=("q", "k_ring", "v_ring"))
    sinks = as_integer("sinks", sinks, least=0)
    most = sizes.keys - sinks - sizes.rows + 1
    if most < 1:
        raise ValueError(
            f"k_ring has {sizes.keys} slots for {sinks} sinks and {sizes.rows} rows: it needs {1 - most} more"
        )
    window = most if window is None else as_integer("window", window, least=1)
    if window > most:
        raise ValueError(
            f"window is {window}: a ring of {sizes.keys} slots with {sinks} sinks holds {most} positions for "
            f"the first of {sizes.rows} rows; make the ring larger or the window smaller"
        )
    run = implementation("window_attention", backend, _MODULES, q)
    scale = arguments.scale(sm_scale, sizes.dim)
    state: tuple[Any, Any] = run(q, k_ring, v_ring, ring_pos, sizes, scale, window, sinks, storage)
    return state


def ring_slots(position: Any, slots: int, *, sinks: int = 0) -> Any:
    """Return the slot of a ring where a position is written.

    Parameters
    ----------
    position : int, or array or tensor of int
        Positions in the sequence, from 0.
    slots : int
        Slots C of the ring.
    sinks : int
        First positions that are never overwritten, fewer than C.

    Returns
    -------
    int, array or tensor
        Like ``position``.

    Examples
    --------
    >>> import numpy as np
    >>> ring_slots(np.arange(8), 5, sinks=2)
    array([0, 1, 2, 3, 4, 2, 3, 4])
    """
    slots = as_integer("slots", slots, least=1)
    sinks = as_integer("sinks", sinks, least=0)
    if sinks >= slots:
        raise ValueError(f"sinks is {sinks}: it must be below the number of slots, {slots}")
    cycled = sinks + (position - sinks) % (slots - sinks)
    return cycled + (position < sinks) * (position - cycled)


def bytes_read(*, positions: list[int], slots: int, kv_heads: int, dim: int, itemsize: int) -> int:
    """Return how many bytes of keys and values are read: of all slots that have been written.

    Examples
    --------
    >>> bytes_read(positions=[65536], slots=516, kv_heads=8, dim=128, itemsize=2)
    2113536
    """
    return 2 * sum(min(n, slots) for n in positions) * kv_heads * dim * itemsize


def flops(*, positions: list[int], slots: int, rows: int, heads: int, dim: int) -> int:
    """Return the operations of the two products over all slots that have been written.

    Examples
    --------
    >>> flops(positions=[65536], slots=516, rows=1, heads=32, dim=128)
    8454144
    """
    return 4 * sum(min(n, slots) for n in positions) * rows * heads * dim
