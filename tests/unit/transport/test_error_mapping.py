"""From statuses, bodies and faults to exceptions; those of a real connection are in test_http."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import NewConnectionError

from synapse import errors
from synapse.transport import Transport, error_mapping

Refuse = Callable[..., errors.ClientError]


@pytest.fixture
def refuse(server: Any, transport: Transport) -> Refuse:
    """Answers a request with a status and a body, and returns the exception that comes of it."""

    def ask(status: int | str, body: Any = None, **headers: str) -> errors.ClientError:
        server.reply(
            status,
            body,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        with pytest.raises(errors.ClientError) as caught:
            transport.request("GET", "projects/7/", params={"a": "b"}, resource="Project 7")
        return caught.value

    return ask


class TestStatus:
    @pytest.mark.parametrize(
        ("status", "cls"),
        [
            (400, errors.BadRequest),
            (401, errors.AuthenticationError),
            (402, errors.ClientError),
            (403, errors.PermissionDenied),
            (404, errors.NotFound),
            (405, errors.ClientError),
            (408, errors.RequestTimeout),
            (409, errors.Conflict),
            (410, errors.ClientError),
            (413, errors.PayloadTooLarge),
            (422, errors.BadRequest),
            (429, errors.RateLimited),
            (500, errors.ServerError),
            (502, errors.ServerError),
            (503, errors.ServerError),
            (504, errors.ServerError),
            (507, errors.ServerError),
            (599, errors.ServerError),
        ],
    )
    def test_class_and_attributes(
        self, refuse: Refuse, server: Any, status: int, cls: type[Exception]
    ) -> None:
        body = {"detail": "That won't do."}
        error = refuse(status, body, X_Request_ID="r-1")
        assert type(error) is cls
        assert error.status_code == status
        assert error.detail == "That won't do."
        assert error.fields == {}
        assert error.request_id == "r-1"
        assert error.method == "GET"
        assert error.url == f"{server.url}projects/7/"
        assert error.response == body
        assert error.resource == "Project 7"
        assert str(error).startswith(
            f"Project 7: That won't do. (HTTP {status}, GET {server.url}projects/7/, request r-1)"
        )

    @pytest.mark.parametrize(
        ("status", "hint"),
        [
            (400, None),
            (403, "The credentials are good but don't allow this; check the token's rights"),
            (404, "Check the id, and that the token's tenant is the right one."),
            (408, "Try again, or give a larger timeout."),
            (413, "Send it in smaller parts; files go in chunks."),
            (429, None),
            (500, None),
            (507, "The server's storage is full."),
        ],
    )
    def test_hint(self, refuse: Refuse, status: int, hint: str | None) -> None:
        error = refuse(status, {"detail": "x"})
        assert (error.hint or "").startswith(hint or "")
        assert bool(error.hint) is bool(hint)

    @pytest.mark.parametrize("status", [400, 403, 404])
    def test_storage_service(self, refuse: Refuse, status: int) -> None:
        body = "<?xml version='1.0'?><Error><Code>Expired</Code>\n<Message>Too late.</Message>"
        error = refuse(status, f"{body}<Resource>/x</Resource></Error>".encode())
        assert (error.detail, error.hint) == ("the storage refused: Too late. (Expired)", None)

    def test_wrong_token_says_where_it_came_from(self, refuse: Refuse, token: str) -> None:
        error = refuse(401, {"detail": "Invalid token."})
        assert "The credentials came from the argument api_token;" in str(error)
        assert token not in str(error)


class TestBody:
    @pytest.mark.parametrize("status", [400, 422])
    def test_field_errors(self, refuse: Refuse, status: int) -> None:
        body = {"title": ["This field is required."], "non_field_errors": ["Too late.", "Sorry."]}
        error = refuse(status, body)
        assert type(error) is errors.ValidationError
        assert error.fields == body
        assert error.detail == "title: This field is required.; Too late. Sorry."

    def test_nested_field_errors(self, refuse: Refuse) -> None:
        body = {"files": {"text": {"checksum": ["Unknown."]}}, "tags": [{}, {"name": ["Taken."]}]}
        error = refuse(400, body)
        assert error.fields == body
        assert error.detail == "files: text: checksum: Unknown.; tags: name: Taken."

    def test_detail_beside_other_keys(self, refuse: Refuse) -> None:
        body = {"detail": "Offsets do not match", "expected_offset": 5}
        error = refuse(400, body)
        assert type(error) is errors.BadRequest
        assert (error.detail, error.fields) == ("Offsets do not match", {})
        assert error.response == body

    def test_detail_that_holds_the_field_errors(self, refuse: Refuse) -> None:
        error = refuse(400, {"detail": {"filename": ["Required."]}})
        assert type(error) is errors.ValidationError
        assert error.fields == {"filename": ["Required."]}
        assert error.detail == "filename: Required."

    def test_a_field_that_is_called_detail(self, refuse: Refuse) -> None:
        body = {"detail": {"size": ["Too large."]}, "title": ["Required."]}
        error = refuse(400, body)
        assert error.fields == body
        assert error.detail == "detail: size: Too large.; title: Required."

    @pytest.mark.parametrize("body", [5, True, "No."])
    def test_neither_an_object_nor_a_list(self, refuse: Refuse, body: Any) -> None:
        error = refuse(400, body)
        assert type(error) is errors.BadRequest
        assert (error.response, error.fields) == (body, {})
        assert error.detail == json.dumps(body)

    def test_bulk(self, refuse: Refuse) -> None:
        body = [{}, {"title": ["Required."]}, {"non_field_errors": ["No."]}]
        error = refuse(400, body)
        assert type(error) is errors.ValidationError
        assert error.detail == "item 1: title: Required.; item 2: No."
        assert error.fields == {}
        assert error.response == body

    def test_bulk_of_three(self, refuse: Refuse) -> None:
        error = refuse(400, [{"t": ["a"]}, {"t": ["b"]}, {"t": ["c"]}])
        assert error.detail == "item 0: t: a; item 1: t: b; item 2: t: c"

    def test_bulk_of_four(self, refuse: Refuse) -> None:
        error = refuse(400, [{"t": ["x"]}] * 4)
        assert error.detail == "item 0: t: x; item 1: t: x; item 2: t: x; and 1 more"

    def test_bulk_of_many(self, refuse: Refuse) -> None:
        error = refuse(400, [{}, *({"t": ["x"]} for _ in range(5))])
        assert error.detail == "item 1: t: x; item 2: t: x; item 3: t: x; and 2 more"

    def test_list_of_sentences(self, refuse: Refuse) -> None:
        error = refuse(400, ["Too many.", "Really."])
        assert type(error) is errors.ValidationError
        assert error.detail == "Too many.; Really."

    def test_field_errors_of_another_status(self, refuse: Refuse) -> None:
        error = refuse(409, {"code": ["Taken."]})
        assert type(error) is errors.Conflict
        assert error.fields == {"code": ["Taken."]}

    @pytest.mark.parametrize("body", [{}, []])
    def test_empty_document(self, refuse: Refuse, body: Any) -> None:
        error = refuse(400, body)
        assert type(error) is errors.BadRequest
        assert error.response == body

    def test_page_with_a_title(self, refuse: Refuse) -> None:
        page = b"<html><head><TITLE lang=en>\n  502 Bad\n Gateway </TITLE></head></html>"
        error = refuse(502, page, Content_Type="text/html")
        assert error.detail == "the answer is a web page titled '502 Bad Gateway', not JSON"
        assert error.response == page.decode()

    def test_page_without_a_title(self, refuse: Refuse) -> None:
        error = refuse(502, b"Bad gateway", Content_Type="text/html; charset=utf-8")
        assert error.detail == "the answer is a web page, not JSON"

    def test_page_without_a_type(self, refuse: Refuse) -> None:
        error = refuse(502, b"\n <title>Oops</title>", Content_Type="text/plain")
        assert error.detail == "the answer is a web page titled 'Oops', not JSON"

    def test_page_with_an_endless_title(self, refuse: Refuse) -> None:
        error = refuse(502, b"<title>" + b"x" * 5000 + b"</title>", Content_Type="text/html")
        assert error.detail == f"the answer is a web page titled '{'x' * 500}', not JSON"

    def test_text(self, refuse: Refuse) -> None:
        error = refuse(503, b" upstream\n connect  error \xff", Content_Type="text/plain")
        assert error.detail == "upstream connect error \ufffd"

    def test_long_text_is_cut(self, refuse: Refuse) -> None:
        error = refuse(503, b"x" * 5000, Content_Type="text/plain")
        assert error.detail == "x" * 500
        assert error.response == "x" * 5000

    def test_nothing(self, refuse: Refuse) -> None:
        error = refuse("503 Service Unavailable", b"")
        assert error.detail == "Service Unavailable"
        assert error.response is None

    def test_nothing_at_all(self, refuse: Refuse) -> None:
        error = refuse("503 ", b"")
        assert error.detail == ""
        assert str(error).startswith("Project 7: the request failed (HTTP 503,")

    def test_timeout_of_the_server(self, refuse: Refuse) -> None:
        assert "(HTTP 408," in str(refuse("408 Request Timeout", b""))


class TestRedirect:
    @pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
    def test_is_reported_and_not_followed(
        self, refuse: Refuse, server: Any, other_server: Any, status: int
    ) -> None:
        target = f"{other_server.url}projects/7/?token=x"
        error = refuse(status, b"moved", Location=target)
        assert type(error) is errors.ClientError
        assert error.detail == f"the server redirects to {other_server.url}projects/7/"
        assert error.hint is not None
        assert "correct base_url" in error.hint
        assert error.response == "moved"
        assert len(server.requests) == 1
        assert other_server.connections == 0

    @pytest.mark.parametrize(
        ("location", "shown"),
        [
            ("http://[", "http://["),
            ("http://x\u00ff\u00fe/", "http://x\u00ff\u00fe/"),
            ("//elsewhere/x", "//elsewhere/x"),
            ("http://user:hunter2@elsewhere/?hunter2", "http://elsewhere/"),
            ("/login/?next=x", "/login/"),
            ("", "nowhere"),
        ],
    )
    def test_to_anything(
        self, server: Any, transport: Transport, location: str, shown: str
    ) -> None:
        head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        server.answer(head.encode("latin-1"))
        with pytest.raises(errors.ClientError) as caught:
            transport.request("GET", "a/")
        assert caught.value.detail == f"the server redirects to {shown}"

    def test_without_a_location(self, refuse: Refuse) -> None:
        assert refuse(302).detail == "the server redirects to nowhere"


def pause(value: str) -> float | None:
    """Read a `Retry-After`."""
    response = requests.Response()
    response.headers["Retry-After"] = value
    return error_mapping.retry_after(response)


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "seconds"), [("0", 0.0), ("7", 7.0), ("2.5", 2.5), ("120", 120.0)]
    )
    def test_seconds(self, refuse: Refuse, value: str, seconds: float) -> None:
        error = refuse(429, {"detail": "Throttled."}, Retry_After=value)
        assert isinstance(error, errors.RateLimited)
        assert error.retry_after == seconds
        assert error.hint == f"Wait {value} seconds."

    @pytest.mark.parametrize(
        "value", ["soon", "inf", "nan", "-5", "1e9", "1_0", "", "Wed, 21 Oct 99999"]
    )
    def test_nonsense(self, refuse: Refuse, value: str) -> None:
        error = refuse(429, {"detail": "Throttled."}, Retry_After=value)
        assert isinstance(error, errors.RateLimited)
        assert (error.retry_after, error.hint) == (None, None)

    @pytest.mark.parametrize(
        "value", ["9999999999", "9" * 20, "9" * 400, "1" + "0" * 9, "9" * 20 + ".5", "9" * 5000]
    )
    def test_of_many_digits_is_a_long_pause(self, refuse: Refuse, value: str) -> None:
        error = refuse(429, {"detail": "Throttled."}, Retry_After=value)
        assert isinstance(error, errors.RateLimited)
        assert error.retry_after == 1e9
        assert pause("Fri, 31 Dec 9999 23:59:59 GMT") == 1e9

    @given(st.integers(0, 10**30))
    def test_no_number_is_taken_for_none(self, seconds: int) -> None:
        assert pause(str(seconds)) == min(seconds, 1e9)

    def test_absent(self, refuse: Refuse) -> None:
        error = refuse(429, {"detail": "Throttled."})
        assert isinstance(error, errors.RateLimited)
        assert error.retry_after is None

    @pytest.mark.parametrize("form", ["imf", "asctime"])
    def test_date(self, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
        # Far from UTC, so that a date that is taken for a local one shows.
        monkeypatch.setenv("TZ", "Pacific/Kiritimati")
        time.tzset()
        try:
            now = datetime.now(timezone.utc).replace(microsecond=0)
            moment = now + timedelta(hours=1)
            text = (
                format_datetime(moment, usegmt=True)
                if form == "imf"
                else moment.strftime("%a %b %d %H:%M:%S %Y")
            )
            seconds = pause(text)
        finally:
            monkeypatch.undo()
            time.tzset()
        assert seconds is not None
        assert 0 < seconds <= 3600

    def test_date_in_the_past(self) -> None:
        assert pause("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0

    @pytest.mark.parametrize(
        "value",
        [
            "Wed, 21 Oct 2099 99999999999999999999:28:00 GMT",
            "Wed, 21 Oct 2099 07:28:00 +99999999999999",
        ],
    )
    def test_date_out_of_range(self, value: str) -> None:
        assert pause(value) is None

    @given(st.text() | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ [+-]?\w+", fullmatch=True))
    def test_any_text_is_a_pause_or_none(self, value: str) -> None:
        seconds = pause(value)
        assert seconds is None or 0 <= seconds < 1e12

    @given(st.integers(0, 10**9 - 1))
    def test_any_number_of_seconds(self, seconds: int) -> None:
        assert pause(str(seconds)) == seconds


class TestUnreachable:
    """What only another machine than this one raises."""

    @staticmethod
    def explain(error: Exception) -> errors.ClientError:
        return error_mapping.from_exception(
            error, method="GET", url="http://host/a/", resource="Project 7", timeout=(1.5, 2.5)
        )

    def test_no_route(self) -> None:
        cause = OSError(113, "No route to host")
        wrapped = NewConnectionError(None, "Failed to establish")  # type: ignore[arg-type]
        wrapped.__cause__ = cause
        error = self.explain(requests.ConnectionError(wrapped))
        assert type(error) is errors.ConnectionFailed
        assert error.detail == "the connection couldn't be made: No route to host"
        assert error.status_code == 503
        assert (error.method, error.url) == ("GET", "http://host/a/")
        assert error.resource == "Project 7"

    def test_connect_timeout(self) -> None:
        error = self.explain(requests.ConnectTimeout())
        assert type(error) is errors.ConnectionFailed
        assert error.detail == "no connection within 1.5 s"
        assert "larger connect timeout" in str(error)

    def test_innermost_is_on_one_line_and_short(self) -> None:
        error = self.explain(requests.ConnectionError("a\nb" + "x" * 1000))
        assert error.detail.startswith("the connection broke: ConnectionError: a b")
        assert len(error.detail) < 600

    def test_a_chain_that_goes_in_a_circle(self) -> None:
        first, second = OSError("x"), OSError("y")
        first.__cause__, second.__cause__ = second, first
        assert "connection broke" in self.explain(first).detail
