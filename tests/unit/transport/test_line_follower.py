"""Logs that are followed over connections that break, with streams and clocks made by hand."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synapse
from synapse._internal.backoff import Backoff
from synapse.errors import (
    ClientError,
    ConnectionFailed,
    InvalidResponse,
    NotFound,
    RateLimited,
    RequestTimeout,
    ServerError,
    SessionClosed,
    StreamLimitExceeded,
)
from synapse.transport import Transport
from synapse.transport.line_follower import follow, may_pass
from synapse.transport.stream_limits import StreamLimits, StreamMeter

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
PART = b"HTTP/1.1 206 Partial Content\r\nContent-Type: text/plain; charset=utf-8\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"

CUT = ConnectionFailed(503, "the connection broke")
SILENT = RequestTimeout(408, "no answer within 30 s")
AWAY = ServerError(502, "bad gateway")


def chunk(*lines: str) -> bytes:
    """Frame lines as one piece of a chunked body."""
    content = "".join(f"{line}\n" for line in lines).encode()
    return b"%x\r\n%s\r\n" % (len(content), content)


class Clock:
    """A time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@attrs.frozen
class Turn:
    """What happens when the log is opened once.

    Attributes:
        lines: How many lines are given at most.
        then: What the stream ends with: an error, `end` as it should, or `maybe` as one that
            can't tell its end from a cut.
        printed: How many lines the job prints between this stream and the next question.
    """

    lines: int = 1 << 30
    then: ClientError | str = "end"
    printed: int = 0


class Job:
    """A log whose job prints while nobody looks."""

    def __init__(self, count: int, printed: int, turns: Iterable[Turn] = ()) -> None:
        self.lines = [f"line {number}" for number in range(count)]
        self.printed = printed
        self.turns = iter(turns)
        self.opened: list[int] = []
        self.asked = 0
        self.errors: Iterator[ClientError | None] = iter(())
        self.clock = Clock()

    def open_at(self, start: int) -> Generator[str, None, str | None]:
        self.opened.append(start)
        turn = next(self.turns, None)
        if turn is None:
            turn, self.printed = Turn(), len(self.lines)
        seen = self.lines[start : self.printed][: turn.lines]
        yield from seen
        self.printed = min(len(self.lines), self.printed + turn.printed)
        if isinstance(turn.then, ClientError):
            raise turn.then
        if turn.then == "maybe":
            upcoming = start + len(seen)
            # What was cut off in the middle of a line, or all of one without its end.
            return self.lines[upcoming][:3] if upcoming < len(self.lines) else ""
        return None

    def has_ended(self) -> bool:
        self.asked += 1
        error = next(self.errors, None)
        if error is not None:
            raise error
        return self.printed == len(self.lines)

    def follow(self, limits: StreamLimits | None = None, **options: Any) -> Iterator[str]:
        return follow(
            self.open_at,
            self.has_ended,
            meter=StreamMeter(limits or StreamLimits(), "Job 7"),
            resource="Job 7",
            clock=self.clock,
            sleep=self.clock.sleep,
            **options,
        )


cuts = st.sampled_from([CUT, SILENT, AWAY, RateLimited(429, "too many"), "maybe"])


class TestEachLineOnce:
    @given(
        st.integers(0, 40),
        st.integers(0, 40),
        st.lists(st.builds(Turn, st.integers(0, 12), cuts, st.integers(0, 12)), max_size=30),
    )
    def test_whatever_the_cuts(self, count: int, printed: int, turns: list[Turn]) -> None:
        # Nothing tells two cuts at the same place from an end, where an end can't be told.
        pairs = zip(turns, [None, *turns], strict=False)
        turns = [
            one for one, before in pairs if not (before and one.then == before.then == "maybe")
        ]
        job = Job(count, min(count, printed), turns)

        assert list(job.follow(patience=1e9)) == job.lines

    @given(st.lists(st.integers(0, 12), max_size=20), st.integers(0, 40))
    def test_of_a_server_that_ends_streams_of_running_jobs(
        self, prints: list[int], count: int
    ) -> None:
        """It may print, and end, between the end of the stream and the question."""
        turns = [Turn(1 << 30, "end", printed) for printed in [0, *prints]]
        job = Job(count, 0, turns)
        job.lines.append("the last one")

        assert list(job.follow()) == job.lines

    def test_nothing_more_is_asked_when_all_is_well(self) -> None:
        job = Job(3, 3)

        assert list(job.follow()) == job.lines
        assert (job.opened, job.asked, job.clock.slept) == ([0], 1, [])

    def test_a_last_line_without_its_end(self) -> None:
        streams = iter(["on", "on"])

        def open_at(start: int) -> Generator[str, None, str | None]:
            yield from ["zero"][start:]
            return next(streams)

        lines = follow(
            open_at, lambda: True, meter=StreamMeter(StreamLimits()), sleep=lambda _: None
        )

        assert list(lines) == ["zero", "on"]

    def test_plain_iterables_do_for_streams(self) -> None:
        lines = follow(
            lambda start: ["one", "two"][start:],
            lambda: True,
            meter=StreamMeter(StreamLimits()),
        )

        assert list(lines) == ["one", "two"]

    def test_a_stream_is_closed_with_the_iteration(self) -> None:
        closed = []

        def open_at(start: int) -> Iterator[str]:
            try:
                yield "one"
                yield "two"
            finally:
                closed.append(start)

        lines: Any = follow(open_at, lambda: True, meter=StreamMeter(StreamLimits()))
        assert next(lines) == "one"
        lines.close()

        assert closed == [0]


class TestLimits:
    def test_lines_are_counted_over_connections(self) -> None:
        job = Job(10, 10, [Turn(3, CUT), Turn(3, CUT)])
        lines = job.follow(StreamLimits(max_lines=7))

        assert [next(lines) for _ in range(7)] == job.lines[:7]
        with pytest.raises(StreamLimitExceeded, match="Job 7: the log has more than 7 lines"):
            next(lines)
        assert job.opened == [0, 3, 6]

    def test_exactly_as_many_as_there_may_be(self) -> None:
        job = Job(7, 7)

        assert list(job.follow(StreamLimits(max_lines=7))) == job.lines


class TestOutage:
    def test_is_waited_out(self) -> None:
        job = Job(3, 3, [Turn(1, CUT), Turn(0, AWAY), Turn(0, CUT)])

        assert list(job.follow()) == job.lines
        assert job.opened == [0, 1, 1, 1]

    @pytest.mark.real_pauses
    def test_pauses_grow_and_begin_anew_after_a_line(self) -> None:
        job = Job(2, 2, [*[Turn(0, AWAY)] * 4, Turn(1, AWAY)])

        assert list(job.follow()) == job.lines
        first, _, _, longer, again = job.clock.slept
        assert first <= 0.1 < 0.4 <= longer
        assert again <= 0.1

    @pytest.mark.parametrize("error", [AWAY, CUT])
    def test_has_an_end(self, error: ClientError) -> None:
        job = Job(2, 2, [Turn(1, CUT), *[Turn(0, error)] * 1000])
        lines = job.follow(patience=60)
        assert next(lines) == "line 0"

        with pytest.raises(ServerError) as caught:
            next(lines)

        assert caught.value is error
        assert 60 <= job.clock.now < 61

    def test_a_silent_job_is_none(self) -> None:
        """The backend is there, and says that the job runs; that nothing comes is its right."""
        job = Job(2, 0, [*[Turn(0, SILENT)] * 100, *[Turn(0, CUT)] * 100])

        assert list(job.follow(patience=10)) == job.lines
        assert job.clock.now > 20

    def test_a_job_that_ended_while_nothing_came(self) -> None:
        job = Job(2, 1, [Turn(1, SILENT), Turn(0, SILENT, printed=1)])

        assert list(job.follow()) == job.lines

    def test_the_question_may_fail_too(self) -> None:
        job = Job(2, 2)
        job.errors = iter([AWAY, InvalidResponse(200, "the answer is empty"), None])

        assert list(job.follow()) == job.lines
        assert job.opened == [0, 2, 2]

    def test_a_place_is_waited_for_as_long_as_it_takes(self) -> None:
        full = RateLimited(429, "Too many logs are being followed.")
        full.retry_after = 7
        job = Job(1, 1, [Turn(0, full)] * 100)

        assert list(job.follow(patience=10)) == job.lines
        assert job.clock.slept == [7] * 100

    def test_a_place_is_asked_for_each_hour_at_least(self) -> None:
        full = RateLimited(429, "Too many logs are being followed.")
        full.retry_after = 1e9
        job = Job(1, 1, [Turn(0, full)] * 2)

        assert list(job.follow(patience=10)) == job.lines
        assert job.clock.slept == [3600] * 2

    def test_a_server_that_is_full_is_not_away(self) -> None:
        full = RateLimited(429, "Too many logs are being followed.")
        full.retry_after = 7
        job = Job(1, 1, [Turn(0, AWAY), Turn(0, full)] * 10)

        assert list(job.follow(patience=10)) == job.lines

    def test_is_logged_once(self, caplog: pytest.LogCaptureFixture) -> None:
        job = Job(3, 3, [Turn(1, CUT), *[Turn(0, AWAY)] * 5, Turn(1, CUT)])

        with caplog.at_level(logging.WARNING):
            assert list(job.follow()) == job.lines

        assert [record.message for record in caplog.records] == [
            "Job 7: bad gateway; following continues after line 1 as soon as possible"
        ]


class TestWhatCantPass:
    @pytest.mark.parametrize(
        "error",
        [
            NotFound(404, "no job"),
            InvalidResponse(200, "a line is longer than 9 characters"),
            ServerError(501, "not implemented"),
            StreamLimitExceeded(429, "too long"),
        ],
    )
    def test_is_raised_at_once(self, error: ClientError) -> None:
        job = Job(2, 2, [Turn(1, error)])
        lines = job.follow()
        assert next(lines) == "line 0"

        with pytest.raises(ClientError) as caught:
            next(lines)

        assert caught.value is error
        assert (job.opened, job.clock.slept) == ([0], [])

    def test_of_the_question(self) -> None:
        job = Job(1, 1)
        job.errors = iter([NotFound(404, "no job")])

        with pytest.raises(NotFound):
            list(job.follow())

    def test_a_closed_session(self) -> None:
        def open_at(start: int) -> Iterator[str]:
            raise SessionClosed("closed")

        with pytest.raises(SessionClosed):
            list(follow(open_at, lambda: False, meter=StreamMeter(StreamLimits())))

    def test_the_deadline_of_a_block_around_it(self) -> None:
        assert may_pass(SILENT)
        with synapse.deadline(1e-9):
            assert not may_pass(SILENT)


@pytest.mark.real_pauses
def test_pauses_are_never_quite_the_same_and_have_an_end() -> None:
    pauses = [Backoff(first=1, longest=8), Backoff(first=1, longest=8)]
    one, other = ([each.next() for _ in range(8)] for each in pauses)

    assert one != other
    for pause, most in zip(one, [1, 2, 4, 8, 8, 8, 8, 8], strict=True):
        assert most / 2 <= pause <= most


class TestOverHTTP:
    """What servers make of `Range: lines=N-`."""

    def follow(self, transport: Transport, has_ended: Callable[[], bool]) -> Iterator[str]:
        return follow(
            lambda start: transport.lines_from(start, "jobs/7/tail/", resource="Job 7"),
            has_ended,
            meter=StreamMeter(StreamLimits()),
            sleep=lambda _: None,
        )

    def ranges(self, server: Any) -> list[str | None]:
        return [request.headers.get("range") for request in server.requests]

    def test_understood(self, server: Any, transport: Transport) -> None:
        server.answer(HEAD + CHUNKED + chunk("one", "two"), then="close")
        server.answer(PART + b"Content-Range: lines 2-/*\r\n" + CHUNKED + chunk("three") + END)

        assert list(self.follow(transport, lambda: True)) == ["one", "two", "three"]
        assert self.ranges(server) == [None, "lines=2-"]

    def test_cut_in_the_middle_of_a_line(self, server: Any, transport: Transport) -> None:
        server.answer(HEAD + CHUNKED + chunk("one") + b"3\r\ntwo\r\n", then="close")
        server.answer(PART + b"Content-Range: lines 1-/*\r\n" + CHUNKED + chunk("two") + END)

        assert list(self.follow(transport, lambda: True)) == ["one", "two"]

    def test_begun_earlier(self, server: Any, transport: Transport) -> None:
        server.answer(HEAD + CHUNKED + chunk("one", "two"), then="close")
        body = CHUNKED + chunk("two", "three") + END
        server.answer(PART + b"Content-Range: lines 1-/*\r\n" + body)

        assert list(self.follow(transport, lambda: True)) == ["one", "two", "three"]

    @pytest.mark.parametrize(
        "said", [b"", b"Content-Range: lines 3-/*\r\n", b"Content-Range: bytes 2-5/9\r\n"]
    )
    def test_begun_elsewhere(self, server: Any, transport: Transport, said: bytes) -> None:
        server.answer(HEAD + CHUNKED + chunk("one", "two"), then="close")
        server.answer(PART + said + CHUNKED + chunk("four") + END)
        lines = self.follow(transport, lambda: True)
        assert [next(lines), next(lines)] == ["one", "two"]

        with pytest.raises(InvalidResponse, match="lines from 2 on were asked for"):
            next(lines)

    def test_ignored(self, server: Any, transport: Transport) -> None:
        server.answer(HEAD + CHUNKED + chunk("one", "two"), then="close")
        server.answer(HEAD + CHUNKED + chunk("one", "two", "three") + END)

        assert list(self.follow(transport, lambda: True)) == ["one", "two", "three"]

    def test_refused(self, server: Any, transport: Transport) -> None:
        server.answer(HEAD + CHUNKED + chunk("one", "two"), then="close")
        server.reply(416, {"detail": "What range?"})
        server.answer(HEAD + CHUNKED + chunk("one", "two", "three") + END)

        assert list(self.follow(transport, lambda: True)) == ["one", "two", "three"]
        assert self.ranges(server) == [None, "lines=2-", None]

    def test_refused_for_good(self, server: Any, transport: Transport) -> None:
        server.reply(416, {"detail": "What range?"})

        with pytest.raises(ClientError, match="What range") as caught:
            next(self.follow(transport, lambda: True))

        assert caught.value.status_code == 416
        assert len(server.requests) == 1

    def test_a_log_that_shrinks(
        self, server: Any, transport: Transport, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.answer(HEAD + CHUNKED + chunk("one", "two", "three"), then="close")
        server.answer(HEAD + CHUNKED + chunk("two") + END)

        assert list(self.follow(transport, lambda: True)) == ["one", "two", "three"]
        assert "Job 7: the log has 1 lines, fewer than the 3 that it had before" in caplog.text

    @pytest.mark.parametrize("rest", [b"", b"thr"])
    def test_cut_where_that_looks_like_an_end(
        self, server: Any, transport: Transport, rest: bytes
    ) -> None:
        """As through a proxy that speaks HTTP/1.0: no length, no chunks."""
        server.answer(HEAD + b"\r\none\ntwo\n" + rest, then="close")
        server.answer(HEAD + b"\r\none\ntwo\nthree\nfour", then="close")
        server.answer(HEAD + b"\r\none\ntwo\nthree\nfour", then="close")
        answers = iter([False, True, True])

        lines = list(self.follow(transport, lambda: next(answers)))

        assert lines == ["one", "two", "three", "four"]

    def test_cut_inside_the_headers(self, server: Any, transport: Transport) -> None:
        """The HTTP library takes that for an empty answer."""
        server.answer(HEAD + CHUNKED + chunk("one"), then="close")
        server.answer(HEAD, then="close")
        server.answer(PART + b"Content-Range: lines 1-/*\r\n" + CHUNKED + chunk("two") + END)

        assert list(self.follow(transport, lambda: True)) == ["one", "two"]

    @given(
        st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))),
        st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=6),
    )
    @settings(deadline=None, max_examples=60)
    def test_cut_anywhere(
        self, server: Any, transport: Transport, lines: list[str], turns: list[tuple[int, bool]]
    ) -> None:
        """Whether the server understands the range or not."""
        start = 0
        for size, understands in turns:
            body = b"".join(chunk(line) for line in lines[start if understands else 0 :])[:size]
            head = PART + b"Content-Range: lines %d-/*\r\n" % start if understands else HEAD
            server.answer(head + CHUNKED + body, then="close")
            whole, at = body, 0
            given = 0
            while at < len(whole):
                framed = len(chunk(lines[(start if understands else 0) + given]))
                # The last two bytes end the piece, not the line.
                if at + framed - 2 > len(whole):
                    break
                at, given = at + framed, given + 1
            start = max(start, (start if understands else 0) + given)
        server.answer(HEAD + CHUNKED + b"".join(map(chunk, lines)) + END)

        assert list(self.follow(transport, lambda: True)) == lines
