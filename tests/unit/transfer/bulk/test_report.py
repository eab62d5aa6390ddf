"""Reports of bulk transfers."""

from __future__ import annotations

import pickle

import pytest

from synapse.errors import (
    AuthenticationError,
    InvalidResponse,
    NotFound,
    RateLimited,
    RequestTimeout,
    ServerError,
    UsageError,
    ValidationError,
)
from synapse.transfer.bulk.pipeline import Pipeline
from synapse.transfer.bulk.report import (
    DownloadReport,
    Failure,
    OnError,
    ReportBuilder,
    UploadReport,
    convert_error,
    is_server_failure,
)


def test_upload() -> None:
    failed = [
        Failure("/photos/a.png", UsageError("It can't be read.")),
        Failure("b", ValidationError(400, "too <big>")),
    ]
    report = UploadReport(
        created=1_200,
        tasks=1_200,
        skipped=3,
        failed=failed,
        bytes=2_500_000,
        seconds=2.0,
        ignored=1,
    )

    assert str(report).splitlines() == [
        (
            "created: 1,200, tasks: 1,200, skipped: 3, ignored: 1, failed: 2, MB: 2.5,"
            " seconds: 2.0, MB/s: 1.2"
        ),
        "  /photos/a.png: UsageError: It can't be read.",
        "  b: ValidationError: too <big> (HTTP 400)",
    ]
    assert report.rate == 1.25
    described = report._describe()
    assert described.fields[0] == ("created", "1,200")
    assert described.table is not None
    assert described.table.rows[1] == ("b", "ValidationError", "too <big> (HTTP 400)")
    assert repr(report).startswith("<UploadReport created=1,200 tasks=1,200 skipped=3 ")
    assert pickle.loads(pickle.dumps(report)).failed[0].path == "/photos/a.png"


def test_names_of_any_kind_are_one_line() -> None:
    name = "a\nb\x1b[31m\udcff\u3000é.png"
    report = UploadReport(failed=[Failure(name, UsageError(f"{name} is empty"))])

    shown = "a\\nb\\x1b[31m\\udcff\u3000é.png"
    assert str(report).splitlines()[1:] == [f"  {shown}: UsageError: {shown} is empty"]
    table = report._describe().table
    assert table is not None
    assert table.rows == [(shown, "UsageError", f"{shown} is empty")]


def test_many_failures_are_cut() -> None:
    failed = [Failure(f"{number}.png", UsageError("no")) for number in range(1_010)]
    report = DownloadReport(failed=failed)

    assert len(str(report).splitlines()) == 12
    assert "... and 1,000 more in report.failed" in str(report)
    assert len(repr(report)) < 200
    table = report._describe().table
    assert table is not None
    assert (len(table.rows), table.total) == (10, 1_010)
    assert DownloadReport()._describe().table is None


def test_no_time_at_all() -> None:
    assert DownloadReport(bytes=5).rate == 0.0
    assert str(DownloadReport()).startswith("downloaded: 0, skipped: 0, failed: 0")


def test_outage_stops_the_pipeline() -> None:
    pipeline = Pipeline("test")
    builder = ReportBuilder(UploadReport(), pipeline, "collect")
    for _ in range(23):
        builder.record_failure("a.png", ServerError(502))
    builder.record_success()
    builder.record_failure("a.png", UsageError("no"))
    assert not pipeline.is_stopped

    for _ in range(24):
        builder.record_failure("a.png", ServerError(502))

    assert pipeline.is_stopped
    assert len(builder.finish().failed) == 48


@pytest.mark.parametrize(
    ("on_error", "error"),
    [("raise", UsageError("no")), ("collect", AuthenticationError(401))],
)
def test_one_failure_that_stops_the_pipeline(on_error: OnError, error: Exception) -> None:
    pipeline = Pipeline("test")
    ReportBuilder(UploadReport(), pipeline, on_error).record_failure("a.png", error)
    assert pipeline.is_stopped


@pytest.mark.parametrize(
    ("error", "is_server"),
    [
        *[(ServerError(status), True) for status in (500, 502, 503)],
        *[(RequestTimeout(408), True), (RateLimited(429), True), (InvalidResponse(200), True)],
        *[(NotFound(404), False), (UsageError("no"), False)],
    ],
)
def test_is_server_failure(error: Exception, is_server: bool) -> None:
    assert is_server_failure(error) is is_server


def test_convert_error() -> None:
    error = convert_error(OSError(28, "No space left on device"))
    assert isinstance(error, UsageError)
    assert str(error) == "No space left on device."
    assert convert_error(error) is error
