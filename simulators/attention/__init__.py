"""Small transformers with every kind of attention in JAX, their training text, and what is seen in them.

`SinkTransformer` is trained by `tightbound.simulators.language_models.train` on `BackcopySequences`, while
`SinkWatch` records sinks and lengths; `forward` computes what that of ``theory.attention`` does.
"""

from tightbound.simulators.attention.bigram_backcopy import (
    BackcopySequences,
    random_bigram_backcopy,
)
from tightbound.simulators.attention.byte_text import (
    ByteText,
    help_topics,
)
from tightbound.simulators.attention.forward import (
    forward,
)
from tightbound.simulators.attention.grammar_text import (
    GrammarText,
    random_grammar_text,
)
from tightbound.simulators.attention.hidden_markov_text import (
    HiddenMarkovText,
    random_hidden_markov_text,
)
from tightbound.simulators.attention.model import (
    SinkTransformer,
)
from tightbound.simulators.attention.probe import (
    SinkWatch,
)

__all__ = [
    "BackcopySequences",
    "ByteText",
    "GrammarText",
    "HiddenMarkovText",
    "SinkTransformer",
    "SinkWatch",
    "forward",
    "help_topics",
    "random_bigram_backcopy",
    "random_grammar_text",
    "random_hidden_markov_text",
]
