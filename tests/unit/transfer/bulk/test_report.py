"""What is said of a transfer in the end."""

from __future__ import annotations

import pickle

from synapse.errors import UsageError, ValidationError
from synapse.transfer.bulk.report import DownloadReport, Failure, UploadReport


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
    text = report._repr_html_()
    assert "<th>created</th>" in text
    assert ">1,200</td>" in text
    assert "<td>b</td><td>ValidationError</td><td>too &lt;big&gt; (HTTP 400)</td>" in text
    assert pickle.loads(pickle.dumps(report)).failed[0].path == "/photos/a.png"


def test_names_of_any_kind_are_one_line() -> None:
    name = "a\nb\x1b[31m\udcff\u3000é.png"
    report = UploadReport(failed=[Failure(name, UsageError(f"{name} is empty"))])

    shown = "a\\nb\\x1b[31m\\udcff\u3000é.png"
    assert str(report).splitlines()[1:] == [f"  {shown}: UsageError: {shown} is empty"]
    assert f"<td>{shown}</td>" in report._repr_html_()
    assert f"<td>{shown} is empty</td>" in report._repr_html_()


def test_many_failures_are_cut() -> None:
    failed = [Failure(f"{number}.png", UsageError("no")) for number in range(1_010)]
    report = DownloadReport(failed=failed)

    assert len(str(report).splitlines()) == 12
    assert "... and 1,000 more in report.failed" in str(report)
    assert "... and 1,000 more in report.failed" in report._repr_html_()
    assert "<p>" not in DownloadReport()._repr_html_()


def test_no_time_at_all() -> None:
    assert DownloadReport(bytes=5).rate == 0.0
    assert str(DownloadReport()).startswith("downloaded: 0, skipped: 0, failed: 0")
