"""Spans and metrics of OpenTelemetry, by its in-memory exporters."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

import synapse
from synapse import errors
from synapse.integrations.otel import OpenTelemetry
from synapse.transport.retry import RetryPolicy

# Other versions of Python, and the oldest dependencies, are tested without OpenTelemetry.
pytest.importorskip("opentelemetry.sdk", reason="needs the extra otel and its SDK")

from opentelemetry import baggage, context
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

TOKEN = "tok-5up3r-s3cret"


class Telemetry:
    """An observer with exporters that keep everything."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader])
        self.observer = OpenTelemetry(self.tracers, self.meters)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def points(self, name: str) -> list[Any]:
        """Return the data points of a metric."""
        data = self.reader.get_metrics_data()
        assert data is not None
        metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics]
        return [point for one in metrics if one.name == name for point in one.data.data_points]


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """An observer of its own for the test."""
    made = Telemetry()
    yield made
    made.tracers.shutdown()
    made.meters.shutdown()


@pytest.fixture
def session(server: Any, telemetry: Telemetry) -> Iterator[synapse.Session]:
    """A watched session."""
    with synapse.Session(server.url, TOKEN, observer=telemetry.observer) as session:
        options, policy = session.transport.options, RetryPolicy(attempts=3, base=0.001)
        session.transport.options = attrs.evolve(options, retry=policy)
        yield session


def page(*rows: Any) -> dict[str, Any]:
    return {"count": len(rows), "next": None, "previous": None, "results": list(rows)}


class TestCall:
    def test_is_a_span_with_its_attempt_as_child(
        self, server: Any, session: synapse.Session, telemetry: Telemetry
    ) -> None:
        server.reply(body=page({"id": 1}))
        assert len(list(session.tasks.filter(status="pending"))) == 1
        attempt, call = telemetry.spans
        request_id = server.last.headers["x-request-id"]
        assert call.name == "synapse tasks.list"
        assert dict(call.attributes or {}) == {
            "synapse.operation": "tasks.list",
            "synapse.request_id": request_id,
            "http.response.status_code": 200,
        }
        assert (attempt.name, attempt.kind) == ("GET", SpanKind.CLIENT)
        assert attempt.parent is not None
        assert attempt.parent.span_id == call.context.span_id
        assert dict(attempt.attributes or {}) == {
            "http.request.method": "GET",
            "server.address": "127.0.0.1",
            "server.port": server.port,
            "url.full": f"{server.url}sdk/tasks/",
            "synapse.operation": "tasks.list",
            "synapse.request_id": request_id,
            "http.response.status_code": 200,
        }
        assert {call.status.status_code, attempt.status.status_code} == {StatusCode.UNSET}

    def test_has_a_child_for_each_attempt(
        self, server: Any, session: synapse.Session, telemetry: Telemetry
    ) -> None:
        server.answer(then="close")
        server.reply(503, {"detail": "Down."})
        server.reply(body={"id": 1})
        session.tasks.get(1)
        *attempts, call = telemetry.spans
        assert [dict(one.attributes or {}).get("error.type") for one in attempts] == [
            *("ConnectionFailed", "503", None),
        ]
        resent = [dict(one.attributes or {}).get("http.request.resend_count") for one in attempts]
        assert resent == [None, 1, 2]
        assert {one.parent and one.parent.span_id for one in attempts} == {call.context.span_id}
        assert dict(call.attributes or {})["synapse.attempts"] == 3
        assert call.status.status_code is StatusCode.UNSET

    def test_that_is_refused_has_the_status(
        self, server: Any, session: synapse.Session, telemetry: Telemetry
    ) -> None:
        server.reply(404, {"detail": "Not found."})
        with pytest.raises(errors.NotFound):
            session.tasks.get(1)
        for span in telemetry.spans:
            assert dict(span.attributes or {})["error.type"] == "404"
            assert span.status.status_code is StatusCode.ERROR

    def test_without_an_answer_has_the_kind_of_error_and_no_secret(
        self, server: Any, session: synapse.Session, telemetry: Telemetry
    ) -> None:
        for _ in range(3):
            server.answer(then="close")
        with pytest.raises(errors.ConnectionFailed):
            session.tasks.get(1)
        assert len(telemetry.spans) == 4
        for span in telemetry.spans:
            assert dict(span.attributes or {})["error.type"] == "ConnectionFailed"
            assert "connection broke" in (span.status.description or "")
            assert TOKEN not in span.to_json()

    def test_is_inside_the_callers_span(
        self, server: Any, session: synapse.Session, telemetry: Telemetry
    ) -> None:
        server.reply(body=page())
        with telemetry.tracers.get_tracer("mine").start_as_current_span("mine") as mine:
            session.tasks.exists()
        call = telemetry.spans[1]
        assert call.parent is not None
        assert call.parent.span_id == mine.get_span_context().span_id


class TestContext:
    def test_goes_along_to_the_own_server(
        self, server: Any, session: synapse.Session, telemetry: Telemetry
    ) -> None:
        server.answer(then="close")
        server.reply(body=page())
        token = context.attach(baggage.set_baggage("team", "vision"))
        try:
            session.tasks.exists()
        finally:
            context.detach(token)
        *attempts, call = telemetry.spans
        assert [one.headers["traceparent"].split("-")[1:3] for one in server.requests] == [
            [f"{call.context.trace_id:032x}", f"{one.context.span_id:016x}"] for one in attempts
        ]
        assert server.last.headers["baggage"] == "team=vision"

    def test_goes_to_no_other_host(
        self, server: Any, other_server: Any, session: synapse.Session, telemetry: Telemetry
    ) -> None:
        other_server.reply(body=b"content")
        other_server.reply(200, b"")
        url = f"{other_server.url}file?Signature=s1gnature-of-the-link"
        with session.transport.stream(url) as response:
            response.raw.read()
        session.transport.put(url, [b"x"], headers={"Content-Length": "1"})
        for received in other_server.requests:
            assert not {"traceparent", "tracestate", "baggage"} & set(received.headers)
        assert [span.name for span in telemetry.spans] == ["GET", "PUT"]
        for span in telemetry.spans:
            assert dict(span.attributes or {})["url.full"] == f"{other_server.url}file"
            assert "s1gnature" not in span.to_json()


class TestStream:
    def test_is_one_span_that_ends_with_the_reading(
        self, server: Any, session: synapse.Session, telemetry: Telemetry
    ) -> None:
        server.reply(body=b"a\nb\n")
        lines = session.transport.lines("jobs/1/console_logs/")
        assert next(lines) == "a"
        assert telemetry.spans == ()
        assert list(lines) == ["b"]
        (span,) = telemetry.spans
        assert (span.name, span.kind) == ("synapse jobs.console_logs", SpanKind.CLIENT)
        assert span.status.status_code is StatusCode.UNSET
        assert "traceparent" in server.last.headers

    def test_that_is_left_early_has_not_failed(
        self, server: Any, session: synapse.Session, telemetry: Telemetry
    ) -> None:
        server.reply(body=b"a\nb\n")
        lines: Any = session.transport.lines("jobs/1/console_logs/")
        next(lines)
        lines.close()
        (span,) = telemetry.spans
        assert span.status.status_code is StatusCode.UNSET

    def test_by_a_url_of_the_own_server_is_a_file(
        self, server: Any, session: synapse.Session, telemetry: Telemetry
    ) -> None:
        server.reply(body=b"content")
        with session.transport.stream("media/a.png") as response:
            response.raw.read()
        assert [span.name for span in telemetry.spans] == ["synapse files.read"]


class TestMetrics:
    def test_count_attempts_calls_and_retries(
        self, server: Any, session: synapse.Session, telemetry: Telemetry
    ) -> None:
        server.reply(503, {"detail": "Down."})
        server.reply(body=page())
        server.reply(body=page())
        session.tasks.exists()
        session.tasks.exists()
        attempts = telemetry.points("http.client.request.duration")
        counts = {point.attributes["http.response.status_code"]: point.count for point in attempts}
        assert counts == {503: 1, 200: 2}
        assert all(point.attributes["synapse.operation"] == "tasks.list" for point in attempts)
        assert not any("url.full" in point.attributes for point in attempts)
        (calls,) = telemetry.points("synapse.call.duration")
        assert (calls.count, calls.sum > 0) == (2, True)
        assert calls.attributes == {
            "synapse.operation": "tasks.list",
            "http.response.status_code": 200,
        }
        (retries,) = telemetry.points("synapse.retries")
        assert (retries.value, dict(retries.attributes)) == (1, {"synapse.operation": "tasks.list"})


def test_methods_of_the_users_own_are_one(
    server: Any, session: synapse.Session, telemetry: Telemetry
) -> None:
    for method in ("PURGE", "REPORT", "GET"):
        server.reply(body={})
        session.request(method, f"tasks/{TOKEN}/")

    points = telemetry.points("http.client.request.duration")
    assert {point.attributes["http.request.method"] for point in points} == {"_OTHER", "GET"}
    names = [span.name for span in telemetry.spans if span.kind is SpanKind.CLIENT]
    assert names == ["HTTP", "HTTP", "GET"]
    assert not any(TOKEN in span.to_json() for span in telemetry.spans)


def test_instrumentations_of_the_library_make_no_second_span(
    server: Any, session: synapse.Session, telemetry: Telemetry
) -> None:
    server.reply(body=page())
    instrumentor = RequestsInstrumentor()
    instrumentor.instrument(tracer_provider=telemetry.tracers)
    try:
        session.tasks.exists()
    finally:
        instrumentor.uninstrument()
    assert [span.name for span in telemetry.spans] == ["GET", "synapse tasks.list"]


def test_the_global_providers_are_the_default(server: Any) -> None:
    server.reply(body=page())
    with synapse.Session(server.url, TOKEN, observer=OpenTelemetry()) as session:
        assert not session.tasks.exists()


def test_without_the_library_the_message_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    with pytest.raises(errors.MissingExtra, match=r"Tracing needs packages.*otel"):
        OpenTelemetry()


def test_something_else_is_no_observer(server: Any) -> None:
    with pytest.raises(errors.ConfigurationError, match=r"observer is True. Pass an observer"):
        synapse.Session(server.url, TOKEN, observer=True)  # type: ignore[arg-type] # on purpose
