"""Where units run, behind ``submit(fn, *args) -> Future``: in this process, beside it, or on a cluster."""

from tightbound.verification.executors.base import Executor
from tightbound.verification.executors.by_name import EXECUTORS, get_executor
from tightbound.verification.executors.dask import DaskExecutor
from tightbound.verification.executors.local import LocalExecutor
from tightbound.verification.executors.pinning import cores, kernel_cache
from tightbound.verification.executors.serial import SerialExecutor
from tightbound.verification.executors.slurm import SlurmExecutor

__all__ = [
    "EXECUTORS",
    "DaskExecutor",
    "Executor",
    "LocalExecutor",
    "SerialExecutor",
    "SlurmExecutor",
    "cores",
    "get_executor",
    "kernel_cache",
]
