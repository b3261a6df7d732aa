"""The real model, where it is installed, and a small one with random weights."""

import os
from importlib.util import find_spec

import pytest

REQUIRE = "TIGHTBOUND_REQUIRE_MODELS"


def need(available, reason):
    """Skip where something is missing, or fail where the environment says that it must be there."""
    if not available and os.environ.get(REQUIRE) == "1":
        raise ModuleNotFoundError(f"{REQUIRE}=1, and {reason}")
    if not available:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def gguf():
    """The package that reads and writes GGUF files."""
    need(find_spec("gguf"), "gguf is not installed: pip install 'tightbound[models]'")
    import gguf

    return gguf


@pytest.fixture(scope="session")
def smollm2(gguf):
    """SmolLM2-135M-Instruct."""
    from tightbound.simulators.language_models import smollm2

    try:
        path = smollm2.locate()
    except smollm2.ModelUnavailableError as error:
        need(False, str(error))
    return smollm2.load(path)


@pytest.fixture(scope="session")
def small():
    """A Llama with random weights: 3 layers, 2 key heads that 3 query heads share each."""
    from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
    from tightbound.simulators.language_models.llama import Llama

    config = LlamaConfig(
        vocabulary=37, context=160, width=24, inner=40, layers=3, heads=6, kv_heads=2, head_size=8
    )
    return Llama.random(config, rng=0)


@pytest.fixture(autouse=True)
def one_core():
    """Run compiled loops on one thread: tests run side by side, and waiting threads starve each other."""
    import numba

    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(threads)
