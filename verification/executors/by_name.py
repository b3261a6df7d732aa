"""From the name of an executor to the executor."""

from __future__ import annotations

import os
from pathlib import Path

from tightbound.verification import defaults
from tightbound.verification.executors.base import Executor
from tightbound.verification.executors.dask import DaskExecutor
from tightbound.verification.executors.local import LocalExecutor
from tightbound.verification.executors.pinning import cores
from tightbound.verification.executors.serial import SerialExecutor
from tightbound.verification.executors.slurm import SlurmExecutor

EXECUTORS: tuple[str, ...] = ("serial", "local", "dask", "slurm")


def get_executor(
    name: str, jobs: int | None = None, *, scheduler: str | None = None, output: Path = defaults.OUTPUT
) -> Executor:
    """Return the executor called ``name``.

    Parameters
    ----------
    name : {"serial", "local", "dask", "slurm"}
        This process, worker processes of this machine, the workers of a dask scheduler, or Slurm jobs.
    jobs : int, optional
        Units at a time; the number of cores this process may use where left out, of the scheduler's workers,
        or 50 Slurm jobs. ``serial`` has one.
    scheduler : str, optional
        For ``dask`` the scheduler's address; where left out that of the variable ``DASK_SCHEDULER_ADDRESS``,
        else a scheduler on this machine alone. For ``slurm`` ``"slurm"`` (where left out), or ``"local"`` or
        ``"debug"`` to try it without Slurm.
    output : Path
        The output folder, in which Slurm jobs have their files.

    Raises
    ------
    ValueError
        For an unknown name, fewer than one job, or a scheduler where there is none.
    ExecutorError
        For an executor whose package is not installed.
    """
    if jobs is not None and (isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1):
        raise ValueError(f"jobs is {jobs!r}: give an integer of at least 1, or leave it out for one per core")
    if name == "dask":
        return DaskExecutor(jobs, scheduler or os.environ.get("DASK_SCHEDULER_ADDRESS"))
    if name == "slurm":
        return SlurmExecutor(jobs, scheduler or "slurm", output / "slurm")
    if name not in EXECUTORS:
        raise ValueError(f"executor is {name!r}: choose one of {', '.join(EXECUTORS)}")
    if scheduler is not None:
        raise ValueError(f"scheduler is {scheduler!r}, but the executor {name} has none: leave it out")
    return SerialExecutor() if name == "serial" else LocalExecutor(jobs or cores())
