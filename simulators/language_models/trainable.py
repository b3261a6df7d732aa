"""What a model has to offer so that it can be trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from numpy.typing import ArrayLike

Parameters = dict[str, Any]
"""Arrays by name."""

Watch = Callable[[Parameters, Any], Mapping[str, Any]]
"""``(parameters, validation tokens)`` to named arrays; traceable, and a function of a module or hashable."""


class Trainable(Protocol):
    """A model whose weights are an argument of every method: a frozen dataclass of hyper-parameters.

    It may have ``constants``, arrays by name that ``loss`` finds among its parameters although they belong to
    no training: a program is given them, since in the program itself large ones take long to compile.
    """

    def __hash__(self) -> int:
        """Return a hash: one program is compiled for each model."""
        ...

    @property
    def vocabulary(self) -> int:
        """Number of different tokens."""
        ...

    @property
    def context(self) -> int:
        """Longest sequence."""
        ...

    @property
    def dtype(self) -> str:
        """Of weights and activations, ``"float32"`` or ``"float64"``."""
        ...

    @property
    def frozen(self) -> tuple[str, ...]:
        """Names of the parameters that training leaves as they are."""
        ...

    def init(self, key: int) -> Parameters:
        """Return the weights that a training starts from."""
        ...

    def loss(self, parameters: Parameters, tokens: Any, mask: Any) -> Any:
        """Return the mean negative log-likelihood, in nats, of the tokens (B, T) where mask (T,) is True.

        Traceable.
        """
        ...


def parameters_like(model: Trainable, given: Mapping[str, ArrayLike]) -> Parameters:
    """Return weights of the shapes and the dtype of ``model``, in the order in which it names them.

    Raises
    ------
    ValueError
        For a name that is missing or unknown, or another shape.
    """
    import numpy as np

    own = model.init(0)
    if set(own) != set(given):
        names = ", ".join(sorted(set(own) ^ set(given)))
        raise ValueError(f"initial lacks or adds {names}: give the names that the model's init returns")
    found = {name: np.asarray(given[name], model.dtype) for name in own}
    for name, array in found.items():
        if array.shape != own[name].shape:
            raise ValueError(
                f"initial[{name!r}] has shape {array.shape}: the model's init returns {own[name].shape}"
            )
        if not np.all(np.isfinite(array)):
            raise ValueError(f"initial[{name!r}] has entries that are NaN or infinite: replace them")
    return found
