"""Jobs: runs of plugins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from synapse._internal import log_events
from synapse._internal.described import Description, Meter
from synapse._internal.json_values import to_json
from synapse.errors import Conflict, FilterIgnored, JobError, JobsFailed, UsageError
from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import Manager
from synapse.orm.relations import ForeignKeyId, ManagerDescriptor, to_one
from synapse.orm.resource import Editable
from synapse.plugins.platform_records import read_metrics, read_progress
from synapse.resources.enums import JobStatus

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from synapse.resources._typed import JobUpdate, TypedJobManager
    from synapse.resources.job_following import JobFollower
    from synapse.resources.job_output import JobOutput
    from synapse.resources.plugins import Plugin, PluginRelease
    from synapse.transfer.progress import ProgressArgument
    from synapse.transport.stream_limits import StreamLimits
else:
    TypedJobManager = Manager["Job"]

__all__ = ["Job", "JobManager"]

_JOBS_PER_REQUEST = 100


class JobManager(TypedJobManager):
    """Jobs: read, wait for. `plugin.run()` starts one."""

    __slots__ = ()

    def wait(
        self,
        jobs: Iterable[Job],
        timeout: float | None = None,
        *,
        progress: ProgressArgument = True,
        raises: bool = True,
    ) -> list[Job]:
        """Wait until several jobs have ended.

        One request for each hundred unfinished jobs, repeatedly: several times a second at first,
        every few seconds later. A server that can't list jobs by id is asked for one after the
        other. An unreachable server is waited for.

        Args:
            jobs: The jobs; repetitions are allowed.
            timeout: Longest wait in seconds; `None` for no limit.
            progress: As for `Job.wait`; one bar shows all jobs together.
            raises: Whether a failed or stopped job is an error. Otherwise look at each `status`.

        Returns:
            The jobs, in the given order.

        Raises:
            JobsFailed: All have ended, and some failed or were stopped; `errors` has one error for
                each of those.
            JobTimeout: Some jobs haven't ended in time; they continue.
            NotFound: A job is gone.

        Example:
            >>> plugin = session.plugins.create(name="Detector")
            >>> jobs = [plugin.run("train").update(status="succeeded") for _ in range(3)]
            >>> session.jobs.wait(jobs) == jobs
            True
        """
        from synapse.resources.job_waiting import failure_of, wait_for

        requested = list(jobs)
        for job in requested:
            if not isinstance(job, Job):
                raise UsageError(f"jobs.wait() takes Job objects, not {job!r}.")
        distinct = list({id(job): job for job in requested}.values())
        wait_for(distinct, _JobRefresher(self), timeout, progress)
        errors: list[JobError] = []
        if raises:
            errors = [error for job in distinct if (error := failure_of(job)) is not None]
        if errors:
            ids = ", ".join(error.job_id for error in errors[:3])
            more = f" and {len(errors) - 3} more" if len(errors) > 3 else ""
            raise JobsFailed(
                f"{len(errors)} of {len(distinct)} jobs failed or were stopped: {ids}{more}.",
                errors,
            )
        return requested


class _JobRefresher:
    """Refresh jobs, in as few requests as the server allows."""

    def __init__(self, manager: JobManager) -> None:
        self._manager = manager
        self._can_list_by_id = True

    def __call__(self, jobs: list[Job]) -> None:
        if not self._can_list_by_id or len(jobs) == 1:
            for job in jobs:
                job.refresh()
            return
        for start in range(0, len(jobs), _JOBS_PER_REQUEST):
            pending = {job._key: job for job in jobs[start : start + _JOBS_PER_REQUEST]}
            try:
                listed = list(self._manager.filter(id=list(pending))[: len(pending)])
            except FilterIgnored:
                self._can_list_by_id = False
                listed = []
            for job in listed:
                own = pending.pop(job._key, job)
                if own is not job:  # the caller's object isn't in this session's identity map
                    own._take(job._raw)
            for job in pending.values():
                job.refresh()


@resource("jobs/", manager=JobManager, summary=["plugin", "action", "status"])
class Job(Editable):
    """A run of a plugin.

    Attributes:
        id: The job's id, a UUID.
        plugin: The plugin.
        plugin_id: The plugin's id, without loading the plugin.
        plugin_release: The plugin's release.
        plugin_release_id: The release's id, without loading the release.
        action: Name of the plugin's action.
        status: State: queued, running, succeeded, failed or stopped, whatever the server's
            spelling.
        progress: Percentage done, from 0 to 100.
        progress_record: Progress by category.
        metrics_record: Reported metrics.
        params: Parameters of the job.
        result: The returned value.
        meta: Free JSON data of clients.
        is_active: Whether the job still counts.
        created: Time of the start.
        updated: Time of the last change.
        completed: Time of the end.
    """

    objects: ClassVar[ManagerDescriptor[JobManager]] = ManagerDescriptor()

    id: str = field(read_only=True)
    plugin: Plugin = to_one("Plugin", read_only=True)
    plugin_id = ForeignKeyId[int]("plugin")
    plugin_release: PluginRelease | None = to_one("PluginRelease", read_only=True)
    plugin_release_id = ForeignKeyId["int | None"]("plugin_release")
    action: str | None = field(read_only=True)
    status: JobStatus | str = field()
    progress: float | None = field()
    progress_record: dict[str, Any] | None = field()
    metrics_record: dict[str, Any] | None = field()
    params: dict[str, Any] | None = field(read_only=True)
    result: Any = field()
    meta: dict[str, Any] = field()
    is_active: bool = field(read_only=True)
    created: datetime = field(read_only=True)
    updated: datetime = field(read_only=True)
    completed: datetime | None = field(read_only=True)

    @property
    def changes(self) -> dict[str, Any]:
        """The changed fields, with the status in this server's spelling. Makes no request."""
        changes = super().changes
        status = self.status if "status" in changes else None
        if isinstance(status, JobStatus):
            changes["status"] = self._spell(status)
        return changes

    def update(self, *, console_logs: Any = None, **values: Unpack[JobUpdate]) -> Self:
        """Report on the job: set fields and save them. One request.

        Args:
            console_logs: Lines to append to the job's output.
            **values: `status`, `progress`, `progress_record`, `metrics_record`, `result`.

        Returns:
            The job itself.

        Raises:
            AttributeError: No such field exists, or only the server sets the field.
            ValidationError: The server refused a value; the job is unchanged.
        """
        with self._tentatively(values):
            if console_logs is None:
                return self.save()
            changes = self.changes
            path = type(self).__schema__.detail_path(self._key)
            body = {**changes, "console_logs": to_json(console_logs, "console_logs")}
            self._take(self._ask("PATCH", path, json=body), sent=changes, saved=True)
        return self

    @property
    def is_finished(self) -> bool:
        """True if the last known state is final. Makes no request."""
        state = self._state
        return isinstance(state, JobStatus) and state.is_final

    @property
    def metrics(self) -> Mapping[str, Any]:
        """The job's metrics, read-only; empty before the first.

        This is `metrics_record`, or the steps in the record of the platform's package; reading may
        need a request for a job of which only the id is known.
        """
        return MappingProxyType(dict(read_metrics(self.metrics_record)))

    def wait(self, timeout: float | None = None, progress: ProgressArgument = True) -> Self:
        """Wait until the job has ended, and return only if the job succeeded.

        One request each time the server is asked: several times a second at first, every few
        seconds later. An unreachable server is waited for. Ctrl-C ends the waiting, not the job.

        Args:
            timeout: Longest wait in seconds; `None` for no limit.
            progress: `True` for a bar on a terminal or in a notebook after half a second, and a
                line a minute elsewhere; `False` for nothing; a function, called with the percentage
                done and a hundred; or a `synapse.transfer.progress.Progress`.

        Returns:
            The job itself, with its `result`.

        Raises:
            JobFailed: The job failed. The message has the last printed lines.
            JobStopped: The job was stopped.
            JobTimeout: The job hasn't ended in time; the job continues.
            NotFound: The job is gone.

        Example:
            >>> job = session.plugins.create(name="Detector").run("train")
            >>> job = job.update(status="failed", console_logs="No pictures.")
            >>> try:
            ...     job.wait()
            ... except JobError as error:
            ...     print(type(error).__name__, error.lines)
            JobFailed ['No pictures.']
        """
        from synapse.resources.job_waiting import failure_of, wait_for

        wait_for([self], lambda _: self.refresh(), timeout, progress)
        failure = failure_of(self)
        if failure is not None:
            raise failure
        return self

    def follow(
        self,
        limits: StreamLimits | None = None,
        *,
        patience: float = 60.0,
        progress: bool = True,
    ) -> JobFollower:
        """Return the job's output line by line as printed, until the job has ended.

        Following begins with the first line, whenever the job was started, and survives broken
        connections: no line is lost or repeated. Afterwards `status` is the final state. Iterating
        makes one request, and another one at the end; two more for each broken connection.

        A notebook shows the state beside the lines that the loop prints. As the last line of a
        cell, and by `show()`, the last lines are shown too, in one output.

        Args:
            limits: Limits of the following; the defaults of `StreamLimits` if `None`.
            patience: Seconds for which the server may be unreachable at a time. When the server has
                reached its limit of followers, a free slot is waited for without a limit.
            progress: Whether a notebook shows the state.

        Returns:
            An iterator of lines.

        Raises:
            StreamLimitExceeded: The output passes the limits; earlier lines were yielded.
            NotFound: No such job exists.
            ClientError: The server refused, or couldn't be reached for too long.

        Example:
            >>> job = session.plugins.create(name="Detector").run("train")
            >>> job = job.update(status="succeeded", console_logs=["epoch 1", "epoch 2"])
            >>> list(job.follow())
            ['epoch 1', 'epoch 2']
        """
        from synapse.resources.job_following import JobFollower

        return JobFollower(self, limits, patience, shows_state=progress)

    def stop(self, *, wait: bool = False, timeout: float | None = None) -> Self:
        """Request the job's stop. One request; none if the job is known to have ended.

        The server may take a while; until then `status` stays the same. Stopping an ended job isn't
        an error.

        Args:
            wait: Whether to wait until the job has ended.
            timeout: Longest wait in seconds; `None` for no limit.

        Returns:
            The job itself.

        Raises:
            JobTimeout: The job hasn't ended in time.
            NotFound: The job is gone.

        Example:
            >>> job = session.plugins.create(name="Detector").run("train")
            >>> str(job.stop(wait=True).status)
            'stopped'
        """
        if not self.is_finished:
            path = type(self).__schema__.detail_path(self._key)
            try:
                row = self._ask("PATCH", path, json={"status": self._spell(JobStatus.STOPPED)})
            except Conflict:
                if not self.refresh().is_finished:
                    raise
            else:
                if row:
                    self._take(row)
                log_events.JOB_STOP_REQUESTED.log(
                    "%s: stop requested", self._label(), job_id=self._key
                )
        if wait:
            from synapse.resources.job_waiting import wait_for

            wait_for([self], lambda _: self.refresh(), timeout, progress=False)
        return self

    def logs(self) -> JobOutput:
        """Return the job's output so far, with levels and times.

        Makes no request; iterating makes one for each thousand lines. `logs().last(20)` has the
        last ones.
        """
        from synapse.resources.job_output import JobOutput

        return JobOutput(self)

    def _describe(self) -> Description:
        described, percent = super()._describe(), self._percent
        if percent is None:
            return described
        share = min(max(percent / 100, 0.0), 1.0)
        return described._replace(meters=[Meter("progress", share, f"{percent:.0f} %")])

    @property
    def _state(self) -> JobStatus | str:
        """The last known state, in the SDK's spelling if the state is known."""
        status = self._raw.get("status")
        try:
            return JobStatus(status)
        except ValueError:
            return str(status)

    @property
    def _percent(self) -> float | None:
        """The last known percentage."""
        progress = self._raw.get("progress")
        if isinstance(progress, (int, float)):
            return progress
        return read_progress(self._raw.get("progress_record"))

    def _spell(self, status: JobStatus) -> str:
        """Return a state in this server's spelling."""
        older, newer = status.spellings
        return newer if str(self._raw.get("status")).isupper() else older
