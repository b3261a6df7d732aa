r"""LongSpec drafts that learn the target's own law of the next token.

A text of T tokens tells a draft little through T next tokens, and more through the T laws that the target
gives. With p the target's law after row t and q the draft's, the loss is the cross-entropy

.. math:: -\frac{1}{T} \sum_t \sum_v p_t(v) \log q_t(v),

least at :math:`q = p`, over the whole vocabulary. Target and draft read a text in one program, on whatever
device JAX has; laws are formed for some rows at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from tightbound.simulators.language_models.trainable import Parameters
from tightbound.simulators.language_models.trainable_llama import (
    offset_positions,
    parameters_of,
    rms_norm,
    through_layers,
)
from tightbound.simulators.speculative.trainable_long_spec import TrainableLongSpec, states
from tightbound.theory._validation import as_integer

TARGET = "target "
"""What the names of the target's weights begin with."""


@dataclass(frozen=True, eq=False)
class DistilledLongSpec:
    """The block of a target, to be trained on the target's laws.

    The draft computes in float32, which an accelerator multiplies with fewer digits where it can.

    Parameters
    ----------
    draft : TrainableLongSpec
        The block.
    precision : {"float32", "bfloat16"}
        Of the target's weights and states, and of what both are multiplied with to get logits; sums are in
        float32. Accelerators are made for bfloat16.
    rows : int
        Rows whose laws are formed at a time.

    Raises
    ------
    ValueError
        For another precision, or no rows.
    """

    draft: TrainableLongSpec
    precision: str = "float32"
    rows: int = 2048

    def __post_init__(self) -> None:
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision is {self.precision!r}: choose 'float32' or 'bfloat16'")
        as_integer("rows", self.rows, least=1)

    def __repr__(self) -> str:
        return f"DistilledLongSpec({self.draft!r}, {self.precision})"

    @property
    def vocabulary(self) -> int:
        """Numbers that a sequence may hold: tokens, offsets and lags."""
        return self.draft.vocabulary

    @property
    def context(self) -> int:
        """Longest sequence, its two numbers included."""
        return self.draft.context

    @property
    def dtype(self) -> str:
        """Of the weights that are trained."""
        return self.draft.dtype

    @property
    def length(self) -> int:
        """Tokens T of a text."""
        return self.draft.length

    @property
    def frozen(self) -> tuple[str, ...]:
        """Parameters that training leaves as they are: none."""
        return self.draft.frozen

    def init(self, key: int) -> Parameters:
        """Return random weights, see `TrainableLongSpec.init`."""
        return self.draft.init(key)

    @cached_property
    def constants(self) -> Parameters:
        """The target's weights, which `loss` finds among its parameters."""
        found = parameters_of(self.draft.target, self.precision)
        return {TARGET + name: array for name, array in found.items()}

    def loss(self, parameters: Parameters, tokens: Any, mask: Any) -> Any:
        """Return the mean cross-entropy, in nats, after tokens where ``mask`` is True.

        Parameters
        ----------
        parameters : dict from name to array
            Of the draft, and `constants`.
        tokens : array, shape (B, 2 + T)
            Offset, lag and text.
        mask : array of bool, shape (2 + T,)
            Of the texts' tokens; a law follows each of them.
        """
        import jax.numpy as jnp

        said = self._said(parameters, tokens)
        drafted = self._drafted(parameters, said, tokens[:, 1])
        shown = mask[2:].astype(drafted.dtype)
        weights = jnp.broadcast_to(shown, said.places.shape)
        total = cross_entropy(drafted, said.asked, said.head, weights, self.rows)
        return total / (len(tokens) * shown.sum())

    def by_lag(self, parameters: Parameters, tokens: Any) -> dict[str, Any]:
        """Return what the two laws have in common at lags 1 to 5, whatever those of ``tokens``; traceable.

        Parameters
        ----------
        parameters, tokens
            As for `loss`.

        Returns
        -------
        dict from name to array, shape (5,)
            Means over all tokens: ``loss``; ``overlap``, the sum of min(p, q), which is the chance that a
            draw from q is accepted; ``agreement``, how often the likeliest tokens are the same.
        """
        import jax
        import jax.numpy as jnp

        said = self._said(parameters, tokens)

        def means(lag: Any) -> Any:
            lags = jnp.broadcast_to(lag, tokens.shape[:1])
            return jax.tree.map(jnp.mean, self._compared(parameters, said, lags))

        found: dict[str, Any] = jax.lax.map(means, jnp.arange(1, 6, dtype=jnp.int32))
        return found

    def by_text(self, parameters: Parameters, tokens: Any) -> dict[str, Any]:
        """Return the same for each text at its own lag, arrays (B,); traceable."""
        found = self._compared(parameters, self._said(parameters, tokens), tokens[:, 1])
        return {name: array.mean(axis=1) for name, array in found.items()}

    def _said(self, parameters: Parameters, tokens: Any) -> _Said:
        text, config = tokens[:, 2:], self.draft.target.config
        places = offset_positions(tokens[:, 0], text)
        target = {
            name.removeprefix(TARGET): array for name, array in parameters.items() if name.startswith(TARGET)
        }
        factors = self.draft.target.rope_factors
        hidden, keys, values = through_layers(config, target, text, places, factors)
        return _Said(
            places,
            target["embedding"][text].astype(self.dtype),
            keys[-1].astype(self.dtype),
            values[-1].astype(self.dtype),
            rms_norm(hidden, target["norm"], config.eps),
            target["head"],
        )

    def _drafted(self, parameters: Parameters, said: _Said, lags: Any) -> Any:
        own = {name: array for name, array in parameters.items() if not name.startswith(TARGET)}
        return states(self.draft, own, said.embedded, said.places, lags, (said.keys, said.values))

    def _compared(self, parameters: Parameters, said: _Said, lags: Any) -> dict[str, Any]:
        return laws_compared(self._drafted(parameters, said, lags), said.asked, said.head, self.rows)


class _Said(NamedTuple):
    """What the target makes of texts."""

    places: Any
    embedded: Any
    keys: Any
    values: Any
    asked: Any
    """What the read-out is multiplied with."""
    head: Any


def cross_entropy(drafted: Any, asked: Any, head: Any, weights: Any, rows: int) -> Any:
    r"""Return :math:`-\sum_t w_t \sum_v p_t(v) \log q_t(v)`, to be differentiated by ``drafted``; traceable.

    The slope by a row of ``drafted`` is :math:`w_t (q_t - p_t)` times the read-out, formed with the value:
    laws are neither kept nor formed twice.

    Parameters
    ----------
    drafted, asked : array, shape (B, T, width)
        What the read-out is multiplied with, of draft and target.
    head : array, shape (V, width)
        Read-out.
    weights : array, shape (B, T)
        w.
    rows : int
        Rows whose laws are formed at a time.
    """
    import jax
    import jax.numpy as jnp

    fixed = jax.lax.stop_gradient(drafted)

    def add(total: Any, part: Any) -> Any:
        own, others, weight = part
        q, p = _log_laws(own, head), jnp.exp(_log_laws(others, head))
        value = -(weight * (p * q).sum(axis=-1)).sum()
        slope = (weight[:, np.newaxis] * (jnp.exp(q) - p)).astype(head.dtype)
        return total + value, jnp.dot(slope, head, preferred_element_type=own.dtype)

    parts = [_in_chunks(array, rows) for array in (fixed, asked, weights)]
    value, slopes = jax.lax.scan(add, jnp.zeros((), drafted.dtype), parts)
    slopes = _whole(slopes, drafted.shape)
    return value + ((drafted - fixed) * slopes).sum()  # adds nothing but the slope


def laws_compared(drafted: Any, asked: Any, head: Any, rows: int) -> dict[str, Any]:
    """Return cross-entropy, overlap and agreement of two laws for each row (B, T); traceable."""
    import jax
    import jax.numpy as jnp

    def compare(part: Any) -> Any:
        q, p = (_log_laws(states, head) for states in part)
        return {
            "loss": -(jnp.exp(p) * q).sum(axis=-1),
            "overlap": jnp.exp(jnp.minimum(p, q)).sum(axis=-1),
            "agreement": (p.argmax(axis=-1) == q.argmax(axis=-1)).astype(q.dtype),
        }

    found = jax.lax.map(compare, [_in_chunks(array, rows) for array in (drafted, asked)])
    return {name: _whole(array, drafted.shape[:2]) for name, array in found.items()}


def _log_laws(states: Any, head: Any) -> Any:
    import jax
    import jax.numpy as jnp

    return jax.nn.log_softmax(jnp.dot(states.astype(head.dtype), head.T, preferred_element_type=jnp.float32))


def _in_chunks(array: Any, rows: int) -> Any:
    """Return (B, T, ...) as (chunks, rows, ...); the last rows may be zeros."""
    import jax.numpy as jnp

    flat = array.reshape(array.shape[0] * array.shape[1], *array.shape[2:])
    size = min(rows, len(flat))
    missing = -len(flat) % size
    padded = jnp.pad(flat, [(0, missing)] + [(0, 0)] * (flat.ndim - 1))
    return padded.reshape(-1, size, *flat.shape[1:])


def _whole(chunks: Any, shape: tuple[int, ...]) -> Any:
    """Return (chunks, rows, ...) in the shape (B, T, ...)."""
    flat = chunks.reshape(-1, *chunks.shape[2:])
    return flat[: shape[0] * shape[1]].reshape(shape)
