"""Checks of the way to the server, with real sockets."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from synapse.doctor import network
from synapse.doctor.report import DoctorReport
from synapse.transport import Transport
from synapse.transport.options import Options

from .conftest import Examine

Connect = Callable[..., Transport]
USER = {"id": 7, "username": "ada", "tenant": "vision"}


@pytest.fixture(scope="module")
def make_certificate(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[str, str]]:
    """Make a certificate that nobody has signed, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl isn't installed")

    def make(days: int = 90, host: str = "IP:127.0.0.1") -> tuple[str, str]:
        folder = tmp_path_factory.mktemp("tls")
        cert, key, request = (str(folder / name) for name in ("cert.pem", "key.pem", "request"))
        options = folder / "options"
        options.write_text(f"subjectAltName={host}\n", encoding="ascii")
        new = ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=Ourselves"]
        sign = ["openssl", "x509", "-req", "-in", request, "-signkey", key, "-days", str(days)]
        for command in (
            [*new, "-keyout", key, "-out", request],
            [*sign, "-extfile", str(options), "-out", cert],
        ):
            subprocess.run(command, check=True, capture_output=True)
        return cert, key

    return make


@pytest.fixture
def secure(make_server: Any) -> Callable[[tuple[str, str]], Any]:
    """Make a server with a certificate."""

    def make(certificate: tuple[str, str]) -> Any:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server = make_server(context)
        server.tolerate_garbage()
        return server

    return make


@pytest.fixture
def deaf() -> Iterator[int]:
    """The port of a server that takes connections, and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def fault_of(report: DoctorReport) -> tuple[str, str, str]:
    """Return the only failed finding; all checks behind that one are skipped."""
    (fault,) = [finding for finding in report.findings if finding.status == "failed"]
    later = report.findings[report.findings.index(fault) + 1 :]
    assert {finding.status for finding in later} <= {"skipped"}
    return fault.check, fault.found, fault.cure


def test_a_name_without_an_address(connect: Connect, run_checks: Examine) -> None:
    check, found, cure = fault_of(run_checks(connect("https://nothing.invalid/")))

    assert (check, "nothing.invalid" in found) == ("DNS", True)
    assert "spelling in base_url" in cure


def test_a_port_where_nothing_listens(connect: Connect, run_checks: Examine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    check, found, cure = fault_of(run_checks(connect(f"http://127.0.0.1:{port}/")))

    assert (check, found) == ("connection", f"127.0.0.1:{port} refused the connection.")
    assert cure == "Check that the server runs, and the port in its address."


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TimeoutError(), "127.0.0.1:9 didn't answer within 4 s."),
        (OSError(113, "No route to host"), "127.0.0.1:9: [Errno 113] No route to host."),
    ],
)
def test_a_network_that_leads_nowhere(
    connect: Connect,
    run_checks: Examine,
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
    text: str,
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(network.socket, "create_connection", refuse)

    check, found, _ = fault_of(run_checks(connect("http://127.0.0.1:9/")))

    assert (check, found.endswith(text)) == ("connection", True)


class TestTls:
    def test_a_certificate_that_nobody_signed(
        self, connect: Connect, run_checks: Examine, secure: Any, make_certificate: Any
    ) -> None:
        server = secure(make_certificate())

        check, found, cure = fault_of(run_checks(connect(server.url)))

        assert (check, "self-signed certificate" in found) == ("TLS", True)
        assert "set REQUESTS_CA_BUNDLE or SSL_CERT_FILE" in cure

    def test_a_certificate_that_expired(
        self, connect: Connect, run_checks: Examine, secure: Any, make_certificate: Any
    ) -> None:
        certificate = make_certificate(days=-1)
        server, options = secure(certificate), Options(verify=certificate[0])

        check, found, cure = fault_of(run_checks(connect(server.url, options=options)))

        assert (check, "certificate has expired" in found) == ("TLS", True)
        assert "renew the certificate" in cure

    def test_a_certificate_of_another_host(
        self, connect: Connect, run_checks: Examine, secure: Any, make_certificate: Any
    ) -> None:
        certificate = make_certificate(host="DNS:other.example")
        server, options = secure(certificate), Options(verify=certificate[0])

        check, found, cure = fault_of(run_checks(connect(server.url, options=options)))

        assert (check, "mismatch" in found) == ("TLS", True)
        assert cure == "Use a name of the certificate in base_url; 127.0.0.1 is none of them."

    @pytest.mark.parametrize(("days", "status"), [(90, "ok"), (3, "warning")])
    def test_a_certificate_that_is_trusted(
        self,
        connect: Connect,
        run_checks: Examine,
        secure: Any,
        make_certificate: Any,
        days: int,
        status: str,
    ) -> None:
        certificate = make_certificate(days=days)
        server = secure(certificate)
        server.reply(body={"status": "ok"})
        server.reply(body=USER)
        options = Options(verify=certificate[0])

        report = run_checks(connect(server.url, options=options))

        (finding,) = report["TLS"]
        assert finding.status == status
        assert "certificate of Ourselves, valid until 20" in finding.found
        assert certificate[0] in finding.found
        assert report["token"][0].status == "ok"

    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_certificates_that_are_not_checked(
        self, connect: Connect, run_checks: Examine, secure: Any, make_certificate: Any
    ) -> None:
        server = secure(make_certificate(days=-1))
        server.reply(body={"status": "ok"})
        server.reply(body=USER)

        report = run_checks(connect(server.url, options=Options(verify=False)))

        (finding,) = report["TLS"]
        assert finding.status == "warning"
        assert "verify=False trusts every server" in finding.found

    def test_a_folder_of_authorities_is_used(
        self,
        connect: Connect,
        run_checks: Examine,
        secure: Any,
        make_certificate: Any,
        tmp_path: Path,
    ) -> None:
        server = secure(make_certificate())

        report = run_checks(connect(server.url, options=Options(verify=tmp_path)))

        assert str(tmp_path) in report["TLS"][0].found

    def test_a_port_without_tls(
        self, connect: Connect, run_checks: Examine, make_server: Any
    ) -> None:
        server = make_server()
        server.tolerate_garbage()

        check, _, _ = fault_of(run_checks(connect(server.url.replace("http:", "https:"))))

        assert check == "TLS"

    def test_a_port_that_says_nothing(
        self, connect: Connect, run_checks: Examine, deaf: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(network, "_SECONDS", 0.05)

        check, found, _ = fault_of(run_checks(connect(f"https://127.0.0.1:{deaf}/")))

        assert (check, "took the connection and didn't answer" in found) == ("TLS", True)

    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_plain_http_to_another_machine(
        self, connect: Connect, run_checks: Examine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        transport = connect("http://127.0.0.1:9/")
        monkeypatch.setattr(network, "is_loopback", lambda _: False)

        (finding,) = network.check_tls(_examination(transport))

        assert (finding.status, "https_only=True" in finding.cure) == ("warning", True)


class TestProxy:
    def test_that_says_nothing_to_tls(
        self, connect: Connect, run_checks: Examine, deaf: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(network, "_SECONDS", 0.05)
        options = Options(proxies={"https": f"http://me:s3cret@127.0.0.1:{deaf}"})

        report = run_checks(connect("https://server.invalid/", options=options))

        check, found, cure = fault_of(report)
        assert check == "TLS"
        assert found == "The proxy took the connection and didn't answer within 0.05 s."
        assert "NO_PROXY excludes a host" in cure
        assert report["proxy"][0].found == f"http://***@127.0.0.1:{deaf}, from proxies=."
        assert report["DNS"][0].found == "127.0.0.1 is 127.0.0.1."

    def test_that_says_nothing_to_http(
        self, connect: Connect, run_checks: Examine, deaf: int
    ) -> None:
        options = Options(proxies={"http": f"127.0.0.1:{deaf}"})
        transport = connect("http://127.0.0.1:9/", options=options)

        check, found, _ = fault_of(run_checks(transport, limit=0.2))

        assert (check, "no answer within 0.2 s" in found) == ("server", True)

    def test_that_refuses_the_tunnel(
        self, connect: Connect, run_checks: Examine, make_server: Any
    ) -> None:
        proxy = make_server()
        proxy.reply("407 Proxy Authentication Required", then="close")
        options = Options(proxies={"https": proxy.url.replace("http://", "http://me:s3cret@")})

        check, found, _ = fault_of(run_checks(connect("https://server.invalid/", options=options)))

        assert (check, "407 Proxy Authentication Required" in found) == ("TLS", True)
        assert proxy.last.headers["proxy-authorization"].startswith("Basic ")

    def test_that_this_machine_does_not_need(
        self, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")

        (finding,) = network.check_proxy(_examination(connect("http://127.0.0.1:9/")))

        assert finding.found == (
            "None for 127.0.0.1: HTTPS_PROXY set; this machine is reached directly."
        )

    def test_of_the_environment(self, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://me:s3cret@proxy.example:3128")
        monkeypatch.setenv("no_proxy", "internal.example")

        (used,) = network.check_proxy(_examination(connect("https://server.example/")))
        (unused,) = network.check_proxy(_examination(connect("https://internal.example/")))

        assert used.found == "http://***@proxy.example:3128, from HTTPS_PROXY, NO_PROXY."
        assert unused.found == (
            "None for internal.example: HTTPS_PROXY, NO_PROXY set; NO_PROXY excludes the host."
        )

    def test_socks_is_left_to_the_request(self, connect: Connect) -> None:
        options = Options(proxies={"https": "socks5h://proxy.example"})
        examination = _examination(connect("https://server.example/", options=options))

        (finding,) = network.check_tls(examination)

        assert finding.status == "skipped"
        assert network._find_way(examination).first == ("proxy.example", 1080)


@pytest.mark.parametrize(
    ("ahead", "status", "text"),
    [
        (0, "ok", "Within 60 s"),
        (3600, "failed", "clock is 1 h 0 min ahead of the server's"),
        (-3600, "failed", "clock is 1 h 0 min behind the server's"),
        (200, "warning", "clock is 3 min ahead"),
        (None, "skipped", "no Date"),
        ("soon", "skipped", "can't be read"),
    ],
)
def test_clocks(
    connect: Connect, run_checks: Examine, server: Any, ahead: Any, status: str, text: str
) -> None:
    date = formatdate(time.time() - ahead, usegmt=True) if isinstance(ahead, int) else ahead
    server.reply(body={"status": "ok"}, headers={} if date is None else {"Date": date})
    server.reply(body=USER)

    report = run_checks(connect(server.url))

    (finding,) = report["clock"]
    assert (finding.status, text in finding.found) == (status, True)
    assert report["token"][0].status == "ok"  # whatever the clocks say


def _examination(transport: Transport) -> Any:
    return network.Examination(lambda: transport)
