"""Run checks one after the other: each bounded in time, none raising."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import attrs

from synapse._internal.threads import start
from synapse.doctor.report import DoctorReport, Finding, failed, skipped
from synapse.errors import ClientError, RequestTimeout, SynapseError
from synapse.transport.deadline_blocks import deadline

if TYPE_CHECKING:
    from synapse.transport import Transport
    from synapse.transport.response import Response

__all__ = ["Check", "Examination", "as_mapping", "examine", "explain"]

# Time for a check to notice its own deadline.
_GRACE = 0.5


class Examination:
    """Facts that checks share.

    Args:
        connect: Returns the transport to examine.
        upload: Whether a byte may be sent, which stays on the server.

    Attributes:
        response: The response of the server's health endpoint, once known.
        received: Seconds since the epoch when that response arrived.
    """

    def __init__(self, connect: Callable[[], Transport], *, upload: bool = False) -> None:
        self._connect = connect
        self._transport: Transport | None = None
        self.upload = upload
        self.response: Response | None = None
        self.received = 0.0

    @property
    def transport(self) -> Transport:
        """The transport, made at first use."""
        if self._transport is None:
            self._transport = self._connect()
        return self._transport


@attrs.frozen
class Check:
    """A declared check.

    Attributes:
        name: Name of the check, and of findings without a name of their own.
        examine: Yields the findings.
        cure: The next step after an unexpected failure.
        needs: Names of the checks that must have succeeded before.
        limit: Seconds for the check.
    """

    name: str
    examine: Callable[[Examination], Iterable[Finding]]
    cure: str
    needs: tuple[str, ...] = ()
    limit: float = 5.0


def examine(
    connect: Callable[[], Transport],
    checks: Sequence[Check],
    *,
    upload: bool = False,
    seconds: float = 20.0,
) -> DoctorReport:
    """Run checks, and return their findings. Only Ctrl-C raises.

    Args:
        connect: Returns the transport to examine; its error becomes a finding.
        checks: The checks, in order; usually `CHECKS`.
        upload: Whether a byte may be sent, which stays on the server.
        seconds: Seconds for all checks; the rest is skipped afterwards.

    Returns:
        The report. The checks decide about the number of requests.
    """
    examination = Examination(connect, upload=upload)
    until = time.monotonic() + seconds
    unusable: set[str] = set()
    findings: list[Finding] = []
    for check in checks:
        cause = next((name for name in check.needs if name in unusable), None)
        limit = min(check.limit, until - time.monotonic())
        if cause is not None:
            found = [skipped(f"This check needs {cause!r}.")]
        elif limit <= 0:
            found = [skipped(f"The {seconds:g} s of all checks are over.")]
        else:
            found = _run(check, examination, limit)
        if any(each.status == "failed" for each in found) or cause is not None or limit <= 0:
            unusable.add(check.name)
        findings += [attrs.evolve(each, check=each.check or check.name) for each in found]
    return DoctorReport(tuple(findings))


def explain(error: Exception, cure: str) -> Finding:
    """Return the finding of an error, with the error's own cure if known.

    Args:
        error: The error.
        cure: The cure for errors without one.
    """
    if isinstance(error, ClientError):
        hint = error.hint or ""
        # The hint of a timeout is a longer one, and a check has no timeout to choose.
        cure = cure if isinstance(error, RequestTimeout) else hint or cure
        return failed(str(error).removesuffix(hint), cure)
    text = str(error) if isinstance(error, SynapseError) else f"{type(error).__name__}: {error}"
    return failed(text, cure)


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return a JSON object from a server; an empty one if the response is anything else."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _run(check: Check, examination: Examination, limit: float) -> list[Finding]:
    """Run a check in a thread, because a name's lookup can't be interrupted."""
    found: list[Finding] = []

    def work() -> None:
        try:
            with deadline(limit):
                for finding in check.examine(examination):
                    found.append(finding)  # noqa: PERF402 - an error must keep the earlier ones
        except Exception as error:  # a fault in one check must not stop the others
            found.append(explain(error, check.cure))

    # A daemon: the process must be able to end while a lookup hangs.
    thread = threading.Thread(target=work, name=f"synapse-doctor-{check.name}", daemon=True)
    if start(thread):
        thread.join(limit + _GRACE)
    else:
        work()
    result = list(found)
    if thread.is_alive():
        result.append(failed(f"No result within {limit:.1f} s.", check.cure))
    return result or [skipped("Nothing to examine.")]
