"""Probabilities from logits: temperature, top-k, top-p."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tightbound.kernels._inputs import Sizes, as_array, here, is_floating, is_integer, is_tensor
from tightbound.kernels.backends import implementation

MODULES = {
    "numpy": "tightbound.kernels.probs_from_logits.reference",
    "numba": "tightbound.kernels.probs_from_logits.numba_cpu",
    "triton": "tightbound.kernels.probs_from_logits.triton_gpu",
}


def probs_from_logits(
    logits: Any,
    temperature: Any = 1.0,
    top_k: Any = 0,
    top_p: Any = 1.0,
    *,
    backend: str = "auto",
    check: bool = False,
) -> Any:
    r"""Turn logits into the law that a token is sampled from.

    .. math:: p(y) \propto e^{\ell_y / T}\; \text{for } y \in K, \quad 0 \text{ elsewhere}

    Tokens are ranked by logit, equal ones by index. K is the shortest prefix of the first ``top_k`` of the
    ranking that has at least the share ``top_p`` of their probability.

    Parameters
    ----------
    logits : array of float, shape (..., V)
        Minus infinity excludes a token. Triton reads float32, float16 and bfloat16.
    temperature : float or array, shape (...)
        T, not negative; 0 puts all probability on the first of the likeliest tokens.
    top_k : int or array, shape (...)
        Number of tokens that are kept; 0 keeps all.
    top_p : float or array, shape (...)
        In (0, 1]; 1 keeps all.
    backend : str
        See :mod:`tightbound.kernels.backends`. Probabilities agree within 1e-6; the last token of K may
        differ where its share is within 1e-12 (triton: 1e-6) of ``top_p``.
    check : bool
        Look at values also where that waits for a GPU.

    Returns
    -------
    array of float32 (numpy: float64), shape (..., V)
        Laws. On a GPU without ``check``, NaN counts as minus infinity, and a row of nothing else is 0.

    Raises
    ------
    ValueError
        For an empty vocabulary, parameters out of range, logits that are NaN or plus infinity, rows without
        a finite logit.
    TypeError
        For arrays of the wrong kind.
    BackendUnavailableError
        If ``backend`` cannot run here.

    References
    ----------
    The order temperature, top-k, top-p is that of Hugging Face transformers and vLLM, which keep all ties
    with the last token of top-k. Holtzman et al., ICLR 2020 (top-p).

    Examples
    --------
    >>> logits = np.log([0.1, 0.4, 0.1, 0.4])
    >>> probs_from_logits(logits, top_k=3, backend="numpy").round(3)
    array([0.111, 0.444, 0.   , 0.444])
    >>> probs_from_logits(logits, top_p=0.3, backend="numpy")
    array([0., 1., 0., 0.])
    >>> probs_from_logits(logits, 0.0, backend="numpy")
    array([0., 1., 0., 0.])
    """
    sizes = Sizes()
    given = as_array(logits)
    if not is_floating(given):
        raise TypeError(f"logits has dtype {given.dtype}: give floating-point numbers")
    shape = tuple(given.shape)
    if not shape or shape[-1] == 0:
        raise ValueError(f"logits has shape {shape}: the last axis must hold at least one token")
    rows = given.reshape(-1, shape[-1])
    sizes.array("logits", rows, "rows V")
    t = _per_row("temperature", temperature, shape[:-1], rows, float)
    k = _per_row("top_k", top_k, shape[:-1], rows, int)
    share = _per_row("top_p", top_p, shape[:-1], rows, float)
    limits: tuple[tuple[str, Any, str, Callable[[Any], Any]], ...] = (
        ("temperature", t, "at least 0 and finite", lambda x: (x >= 0.0) & (x < float("inf"))),
        ("top_k", k, "at least 0", lambda x: x >= 0),
        ("top_p", share, "above 0 and at most 1", lambda x: (x > 0.0) & (x <= 1.0)),
    )
    for name, value, allowed, inside in limits:
        if (check or here(value)) and not bool(inside(value).all()):
            raise ValueError(f"{name} is {value.tolist()}: it must be {allowed}, not NaN")
    if check and not here(rows) and not bool((rows.amax(-1).abs() < float("inf")).all()):
        raise ValueError(BAD_LOGITS)
    result = implementation("probs_from_logits", backend, MODULES, given)(rows, t, k, share)
    return result.reshape(shape)


BAD_LOGITS = "logits has a row with NaN, plus infinity or no finite entry: mask tokens with minus infinity"


def _per_row(name: str, value: Any, shape: tuple[int, ...], rows: Any, kind: type) -> Any:
    # one number per row, where the rows are; a single number is not sent to a GPU to be looked at there
    array = as_array(value)
    if kind is int and not is_integer(array):
        raise TypeError(f"{name} has dtype {array.dtype}: give integers")
    if tuple(array.shape) not in ((), shape):
        raise ValueError(f"{name} has shape {tuple(array.shape)}: give one number, or one per row, {shape}")
    if is_tensor(array):
        return array.expand(shape).reshape(-1)
    return np.array(np.broadcast_to(array, shape)).reshape(-1)
