"""The values of running a job: job spec, limits, output line, outcome."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from synapse.errors import ConfigurationError
from synapse.plugins.platform_form import PLATFORM_PYTHON, make_variables

if TYPE_CHECKING:
    from synapse.plugins.config import Action, PluginConfig

__all__ = ["JobSpec", "Limits", "Outcome", "OutputLine", "ReleaseFile"]


def _positive(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not value > 0:  # not a number isn't, either
        raise ConfigurationError(f"The limit {attribute.name} is {value}: it must be more than 0.")


@attrs.frozen(kw_only=True)
class Limits:
    """Limits of one job; passing one fails the job, with the reason.

    Attributes:
        timeout: Seconds from start to end.
        memory: MiB of all the job's processes together.
        output: MiB of output.

    Raises:
        ConfigurationError: A limit isn't above 0.

    Example:
        >>> Limits(timeout=60)
        Limits(timeout=60, memory=4096.0, output=100.0)
    """

    timeout: float = attrs.field(default=3600.0, validator=_positive)
    memory: float = attrs.field(default=4096.0, validator=_positive)
    output: float = attrs.field(default=100.0, validator=_positive)


@attrs.frozen(kw_only=True)
class ReleaseFile:
    """A plugin's release on this machine.

    Attributes:
        code: The plugin's code.
        version: The release's version.
        checksum: SHA-256 of the zip, in hex, which identifies the cached release.
        archive: Path of the zip.
    """

    code: str
    version: str
    checksum: str = attrs.field(validator=attrs.validators.matches_re("[0-9a-f]{64}"))
    archive: Path


@attrs.frozen(kw_only=True)
class JobSpec:
    """One action of a release, to be run once.

    Attributes:
        job_id: The job's id at the backend.
        release: The release.
        action: Name of the action.
        params: Parameters, checked against the action's schema.
        base_url: Address of the backend for the job's own session.
        credentials: Credentials of that session, by the name of `Session`'s argument: `api_token`,
            `agent_token`, `tenant` and so on. They appear in no argument list, environment or
            message.
        limits: The job's limits.
        debug: Whether the job runs for debugging: the SDK's log is printed as well.
    """

    job_id: str
    release: ReleaseFile
    action: str
    params: Mapping[str, Any]
    base_url: str
    credentials: Mapping[str, str] = attrs.field(repr=False)
    limits: Limits = Limits()
    debug: bool = False

    def for_driver(
        self, config: PluginConfig, action: Action, *, is_platforms: bool = False
    ) -> dict[str, Any]:
        """Return the input of the job's process as JSON values, credentials included.

        Args:
            config: The release's configuration.
            action: The action, of that configuration.
            is_platforms: Whether the platform's package runs the action.
        """
        versions = [PLATFORM_PYTHON if is_platforms else None, config.requires.python]
        return {
            "job_id": self.job_id,
            "code": self.release.code,
            "version": self.release.version,
            "action": self.action,
            "entrypoint": action.entrypoint,
            "requires_python": ",".join(filter(None, versions)) or None,
            "platform": self.for_platform(action) if is_platforms else None,
            "params": dict(self.params),
            "base_url": self.base_url,
            "credentials": dict(self.credentials),
            "debug": self.debug,
            "says_end": True,
        }

    def for_platform(self, action: Action) -> dict[str, str]:
        """Return the variables of a process of the platform's package, credentials included.

        Args:
            action: The action.
        """
        return make_variables(
            action,
            job_id=self.job_id,
            params=json.dumps(dict(self.params)),
            base_url=self.base_url,
            credentials=self.credentials,
        )


@attrs.frozen
class OutputLine:
    """One line that a job printed.

    Attributes:
        message: The line, without the end.
        level: Severity, if the job set one.
        created: Time of reading.
    """

    message: str
    level: str | None
    created: datetime


@attrs.frozen
class Outcome:
    """The outcome of a job.

    Attributes:
        status: The final state.
        reason: The cause in one sentence for people, unless the job completed.
    """

    status: Literal["completed", "failed", "stopped"]
    reason: str | None = None
