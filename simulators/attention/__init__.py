"""Small transformers with every kind of attention in JAX, their training text, and what is seen in them.

`SinkTransformer` is trained by `tightbound.simulators.language_models.train` on `BackcopySequences`, while
`SinkWatch` records sinks and lengths; `forward` computes what that of ``theory.attention`` does.
"""

from tightbound.simulators.attention.bigram_backcopy import (
    BackcopySequences,
    random_bigram_backcopy,
)
from tightbound.simulators.attention.forward import (
    forward,
)
from tightbound.simulators.attention.model import (
    SinkTransformer,
)
from tightbound.simulators.attention.probe import (
    SinkWatch,
)

__all__ = [
    "BackcopySequences",
    "SinkTransformer",
    "SinkWatch",
    "forward",
    "random_bigram_backcopy",
]
