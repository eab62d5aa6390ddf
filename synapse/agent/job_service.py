"""The agent's work apart from HTTP: take jobs, run them, report to the backend."""

from __future__ import annotations

import re
import shutil
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from synapse._internal.redaction import hide
from synapse.agent.debug_release import pack_debug_release
from synapse.agent.delivery import Delivery, JobReporter
from synapse.agent.http_errors import Refusal, translate_error
from synapse.agent.release_store import ReleaseStore, split_key
from synapse.agent.store import KeptJob, KeptRelease, Store
from synapse.agent.tickets import Tickets
from synapse.errors import ClientError, ConfigurationError, UsageError
from synapse.jobs.protocols import Machines, Runner
from synapse.jobs.spec import JobSpec, Limits, Outcome, ReleaseFile
from synapse.plugins.config import PluginConfig
from synapse.plugins.parameters import find_problems
from synapse.session import Session

__all__ = ["Caller", "JobService"]


_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
# Seconds for which a run waits for the backend's request with the created job.
_CALLED_BACK = 5.0


@attrs.frozen
class Caller:
    """On whose behalf a request is made.

    Attributes:
        user_token: The token of the header `SYNAPSE-User`: a user's, or a job's own.
        tenant: The code of the header `SYNAPSE-Tenant`.
    """

    user_token: str | None = attrs.field(default=None, repr=False)
    tenant: str | None = None


class JobService:
    """The agent's work.

    Args:
        store: The agent's store.
        session: Session with the backend, with the agent's token.
        runner: The runner.
        cluster: The machines of the jobs.
        reports: The delivery to the backend.
        orders: The tickets for job specs.
        limits: Limits of one job.

    Attributes:
        agent_id: The agent's id at the backend, once known.
        connected: Time of the last contact with the backend, on `time.time`'s clock.
    """

    def __init__(
        self,
        *,
        store: Store,
        session: Session,
        runner: Runner,
        cluster: Machines,
        reports: Delivery,
        orders: Tickets,
        limits: Limits,
    ) -> None:
        self.store = store
        self.runner = runner
        self.cluster = cluster
        self.orders = orders
        self.releases = ReleaseStore(store, session)
        self.stopping = threading.Event()
        self.agent_id: int | None = None
        self.connected: float | None = None
        self._session = session
        self.reports = reports
        self._limits = limits
        self._debug_folder = store.folder / "debug"
        shutil.rmtree(self._debug_folder, ignore_errors=True)  # of jobs that ended with the agent
        self._debug_folder.mkdir(mode=0o700)
        # The run requests, by the id of the job that the backend creates for each.
        self._wanted: dict[str, str] = {}
        self._submitting = threading.Lock()

    def run(self, key: str, body: Mapping[str, Any], caller: Caller) -> KeptJob | str:
        """Run an action of a release.

        The backend's request names the job and its rights (`job_id` and the header `SYNAPSE-User`).
        Any other request creates the job at the backend, which then asks this agent to run the job.

        Returns:
            The job; only the id if the backend created the job, but hasn't asked for it yet.

        Raises:
            Refusal: The release, the action or a parameter is invalid, or the backend is away.
        """
        code, version = split_key(key)
        job_id, known = self._find_job(body)
        if known is not None:
            return known  # a repeated request: the first response was lost
        if body.get("requirements"):
            reason = "The agent installs the requirements of the release; add yours to a release."
            raise Refusal(400, {"requirements": [reason]})
        wanted = self._wanted.pop(job_id, None) if job_id is not None else None
        if wanted is not None:
            code, version = split_key(wanted)
        release, _ = self.releases.fetch(code, version)
        action, params = _validate_request(PluginConfig.parse(release.config), body)
        if job_id is None or caller.user_token is None:
            return self._run_by_backend(release, job_id, action, params, body, caller)
        order = self._make_spec(
            self.releases.file_of(release), job_id, action, params, bool(body.get("debug")), caller
        )
        return self._submit(order, JobReporter(self.store, self.reports, job_id))

    def run_debug(self, body: Mapping[str, Any], caller: Caller) -> KeptJob:
        """Run an action of code that isn't released.

        The backend hears of the job only if the request names a job of the backend (`job_id`).

        Raises:
            Refusal: The code, the action or a parameter is invalid.
        """
        job_id, known = self._find_job(body)
        if known is not None:
            return known
        archive = self._debug_folder / f"{uuid.uuid4().hex}.zip"
        key = job_id or str(uuid.uuid4())
        try:
            package = pack_debug_release(body, archive)
            action, params = _validate_request(package.config, body)
            release = ReleaseFile(
                code=str(package.config.code),
                version=str(package.config.version),
                checksum=package.checksum,
                archive=archive,
            )
            order = self._make_spec(release, key, action, params, True, caller)
        except Refusal:
            archive.unlink(missing_ok=True)
            raise
        reporter = _DebugReporter(self.store, self.reports, key, archive)
        return self._submit(order, reporter, is_reported=job_id is not None)

    def stop(self, job_id: str) -> KeptJob:
        """Request a job's end.

        Raises:
            Refusal: No such job exists.
        """
        job = self.job(job_id)
        if not job.is_final:
            self.runner.stop(job_id)
        return self.job(job_id)

    def job(self, job_id: str) -> KeptJob:
        """Return a job.

        Raises:
            Refusal: No such job exists.
        """
        found = self.store.job(job_id)
        if found is None:
            raise Refusal(404, f"The agent has no job {job_id}.")
        return found

    def fail_left_jobs(self) -> None:
        """Mark the jobs of an earlier agent process as failed: none of them runs any more."""
        for job in self.store.jobs():
            if not job.is_final:
                ran = "while the job ran" if job.status == "running" else "before the job ran"
                self.store.end(job.id, Outcome("failed", f"The agent was restarted {ran}."))
                self.cluster.end(job.id)

    def close(self) -> None:
        """Take no more jobs, and end those that run."""
        self.stopping.set()
        self.runner.close()
        self.fail_left_jobs()

    def _find_job(self, body: Mapping[str, Any]) -> tuple[str | None, KeptJob | None]:
        """Return the id that a run request names, and the job if the agent has it.

        Raises:
            Refusal: The id is malformed, or the agent is being stopped.
        """
        if self.stopping.is_set():
            raise Refusal(503, "The agent is being stopped.")
        job_id = _job_id(body)
        return job_id, self.store.job(job_id) if job_id is not None else None

    def _make_spec(
        self,
        release: ReleaseFile,
        job_id: str,
        action: str,
        params: Mapping[str, Any],
        debug: bool,
        caller: Caller,
    ) -> JobSpec:
        return JobSpec(
            job_id=job_id,
            release=release,
            action=action,
            params=params,
            base_url=self._session.transport.base_url,
            credentials=self._credentials_of(caller),
            limits=self._limits,
            debug=debug,
        )

    def _submit(
        self, order: JobSpec, reporter: JobReporter, *, is_reported: bool = True
    ) -> KeptJob:
        with self._submitting:
            is_new = self.store.add(
                order.job_id,
                code=order.release.code,
                version=order.release.version,
                action=order.action,
                params=order.params,
                debug=order.debug,
            )
            if is_new:
                if not is_reported:
                    self.store.give_up(order.job_id)
                self.runner.submit(order, reporter)
        return self.job(order.job_id)

    def _run_by_backend(
        self,
        release: KeptRelease,
        job_id: str | None,
        action: str,
        params: Mapping[str, Any],
        body: Mapping[str, Any],
        caller: Caller,
    ) -> KeptJob | str:
        """Let the backend create the job, and wait a moment for the request to run the job."""
        if self.agent_id is None:
            raise Refusal(503, "The agent hasn't reached the backend yet; try again in a moment.")
        key = job_id or str(uuid.uuid4())
        wish = {
            "action": action,
            "params": dict(params),
            "agent": self.agent_id,
            "debug": bool(body.get("debug")),
            "job_id": key,
            "version": release.version,
        }
        self._wanted[key] = release.key
        try:
            with self._session_of(caller) as session:
                session.client.run_plugin(release.code, wish)
        except ClientError as error:
            self._wanted.pop(key, None)
            raise translate_error(error) from error
        until = time.monotonic() + _CALLED_BACK
        while (found := self.store.job(key)) is None and time.monotonic() < until:
            time.sleep(0.05)
        return found if found is not None else key

    def _session_of(self, caller: Caller) -> Session:
        """Return a session with the caller's rights; with the agent's own for an unnamed caller."""
        settings = self._session.transport.settings
        options: dict[str, Any] = {"timeout": settings.timeout, **self._credentials_of(caller)}
        try:
            return Session(self._session.transport.base_url, **options)
        except ConfigurationError as error:
            raise Refusal(400, {"detail": f"SYNAPSE-User or SYNAPSE-Tenant: {error}"}) from None

    def _credentials_of(self, caller: Caller) -> dict[str, str]:
        """Return the caller's credentials, by the name of the session's argument."""
        if caller.user_token is None:
            own = self._session.transport.settings.credentials["agent_token"].reveal()
            credentials = {"agent_token": own}
        else:
            hide(caller.user_token)
            credentials = {"api_token": caller.user_token}
        return {**credentials, "tenant": caller.tenant} if caller.tenant else credentials


class _DebugReporter(JobReporter):
    """The reporter of a debugging run, whose code is deleted at the end."""

    def __init__(self, store: Store, reports: Delivery, job_id: str, archive: Path) -> None:
        super().__init__(store, reports, job_id)
        self._archive = archive

    def ended(self, outcome: Outcome) -> None:
        """Report the outcome, and delete the code."""
        super().ended(outcome)
        self._archive.unlink(missing_ok=True)


def _job_id(body: Mapping[str, Any]) -> str | None:
    value = body.get("job_id")
    if value is None:
        return None
    if not isinstance(value, str) or not _JOB_ID.fullmatch(value):
        raise Refusal(400, {"job_id": ["Enter letters, digits, '-' and '_', at most 100."]})
    return value


def _validate_request(config: PluginConfig, body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return action and parameters of a run request, checked against the release.

    Raises:
        Refusal: They are invalid; the response names valid ones.
    """
    name = body.get("action")
    if name is not None and not isinstance(name, str):
        raise Refusal(400, {"action": ["Not a valid string."]})
    try:
        action = config.action(name)
    except UsageError as error:
        raise Refusal(400, {"action": [str(error)]}) from None
    params = body.get("params", body.get("parameters"))
    if params is None:
        params = {}
    if not isinstance(params, dict):
        raise Refusal(400, {"params": ["Give an object."]})
    found = find_problems(action.parameters, params) if action.parameters is not None else {}
    if found:
        raise Refusal(400, {"params": found})
    return action.name, params
