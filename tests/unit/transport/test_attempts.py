"""The attempts of one call: which there are, what is the same in each, and what is said of them."""

from __future__ import annotations

import hashlib
import io
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import attrs
import pytest

from synapse import errors
from synapse.config import Timeout
from synapse.transfer.local_file import LocalFile
from synapse.transfer.multipart import MultipartFile
from synapse.transfer.upload import upload_file
from synapse.transport import Transport
from synapse.transport.options import Event, Options
from synapse.transport.retry import Budget, Retry, RetryPolicy

Connect = Callable[..., Transport]

SAFE = ["GET", "PUT", "DELETE"]
OTHER = ["POST", "PATCH"]
QUICK = RetryPolicy(attempts=4, base=0.001)
LOST = ["close", "reset"]


@pytest.fixture
def persistent(server: Any, connect: Connect) -> Transport:
    """A transport that tries four times, without waiting for long."""
    return connect(server.url, options=Options(retry=QUICK))


class TestVerbs:
    @pytest.mark.parametrize("method", SAFE)
    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    def test_a_safe_verb_is_repeated(
        self, server: Any, persistent: Transport, method: str, status: int
    ) -> None:
        server.reply(status, {"detail": "Not now."})
        server.reply(body={"id": 1})
        assert persistent.request(method, "a/") == {"id": 1}
        assert len(server.requests) == persistent.request_count == 2

    @pytest.mark.parametrize("method", SAFE)
    @pytest.mark.parametrize("then", LOST)
    def test_a_safe_verb_is_repeated_after_a_lost_answer(
        self, server: Any, persistent: Transport, method: str, then: str
    ) -> None:
        server.answer(then=then)
        server.reply(body={"id": 1})
        assert persistent.request(method, "a/") == {"id": 1}
        assert len(server.requests) == 2

    @pytest.mark.parametrize("method", SAFE)
    def test_a_safe_verb_is_repeated_after_a_timeout(
        self, server: Any, connect: Connect, method: str
    ) -> None:
        transport = connect(server.url, options=Options(retry=QUICK), timeout=Timeout(5, 0.2))
        server.answer(then="stall")
        server.reply(body={"id": 1})
        assert transport.request(method, "a/") == {"id": 1}

    @pytest.mark.parametrize("method", OTHER)
    @pytest.mark.parametrize("then", LOST)
    def test_no_other_verb_is_repeated_after_a_lost_answer(
        self, server: Any, persistent: Transport, method: str, then: str
    ) -> None:
        server.answer(then=then)
        with pytest.raises(errors.ConnectionFailed) as caught:
            persistent.request(method, "a/", json={})
        assert caught.value.was_sent
        assert caught.value.attempts == len(server.requests) == 1
        assert "look first whether it was done" in str(caught.value)

    @pytest.mark.parametrize("method", OTHER)
    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_nor_after_an_answer_that_leaves_it_open(
        self, server: Any, persistent: Transport, method: str, status: int
    ) -> None:
        server.reply(status, {"detail": "Not now."})
        with pytest.raises(errors.ServerError):
            persistent.request(method, "a/", json={})
        assert len(server.requests) == 1

    @pytest.mark.parametrize("method", OTHER)
    @pytest.mark.parametrize(
        ("status", "headers"), [(429, {}), (429, {"Retry-After": "0"}), (503, {"Retry-After": "0"})]
    )
    def test_but_it_is_when_the_server_put_it_off(
        self, server: Any, persistent: Transport, method: str, status: int, headers: Any
    ) -> None:
        server.reply(status, {"detail": "Later."}, headers=headers)
        server.reply(201, {"id": 1})
        assert persistent.request(method, "a/", json={"x": 1}) == {"id": 1}
        assert [received.body for received in server.requests] == [b'{"x":1}'] * 2

    @pytest.mark.parametrize("method", SAFE + OTHER)
    def test_every_verb_is_repeated_after_a_refused_connection(
        self, connect: Connect, refusing_port: int, make_server: Any, method: str
    ) -> None:
        retries: list[Retry] = []
        transport = connect(
            f"http://127.0.0.1:{refusing_port}/",
            options=Options(retry=QUICK, on_retry=retries.append),
        )
        with pytest.raises(errors.ConnectionFailed) as caught:
            transport.request(method, "a/")
        assert not caught.value.was_sent
        assert caught.value.attempts == 4
        assert [retry.reason for retry in retries] == ["the connection was refused"] * 3

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 500])
    def test_a_refusal_is_final(self, server: Any, persistent: Transport, status: int) -> None:
        server.reply(status, {"detail": "No."})
        with pytest.raises(errors.ClientError) as caught:
            persistent.request("GET", "a/")
        assert (caught.value.status_code, caught.value.attempts) == (status, 1)

    @pytest.mark.parametrize("method", SAFE)
    def test_the_last_attempt_is_the_last(
        self, server: Any, persistent: Transport, method: str
    ) -> None:
        for _ in range(4):
            server.reply(503, {"detail": "Down."})
        with pytest.raises(errors.ServerError, match="4 attempts in ") as caught:
            persistent.request(method, "a/")
        assert caught.value.attempts == len(server.requests) == 4

    def test_retries_can_be_switched_off(self, server: Any, transport: Transport) -> None:
        server.answer(then="close")
        with pytest.raises(errors.ConnectionFailed):
            transport.request("GET", "a/")
        assert len(server.requests) == 1


class TestOnlyIfNotProcessed:
    """`repeatable=False`: whoever asks how far it got doesn't want it repeated blindly."""

    @pytest.mark.parametrize("then", LOST)
    def test_a_lost_answer_is_reported(self, server: Any, persistent: Transport, then: str) -> None:
        server.answer(then=then)
        with pytest.raises(errors.ConnectionFailed):
            persistent.request("PUT", "a/", repeatable=False)

    def test_what_was_put_off_is_sent_again(self, server: Any, persistent: Transport) -> None:
        server.reply(429, {"detail": "Later."})
        server.reply(body={"offset": 5})
        assert persistent.request("PUT", "a/", repeatable=False) == {"offset": 5}


class TestDeletion:
    @pytest.mark.parametrize("then", LOST)
    def test_a_404_after_a_lost_answer_is_done(
        self, server: Any, persistent: Transport, then: str
    ) -> None:
        server.answer(then=then)
        server.reply(404, {"detail": "Not found."})
        assert persistent.request("DELETE", "a/1/") is None

    @pytest.mark.parametrize("status", [502, 503, 504])
    def test_a_404_after_a_gateway_gave_up_is_done(
        self, server: Any, persistent: Transport, status: int
    ) -> None:
        server.reply(status, b"<html>gateway</html>")
        server.reply(404, {"detail": "Not found."})
        assert persistent.request("DELETE", "a/1/") is None

    def test_a_404_after_a_broken_answer_is_done(self, server: Any, persistent: Transport) -> None:
        server.reply(200, b"")
        server.reply(404, {"detail": "Not found."})
        assert persistent.request("DELETE", "a/1/") is None

    @pytest.mark.parametrize(("status", "headers"), [(429, {}), (503, {"Retry-After": "0"})])
    def test_a_404_after_it_was_put_off_is_a_404(
        self, server: Any, persistent: Transport, status: int, headers: Any
    ) -> None:
        server.reply(status, {"detail": "Later."}, headers=headers)
        server.reply(404, {"detail": "Not found."})
        with pytest.raises(errors.NotFound):
            persistent.request("DELETE", "a/1/")

    def test_a_404_at_first_is_a_404(self, server: Any, persistent: Transport) -> None:
        server.reply(404, {"detail": "Not found."})
        with pytest.raises(errors.NotFound):
            persistent.request("DELETE", "a/1/")

    def test_a_404_of_a_get_after_a_lost_answer_is_a_404(
        self, server: Any, persistent: Transport
    ) -> None:
        server.answer(then="close")
        server.reply(404, {"detail": "Not found."})
        with pytest.raises(errors.NotFound) as caught:
            persistent.request("GET", "a/1/")
        assert caught.value.attempts == 2


class TestPause:
    def record(self, connect: Connect, server: Any, **policy: Any) -> tuple[Transport, list[Retry]]:
        retries: list[Retry] = []
        options = Options(retry=RetryPolicy(**policy), on_retry=retries.append)
        return connect(server.url, options=options), retries

    def test_in_seconds(self, server: Any, connect: Connect) -> None:
        transport, retries = self.record(connect, server)
        server.reply(429, {"detail": "Later."}, headers={"Retry-After": "0.02"})
        server.reply(body=1)
        transport.request("GET", "a/")
        assert [retry.delay for retry in retries] == [0.02]

    def test_as_a_date(self, server: Any, connect: Connect) -> None:
        transport, retries = self.record(connect, server)
        moment = datetime.now(timezone.utc) + timedelta(seconds=1)
        header = format_datetime(moment, usegmt=True)
        server.reply(503, {"detail": "Later."}, headers={"Retry-After": header})
        server.reply(body=1)
        transport.request("GET", "a/")
        assert 0 <= retries[0].delay <= 1

    def test_longer_than_the_limit_is_not_waited_for(self, server: Any, connect: Connect) -> None:
        transport, retries = self.record(connect, server, longest=60.0)
        server.reply(429, {"detail": "Later."}, headers={"Retry-After": "61"})
        with pytest.raises(errors.RateLimited) as caught:
            transport.request("GET", "a/")
        assert (caught.value.retry_after, retries) == (61.0, [])
        assert "Wait 61 seconds." in str(caught.value)

    @pytest.mark.parametrize("digits", [3, 10, 20, 400])
    def test_of_any_number_of_digits_is_not_taken_for_none(
        self, server: Any, connect: Connect, digits: int
    ) -> None:
        transport, retries = self.record(connect, server)
        server.reply(429, {"detail": "Later."}, headers={"Retry-After": "9" * digits})
        with pytest.raises(errors.RateLimited):
            transport.request("GET", "a/")
        assert (retries, len(server.requests)) == ([], 1)

    @pytest.mark.real_pauses
    def test_without_a_word_it_grows_and_varies(self, server: Any, connect: Connect) -> None:
        transport, retries = self.record(connect, server, base=0.01)
        for _ in range(4):
            server.reply(502, {"detail": "Down."})
        with pytest.raises(errors.ServerError):
            transport.request("GET", "a/")
        for retry, most in zip(retries, [0.01, 0.02, 0.04], strict=True):
            assert most / 2 <= retry.delay <= most

    def test_none_goes_beyond_the_deadline(self, server: Any, connect: Connect) -> None:
        transport, retries = self.record(connect, server)
        server.reply(503, {"detail": "Later."}, headers={"Retry-After": "30"})
        with pytest.raises(errors.ServerError) as caught:
            transport.request("GET", "a/", deadline=20)
        assert (caught.value.attempts, retries) == (1, [])


class TestSameInEach:
    def test_the_request_and_its_credentials(
        self, server: Any, persistent: Transport, token: str
    ) -> None:
        server.answer(then="close")
        server.reply(503, {"detail": "Down."})
        server.answer(b"HTTP/1.1 200 OK\r\nContent-Le", then="close")
        server.reply(body=[])
        persistent.request("PUT", "a/", json={"x": "\u00e9"}, params={"q": 1})
        first, *others = [received.raw for received in server.requests]
        assert others == [first] * 3
        assert f"SYNAPSE-Access-Token: Token {token}".encode() in first

    def test_two_calls_have_different_ids(self, server: Any, persistent: Transport) -> None:
        server.reply(body=1)
        server.reply(body=1)
        persistent.request("GET", "a/")
        persistent.request("GET", "a/")
        assert len({received.headers["x-request-id"] for received in server.requests}) == 2

    def test_a_file_is_sent_whole_and_its_checksum_is_right(
        self, server: Any, persistent: Transport, tmp_path: Any
    ) -> None:
        content = bytes(range(256)) * 20_000
        path = tmp_path / "a.bin"
        path.write_bytes(content)
        checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
        server.reply(429, {"detail": "Later."})
        server.reply(503, {"detail": "Later."}, headers={"Retry-After": "0"})
        server.reply(201, {"id": 1, "checksum": checksum})
        assert upload_file(persistent, "data_files/", path)["id"] == 1
        bodies = {received.body for received in server.requests}
        assert len(server.requests) == 3
        assert len(bodies) == 1
        assert content in bodies.pop()

    def test_a_part_of_a_file_starts_where_it_started(
        self, server: Any, persistent: Transport
    ) -> None:
        file = io.BytesIO(b"0123456789")
        file.seek(4)
        body = MultipartFile(LocalFile(file, name="a.bin"), size=3)
        server.reply(429, {"detail": "Later."})
        server.reply(201, {})
        persistent.request("POST", "a/", body=body, headers=body.headers)
        assert all(b"\r\n\r\n456\r\n" in received.body for received in server.requests)


class TestLostAttempts:
    """What may have been processed is said, however the last attempt ended."""

    @pytest.mark.parametrize("verb", ["PUT", "DELETE"])
    def test_before_a_refusal(self, server: Any, persistent: Transport, verb: str) -> None:
        server.answer(then="close")
        server.reply(429, {"detail": "Later."}, headers={"Retry-After": "1000"})
        with pytest.raises(errors.RateLimited) as caught:
            persistent.request(verb, "a/")
        assert (caught.value.attempts, caught.value.may_have_been_processed) == (2, True)

    def test_before_a_refused_connection(
        self, server: Any, persistent: Transport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connect = socket.create_connection
        connections = [lambda address: connect(address)]

        def connect_once(address: Any, *args: Any, **options: Any) -> socket.socket:
            if not connections:
                raise ConnectionRefusedError
            return connections.pop()(address)

        monkeypatch.setattr("urllib3.util.connection.create_connection", connect_once)
        server.answer(then="close")
        with pytest.raises(errors.ConnectionFailed) as caught:
            persistent.request("DELETE", "a/")
        error = caught.value
        assert (error.was_sent, error.has_lost_attempt) == (False, True)
        assert (error.attempts, error.may_have_been_processed) == (4, True)

    def test_that_were_surely_not_processed(self, server: Any, persistent: Transport) -> None:
        server.reply(429, {"detail": "Later."}, headers={"Retry-After": "0"})
        server.reply(429, {"detail": "Later."}, headers={"Retry-After": "1000"})
        with pytest.raises(errors.RateLimited) as caught:
            persistent.request("DELETE", "a/")
        assert (caught.value.attempts, caught.value.may_have_been_processed) == (2, False)


class TestWhatIsSaid:
    def test_of_an_error(self, server: Any, persistent: Transport) -> None:
        for _ in range(4):
            server.answer(then="close")
        with pytest.raises(errors.ConnectionFailed) as caught:
            persistent.request("GET", "a/")
        error = caught.value
        assert error.request_id == server.last.headers["x-request-id"]
        assert (error.attempts, error.elapsed > 0) == (4, True)
        assert f"request {error.request_id}, 4 attempts in {error.elapsed:.1f} s)" in str(error)

    def test_of_a_refusal_without_an_id_of_the_servers(
        self, server: Any, persistent: Transport
    ) -> None:
        server.reply(404, {"detail": "Not found."})
        with pytest.raises(errors.NotFound) as caught:
            persistent.request("GET", "a/")
        assert caught.value.request_id == server.last.headers["x-request-id"]

    def test_of_a_refusal_with_one(self, server: Any, persistent: Transport) -> None:
        server.reply(404, {"detail": "Not found."}, headers={"X-Request-ID": "theirs"})
        with pytest.raises(errors.NotFound) as caught:
            persistent.request("GET", "a/")
        assert caught.value.request_id == "theirs"

    def test_of_a_stream_that_does_not_begin(self, server: Any, persistent: Transport) -> None:
        server.answer(then="close")
        with pytest.raises(errors.ConnectionFailed) as caught:
            next(persistent.lines("jobs/1/"))
        assert caught.value.request_id == server.last.headers["x-request-id"]
        assert len(server.requests) == 1

    def test_in_the_log_and_the_callback(
        self, server: Any, connect: Connect, caplog: pytest.LogCaptureFixture
    ) -> None:
        retries: list[Retry] = []
        options = Options(retry=QUICK, on_retry=retries.append)
        transport = connect(server.url, options=options)
        server.reply(503, {"detail": "Down."})
        server.reply(200, b"<html>")
        server.reply(body=1)
        with caplog.at_level(logging.INFO, "synapse"):
            transport.request("GET", "a/", params={"secret": "x"})
        url, request_id = f"{server.url}a/", server.last.headers["x-request-id"]
        reasons = ["the server answered 503", "the answer is broken"]
        for number, (retry, reason) in enumerate(zip(retries, reasons, strict=True), 1):
            told = attrs.asdict(retry, filter=attrs.filters.exclude("delay", "error"))
            assert list(told.values()) == ["GET", url, request_id, number, 4, reason]
            assert retry.error is not None
            assert (retry.error.attempts, retry.error.request_id) == (number, request_id)
        kinds = [type(retry.error) for retry in retries]
        assert kinds == [errors.ServerError, errors.InvalidResponse]
        for number, (record, reason) in enumerate(zip(caplog.records, reasons, strict=True), 1):
            assert record.levelno == logging.INFO
            assert record.getMessage() == (
                f"GET {url}: {reason}; retrying in 0.0 s (attempt {number} of 4, "
                f"request {request_id})"
            )

    def test_a_long_wait_is_a_warning(
        self, server: Any, connect: Connect, caplog: pytest.LogCaptureFixture
    ) -> None:
        def stop(retry: Retry) -> None:
            raise KeyboardInterrupt  # instead of waiting

        transport = connect(server.url, options=Options(on_retry=stop))
        server.reply(429, {"detail": "Later."}, headers={"Retry-After": "6"})
        with pytest.raises(KeyboardInterrupt):
            transport.request("GET", "a/")
        assert [record.levelname for record in caplog.records] == ["WARNING"]

    def test_to_the_callback_when_no_answer_came(self, server: Any, connect: Connect) -> None:
        retries: list[Retry] = []
        transport = connect(server.url, options=Options(retry=QUICK, on_retry=retries.append))
        server.answer(then="close")
        server.reply(body=1)
        transport.request("GET", "a/")
        (retry,) = retries
        assert isinstance(retry.error, errors.ConnectionFailed)
        assert (retry.error.attempts, retry.delay >= 0) == (1, True)

    def test_to_a_callback_that_fails(
        self, server: Any, connect: Connect, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(retry: Retry) -> None:
            raise ZeroDivisionError

        transport = connect(server.url, options=Options(retry=QUICK, on_retry=fail))
        server.answer(then="close")
        server.reply(503, {})
        server.reply(body=1)
        assert transport.request("GET", "a/") == 1
        assert [one.levelname for one in caplog.records] == ["ERROR", "ERROR"]
        assert "on_retry failed after GET" in caplog.messages[0]

    def test_to_the_hooks(self, server: Any, connect: Connect) -> None:
        events: list[tuple[str, Event]] = []
        options = Options(
            retry=QUICK,
            on_request=lambda event: events.append(("request", event)),
            on_response=lambda event: events.append(("response", event)),
        )
        transport = connect(server.url, options=options)
        server.answer(then="close")
        server.reply(503, {})
        server.reply(body=1)
        transport.request("GET", "a/", params={"q": 1})
        assert [kind for kind, _ in events] == ["request", "response"] * 3
        assert [event.attempt for _, event in events] == [1, 1, 2, 2, 3, 3]
        assert [event.status for _, event in events] == [None, None, None, 503, None, 200]
        assert {(event.method, event.url) for _, event in events} == {("GET", f"{server.url}a/")}
        assert {event.request_id for _, event in events} == {server.last.headers["x-request-id"]}
        assert isinstance(events[1][1].error, errors.ConnectionFailed)
        assert all(event.elapsed > 0 for kind, event in events if kind == "response")

    @pytest.mark.parametrize("hook", ["on_request", "on_response"])
    def test_to_one_hook_alone(self, server: Any, connect: Connect, hook: str) -> None:
        events: list[Event] = []
        server.reply(body=1)
        transport = connect(server.url, options=Options(**{hook: events.append}))
        transport.request("GET", "a/")
        assert [event.url for event in events] == [f"{server.url}a/"]


class TestBudget:
    def test_an_outage_is_not_made_worse(self, server: Any, connect: Connect) -> None:
        transport = connect(server.url, options=Options(retry=QUICK))
        calls = 1000
        for _ in range(calls * 4):
            server.reply(503, {"detail": "Down."})
        for _ in range(calls):
            with pytest.raises(errors.ServerError):
                transport.request("GET", "a/")
        assert calls < len(server.requests) < calls * 1.1

    def test_after_it_successes_allow_retries_again(self, server: Any, connect: Connect) -> None:
        transport = connect(server.url, options=Options(retry=QUICK))
        while transport._budget.take():
            pass
        server.reply(503, {"detail": "Down."})
        with pytest.raises(errors.ServerError) as caught:
            transport.request("GET", "a/")
        assert caught.value.attempts == 1
        for _ in range(20):
            server.reply(body=1)
            transport.request("GET", "a/")
        server.reply(503, {"detail": "Down."})
        server.reply(body=1)
        assert transport.request("GET", "a/") == 1

    def test_a_refusal_is_a_sign_of_life(self, server: Any, connect: Connect) -> None:
        transport = connect(server.url, options=Options(retry=QUICK))
        for _ in range(50):
            server.reply(503, {"detail": "Down."})
            server.reply(404, {"detail": "Not found."})
            with pytest.raises(errors.NotFound):
                transport.request("GET", "a/")
        assert len(server.requests) == 100

    @pytest.mark.parametrize(
        ("status", "wait"),
        [(429, "0.001"), (429, None), (503, "0.001"), (502, "0.001"), (408, "0.001")],
    )
    def test_a_throttling_server_costs_nothing(
        self, server: Any, connect: Connect, status: int, wait: str | None
    ) -> None:
        transport = connect(server.url, options=Options(retry=QUICK))
        for _ in range(120):
            for _ in range(3):
                server.reply(status, {}, headers={"Retry-After": wait} if wait else {})
            server.reply(body=1)
            assert transport.request("GET", "a/") == 1
        assert transport._budget._left == Budget()._left

    def test_a_wait_that_is_named_as_a_date_costs_nothing(
        self, server: Any, connect: Connect
    ) -> None:
        transport = connect(server.url, options=Options(retry=QUICK))
        transport._budget = Budget(capacity=0)
        moment = datetime.now(timezone.utc) + timedelta(seconds=2)
        server.reply(429, {}, headers={"Retry-After": format_datetime(moment, usegmt=True)})
        server.reply(body=1)
        assert transport.request("GET", "a/") == 1

    @pytest.mark.parametrize(("status", "wait"), [(429, "0"), (503, "0"), (503, None), (502, None)])
    def test_without_a_pause_or_throttling_retries_are_charged(
        self, server: Any, connect: Connect, status: int, wait: str | None
    ) -> None:
        transport = connect(server.url, options=Options(retry=QUICK))
        transport._budget = Budget(capacity=2)
        for _ in range(3):
            server.reply(status, {}, headers={"Retry-After": wait} if wait else {})
        with pytest.raises(errors.ClientError) as caught:
            transport.request("GET", "a/")
        assert caught.value.attempts == 3

    def test_free_retries_are_not_given_back(self, server: Any, connect: Connect) -> None:
        transport = connect(server.url, options=Options(retry=QUICK))
        transport._budget = Budget(capacity=5, refund=0)
        for _ in range(2):
            transport._budget.take()
        server.reply(429, {}, headers={"Retry-After": "0.001"})
        server.reply(503, {})
        server.reply(body=1)
        assert transport.request("GET", "a/") == 1
        assert transport._budget._left == 3

    def test_threads_share_it(self, server: Any, connect: Connect) -> None:
        transport = connect(server.url, options=Options(retry=QUICK))
        transport._budget = Budget(capacity=5)
        for _ in range(80 * 4):
            server.reply(503, {"detail": "Down."})

        def ask() -> None:
            for _ in range(10):
                with pytest.raises(errors.ServerError):
                    transport.request("GET", "a/")

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.requests) == 80 + 5


class TestClosing:
    def test_ends_the_attempts(self, server: Any, connect: Connect) -> None:
        transport: Transport

        def close(retry: Retry) -> None:
            transport.close()

        transport = connect(server.url, options=Options(retry=QUICK, on_retry=close))
        server.answer(then="close")
        with pytest.raises(errors.SessionClosed):
            transport.request("GET", "a/")
        assert len(server.requests) == 1


BROKEN: list[Any] = [
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "keep", id="empty"),
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n  ", "keep", id="blank"),
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", "keep", id="text"),
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "keep", id="page"),
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1, ", "close", id="short"),
    pytest.param(b'HTTP/1.1 200 OK\r\n\r\n{"id": ', "close", id="short without a length"),
    pytest.param(b"HTTP/1.1 200 OK\r\nServer: x\r\nConte", "close", id="cut in the headers"),
    pytest.param(b"HTTP/1.1 2", "close", id="cut in the status line"),
    pytest.param(b"\x16\x03\x01", "close", id="not HTTP"),
]


@pytest.mark.parametrize(("raw", "then"), BROKEN)
class TestBrokenAnswer:
    def test_is_repeated_for_a_safe_verb(
        self, server: Any, persistent: Transport, raw: bytes, then: str
    ) -> None:
        server.answer(raw, then)
        server.reply(body={"id": 1})
        assert persistent.request("GET", "a/") == {"id": 1}
        assert len(server.requests) == 2

    def test_is_reported_for_others(
        self, server: Any, persistent: Transport, raw: bytes, then: str
    ) -> None:
        server.answer(raw, then)
        with pytest.raises((errors.InvalidResponse, errors.ConnectionFailed)) as caught:
            persistent.request("POST", "a/", json={})
        assert caught.value.attempts == len(server.requests) == 1

    def test_is_reported_in_the_end(
        self, server: Any, persistent: Transport, raw: bytes, then: str
    ) -> None:
        for _ in range(4):
            server.answer(raw, then)
        with pytest.raises((errors.InvalidResponse, errors.ConnectionFailed)) as caught:
            persistent.request("GET", "a/")
        assert caught.value.attempts == len(server.requests) == 4


@pytest.mark.parametrize("value", [0, -1.5, 12, True, False, None, "x", "", [], {}, [1], {"a": 1}])
def test_no_json_is_taken_for_broken(server: Any, persistent: Transport, value: Any) -> None:
    server.reply(body=value)
    assert persistent.request("GET", "a/") == value


def test_an_error_of_the_body_ends_the_attempts(server: Any, persistent: Transport) -> None:
    class Failing:
        def __iter__(self) -> Iterator[bytes]:
            raise errors.SynapseError("The file became shorter.")

    server.tolerate_garbage()
    with pytest.raises(errors.SynapseError, match="became shorter"):
        persistent.request("PUT", "a/", body=Failing(), headers={"Content-Length": "5"})
    assert persistent.request_count == 1
