"""Units run as Slurm jobs, one unit a job, through submitit."""

from __future__ import annotations

import contextlib
import functools
import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from tightbound.verification.errors import ExecutorError, NotSendableError, OutputError
from tightbound.verification.executors.base import T, call, failed, packed
from tightbound.verification.executors.pinning import applied, cores, surroundings

CLUSTERS: tuple[str, ...] = ("slurm", "local", "debug")

_JOBS = 50  # jobs in the queue of a cluster
_MINUTES = 60  # what Slurm grants a job unless SBATCH_TIMELIMIT says otherwise
_PAUSE = {"slurm": 2.0, "local": 0.05}  # seconds between two looks at the jobs
_PATIENCE = 5.0  # seconds for processes of this machine to end
_GRACE = {"slurm": 15.0, "local": 0.0}  # seconds that a shared file system may take to show a result


class SlurmExecutor:
    """Submits functions as jobs; the folder of their files must be one that all machines share.

    Parameters
    ----------
    jobs : int, optional
        Jobs in the queue at a time; 50 where left out, one per core on this machine alone.
    cluster : {"slurm", "local", "debug"}
        Slurm; or processes of this machine or this process itself, to try the same path without Slurm.
    folder : Path
        For the files of the jobs; those of finished jobs are removed.

    Raises
    ------
    ExecutorError
        Where ``submitit`` is not installed, and on entering where there is no Slurm.
    ValueError
        For an unknown cluster.
    """

    writes = True
    remote = True

    def __init__(self, jobs: int | None, cluster: str, folder: Path) -> None:
        if cluster not in CLUSTERS:
            raise ValueError(f"scheduler is {cluster!r}: for Slurm choose one of {', '.join(CLUSTERS)}")
        if find_spec("submitit") is None:
            raise ExecutorError(
                "the executor slurm needs the package submitit: pip install 'tightbound[slurm]'"
            )
        self._cluster = cluster
        self._folder = folder.absolute()
        self.workers = 1 if cluster == "debug" else jobs or (_JOBS if cluster == "slurm" else cores())
        self._submitit: Any = None
        self._flying: dict[Future[Any], Any] = {}
        self._ended: dict[Future[Any], float] = {}
        self._watching = threading.Event()
        self._watcher: threading.Thread | None = None

    @property
    def slots(self) -> int:
        """As many units as jobs: what waits, waits in the queue of the cluster."""
        return self.workers

    def submit(self, fn: Callable[..., T], /, *args: Any) -> Future[T]:
        """Submit ``fn(*args)`` as a job and return its future."""
        try:
            payload = packed(fn, args)
        except NotSendableError as error:
            return failed(error)
        try:
            with applied(self._environment):
                job = self._submitit.submit(Job(sys.path), payload)
        except OSError as error:
            return failed(OutputError.of(self._folder, error))
        except Exception as error:  # sbatch refuses: submitit tells why in an exception of its own
            return failed(ExecutorError(f"the cluster takes no jobs: {error}"))
        ours: Future[T] = Future()
        if self._cluster == "debug":
            self._carry(ours, job)
        else:
            self._flying[ours] = job
        return ours

    @functools.cached_property
    def _environment(self) -> dict[str, str]:
        return surroundings(threads=True)

    def abandon(self) -> None:
        """Cancel every job: what they write is in place whole or not at all."""
        self._stop()
        for job in self._flying.values():
            with contextlib.suppress(Exception):
                job.cancel(check=False)
        end = time.monotonic() + _PATIENCE
        while self._cluster == "local" and time.monotonic() < end:
            if all(job.done() for job in self._flying.values()):
                break
            time.sleep(_PAUSE["local"])
        for job in self._flying.values():
            _tidy(job)
        self._flying.clear()

    def _watch(self) -> None:
        """Look after the jobs until told to stop; runs in a thread."""
        while not self._watching.wait(_PAUSE[self._cluster]):
            for ours, job in list(self._flying.items()):
                if job.done() and self._settled(ours, job):
                    del self._flying[ours]
                    self._carry(ours, job)

    def _settled(self, ours: Future[Any], job: Any) -> bool:
        """Whether the result is there or will not come."""
        since = self._ended.setdefault(ours, time.monotonic())
        if job.paths.result_pickle.exists() or time.monotonic() - since >= _GRACE[self._cluster]:
            del self._ended[ours]
            return True
        return False

    def _carry(self, ours: Future[Any], job: Any) -> None:
        """Carry the outcome over; the files of a job that was lost stay, for whoever wants to know why."""
        if self._cluster != "debug" and not job.paths.result_pickle.exists():
            ours.set_exception(
                BrokenExecutor(f"job {job.job_id} ended without a result: see {job.paths.stderr}")
            )
            return
        try:
            value, error = job.result()
        except Exception as lost:
            ours.set_exception(BrokenExecutor(str(lost)))
            return
        _tidy(job)
        if error is None:
            ours.set_result(value)
        else:
            ours.set_exception(error)

    def __enter__(self) -> Self:
        import submitit

        try:
            self._submitit = submitit.AutoExecutor(folder=self._folder, cluster=self._cluster)
        except OSError as error:
            raise OutputError.of(self._folder, error) from None
        except RuntimeError as error:
            raise ExecutorError(
                f"there is no Slurm on this machine ({error}): run this on a login node, or try the same "
                "path here with --scheduler local"
            ) from None
        self._submitit.update_parameters(name="tightbound", cpus_per_task=1, timeout_min=_MINUTES)
        if self._cluster != "debug":
            self._watcher = threading.Thread(target=self._watch, daemon=True)
            self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            shutil.rmtree(self._folder, ignore_errors=True)

    def _stop(self) -> None:
        self._watching.set()
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None


def _tidy(job: Any) -> None:
    """Remove the files of a job that nobody will ask for again."""
    paths = job.paths
    files = (paths.submitted_pickle, paths.result_pickle, paths.submission_file, paths.stdout, paths.stderr)
    for file in files:
        file.unlink(missing_ok=True)


class Job:
    """What a job runs; Slurm may preempt it, and it then starts anew.

    Parameters
    ----------
    path : sequence of str
        Where the parent finds modules; the job finds them there too.
    """

    def __init__(self, path: Sequence[str]) -> None:
        self._path = list(path)

    def __call__(self, payload: bytes) -> tuple[Any, Exception | None]:
        """Run a call with threads pinned before NumPy is imported; its error is an outcome like any other."""
        sys.path.extend(entry for entry in self._path if entry not in sys.path)
        with applied(surroundings(threads=True)):
            try:
                return call(payload), None
            except Exception as error:
                return None, error

    def checkpoint(self, payload: bytes) -> Any:
        """Return what to run after a preemption: the same again."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, payload)
