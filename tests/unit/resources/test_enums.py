"""Choices with several spellings."""

from __future__ import annotations

import pytest

from synapse.resources.enums import FileType, JobStatus


@pytest.mark.parametrize(
    ("spelling", "status"),
    [
        ("pending", JobStatus.QUEUED),
        ("PENDING", JobStatus.QUEUED),
        ("completed", JobStatus.SUCCEEDED),
        ("SUCCEEDED", JobStatus.SUCCEEDED),
        ("Stopped", JobStatus.STOPPED),
    ],
)
def test_a_state_is_known_in_each_spelling(spelling: str, status: JobStatus) -> None:
    assert JobStatus(spelling) is status


@pytest.mark.parametrize("value", ["", "preempted", None, 3])
def test_an_unknown_state(value: object) -> None:
    with pytest.raises(ValueError, match="is not a valid JobStatus"):
        JobStatus(value)


def test_states_that_no_transition_leaves() -> None:
    assert [status.value for status in JobStatus if status.is_final] == [
        "succeeded",
        "failed",
        "stopped",
    ]


def test_spellings_of_older_and_newer_servers() -> None:
    assert JobStatus.SUCCEEDED.spellings == ("completed", "SUCCEEDED")
    assert JobStatus.QUEUED.spellings == ("queued", "PENDING")
    assert FileType.IMAGE.spellings == ("image",)
