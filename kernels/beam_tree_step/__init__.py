"""One layer of a beam tree: the likeliest continuations of the layer before."""

from __future__ import annotations

from typing import Any, NamedTuple

from tightbound.kernels._inputs import Sizes, here, is_floating
from tightbound.kernels.backends import implementation
from tightbound.theory._validation import as_integer

MODULES = {
    "numpy": "tightbound.kernels.beam_tree_step.reference",
    "numba": "tightbound.kernels.beam_tree_step.numba_cpu",
    "triton": "tightbound.kernels.beam_tree_step.triton_gpu",
}


class BeamStep(NamedTuple):
    """The nodes of a new layer, best first, in NumPy arrays or torch tensors.

    Parameters
    ----------
    tokens : int32, shape (B, w)
        Token of each node, -1 where there is no continuation of positive probability left.
    parents : int32, shape (B, w)
        Row of the layer before that it continues, -1 likewise.
    cum : float64, shape (B, w)
        Log-probability of its path, minus infinity likewise.
    """

    tokens: Any
    parents: Any
    cum: Any


def beam_tree_step(logq: Any, cum: Any, w: int, *, backend: str = "auto", check: bool = False) -> BeamStep:
    r"""Return the w largest of ``cum[i] + logq[i, y]`` over all rows i and tokens y of each request.

    Equal sums are ranked by row, then by token. No node is taken away from the layers before, so nothing that
    has been computed for them moves.

    Parameters
    ----------
    logq : array of float, shape (B, r, V)
        Log-probabilities of the drafter after each of the r nodes of the last layer. Minus infinity and NaN
        exclude a token. Triton reads float32, float16 and bfloat16.
    cum : array of float, shape (B, r)
        Log-probability of the path to each of these nodes; minus infinity excludes what follows it.
    w : int
        Width of the new layer, 1 to r V.
    backend : str
        See :mod:`tightbound.kernels.backends`; sums are float64, so that all give the same.
    check : bool
        Look at values also where that waits for a GPU.

    Returns
    -------
    BeamStep

    Raises
    ------
    ValueError
        For shapes that disagree, w out of range, entries of plus infinity in ``cum``, or NaN there.
    TypeError
        For arrays of the wrong kind.
    BackendUnavailableError
        If ``backend`` cannot run here.

    References
    ----------
    Yang et al., "LongSpec", 2025: widths 4, 16, 16, 16, 16.

    Examples
    --------
    >>> import numpy as np
    >>> logq = np.log([[[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]]])
    >>> step = beam_tree_step(logq, np.log([[0.6, 0.4]]), 3, backend="numpy")
    >>> step.tokens.tolist(), step.parents.tolist(), np.exp(step.cum).round(2).tolist()
    ([[1, 0, 1]], [[1, 0, 0]], [[0.32, 0.3, 0.18]])
    """
    sizes = Sizes()
    scores = sizes.array("logq", logq, "B r V")
    before = sizes.array("cum", cum, "B r")
    for name, array in (("logq", scores), ("cum", before)):
        if not is_floating(array):
            raise TypeError(
                f"{name} has dtype {array.dtype}: give log-probabilities as floating-point numbers"
            )
    width, most = as_integer("w", w, least=1), sizes["r"] * sizes["V"]
    if width > most:
        raise ValueError(
            f"w is {width}, more than the {most} continuations of {sizes['r']} rows: give a smaller one"
        )
    if (check or here(before)) and not bool((before < float("inf")).all()):
        raise ValueError("cum has entries that are NaN or plus infinity: give log-probabilities")
    return BeamStep(*implementation("beam_tree_step", backend, MODULES, scores)(scores, before, width))
