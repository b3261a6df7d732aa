"""Whether the real language model is on this machine: claims that need it are skipped where it is not."""

from __future__ import annotations

import os
from importlib.util import find_spec

from tightbound.simulators.language_models.smollm2 import INSTALL, ModelUnavailableError, locate

NAME = "SmolLM2-135M-Instruct"
REQUIRE = "TIGHTBOUND_REQUIRE_MODELS"
"""A variable; where it is 1 nothing is skipped for want of a model."""
VARIES = "it reads this Python's documentation, and float32 rounds differently on other machines"
"""Why figures of the real model have no reference data."""


def missing() -> str:
    """Return why SmolLM2 cannot be run here and how to install it, or an empty text where it can.

    Where TIGHTBOUND_REQUIRE_MODELS is 1 the text is empty as well, so that claims without their model run
    and end with the error that says how to install it. Nothing is read and no heavy library is imported.
    """
    if os.environ.get(REQUIRE) == "1":
        return ""
    try:
        locate()
    except ModelUnavailableError as error:
        return str(error)
    if find_spec("gguf") is None:
        return f"the package gguf, which reads the weights of {NAME}, is not installed: {INSTALL}"
    return ""


def weights() -> str:
    """Return name and size of the file of weights, so that evidence from another file is not mistaken for it.

    Empty where there is none.
    """
    try:
        path = locate()
        return f"{path.name}, {path.stat().st_size} bytes"
    except OSError:  # ModelUnavailableError among them
        return ""
