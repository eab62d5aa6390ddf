"""What is run, what is said about it while it runs, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import attrs

from synapse.errors import ConfigurationError

__all__ = ["JobSpec", "Limits", "Outcome", "OutputLine", "ReleaseFile", "Reporter", "Runner"]


def _positive(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not value > 0:  # not a number isn't, either
        raise ConfigurationError(f"The limit {attribute.name} is {value}: it must be more than 0.")


@attrs.frozen(kw_only=True)
class Limits:
    """What one job may use; going beyond ends it as failed, with the reason.

    Attributes:
        timeout: Seconds from its start to its end.
        memory: MiB that its processes may hold in memory together.
        output: MiB that it may print.

    Raises:
        ConfigurationError: One of them isn't more than 0.

    Example:
        >>> Limits(timeout=60)
        Limits(timeout=60, memory=4096.0, output=100.0)
    """

    timeout: float = attrs.field(default=3600.0, validator=_positive)
    memory: float = attrs.field(default=4096.0, validator=_positive)
    output: float = attrs.field(default=100.0, validator=_positive)


@attrs.frozen(kw_only=True)
class ReleaseFile:
    """A plugin's release as it lies on this machine.

    Attributes:
        code: The plugin's code.
        version: The release's version.
        checksum: The SHA-256 of the zip, in hex: what is kept for a release is found by it.
        archive: Where the zip is.
    """

    code: str
    version: str
    checksum: str = attrs.field(validator=attrs.validators.matches_re("[0-9a-f]{64}"))
    archive: Path


@attrs.frozen(kw_only=True)
class JobSpec:
    """One action of a release, to be run once.

    Attributes:
        job_id: The job's id, which the backend knows it by.
        release: The code.
        action: Which of its actions.
        params: What the action is given; checked against its schema already.
        base_url: The backend that the job's own session speaks to.
        credentials: That session's credentials, by the name of `Session`'s argument: `api_token`,
            `agent_token`, `tenant` and so on. They are in no argument list, environment or message.
        limits: What it may use.
        debug: Whether it runs for debugging: the SDK's log is printed as well.
    """

    job_id: str
    release: ReleaseFile
    action: str
    params: Mapping[str, Any]
    base_url: str
    credentials: Mapping[str, str] = attrs.field(repr=False)
    limits: Limits = Limits()
    debug: bool = False

    def for_driver(self, entrypoint: str) -> dict[str, Any]:
        """Return what the job's process is told, as JSON values; the credentials are among them.

        Args:
            entrypoint: What the action's code is, as `module:callable`.
        """
        return {
            "job_id": self.job_id,
            "code": self.release.code,
            "version": self.release.version,
            "action": self.action,
            "entrypoint": entrypoint,
            "params": dict(self.params),
            "base_url": self.base_url,
            "credentials": dict(self.credentials),
            "debug": self.debug,
        }


@attrs.frozen
class OutputLine:
    """One line that a job printed.

    Attributes:
        message: The line, without its end.
        level: How serious it is, when the job said so.
        created: When it was read.
    """

    message: str
    level: str | None
    created: datetime


@attrs.frozen
class Outcome:
    """How a job ended.

    Attributes:
        status: The state that it is in for good.
        reason: Why, in one sentence for people, unless it completed.
    """

    status: Literal["completed", "failed", "stopped"]
    reason: str | None = None


class Reporter(Protocol):
    """Who is told about a job: called from one thread of the runner's, in order."""

    def started(self) -> None:
        """Say that its code begins to run."""

    def printed(self, lines: Sequence[OutputLine]) -> None:
        """Say what it printed since the last time; never an empty sequence."""

    def ended(self, outcome: Outcome) -> None:
        """Say how it ended: once, and after everything else."""


class Runner(Protocol):
    """What runs jobs: local processes, or a cluster."""

    def submit(self, order: JobSpec, reporter: Reporter) -> None:
        """Take a job, and run it when there is room. Returns at once."""

    def stop(self, job_id: str) -> bool:
        """Ask for a job's end; it is over when its reporter is told.

        Returns:
            Whether it was waiting or running here.
        """

    def close(self) -> None:
        """End everything that runs, and wait for it; each ends as failed, and says why."""
