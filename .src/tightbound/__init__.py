"""A laboratory for theory: statements of papers, checked by computation.

The five rooms:

``tightbound.theory``        bounds, rates and exact computations (pure functions)
``tightbound.kernels``       the speculative-decoding core, one folder per operation
``tightbound.simulators``    solvers and Monte-Carlo engines
``tightbound.verification``  claims, statistics, controls, runner, command line
``tightbound.papers``        one folder per paper: its claims and its figures
"""

from importlib import metadata

try:
    __version__ = metadata.version("tightbound")
except metadata.PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0.0.0+checkout"

__all__ = ["__version__"]
