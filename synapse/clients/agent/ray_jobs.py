"""Submit, watch, stop and delete the jobs of a Ray cluster."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from typing import Any

from synapse.clients.agent.ids import validate_id
from synapse.clients.agent.ray_packages import RayPackage
from synapse.clients.agent.ray_rest import RayRest, get_part, hide_variables, poll_until
from synapse.clients.base import Params
from synapse.errors import (
    ClientError,
    Conflict,
    ConnectionFailed,
    InvalidResponse,
    NotFound,
    RequestTimeout,
    UsageError,
)

__all__ = ["TERMINAL", "RayJobs"]

TERMINAL = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
"""Final states of a Ray job."""

_SUBMIT_MARK = "synapse_submit"
_SUBMITS = 3
_LONGEST_PAUSE = 3.0


class RayJobs(RayRest):
    """Jobs of the cluster."""

    def submit_job(
        self,
        entrypoint: str,
        *,
        submission_id: str | None = None,
        working_dir: str | os.PathLike[str] | None = None,
        runtime_env: Mapping[str, Any] | None = None,
        metadata: Mapping[str, str] | None = None,
        entrypoint_num_cpus: float | None = None,
        entrypoint_num_gpus: float | None = None,
        entrypoint_memory: int | None = None,
        entrypoint_resources: Mapping[str, float] | None = None,
    ) -> dict[str, Any]:
        """Submit a command to the cluster. One request, and two more for a folder.

        The job is submitted once, even if a response is lost: a mark in the metadata of the job
        (`synapse_submit`) shows whether a lost request arrived.

        Everybody who can read the dashboard can read `env_vars`. Let a job fetch secrets with a
        ticket that works once, or mount secrets on the nodes.

        Args:
            entrypoint: Shell command.
            submission_id: Id of the job; default: a new id of Ray's form.
            working_dir: Folder or zip to upload as the command's folder, or a URI that Ray knows,
                such as `s3://bucket/code.zip`.
            runtime_env: Further environment that Ray prepares: `env_vars`, `pip` and so on.
            metadata: Texts to store with the job.
            entrypoint_num_cpus: CPUs reserved for the command, in addition to those of the tasks.
            entrypoint_num_gpus: GPUs reserved for the command.
            entrypoint_memory: Bytes of memory reserved for the command.
            entrypoint_resources: Other resources reserved for the command.

        Returns:
            `submission_id`, and the same value as `job_id`.

        Raises:
            BadRequest: The id has characters that no id has (no request was made), or Ray refused
                another argument.
            Conflict: Another job has the id.
            UsageError: The folder doesn't exist or can't be packed.
            PayloadTooLarge: The folder exceeds the dashboard's limit (100 MiB by default).
        """
        key = validate_id(submission_id or f"raysubmit_{secrets.token_hex(8)}")
        mark = secrets.token_hex(8)
        body = {
            "entrypoint": entrypoint,
            "submission_id": key,
            "runtime_env": self._prepare_environment(runtime_env, working_dir),
            "metadata": {**(metadata or {}), _SUBMIT_MARK: mark},
            "entrypoint_num_cpus": entrypoint_num_cpus,
            "entrypoint_num_gpus": entrypoint_num_gpus,
            "entrypoint_memory": entrypoint_memory,
            "entrypoint_resources": entrypoint_resources,
        }
        body = {name: value for name, value in body.items() if value is not None}
        return self._submit(key, mark, body)

    def get_job(self, job_id: str) -> dict[str, Any]:
        """Return a job. One request.

        Printing the row hides the values of `runtime_env["env_vars"]`.

        Args:
            job_id: Id of the submission, or Ray's own id of the job.

        Raises:
            BadRequest: The id has characters that no id has; no request was made.
            NotFound: The cluster has no such job.
        """
        key = validate_id(job_id)
        label = f"job {key}"
        job = self._request_object("GET", f"api/jobs/{key}", resource=label)
        get_part(job, str, label, "status")
        return job

    def list_jobs(self, params: Params | None = None) -> list[dict[str, Any]]:
        """List the cluster's jobs, the latest first. One request.

        Args:
            params: Values by field, such as `{"status": "RUNNING"}`; a list matches any of the
                values. Ray sends all jobs; the client filters them.

        Raises:
            UsageError: Jobs have no such field.
        """
        jobs = self._request_list("GET", "api/jobs/", resource="jobs")
        for name, wanted in (params or {}).items():
            if jobs and name not in jobs[0]:
                fields = ", ".join(sorted(jobs[0]))
                raise UsageError(f"Jobs have no field {name!r}. Use one of {fields}.")
            values = wanted if isinstance(wanted, (list, tuple, set)) else [wanted]
            jobs = [job for job in jobs if job[name] in values]
        return sorted(jobs, key=lambda job: job.get("start_time") or 0, reverse=True)

    def wait_job(self, job_id: str, timeout: float | None = None) -> dict[str, Any]:
        """Wait for the end of a job and return the job. One request every 3 seconds at most.

        Args:
            job_id: Id of the submission.
            timeout: Seconds; default: no limit.

        Returns:
            The job; `status` is `SUCCEEDED`, `FAILED` or `STOPPED`.

        Raises:
            BadRequest: The id has characters that no id has; no request was made.
            NotFound: The cluster has no such job.
            RequestTimeout: The job didn't end in time and still runs.
        """
        return poll_until(
            lambda: self.get_job(job_id),
            lambda job: job["status"] in TERMINAL,
            timeout=timeout,
            longest_pause=_LONGEST_PAUSE,
            hint="The job still runs. Call wait_job() with more time, or stop_job().",
            resource=f"job {job_id}",
        )

    def stop_job(self, job_id: str) -> dict[str, Any]:
        """Request the stop of a job. Two requests.

        Ray records the request. A running job ends within seconds; a `PENDING` job stays pending
        until the cluster has room. `wait_job()` waits for the end.

        Returns:
            `stopped`: whether Ray had something to stop; `requested`: whether the end is still to
            come; `status`: the present status of the job.

        Raises:
            BadRequest: The id has characters that no id has; no request was made.
            NotFound: The cluster has no such job.
        """
        key = validate_id(job_id)
        label = f"job {key}"
        body = self._request_object("POST", f"api/jobs/{key}/stop", resource=label)
        stopped = get_part(body, bool, label, "stopped")
        status = self.get_job(key)["status"]
        return {
            "stopped": stopped,
            "requested": stopped and status not in TERMINAL,
            "status": status,
        }

    def delete_job(self, job_id: str) -> dict[str, Any]:
        """Delete a job that has ended. One request.

        Raises:
            BadRequest: The id has characters that no id has; no request was made.
            NotFound: The cluster has no such job.
            Conflict: The job hasn't ended.
        """
        key = validate_id(job_id)
        return self._request_object("DELETE", f"api/jobs/{key}", resource=f"job {key}")

    def upload_package(
        self, source: str | os.PathLike[str], *, allow_credentials: bool = False
    ) -> str:
        """Upload a folder or zip, for the `working_dir` or `py_modules` of a `runtime_env`.

        The package leaves out files that git's rules name, caches, virtual environments and
        version control. Two requests, or one if the cluster has the package. Ray drops unused
        packages, so upload right before each use.

        Args:
            source: The folder or zip.
            allow_credentials: Whether to pack files that look like credentials, such as `.env`.

        Returns:
            The URI for a `runtime_env`.

        Raises:
            UsageError: The source is neither a folder nor a zip, can't be packed, or has files
                that look like credentials.
            PayloadTooLarge: The package exceeds the dashboard's limit (100 MiB by default).
        """
        with RayPackage(source, allow_credentials=allow_credentials) as package:
            path = f"api/packages/gcs/{package.name}"
            resource = f"package {package.name}"
            try:
                self._request_text("GET", path, resource=resource)  # also delays the removal
            except NotFound:
                headers = {"Content-Length": str(package.size)}
                self._request_text("PUT", path, resource=resource, body=package, headers=headers)
            return package.uri

    def _prepare_environment(
        self, runtime_env: Mapping[str, Any] | None, working_dir: Any
    ) -> dict[str, Any]:
        """Return a `runtime_env` for Ray: variables are hidden, a local folder is uploaded."""
        environment = dict(runtime_env or {})
        variables = environment.get("env_vars")
        hide_variables(variables.values() if isinstance(variables, Mapping) else ())
        folder = environment.pop("working_dir", None)
        if working_dir is not None and folder is not None:
            raise UsageError("working_dir is given twice. Pass it once: here or in runtime_env.")
        folder = folder if working_dir is None else working_dir
        if folder is None:
            return environment
        # Ray accepts a path of this machine and fails on another machine.
        is_uri = isinstance(folder, str) and "://" in folder
        return {**environment, "working_dir": folder if is_uri else self.upload_package(folder)}

    def _submit(self, key: str, mark: str, body: Mapping[str, Any]) -> dict[str, Any]:
        lost: ClientError | None = None
        attempts = 0
        while True:
            attempts += 1
            try:
                return self._request_object("POST", "api/jobs/", json=body, resource=f"job {key}")
            except (ConnectionFailed, RequestTimeout, InvalidResponse) as error:
                # Other errors from 500 on aren't lost responses: Ray refuses with a 500.
                if not error.may_have_been_processed:
                    raise
                lost = error
            except Conflict:
                if lost is None:
                    raise
            try:
                if (self.get_job(key)["metadata"] or {}).get(_SUBMIT_MARK) == mark:
                    return {"job_id": key, "submission_id": key}
            except NotFound:  # the request didn't arrive
                if attempts < _SUBMITS:
                    continue
                raise lost from None
            except ClientError:
                raise lost from None
            raise Conflict(409, "another job has this id", resource=f"job {key}")
