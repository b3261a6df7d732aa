"""Language models behind one protocol: a real one, trained ones, and an exact table.

`LanguageModel` is what decoders ask for. `Llama` runs a GGUF checkpoint, `TableModel` is exact. Small models
are trained by `train`; a model to train is a frozen set of hyper-parameters, its weights are an argument, and
training goes on from a checkpoint as if it had never been killed.
"""

from tightbound.simulators.language_models.attention_maps import (
    AttentionMaps,
    attention_maps,
)
from tightbound.simulators.language_models.byte_pair_tokenizer import (
    BytePairTokenizer,
    chat,
)
from tightbound.simulators.language_models.causal_transformer import (
    CausalTransformer,
)
from tightbound.simulators.language_models.checkpoint import (
    CheckpointError,
)
from tightbound.simulators.language_models.gguf_checkpoint import (
    CheckpointFormatError,
    LlamaConfig,
    read_gguf,
)
from tightbound.simulators.language_models.gpu_llama import (
    GpuLlama,
)
from tightbound.simulators.language_models.language_model import (
    AttentionModel,
    ContextOverflowError,
    KeySelection,
    LanguageModel,
    prefill,
)
from tightbound.simulators.language_models.llama import (
    Llama,
)
from tightbound.simulators.language_models.llama_cache import (
    LlamaCache,
)
from tightbound.simulators.language_models.schedule import (
    OwnRate,
    Schedule,
)
from tightbound.simulators.language_models.smollm2 import (
    ModelUnavailableError,
)
from tightbound.simulators.language_models.table_model import (
    TableModel,
)
from tightbound.simulators.language_models.trainable import (
    Trainable,
    Watch,
)
from tightbound.simulators.language_models.training import (
    History,
    TrainingDivergedError,
    TrainingResult,
    train,
    train_many,
)

__all__ = [
    "AttentionMaps",
    "AttentionModel",
    "BytePairTokenizer",
    "CausalTransformer",
    "CheckpointError",
    "CheckpointFormatError",
    "ContextOverflowError",
    "GpuLlama",
    "History",
    "KeySelection",
    "LanguageModel",
    "Llama",
    "LlamaCache",
    "LlamaConfig",
    "ModelUnavailableError",
    "OwnRate",
    "Schedule",
    "TableModel",
    "Trainable",
    "TrainingDivergedError",
    "TrainingResult",
    "Watch",
    "attention_maps",
    "chat",
    "prefill",
    "read_gguf",
    "train",
    "train_many",
]
