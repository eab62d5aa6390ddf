"""Files on other hosts: they get nothing of ours, whichever way leads there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests

from synapse import errors
from synapse.transfer.download import download
from synapse.transport import Transport
from synapse.transport.external_hosts import ExternalHosts, file_url
from synapse.transport.options import Options
from synapse.transport.retry import RetryPolicy

CONTENT = b"the picture"
ONCE = RetryPolicy(attempts=1, base=0.001)


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "file.bin"


def named(server: Any) -> str:
    """Return a server's URL by another name, so that it is another origin."""
    return f"http://localhost:{server.port}/"


def is_bare(server: Any, token: str) -> bool:
    """Say whether no request had anything of ours."""
    for received in server.requests:
        assert token.encode() not in received.raw
        assert b"synapse" not in received.raw.lower()
        assert set(received.headers) <= {
            "host",
            "user-agent",
            "accept",
            "accept-encoding",
            "connection",
            "range",
            "if-range",
            "content-length",
        }
    return bool(server.requests)


@pytest.mark.parametrize("value", ["image/png\r\n X-Amz-Acl: public-read", " image/png", "a\nb"])
def test_no_header_begins_another_one(value: str) -> None:
    with pytest.raises(requests.exceptions.InvalidHeader):
        ExternalHosts.request("https://files.example/a", {"Content-Type": value}, "PUT")


@pytest.fixture
def transport(server: Any, connect: Callable[..., Transport], token: str) -> Transport:
    """A transport with every credential there is."""
    return connect(
        server.url,
        options=Options(retry=ONCE, proxies={}),
        tenant="acme",
        api_token=token,
        agent_token=token,
    )


def test_own_server_gets_the_credentials(
    server: Any, transport: Transport, dest: Path, token: str
) -> None:
    server.reply(200, CONTENT)
    download(transport, f"{server.url}a", dest)
    assert server.last.headers["synapse-access-token"] == f"Token {token}"
    assert server.last.headers["synapse-tenant"] == "Token acme"


def test_path_is_on_the_own_server(
    server: Any, make_server: Any, connect: Callable[..., Transport], dest: Path, token: str
) -> None:
    transport = connect(f"{server.url}api/")
    server.reply(200, CONTENT)
    download(transport, "/media/a", dest)
    assert server.last.target == "/media/a"
    assert token.encode() in server.last.raw


def test_other_host_gets_none(
    server: Any, other_server: Any, transport: Transport, dest: Path, token: str
) -> None:
    other_server.reply(200, CONTENT, headers={"Set-Cookie": "a=b"})
    other_server.reply(200, CONTENT)
    download(transport, f"{other_server.url}a?sig=x", dest)
    download(transport, f"{other_server.url}a?sig=x", dest)
    assert dest.read_bytes() == CONTENT
    assert is_bare(other_server, token)
    assert other_server.connections == 1
    assert server.requests == []


@pytest.mark.parametrize("origin", ["name", "port", "scheme"])
def test_own_server_by_another_address_is_another_host(
    server: Any, transport: Transport, dest: Path, token: str, origin: str, refusing_port: int
) -> None:
    server.tolerate_garbage()
    url = {
        "name": named(server),
        "port": f"http://127.0.0.1:{refusing_port}/",
        "scheme": server.url.replace("http:", "https:"),
    }[origin]
    if origin == "name":
        server.reply(200, CONTENT)
        download(transport, f"{url}a", dest)
        assert is_bare(server, token)
    else:
        with pytest.raises(errors.ConnectionFailed):
            download(transport, f"{url}a", dest)
        assert server.requests == []


def test_refusal_says_that_there_was_no_token(
    other_server: Any, transport: Transport, dest: Path
) -> None:
    other_server.reply(401, {"detail": "Who are you?"})
    with pytest.raises(errors.AuthenticationError, match="another host gets no token"):
        download(transport, f"{other_server.url}a", dest)


def test_signature_is_in_no_message(other_server: Any, transport: Transport, dest: Path) -> None:
    other_server.reply(403, b"<Error>SignatureDoesNotMatch</Error>")
    with pytest.raises(errors.PermissionDenied) as caught:
        download(transport, f"{other_server.url}a?X-Amz-Signature=5ecret", dest)
    assert "5ecret" not in str(caught.value)


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_from_the_own_server_to_another(
        self,
        server: Any,
        other_server: Any,
        transport: Transport,
        dest: Path,
        token: str,
        status: int,
    ) -> None:
        server.reply(status, b"", headers={"Location": f"{other_server.url}bucket/a?sig=x"})
        other_server.reply(200, CONTENT)
        download(transport, f"{server.url}a", dest)
        assert dest.read_bytes() == CONTENT
        assert token.encode() in server.last.raw
        assert other_server.last.target == "/bucket/a?sig=x"
        assert is_bare(other_server, token)

    def test_back_to_the_own_server_is_without_credentials(
        self, server: Any, other_server: Any, transport: Transport, dest: Path, token: str
    ) -> None:
        """Who can redirect could make the server do something with them."""
        other_server.reply(302, b"", headers={"Location": f"{server.url}projects/1/"})
        server.reply(200, CONTENT)
        download(transport, f"{other_server.url}a", dest)
        assert is_bare(server, token)

    def test_relative(self, other_server: Any, transport: Transport, dest: Path) -> None:
        other_server.reply(302, b"", headers={"Location": "../b?x=1"})
        other_server.reply(200, CONTENT)
        download(transport, f"{other_server.url}c/d/a", dest)
        assert other_server.last.target == "/c/b?x=1"

    def test_range_goes_along(
        self, server: Any, other_server: Any, transport: Transport, dest: Path
    ) -> None:
        dest.with_name(".file.bin.part").write_bytes(CONTENT[:4])
        server.reply(302, b"", headers={"Location": f"{other_server.url}a"})
        span = f"bytes 4-{len(CONTENT) - 1}/{len(CONTENT)}"
        other_server.reply(206, CONTENT[4:], headers={"Content-Range": span})
        download(transport, f"{server.url}a", dest, checksum=hashlib.md5(CONTENT).hexdigest())
        assert dest.read_bytes() == CONTENT
        assert other_server.last.headers["range"] == "bytes=4-"

    def test_without_end(self, other_server: Any, transport: Transport, dest: Path) -> None:
        for _ in range(6 * 5):
            other_server.reply(302, b"", headers={"Location": "/a"})
        with pytest.raises(errors.InvalidResponse, match="too many redirects"):
            download(transport, f"{other_server.url}a", dest)

    @pytest.mark.parametrize(
        "location", ["file:///etc/passwd", "http://a\\@b/", "ftp://x/", "http://u:p@127.0.0.1/"]
    )
    def test_to_no_file(
        self, other_server: Any, transport: Transport, dest: Path, location: str
    ) -> None:
        for _ in range(5):
            other_server.reply(302, b"", headers={"Location": location})
        with pytest.raises(errors.InvalidResponse, match="isn't followed"):
            download(transport, f"{other_server.url}a", dest)

    def test_to_nowhere(self, other_server: Any, transport: Transport, dest: Path) -> None:
        other_server.reply(302, b"")
        with pytest.raises(errors.ClientError, match="redirects to nowhere"):
            download(transport, f"{other_server.url}a", dest)

    def test_is_counted(
        self, server: Any, other_server: Any, transport: Transport, dest: Path
    ) -> None:
        server.reply(302, b"", headers={"Location": f"{other_server.url}a"})
        other_server.reply(200, CONTENT)
        download(transport, f"{server.url}a", dest)
        assert transport.request_count == 2


class TestRules:
    def test_https_only(
        self, server: Any, other_server: Any, connect: Callable[..., Transport], dest: Path
    ) -> None:
        transport = connect(server.url, options=Options(retry=ONCE, https_only=True))
        with pytest.raises(errors.UsageError, match="https_only"):
            download(transport, f"{other_server.url}a", dest)
        assert other_server.connections == 0

    def test_proxy(
        self,
        server: Any,
        other_server: Any,
        connect: Callable[..., Transport],
        dest: Path,
        token: str,
    ) -> None:
        options = Options(retry=ONCE, proxies={"http": other_server.url})
        other_server.reply(200, CONTENT)
        download(connect(server.url, options=options), "http://storage.example/a", dest)
        assert other_server.last.target == "http://storage.example/a"
        assert token.encode() not in other_server.last.raw

    def test_netrc_is_not_read(
        self,
        other_server: Any,
        transport: Transport,
        dest: Path,
        token: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password 5ecret")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        other_server.reply(200, CONTENT)
        download(transport, f"{other_server.url}a", dest)
        assert is_bare(other_server, token)

    def test_closed(self, other_server: Any, transport: Transport, dest: Path) -> None:
        other_server.reply(200, CONTENT)
        download(transport, f"{other_server.url}a", dest)
        transport.close()
        with pytest.raises(errors.SessionClosed):
            download(transport, f"{other_server.url}a", dest)

    def test_many_hosts(self, make_server: Any, transport: Transport, dest: Path) -> None:
        """Some connections are kept, and a host that comes again is reached all the same."""
        servers = [make_server() for _ in range(18)]
        for each in [*servers, servers[0]]:
            each.reply(200, CONTENT)
            download(transport, f"{each.url}a", dest)
        assert servers[0].connections == 2
        transport.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("a.png", "https://example.com/api/a.png"),
        ("//cdn.example.com/a", "https://cdn.example.com/a"),
        ("HTTPS://EXAMPLE.com/a", "https://EXAMPLE.com/a"),
        (" http://h/a ", "http://h/a"),
    ],
)
def test_file_url(url: str, expected: str) -> None:
    assert file_url(url, "https://example.com/api/").lower() == expected.lower()


def test_connection_of_another_host_is_not_shared_with_a_child(
    other_server: Any, transport: Transport, dest: Path
) -> None:
    other_server.reply(200, CONTENT)
    other_server.reply(200, CONTENT)
    download(transport, f"{other_server.url}a", dest)
    transport.after_fork()
    download(transport, f"{other_server.url}a", dest)
    assert other_server.connections == 2


class TestPut:
    HEADERS: ClassVar = {"Content-Length": str(len(CONTENT))}

    def test_nothing_of_ours_goes_along(
        self, server: Any, transport: Transport, token: str
    ) -> None:
        server.reply(200, b"", headers={"ETag": "tag"})

        answer = transport.put(f"{named(server)}bucket/a?sig=x", [CONTENT], headers=self.HEADERS)

        assert answer["ETag"] == "tag"
        assert server.requests[0].raw.startswith(b"PUT /bucket/a?sig=x HTTP/1.1")
        assert server.requests[0].raw.endswith(CONTENT)
        assert is_bare(server, token)

    def test_own_server_gets_no_token_either(
        self, server: Any, transport: Transport, token: str
    ) -> None:
        server.reply(200, b"")

        transport.put(f"{server.url}bucket/a?sig=x", [CONTENT], headers=self.HEADERS)

        assert is_bare(server, token)

    @pytest.mark.parametrize("status", [302, 403, 503])
    def test_refusal_is_raised(self, server: Any, transport: Transport, status: int) -> None:
        server.reply(status, b"<Error/>", headers={"Location": "http://example.com/"})

        with pytest.raises(errors.ClientError) as caught:
            transport.put(f"{named(server)}a?sig=x", [CONTENT], headers=self.HEADERS)
        assert caught.value.status_code == status
        assert "sig=x" not in str(caught.value)
        assert len(server.requests) == 1


@pytest.mark.parametrize("spelling", ["HTTP://LOCALHOST:{}/a", "http://localhost:0{}/x/../a"])
def test_the_own_server_spelt_differently_gets_the_credentials(
    server: Any, connect: Callable[..., Transport], spelling: str
) -> None:
    server.reply(body=1)
    transport = connect(f"http://localhost:{server.port}/")
    with transport.stream(spelling.format(server.port)) as response:
        assert response.raw.read() == b"1"
    assert server.last.headers["synapse-access-token"].startswith("Token ")
