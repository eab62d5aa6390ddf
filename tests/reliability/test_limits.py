"""A server can neither fill the client's memory nor keep it busy forever."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from fault_proxy import Fault, FaultProxy
from raw_server import Recorder, reply

import synapse
from synapse import errors
from synapse.transport.retry import RetryPolicy

MIB = 2**20


@pytest.fixture
def session(home: Recorder) -> Iterator[synapse.Session]:
    """A session that takes answers of up to 100,000 bytes."""
    with synapse.Session(home.url, "some-token", lazy="allow") as made:
        made.transport.options = attrs.evolve(
            made.transport.options, largest=100_000, retry=RetryPolicy(attempts=2, base=0.001)
        )
        yield made


def page(*keys: int, count: int = 100, following: str | None) -> bytes:
    rows = [{"id": key, "title": "a"} for key in keys]
    return reply(200, {"count": count, "next": following, "previous": None, "results": rows})


class TestSize:
    USES: dict[str, Callable[[synapse.Session], Any]] = {
        "get": lambda session: session.projects.get(1),
        "list": lambda session: list(session.projects),
        "create": lambda session: session.projects.create(title="a", category="text"),
        "client": lambda session: list(session.client.list_projects(list_all=True)),
    }

    @pytest.mark.parametrize("use", USES)
    def test_a_body_that_is_larger(
        self, session: synapse.Session, home: Recorder, use: str
    ) -> None:
        home.otherwise = reply(200, {"id": 1, "title": "x" * 100_000})
        with pytest.raises(errors.InvalidResponse, match="larger than 100,000 bytes") as caught:
            self.USES[use](session)
        assert caught.value.attempts == len(home.targets) == 1

    @pytest.mark.parametrize("use", USES)
    def test_a_bomb(self, session: synapse.Session, home: Recorder, use: str) -> None:
        bomb = gzip.compress(b" " * 50 * MIB)
        home.otherwise = reply(200, bomb, Content_Encoding="gzip")
        with pytest.raises(errors.InvalidResponse, match="larger than 100,000 bytes"):
            self.USES[use](session)

    def test_the_limit_without_being_told_one(self) -> None:
        with synapse.Session("http://127.0.0.1", "some-token") as made:
            assert made.transport.options.largest == 256 * MIB


HOSTILE = """
import gzip, resource, sys, threading
from pathlib import Path
sys.path.insert(0, {folder!r})
import synapse
from raw_server import Recorder
from synapse import errors

def read_peak():
    # The peak of getrusage() begins at that of the process of the tests.
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(status.read_text().split("VmHWM:")[1].split()[0])

home = Recorder()
home.closes = True
session = synapse.Session(home.url, "some-token", retries=0)
session.projects.exists()
before = read_peak()
home.otherwise = {answer}
try:
    session.projects.get(1)
except errors.SynapseError as error:
    grown = read_peak() - before
    print(type(error).__name__, grown // 1024)
session.close()
home.close()
"""


class TestMemory:
    """Of a process of its own: what the operating system says that it used at most."""

    def run(self, request: Any, answer: str) -> tuple[str, int]:
        folder = str(request.path.parent)
        done = subprocess.run(
            [sys.executable, "-c", HOSTILE.format(folder=folder, answer=answer)],
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        )
        name, grown = done.stdout.split()
        return name, int(grown)

    def test_of_a_bomb_that_would_be_four_gigabytes(self, request: Any) -> None:
        answer = (
            "b'HTTP/1.1 200 OK\\r\\nContent-Encoding: gzip, gzip\\r\\n\\r\\n'"
            " + gzip.compress(gzip.compress(bytes(2**24)) * 256)"
        )
        name, grown = self.run(request, answer)
        assert name == "InvalidResponse"
        assert grown < 700  # MiB: the limit is 256, once in pieces and once as a whole

    def test_of_a_length_that_nobody_sends(self, request: Any) -> None:
        name, grown = self.run(
            request, "b'HTTP/1.1 200 OK\\r\\nContent-Length: 268435456\\r\\n\\r\\n[1,'"
        )
        assert name == "ConnectionFailed"
        assert grown < 100

    def test_of_headers_without_end(self, request: Any) -> None:
        name, grown = self.run(request, "b'HTTP/1.1 200 OK\\r\\n' + b'X: y\\r\\n' * 5_000_000")
        assert name == "ConnectionFailed"
        assert grown < 100


class TestPaging:
    WALKS: dict[str, Callable[[synapse.Session], Any]] = {
        "objects": lambda session: list(session.projects.page_size(2)),
        "rows": lambda session: list(session.projects.page_size(2).values("id")),
        "client": lambda session: list(
            session.client.list_projects({"page_size": 2}, list_all=True)
        ),
        "bulk": lambda session: session.projects.page_size(2).in_bulk(range(1, 300)),
    }

    def walk(self, session: synapse.Session, home: Recorder, name: str) -> errors.InvalidResponse:
        with pytest.raises(errors.InvalidResponse) as caught:
            self.WALKS[name](session)
        assert len(home.targets) < 30
        return caught.value

    @pytest.mark.parametrize("walk", WALKS)
    def test_a_page_that_repeats_for_ever(
        self, session: synapse.Session, home: Recorder, walk: str
    ) -> None:
        home.otherwise = page(1, 2, following=f"{home.url}projects/?page=2")
        assert "brings nothing new" in self.walk(session, home, walk).detail

    @pytest.mark.parametrize("walk", WALKS)
    def test_a_next_that_points_back(
        self, session: synapse.Session, home: Recorder, walk: str
    ) -> None:
        home.otherwise = page(1, 2, following=f"{home.url}projects/?cursor=same")
        assert "brings nothing new" in self.walk(session, home, walk).detail

    @pytest.mark.parametrize("walk", WALKS)
    def test_empty_pages_without_end(
        self, session: synapse.Session, home: Recorder, walk: str
    ) -> None:
        home.otherwise = page(following=f"{home.url}projects/?page=2")
        assert "brings nothing new" in self.walk(session, home, walk).detail


class TestDrip:
    @pytest.mark.parametrize(
        "fault", [Fault(drip=1, pause=0.02), Fault(drip=1, pause=0.02, latency=0.1)]
    )
    @pytest.mark.parametrize("body", ["{}", " " * 5000])
    def test_ends_at_the_deadline(
        self, home: Recorder, proxy_to: Callable[..., FaultProxy], fault: Fault, body: str
    ) -> None:
        home.otherwise = reply(200, body.encode())
        proxy = proxy_to(home.url, faults=lambda: fault)
        with (
            synapse.Session(proxy.url, "some-token", deadline=0.4) as session,
            pytest.raises(errors.RequestTimeout, match=r"0\.4 s, its deadline"),
        ):
            session.projects.count()

    def test_a_black_hole_ends_at_the_deadline(
        self, home: Recorder, proxy_to: Callable[..., FaultProxy]
    ) -> None:
        proxy = proxy_to(home.url, faults=lambda: Fault(on_accept="ignore"))
        with synapse.Session(proxy.url, "some-token", deadline=0.3) as session:
            with pytest.raises(errors.RequestTimeout, match=r"0\.3 s, its deadline") as caught:
                list(session.projects)
            assert caught.value.attempts == 1
        assert home.targets == []


def test_an_outage_brings_no_storm(home: Recorder) -> None:
    """During an outage of a thousand requests, the server gets hardly more than those."""
    home.otherwise = reply(503, {"detail": "Down."})
    with synapse.Session(home.url, "some-token") as session:
        policy = RetryPolicy(base=0.001)
        session.transport.options = attrs.evolve(session.transport.options, retry=policy)
        for _ in range(1000):
            with pytest.raises(errors.ServerError):
                session.projects.count()
    assert 1000 < len(home.targets) < 1100
