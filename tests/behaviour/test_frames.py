"""Frames back to the server: create and change objects by a table."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import synapse
from synapse.errors import BulkError, FieldValueError, ServerError, UsageError
from synapse.testing import assert_num_requests


@pytest.fixture
def tasks(project: synapse.Project) -> Any:
    return project.tasks


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_frame_creates_objects(
    session: synapse.Session, tasks: Any, make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    user = session.users.me().id
    frame = make(
        {
            "data_unit_id": [tasks[0].data_unit_id] * 3,
            "assignee": [user, None, user],
            "meta": ['{"n": 1}', '{"n": 2}', "{}"],
        }
    )
    with caplog.at_level(logging.WARNING), assert_num_requests(session, 2):
        created = tasks.bulk_create(frame, batch_size=2)
    assert [one.assignee for one in created] == [user, None, user]
    assert [one.meta for one in created] == [{"n": 1}, {"n": 2}, {}]
    assert caplog.messages == ["New tasks have missing values, sent as null: assignee (1)"]


def test_a_frame_is_checked_as_a_whole_before_the_first_request(
    session: synapse.Session, tasks: Any
) -> None:
    unit, own = tasks[0].data_unit_id, tasks[0].project_id
    frame = pd.DataFrame({"data_unit": [unit] * 3, "data": ["{}", "{}", "{"]})
    with assert_num_requests(session, 0):
        with pytest.raises(FieldValueError, match="row 2: column 'data'"):
            tasks.bulk_create(frame, batch_size=1)
        with pytest.raises(UsageError, match=r"columns 'id', 'created' are set by the server"):
            tasks.bulk_create(pl.DataFrame({"id": [1], "created": ["x"], "data_unit": [unit]}))
        with pytest.raises(UsageError, match="did you mean 'data_unit_id'"):
            tasks.bulk_create(pl.DataFrame({"data_unit_ids": [1]}))
        with pytest.raises(UsageError, match="item 1: This manager makes tasks of Project"):
            tasks.bulk_create(pl.DataFrame({"data_unit": [unit] * 2, "project": [own, own + 1]}))


def test_a_stream_is_created_batch_by_batch(tasks: Any, caplog: pytest.LogCaptureFixture) -> None:
    unit = tasks[0].data_unit_id
    table = pa.table({"data_unit": [unit] * 3, "data": [None, "{}", "{"]})
    with pytest.raises(BulkError, match="row 2: column 'data'") as caught:
        tasks.bulk_create(table.to_reader(), batch_size=2)
    assert len(caught.value.created) == 2
    tasks.bulk_create(table.slice(0, 2).to_reader())
    assert caplog.messages == ["New tasks have missing values, sent as null: data (1)"]


def test_rows_of_values_are_created_as_before(tasks: Any) -> None:
    assert len(tasks.bulk_create(tasks.values("data_unit"))) == 2


@pytest.mark.parametrize("convert", ["to_pandas", "to_polars", "to_arrow"])
def test_what_was_read_makes_no_request_back(
    session: synapse.Session, tasks: Any, convert: str
) -> None:
    tasks[0].annotate({"annotations": [{"type": "class", "label": "é"}]})
    frame = getattr(tasks, convert)()
    ids = [one.id for one in tasks]
    with assert_num_requests(session, 1):
        report = tasks.update_from(frame)
    assert (report.unchanged, report.changed, report.missing, report.refused) == (ids, [], [], [])
    assert not report.read_only


def test_a_row_with_broken_text_for_a_document_is_refused_and_changes_nothing(
    session: synapse.Session, tasks: Any
) -> None:
    one, two = tasks
    frame = pd.DataFrame({"id": [one.id, two.id], "meta": [{"a": 1}, '{"b":']})
    with assert_num_requests(session, 2):
        report = tasks.update_from(frame)
    assert (report.changed, [each.key for each in report.refused]) == ([one.id], [two.id])
    assert str(report.refused[0].reason).startswith("column 'meta': '{\"b\":' isn't JSON")
    assert [each.refresh().meta for each in tasks] == [{"a": 1}, {}]
    with assert_num_requests(session, 0), pytest.raises(FieldValueError, match=r"row 1: .*'meta'"):
        tasks.bulk_create(frame.rename(columns={"id": "data_unit"}))


def test_rows_that_differ_are_changed_and_reported(session: synapse.Session, tasks: Any) -> None:
    one, two = tasks
    frame = pl.DataFrame(
        {
            "id": [one.id, two.id, two.id + 1000, one.id, None],
            "priority": ["high", two.priority, "low", "low", "low"],
            "data": ['{"a": 1}', None, None, None, None],
        }
    )
    with assert_num_requests(session, 1):
        expected = tasks.update_from(frame, dry_run=True)
    assert str(expected).startswith("would change: 1, unchanged: 1, missing: 1, refused: 2\n")
    assert tasks.get(one.id, refresh=True).priority != "high"
    with assert_num_requests(session, 2):
        report = tasks.update_from(frame)
    assert (report.changed, report.unchanged, report.missing) == (
        [one.id],
        [two.id],
        [two.id + 1000],
    )
    assert [(each.row, each.key) for each in report.refused] == [(3, one.id), (4, None)]
    assert "row 0 has" in str(report.refused[0].reason)
    assert report.columns == {"priority": 1, "data": 1}
    assert report.nulls == {"id": 1, "data": 4}
    assert (one.refresh().priority, one.data) == ("high", {"a": 1})
    assert tasks.update_from(frame).changed == []


def test_the_servers_refusal_is_a_row_of_the_report(tasks: Any) -> None:
    one, two = tasks
    report = tasks.update_from(pl.DataFrame({"id": [one.id, two.id], "status": ["done", "paused"]}))
    assert report.changed == []
    assert [(each.row, each.key) for each in report.refused] == [(0, one.id), (1, two.id)]
    assert isinstance(report.refused[0].reason, synapse.ValidationError)
    assert not one.is_changed


def test_columns_of_the_server_must_be_equal(tasks: Any) -> None:
    frame = tasks.values("id", "priority", "updated").to_pandas()
    frame["priority"] = "high"
    tasks[0].annotate({"annotations": []})  # somebody else's change
    report = tasks.update_from(frame)
    assert (len(report.changed), [each.row for each in report.refused]) == (1, [0])
    assert "updated differ from the server's" in str(report.refused[0].reason)
    assert report.read_only == {"updated": 1}
    again = tasks.update_from(frame[1:])
    assert (len(again.unchanged), again.read_only) == (1, {"updated": 1})


def test_another_column_finds_objects(tasks: Any) -> None:
    unit = tasks[0].data_unit_id
    frame = pl.DataFrame({"data_unit_id": [unit], "priority": ["high"]})
    report = tasks.update_from(frame, on="data_unit_id")
    assert "2 objects have this data_unit_id" in str(report.refused[0].reason)
    tasks[1].delete()
    assert tasks.update_from(frame, on="data_unit_id").changed == [unit]
    assert tasks[0].priority == "high"


def test_frames_that_can_not_be_meant_send_nothing(session: synapse.Session, tasks: Any) -> None:
    frame = pd.DataFrame({"id": [1], "priority": ["high"]})
    with assert_num_requests(session, 0):
        for bad, message in (
            (frame.rename(columns={"priority": "prioritiy"}), "did you mean 'priority'"),
            (frame.set_index("id"), r"It is the index: pass frame\.reset_index\(\)"),
            (frame[["id"]], "no column to change"),
            (frame[["priority"]], "no column 'id'"),
        ):
            with pytest.raises(UsageError, match=message):
                tasks.update_from(bad)
        with pytest.raises(UsageError, match="on='data' can't find objects"):
            tasks.update_from(pl.DataFrame({"data": ["{}"], "priority": ["high"]}), on="data")
        with pytest.raises(UsageError, match="workers"):
            tasks.update_from(frame, workers=0)


def test_a_failing_server_stops_the_update_and_says_how_far(tables: Any) -> None:
    tables.rows["tasks"] = [{"id": n, "priority": "low"} for n in range(1, 2001)]
    tables.cap = 1000
    answer = tables.answer

    def fail_later(asked: Any) -> tuple[int, Any]:
        is_late = asked.method == "PATCH" and int(asked.path.rpartition("/")[2]) > 1000
        found: tuple[int, Any] = (501, {"detail": "No."}) if is_late else answer(asked)
        return found

    tables.answer = fail_later
    rows = [(n, "high" if n in (1, 2) or n > 1975 else "low") for n in range(1, 2001)]
    frame = pl.DataFrame(rows, schema=["id", "priority"], orient="row")
    with (
        synapse.connect(tables.url, "some-token") as session,
        pytest.raises(ServerError) as caught,
    ):
        session.tasks.update_from(frame, workers=2)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("2 objects were changed before.")


def test_a_row_with_an_id_that_is_no_number_is_refused_alone(tasks: Any) -> None:
    one, _ = tasks
    report = tasks.update_from(pd.DataFrame({"id": [one.id, "abc"], "priority": ["high", "high"]}))
    assert (report.changed, [each.row for each in report.refused]) == ([one.id], [1])
    assert "column 'id': 'abc' can't identify an object" in str(report.refused[0].reason)


def test_a_frame_that_went_through_csv_changes_what_was_edited(tasks: Any, tmp_path: Any) -> None:
    one, two = tasks
    tasks.to_pandas().to_csv(tmp_path / "tasks.csv", index=False)
    frame = pd.read_csv(tmp_path / "tasks.csv")
    assert tasks.update_from(frame, dry_run=True).unchanged == [one.id, two.id]
    frame["priority"] = "high"
    report = tasks.update_from(frame)
    assert (set(report.changed), report.refused) == ({one.id, two.id}, [])
