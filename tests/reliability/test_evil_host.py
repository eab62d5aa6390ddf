"""An evil host receives no credential, by whatever way the client reaches it.

Everything that it receives is kept, and searched for the tokens in every encoding. It runs once
more under `python -O`, where an `assert` in the SDK would be gone; so these tests check with
functions of their own.
"""

from __future__ import annotations

import base64
import codecs
import contextlib
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
import pytest
from raw_server import Recorder, reply

import synapse
from synapse import errors
from synapse.clients.agent import AgentClient
from synapse.clients.agent.ray import RayClient
from synapse.clients.backend import BackendClient
from synapse.clients.base import BaseClient
from synapse.config import profile_path, resolve
from synapse.orm import session_base
from synapse.testing.tenants import EmulatorTenant
from synapse.transfer.chunked_upload import upload_in_chunks
from synapse.transfer.local_file import LocalFile
from synapse.transfer.presigned_upload import send_presigned
from synapse.transport import Transport
from synapse.transport.options import Options
from synapse.transport.paging import walk
from synapse.transport.retry import RetryPolicy

# Unlike in all their encodings, so that each is searched for on its own.
API, AGENT, USER, LOGIN = (
    "api-T0ken-5ecret",
    "agent-T0ken-5ecret",
    "user-T0ken-5e",
    "login-T0ken-5e",
)
TENANT = "tenant-c0de-5e"
SECRETS = [API, AGENT, USER, LOGIN, TENANT]
REDIRECTS = [301, 302, 303, 307, 308]
VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


pytestmark = pytest.mark.usefixtures("each_exchange")


def check(condition: object, what: object = "") -> None:
    """Check something, also where asserts are switched off."""
    if not condition:
        raise AssertionError(what)


def forms(secret: str) -> Iterator[bytes]:
    """Give every form in which a secret may hide in some bytes."""
    raw = secret.encode()
    yield raw
    yield raw[::-1]
    yield raw.hex().encode()
    yield quote(secret, safe="").encode()
    yield "".join(f"%{byte:02X}" for byte in raw).encode()
    yield codecs.encode(secret, "rot13").encode()
    yield secret.encode("utf-16-le")
    for prefix in (b"", b"x", b"xx"):  # at each place of a group of three bytes
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            coded = encode(prefix + raw).rstrip(b"=")
            yield coded[4 if prefix else 0 : -2]
    yield base64.b32encode(raw).rstrip(b"=")[:-1]


@pytest.fixture
def evil() -> Iterator[Recorder]:
    """The evil host. At the end, it has seen no secret."""
    host = Recorder()
    yield host
    host.close()
    content = host.received.lower()
    for secret in SECRETS:
        for form in forms(secret):
            check(form.lower() not in content, f"{secret} as {form!r}")


@pytest.fixture
def transport(home: Recorder) -> Iterator[Transport]:
    """A transport with every kind of credential."""
    settings = resolve(
        home.url,
        API,
        authorization_token=LOGIN,
        agent_token=AGENT,
        tenant=TENANT,
        timeout=10,
    )
    made = Transport(settings, Options(retry=RetryPolicy(attempts=2, base=0.001)))
    yield made
    made.close()


@pytest.fixture
def session(transport: Transport) -> Iterator[synapse.Session]:
    made = synapse.Session(transport=transport)
    yield made
    made.close()


def try_out(call: Callable[[], object]) -> None:
    """Do something that may fail, as long as it fails in our way."""
    with contextlib.suppress(errors.SynapseError):
        call()


def lures(evil: Recorder) -> dict[str, str]:
    """Return addresses of the evil host, as a server may write them."""
    at = f"127.0.0.1:{evil.port}"
    return {
        "plain": f"http://{at}/x/?page=2",
        "https": f"https://{at}/x/?page=2",
        "upper case": f"HTTP://LOCALHOST:{evil.port}/x/?page=2",
        "without a scheme": f"//{at}/x/?page=2",
        "three slashes": f"///{at}/x/?page=2",
        "one slash": f"http:/{at}/x/?page=2",
        "backslashes": f"\\\\{at}\\x\\?page=2",
        "slash and backslash": f"/\\{at}/x/?page=2",
        "userinfo": f"http://user:password@{at}/x/?page=2",
        "trailing dot": f"http://localhost.:{evil.port}/x/?page=2",
        "encoded host": f"http://%31%32%37.0.0.1:{evil.port}/x/?page=2",
        "decimal host": f"http://2130706433:{evil.port}/x/?page=2",
        "short host": f"http://127.1:{evil.port}/x/?page=2",
        "IPv6": f"http://[::ffff:127.0.0.1]:{evil.port}/x/?page=2",
        "full width": f"http://127\uff0e0\uff0e0\uff0e1:{evil.port}/x/?page=2",
        "blank in front": f" http://{at}/x/?page=2",
        "tab inside": f"ht\ttp://{at}/x/?page=2",
        "fragment": f"http://{at}/x/?page=2#http://127.0.0.1/",
        "line end": f"http://{at}/x/?page=2%0d%0aHost:%20{at}",
    }


LURES = list(lures(attrs.make_class("Nowhere", ["port"])(0)))


def as_home(lure: str, home: Recorder) -> str:
    """Let an address begin as that of the configured server."""
    return lure.replace("http://", f"http://127.0.0.1:{home.port}@", 1)


@pytest.mark.parametrize("name", LURES)
class TestAddresses:
    """Wherever the server writes an address, it is the evil host's."""

    def test_of_the_next_page(
        self, evil: Recorder, home: Recorder, transport: Transport, name: str
    ) -> None:
        lure = lures(evil)[name]
        rows = [{"id": 1}]
        home.answers["/projects/?page_size=1"] = reply(
            200, {"count": 2, "next": lure, "results": rows}
        )
        home.otherwise = reply(200, {"count": 2, "next": None, "results": [{"id": 2}]})
        pages = walk(transport, "projects/", [("page_size", 1)])
        check([row["id"] for page in pages for row in page.rows] == [1, 2])
        check(b"GET /projects/?page_size=1&page=2" in home.received)
        check(evil.connections == 0)

    def test_of_the_next_page_without_a_number(
        self, evil: Recorder, home: Recorder, transport: Transport, name: str
    ) -> None:
        lure = lures(evil)[name].replace("page=2", "cursor=abc")
        home.answers["/projects/"] = reply(200, {"count": 2, "next": lure, "results": [{"id": 1}]})
        try_out(lambda: list(walk(transport, "projects/", [])))
        check(evil.connections == 0)

    def test_of_the_page_before(
        self, evil: Recorder, home: Recorder, session: synapse.Session, name: str
    ) -> None:
        lure = lures(evil)[name]
        home.otherwise = reply(200, {"count": 1, "next": None, "previous": lure, "results": []})
        try_out(lambda: list(session.projects))
        try_out(lambda: list(session.client.list_projects(list_all=True)))
        check(evil.connections == 0)

    @pytest.mark.parametrize("field", ["url", "id"])
    def test_of_an_upload(
        self,
        evil: Recorder,
        home: Recorder,
        transport: Transport,
        name: str,
        field: str,
        tmp_path: Any,
    ) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(b"0123456789")
        row = {"offset": 5, "status": 1, field: lures(evil)[name]}
        home.answers["/chunked_upload/"] = reply(200, row)
        home.otherwise = reply(200, {**row, "offset": 10, "status": 2})
        try_out(lambda: upload_in_chunks(transport, path, chunk_size=5))
        check(evil.connections == 0)

    def test_of_a_file(
        self, evil: Recorder, home: Recorder, session: synapse.Session, name: str
    ) -> None:
        files = {"image": {"url": lures(evil)[name], "checksum": "x"}}
        home.otherwise = reply(200, {"id": 1, "files": files, "data_collection": lures(evil)[name]})
        unit = session.data_units.get(1)
        check(unit.files["image"].url == lures(evil)[name])
        check("password" not in repr(unit.files))
        try_out(lambda: unit.data_collection.name)
        try_out(lambda: session.client.get_data_unit(1))
        check(evil.connections == 0)

    @pytest.mark.parametrize("status", REDIRECTS)
    def test_of_a_redirect(
        self, evil: Recorder, home: Recorder, transport: Transport, name: str, status: int
    ) -> None:
        lure = lures(evil)[name]
        location = lure.encode("utf-8").decode("latin-1")
        home.otherwise = reply(status, {}, Location=location)
        for verb in VERBS:
            try_out(lambda verb=verb: transport.request(verb, "projects/", json={"title": "x"}))  # type: ignore[misc]
        check(evil.connections == 0)

    def test_as_the_end_of_ones_own(
        self, evil: Recorder, home: Recorder, transport: Transport, name: str
    ) -> None:
        lure = as_home(lures(evil)[name], home)
        home.answers["/projects/"] = reply(200, {"count": 2, "next": lure, "results": [{"id": 1}]})
        home.answers["/redirects/"] = reply(302, {}, Location=quote(lure, safe=":/?=@"))
        try_out(lambda: list(walk(transport, "projects/", [])))
        try_out(lambda: transport.request("GET", "redirects/"))
        check(evil.connections == 0)

    def test_as_a_path(
        self, evil: Recorder, home: Recorder, transport: Transport, name: str
    ) -> None:
        lure = lures(evil)[name]
        client = BaseClient(transport=transport)
        for path in (lure, f"/{lure}", f"projects/{lure}", f"@{lure}", f":{evil.port}/{lure}"):
            try_out(lambda path=path: client._get(path))  # type: ignore[misc]
            try_out(lambda path=path: client._list(path, list_all=True))  # type: ignore[misc]
            try_out(lambda path=path: transport.request("GET", path))  # type: ignore[misc]
        check(evil.connections == 0)

    def test_as_an_id(
        self, evil: Recorder, home: Recorder, session: synapse.Session, name: str
    ) -> None:
        lure = lures(evil)[name]
        for key in (lure, f"../../{lure}", f"..%2f..%2f{lure}", f"1/../../{lure}", f"1?x={lure}"):
            try_out(lambda key=key: session.plugins.get(key))  # type: ignore[misc]
            try_out(lambda key=key: session.agents.connect(key))  # type: ignore[misc]
            try_out(lambda key=key: session.client.get_plugin(key))  # type: ignore[misc]
            try_out(lambda key=key: AgentClient(home.url, AGENT).get_job(key))  # type: ignore[misc]
        check(evil.connections == 0)

    def test_as_a_base_url_that_the_profile_does_not_have(
        self, evil: Recorder, home: Recorder, name: str, monkeypatch: Any, tmp_path: Any
    ) -> None:
        write_profile(monkeypatch, tmp_path, home.url)
        for call in (
            lambda: synapse.Session(lures(evil)[name]).projects.count(),
            lambda: BackendClient(lures(evil)[name]).list_projects(),
        ):
            with pytest.raises(errors.ConfigurationError):
                call()
        check(evil.connections == 0)


# The tests may not leave 127.0.0.1, not even for this spelling of the address.
STORAGES = [name for name in LURES if name != "IPv6"]


@pytest.mark.parametrize("name", STORAGES)
class TestStorages:
    """Another host that serves documents and takes files gets no credential."""

    @pytest.mark.parametrize("mode", ["presigned", "inline"])
    def test_of_a_document(
        self, evil: Recorder, home: Recorder, session: synapse.Session, name: str, mode: str
    ) -> None:
        evil.otherwise = reply(200, {"n": 1})
        pointer = {"mode": mode, "truncated": True, "presigned_url": lures(evil)[name]}
        home.otherwise = reply(200, {"id": 1, "data": pointer})
        try_out(lambda: session.tasks.get(1).data)
        check(b"/tasks/1/" in home.received)

    @pytest.mark.parametrize("is_multipart", [False, True])
    def test_of_a_presigned_upload(
        self,
        evil: Recorder,
        home: Recorder,
        transport: Transport,
        name: str,
        is_multipart: bool,
        tmp_path: Any,
    ) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(b"0123456789")
        evil.otherwise = reply(200, {}, ETag="tag")
        lure = lures(evil)[name]
        parts = [{"part_number": n, "presigned_url": lure} for n in (1, 2)]
        target: dict[str, Any] = {"file_key": "k", "presigned_url": lure}
        if is_multipart:
            target["multipart"] = {"upload_id": "u", "part_size": 5, "parts": parts}
        with LocalFile(path) as file:
            try_out(lambda: send_presigned(transport, target, file, retries=0))
        for secret in SECRETS:
            check(secret.encode() not in home.received)

    @pytest.mark.parametrize("is_multipart", [False, True])
    @pytest.mark.parametrize("is_many", [False, True])
    def test_of_an_upload_that_the_server_asks_for(
        self,
        evil: Recorder,
        home: Recorder,
        session: synapse.Session,
        name: str,
        is_multipart: bool,
        is_many: bool,
        tmp_path: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        folder = tmp_path / "files"
        folder.mkdir()
        (folder / "a.bin").write_bytes(b"0123456789")
        evil.otherwise = reply(200, {}, ETag="tag")
        serve_presigned(home, lures(evil)[name], is_multipart=is_multipart)
        if is_many:
            collection = session.data_collections.get(1)
            try_out(lambda: collection.upload(folder, progress=False))
        else:
            try_out(lambda: session.data_files.upload(folder / "a.bin", progress=False))
        check("POST /data_files/presigned_upload/upload/" in home.targets, home.targets)
        if name in ("plain", "decimal host", "blank in front"):
            check(len(evil.targets) >= (2 if is_multipart else 1), evil.targets)
            check({target.split(" ")[0] for target in evil.targets} == {"PUT"})

    def test_of_expired_urls(
        self,
        evil: Recorder,
        home: Recorder,
        session: synapse.Session,
        name: str,
        tmp_path: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        path = tmp_path / "a.bin"
        path.write_bytes(b"0123456789")
        evil.otherwise = reply(403, b"<Error><Code>Expired</Code><Message>Late.</Message></Error>")
        serve_presigned(home, lures(evil)[name], is_multipart=True)
        try_out(lambda: session.data_files.upload(path, progress=False))


def serve_presigned(home: Recorder, url: str, *, is_multipart: bool) -> None:
    """Let a server send files to a URL of a storage."""
    parts = [{"part_number": n, "presigned_url": url} for n in (1, 2)]
    target: dict[str, Any] = {"file_key": "k", "presigned_url": url, "multipart": None}
    if is_multipart:
        target["multipart"] = {"upload_id": "u", "part_size": 5, "parts": parts}
    specification = {"name": "data", "file_type": "data", "is_required": True, "is_primary": True}
    collection = {"id": 1, "created": "x", "file_specifications": [specification]}
    storages = {"count": 1, "next": None, "results": [{"id": 1, "provider": "minio"}]}
    home.answers.update(
        {
            "/storages/?category=internal": reply(200, storages),
            "/data_collections/1/": reply(200, collection),
            "/data_collections/1/?expand=file_specifications": reply(200, collection),
            "/data_files/verify_checksums/": reply(200, {"checksums": []}),
            "/data_files/presigned_upload/upload/": reply(200, {"files": [target]}),
        }
    )


def write_profile(monkeypatch: Any, folder: Any, base_url: str) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    profile_path().parent.mkdir()
    profile_path().touch(0o600)
    profile_path().write_text(f'[default]\nbase_url = "{base_url}"\napi_token = "{API}"\n')


@pytest.mark.parametrize("status", REDIRECTS)
class TestRedirects:
    @pytest.mark.parametrize("starts_at_home", [False, True])
    def test_of_a_storage(
        self,
        evil: Recorder,
        home: Recorder,
        session: synapse.Session,
        status: int,
        starts_at_home: bool,
        tmp_path: Any,
    ) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(b"secret content")
        storage, other = (home, evil) if starts_at_home else (evil, home)
        serve_presigned(home, f"{storage.url}bucket/a", is_multipart=False)
        storage.answers["/bucket/a"] = reply(status, {}, Location=f"{other.url}elsewhere")
        with pytest.raises(errors.ClientError):
            session.data_files.upload(path, progress=False)
        check("PUT /bucket/a" in storage.targets)
        check("PUT /elsewhere" not in other.targets and "GET /elsewhere" not in other.targets)

    def test_in_the_middle_of_paging(
        self, evil: Recorder, home: Recorder, session: synapse.Session, status: int
    ) -> None:
        first = {"count": 3, "next": f"{home.url}projects/?page=2", "results": [{"id": 1}]}
        home.answers["/projects/?page_size=1"] = reply(200, first)
        home.otherwise = reply(status, {}, Location=f"{evil.url}projects/?page=2")
        with pytest.raises(errors.ClientError, match="redirects to"):
            list(session.projects.page_size(1))
        with pytest.raises(errors.ClientError, match="redirects to"):
            list(session.client.list_projects({"page_size": 1}, list_all=True))
        check(evil.connections == 0)

    def test_of_an_upload(
        self, evil: Recorder, home: Recorder, session: synapse.Session, status: int, tmp_path: Any
    ) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(b"secret content")
        home.otherwise = reply(status, {}, Location=evil.url)
        with pytest.raises(errors.ClientError, match="redirects to"):
            session.data_files.upload(path)
        with pytest.raises(errors.ClientError, match="redirects to"):
            upload_in_chunks(session.transport, path)
        check(evil.connections == 0)

    def test_of_an_agent(self, evil: Recorder, home: Recorder, status: int) -> None:
        home.otherwise = reply(status, {}, Location=evil.url)
        with AgentClient(home.url, AGENT, user_token=USER, tenant=TENANT) as agent:
            for call in (
                agent.health_check,
                agent.list_jobs,
                lambda: list(agent.tail_job_logs("1")),
            ):
                with pytest.raises(errors.ClientError, match="redirects to"):
                    call()
        check(evil.connections == 0)

    def test_by_other_headers(
        self, evil: Recorder, home: Recorder, transport: Transport, status: int
    ) -> None:
        headers = {
            "Refresh": f"0; url={evil.url}",
            "Content-Location": evil.url,
            "Link": evil.url,
            "Alt-Svc": f'h2="127.0.0.1:{evil.port}"',
            "Proxy": evil.url,
            "URI": evil.url,
        }
        home.otherwise = reply(status, {}, **headers)
        try_out(lambda: transport.request("GET", "projects/"))
        check(evil.connections == 0)


def read(transport: Transport, url: str) -> bytes:
    """Read a file as it comes."""
    with transport.stream(url) as response:
        content: bytes = response.raw.read()
        return content


class TestFiles:
    """Files may be anywhere, and are fetched from there: with nothing of the session's."""

    # The evil host speaks no TLS; and that address is none of loopback to the guard of the tests.
    @pytest.mark.parametrize("name", sorted({*LURES} - {"https", "IPv6"}))
    def test_at_any_address(
        self, evil: Recorder, home: Recorder, transport: Transport, name: str
    ) -> None:
        lure = lures(evil)[name]
        for url in (lure, as_home(lure, home), f"{home.url}@{lure}", f"{home.url}/..//{lure}"):
            try_out(lambda url=url: read(transport, url))  # type: ignore[misc]

    def test_on_the_evil_host(self, evil: Recorder, transport: Transport) -> None:
        evil.otherwise = reply(200, b"content")
        check(read(transport, f"{evil.url}a.png") == b"content")
        check(evil.connections == 1)

    @pytest.mark.parametrize("status", REDIRECTS)
    def test_that_have_moved_there(
        self, evil: Recorder, home: Recorder, transport: Transport, status: int
    ) -> None:
        home.otherwise = reply(status, {}, Location=f"{evil.url}a.png")
        evil.otherwise = reply(200, b"content", Set_Cookie="a=b", WWW_Authenticate="Basic")
        check(read(transport, f"{home.url}media/a.png") == b"content")
        check(evil.connections == 1)

    @pytest.mark.parametrize("status", REDIRECTS)
    def test_that_go_to_and_fro(
        self, evil: Recorder, home: Recorder, transport: Transport, status: int
    ) -> None:
        home.answers["/media/a.png"] = reply(status, {}, Location=f"{evil.url}a.png")
        evil.answers["/a.png"] = reply(status, {}, Location=f"{home.url}media/b.png")
        home.answers["/media/b.png"] = reply(status, {}, Location=f"{evil.url}b.png")
        evil.answers["/b.png"] = reply(200, b"content")
        try_out(lambda: read(transport, f"{home.url}media/a.png"))

    def test_that_lead_in_a_circle(self, evil: Recorder, transport: Transport) -> None:
        evil.otherwise = reply(302, {}, Location=evil.url)
        with pytest.raises(errors.SynapseError):
            read(transport, evil.url)
        check(len(evil.targets) < 20)


class TestEnvironment:
    def test_netrc(self, evil: Recorder, home: Recorder, monkeypatch: Any, tmp_path: Any) -> None:
        netrc = tmp_path / ".netrc"
        netrc.write_text(f"machine 127.0.0.1 login evil password {USER}\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        with synapse.Session(home.url, API) as session:
            session.projects.count()
        check(f"Token {API}".encode() in home.received)
        check(b"Authorization" not in home.received)

    @pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
    @pytest.mark.parametrize("exception", ["127.0.0.1", "*", "127.0.0.0/8", ""])
    def test_a_proxy_that_is_not_meant(
        self, evil: Recorder, home: Recorder, monkeypatch: Any, variable: str, exception: str
    ) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, evil.url)
        monkeypatch.setenv(variable, exception)
        with synapse.Session(home.url, API) as session:
            session.projects.count()
        check((evil.connections, home.connections) == (0, 1))

    def test_a_proxy_that_comes_later(
        self, evil: Recorder, home: Recorder, monkeypatch: Any
    ) -> None:
        with synapse.Session(home.url, API) as session:
            monkeypatch.setenv("HTTP_PROXY", evil.url)
            monkeypatch.setenv("http_proxy", evil.url)
            session.projects.count()
        check((evil.connections, home.connections) == (0, 1))

    def test_a_proxy_for_another_scheme(
        self, evil: Recorder, home: Recorder, monkeypatch: Any
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", evil.url)
        monkeypatch.setenv("https_proxy", evil.url)
        with synapse.Session(home.url, API) as session:
            session.projects.count()
        check((evil.connections, home.connections) == (0, 1))

    def test_a_token_of_the_environment_and_a_base_url_of_a_pickle(
        self, evil: Recorder, home: Recorder, monkeypatch: Any
    ) -> None:
        evil.otherwise = reply(200, {"id": 1, "title": "a"})
        with synapse.Session(evil.url, "harmless") as there:
            content = pickle.dumps([there.projects.get(1), there, there.projects.all()])
        seen = evil.connections
        for base_url in (None, home.url):
            if base_url:
                monkeypatch.setenv("SYNAPSE_BASE_URL", base_url)
            monkeypatch.setenv("SYNAPSE_API_TOKEN", API)
            session_base.set_default(None)
            with pytest.raises(errors.ConfigurationError, match="An object is from"):
                pickle.loads(content)
        check(evil.connections == seen)

    def test_a_token_of_a_profile_and_a_base_url_of_a_pickle(
        self, evil: Recorder, home: Recorder, monkeypatch: Any, tmp_path: Any
    ) -> None:
        with synapse.Session(evil.url, "harmless") as there:
            content = pickle.dumps(there)
        write_profile(monkeypatch, tmp_path, home.url)
        with pytest.raises(errors.ConfigurationError, match="An object is from"):
            pickle.loads(content)
        check(evil.connections == 0)

    def test_a_token_of_a_profile_and_a_base_url_of_the_environment(
        self, evil: Recorder, home: Recorder, monkeypatch: Any, tmp_path: Any
    ) -> None:
        write_profile(monkeypatch, tmp_path, home.url)
        monkeypatch.setenv("SYNAPSE_BASE_URL", evil.url)
        with pytest.raises(errors.ConfigurationError, match="isn't sent to"):
            synapse.Session()
        check(evil.connections == 0)


class TestOrigins:
    """The credentials belong to scheme, host and port, however they are written."""

    def test_another_port(self, evil: Recorder, transport: Transport) -> None:
        request = transport._template.copy()
        request.url = evil.url
        request.headers["SYNAPSE-Access-Token"] = f"Token {API}"
        request.headers["Authorization"] = LOGIN
        request.headers["SYNAPSE-Tenant"] = TENANT
        transport._connection.http.send(transport._auth(request), timeout=5, stream=False)
        check(evil.connections == 1)

    @pytest.mark.parametrize("name", LURES)
    def test_any_other_address(self, evil: Recorder, transport: Transport, name: str) -> None:
        request = transport._template.copy()
        request.url = lures(evil)[name]
        for kind in ("SYNAPSE-Access-Token", "Authorization", "SYNAPSE-Agent", "SYNAPSE-Tenant"):
            request.headers[kind] = "from elsewhere"
        headers = transport._auth(request).headers
        check("from elsewhere" not in headers.values() and API not in str(headers), headers)

    def test_a_client_without_credentials_sends_none(
        self, evil: Recorder, monkeypatch: Any
    ) -> None:
        monkeypatch.setenv("SYNAPSE_API_TOKEN", API)
        monkeypatch.setenv("SYNAPSE_AGENT_TOKEN", AGENT)
        with RayClient(evil.url) as ray:
            ray.get_version()
        check(evil.connections == 1)

    def test_an_agent_gets_the_agents_token_alone(self, home: Recorder, monkeypatch: Any) -> None:
        monkeypatch.setenv("SYNAPSE_API_TOKEN", API)
        with AgentClient(home.url, AGENT) as agent:
            agent.list_jobs()
        check(API.encode() not in home.received and AGENT.encode() in home.received)

    def test_the_address_of_an_agent_gets_nothing(
        self, evil: Recorder, home: Recorder, session: synapse.Session
    ) -> None:
        home.otherwise = reply(200, {"id": 1, "url": evil.url, "name": "a", "status": "connected"})
        agent = session.agents.connect(AGENT)
        check(agent.url == evil.url)
        check(evil.connections == 0)


class TestSelf:
    """The host would notice."""

    @pytest.mark.parametrize("secret", SECRETS)
    def test_every_form_is_found(self, secret: str) -> None:
        for coded in (
            secret.encode(),
            base64.b64encode(b"user:" + secret.encode()),
            base64.b64encode(b"userx:" + secret.encode()),
            base64.b64encode(b"a:" + secret.encode()),
            base64.urlsafe_b64encode(secret.encode()),
            secret.encode().hex().encode(),
            quote(secret).encode(),
        ):
            check(any(form.lower() in coded.lower() for form in forms(secret)), coded)

    def test_the_evil_host_can_be_reached(self, home: Recorder, transport: Transport) -> None:
        transport.request("GET", "projects/")
        for secret in (API, LOGIN, AGENT, TENANT):
            check(secret.encode() in home.received, secret)


@pytest.mark.parametrize("is_multipart", [False, True])
def test_the_storage_of_a_local_backend(
    evil: Recorder, emulator: EmulatorTenant, tmp_path: Path, is_multipart: bool
) -> None:
    """Several requests, which several workers of the backend may answer."""
    path = tmp_path / "large.bin"
    evil.otherwise = reply(200, {}, ETag='"x"')
    for number in range(6):
        path.write_bytes(b"%d" % number * 9000)
        session = emulator.session(retries=0, uploads="presigned")
        if number == 0:
            session.storages.create(
                name="bucket",
                provider="minio",
                category="internal",
                configuration={},
                is_default=True,
            )
            above = 5000 if is_multipart else 20_000
            emulator.behave(storage_port=evil.port, multipart_above=above, part_size=5000)
        try_out(lambda: session.data_files.upload(path))  # noqa: B023 # called at once
    check(evil.targets)
    check(all(target.startswith("PUT /") for target in evil.targets), evil.targets)
    content = evil.received.lower()
    for secret in (emulator.api_token, emulator.agent_token):
        for form in forms(secret):
            check(form.lower() not in content, f"{secret} as {form!r}")
