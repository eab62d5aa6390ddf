import csv
import io
import itertools
import json
from typing import Any

import pytest

from synapse import Job, Task
from synapse.cli import output
from synapse.cli.output import Format, normalize, print_fields, print_line, print_rows, print_text
from synapse.errors import SynapseError

ROWS: list[dict[str, Any]] = [
    {"id": 1, "a": "x", "b": {"c": [1]}},
    {"id": 2, "a": None, "b": True},
]


def show(form: Format, capsys: pytest.CaptureFixture[str], **options: Any) -> str:
    columns = options.pop("columns", ["id", "a", "b"])
    rows = options.pop("rows", ROWS)
    assert print_rows(iter(rows), form, key="id", columns=columns, **options) == len(rows)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (Format.IDS, "1\n2\n"),
        (Format.CSV, 'id,a,b\n1,x,"{""c"": [1]}"\n2,,true\n'),
        (Format.JSONL, "".join(json.dumps(row) + "\n" for row in ROWS)),
        (Format.TABLE, 'id  a  b\n1   x  {"c": [1]}\n2      true\n'),
    ],
)
def test_formats(form: Format, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert show(form, capsys) == expected


@pytest.mark.parametrize("count", [0, 1, 2])
def test_an_array_is_json(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(show(Format.JSON, capsys, rows=ROWS[:count])) == ROWS[:count]


@pytest.mark.parametrize("form", [Format.JSON, Format.JSONL, Format.CSV, Format.IDS])
def test_rows_are_printed_as_they_come(form: Format, capsys: pytest.CaptureFixture[str]) -> None:
    def rows() -> Any:
        yield from ({"id": number} for number in range(5))
        assert "2" in capsys.readouterr().out
        yield {"id": 6}

    print_rows(rows(), form, key="id", columns=["id"])


def test_a_table_needs_the_memory_of_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_SAMPLE", 3)
    printed: list[str] = []
    monkeypatch.setattr(output, "_write", printed.append)
    source = iter(range(10))
    rows = ({"id": number} for number in source)
    print_rows(itertools.islice(rows, 5), Format.TABLE, key="id", columns=["id"])
    assert (len(printed), next(source)) == (6, 5)


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(iter(()), Format.TABLE, key="id", columns=["id"])
    assert capsys.readouterr() == ("", "None found.\n")


def test_wide_letters_and_ends(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "16")
    rows = [{"id": 1, "a": "日本語日本語日本語", "b": "x" * 90}, {"id": 2, "a": "a\nb", "b": ""}]
    lines = show(Format.TABLE, capsys, rows=rows, columns=["id", "a"]).splitlines()
    assert lines == ["id  a", "1   日本語日本…", "2   a\\nb"]
    monkeypatch.setattr(output, "_is_unicode", lambda: False)
    lines = show(Format.TABLE, capsys, rows=rows, columns=["id", "b"]).splitlines()
    assert lines[1] == "1   xxxxxxxxx..."


def test_columns_without_room_are_named_if_chosen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "15")
    rows = [{name: name * 20 for name in "abcd"}]
    print_rows(rows, Format.TABLE, key="a", columns=list("abcd"))
    text, note = capsys.readouterr()
    assert (text.split()[:2], note) == (["a", "b"], "The terminal has no room for: c, d.\n")
    print_rows(rows, Format.TABLE, key="a", columns=list("abcd"), is_chosen=False)
    assert capsys.readouterr().err == ""


def test_fields_of_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields({"id": 1, "title": "T", "none": None}, Format.TABLE, key="id")
    assert capsys.readouterr().out == "id     1\ntitle  T\nnone\n"
    print_fields({"id": 1, "title": "T"}, Format.JSONL, key="id")
    assert capsys.readouterr().out == '{"id": 1, "title": "T"}\n'


@pytest.mark.parametrize(("is_terminal", "expected"), [(True, "a\\x1bb\n"), (False, "a\x1bb\n")])
def test_lines(
    is_terminal: bool,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda: is_terminal)
    print_line("a\x1bb")
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    ("environment", "is_bold"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colours(
    environment: dict[str, str], is_bold: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    assert (output._bold("x") != "x") == is_bold


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2026-01-31T12:34:56.789Z", "2026-01-31T12:34Z"),
        ("2026-01-31T12:34:56+00:00", "2026-01-31T12:34Z"),
        ("2026-01-31T12:34:56+09:00", "2026-01-31T12:34:56+09:00"),
        ("2026-01-31", "2026-01-31"),
    ],
)
def test_times_are_short(value: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_fields({"time": value}, Format.TABLE, key="id")
    assert capsys.readouterr().out == f"time  {shown}\n"


def test_words_and_names_of_another_age() -> None:
    row = {"id": 1, "metadata": {}, "status": "pending", "priority": "odd"}
    assert normalize(Task.__schema__, row) == {
        "id": 1,
        "meta": {},
        "status": "pending",
        "priority": "odd",
    }
    assert normalize(Job.__schema__, {"status": "SUCCEEDED"}) == {"status": "succeeded"}


@pytest.mark.parametrize("value", ["5\n6", "5\u20286", "-", "--yes", None, [1], True, 1.5])
def test_an_id_is_one_line(value: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SynapseError, match="no 'id' that fits into a line"):
        show(Format.IDS, capsys, rows=[{"id": value}])
    assert capsys.readouterr().out == ""
    with pytest.raises(SynapseError, match="no 'id'"):
        show(Format.IDS, capsys, rows=[{"a": 1}])


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize("form", [Format.JSON, Format.JSONL])
def test_json_stays_json_and_harmless(
    form: Format,
    is_terminal: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda: is_terminal)
    hostile = [{"id": 1, "a\x9b": "\x1b[2J \x85 \u2028 \u202e \U000e0041 \n \ud800 é"}]
    text = show(form, capsys, rows=hostile)
    shown = json.loads(text)
    assert shown == (hostile if form is Format.JSON else hostile[0])
    assert len(text.splitlines()) == (3 if form is Format.JSON else 1)
    if is_terminal:
        assert text.replace("\n", "").isprintable()
    assert "é" in text


def test_a_carriage_return_in_csv(capsys: pytest.CaptureFixture[str]) -> None:
    text = show(Format.CSV, capsys, rows=[{"id": 1, "a": "x\ry", "b": "\r\n"}])
    assert list(csv.reader(io.StringIO(text, newline="")))[1] == ["1", "x\ry", "\r\n"]


def test_names_of_the_server_cannot_steer(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields({"a\x1b[2J": 1, "b" * 1000: 2}, Format.TABLE, key="id")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["a\\x1b[2J", "1"]
    assert len(lines[1]) < 80


def test_a_text_keeps_its_lines_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    print_text('{\n  "a": "\x1b\u2028"\n}')
    print_text("")
    assert capsys.readouterr().out == '{\n  "a": "\\x1b\\u2028"\n}\n'
