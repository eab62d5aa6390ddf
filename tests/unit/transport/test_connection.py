"""The connection pool: what it keeps, what it forgets, and what is left of a failure."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import threading
import traceback
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synapse import errors
from synapse._internal import fork
from synapse.transport import Transport
from synapse.transport.options import Options
from synapse.transport.retry import RetryPolicy

pytestmark = pytest.mark.usefixtures("each_exchange")

Connect = Callable[..., Transport]


class TestFailure:
    @pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1,"])
    def test_shows_no_header_to_tools_that_show_variables(
        self, server: Any, transport: Transport, raw: bytes
    ) -> None:
        server.answer(raw, then="close")
        with pytest.raises(errors.ConnectionFailed) as caught:
            transport.request("GET", "a/")
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        text = "".join(shown.format())
        assert "The above exception was the direct cause" in text
        assert transport.settings.credentials["api_token"].reveal() not in text

    def test_keeps_the_traceback_of_what_the_caller_was_handling(
        self, server: Any, transport: Transport
    ) -> None:
        server.answer(then="close")

        def ask() -> None:
            try:
                raise KeyError("mine")
            except KeyError:
                transport.request("GET", "a/")

        with pytest.raises(errors.ConnectionFailed) as caught:
            ask()
        chain: list[BaseException] = [caught.value]
        while (context := chain[-1].__cause__ or chain[-1].__context__) is not None:
            chain.append(context)
        assert isinstance(chain[-1], KeyError)
        assert chain[-1].__traceback__ is not None


def test_closing_does_not_wait_until_nobody_keeps_an_error(server: Any, connect: Connect) -> None:
    transport = connect(server.url)
    server.reply(body=1)
    server.answer(then="close")
    server.reply(body=1)
    transport.request("GET", "a/")
    with pytest.raises(errors.ConnectionFailed) as kept:
        transport.request("GET", "a/")
    transport.request("GET", "a/")
    transport.close()
    server.wait_until_idle(connections=2)
    assert kept.value.__cause__ is not None


def test_cookies_do_not_pile_up(server: Any, transport: Transport) -> None:
    for number in range(50):
        server.reply(body=1, headers={"Set-Cookie": f"c{number}=1; Max-Age=9999"})
        transport.request("GET", "a/")
    assert len(transport._connection.http.cookies) == 0
    assert "cookie" not in server.last.headers


def test_a_transport_that_nobody_uses_is_let_go(connect: Connect, server: Any) -> None:
    server.reply(body=1)
    one = Transport(connect(server.url).settings)
    one.request("GET", "a/")
    gone = weakref.ref(one)
    one.close()
    del one
    gc.collect()
    assert gone() is None


class TestBundle:
    def test_that_is_missing(self, connect: Connect) -> None:
        options = Options(verify="/no/such/bundle.pem")
        with pytest.raises(errors.ConfigurationError, match="Correct the argument verify"):
            connect("https://127.0.0.1:1/", options=options)

    @pytest.mark.parametrize("cert", ["/no/such.pem", (__file__, "/no/such.pem")])
    def test_a_client_certificate_that_is_missing(self, connect: Connect, cert: Any) -> None:
        with pytest.raises(errors.ConfigurationError, match=r"client certificate /no/such\.pem"):
            connect("https://127.0.0.1:1/", options=Options(cert=cert))

    @pytest.mark.parametrize("option", ["verify", "cert"])
    def test_of_something_else(self, make_server: Any, connect: Connect, option: str) -> None:
        tls = make_server()
        tls.tolerate_garbage()
        options = Options(retry=RetryPolicy(attempts=1), **{option: __file__})
        with pytest.raises(errors.ConnectionFailed, match="TLS connection failed"):
            connect(tls.url.replace("http:", "https:"), options=options).request("GET", "a/")

    def test_a_client_certificate_is_shown(self, make_server: Any, connect: Connect) -> None:
        import ssl

        pem = Path(__file__).with_name("loopback.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(pem)
        tls = make_server(context)
        tls.tolerate_garbage()
        tls.reply(body=1)
        options = Options(verify=str(pem), cert=str(pem), retry=RetryPolicy(attempts=1))
        assert connect(tls.url, options=options).request("GET", "a/") == 1

    def test_to_trust_anybody_warns(self, make_server: Any, connect: Connect) -> None:
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(Path(__file__).with_name("loopback.pem"))
        tls = make_server(context)
        tls.reply(body=1)
        transport = connect(tls.url, options=Options(verify=False))
        with pytest.warns(Warning, match="Unverified HTTPS request"):
            assert transport.request("GET", "a/") == 1


class TestProxy:
    def test_by_argument(self, server: Any, other_server: Any, connect: Connect) -> None:
        transport = connect(server.url, options=Options(proxies={"http": other_server.url}))
        other_server.reply(body=1)
        assert transport.request("GET", "a/") == 1
        assert (other_server.last.target, server.requests) == (f"{server.url}a/", [])

    def test_none_by_argument_beats_the_environment(
        self, server: Any, other_server: Any, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", other_server.url)
        monkeypatch.setenv("http_proxy", other_server.url)
        transport = connect(server.url, options=Options(proxies={}))
        server.reply(body=1)
        assert transport.request("GET", "a/") == 1
        assert other_server.requests == []


def test_many_connections_at_once_cause_no_warnings(
    server: Any, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    transport = connect(server.url)
    with contextlib.ExitStack() as opened:
        responses = []
        for number in range(140):
            server.answer_to(f"n={number}", number)
            responses.append(opened.enter_context(transport.stream(f"a/?n={number}")))
        bodies = [json.loads(response.raw.read()) for response in responses]
    assert (bodies, server.connections) == (list(range(140)), 140)
    assert [record.getMessage() for record in caplog.records if record.levelno > 20] == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
class TestFork:
    def in_child(self, work: Callable[[], None]) -> int:
        """Do something in a child process, and return its exit code."""
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                work()
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_each_side_has_connections_of_its_own(self, server: Any, connect: Connect) -> None:
        transport = connect(server.url)
        server.reply(body="before")
        server.reply(body="child")
        server.reply(body="parent")
        transport.request("GET", "a/")

        def ask() -> None:
            assert transport.request("GET", "child/") == "child"

        assert self.in_child(ask) == 0
        assert transport.request("GET", "parent/") == "parent"
        assert [received.target for received in server.requests] == ["/a/", "/child/", "/parent/"]
        # The child's is the second; the parent goes on with its first.
        assert server.connections == 2

    def test_locks_of_other_threads_do_not_stop_the_child(
        self, server: Any, connect: Connect
    ) -> None:
        transport = connect(server.url, options=Options(retry=RetryPolicy(2, base=0.001)))
        held, done = threading.Event(), threading.Event()

        def hold() -> None:
            with transport._counting, transport._budget._lock:
                held.set()
                done.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        server.reply(503, {})
        server.reply(body=1)

        def ask() -> None:
            assert transport.request("GET", "a/") == 1

        try:
            assert self.in_child(ask) == 0
        finally:
            done.set()
            thread.join()

    def test_a_closed_one_stays_closed(self, connect: Connect, server: Any) -> None:
        transport = connect(server.url)
        transport.close()

        def ask() -> None:
            with pytest.raises(errors.SessionClosed):
                transport.request("GET", "a/")

        assert self.in_child(ask) == 0

    def test_what_nobody_uses_any_more_is_not_kept_for_it(self, connect: Connect) -> None:
        before = len(fork._forkables)
        Transport(connect("http://127.0.0.1:1/").settings)
        gc.collect()
        assert len(fork._forkables) <= before + 1
