"""Running checks: one after the other, bounded in time, none raising."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from synapse._internal import threads
from synapse.doctor import examination
from synapse.doctor.examination import Check, Examination, as_mapping, examine, explain
from synapse.doctor.report import Finding, failed, ok
from synapse.errors import ClientError, ConfigurationError, RequestTimeout
from synapse.transport import Transport


def connect() -> Transport:
    raise ConfigurationError("No base URL.")


def fine(_: Examination) -> Iterator[Finding]:
    yield ok("Fine.")


def broken(_: Examination) -> Iterator[Finding]:
    yield ok("So far.")
    raise ZeroDivisionError("by zero")


def without_transport(examination: Examination) -> Iterator[Finding]:
    yield ok(examination.transport.base_url)


def summarize(*checks: Check, **options: float) -> list[tuple[str, str, str, str]]:
    findings = examine(connect, checks, **options).findings  # type: ignore[arg-type] # seconds only
    return [(each.check, each.status, each.found, each.cure) for each in findings]


def test_an_error_is_a_finding_and_the_others_run() -> None:
    assert summarize(Check("a", broken, "Report it."), Check("b", fine, "")) == [
        ("a", "ok", "So far.", ""),
        ("a", "failed", "ZeroDivisionError: by zero", "Report it."),
        ("b", "ok", "Fine.", ""),
    ]


def test_an_error_of_connecting_is_a_finding() -> None:
    assert summarize(Check("a", without_transport, "Correct it.")) == [
        ("a", "failed", "No base URL.", "Correct it.")
    ]


def test_a_check_whose_need_failed_is_skipped_and_so_are_its_followers() -> None:
    checks = [
        Check("a", broken, "Report it."),
        Check("b", fine, "", needs=("a",)),
        Check("c", fine, "", needs=("b",)),
        Check("d", fine, "", needs=()),
    ]

    assert [row[:3] for row in summarize(*checks)[2:]] == [
        ("b", "skipped", "This check needs 'a'."),
        ("c", "skipped", "This check needs 'b'."),
        ("d", "ok", "Fine."),
    ]


def test_a_check_that_hangs_ends_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "_GRACE", 0.0)
    release, ended = threading.Event(), threading.Event()

    def hang(_: Examination) -> Iterator[Finding]:
        yield ok("So far.")
        release.wait(60)
        ended.set()

    rows = summarize(Check("a", hang, "Look."), Check("b", fine, ""), seconds=0.05)
    release.set()

    assert ended.wait(60)
    assert rows == [
        ("a", "ok", "So far.", ""),
        ("a", "failed", "No result within 0.0 s.", "Look."),
        ("b", "skipped", "The 0.05 s of all checks are over.", ""),
    ]


def test_without_threads_a_check_runs_in_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> bool:
        return False

    monkeypatch.setattr(threads, "start", refuse)
    monkeypatch.setattr(examination, "start", refuse)

    assert summarize(Check("a", fine, "")) == [("a", "ok", "Fine.", "")]


def test_a_check_without_findings() -> None:
    assert summarize(Check("a", lambda _: (), "")) == [("a", "skipped", "Nothing to examine.", "")]


def test_the_hint_of_an_error_is_the_cure() -> None:
    error = ClientError(401, "Invalid token.", hint="Copy the token again.")

    assert explain(error, "Look.") == failed("Invalid token. (HTTP 401).", "Copy the token again.")
    assert error.hint == "Copy the token again."
    assert explain(ClientError(500, "Oh."), "Look.") == failed("Oh. (HTTP 500)", "Look.")


def test_the_cure_of_a_timeout_is_the_checks() -> None:
    error = RequestTimeout(408, "No answer.", hint="Give a larger timeout.")

    assert explain(error, "Look.") == failed("No answer. (no response).", "Look.")


def test_as_mapping() -> None:
    assert as_mapping({"a": 1}) == {"a": 1}
    assert as_mapping([1]) == {}
