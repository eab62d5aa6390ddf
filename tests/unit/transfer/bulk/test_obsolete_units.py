"""Replacing and deleting are tested against a server in tests/behaviour/transfer/test_sync.py."""

from typing import Any

import pytest

from synapse.errors import ClientError, SynapseError, UsageError
from synapse.transfer.bulk.obsolete_units import ObsoleteUnits, _is_untouched
from synapse.transfer.bulk.report import SyncReport
from synapse.transfer.bulk.server_units import ServerUnits
from synapse.transfer.bulk.sync_key import SyncKey
from synapse.transfer.bulk.sync_options import SyncOptions
from synapse.transfer.bulk.upload_item import Specification
from synapse.transfer.bulk.uploader import Endpoints

ROWS: list[dict[str, Any]] = [
    {"id": number, "files": {}, "meta": {"id": str(number)}} for number in range(1, 5)
]


def delete(gone: int, *, is_empty: bool = False, failed: int = 0) -> tuple[SyncReport, list[str]]:
    """Run a deletion that something speaks against: no request is sent."""
    units = ServerUnits(SyncKey("meta.id", [Specification("image", "image")]))
    units.add_units(ROWS)
    for row in ROWS:
        units.add_entry(row["meta"]["id"])
    report = SyncReport(collection=1)
    report.failed += [(str(at), ClientError(500, "no")) for at in range(failed)]  # type: ignore[misc] # only counted
    noted: list[str] = []

    def fail(key: str, error: SynapseError) -> None:
        assert isinstance(error, UsageError)
        noted.append(f"{key}: {error}")

    endpoints = Endpoints("files/", "units/", "tasks/", "task_list/", "truths/")
    no_transport: Any = None
    obsolete = ObsoleteUnits(no_transport, SyncOptions(delete=True), units, endpoints, 4)
    obsolete.delete(report, fail, gone, is_empty=is_empty)
    return report, noted


def test_an_empty_source_deletes_nothing() -> None:
    report, noted = delete(4, is_empty=True)
    reason = "the source is empty. Check that its folder is mounted"
    assert noted == [f"delete: Nothing was deleted, because {reason}."]
    assert report.notes == []


def test_more_than_the_limit_deletes_nothing() -> None:
    _, noted = delete(3)
    assert "3 of 4 units would go, more than max_delete=0.5" in noted[0]


def test_failures_of_the_run_delete_nothing_and_are_no_further_failure() -> None:
    report, noted = delete(1, failed=1)
    assert noted == []
    assert report.notes == ["Nothing was deleted, because 1 records failed. Run the sync again."]


@pytest.mark.parametrize(
    ("task", "is_untouched"),
    [
        ({"status": "pending", "data": None}, True),
        ({"status": "pending", "data": {}}, False),
        ({"status": "in_progress"}, False),
    ],
)
def test_tasks_that_nobody_has_begun(task: Any, is_untouched: bool) -> None:
    assert _is_untouched(task) is is_untouched
