"""Run jobs on a Ray cluster, through the head's dashboard."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from synapse.clients.agent.ray import RayClient
from synapse.errors import ConfigurationError
from synapse.jobs.protocols import Machines, Reporter, Runner, RunnerOptions, TicketIssuer
from synapse.jobs.ray.job import RayJob
from synapse.jobs.spec import JobSpec, Outcome

__all__ = ["RayRunner", "build_runner"]

_CLOSING = 60.0


class RayRunner:
    """A `Runner` on a Ray cluster.

    A release's zip is uploaded as the job's working directory, and the job is submitted under its
    own id. Output is passed on as it comes. The reporter always learns the outcome, also when the
    head, a node or the driver dies.

    The nodes need the SDK with the extra `plugins`, or `runtime_env={"pip": [...]}` that installs
    both. Ray installs a release's requirements, too.

    Args:
        address: Address of the head's dashboard, such as `http://head:8265`.
        orders: Issues the tickets for job specs. Credentials travel in no other way: everything
            else that a job is submitted with can be read on the dashboard.
        token: The cluster's token, where Ray runs with `RAY_AUTH_MODE=token`.
        runtime_env: The runtime environment that Ray prepares for each job.
        patience: Seconds for which an unresponsive head is asked again, before the job fails.
        resources: Resources of a node that Ray reserves for each job's process, such as
            `{"trainer": 1}`: the process then runs on a node with them, otherwise on the head's.

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
        """Accept a job; Ray runs the job when resources are free. Returns at once."""
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
        """Request a job's end, which the reporter confirms.

        Returns:
            Whether the job was waiting or running here.
        """
        job = self._jobs.get(job_id)
        return job is not None and job.verdict.reach(Outcome("stopped", "It was stopped."))

    def close(self) -> None:
        """End all jobs and wait for them; each fails, with the reason."""
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


def build_runner(options: RunnerOptions) -> tuple[Runner, Machines]:
    """Return the runner of a Ray cluster, and the cluster's machines.

    Raises:
        ConfigurationError: The address of the cluster's head is missing or malformed.
    """
    from synapse.jobs.ray.machines import RayMachines

    if not options.address:
        raise ConfigurationError("The runner 'ray' needs the address of a head. Pass --ray.")
    runner = RayRunner(options.address, orders=options.tickets, token=options.cluster_token)
    return runner, RayMachines(runner.client)
