"""Headers of the user's own go to the configured origin, and no message shows their values."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import synapse
from synapse import errors
from synapse._internal import redaction
from synapse._internal.redaction import redacted
from synapse.clients.agent import AgentClient
from synapse.errors import ConfigurationError
from synapse.transport import Transport
from synapse.transport.derived import DerivedTransport
from synapse.transport.options import Event, Options
from synapse.transport.own_headers import checked_headers
from synapse.transport.retry import RetryPolicy

Connect = Callable[..., Transport]

KEY = "gateway-key-5up3r-s3cret"
QUICK = RetryPolicy(attempts=3, base=0.001)


def with_key(**options: Any) -> Options:
    """Return options with a gateway's header."""
    return Options(retry=QUICK, headers={"X-Gateway": f"Bearer {KEY}"}, **options)


class TestNamesAndValues:
    @pytest.mark.parametrize(
        "name",
        [
            *("Host", "content-length", "Transfer-Encoding", "Content-Type", "Accept", "Range"),
            *("X-Request-ID", "Connection", "Upgrade", "Sec-WebSocket-Key", "Accept-Encoding"),
            *("SYNAPSE-Tenant", "synapse-access-token", "Proxy-Authorization"),
            *("", " ", "a b", "a:", "a\r\nb", "ü", 5, b"X"),
        ],
    )
    def test_that_cannot_be_set(self, name: Any) -> None:
        with pytest.raises(ConfigurationError, match="headers"):
            Options(headers={name: KEY})

    @pytest.mark.parametrize("value", ["", " ", " a", "a\r\nX-Evil: 1", "a\0", "ü", b"a", 5, None])
    def test_that_cannot_be_sent(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"value of headers\['X'\] is empty"):
            Options(headers={"X": value})

    def test_twice(self) -> None:
        with pytest.raises(ConfigurationError, match="headers has x-a twice"):
            Options(headers={"X-A": "1", "x-a": "2"})

    def test_no_mapping(self) -> None:
        with pytest.raises(ConfigurationError, match="headers is a mapping"):
            Options(headers=[("X-A", "1")])  # type: ignore[arg-type]

    def test_of_a_credential_in_use(self, server: Any, connect: Connect) -> None:
        options = Options(headers={"authorization": "Basic YTpi"})
        with pytest.raises(ConfigurationError, match="the header of authorization_token"):
            connect(server.url, options=options, authorization_token="T")
        server.reply(body=1)
        connect(server.url, options=options).request("GET", "a/")
        assert server.last.headers["authorization"] == "Basic YTpi"

    @given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
    def test_each_is_refused_or_kept(self, headers: dict[str, str]) -> None:
        try:
            checked = checked_headers(headers)
        except ConfigurationError:
            return
        assert {name: value.reveal() for name, value in checked.items()} == headers
        assert all(value.isascii() and value.strip() == value for value in headers.values())

    def test_survive_a_copy_of_the_options(self) -> None:
        copied = attrs.evolve(with_key(), largest=5)
        assert copied.headers["X-Gateway"].reveal() == f"Bearer {KEY}"


class TestOrigin:
    @pytest.mark.parametrize("way", ["GET", "POST", "lines", "stream"])
    def test_gets_them(self, server: Any, connect: Connect, way: str) -> None:
        transport = connect(server.url, options=with_key())
        server.reply(body=1)
        if way == "lines":
            list(transport.lines("a/"))
        elif way == "stream":
            with transport.stream("a/") as response:
                response.raw.read()
        else:
            transport.request(way, "a/")
        assert server.last.headers["x-gateway"] == f"Bearer {KEY}"
        assert server.last.headers["synapse-access-token"].startswith("Token ")

    def test_gets_them_in_each_attempt(self, server: Any, connect: Connect) -> None:
        server.reply(503)
        server.reply(body=1)
        connect(server.url, options=with_key()).request("GET", "a/")
        assert [one.headers["x-gateway"] for one in server.requests] == [f"Bearer {KEY}"] * 2

    def test_handshakes_have_them(self, connect: Connect) -> None:
        transport = connect("http://127.0.0.1:1/", options=with_key())
        assert transport.handshake("a/").request.headers["X-Gateway"] == f"Bearer {KEY}"

    @pytest.mark.parametrize("way", ["link", "redirect"])
    def test_alone_gets_them(
        self, server: Any, other_server: Any, connect: Connect, way: str
    ) -> None:
        def add(event: Event) -> None:
            event.headers["X-Hook"] = KEY

        transport = connect(server.url, options=with_key(on_request=add))
        other_server.reply(body=1)
        if way == "redirect":
            server.reply(302, headers={"Location": other_server.url})
        with transport.stream(server.url if way == "redirect" else other_server.url) as response:
            response.raw.read()
        assert KEY.encode() not in other_server.last.raw

    def test_is_not_an_agents(self, server: Any, other_server: Any, connect: Connect) -> None:
        def add(event: Event) -> None:
            event.headers["X-Hook"] = KEY

        parent = connect(server.url, options=with_key(on_request=add))
        other_server.reply(body={})
        with AgentClient._of_session(other_server.url, "agent-token", parent) as client:
            client.health_check()
        assert KEY.encode() not in other_server.last.raw

    def test_by_the_argument_of_a_session(self, server: Any) -> None:
        server.reply(body={"status": "ok"})
        with synapse.Session(server.url, "t", headers={"X-Gateway": KEY}) as session:
            session.health()
        assert server.last.headers["x-gateway"] == KEY


class TestRedaction:
    def test_of_all_that_is_shown(
        self, server: Any, connect: Connect, caplog: pytest.LogCaptureFixture
    ) -> None:
        transport = connect(server.url, options=with_key())
        server.reply(403, {"detail": f"The key {KEY} is not allowed."})
        with caplog.at_level(logging.DEBUG), pytest.raises(errors.PermissionDenied) as caught:
            transport.request("GET", "a/")
        logging.getLogger("urllib3.connectionpool").warning("headers: %s", KEY)
        shown = "".join(traceback.format_exception(caught.value))
        options = transport.options
        for text in (shown, caplog.text, str(caught.value.response), repr(options.headers)):
            assert KEY not in text
        assert "The key *** is not allowed." in shown


class TestHooks:
    def test_may_add_headers_to_each_attempt(self, server: Any, connect: Connect) -> None:
        def add(event: Event) -> None:
            if event.attempt != 2:
                event.headers["X-Trace"] = f"attempt-{event.attempt}"

        transport = connect(server.url, options=Options(retry=QUICK, on_request=add))
        server.reply(503)
        server.reply(503)
        server.reply(body=1)
        transport.request("GET", "a/")
        traces = [received.headers.get("x-trace") for received in server.requests]
        assert traces == ["attempt-1", None, "attempt-3"]

    @pytest.mark.parametrize("way", ["lines", "stream"])
    def test_may_add_headers_to_streams(self, server: Any, connect: Connect, way: str) -> None:
        events: list[Event] = []

        def add(event: Event) -> None:
            event.headers["X-Trace"] = "1"

        transport = connect(server.url, options=Options(on_request=add, on_response=events.append))
        server.reply(body=1)
        if way == "lines":
            list(transport.lines("a/"))
        else:
            with transport.stream("a/") as response:
                response.raw.read()
        assert server.last.headers["x-trace"] == "1"
        assert [(event.status, event.headers) for event in events] == [(200, {})]

    def test_hear_of_a_stream_that_does_not_begin(self, server: Any, connect: Connect) -> None:
        events: list[Event] = []
        transport = connect(server.url, options=Options(on_response=events.append))
        server.answer(then="close")
        with pytest.raises(errors.ConnectionFailed):
            next(transport.lines("a/"))
        assert isinstance(events[0].error, errors.ConnectionFailed)

    @pytest.mark.parametrize("name", ["Host", "SYNAPSE-Access-Token", "X Y"])
    def test_may_not_add_these(self, server: Any, connect: Connect, name: str) -> None:
        def add(event: Event) -> None:
            event.headers[name] = "x"

        transport = connect(server.url, options=Options(on_request=add))
        with pytest.raises(ConfigurationError, match="headers"):
            transport.request("POST", "a/")
        assert server.requests == []

    @pytest.mark.parametrize(
        "failure", [ValueError("a bug"), errors.ConnectionFailed(503, "x"), errors.ServerError(503)]
    )
    @pytest.mark.parametrize("method", ["POST", "PATCH", "GET", "DELETE"])
    def test_that_fail_afterwards_leave_the_outcome(
        self,
        server: Any,
        connect: Connect,
        caplog: pytest.LogCaptureFixture,
        failure: Exception,
        method: str,
    ) -> None:
        def fail(event: Event) -> None:
            raise failure

        if isinstance(failure, errors.ConnectionFailed):
            failure.was_sent = False  # such a failure of the request would be retried
        transport = connect(server.url, options=Options(retry=QUICK, on_response=fail))
        server.reply(201, {"id": 1})
        assert transport.request(method, "a/") == {"id": 1}
        assert len(server.requests) == 1
        assert f"on_response failed after {method}" in caplog.text

    def test_that_fail_after_a_refusal_leave_the_refusal(
        self, server: Any, connect: Connect
    ) -> None:
        def fail(event: Event) -> None:
            raise ValueError("a bug")

        transport = connect(server.url, options=Options(on_response=fail))
        server.reply(409, {"detail": "Taken."})
        with pytest.raises(errors.Conflict, match="Taken"):
            transport.request("POST", "a/")

    @pytest.mark.parametrize("failure", [ValueError("no"), errors.ConnectionFailed(503, "x")])
    def test_that_fail_before_stop_the_request(
        self, server: Any, connect: Connect, failure: Exception
    ) -> None:
        calls: list[Event] = []

        def fail(event: Event) -> None:
            calls.append(event)
            raise failure

        transport = connect(server.url, options=Options(retry=QUICK, on_request=fail))
        with pytest.raises(type(failure)) as caught:
            transport.request("GET", "a/")
        assert caught.value is failure
        assert (len(calls), server.requests) == (1, [])


def test_values_of_single_requests_keep_the_sessions_secrets_hidden(
    monkeypatch: pytest.MonkeyPatch, server: Any, connect: Connect, token: str
) -> None:
    monkeypatch.setattr(redaction, "_hidden", {})
    transport = connect(
        server.url,
        options=Options(on_request=lambda event: event.headers.update({"X-Hook": "hook-value"})),
    )
    own = set(redaction._hidden)
    derived = DerivedTransport(transport, headers={"X-Team": "team-value"})
    server.reply(200, {})
    derived.request("GET", "a/")

    assert set(redaction._hidden) == own
    assert redacted(f"{token} hook-value team-value") == "*** *** ***"
