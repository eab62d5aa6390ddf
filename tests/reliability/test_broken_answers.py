"""Broken responses never become data, in any verb: they are retried or raised."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from raw_server import Recorder, reply

import synapse
from synapse import errors
from synapse.transport.retry import RetryPolicy

ROW = {"id": 1, "title": "a", "meta": {}, "status": "pending", "tags": []}
PAGE = {"count": 1, "next": None, "previous": None, "results": [ROW]}
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n"

BROKEN = {
    "empty": HEAD + b"Content-Length: 0\r\n\r\n",
    "text": HEAD + b"Content-Length: 2\r\n\r\nOK",
    "page": HEAD + b"Content-Length: 33\r\n\r\n<html><title>Log in</title></html>"[:-1],
    "page of another kind": HEAD + b"Content-Length: 17\r\n\r\n\n\n<!DOCTYPE html>",
    "shorter than it says": HEAD + b'Content-Length: 99\r\n\r\n{"id": 1, "title": "a"',
    "cut in the headers": HEAD[:30],
    "cut in the length": HEAD + b"Content-Length: 1",
    "cut before the body": HEAD + b"Content-Length: 99\r\n\r\n",
    "cut in the chunks": HEAD + b'Transfer-Encoding: chunked\r\n\r\n9\r\n{"id": 1,\r\n',
    "cut JSON": HEAD + b'\r\n{"id": 1, "title": "a',
    "not JSON after all": HEAD + b"Content-Length: 9\r\n\r\n{'id': 1}",
    "not gzip": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "nothing": b"",
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "empty page": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
}
REPORTED = (errors.InvalidResponse, errors.ConnectionFailed)


@pytest.fixture
def session(home: Recorder) -> Iterator[synapse.Session]:
    """A session with a server whose answers all end their connections."""
    home.closes = True
    with synapse.connect(home.url, "some-token", cache_ttl=0, lazy="allow") as made:
        policy = RetryPolicy(attempts=3, base=0.001)
        made.transport.options = attrs.evolve(made.transport.options, retry=policy)
        yield made


def of_a_task(session: synapse.Session, home: Recorder, do: Callable[[Any], Any]) -> None:
    """Do something with a task that was loaded while all was well."""
    broken, home.otherwise, home.closes = home.otherwise, reply(200, ROW), False
    task = session.tasks.get(1)
    home.otherwise, home.closes = broken, True
    home.targets.clear()
    do(task)


SAFE: dict[str, Callable[[synapse.Session, Recorder], Any]] = {
    "get": lambda session, home: session.projects.get(1),
    "list": lambda session, home: list(session.projects),
    "count": lambda session, home: session.projects.count(),
    "first": lambda session, home: session.projects.first(),
    "in_bulk": lambda session, home: session.projects.in_bulk([1, 2]),
    "values": lambda session, home: list(session.tasks.values("id", "status")),
    "health": lambda session, home: session.health(),
    "me": lambda session, home: session.me,
    "refresh": lambda session, home: of_a_task(session, home, lambda task: task.refresh()),
    "annotate": lambda session, home: of_a_task(
        session, home, lambda task: task.annotate({"a": 1})
    ),
    "delete": lambda session, home: of_a_task(session, home, lambda task: task.delete()),
    "client get": lambda session, home: session.client.get_project(1),
    "client list": lambda session, home: session.client.list_projects(),
    "client list all": lambda session, home: list(session.client.list_projects(list_all=True)),
}


def rename(task: Any) -> None:
    task.meta["x"] = 1
    task.save()


OTHERS: dict[str, Callable[[synapse.Session, Recorder], Any]] = {
    "create": lambda session, home: session.projects.create(title="a", category="text"),
    "bulk_create": lambda session, home: session.tasks.bulk_create(
        [{"project": 1, "data_unit": 1}]
    ),
    "save": lambda session, home: of_a_task(session, home, rename),
    "tag": lambda session, home: of_a_task(session, home, lambda task: task.tag(1)),
    "verify_checksums": lambda session, home: session.data_files.verify_checksums(["a"]),
    "agent": lambda session, home: session.agents.connect("agent-token"),
    "client create": lambda session, home: session.client.create_tasks({"project": 1}),
}


@pytest.mark.parametrize("kind", sorted({*BROKEN} - {"not JSON after all"}))
@pytest.mark.parametrize("verb", SAFE)
def test_a_safe_verb_asks_again(
    session: synapse.Session, home: Recorder, verb: str, kind: str
) -> None:
    home.otherwise = BROKEN[kind]
    with pytest.raises(REPORTED) as caught:
        SAFE[verb](session, home)
    assert caught.value.attempts == 3
    assert len(home.targets) == 3
    assert len(set(home.targets)) == 1


@pytest.mark.parametrize("verb", SAFE)
def test_what_looks_like_json_is_reported_at_once(
    session: synapse.Session, home: Recorder, verb: str
) -> None:
    home.otherwise = BROKEN["not JSON after all"]
    with pytest.raises(errors.InvalidResponse, match=r"{'id': 1}"):
        SAFE[verb](session, home)
    assert len(home.targets) == 1


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("verb", OTHERS)
def test_another_verb_reports_it_at_once(
    session: synapse.Session, home: Recorder, verb: str, kind: str
) -> None:
    home.otherwise = BROKEN[kind]
    with pytest.raises((*REPORTED, errors.BulkError)) as caught:
        OTHERS[verb](session, home)
    error: Any = caught.value
    error = error.cause if isinstance(error, errors.BulkError) else error
    assert isinstance(error, REPORTED)
    assert error.attempts == len(home.targets) == 1


# Valid JSON, and not what was asked for.
STRANGE: list[Any] = [
    *(None, True, 0, -1.5, "text", "", [], {}, [[]], [None], {"id": None}, {"id": {}}, {"id": "x"}),
    *({"results": None}, {"count": "1", "results": []}, {"count": 1, "results": {}}),
    *(
        {"count": 1, "results": [None]},
        {"count": 1, "results": [[1]]},
        {"count": -1, "results": []},
    ),
    *({"count": 1, "results": [{"no": "id"}]}, {"count": 1, "results": [{"id": [1]}]}),
    {"count": 9, "next": "/?page=2", "results": []},
    {"count": 9, "next": 5, "results": [{"id": 1}]},
    {"detail": "Not found."},
    {"id": 1, "title": 5, "meta": "x", "status": [], "tags": 7, "created": "yesterday"},
]


@pytest.mark.parametrize("document", STRANGE, ids=repr)
@pytest.mark.parametrize("verb", [*SAFE, *OTHERS])
def test_what_is_not_what_was_asked_for_is_an_error_of_ours_or_data(
    session: synapse.Session, home: Recorder, verb: str, document: Any
) -> None:
    home.otherwise = reply(200, document)
    try:
        came = {**SAFE, **OTHERS}[verb](session, home)
        for one in came if isinstance(came, list) else [came]:
            look(one)
    except errors.SynapseError as error:
        came = error
    assert isinstance(str(came), str)


def look(one: Any) -> None:
    """Read every field of an object; each is a value, or an error of ours."""
    repr(one)
    if isinstance(one, synapse.Project):
        one.to_dict()
        for name in type(one).__schema__.fields:
            with contextlib.suppress(errors.SynapseError):
                repr(getattr(one, name))
