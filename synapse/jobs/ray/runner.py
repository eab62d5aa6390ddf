"""Jobs on a Ray cluster, by the interface of its head's dashboard."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Protocol

from synapse.clients.agent.ray import RayClient
from synapse.jobs.ray.job import RayJob
from synapse.jobs.spec import JobSpec, Outcome, Reporter

__all__ = ["RayRunner", "TicketIssuer"]

_CLOSING = 60.0


class TicketIssuer(Protocol):
    """Where a job's process fetches its order, once: `synapse.agent.tickets.Tickets` is one."""

    def issue(self, order: Mapping[str, Any], /) -> str:
        """Keep an order, and return its ticket."""

    def url(self, ticket: str, /) -> str:
        """Return where the order is fetched, as the cluster's nodes reach it."""

    def revoke(self, ticket: str, /) -> None:
        """Take an order back."""


class RayRunner:
    """A `Runner` whose jobs are those of a Ray cluster.

    A release's zip is uploaded as the job's working directory, and the job is submitted under its
    own id. What it prints is passed on as it comes. However it ends, its reporter is told: also
    when the head, a node or the driver dies.

    The nodes need the SDK with its extra `plugins`, or `runtime_env={"pip": [...]}` that installs
    it. What a release asks to be installed is installed by Ray, too.

    Args:
        address: The address of the head's dashboard, such as `http://head:8265`.
        orders: Where jobs fetch their orders. Nothing else tells them their credentials: whatever
            a job is submitted with can be read on the dashboard.
        token: The cluster's token, where Ray runs with `RAY_AUTH_MODE=token`.
        runtime_env: What Ray prepares for each job.
        patience: Seconds for which a head that doesn't answer is asked again, before the job
            counts as failed.
        resources: What Ray keeps of a node for each job's process, such as `{"trainer": 1}`: it
            then runs on a node that has that. By default, Ray runs it on the head's.

    Raises:
        ConfigurationError: The address is malformed.
    """

    def __init__(
        self,
        address: str,
        *,
        orders: TicketIssuer,
        token: str | None = None,
        runtime_env: Mapping[str, Any] | None = None,
        patience: float = 30.0,
        resources: Mapping[str, float] | None = None,
    ) -> None:
        self.client = RayClient(address, token, timeout=(5, 10))
        self._address = address
        self._token = token
        self._orders = orders
        self._runtime_env = dict(runtime_env or {})
        self._patience = patience
        self._resources = dict(resources or {})
        self._jobs: dict[str, RayJob] = {}
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._is_closed = False

    def submit(self, order: JobSpec, reporter: Reporter) -> None:
        """Take a job; Ray runs it when there is room. Returns at once."""
        job = RayJob(
            order,
            reporter,
            RayClient(self._address, self._token, timeout=(5, 10)),
            orders=self._orders,
            runtime_env=self._runtime_env,
            patience=self._patience,
            resources=self._resources,
        )
        with self._lock:
            if self._is_closed:
                job.verdict.fail("The agent is shutting down.")
            self._jobs[order.job_id] = job
            thread = threading.Thread(
                target=self._run, args=(job,), name=f"ray-job-{order.job_id}", daemon=True
            )
            self._threads.add(thread)
            thread.start()

    def stop(self, job_id: str) -> bool:
        """Ask for a job's end; it is over when its reporter is told.

        Returns:
            Whether it was waiting or running here.
        """
        job = self._jobs.get(job_id)
        return job is not None and job.verdict.reach(Outcome("stopped"))

    def close(self) -> None:
        """End everything that runs, and wait for it; each ends as failed, and says why."""
        with self._lock:
            self._is_closed = True
            jobs, threads = list(self._jobs.values()), list(self._threads)
        for job in jobs:
            job.verdict.fail("The agent was shut down while the job ran.")
        for thread in threads:
            thread.join(_CLOSING)
        self.client.close()

    def _run(self, job: RayJob) -> None:
        try:
            job.run()
        finally:
            with self._lock:
                del self._jobs[job.order.job_id]
                self._threads.discard(threading.current_thread())
