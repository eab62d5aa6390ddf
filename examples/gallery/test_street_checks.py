"""Test a script of yours against the local backend: each test has an empty tenant of its own."""

import pytest

import synapse
from synapse.errors import ConnectionFailed
from synapse.testing import assert_num_requests
from synapse.testing.tenants import EmulatorTenant


def close_project(project: synapse.Project) -> int:
    """Archive the project if nothing is left to do, and return what is left. Your code."""
    left = project.tasks.filter(status="pending").count()
    if not left:
        project.is_archived = True
        project.save()
    return left


@pytest.fixture
def project(synapse_session: synapse.Session) -> synapse.Project:
    """A project without tasks."""
    return synapse_session.projects.create(title="Streets", category="image")


def test_a_finished_project_is_archived(project: synapse.Project) -> None:
    """The change is on the server, not only in memory."""
    assert close_project(project) == 0
    assert project.refresh().is_archived


def test_an_unfinished_project_stays(
    project: synapse.Project, synapse_session: synapse.Session
) -> None:
    """One task is left, and nothing is saved."""
    project.tasks.create()
    with assert_num_requests(synapse_session, 1):
        assert close_project(project) == 1


def test_a_lost_answer_is_an_error(
    project: synapse.Project, synapse_emulator: EmulatorTenant
) -> None:
    """The script hears that nobody knows whether the change arrived."""
    with synapse_emulator.fault("lost", method="PATCH"), pytest.raises(ConnectionFailed) as caught:
        close_project(project)
    assert caught.value.was_sent
