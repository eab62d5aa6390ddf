"""The parts of the job road that a runner meets: reporter, machines, tickets, options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import attrs

from synapse.errors import SynapseError
from synapse.jobs.spec import JobSpec, Outcome, OutputLine

__all__ = [
    "Machines",
    "MachinesUnavailable",
    "Reporter",
    "Runner",
    "RunnerOptions",
    "TicketIssuer",
]


class Reporter(Protocol):
    """Receives a job's events: from one thread of the runner, in order."""

    def started(self) -> None:
        """Report that the job's code begins to run."""

    def printed(self, lines: Sequence[OutputLine]) -> None:
        """Report new output lines; never an empty sequence."""

    def ended(self, outcome: Outcome) -> None:
        """Report the outcome: once, and after everything else."""


class Runner(Protocol):
    """Runs jobs: in local processes, or on a cluster."""

    def submit(self, order: JobSpec, reporter: Reporter) -> None:
        """Accept a job, and run the job when there is room. Returns at once."""

    def stop(self, job_id: str) -> bool:
        """Request a job's end, which the reporter confirms.

        Returns:
            Whether the job was waiting or running here.
        """

    def close(self) -> None:
        """End all jobs and wait for them; each fails, with the reason."""


class Machines(Protocol):
    """The machines that jobs run on."""

    kind: str

    def nodes(self) -> list[dict[str, Any]]:
        """Return the machines; each has a `node_id`."""

    def tasks(self) -> list[dict[str, Any]]:
        """Return the running tasks; each has a `task_id`."""

    def applications(self) -> list[dict[str, Any]]:
        """Return the served applications; each has a `name`."""

    def delete_application(self, name: str) -> bool:
        """Stop serving an application; return whether the application existed."""

    def end(self, job_id: str) -> None:
        """End a job that an earlier agent process left running, if possible."""

    def problem(self) -> str | None:
        """Return why the machines can't be used now, or `None`."""


class MachinesUnavailable(SynapseError):
    """The machines of the jobs don't answer."""


class TicketIssuer(Protocol):
    """Issues single-use tickets for job specs, as `synapse.agent.tickets.Tickets` does."""

    def issue(self, order: Mapping[str, Any], /) -> str:
        """Store a job spec, and return its ticket."""

    def url(self, ticket: str, /) -> str:
        """Return the URL of a ticket's job spec, as the cluster's nodes reach the agent."""

    def revoke(self, ticket: str, /) -> None:
        """Withdraw a job spec."""


@attrs.frozen
class RunnerOptions:
    """Everything that a runner is built from.

    Attributes:
        folder: Folder of the runner's state.
        node_id: Id of this machine.
        workers: Number of jobs at a time, for runners on this machine.
        python: Interpreter that is tried first for jobs of the platform's package, for runners on
            this machine.
        tickets: Issues tickets for job specs, for runners on other machines.
        address: Address of a cluster.
        cluster_token: Token of a cluster.
    """

    folder: Path
    node_id: str
    workers: int
    tickets: TicketIssuer
    python: str | None = None
    address: str | None = None
    cluster_token: str | None = attrs.field(default=None, repr=False)
