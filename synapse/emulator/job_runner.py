"""The jobs that this server runs itself."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from synapse.emulator.job_reporter import DatabaseReporter, end_job
from synapse.emulator.models import Job

if TYPE_CHECKING:
    from synapse.jobs.local.engine import Engine
    from synapse.jobs.spec import JobSpec, Limits

_BLOCK = 1 << 20
_STOPPED = "The backend was stopped while the job ran."
_RESTARTED = "The backend was restarted while the job ran."


class JobRunner:
    """The server's engine, made for the first job.

    Args:
        folder: Folder of the engine.
        url: This server's address, as jobs reach the server.
        limits: Limits of each job.
        python: Interpreter that is tried first for jobs of the platform's package.
    """

    def __init__(
        self, folder: Path, url: str, limits: Limits | None, python: str | None = None
    ) -> None:
        self._folder = folder
        self._url = url
        self._limits = limits
        self._python = python
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._is_closed = False
        self._checksums: dict[Path, str] = {}

    def recover(self) -> None:
        """End the jobs that an earlier run of the server left behind, which was killed."""
        jobs = Job.objects.filter(runner=Job.Runner.ENGINE).exclude(status__in=Job.FINAL)
        left = list(jobs.values_list("pk", flat=True))
        if left:
            from synapse.jobs.local.process_tree import end_marked

            end_marked({str(key) for key in left})
        for key in left:
            end_job(key, Job.Status.FAILED, _RESTARTED)

    def submit(self, job: Job, archive: Path, token: str) -> None:
        """Run a saved job, with loaded release, plugin and tenant.

        A second call for the same job does nothing.
        """
        try:
            order = self._order(job, archive, token)
            with self._lock:
                if self._is_closed:
                    end_job(job.pk, Job.Status.FAILED, _STOPPED)
                elif self._is_new(job):
                    self._get_engine().submit(order, DatabaseReporter(job.pk))
        except (OSError, RuntimeError) as error:  # not possible here, or no thread can be started
            reason = str(error).rstrip(".")
            end_job(job.pk, Job.Status.FAILED, f"The job could not be run: {reason}.")

    def _order(self, job: Job, archive: Path, token: str) -> JobSpec:
        from synapse.jobs.spec import JobSpec, Limits, ReleaseFile

        release = job.plugin_release
        if release is None or job.action is None:  # the caller checked
            raise ValueError("only an action of a release can be run")
        return JobSpec(
            job_id=str(job.pk),
            release=ReleaseFile(
                code=job.plugin.code,
                version=release.version,
                checksum=self._checksum(archive),
                archive=archive,
            ),
            action=job.action,
            params=job.params,
            base_url=self._url,
            credentials={"api_token": token, "tenant": job.tenant.code},
            limits=self._limits or Limits(),
            debug=job.debug,
        )

    def stop(self, job: Job) -> None:
        """Request the end of a job, which is reported as any other end."""
        with self._lock:
            if self._engine is not None and self._engine.stop(str(job.pk)):
                return
            # The job is saved, and not submitted yet.
            if Job.objects.filter(pk=job.pk, status=Job.Status.QUEUED).exists():
                end_job(job.pk, Job.Status.STOPPED, "It was stopped before it ran.")

    def close(self) -> None:
        """End all jobs, and wait for them."""
        with self._lock:
            self._is_closed = True
            engine = self._engine
        if engine is not None:
            engine.close(_STOPPED)

    def _is_new(self, job: Job) -> bool:
        # In this order: a job that leaves the engine between the questions has its final status.
        is_here = self._engine is not None and self._engine.has(str(job.pk))
        return not is_here and Job.objects.filter(pk=job.pk, status=Job.Status.QUEUED).exists()

    def _get_engine(self) -> Engine:
        if self._engine is None:
            from synapse.jobs.local.engine import Engine

            self._engine = Engine(self._folder, platform_python=self._python)
        return self._engine

    def _checksum(self, path: Path) -> str:
        """Return the SHA-256 of stored content, which never changes."""
        if path not in self._checksums:
            digest = hashlib.sha256()
            with path.open("rb") as stream:
                while block := stream.read(_BLOCK):
                    digest.update(block)
            self._checksums[path] = digest.hexdigest()
        return self._checksums[path]
