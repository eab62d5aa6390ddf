"""Faults of the backend: bytes on the wire, and the SDK's errors."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest

from synapse import Session, errors
from synapse.emulator import Emulator
from synapse.emulator.errors import EmulatorError
from synapse.emulator.faults import KINDS
from synapse.testing.tenants import EmulatorTenant
from synapse.transport.retry import RetryPolicy

BODY = {"title": "Streets", "category": "image"}
OPTIONS = {"slow": {"seconds": 0.001}, "drip": {"seconds": 0.0001}}
UNPROCESSED = {"429", "500", "503", "html", "refused-before"}


@attrs.frozen
class Received:
    """All that came over a connection until it ended."""

    content: bytes
    was_reset: bool

    @property
    def status(self) -> int:
        return int(self.content.split(b" ", 2)[1])

    @property
    def headers(self) -> dict[str, str]:
        lines = self.content.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (ln.partition(": ") for ln in lines)}

    @property
    def body(self) -> bytes:
        return self.content.partition(b"\r\n\r\n")[2]

    @property
    def is_whole(self) -> bool:
        return len(self.body) == int(self.headers["content-length"])


class Line:
    """A connection of one's own to the backend, on which nobody interprets anything."""

    def __init__(self, tenant: Any) -> None:
        address = urlsplit(tenant.url)
        assert address.hostname is not None
        self._token = tenant.api_token
        self._socket = socket.create_connection((address.hostname, address.port or 80), timeout=30)

    def send(self, method: str, path: str, document: Any = None) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        head = (
            f"{method} /{path} HTTP/1.1",
            "Host: backend",
            f"SYNAPSE-Access-Token: Token {self._token}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
        )
        self._socket.sendall("\r\n".join((*head, "", "")).encode() + body)

    def receive(self) -> Received:
        content = b""
        try:
            while piece := self._socket.recv(65536):
                content += piece
        except ConnectionResetError:
            return Received(content, was_reset=True)
        return Received(content, was_reset=False)

    def receive_some(self) -> bytes:
        piece = self._socket.recv(65536)
        assert piece, "the connection has ended"
        return piece

    def close(self) -> None:
        self._socket.close()


def ask(tenant: Any, method: str = "GET", path: str = "projects/", body: Any = None) -> Received:
    """Send a request and return what comes back, byte by byte as it came."""
    line = Line(tenant)
    try:
        line.send(method, path, body)
        return line.receive()
    finally:
        line.close()


def count(tenant: Any) -> int:
    return int(json.loads(ask(tenant).body)["count"])


@pytest.fixture(scope="module")
def own_backend() -> Iterator[Emulator]:
    """A backend that nobody else uses, so that all its answers may be faulty."""
    with Emulator() as running:
        yield running


@pytest.fixture
def alone(own_backend: Emulator) -> Iterator[Emulator]:
    """That backend, with no faults."""
    yield own_backend
    own_backend.clear_faults()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(RetryPolicy, "delay", lambda policy, attempt, retry_after: 0.0)


# Over the wire.


def test_a_refusal_has_the_platforms_form(emulator: EmulatorTenant) -> None:
    for status, detail in [
        ("429", "Request was throttled."),
        ("500", "Internal server error."),
        ("503", "Service temporarily unavailable."),
    ]:
        emulator.fault(status)

        received = ask(emulator)

        assert received.status == int(status)
        assert json.loads(received.body) == {"detail": detail}
        assert "retry-after" not in received.headers


@pytest.mark.parametrize("kind", ["429", "503"])
@pytest.mark.parametrize(
    ("given", "sent"), [(7, "7"), (0, "0"), ("Wed, 21 Oct 2065 07:28:00 GMT",) * 2]
)
def test_retry_after_is_sent_as_given(
    emulator: EmulatorTenant, kind: str, given: Any, sent: str
) -> None:
    emulator.fault(kind, retry_after=given)

    assert ask(emulator).headers["retry-after"] == sent


@pytest.mark.parametrize(("options", "status"), [({}, 502), ({"status": 200}, 200)])
def test_html_is_a_page_of_something_in_between(
    emulator: EmulatorTenant, options: Any, status: int
) -> None:
    emulator.fault("html", **options)

    received = ask(emulator)

    assert (received.status, received.is_whole) == (status, True)
    assert received.headers["content-type"].startswith("text/html")
    assert received.body.startswith(b"<!DOCTYPE html>")


def test_empty_is_a_success_with_nothing_in_it(emulator: EmulatorTenant) -> None:
    emulator.fault("empty")

    received = ask(emulator)

    assert (received.status, received.body) == (200, b"")
    assert received.headers["content-length"] == "0"


def test_cut_promises_more_than_it_sends(emulator: EmulatorTenant) -> None:
    sound = ask(emulator)
    emulator.fault("cut")

    received = ask(emulator)

    assert received.headers["content-length"] == sound.headers["content-length"]
    assert received.body == sound.body[: len(sound.body) // 2]
    assert not received.was_reset


def test_cut_headers_ends_in_the_middle_of_a_header(emulator: EmulatorTenant) -> None:
    emulator.fault("cut-headers")

    received = ask(emulator)

    assert re.fullmatch(
        rb"HTTP/1\.1 200 OK\r\nContent-Type: application/json\r\nContent-Len", received.content
    )


@pytest.mark.parametrize("kind", ["cut", "cut-headers"])
@pytest.mark.parametrize("method", ["HEAD", "DELETE"])
def test_an_answer_without_a_body_is_cut_before_its_status(
    emulator: EmulatorTenant, session: Session, kind: str, method: str
) -> None:
    project = session.projects.create(**BODY)
    emulator.fault(kind, method=method)

    received = ask(emulator, method, f"projects/{project.id}/")

    assert received.content == b"HTTP/1.1 2"


@pytest.mark.parametrize(("kind", "was_reset"), [("lost", False), ("reset", True)])
def test_a_lost_answer_is_no_byte_at_all(
    emulator: EmulatorTenant, kind: str, was_reset: bool
) -> None:
    emulator.fault(kind)

    assert ask(emulator) == Received(b"", was_reset)


def test_refused_before_is_no_byte_at_all(emulator: EmulatorTenant) -> None:
    emulator.fault("refused-before")

    assert ask(emulator) == Received(b"", was_reset=False)


@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_a_late_answer_is_whole_in_the_end(emulator: EmulatorTenant, kind: str) -> None:
    sound = ask(emulator)
    emulator.fault(kind, **OPTIONS[kind])

    received = ask(emulator)

    assert (received.status, received.body) == (200, sound.body)
    assert received.is_whole


def test_drip_sends_one_byte_at_a_time(emulator: EmulatorTenant) -> None:
    emulator.fault("drip", seconds=3600)
    line = Line(emulator)
    line.send("GET", "projects/")
    content = b""
    while not Received(content, was_reset=False).body:
        content += line.receive_some()
    line.close()

    assert content.endswith(b"\r\n\r\n{")


@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_whoever_goes_is_not_waited_for(emulator: EmulatorTenant, kind: str) -> None:
    # Twice all threads of the backend but one: were those of the first time kept, nobody would
    # serve the second.
    for _ in range(2):
        fault = emulator.fault(kind, seconds=3600, count=7)
        lines = [Line(emulator) for _ in range(7)]
        for line in lines:
            line.send("GET", "projects/")
        while fault.served < 7:
            pass
        for line in lines:
            line.close()


def test_a_file_that_is_sent_in_pieces_is_cut_too(
    emulator: EmulatorTenant, session: Session, tmp_path: Any
) -> None:
    path = tmp_path / "big.bin"
    path.write_bytes(bytes(range(256)) * 4096)
    session.data_files.upload(path)
    emulator.fault("cut", path="files/*")

    key = hashlib.sha256(path.read_bytes()).hexdigest()
    received = ask(emulator, path=f"files/{key}/big.bin")

    assert received.headers["content-length"] == str(1 << 20)
    assert received.body == path.read_bytes()[: 1 << 19]


@pytest.mark.parametrize("kind", KINDS)
def test_whether_the_request_is_processed(emulator: EmulatorTenant, kind: str) -> None:
    emulator.fault(kind, **OPTIONS.get(kind, {}))

    ask(emulator, "POST", "projects/", BODY)

    assert count(emulator) == (0 if kind in UNPROCESSED else 1)


def test_no_fault_that_was_ordered_is_in_the_log(alone: Emulator) -> None:
    for kind in KINDS:
        alone.fault(kind, **OPTIONS.get(kind, {}))
        ask(alone)

    assert alone.log == ""


# Which requests.


def statuses(tenant: EmulatorTenant, *requests: tuple[str, str]) -> list[int]:
    return [ask(tenant, method, path).status for method, path in requests]


def test_as_many_as_were_ordered(emulator: EmulatorTenant) -> None:
    fault = emulator.fault("503", count=2)

    assert statuses(emulator, *[("GET", "projects/")] * 3) == [503, 503, 200]
    assert fault.served == 2


def test_after_some_that_are_sound(emulator: EmulatorTenant) -> None:
    fault = emulator.fault("503", after=2)

    assert statuses(emulator, *[("GET", "projects/")] * 4) == [200, 200, 503, 200]
    assert fault.served == 1


def test_one_method_only(emulator: EmulatorTenant) -> None:
    emulator.fault("503", method="post")

    asked = [("GET", "projects/"), ("POST", "projects/"), ("POST", "projects/")]
    assert statuses(emulator, *asked) == [200, 503, 400]


@pytest.mark.parametrize(
    ("path", "fits"),
    [
        ("projects/", [True, False, False]),
        ("/projects", [True, False, False]),
        ("projects/*", [False, True, False]),
        ("*/1/", [False, True, False]),
        ("task*", [False, False, True]),
        ("*", [True, True, True]),
        ("Projects/", [False, False, False]),
    ],
)
def test_one_path_only(emulator: EmulatorTenant, path: str, fits: list[bool]) -> None:
    emulator.fault(429, path=path, count=9)

    asked = [("GET", "projects/"), ("GET", "projects/1/"), ("GET", "tasks/")]
    assert [status == 429 for status in statuses(emulator, *asked)] == fits


def test_one_request_gets_the_fault_that_was_ordered_first(emulator: EmulatorTenant) -> None:
    emulator.fault("429")
    emulator.fault("503")

    assert statuses(emulator, *[("GET", "projects/")] * 3) == [429, 503, 200]


def test_another_tenant_gets_none(emulator: EmulatorTenant) -> None:
    other = EmulatorTenant(emulator.emulator)
    fault = emulator.fault("503")

    assert ask(other).status == 200
    assert fault.served == 0
    assert ask(emulator).status == 503


def test_a_tenant_is_known_by_what_the_request_says(emulator: EmulatorTenant) -> None:
    stranger = attrs.make_class("Stranger", ["url", "api_token"])(emulator.url, "no-token")
    emulator.fault("503")

    assert ask(stranger).status == 401
    assert ask(emulator).status == 503


def test_without_a_tenant_anybody_gets_it(alone: Emulator) -> None:
    alone.fault("503", count=2)

    assert ask(EmulatorTenant(alone)).status == 503
    assert ask(alone).status == 503


def test_orders_are_never_faulty(alone: Emulator) -> None:
    fault = alone.fault("503", count=5)
    alone.create_tenant()

    assert fault.served == 0


def test_threads_share_a_fault_without_using_it_twice(emulator: EmulatorTenant) -> None:
    fault = emulator.fault("503", count=10)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(ask(emulator).status)) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == [200] * 10 + [503] * 10
    assert fault.served == 10


# Orders.


def test_a_block_takes_back_what_is_left(emulator: EmulatorTenant) -> None:
    with emulator.fault("503", count=5) as fault:
        assert ask(emulator).status == 503

    assert ask(emulator).status == 200
    assert fault.served == 1


def test_a_block_takes_back_its_own_fault_only(emulator: EmulatorTenant) -> None:
    emulator.fault("429")
    with emulator.fault("503"):
        pass

    assert statuses(emulator, *[("GET", "projects/")] * 2) == [429, 200]


def test_a_tenant_takes_back_its_own_faults_only(emulator: EmulatorTenant) -> None:
    other = EmulatorTenant(emulator.emulator)
    emulator.fault("503")
    other.fault("503")

    emulator.clear_faults()

    assert ask(emulator).status == 200
    assert ask(other).status == 503


def test_all_faults_are_taken_back(alone: Emulator) -> None:
    alone.fault("503", count=3)
    alone.fault("503", tenant=alone.tenant)

    alone.clear_faults()

    assert ask(alone).status == 200


def test_an_unknown_kind_names_those_that_there_are(emulator: EmulatorTenant) -> None:
    with pytest.raises(
        EmulatorError, match=r"Fault 'slwo' does not exist\. Use one of slow, 429, .*before\.$"
    ):
        emulator.fault("slwo")


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("slow", {}, "'slow' needs seconds"),
        ("drip", {}, "'drip' needs seconds"),
        ("cut", {"seconds": 1}, "'cut' does not accept seconds"),
        ("500", {"retry_after": 1}, "'500' does not accept retry_after"),
        ("empty", {"status": 200}, "'empty' does not accept status"),
        ("html", {"status": 199}, "status is 199"),
        ("html", {"status": 600}, r"status is 600\. Pass a whole number from 200 to 599\."),
        ("429", {"retry_after": -1}, "retry_after is -1"),
        ("slow", {"seconds": float("inf")}, "seconds is inf"),
        ("slow", {"seconds": "1"}, "seconds is '1'"),
        ("cut", {"count": 0}, r"count is 0\. Pass a whole number from 1\."),
        ("cut", {"count": 1.5}, r"count is 1\.5"),
        ("cut", {"count": True}, "count is True"),
        ("cut", {"after": -1}, "after is -1"),
    ],
)
def test_a_wrong_order_is_refused(
    emulator: EmulatorTenant, kind: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(EmulatorError, match=message):
        emulator.fault(kind, **options)

    assert ask(emulator).status == 200


def test_a_backend_that_does_not_run_has_no_faults() -> None:
    with pytest.raises(EmulatorError, match="not running"):
        Emulator().fault("cut")


@pytest.mark.slow
def test_a_fault_is_of_the_backend_that_it_was_ordered_of() -> None:
    emulator = Emulator()
    with emulator:
        fault = emulator.fault("cut")
    with emulator, pytest.raises(EmulatorError, match="answered 404"):
        _ = fault.served


@pytest.mark.parametrize(
    ("method", "path"), [("POST", ""), ("DELETE", ""), ("GET", "1/"), ("DELETE", "1/")]
)
def test_the_switch_is_not_there_without_the_control_token(
    emulator: EmulatorTenant, method: str, path: str
) -> None:
    received = ask(emulator, method, f"_emulator/faults/{path}", {"kind": "500"})

    assert received.status == 404


# What the SDK makes of it: the outcome and the number of requests, of reading and of creating.

READING = [
    ("slow", {}, None, 1),
    ("drip", {}, None, 1),
    ("429", {}, None, 2),
    ("503", {}, None, 2),
    ("html", {}, None, 2),
    ("html", {"status": 200}, None, 2),
    ("empty", {}, None, 2),
    ("cut", {}, None, 2),
    ("cut-headers", {}, None, 2),
    ("lost", {}, None, 2),
    ("reset", {}, None, 2),
    ("refused-before", {}, None, 2),
    ("500", {}, errors.ServerError, 1),
]
CREATING = [
    ("slow", {}, None, 1),
    ("drip", {}, None, 1),
    ("429", {}, None, 2),
    ("503", {"retry_after": 0}, None, 2),
    ("503", {}, errors.ServerError, 1),
    ("html", {}, errors.ServerError, 1),
    ("html", {"status": 200}, errors.InvalidResponse, 1),
    ("empty", {}, errors.InvalidResponse, 1),
    ("cut", {}, errors.ConnectionFailed, 1),
    ("cut-headers", {}, errors.InvalidResponse, 1),
    ("lost", {}, errors.ConnectionFailed, 1),
    ("reset", {}, errors.ConnectionFailed, 1),
    ("refused-before", {}, errors.ConnectionFailed, 1),
    ("500", {}, errors.ServerError, 1),
]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("kind", "options", "failure", "requests"), READING)
def test_reading(
    emulator: EmulatorTenant, kind: str, options: Any, failure: Any, requests: int
) -> None:
    session = emulator.session()
    emulator.fault(kind, **OPTIONS.get(kind, {}), **options)

    if failure is None:
        assert session.projects.count() == 0
    else:
        with pytest.raises(failure) as caught:
            session.projects.count()
        assert type(caught.value) is failure

    assert session.request_count == requests


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("kind", "options", "failure", "requests"), CREATING)
def test_creating(
    emulator: EmulatorTenant, kind: str, options: Any, failure: Any, requests: int
) -> None:
    session = emulator.session()
    emulator.fault(kind, **OPTIONS.get(kind, {}), **options)

    if failure is None:
        session.projects.create(**BODY)
    else:
        with pytest.raises(failure) as caught:
            session.projects.create(**BODY)
        assert type(caught.value) is failure

    assert session.request_count == requests
    is_there = failure is None or kind not in UNPROCESSED
    assert session.projects.count() == int(is_there)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", ["lost", "reset", "cut", "cut-headers", "empty"])
def test_a_deletion_whose_answer_was_lost_is_done(
    emulator: EmulatorTenant, session: Session, kind: str
) -> None:
    project = session.projects.create(**BODY)
    fault = emulator.fault(kind, method="DELETE")

    project.delete()

    assert (session.projects.count(), fault.served) == (0, 1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"slow", "drip", "500"}))
def test_a_fault_that_stays_is_reported_with_its_attempts(
    emulator: EmulatorTenant, kind: str
) -> None:
    session = emulator.session(retries=2)
    with emulator.fault(kind, count=9) as fault, pytest.raises(errors.ClientError) as caught:
        session.projects.count()

    assert (caught.value.attempts, fault.served) == (3, 3)


@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_a_deadline_ends_what_is_too_late(emulator: EmulatorTenant, kind: str) -> None:
    session = emulator.session(deadline=0.2)
    emulator.fault(kind, seconds=3600)

    with pytest.raises(errors.ClientError, match="deadline"):
        session.projects.count()
