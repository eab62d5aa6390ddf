"""Fixtures: the sessions of all tests have the team's class."""

from __future__ import annotations

import pytest
from teamkit import TeamSession

from synapse import Project


@pytest.fixture(scope="session")
def synapse_session_class() -> type[TeamSession]:
    """The class for the fixtures of `synapse.testing`."""
    return TeamSession


@pytest.fixture
def project(synapse_session: TeamSession) -> Project:
    """A project with three tasks, in a tenant of the test's own."""
    project = synapse_session.projects.create(title="Streets", category="image")
    project.tasks.bulk_create({} for _ in range(3))
    return project
