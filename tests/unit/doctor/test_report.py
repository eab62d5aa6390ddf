"""Findings and the report of an examination."""

from __future__ import annotations

import json

import pytest

from synapse.doctor.report import DoctorReport, Finding, failed, ok, skipped, warning

DNS = failed("No address.", "Check the name.", check="DNS")
FINE = ok("All is well.", check="Python")


@pytest.mark.parametrize(
    ("findings", "status"),
    [
        ((), "ok"),
        ((FINE,), "ok"),
        ((skipped("Not there.", check="Ray"),), "skipped"),
        ((skipped("Not there.", check="Ray"), FINE), "ok"),
        ((FINE, warning("Old.", "Renew it.", check="TLS")), "warning"),
        ((DNS, FINE, warning("Old.", "Renew it.", check="TLS")), "failed"),
    ],
)
def test_the_worst_finding_decides(findings: tuple[Finding, ...], status: str) -> None:
    report = DoctorReport(findings)

    assert report.status == status
    assert report.has_failed is (status == "failed")


def test_findings_of_a_check() -> None:
    report = DoctorReport((FINE, DNS))

    assert report["DNS"] == [DNS]
    with pytest.raises(KeyError):
        report["TLS"]


def test_text_is_aligned_and_wrapped_between_words() -> None:
    long = failed("word " * 12 + "/a/path/that/is/longer/than/the/line/itself.txt", "Do it.")
    report = DoctorReport((FINE, Finding("TLS", long.status, long.found, long.cure)))

    lines = [line for _, part in report.to_lines(40) for line in part]

    assert lines[0] == "ok       Python  All is well."
    assert lines[1].startswith("failed   TLS     word word")
    assert "/a/path/that/is/longer/than/the/line/itself.txt" in [line.strip() for line in lines]
    assert lines[-1] == f"{' ' * 17}-> Do it."
    assert str(report).startswith(lines[0])


def test_a_command_stays_in_one_line() -> None:
    command = "pip install " + " ".join(f"'library-{number}>=1'" for number in range(9))
    report = DoctorReport((skipped("Not there.", command, check="extras"),))

    assert str(report).splitlines()[1].strip() == f"-> {command}"


def test_values_for_json() -> None:
    document = json.loads(json.dumps(DoctorReport((DNS,)).to_dict()))

    assert document["status"] == "failed"
    assert document["findings"] == [
        {"check": "DNS", "status": "failed", "found": "No address.", "cure": "Check the name."}
    ]


def test_representations() -> None:
    report = DoctorReport((FINE, DNS))

    assert repr(report) == "<DoctorReport failed=1 ok=1>"
    bundle = report._repr_mimebundle_()
    assert "No address." in bundle["text/html"]
    assert "Check the name." in bundle["text/html"]
    assert bundle["text/plain"] == repr(report)


def test_texts_are_one_bounded_line_without_secrets() -> None:
    finding = failed("a\nb  http://me:s3cret@proxy/ " + "x" * 5000, "c\td")

    assert finding.found.startswith("a b http://***@proxy/ xxx")
    assert len(finding.found) == 1000
    assert finding.cure == "c d"


def test_a_server_cannot_steer_the_terminal() -> None:
    finding = Finding("server", "ok", "version \x1b[2J\x9b\u202e\ud800", "\x1b]0;x\x07")
    assert finding.found == "version \\x1b[2J\\x9b\\u202e\\ud800"
    assert finding.cure.isprintable()
