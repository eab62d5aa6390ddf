"""The jobs of a Ray cluster: submitting, watching, stopping and deleting them."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from typing import Any

from synapse.clients.agent.ids import checked_id
from synapse.clients.agent.ray_packages import RayPackage
from synapse.clients.agent.ray_rest import RayRest, hide_variables, part
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
"""The states of a Ray job that has ended."""

_SUBMIT_MARK = "synapse_submit"
_SUBMITS = 3
_POLL = (0.2, 3.0)


class RayJobs(RayRest):
    """Jobs."""

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
        """Have the cluster run a command. One request, and two for a folder.

        The job is submitted once, also when an answer is lost: what a lost request did is found out
        by a mark in the job's metadata (`synapse_submit`).

        What is in `env_vars` can be read by everybody who can read the dashboard. Have a job fetch
        a secret with a ticket that is good once, or mount it on the nodes.

        Args:
            entrypoint: The command, as a shell takes it.
            submission_id: The job's id; by default Ray's kind of one is made up.
            working_dir: A folder or zip, which is uploaded and is the command's folder; or a URI
                that Ray knows, such as `s3://bucket/code.zip`.
            runtime_env: What else Ray prepares: `env_vars`, `pip` and so on.
            metadata: What is kept with the job; texts.
            entrypoint_num_cpus: CPUs that are kept for the command, beside those of its tasks.
            entrypoint_num_gpus: GPUs, likewise.
            entrypoint_memory: Bytes of memory, likewise.
            entrypoint_resources: Other resources, likewise.

        Returns:
            `submission_id`, and the same as `job_id`.

        Raises:
            BadRequest: The id can't be one (no request was made), or Ray doesn't take the rest.
            Conflict: Another job has the id.
            UsageError: The folder is none, or it can't be packed.
            MissingExtra: It is a folder, and the extra `plugins` isn't installed.
            PayloadTooLarge: The folder is larger than the dashboard takes (100 MiB by default).
        """
        key = checked_id(submission_id or f"raysubmit_{secrets.token_hex(8)}")
        mark = secrets.token_hex(8)
        environment = dict(runtime_env or {})
        variables = environment.get("env_vars")
        hide_variables(variables.values() if isinstance(variables, Mapping) else ())
        environment["working_dir"] = self._working_dir(working_dir, environment)
        if environment["working_dir"] is None:
            del environment["working_dir"]
        body = {
            "entrypoint": entrypoint,
            "submission_id": key,
            "runtime_env": environment,
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

        The values of `runtime_env["env_vars"]` are there, but don't show when it is printed.

        Args:
            job_id: The submission's id, or Ray's own id of a job.

        Raises:
            BadRequest: The id can't be one; no request was made.
            NotFound: There is no such job.
        """
        key = checked_id(job_id)
        what = f"job {key}"
        job = self._ask("GET", f"api/jobs/{key}", resource=what)
        part(job, str, what, "status")
        return job

    def list_jobs(self, params: Params | None = None) -> list[dict[str, Any]]:
        """List the cluster's jobs, the latest first. One request.

        Args:
            params: Values by field, such as `{"status": "RUNNING"}`: those that have them. Ray
                itself gives all; a list stands for any of its values.

        Raises:
            UsageError: A job has no such field.
        """
        jobs = self._ask_list("GET", "api/jobs/", resource="jobs")
        for name, wanted in (params or {}).items():
            if jobs and name not in jobs[0]:
                raise UsageError(f"Jobs have no {name!r}, but {', '.join(sorted(jobs[0]))}.")
            values = wanted if isinstance(wanted, (list, tuple, set)) else [wanted]
            jobs = [job for job in jobs if job[name] in values]
        return sorted(jobs, key=lambda job: job.get("start_time") or 0, reverse=True)

    def wait_job(self, job_id: str, timeout: float | None = None) -> dict[str, Any]:
        """Wait until a job has ended, and return it. One request every 3 seconds at most.

        Args:
            job_id: The submission's id.
            timeout: Seconds; by default it waits for as long as it takes.

        Returns:
            The job; its `status` says whether it is `SUCCEEDED`, `FAILED` or `STOPPED`.

        Raises:
            BadRequest: The id can't be one; no request was made.
            NotFound: There is no such job.
            RequestTimeout: It hasn't ended in time. It runs on.
        """
        began, pause = time.monotonic(), _POLL[0]
        while True:
            job = self.get_job(job_id)
            if job["status"] in TERMINAL:
                return job
            left = None if timeout is None else timeout - (time.monotonic() - began)
            if left is not None and left <= 0:
                raise RequestTimeout(
                    408,
                    f"it is {job['status']} after {timeout:g} s",
                    hint="It runs on: wait_job() again with more time, or stop_job().",
                    resource=f"job {job_id}",
                )
            time.sleep(pause if left is None else min(pause, left))
            pause = min(1.5 * pause, _POLL[1])

    def stop_job(self, job_id: str) -> dict[str, Any]:
        """Ask for a job to be stopped. Two requests.

        Ray only takes note of it. A job that runs ends within seconds; one that is still `PENDING`,
        because the cluster has no room, stays so until there is room. `wait_job()` waits for it.

        Returns:
            `stopped`: whether there was something to stop, as Ray says it; `requested`: whether the
            end is still to come; and `status`, the job's now.

        Raises:
            BadRequest: The id can't be one; no request was made.
            NotFound: There is no such job.
        """
        key = checked_id(job_id)
        what = f"job {key}"
        answer = self._ask("POST", f"api/jobs/{key}/stop", resource=what)
        stopped = part(answer, bool, what, "stopped")
        status = self.get_job(key)["status"]
        return {
            "stopped": stopped,
            "requested": stopped and status not in TERMINAL,
            "status": status,
        }

    def delete_job(self, job_id: str) -> dict[str, Any]:
        """Have the cluster forget a job that has ended. One request.

        Raises:
            BadRequest: The id can't be one; no request was made.
            NotFound: There is no such job.
            Conflict: It hasn't ended.
        """
        key = checked_id(job_id)
        return self._ask("DELETE", f"api/jobs/{key}", resource=f"job {key}")

    def upload_package(self, source: str | os.PathLike[str]) -> str:
        """Upload a folder or zip, for the `working_dir` or `py_modules` of a `runtime_env`.

        Of a folder, what a `.gitignore` names is left out, and so are caches, virtual environments
        and version control. Two requests, or one if the cluster has it. Ray drops a package that
        nobody uses, so upload it right before each use.

        Returns:
            What a `runtime_env` calls it.

        Raises:
            UsageError: It is neither a folder nor a zip, or it can't be packed.
            MissingExtra: It is a folder, and the extra `plugins` isn't installed.
            PayloadTooLarge: It is larger than the dashboard takes (100 MiB by default).
        """
        with RayPackage(source) as package:
            path = f"api/packages/gcs/{package.name}"
            resource = f"package {package.name}"
            try:
                self._send("GET", path, resource=resource)  # this keeps it for a while, too
            except NotFound:
                headers = {"Content-Length": str(package.size)}
                self._send("PUT", path, resource=resource, body=package, headers=headers)
            return package.uri

    def _working_dir(self, given: Any, environment: Mapping[str, Any]) -> str | None:
        named = environment.get("working_dir")
        if given is not None and named is not None:
            raise UsageError("working_dir is given twice: as an argument, and in runtime_env.")
        folder = named if given is None else given
        if folder is None or (isinstance(folder, str) and "://" in folder):
            return folder
        # Ray takes a path of this machine, and then fails on another one.
        return self.upload_package(folder)

    def _submit(self, key: str, mark: str, body: Mapping[str, Any]) -> dict[str, Any]:
        lost: ClientError | None = None
        for _ in range(_SUBMITS):
            try:
                answer = self._ask("POST", "api/jobs/", json=body, resource=f"job {key}")
            except (ConnectionFailed, RequestTimeout, InvalidResponse) as error:
                if isinstance(error, ConnectionFailed) and not error.was_sent:
                    raise
                lost = error
            except Conflict:
                if lost is None:
                    raise
            else:
                return answer
            try:
                if (self.get_job(key)["metadata"] or {}).get(_SUBMIT_MARK) == mark:
                    return {"job_id": key, "submission_id": key}
            except NotFound:
                continue  # the request didn't arrive
            except ClientError:
                raise lost from None
            raise Conflict(409, "another job has this id", resource=f"job {key}")
        raise lost or AssertionError("each try ends")
