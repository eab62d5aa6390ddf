"""Checks of the server, by responses that the tests write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from synapse.doctor.report import Finding
from synapse.transport import Transport
from synapse.transport.options import Options

from .conftest import Examine

Connect = Callable[..., Transport]
FINE = {"status": "ok", "version": "2026.1"}
USER = {"id": 7, "username": "ada", "tenant": {"code": "vision", "name": "Vision"}}
PAGE: dict[str, Any] = {"count": 0, "next": None, "results": []}
LOGIN_PAGE = b"<html><head><title>Please log in</title></head><body>SSO</body></html>"


def test_a_server_in_order(connect: Connect, run_checks: Examine, server: Any) -> None:
    server.reply(body=FINE)
    server.reply(body=USER)

    report = run_checks(connect(server.url, tenant="vision"))

    assert report["server"][0].found == f"{server.url} answers: status ok, version 2026.1."
    assert report["token"][0].found == "Valid, of ada (id 7), the argument api_token."
    assert report["tenant"][1] == Finding("tenant", "ok", "The server uses vision.")


def test_another_tenant_than_asked_for(connect: Connect, run_checks: Examine, server: Any) -> None:
    server.reply(body=FINE)
    server.reply(body={**USER, "tenant": "audio"})

    report = run_checks(connect(server.url, tenant="vision"))

    assert report["tenant"][1].status == "warning"
    assert report["tenant"][1].found == "The server uses audio, although vision was asked for."


@pytest.mark.parametrize(
    ("status", "body", "finding"),
    [
        (404, {"detail": "Not found."}, ("ok", "without a report of its health")),
        (401, {"detail": "Log in."}, ("ok", "needs a valid token")),
        (200, ["up"], ("ok", "answers: no status, version unknown")),
        (200, {"status": "degraded"}, ("warning", "status degraded")),
    ],
)
def test_health(
    connect: Connect,
    run_checks: Examine,
    server: Any,
    status: int,
    body: Any,
    finding: tuple[str, str],
) -> None:
    server.reply(status, body)
    server.reply(body=[])  # no user

    report = run_checks(connect(server.url))

    assert report["server"][0].status == finding[0]
    assert finding[1] in report["server"][0].found
    assert report["token"][0].found == "Valid, of a user (id None), the argument api_token."


def test_a_login_page_in_the_place_of_the_server(
    connect: Connect, run_checks: Examine, server: Any
) -> None:
    server.reply(body=LOGIN_PAGE, headers={"Content-Type": "text/html"})

    report = run_checks(connect(server.url, options=Options()))  # with retries

    (finding,) = report["server"]
    assert (finding.status, "Please log in" in finding.found) == ("failed", True)
    assert finding.cure.startswith("Check base_url, and any proxy or gateway")
    assert report["token"][0].found == "This check needs 'server'."
    assert len(server.requests) == 1


def test_a_redirect(connect: Connect, run_checks: Examine, server: Any) -> None:
    server.reply(302, headers={"Location": "https://elsewhere.example/"})

    report = run_checks(connect(server.url))

    assert report["server"][0].status == "failed"
    assert "elsewhere.example" in report["server"][0].found + report["server"][0].cure


def test_a_refused_token(connect: Connect, run_checks: Examine, server: Any) -> None:
    server.reply(body=FINE)
    server.reply(401, {"detail": "Invalid token."})

    report = run_checks(connect(server.url), "dialect", "upload")

    (finding,) = report["token"]
    assert (finding.status, "Invalid token." in finding.found) == ("failed", True)
    assert "the argument api_token" in finding.cure
    assert report["dialect"][0].found == "This check needs 'token'."
    assert report["upload"][0].status == "skipped"


def test_an_agents_token_is_no_users(connect: Connect, run_checks: Examine, server: Any) -> None:
    server.reply(body=FINE)

    report = run_checks(connect(server.url, agent_token="of-an-agent"))

    assert report["token"][0].status == "skipped"
    assert report["token"][0].cure == "Give api_token, or set SYNAPSE_API_TOKEN."


@pytest.mark.parametrize(
    ("provider", "rows", "uploads", "lists"),
    [
        ("local", [], "Uploads go to the server.", "Long lists are read by keys"),
        (
            "minio",
            [{"id": 5}],
            "Uploads go to the storage by presigned URLs (minio).",
            "Long lists are read by cursor or by page numbers.",
        ),
    ],
)
def test_dialect(
    connect: Connect,
    run_checks: Examine,
    server: Any,
    provider: str,
    rows: list[Any],
    uploads: str,
    lists: str,
) -> None:
    server.reply(body=FINE)
    server.reply(body=USER)
    storage = {"id": 1, "provider": provider, "is_default": True}
    server.answer_to("category=internal", {**PAGE, "results": [storage]})
    server.answer_to("id__lt=1&page_size=1", {**PAGE, "results": rows})
    transport = connect(server.url)
    transport.missing_ways.add(("tasks/", "keys"))

    report = run_checks(transport, "dialect")

    assert report["uploads"][0].found == uploads
    assert report["lists"][0].found.startswith(lists)
    assert report["lists"][1].found == "This session found no keys for tasks/."


def test_dialect_by_option(connect: Connect, run_checks: Examine, server: Any) -> None:
    server.reply(body=FINE)
    server.reply(body=USER)
    server.answer_to("id__lt=1&page_size=1", PAGE)

    report = run_checks(connect(server.url, options=Options(uploads="presigned")), "dialect")

    assert report["uploads"][0].found == (
        "Uploads go to the storage by presigned URLs, by uploads=."
    )


def test_an_upload_that_was_not_asked_for(
    connect: Connect, run_checks: Examine, server: Any
) -> None:
    server.reply(body=FINE)
    server.reply(body=USER)

    report = run_checks(connect(server.url), "upload")

    assert report["upload"][0].status == "skipped"
    assert "synapse doctor --upload" in report["upload"][0].cure


def test_an_upload_that_fails(connect: Connect, run_checks: Examine, server: Any) -> None:
    server.reply(body=FINE)
    server.reply(body=USER)
    server.reply(507, {"detail": "The disk is full."})

    options = Options(uploads="direct")
    report = run_checks(connect(server.url, options=options), "upload", upload=True)

    assert report["upload"][0].status == "failed"
    assert "The disk is full." in report["upload"][0].found
