"""Tests with the local backend, also while it fails."""

from __future__ import annotations

import pickle

import pytest
from teamkit import Label, ReviewTask, TeamSession, measure_progress

from synapse import Project
from synapse.errors import ConnectionFailed
from synapse.testing import assert_num_requests
from synapse.testing.tenants import EmulatorTenant


def test_label_is_made_once(synapse_session: TeamSession, project: Project) -> None:
    with assert_num_requests(synapse_session, 2):
        label = synapse_session.manager(Label).ensure("dark", project)
    with assert_num_requests(synapse_session, 1):
        assert synapse_session.labels.ensure("dark", project) is label
    assert label.project is project


def test_approved_tasks_leave_the_queue(synapse_session: TeamSession, project: Project) -> None:
    first, *_ = synapse_session[ReviewTask].filter(project=project)

    first.approve("ada")

    assert first.reviewer == "ada"
    assert first not in list(synapse_session.review_queue.waiting())
    assert measure_progress(synapse_session, project).share == pytest.approx(1 / 3)


def test_throttling_is_counted_and_waited_for(
    synapse_emulator: EmulatorTenant, synapse_session: TeamSession
) -> None:
    with synapse_emulator.fault("429", retry_after=0, count=2):
        assert synapse_session.labels.count() == 0

    assert synapse_session.metrics.statuses == {429: 2, 200: 1}
    assert synapse_session.metrics.retries == 2


def test_lost_answer_leaves_one_label(
    synapse_emulator: EmulatorTenant, synapse_session: TeamSession, project: Project
) -> None:
    with (
        synapse_emulator.fault("lost", method="POST", path="task_tags/"),
        pytest.raises(ConnectionFailed),
    ):
        synapse_session.labels.ensure("dark", project)

    synapse_session.labels.ensure("dark", project)
    assert synapse_session.labels.filter(project=project).count() == 1


def test_tasks_travel_to_other_processes(
    synapse_emulator: EmulatorTenant, synapse_session: TeamSession, project: Project
) -> None:
    task = synapse_session[ReviewTask].filter(project=project)[0]

    assert pickle.loads(pickle.dumps(task)) is task


def test_tenants_are_apart(synapse_emulator: EmulatorTenant, project: Project) -> None:
    other = EmulatorTenant(synapse_emulator.emulator)
    with TeamSession(other.url, other.api_token) as session:
        assert session.projects.count() == 0
    other.close()
