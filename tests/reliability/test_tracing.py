"""OpenTelemetry's instrumentation of `requests` sees the SDK's requests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from raw_server import Recorder, reply

import synapse
from synapse import errors


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    """Where the spans of the test go."""
    provider = TracerProvider()
    spans = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    instrumentor = RequestsInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    yield spans
    instrumentor.uninstrument()
    provider.shutdown()


def test_each_attempt_is_a_span(home: Recorder, exporter: InMemorySpanExporter) -> None:
    home.answers["/projects/1/"] = reply(503, {"detail": "Down."}, Retry_After="0")
    with synapse.Session(home.url, "a-secret-token", retries=1) as session:
        with pytest.raises(errors.ServerError):
            session.projects.get(1)
        session.projects.count()
    failed, again, done = exporter.get_finished_spans()
    assert {span.kind for span in (failed, again, done)} == {SpanKind.CLIENT}
    assert [span.status.status_code for span in (failed, again, done)] == [
        *(StatusCode.ERROR, StatusCode.ERROR, StatusCode.UNSET),
    ]
    shown = [str(dict(span.attributes or {})) for span in (failed, again, done)]
    assert all("GET" in text and f"{home.port}" in text for text in shown)
    assert "503" in shown[0]
    assert "200" in shown[2]
    assert "a-secret-token" not in "".join(shown)


def test_the_trace_goes_along(home: Recorder, exporter: InMemorySpanExporter) -> None:
    with synapse.Session(home.url, "a-secret-token") as session:
        session.projects.count()
    (span,) = exporter.get_finished_spans()
    assert span.context is not None
    assert f"traceparent: 00-{span.context.trace_id:032x}-".encode() in home.received


def test_what_gets_no_answer_is_a_span_with_the_error(
    home: Recorder, exporter: InMemorySpanExporter
) -> None:
    home.otherwise, home.closes = b"", True
    with (
        synapse.Session(home.url, "a-secret-token", retries=0) as session,
        pytest.raises(errors.ConnectionFailed),
    ):
        session.projects.count()
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert "a-secret-token" not in span.to_json()
