"""The transport over a real connection: what goes out, what comes in, and every fault between."""

from __future__ import annotations

import contextlib
import gzip
import json
import logging
import pickle
import socket
import ssl
import threading
import traceback
import urllib.parse
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from synapse import errors
from synapse.config import Settings, Timeout
from synapse.transport import Transport
from synapse.transport.options import Options

pytestmark = pytest.mark.usefixtures("each_exchange")

Connect = Callable[..., Transport]
CERTIFICATE = Path(__file__).with_name("loopback.pem")


class TestRequest:
    def test_what_goes_out(self, server: Any, transport: Transport, token: str) -> None:
        server.reply(body={"id": 7})
        assert transport.request("GET", "projects/7/", params={"a": [1, 2]}) == {"id": 7}
        sent = server.last
        assert (sent.method, sent.target) == ("GET", "/projects/7/?a=1&a=2")
        assert sent.headers["host"] == f"127.0.0.1:{server.port}"
        assert sent.headers["accept"] == "application/json"
        assert sent.headers["user-agent"].startswith("synapse-sdk/")
        assert sent.headers["synapse-access-token"] == f"Token {token}"
        assert not sent.headers.keys() & {"authorization", "content-length", "content-type"}
        assert sent.body == b""

    def test_every_credential(self, server: Any, connect: Connect) -> None:
        transport = connect(
            server.url, tenant="vision", api_token="A", authorization_token="B", agent_token="C"
        )
        server.reply()
        transport.request("GET", "a/")
        sent = server.last.headers
        assert sent["synapse-access-token"] == "Token A"
        assert sent["authorization"] == "Token B"
        assert sent["synapse-agent"] == "Token C"
        assert sent["synapse-tenant"] == "Token vision"

    def test_base_path(self, server: Any, connect: Connect) -> None:
        server.reply()
        connect(f"{server.url}api/v1/").request("GET", "projects/")
        assert server.last.target == "/api/v1/projects/"

    def test_json(self, server: Any, transport: Transport) -> None:
        server.reply(201, {})
        transport.request("POST", "projects/", json={"title": "Straße"})
        sent = server.last
        assert sent.headers["content-type"] == "application/json"
        assert sent.headers["content-length"] == str(len(sent.body))
        assert json.loads(sent.body) == {"title": "Straße"}

    @pytest.mark.parametrize("value", [[], {}, 0, False, ""])
    def test_json_that_is_false(self, server: Any, transport: Transport, value: Any) -> None:
        server.reply()
        transport.request("POST", "a/", json=value)
        assert json.loads(server.last.body) == value

    def test_bytes(self, server: Any, transport: Transport) -> None:
        server.reply()
        headers = {"Content-Type": "application/octet-stream"}
        transport.request("PUT", "a/", body=b"\x00\xff", headers=headers)
        sent = server.last
        assert (sent.body, sent.headers["content-length"]) == (b"\x00\xff", "2")
        assert sent.headers["content-type"] == "application/octet-stream"

    def test_stream(self, server: Any, transport: Transport) -> None:
        server.reply()
        transport.request("POST", "a/", body=iter([b"ab", b"c"]), headers={"Content-Length": "3"})
        assert server.last.body == b"abc"

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    def test_no_body_has_a_length(self, server: Any, transport: Transport, method: str) -> None:
        server.reply()
        transport.request(method, "a/")
        assert server.last.method == method
        assert server.last.headers["content-length"] == "0"

    def test_requests_do_not_share_headers(self, server: Any, transport: Transport) -> None:
        server.reply()
        server.reply()
        transport.request("POST", "a/", json={}, headers={"X-Once": "1"})
        transport.request("GET", "a/")
        assert not server.last.headers.keys() & {"x-once", "content-type", "content-length"}

    @pytest.mark.parametrize("query", ["q=é&r=a b", "q=\u2028", "q=%zz"])
    def test_a_query_of_the_servers_is_one_target(
        self, server: Any, transport: Transport, query: str
    ) -> None:
        server.reply()
        transport.request("GET", "a/", params=query)
        target = server.last.target
        assert target.startswith("/a/?q=")
        assert target.isascii()
        assert urllib.parse.unquote(target) == urllib.parse.unquote(f"/a/?{query}")

    def test_a_query_cannot_add_a_header(self, server: Any, transport: Transport) -> None:
        server.reply()
        transport.request("GET", "a/", params="q=1 HTTP/1.1\r\nX-Evil: 1\r\n")
        assert "x-evil" not in server.last.headers

    def deep(self) -> Any:
        value: Any = []
        for _ in range(100_000):
            value = [value]
        return value

    @pytest.mark.parametrize("kind", ["bytes", "nan", "surrogate", "deep"])
    def test_what_json_cannot_carry(self, server: Any, transport: Transport, kind: str) -> None:
        given = {"bytes": b"x", "nan": float("nan"), "surrogate": "\ud800", "deep": self.deep()}
        with pytest.raises(errors.FieldValueError, match=r"JSON|Unicode"):
            transport.request("POST", "a/", json=given[kind])
        assert server.connections == 0
        assert transport.request_count == 0

    def test_one_connection_for_all(self, server: Any, transport: Transport) -> None:
        for _ in range(3):
            server.reply()
            transport.request("GET", "a/")
        server.reply(404, {"detail": "No."})
        with pytest.raises(errors.NotFound):
            transport.request("GET", "a/")
        server.reply(302, b"moved", headers={"Location": "/b/"})
        with pytest.raises(errors.ClientError):
            transport.request("GET", "a/")
        server.reply()
        transport.request("GET", "a/")
        assert server.connections == 1

    def test_a_connection_that_was_closed_while_idle(self, server: Any, connect: Connect) -> None:
        transport = connect(server.url, options=Options())
        server.reply(then="close")
        server.reply(body=[2])
        transport.request("GET", "a/")
        assert transport.request("GET", "a/") == [2]


class TestAnswer:
    @pytest.mark.parametrize("value", [{"a": 1}, [], {}, None, 5, "text", False])
    def test_json(self, server: Any, transport: Transport, value: Any) -> None:
        server.reply(body=value)
        assert transport.request("GET", "a/") == value

    def test_no_content(self, server: Any, transport: Transport) -> None:
        server.answer(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert transport.request("DELETE", "a/") is None

    @pytest.mark.parametrize("encoding", ["gzip", "deflate"])
    def test_compressed(self, server: Any, transport: Transport, encoding: str) -> None:
        value = {"text": "x" * 100_000}
        compress = {"gzip": gzip.compress, "deflate": zlib.compress}[encoding]
        content = compress(json.dumps(value).encode())
        server.reply(body=content, headers={"Content-Encoding": encoding})
        assert transport.request("GET", "a/") == value
        assert encoding in server.last.headers["accept-encoding"]

    def test_chunked(self, server: Any, transport: Transport) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        server.answer(head + b'4\r\n{"a"\r\n3\r\n: 1\r\n1\r\n}\r\n0\r\n\r\n')
        assert transport.request("GET", "a/") == {"a": 1}

    def test_until_the_connection_ends(self, server: Any, transport: Transport) -> None:
        server.answer(b'HTTP/1.0 200 OK\r\n\r\n{"a": 1}', then="close")
        assert transport.request("GET", "a/") == {"a": 1}

    def test_large(self, server: Any, transport: Transport) -> None:
        value = ["x" * 1000] * 5000
        server.reply(body=value)
        assert transport.request("GET", "a/") == value

    def test_empty(self, server: Any, transport: Transport) -> None:
        server.reply(200, b"", headers={"X-Request-ID": "r-1"})
        with pytest.raises(errors.InvalidResponse) as caught:
            transport.request("GET", "a/", params={"b": 1}, resource="Project 7")
        error = caught.value
        assert error.detail.startswith("the answer is empty: the connection was cut")
        assert (error.status_code, error.response, error.request_id) == (200, None, "r-1")
        assert (error.method, error.url) == ("GET", f"{server.url}a/")
        assert error.resource == "Project 7"
        assert "Check base_url" in str(error)

    def test_page(self, server: Any, transport: Transport) -> None:
        page = b"<html><title>Sign in</title>" + b"x" * 1000
        server.reply(200, page, headers={"Content-Type": "text/html"})
        with pytest.raises(errors.InvalidResponse) as caught:
            transport.request("GET", "a/")
        assert caught.value.detail == "the answer is a web page titled 'Sign in', not JSON"
        assert caught.value.response == page[:500].decode()

    def test_text(self, server: Any, transport: Transport) -> None:
        server.reply(200, b"hello")
        with pytest.raises(errors.InvalidResponse, match=r"^hello "):
            transport.request("GET", "a/")

    def test_blanks(self, server: Any, transport: Transport) -> None:
        server.reply(200, b"  ")
        with pytest.raises(errors.InvalidResponse, match=r"^the response isn't JSON "):
            transport.request("GET", "a/")

    def test_fetch_leaves_it_undecoded(self, server: Any, transport: Transport) -> None:
        server.reply(404, {"detail": "No."})
        answer = transport.fetch("GET", "a/", resource="Project 7")
        assert answer.content == b'{"detail": "No."}'
        with pytest.raises(errors.NotFound, match=r"Project 7: No\."):
            answer.json()


class TestFault:
    def fail(self, transport: Transport, **options: Any) -> errors.ClientError:
        with pytest.raises(errors.ClientError) as caught:
            transport.request("GET", "a/", params={"b": 1}, resource="Project 7", **options)
        error = caught.value
        assert (error.method, error.url) == ("GET", f"{transport.base_url}a/")
        assert error.resource == "Project 7"
        assert error.__cause__ is not None
        return error

    def failed(self, transport: Transport, detail: str) -> None:
        error = self.fail(transport)
        assert type(error) is errors.ConnectionFailed
        assert error.status_code == 503
        assert detail in error.detail

    def test_refused(self, connect: Connect, refusing_port: int) -> None:
        transport = connect(f"http://127.0.0.1:{refusing_port}/")
        self.failed(transport, "the connection was refused")
        assert transport.request_count == 1

    def test_unknown_name(self, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*args: Any, **kwargs: Any) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        self.failed(connect("https://nowhere.invalid/"), "the host's name isn't known")

    def test_no_connection_in_time(self, connect: Connect) -> None:
        # A queue that is full: the system drops further attempts, as a firewall would.
        with contextlib.ExitStack() as opened:
            full = opened.enter_context(socket.socket())
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            address = full.getsockname()
            for _ in range(4):
                one = opened.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex(address)
            transport = connect(f"http://127.0.0.1:{address[1]}/", timeout=Timeout(0.25, 30))
            self.failed(transport, "no connection within 0.25 s")

    def test_stalled(self, server: Any, connect: Connect) -> None:
        server.answer(then="stall")
        error = self.fail(connect(server.url, timeout=Timeout(5, 0.25)))
        assert type(error) is errors.RequestTimeout
        assert (error.status_code, error.detail) == (408, "no answer within 0.25 s")
        assert error.hint == "Try again, or give a larger timeout."

    def test_stalled_in_the_body(self, server: Any, connect: Connect) -> None:
        server.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", then="stall")
        error = self.fail(connect(server.url, timeout=Timeout(5, 0.25)))
        assert type(error) is errors.RequestTimeout
        assert error.detail == "no answer within 0.25 s"

    @pytest.mark.parametrize("timeout", [0.25, (5, 0.25), {"read": 0.25}])
    def test_timeout_of_one_request(self, server: Any, transport: Transport, timeout: Any) -> None:
        server.answer(then="stall")
        assert self.fail(transport, timeout=timeout).detail == "no answer within 0.25 s"

    def test_timeout_that_makes_no_sense(self, server: Any, transport: Transport) -> None:
        with pytest.raises(errors.ConfigurationError, match="more than 0"):
            transport.request("GET", "a/", timeout=0)
        assert server.connections == 0

    def test_every_request_has_the_timeouts(
        self, server: Any, transport: Transport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given: list[float | None] = []
        settimeout = socket.socket.settimeout

        def noted(self: socket.socket, value: float | None) -> None:
            given.append(value)
            settimeout(self, value)

        server.reply()
        with monkeypatch.context() as patched:
            patched.setattr(socket.socket, "settimeout", noted)
            transport.request("GET", "a/")
        assert 5.0 in given
        assert given[-1] == 30.0
        assert None not in given

    def test_reset_on_accept(self, server: Any, transport: Transport) -> None:
        # The reset may come while the connection is being made, when it is used, or unseen: then it
        # looks like an end.
        server.reset_on_accept = True
        self.failed(transport, "the connection ")

    def test_reset_instead_of_an_answer(self, server: Any, transport: Transport) -> None:
        server.answer(then="reset")
        self.failed(transport, "the connection broke: Connection reset by peer")

    def test_closed_instead_of_an_answer(self, server: Any, transport: Transport) -> None:
        server.answer(then="close")
        self.failed(transport, "the connection broke: RemoteDisconnected: ")

    def test_cut_in_the_status_line(self, server: Any, transport: Transport) -> None:
        server.answer(b"HTTP/1.", then="close")
        self.failed(transport, "the connection broke: BadStatusLine: HTTP/1.")

    def test_cut_in_the_headers(self, server: Any, transport: Transport) -> None:
        # http.client takes the end of the stream for the end of the headers.
        server.answer(b"HTTP/1.1 200 OK\r\nContent-Le", then="close")
        error = self.fail_with_empty_answer(transport)
        assert "the connection was cut" in error.detail

    def fail_with_empty_answer(self, transport: Transport) -> errors.InvalidResponse:
        with pytest.raises(errors.InvalidResponse) as caught:
            transport.request("GET", "a/")
        return caught.value

    def test_cut_in_the_body(self, server: Any, transport: Transport) -> None:
        server.answer(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"a": 1}', then="close")
        self.failed(transport, "the connection broke: IncompleteRead: ")

    def test_cut_in_the_body_of_an_error(self, server: Any, transport: Transport) -> None:
        server.answer(b"HTTP/1.1 404 No\r\nContent-Length: 99\r\n\r\n{}", then="close")
        self.failed(transport, "the connection broke: IncompleteRead: ")

    def test_cut_in_the_chunks(self, server: Any, transport: Transport) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        server.answer(head + b'8\r\n{"a": 1}\r\n', then="close")
        self.failed(transport, "the connection broke: ")

    def test_cut_in_the_compressed_body(self, server: Any, transport: Transport) -> None:
        content = gzip.compress(json.dumps(["x" * 1000]).encode())[:-20]
        server.reply(body=content, headers={"Content-Encoding": "gzip"})
        with pytest.raises(errors.InvalidResponse):
            transport.request("GET", "a/")

    def test_garbage_for_an_answer(self, server: Any, transport: Transport) -> None:
        server.answer(b"SSH-2.0-OpenSSH\r\n", then="close")
        self.failed(transport, "the connection broke: BadStatusLine: SSH-2.0-OpenSSH")

    def test_garbage_for_gzip(self, server: Any, transport: Transport) -> None:
        server.reply(body=b"not gzip", headers={"Content-Encoding": "gzip"})
        self.failed(transport, "the connection broke: ")

    def test_a_plain_port_for_a_tls_one(self, server: Any, connect: Connect) -> None:
        server.tolerate_garbage()
        transport = connect(server.url.replace("http:", "https:"))
        self.failed(transport, "the TLS connection failed: ")

    def test_the_answer_to_a_body_that_is_too_large(
        self, server: Any, transport: Transport
    ) -> None:
        server.reply(413, {"detail": "Too large."}, early=True)
        blocks = iter([b"x" * 1000] * 100)
        with pytest.raises(errors.PayloadTooLarge, match=r"Too large\."):
            transport.request("POST", "a/", body=blocks, headers={"Content-Length": "100000"})

    def test_an_error_of_the_body_is_raised_as_it_is(
        self, server: Any, transport: Transport
    ) -> None:
        def body() -> Iterator[bytes]:
            yield b"x"
            raise errors.SynapseError("the file is gone")

        server.reply()
        with pytest.raises(errors.SynapseError, match="the file is gone"):
            transport.request("POST", "a/", body=body(), headers={"Content-Length": "2"})

    def test_a_fault_while_another_is_handled(
        self, server: Any, transport: Transport, connect: Connect, refusing_port: int
    ) -> None:
        server.answer(then="close")
        try:
            connect(f"http://127.0.0.1:{refusing_port}/").request("GET", "a/")
        except errors.ConnectionFailed:
            self.failed(transport, "the connection broke: RemoteDisconnected")

    def test_a_timeout_while_a_refusal_is_handled(
        self, server: Any, connect: Connect, refusing_port: int
    ) -> None:
        server.answer(then="stall")
        try:
            connect(f"http://127.0.0.1:{refusing_port}/").request("GET", "a/")
        except errors.ConnectionFailed:
            error = self.fail(connect(server.url, timeout=Timeout(5, 0.25)))
            assert type(error) is errors.RequestTimeout


class TestNetrc:
    def test_is_never_used(
        self, server: Any, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = "default login user password netrc-password\n"
        for name in (".netrc", "_netrc", "given"):
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o600)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(tmp_path / "given"))
        server.reply()
        transport.request("GET", "a/")
        assert "authorization" not in server.last.headers

    def test_does_not_replace_a_token(
        self,
        server: Any,
        connect: Connect,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        path = tmp_path / "netrc"
        path.write_text("machine 127.0.0.1 login user password netrc-password\n")
        path.chmod(0o600)
        monkeypatch.setenv("NETRC", str(path))
        server.reply()
        connect(server.url, authorization_token="own").request("GET", "a/")
        assert server.last.headers["authorization"] == "Token own"


FAR = "http://api.example.invalid/"
PROXY_VARIABLES = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]


@pytest.mark.filterwarnings("ignore:.*is plain http:UserWarning")
class TestProxy:
    @pytest.fixture
    def proxy(self, other_server: Any) -> Any:
        """To plain HTTP, a proxy is a server that is asked for a whole URL."""
        return other_server

    @pytest.mark.parametrize("name", PROXY_VARIABLES)
    def test_is_used(
        self,
        proxy: Any,
        connect: Connect,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
    ) -> None:
        monkeypatch.setenv(name, proxy.url)
        transport = connect(FAR)
        proxy.reply(body=["by proxy"])
        assert transport.request("GET", "a/", params={"b": 1}) == ["by proxy"]
        assert proxy.last.target == f"{FAR}a/?b=1"

    def test_without_a_scheme(
        self, proxy: Any, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        proxy.reply(body=["by proxy"])
        assert connect(FAR).request("GET", "a/") == ["by proxy"]

    def test_with_a_password(
        self, proxy: Any, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//user:pw@"))
        proxy.reply()
        connect(FAR).request("GET", "a/")
        assert proxy.last.headers["proxy-authorization"] == "Basic dXNlcjpwdw=="

    @pytest.mark.parametrize(
        ("address", "hint"),
        [
            pytest.param(
                *("socks5://user:s3cr3t@127.0.0.1:1", "requests[socks]"),
                marks=pytest.mark.skipif(find_spec("socks") is not None, reason="has PySocks"),
            ),
            ("socks5h://user:s3cr3t@127.0.0.1:99999", "Check HTTP_PROXY"),
            ("http://user:s3cr3t@127.0.0.1:99999", "Check HTTP_PROXY"),
            ("user:s3cr3t@127.0.0.1:99999", "Check HTTP_PROXY"),
        ],
    )
    def test_that_is_no_address(
        self, server: Any, connect: Connect, address: str, hint: str
    ) -> None:
        transport = connect(server.url, options=Options(proxies={"http": address}))
        with pytest.raises(errors.ConnectionFailed, match="the proxy couldn't be used") as caught:
            transport.request("POST", "a/")
        assert hint in (caught.value.hint or "")
        assert not caught.value.was_sent
        shown = "".join(traceback.format_exception(caught.value))
        assert "s3cr3t" not in shown

    def test_is_read_once(
        self, proxy: Any, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        by_proxy = connect(FAR)
        monkeypatch.delenv("HTTP_PROXY")
        direct = connect(FAR)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        proxy.reply(body=1)
        assert by_proxy.request("GET", "a/") == 1
        assert direct._connection.trust[2] == {}

    @pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
    @pytest.mark.parametrize("value", ["api.example.invalid", "a.example, .invalid", "*"])
    def test_exceptions(
        self, connect: Connect, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv(name, value)
        assert connect(FAR)._connection.trust[2] == {}

    def test_of_the_other_scheme(self, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        assert connect(FAR)._connection.trust[2] == {}

    @pytest.mark.parametrize("name", PROXY_VARIABLES)
    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "api.localhost", "[::1]"]
    )
    def test_of_the_environment_is_not_for_this_machine(
        self, connect: Connect, monkeypatch: pytest.MonkeyPatch, name: str, host: str
    ) -> None:
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        assert connect(f"http://{host}:8000/")._connection.trust[2] == {}

    @pytest.mark.parametrize("way", ["request", "lines", "stream", "other host"])
    def test_of_the_environment_gets_no_request_to_this_machine(
        self,
        proxy: Any,
        make_server: Callable[..., Any],
        server: Any,
        connect: Connect,
        monkeypatch: pytest.MonkeyPatch,
        way: str,
    ) -> None:
        for name in PROXY_VARIABLES:
            monkeypatch.setenv(name, proxy.url)
        transport, storage = connect(server.url), make_server()
        (storage if way == "other host" else server).reply(body=1)
        if way == "request":
            assert transport.request("GET", "a/") == 1
        elif way == "lines":
            assert list(transport.lines("a/")) == ["1"]
        else:
            with transport.stream(storage.url if way == "other host" else "a/") as response:
                assert response.raw.read() == b"1"
        assert proxy.connections == 0

    def test_of_the_arguments_is_for_this_machine_too(
        self, proxy: Any, server: Any, connect: Connect
    ) -> None:
        proxy.reply(body=["by proxy"])
        transport = connect(server.url, options=Options(proxies={"http": proxy.url}))
        assert transport.request("GET", "a/") == ["by proxy"]

    @pytest.mark.parametrize("proxy_url", ["http://127.0.0.1:{port}/", "http://"])
    def test_that_cannot_be_used(
        self,
        connect: Connect,
        refusing_port: int,
        monkeypatch: pytest.MonkeyPatch,
        proxy_url: str,
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", proxy_url.format(port=refusing_port))
        with pytest.raises(errors.ConnectionFailed) as caught:
            connect(FAR).request("GET", "a/")
        assert caught.value.detail == "the proxy couldn't be used"
        assert caught.value.hint == "Check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY."


class TestTls:
    @pytest.fixture
    def tls_server(self, make_server: Callable[..., Any]) -> Any:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        return make_server(context)

    @pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
    def test_bundle_of_the_environment(
        self, tls_server: Any, connect: Connect, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv(name, str(CERTIFICATE))
        transport = connect(tls_server.url)
        monkeypatch.delenv(name)  # read once
        tls_server.reply(body=["hidden"])
        assert transport.request("GET", "a/") == ["hidden"]

    def test_unknown_authority(self, tls_server: Any, connect: Connect) -> None:
        with pytest.raises(errors.ConnectionFailed) as caught:
            connect(tls_server.url).request("GET", "a/")
        assert caught.value.detail.startswith("the TLS connection failed: ")
        assert "CERTIFICATE_VERIFY_FAILED" in caught.value.detail.upper().replace(" ", "_")
        assert "REQUESTS_CA_BUNDLE" in str(caught.value)
        assert tls_server.requests == []

    def test_bundle_that_is_none(
        self, tls_server: Any, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "junk.pem"
        path.write_text("junk")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
        with pytest.raises(errors.ConnectionFailed) as caught:
            connect(tls_server.url).request("GET", "a/")
        assert caught.value.detail.startswith("the TLS connection failed: ")

    @pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
    def test_bundle_that_is_missing(
        self, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        path = tmp_path / "missing.pem"
        monkeypatch.setenv(name, str(path))
        message = f"certificate bundle {path} does not exist. Correct {name}"
        with pytest.raises(errors.ConfigurationError, match=message):
            connect("https://127.0.0.1/")

    @pytest.mark.parametrize(
        ("variables", "trusted"),
        [
            ({"REQUESTS_CA_BUNDLE": "r", "SSL_CERT_FILE": "s"}, "r"),
            ({"SSL_CERT_FILE": "s", "SSL_CERT_DIR": "."}, "s"),
            ({"SSL_CERT_DIR": "."}, "."),
            ({"SSL_CERT_DIR": "missing"}, True),
            ({"SSL_CERT_FILE": "", "SSL_CERT_DIR": ""}, True),
            ({}, True),
        ],
    )
    def test_which_bundle_of_the_environment(
        self,
        connect: Connect,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        variables: dict[str, str],
        trusted: Any,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for name in ("r", "s"):
            (tmp_path / name).write_bytes(CERTIFICATE.read_bytes())
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert connect("https://127.0.0.1/")._connection.trust[0] == trusted

    def test_bundle_is_of_no_matter_without_tls(
        self, server: Any, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/missing.pem")
        server.reply(body=1)
        assert connect(server.url).request("GET", "a/") == 1


class TestRedirect:
    def test_no_credential_follows(
        self, server: Any, other_server: Any, transport: Transport
    ) -> None:
        server.reply(302, b"", headers={"Location": other_server.url})
        with pytest.raises(errors.ClientError, match="Redirects aren't followed"):
            transport.request("GET", "a/")
        assert other_server.connections == 0
        assert len(server.requests) == 1

    def test_cookies_are_not_kept(self, server: Any, transport: Transport) -> None:
        server.reply(headers={"Set-Cookie": "sessionid=1; Path=/"})
        server.reply()
        transport.request("GET", "a/")
        transport.request("GET", "a/")
        assert "cookie" not in server.last.headers


class TestSecrecy:
    """Whatever happens, the token is in no text that the SDK or the libraries below make."""

    FAULTS: dict[str, dict[str, Any]] = {
        "close": {"then": "close"},
        "reset": {"then": "reset"},
        "stall": {"then": "stall"},
        "cut": {"raw": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "then": "close"},
        "page": {"raw": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n<a>"},
        "redirect": {"raw": b"HTTP/1.1 302 F\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"},
        "refusal": {"raw": b"HTTP/1.1 401 U\r\nContent-Length: 2\r\n\r\n{}"},
        "server": {"raw": b"HTTP/1.1 500 U\r\nContent-Length: 2\r\n\r\n{}"},
        "garbage": {"raw": b"garbage\r\n\r\n", "then": "close"},
    }

    @pytest.mark.parametrize("fault", FAULTS)
    def test_in_failures(
        self,
        server: Any,
        connect: Connect,
        token: str,
        caplog: pytest.LogCaptureFixture,
        fault: str,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        transport = connect(
            server.url,
            timeout=Timeout(5, 0.25),
            api_token=token,
            authorization_token=token,
            agent_token=token,
        )
        server.answer(**self.FAULTS[fault])
        with pytest.raises(errors.ClientError) as caught:
            transport.request("POST", "a/", json={})
        assert token in server.last.raw.decode()
        error = caught.value
        texts = [caplog.text, *(repr(vars(record)) for record in caplog.records)]
        texts += ["".join(traceback.format_exception(error))]
        link: BaseException | None = error
        while link is not None:
            texts += [str(link), repr(link), repr(vars(link)), repr(link.args)]
            link = link.__cause__ or link.__context__
        again = pickle.loads(pickle.dumps(error))
        texts += [repr(pickle.dumps(error)), str(again), repr(vars(again))]
        assert "urllib3.connectionpool" in {record.name for record in caplog.records}
        assert [text for text in texts if token in text] == []

    def test_in_a_connection_that_fails(
        self, connect: Connect, refusing_port: int, token: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        with pytest.raises(errors.ConnectionFailed) as caught:
            connect(f"http://127.0.0.1:{refusing_port}/").request("GET", "a/")
        assert token not in "".join(traceback.format_exception(caught.value)) + caplog.text

    @pytest.mark.parametrize("fault", ["refusal", "page", "redirect", "cut", "close", "refused"])
    def test_of_a_path_that_has_one(
        self,
        server: Any,
        connect: Connect,
        refusing_port: int,
        caplog: pytest.LogCaptureFixture,
        fault: str,
    ) -> None:
        caplog.set_level(logging.DEBUG, "synapse")
        secret = "agent s3cret"
        url = server.url
        if fault == "refused":
            url = f"http://127.0.0.1:{refusing_port}/"
        else:
            server.answer(**self.FAULTS[fault])
        path = f"agents/{urllib.parse.quote(secret)}/connect/"
        with pytest.raises(errors.ClientError) as caught:
            connect(url).request("POST", path, secret=secret)
        assert caught.value.url == f"{url}agents/***/connect/"
        shown = "".join(traceback.format_exception(caught.value))
        shown += "".join(
            record.getMessage() for record in caplog.records if record.name.startswith("synapse")
        )
        assert "***" in shown
        assert "s3cret" not in shown

    def test_in_reprs(self, transport: Transport, token: str) -> None:
        assert repr(transport) == f"Transport({transport.base_url!r})"
        assert token not in repr(vars(transport))

    def test_in_logs_of_a_success(
        self, server: Any, transport: Transport, token: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        server.reply(body=[1])
        transport.request("GET", "a/", params={"search": "private"})
        (record,) = (record for record in caplog.records if record.name == "synapse.transport")
        message = record.getMessage()
        assert message.startswith(f"GET {server.url}a/ -> 200, 3 bytes, ")
        assert "private" not in message
        assert token not in caplog.text

    def test_in_logs_of_a_failure(
        self, server: Any, transport: Transport, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "synapse.transport")
        server.answer(then="close")
        with pytest.raises(errors.ConnectionFailed):
            transport.request("GET", "a/", params={"search": "private"})
        assert caplog.messages == [f"GET {server.url}a/ failed: ConnectionError"]


class TestLife:
    def test_request_count(self, server: Any, transport: Transport) -> None:
        assert transport.request_count == 0
        server.reply()
        server.reply(500, {})
        server.answer(then="close")
        transport.request("GET", "a/")
        for _ in range(2):
            with pytest.raises(errors.ServerError):
                transport.request("GET", "a/")
        assert transport.request_count == 3

    def test_request_count_under_threads(self, server: Any, transport: Transport) -> None:
        for _ in range(64):
            server.reply()
        start = threading.Barrier(8)

        def eight() -> None:
            start.wait()
            for _ in range(8):
                transport.request("GET", "a/")

        with ThreadPoolExecutor(8) as pool:
            for future in [pool.submit(eight) for _ in range(8)]:
                future.result()
        assert transport.request_count == len(server.requests) == 64

    def test_closed(self, server: Any, transport: Transport) -> None:
        server.reply()
        transport.request("GET", "a/")
        transport.close()
        with pytest.raises(errors.SessionClosed, match=r"synapse\.connect"):
            transport.request("GET", "a/")
        assert transport.request_count == 1
        server.wait_until_idle()  # its connection is closed

    def test_closed_twice(self, transport: Transport) -> None:
        transport.close()
        transport.close()
        with pytest.raises(errors.SessionClosed):
            transport.request("GET", "a/")

    def test_base_url_that_cannot_be_used(self, make_settings: Callable[..., Settings]) -> None:
        with pytest.raises(errors.ConfigurationError, match="can't be used"):
            Transport(make_settings("http://*/"))
