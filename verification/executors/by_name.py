"""From the name of an executor to the executor."""

from __future__ import annotations

from tightbound.verification.executors.base import Executor
from tightbound.verification.executors.local import LocalExecutor
from tightbound.verification.executors.pinning import cores
from tightbound.verification.executors.serial import SerialExecutor

EXECUTORS: tuple[str, ...] = ("serial", "local")


def get_executor(name: str, jobs: int | None = None) -> Executor:
    """Return the executor called ``name``.

    Parameters
    ----------
    name : {"serial", "local"}
        This process, or worker processes of this machine.
    jobs : int, optional
        Worker processes; the number of cores this process may use where left out. ``serial`` has one.

    Raises
    ------
    ValueError
        For an unknown name or fewer than one job.
    """
    if jobs is not None and (isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1):
        raise ValueError(f"jobs is {jobs!r}: give an integer of at least 1, or leave it out for one per core")
    if name == "serial":
        return SerialExecutor()
    if name == "local":
        return LocalExecutor(jobs or cores())
    raise ValueError(f"executor is {name!r}: choose one of {', '.join(EXECUTORS)}")
