"""Traces and metrics of a session by OpenTelemetry.

Example:
    ```text
    from synapse.integrations.otel import OpenTelemetry

    session = synapse.connect(observer=OpenTelemetry())
    ```
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from synapse._internal.lazy_import import load
from synapse._internal.redaction import redacted
from synapse._version import __version__
from synapse.errors import ClientError, MissingExtra
from synapse.integrations.operation_name import OperationNames
from synapse.transport.request_context import RequestContext

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

__all__ = ["OpenTelemetry"]

_SCOPE = "synapse"
# The semantic conventions have another word for all others.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"})
# Seconds, of OpenTelemetry's semantic conventions for HTTP.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


class OpenTelemetry:
    """An observer of sessions that makes spans and metrics. Makes no request.

    Each call is a span named by resource and verb, such as `synapse tasks.list`, with a child span
    for each attempt, which has the attributes of the semantic conventions for HTTP. The trace's
    context goes along to the session's own server, and to no other host. Metrics are
    `http.client.request.duration` for attempts, `synapse.call.duration` for calls, both in seconds,
    and `synapse.retries`. One observer may watch several sessions.

    Args:
        tracer_provider: Where spans go; by default OpenTelemetry's global one.
        meter_provider: Where metrics go; by default OpenTelemetry's global one.

    Raises:
        MissingExtra: OpenTelemetry isn't installed.

    Example:
        >>> from synapse import Session
        >>> telemetry = OpenTelemetry()
        >>> with Session(emulator.url, emulator.api_token, observer=telemetry) as session:
        ...     session.projects.count()
        0
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        try:
            self._trace: Any = load("opentelemetry.trace")
            metrics: Any = load("opentelemetry.metrics")
            self._context: Any = load("opentelemetry.context")
            self._propagate: Any = load("opentelemetry.propagate")
        except ImportError as error:
            raise MissingExtra("Tracing", "otel") from error
        self._tracer = self._trace.get_tracer(_SCOPE, __version__, tracer_provider)
        meter = metrics.get_meter(_SCOPE, __version__, meter_provider)
        self._attempts = meter.create_histogram(
            "http.client.request.duration",
            "s",
            "Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        self._calls = meter.create_histogram(
            "synapse.call.duration",
            "s",
            "Duration of calls with all of their attempts.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        self._retries = meter.create_counter("synapse.retries", "{retry}", "Retries of requests.")
        self._names = OperationNames()

    @contextmanager
    def watch_call(self, context: RequestContext) -> Iterator[_Call]:
        """Make the span of a call, which is the current one in the block."""
        operation = self._names.of(context)
        attributes = {"synapse.operation": operation}
        kept = {"synapse.request_id": context.request_id} if context.request_id else {}
        call = _Call()
        started = time.perf_counter()
        with self._tracer.start_as_current_span(
            f"synapse {operation}",
            attributes={**attributes, **kept},
            record_exception=False,  # its traceback may quote what no span should have
            set_status_on_exception=False,
        ) as span:
            error: BaseException | None = None
            try:
                yield call
            except BaseException as raised:
                error = raised
                raise
            finally:
                failure = self._end(span, call.status, error)
                attempts = context.attempt
                if attempts > 1:
                    span.set_attribute("synapse.attempts", attempts)
                    self._retries.add(attempts - 1, attributes)
                outcome = {**attributes, **_outcome(call.status, failure)}
                self._calls.record(time.perf_counter() - started, outcome)

    def watch_attempt(self, context: RequestContext, *, is_own: bool) -> _Attempt:
        """Make the span of an attempt."""
        parts = urlsplit(context.shown)
        method = context.request.method or ""
        method = method if method in _METHODS else "_OTHER"  # metrics cost memory for each
        attributes: dict[str, Any] = {
            "http.request.method": method,
            "server.address": parts.hostname or "",
            "server.port": parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0),
        }
        details: dict[str, Any] = {"url.full": context.shown}
        if context.attempt > 1:
            details["http.request.resend_count"] = context.attempt - 1
        if context.request_id:
            details["synapse.request_id"] = context.request_id
        name = "HTTP" if method == "_OTHER" else method
        if is_own:
            attributes["synapse.operation"] = operation = self._names.of(context)
            # A stream is a call of one attempt, and needs no other span.
            name = name if context.is_watched else f"synapse {operation}"
        span = self._tracer.start_span(
            name, kind=self._trace.SpanKind.CLIENT, attributes={**attributes, **details}
        )
        headers: dict[str, str] = {}
        if is_own:
            self._propagate.inject(headers, self._trace.set_span_in_context(span))
        return _Attempt(self, span, headers, attributes)

    @contextmanager
    def _silence(self) -> Iterator[None]:
        """Keep instrumentations of HTTP libraries from making the same span again."""
        key = getattr(self._context, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", None)
        if key is None:
            yield
            return
        token = self._context.attach(self._context.set_value(key, True))
        try:
            yield
        finally:
            self._context.detach(token)

    def _end(self, span: Span, status: int | None, error: BaseException | None) -> str | None:
        """Set a span's outcome; return the kind of failure, if any."""
        if status is not None:
            span.set_attribute("http.response.status_code", status)
        failure = _failure(status, error)
        if failure is not None:
            detail = redacted(error.detail) if isinstance(error, ClientError) else None
            span.set_attribute("error.type", failure)
            span.set_status(self._trace.StatusCode.ERROR, detail)
        return failure


class _Call:
    """The outcome of a call so far."""

    status: int | None = None

    def answered(self, status: int) -> None:
        self.status = status


class _Attempt:
    """The span of an attempt, and its outcome so far."""

    def __init__(
        self,
        observer: OpenTelemetry,
        span: Span,
        headers: Mapping[str, str],
        attributes: Mapping[str, Any],
    ) -> None:
        self._observer = observer
        self._span = span
        self.headers = headers
        self.sending = observer._silence
        self._attributes = attributes
        self._started = time.perf_counter()
        self._status: int | None = None

    def answered(self, status: int) -> None:
        self._status = status

    def end(self, error: BaseException | None) -> None:
        failure = self._observer._end(self._span, self._status, error)
        outcome = {**self._attributes, **_outcome(self._status, failure)}
        self._observer._attempts.record(time.perf_counter() - self._started, outcome)
        self._span.end()


def _failure(status: int | None, error: BaseException | None) -> str | None:
    if status is not None and status >= 400:
        return str(status)
    # A generator that is closed early isn't a failure.
    return None if error is None or isinstance(error, GeneratorExit) else type(error).__name__


def _outcome(status: int | None, failure: str | None) -> dict[str, Any]:
    return {
        **({"http.response.status_code": status} if status is not None else {}),
        **({"error.type": failure} if failure is not None else {}),
    }
