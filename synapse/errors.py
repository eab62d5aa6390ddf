"""Every exception of the SDK.

All are a `SynapseError`. Failures of a request are a `ClientError`, with a subclass for each kind.
This module knows nothing about HTTP libraries.

Example:
    >>> from synapse.errors import NotFound, SynapseError
    >>> issubclass(NotFound, SynapseError)
    True
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from synapse._internal.described import (
    Described,
    DescribedTable,
    Description,
    brief,
    cut,
)
from synapse._internal.lazy_import import load
from synapse._internal.redaction import cleaned, redacted

__all__ = [
    "AuthenticationError",
    "BadArchive",
    "BadRequest",
    "BulkError",
    "ClientError",
    "ConfigurationError",
    "Conflict",
    "ConnectionFailed",
    "DataLost",
    "FieldMissing",
    "FieldValueError",
    "FilterIgnored",
    "InvalidQuery",
    "InvalidResponse",
    "JobError",
    "JobFailed",
    "JobStopped",
    "JobTimeout",
    "JobsFailed",
    "JournalInUse",
    "LazyLoadError",
    "LazyLoadWarning",
    "MissingExtra",
    "MultipleFound",
    "NotFound",
    "PayloadTooLarge",
    "PermissionDenied",
    "PluginConfigError",
    "RateLimited",
    "RequestTimeout",
    "SampleError",
    "ServerError",
    "SessionClosed",
    "StreamLimitExceeded",
    "SynapseError",
    "UnknownDocument",
    "UsageError",
    "ValidationError",
]


_NO_RESPONSE = "no response"
_TRANSIENT_STATUSES = frozenset({408, 429, 502, 503, 504})


def is_transient_status(status: int) -> bool:
    """Return whether the same request may succeed after a response with this status.

    500 isn't transient: the server handled the request, failed, and will fail again.
    """
    return status in _TRANSIENT_STATUSES


def may_have_been_processed(status: int, retry_after: float | None = None) -> bool:
    """Return whether the server may have done the request's work despite an error status.

    Args:
        status: The HTTP status.
        retry_after: Seconds from a `Retry-After` header. A 503 with that header comes from a
            server, or a proxy, that hasn't begun with the request.
    """
    is_put_off = status == 503 and retry_after is not None
    return status == 408 or (status >= 500 and not is_put_off)


class SynapseError(Described, Exception):
    """The base of every error that the SDK raises on purpose."""

    def __reduce__(self) -> tuple[Callable[..., SynapseError], tuple[Any, ...]]:
        # Exception's own pickling calls the class with `args`, which fails for keyword-only
        # constructors and loses attributes; this method restores both.
        return _restore, (type(self), self.args, dict(self.__dict__))

    def _describe(self) -> Description:
        return Description(type(self).__name__, fields=[("message", _shorten(str(self)))])

    def _render_traceback_(self) -> list[str]:
        # IPython's hook: in a notebook, the shown traceback ends at the user's line.
        lines: list[str] = load("synapse._internal.short_traceback").render(self)
        return lines


def _shorten(text: str) -> str:
    return cut(redacted(text[:4096]), 600)


def _table_of_reasons(what: str, reasons: Mapping[Any, Any]) -> DescribedTable | None:
    if not reasons:
        return None
    rows = [
        (_shorten(str(name)), _shorten(", ".join(map(str, why))) if _is_texts(why) else brief(why))
        for name, why in islice(reasons.items(), 10)
    ]
    return DescribedTable((what, "reason"), rows, len(reasons))


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and len(value) < 10 and all(isinstance(v, str) for v in value)


def _restore(
    cls: type[SynapseError], args: tuple[Any, ...], attributes: dict[str, Any]
) -> SynapseError:
    """Rebuild an exception from its pickle."""
    error = cls.__new__(cls, *args)
    # Not the subclass's constructor, whose arguments differ from `args`.
    super(SynapseError, error).__init__(*args)
    error.__dict__.update(attributes)
    return error


class ConfigurationError(SynapseError):
    """The SDK doesn't know where to connect or as whom, or a setting makes no sense."""


class MissingExtra(SynapseError, ImportError):
    """A part of the SDK was used whose optional dependencies aren't installed."""

    def __init__(self, what: str, extra: str) -> None:
        from synapse._internal.installation import install_command  # few scripts need the command

        super().__init__(f"{what} needs packages that aren't installed: {install_command(extra)}")
        self.extra = extra


class SessionClosed(SynapseError):
    """A session was used after `close()`."""


class UsageError(SynapseError, ValueError):
    """A call has an argument that cannot work; nothing was sent.

    The message names the argument, or the file behind the argument, and a value that works.
    """


class InvalidQuery(UsageError):
    """A query names an unknown field, filter or expansion, or has an impossible value.

    Raised before anything is sent: servers ignore unknown filters and would answer with every row.
    """


class BadArchive(UsageError):
    """A file isn't a zip, or the content would be unsafe to unpack."""


class PluginConfigError(UsageError):
    """The configuration of a plugin's release has mistakes; the message names every one.

    Args:
        problems: The mistakes by the path of each key; `""` stands for the whole.
        source: Name of the configuration, such as `config.yaml`.

    Attributes:
        problems: The mistakes by path.
        path: The path of the first mistake, such as `actions.train.entrypoint`.
        source: Name of the configuration.

    Example:
        >>> error = PluginConfigError({"code": ["Missing."]}, "config.yaml")
        >>> print(error, error.path)
        config.yaml: code: Missing. code
    """

    def __init__(
        self, problems: Mapping[str, Sequence[str]], source: str = "the configuration"
    ) -> None:
        lines = [
            f"{path}: {reason}" if path else reason
            for path, reasons in problems.items()
            for reason in reasons
        ]
        if len(lines) == 1:
            text = f"{source}: {lines[0]}"
        else:
            text = "\n".join([f"{source} has {len(lines)} mistakes:", *(f"- {x}" for x in lines)])
        super().__init__(text)
        self.problems = {path: list(reasons) for path, reasons in problems.items()}
        self.path = next(iter(self.problems), "")
        self.source = source


class JournalInUse(SynapseError):
    """Another upload has the journal: two at once would do everything twice."""


class FieldMissing(SynapseError, AttributeError):
    """The server doesn't send this field, even for the whole object."""


class FieldValueError(SynapseError, ValueError):
    """A value doesn't fit.

    The server sent one that a field's type can't hold (raised when the field is read), or one was
    to be sent that JSON can't carry.
    """


class UnknownDocument(SynapseError, ValueError):
    """An annotation document has none of the forms that the platform's editors write."""


class DataLost(SynapseError):
    """A strict export or import met data that the format can't hold, or that can't be read."""


class SampleError(SynapseError):
    """A sample for training can't be read: the picture or the document is missing or damaged."""


class LazyLoadError(SynapseError):
    """Reading a field needs a request, which `Session(lazy="raise")` forbids."""


class LazyLoadWarning(UserWarning):
    """A loop loads objects one request at a time; the message names the cure."""


class MultipleFound(SynapseError):
    """`get(**filters)` matched more than one object."""


class ClientError(SynapseError):
    """A request failed: the server refused, failed, or couldn't be reached.

    Args:
        status_code: The HTTP status; 503 for an unreachable server, 408 for a timeout.
        detail: The failure, in one sentence.
        fields: Errors by field name, as the server sent them; for a list body, `response` has the
            list.
        request_id: The server's id of the request, if any.
        method: The HTTP method of the request.
        url: The URL of the request, without its query string.
        hint: The next step for the user.
        response: The decoded body of the response, or its text.
        resource: Name of the requested resource, such as `Project 123`.

    Attributes:
        attempts: Number of attempts.
        elapsed: Seconds of all attempts.
        has_lost_attempt: Whether an attempt before the last may have been processed.
    """

    def __init__(
        self,
        status_code: int,
        detail: str = "",
        *,
        fields: Mapping[str, Any] | None = None,
        request_id: str | None = None,
        method: str | None = None,
        url: str | None = None,
        hint: str | None = None,
        response: Any = None,
        resource: str | None = None,
    ) -> None:
        super().__init__(status_code, detail)
        self.status_code = status_code
        self.detail = detail
        self.fields: dict[str, Any] = dict(fields or {})
        self.request_id = request_id
        self.method = method
        self.url = url
        self.hint = hint
        self.response = cleaned(response)
        self.resource = resource
        self.attempts = 1
        self.elapsed = 0.0
        self.has_lost_attempt = False

    @property
    def is_transient(self) -> bool:
        """True if the same request may succeed later, after throttling, overload or a cut."""
        return is_transient_status(self.status_code)

    @property
    def may_have_been_processed(self) -> bool:
        """True if the server may have done the work in any attempt, despite the error."""
        return self.has_lost_attempt or may_have_been_processed(
            self.status_code, getattr(self, "retry_after", None)
        )

    @property
    def outcome(self) -> str:
        """The status for messages, such as `HTTP 404`; `no response` if none arrived."""
        return f"HTTP {self.status_code}"

    @property
    def status(self) -> int:
        """The same as `status_code`, under the name that older scripts use."""
        return self.status_code

    @property
    def reason(self) -> Any:
        """The server's response, under the name that older scripts use."""
        return self.response if self.response is not None else self.detail

    def __str__(self) -> str:
        about = f"{self.resource}: " if self.resource else ""
        text = f"{about}{self.detail or 'the request failed'} ({self.outcome}"
        if self.method and self.url:
            text += f", {self.method} {self.url}"
        if self.request_id:
            text += f", request {self.request_id}"
        if self.attempts > 1:
            text += f", {self.attempts} attempts in {self.elapsed:.1f} s"
        text += ")"
        return f"{text}. {self.hint}" if self.hint else text

    def _describe(self) -> Description:
        known = [
            ("resource", self.resource),
            ("status", self.outcome.removeprefix("HTTP ")),
            ("detail", self.detail),
            ("request", f"{self.method} {self.url}" if self.method and self.url else None),
            ("request id", self.request_id),
            ("attempts", self.attempts if self.attempts > 1 else None),
            ("hint", self.hint),
        ]
        return Description(
            type(self).__name__,
            fields=[(name, _shorten(str(value))) for name, value in known if value],
            table=_table_of_reasons("field", self.fields),
        )


class BadRequest(ClientError):
    """400: the server couldn't make sense of the request."""


class ValidationError(BadRequest):
    """400 or 422 with reasons: `fields` has a list of messages for each refused field."""


class AuthenticationError(ClientError):
    """401: the credentials are missing, wrong or expired."""


class PermissionDenied(ClientError):
    """403: the credentials are good, but don't allow this."""


class NotFound(ClientError):
    """404: no such object, or these credentials can't see the object."""


class RequestTimeout(ClientError):
    """408: no response within the timeout.

    Attributes:
        was_answered: Whether the server itself answered 408.
    """

    was_answered: bool = False

    @property
    def outcome(self) -> str:
        """`no response`, or `HTTP 408` if the server answered so."""
        return super().outcome if self.was_answered else _NO_RESPONSE


class Conflict(ClientError):
    """409: the request contradicts the state of the resource."""


class PayloadTooLarge(ClientError):
    """413: the body is larger than the server takes."""


class RateLimited(ClientError):
    """429: too many requests.

    Attributes:
        retry_after: Seconds to wait, if the server said so.
    """

    retry_after: float | None = None


class StreamLimitExceeded(ClientError):
    """429: a followed stream passed the `StreamLimits`; earlier lines were yielded."""

    @property
    def is_transient(self) -> bool:
        """Always false, as the stream stays too long for these limits."""
        return False


class ServerError(ClientError):
    """5xx: the server failed.

    Attributes:
        retry_after: Seconds to wait, if the server sent `Retry-After`.
    """

    retry_after: float | None = None


class ConnectionFailed(ServerError):
    """503: the server couldn't be reached, or the connection broke before an answer came.

    Attributes:
        was_sent: Whether the last attempt may have reached the server.
    """

    was_sent: bool = True

    @property
    def outcome(self) -> str:
        """Always `no response`; the status only exists for older scripts."""
        return _NO_RESPONSE

    @property
    def may_have_been_processed(self) -> bool:
        """True if the request may have reached the server in any attempt."""
        return self.has_lost_attempt or self.was_sent


class InvalidResponse(ServerError):
    """A response has an empty, truncated or malformed body.

    The status is often 200: the server did the work, and the response was damaged on the way.
    """

    @property
    def is_transient(self) -> bool:
        """Always true, as the next response may arrive whole."""
        return True

    @property
    def may_have_been_processed(self) -> bool:
        """Always true, as only the response was lost."""
        return True


class FilterIgnored(InvalidResponse):
    """The server doesn't know a filter, and answered rows that don't match.

    The status is 200, because servers ignore parameters that they don't know.
    """

    @property
    def is_transient(self) -> bool:
        """Always false, as the server ignores the filter again."""
        return False


class JobError(SynapseError):
    """A job that was waited for didn't succeed, or hasn't yet.

    Args:
        what: The event, in one sentence.
        job_id: The job's id.
        status: The job's last known status.
        lines: The job's last output lines.

    Attributes:
        job_id: The job's id.
        status: The job's last known status.
        lines: The job's last output lines.

    Example:
        >>> print(JobError("Job 7 failed.", job_id="7", status="failed", lines=["boom"]))
        Job 7 failed. Its last lines:
            boom
    """

    def __init__(self, what: str, *, job_id: str, status: str, lines: Sequence[str] = ()) -> None:
        quoted = "".join(f"\n    {line}" for line in lines)
        super().__init__(f"{what} Its last lines:{quoted}" if quoted else what)
        self.job_id = job_id
        self.status = status
        self.lines = list(lines)

    def _describe(self) -> Description:
        fields = [("job", self.job_id), ("status", self.status)]
        rows = [(_shorten(line),) for line in self.lines[-10:]]
        return Description(
            type(self).__name__,
            fields=[*fields, ("message", _shorten(str(self.args[0]).partition("\n")[0]))],
            table=DescribedTable(("last lines",), rows, len(self.lines)) if rows else None,
        )


class JobFailed(JobError):
    """A job that was waited for has failed."""


class JobStopped(JobError):
    """A job that was waited for was stopped."""


class JobTimeout(JobError, TimeoutError):
    """A job didn't end in time; the job continues."""


class JobsFailed(JobFailed):
    """Of several jobs that were waited for, some failed or were stopped; all have ended.

    Args:
        what: The event, in one sentence.
        errors: The error that `wait()` would raise for each of those jobs alone.

    Attributes:
        errors: A `JobFailed` or `JobStopped` for each job, in the order of the jobs.
        job_id: The first job's id; `status` and `lines` belong to the first job, too.
    """

    def __init__(self, what: str, errors: Sequence[JobError]) -> None:
        first = errors[0]
        super().__init__(
            f"{what} This is the first: {first}", job_id=first.job_id, status=first.status
        )
        self.lines = list(first.lines)  # which the message has already
        self.errors = list(errors)


class BulkError(SynapseError):
    """`bulk_create` stopped: at a refused batch or item, or after earlier batches succeeded.

    Items in neither `positions` nor `uncertain` were not created.

    Attributes:
        created: Objects of the batches that succeeded, in order.
        positions: The position in the input of each of these objects.
        uncertain: Positions of items that may have been created: their response was lost.
        errors: Reasons by field for each refused item, by the item's position in the input.
        cause: The server's error for the batch, if the server refused one.
    """

    def __init__(
        self,
        message: str,
        *,
        created: Sequence[Any] = (),
        positions: Sequence[int] = (),
        uncertain: Sequence[int] = (),
        errors: Mapping[int, Any] | None = None,
        cause: ClientError | None = None,
    ) -> None:
        super().__init__(message)
        self.created = list(created)
        self.positions = list(positions)
        self.uncertain = list(uncertain)
        self.errors: dict[int, Any] = dict(errors or {})
        self.cause = cause

    def _describe(self) -> Description:
        fields = [("message", _shorten(str(self))), ("created", f"{len(self.created):,}")]
        if self.uncertain:
            fields.append(("uncertain", f"{len(self.uncertain):,}"))
        table = _table_of_reasons("position", self.errors)
        return Description(type(self).__name__, fields=fields, table=table)
