"""An architecture that can be trained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.attention.forward import SETTINGS, forward
from tightbound.simulators.language_models.corpora import as_sequences
from tightbound.simulators.language_models.trainable import Parameters
from tightbound.theory._validation import Array, as_positive
from tightbound.theory.attention.architecture import Architecture


@dataclass(frozen=True)
class SinkTransformer:
    r"""A transformer of any attention, trained to predict each token of a sequence but the first.

    Parameters
    ----------
    architecture : Architecture
        Hyper-parameters; ``context`` is the length of the sequences.
    dtype : {"float32", "float64"}
        Of weights and activations.
    embedding_scale : float, default 1.0
        Standard deviation of the first embeddings.
    settings : tuple of {"scale", "slot_value_norm"}
        Numbers of the architecture that become parameters, so that runs side by side can differ in them;
        they are never trained.
    fixed : tuple of str
        Parameters that training leaves as they are, e.g. ``("slot_key",)``.

    Raises
    ------
    TypeError, ValueError
        For an unknown dtype, setting or parameter.

    Examples
    --------
    >>> model = SinkTransformer(Architecture(vocabulary=5, context=8, width=8), dtype="float64")
    >>> model.probe(model.init(0), [[4, 0, 1, 2, 0, 1, 3, 3]])["scores"].shape
    (1, 1, 1, 8, 8)
    """

    architecture: Architecture
    dtype: Literal["float32", "float64"] = "float32"
    embedding_scale: float = 1.0
    settings: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.architecture, Architecture):
            raise TypeError(f"architecture is {self.architecture!r}: give an Architecture")
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype is {self.dtype!r}: choose 'float32' or 'float64'")
        as_positive("embedding_scale", self.embedding_scale)
        for name, given, known in (
            ("settings", self.settings, SETTINGS),
            ("fixed", self.fixed, tuple(self.architecture.shapes())),
        ):
            unknown = [entry for entry in given if entry not in known]
            if unknown:
                raise ValueError(f"{name} contains {unknown[0]!r}: choose among {', '.join(known)}")

    @property
    def vocabulary(self) -> int:
        """Number of different tokens."""
        return self.architecture.vocabulary

    @property
    def context(self) -> int:
        """Longest sequence."""
        return self.architecture.context

    @property
    def frozen(self) -> tuple[str, ...]:
        """Names of the parameters that training leaves as they are."""
        return (*self.settings, *self.fixed)

    def init(self, key: int) -> Parameters:
        """Return the weights of ``architecture.init(key)``, but a read-out of zero, and the settings.

        So an untrained model gives every token the same probability.
        """
        drawn = self.architecture.init(key, embedding_scale=self.embedding_scale)
        drawn["readout"] = np.zeros_like(drawn["readout"])
        numbers = {name: np.asarray(getattr(self.architecture, name)) for name in self.settings}
        return {name: np.asarray(value, self.dtype) for name, value in (drawn | numbers).items()}

    def loss(self, parameters: Parameters, tokens: Any, mask: Any) -> Any:
        """Return the mean negative log-likelihood, in nats, of tokens (B, T) where mask (T,) is True.

        The first token is given, not predicted, whatever the mask says of it. Traceable.
        """
        return losses(forward(self.architecture, parameters, tokens)["logits"], tokens, mask)

    def log_predictive(self, parameters: Parameters, tokens: ArrayLike) -> Array:
        """Return log-probabilities of each token but the first given those before it, in float64.

        Parameters
        ----------
        parameters : dict from name to array
            From `init` or from training.
        tokens : array_like of int, shape (B, T)
            Sequences, T at most ``context``.

        Returns
        -------
        ndarray, shape (B, T - 1, vocabulary)
        """
        from scipy.special import log_softmax

        logits = np.asarray(self.probe(parameters, tokens)["logits"][:, :-1], np.float64)
        return np.asarray(log_softmax(logits, axis=-1))

    def probe(self, parameters: Parameters, tokens: ArrayLike) -> dict[str, Any]:
        """Return everything that a forward pass goes through, as NumPy arrays.

        Parameters
        ----------
        parameters, tokens
            As for `log_predictive`.

        Returns
        -------
        dict from name to ndarray
            As `tightbound.simulators.attention.forward.forward`.
        """
        import jax

        array = as_sequences("tokens", tokens, self.vocabulary, self.context)
        with jax.enable_x64(True):
            found = _compiled()(self.architecture, parameters, array)
            return {name: np.asarray(value) for name, value in found.items()}


def losses(logits: Any, tokens: Any, mask: Any) -> Any:
    """Return the mean negative log-likelihood of tokens (B, T) but the first where mask (T,) is True."""
    import jax
    import jax.numpy as jnp

    logs = jax.nn.log_softmax(logits[:, :-1])
    asked = mask[1:].astype(logs.dtype)
    # a product with 0 and 1 instead of a look-up, whose derivative is slow
    picked = (logs * jax.nn.one_hot(tokens[:, 1:], logits.shape[-1], dtype=logs.dtype)).sum(axis=-1)
    return -(picked * asked).sum() / (tokens.shape[0] * jnp.maximum(asked.sum(), 1.0))


@cache
def _compiled() -> Any:
    import jax

    return jax.jit(forward, static_argnums=0)
