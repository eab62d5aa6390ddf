import io
import threading
from typing import Any

import pytest
import typer

from synapse import Job, Task
from synapse.cli import ids
from synapse.cli.ids import Results, Target, attempt, batches, read_rows, read_targets, run_batch
from synapse.errors import (
    AuthenticationError,
    NotFound,
    SessionClosed,
    SynapseError,
    UsageError,
)

TASK = Task.__schema__


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Any:
    def give(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return give


def test_ids_of_arguments() -> None:
    assert [each.key for each in read_targets(TASK, ["1,2", "3"])] == [1, 2, 3]
    assert [each.key for each in read_targets(Job.__schema__, ["12"])] == ["12"]


@pytest.mark.parametrize("words", [["project=1"], ["1", "status=pending,completed"]])
def test_a_filter_is_not_an_id(words: list[str]) -> None:
    with pytest.raises(UsageError, match=f"'{words[-1]}' is not an id. Pipe the ids"):
        list(read_targets(TASK, words))


@pytest.mark.parametrize("words", [[], [","]])
def test_no_id(words: list[str]) -> None:
    with pytest.raises(UsageError, match="No id of tasks"):
        list(read_targets(TASK, words))


def test_ids_and_rows_of_standard_input(stdin: Any) -> None:
    stdin('\ufeff1\n\n "2" \n{"id": 3, "a": 1}\n')
    expected = [Target(1), Target(2), Target(3, {"id": 3, "a": 1}), Target(4)]
    assert list(read_targets(TASK, ["-", "4"])) == expected
    stdin("")
    assert list(read_targets(TASK, ["-"])) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('1\n{"a": 1}', "standard input, line 2: the row has no 'id'"),
        ("{", "standard input, line 1: not valid JSON"),
        ("id  status\n1   pending", "standard input, line 1: 'id  status' is not an id of tasks"),
    ],
)
def test_broken_lines_are_named(stdin: Any, text: str, message: str) -> None:
    stdin(text)
    with pytest.raises(UsageError, match=message):
        list(read_targets(TASK, ["-"]))


def test_input_that_is_not_text(monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.TextIOWrapper(io.BytesIO(b"1\n\xff\n"), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", content)
    with pytest.raises(UsageError, match="Standard input is not text"):
        list(read_targets(TASK, ["-"]))


def test_deep_json(stdin: Any) -> None:
    stdin('{"a":' * 100_000)
    with pytest.raises(UsageError, match="line 1: not valid JSON"):
        list(read_targets(TASK, ["-"]))


def test_rows(stdin: Any) -> None:
    stdin('{"a": 1}\n\n{"a": 2}\n[1]')
    rows = read_rows()
    assert [next(rows), next(rows)] == [(1, {"a": 1}), (3, {"a": 2})]
    with pytest.raises(UsageError, match="line 4: not a JSON object"):
        next(rows)


def test_input_is_read_as_it_is_used() -> None:
    taken: list[int] = []

    def numbers() -> Any:
        for number in range(10**9):
            taken.append(number)
            yield number

    assert next(batches(numbers(), 3)) == [0, 1, 2]
    assert len(taken) == 3


@pytest.mark.parametrize(("done", "failed", "code"), [(0, 1, 1), (1, 1, 3), (1, 0, None)])
def test_exit_codes(done: int, failed: int, code: int | None) -> None:
    results = Results("Task", done=done, failed=failed)
    if code is None:
        results.finish()
        return
    with pytest.raises(typer.Exit) as stop:
        results.finish()
    assert stop.value.exit_code == code


def test_failures_are_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    results = Results("Task")
    results.fail(5, "broken")
    results.fail(5, "Task 5: broken")
    assert capsys.readouterr().err == "Task 5: broken\n" * 2
    assert results.failed == 2


def test_errors_are_collected_but_not_those_of_the_session() -> None:
    results = Results("Task")
    with results.collect(1):
        pass
    with results.collect(2):
        raise SynapseError("no")
    assert (results.done, results.failed) == (1, 1)
    with pytest.raises(AuthenticationError), results.collect(3):
        raise AuthenticationError(401, "no")


def test_broken_lines_do_not_stop_the_others(
    stdin: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    results = Results("Task")
    stdin('1\r\n{"a": 1}\n\n{\n2\n')
    assert [each.key for each in read_targets(TASK, ["-"], results)] == [1, 2]
    assert results.failed == 2
    assert [line[:24] for line in capsys.readouterr().err.splitlines()] == [
        "standard input, line 2: ",
        "standard input, line 4: ",
    ]
    stdin("[1]\n{}\n")  # an input of another kind
    with pytest.raises(UsageError, match="line 1: not a JSON object"):
        list(read_rows(results))


def test_lines_before_a_broken_end_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.TextIOWrapper(io.BytesIO(b"1\n2\n" + b"\xff" * 10_000), encoding="utf-8")
    content._CHUNK_SIZE = 4  # type: ignore[attr-defined] # read as a pipe is
    monkeypatch.setattr("sys.stdin", content)
    results = Results("Task")
    assert [each.key for each in read_targets(TASK, ["-"], results)] == [1, 2]
    assert results.failed == 1


def test_a_line_without_end(stdin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_LONGEST_LINE", 10)
    stdin("123456789\n" + "0" * 100)
    targets = read_targets(TASK, ["-"])
    assert next(targets).key == 123456789
    with pytest.raises(UsageError, match="line 2 has more than 10 characters"):
        next(targets)


class Pipe(io.RawIOBase):
    """A pipe whose reader waits for a line."""

    def __init__(self) -> None:
        self.content = b""
        self.arrived = threading.Event()

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        self.content += bytes(block)
        self.arrived.set()
        return len(block)


def open_pipe(monkeypatch: pytest.MonkeyPatch) -> Pipe:
    pipe = Pipe()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BufferedWriter(pipe)))
    return pipe


def test_what_is_done_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = open_pipe(monkeypatch)

    def act(target: Target) -> Any:
        # The second object takes until the first is told: a kill in between loses nothing.
        return None if target.key == 1 or pipe.arrived.wait(10) else ValueError("not told")

    results = Results("Task")
    run_batch(act, [Target(1), Target(2)], results)
    assert (pipe.content, results.done, results.failed) == (b"1\n2\n", 2, 0)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), AuthenticationError(401, "no")])
def test_an_early_end_tells_what_is_done(
    error: BaseException,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pipe = open_pipe(monkeypatch)
    is_third_done = threading.Event()

    def act(target: Target) -> None:
        if target.key == 3:
            is_third_done.set()
        elif target.key == 2:
            is_third_done.wait(10)
            raise error

    results = Results("Task")
    with (
        pytest.raises(type(error) if isinstance(error, KeyboardInterrupt) else typer.Exit) as end,
        results.report_stop(),
    ):
        run_batch(act, [Target(1), Target(2), Target(3)], results)
    assert (pipe.content, results.done) == (b"1\n3\n", 2)
    assert "Stopped: 2 done, 0 failed; the others are left." in capsys.readouterr().err
    assert getattr(end.value, "exit_code", 3) == 3


def test_an_error_before_anything_is_done_stays() -> None:
    with pytest.raises(SynapseError), Results("Task").report_stop():
        raise SynapseError("no")


def test_an_error_of_one_object_is_a_result() -> None:
    def fail(error: Exception) -> None:
        raise error

    assert attempt(int, "12", base=8) == 10
    for error in (NotFound(404), TypeError("no")):
        assert attempt(fail, error) is error
    for stop in (AuthenticationError(401), SessionClosed("closed")):
        with pytest.raises(type(stop)):
            attempt(fail, stop)
