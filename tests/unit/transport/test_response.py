"""One response: whether its body is broken, its error, its decoded body."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from synapse import errors
from synapse.transport.response import Response


def make_response(
    status: int = 200,
    content: bytes = b"{}",
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    sent: dict[str, str] | None = None,
    **options: Any,
) -> Response:
    """Return a response with headers, to a request with the headers `sent`."""
    response = requests.Response()
    response.status_code = status
    response.headers.update(headers or {})
    response.request = requests.Request(method, "http://host/tasks/", headers=sent).prepare()
    return Response(
        response,
        content,
        place="http://host/tasks/",
        resource="Task 7",
        credentials="the argument api_token",
        **options,
    )


@pytest.mark.parametrize(
    "content",
    [b"{}", b'{"a": 1}', b"[1]", b'"a"', b"true", b"false", b"null", b"0", b"-1.5", b" \r\n[]\t"],
)
def test_json_by_both_ends_is_not_broken(content: bytes) -> None:
    assert not make_response(content=content).is_broken


@pytest.mark.parametrize(
    "content",
    [b"", b" \n", b'{"a": 1', b"[1, 2", b'"abc', b"tru", b"nu", b"1,", b"-", b"<html>", b"{]"],
)
def test_body_that_is_cut_short_or_not_json_is_broken(content: bytes) -> None:
    assert make_response(content=content).is_broken


def test_fault_between_the_ends_shows_up_in_json() -> None:
    response = make_response(content=b"{no json}")

    assert not response.is_broken
    with pytest.raises(errors.InvalidResponse):
        response.json()


@pytest.mark.parametrize(
    ("status", "options"),
    [
        (204, {}),
        (200, {"method": "HEAD"}),
        (200, {"sent": {"Accept": "*/*"}}),
        (302, {}),
        (404, {}),
        (503, {}),
    ],
)
def test_only_a_success_that_promises_json_can_be_broken(
    status: int, options: dict[str, Any]
) -> None:
    assert not make_response(status, b"", **options).is_broken


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_success_raises_nothing(status: int) -> None:
    make_response(status).raise_for_status()

    assert make_response(status).json() == {}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, errors.ClientError),
        (400, errors.BadRequest),
        (404, errors.NotFound),
        (429, errors.RateLimited),
        (500, errors.ServerError),
    ],
)
def test_error_has_the_status_and_the_attempts(status: int, kind: type[errors.ClientError]) -> None:
    response = make_response(status, attempts=3, elapsed=1.5)

    with pytest.raises(kind, match="Task 7") as caught:
        response.json()

    assert caught.value.status_code == status
    assert (caught.value.attempts, caught.value.elapsed) == (3, 1.5)


def test_no_content_is_none() -> None:
    assert make_response(204, b"").json() is None


@pytest.mark.parametrize(("status", "content"), [(404, b'{"detail": "Not found."}'), (200, b"")])
def test_done_work_has_no_error_and_no_body(status: int, content: bytes) -> None:
    response = make_response(status, content, method="DELETE", is_done=True)

    response.raise_for_status()

    assert response.json() is None


def test_body_that_is_not_json_names_the_resource_and_the_attempts() -> None:
    response = make_response(content=b"<html>", attempts=2)

    with pytest.raises(errors.InvalidResponse, match="Task 7") as caught:
        response.json()

    assert caught.value.attempts == 2


@pytest.mark.parametrize(
    ("headers", "expected"), [({}, "sent-id"), ({"X-Request-ID": "received-id"}, "received-id")]
)
def test_error_has_the_request_id(headers: dict[str, str], expected: str) -> None:
    response = make_response(500, headers=headers, sent={"X-Request-ID": "sent-id"})

    with pytest.raises(errors.ServerError) as caught:
        response.raise_for_status()

    assert caught.value.request_id == expected


@pytest.mark.parametrize("status", [200, 400])
def test_error_does_not_show_a_secret(status: int) -> None:
    response = make_response(status, b"<p>tok-5up3r-s3cret</p>", secrets=("tok-5up3r-s3cret",))

    with pytest.raises(errors.ClientError) as caught:
        response.json()

    assert "tok-5up3r-s3cret" not in f"{caught.value} {vars(caught.value)}"
