"""Random bytes from a server raise only the SDK's errors, and soon."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from raw_server import Recorder

import synapse
from synapse import errors
from synapse.transfer.download import download
from synapse.transfer.remote_file import read_whole
from synapse.transport.retry import RetryPolicy

# Far more than any of it takes; without an end, it would be for ever.

NAMES = st.sampled_from(
    [
        *("Content-Length", "Transfer-Encoding", "Content-Encoding", "Content-Type", "Connection"),
        *("Location", "Retry-After", "Set-Cookie", "X-Request-ID", "Content-Range", "Link", "X"),
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        [
            *("0", "5", "-1", "99999999999999999999", "9" * 5000, "chunked", "gzip", "deflate"),
            *("gzip, gzip", "br", "zstd", "identity", "close", "keep-alive", "text/html", ""),
            *("application/json; charset=utf-7", "a=b; expires=never", "a=b; Max-Age=x", "=;=;"),
            *("http://[::1", "//", "http://\x7f/", "Wed, 21 Oct 2015 07:28:00 GMT", "1e400", "nan"),
        ]
    ),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=30),
)
STATUSES = st.one_of(
    st.sampled_from(["200 OK", "204 No", "206 P", "301 M", "304 N", "400 B", "401 U", "404 N"]),
    st.sampled_from(
        ["409 C", "413 L", "422 U", "429 T", "500 E", "503 U", "100 C", "199 X", "600"]
    ),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=12),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                [
                    *("id", "count", "next", "results", "detail", "title", "meta", "files", "url"),
                    *("offset", "status", "checksum", "project", "tags", "created", "x"),
                ]
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=12,
)
BODIES = st.one_of(
    st.binary(max_size=60),
    JSON.map(lambda value: json.dumps(value).encode()),
    JSON.map(lambda rows: json.dumps({"count": 3, "next": None, "results": [rows]}).encode()),
    st.sampled_from([b"[" * 100_000, b"5\r\n[1,2]\r\n0\r\n\r\n", b"\xef\xbb\xbf{}", b"1" * 5000]),
)


DEEP = b'{"a":' * 900 + b"1" + b"}" * 900


@st.composite
def answers(draw: Any) -> bytes:
    """Make something like an HTTP answer; often it is cut somewhere, or is no answer at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))  # type: ignore[no-any-return]
    body = draw(BODIES)
    headers = draw(st.lists(st.tuples(NAMES, VALUES), max_size=5))
    if draw(st.booleans()):
        headers.append(("Content-Length", str(len(body))))
    version = draw(st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2", "HTTP/0.9", "ICY"]))
    lines = [f"{version} {draw(STATUSES)}", *(f"{name}: {value}" for name, value in headers)]
    raw: bytes = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
    return raw[: draw(st.integers(0, len(raw)))] if draw(st.booleans()) else raw


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    made = Recorder()
    made.closes = True
    yield made
    made.close()


@pytest.fixture(scope="module")
def session(server: Recorder) -> Iterator[synapse.Session]:
    with synapse.Session(server.url, "some-token", lazy="allow", cache_ttl=0, timeout=5) as made:
        # The deadline is far beyond what anything here waits for.
        policy = RetryPolicy(attempts=2, base=0.0001, longest=0.01)
        made.transport.options = attrs.evolve(made.transport.options, retry=policy, deadline=10)
        yield made


def calls(session: synapse.Session, path: Any) -> dict[str, Any]:
    return {
        "get": lambda: look(session.projects.get(1)),
        "list": lambda: [look(one) for one in session.tasks.all()[:50]],
        "values": lambda: list(session.tasks.all()[:50].values("id", "status")),
        "count": session.projects.count,
        "create": lambda: look(session.projects.create(title="a", category="text")),
        "bulk_create": lambda: session.tasks.bulk_create([{"project": 1, "data_unit": 1}]),
        "upload": lambda: session.data_files.upload(path),
        "upload in chunks": lambda: session.data_files.upload(path, chunked=True),
        "download": lambda: download(session.transport, "/a.bin", f"{path}.copy"),
        "file": lambda: read_whole(session.transport, "/a.bin"),
        "chunks": lambda: session.client.create_chunked_upload(path),
        "verify_checksums": lambda: session.data_files.verify_checksums(["a"]),
        "agent": lambda: look(session.agents.connect("agent-token")),
        "me": lambda: look(session.me),
        "client": lambda: session.client.list_projects(),
        "client, all": lambda: list(session.client.list_projects(list_all=True)),
        "lines": lambda: list(session.transport.lines("jobs/1/")),
        "storage": lambda: look(session.storages.default()),
    }


def look(one: Any) -> None:
    """Read every field; each is a value, or an error of ours."""
    repr(one)
    one.to_dict()
    for name in type(one).__schema__.fields:
        if not type(one).__schema__.fields[name].is_relation:
            with contextlib.suppress(errors.SynapseError):
                getattr(one, name)


@settings(max_examples=40, deadline=None)
@given(raw=answers())
@example(raw=b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n{}")
@example(raw=b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}")
@example(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}")
@example(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 5401\r\n\r\n" + DEEP)
@example(raw=b"HTTP/1.1 400 Bad Request\r\nContent-Length: 5401\r\n\r\n" + DEEP)
@example(raw=b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"offset":5}')
@example(raw=b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n")
@example(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"[" * 100_000)
@pytest.mark.parametrize("call", calls(synapse.Session("http://127.0.0.1", "some-token"), ""))
def test_only_our_errors_come_out(
    session: synapse.Session, server: Recorder, tmp_path: Any, call: str, raw: bytes
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"content")
    server.otherwise = raw
    with warnings.catch_warnings(), contextlib.suppress(errors.SynapseError):
        warnings.simplefilter("error")
        calls(session, path)[call]()
