import io
from typing import Any

import pytest
import typer

from synapse import Job, Task
from synapse.cli.ids import Results, Target, batches, read_rows, read_targets
from synapse.errors import AuthenticationError, SynapseError, UsageError

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
