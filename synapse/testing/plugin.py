"""The pytest plugin: a local backend for each run, and a tenant for each test.

pytest imports this module in every run of every project that has the SDK installed. So the module
imports nothing new, and nothing starts before a fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from synapse.emulator import Emulator
    from synapse.session import Session
    from synapse.testing.agents import RunningAgent
    from synapse.testing.tenants import EmulatorTenant

__all__ = [
    "synapse_agent",
    "synapse_backend",
    "synapse_emulator",
    "synapse_session",
    "synapse_session_class",
]


@pytest.fixture(scope="session")
def synapse_session_class() -> type[Session]:
    """The class of the sessions in tests; a project with its own class overrides this fixture."""
    from synapse.session import Session

    return Session


@pytest.fixture(scope="session")
def synapse_backend() -> Iterator[Emulator]:
    """The local backend of this run; with pytest-xdist, of this worker."""
    from synapse.emulator import Emulator
    from synapse.emulator.errors import EmulatorError

    emulator = Emulator()
    try:
        emulator.start()
    except EmulatorError as error:
        # The message says what to install; a traceback of the SDK doesn't help.
        pytest.fail(str(error), pytrace=False)
    yield emulator
    emulator.stop()


@pytest.fixture
def synapse_emulator(
    synapse_backend: Emulator, synapse_session_class: type[Session]
) -> Iterator[EmulatorTenant]:
    """A fresh, empty tenant of the local backend, for this test alone."""
    from synapse.testing.tenants import EmulatorTenant

    tenant = EmulatorTenant(synapse_backend, session_class=synapse_session_class)
    yield tenant
    tenant.close()


@pytest.fixture
def synapse_session(synapse_emulator: EmulatorTenant) -> Iterator[Session]:
    """A session in this test's tenant; the default session, until the test ends."""
    from synapse.orm import session_base

    session = synapse_emulator.session()
    previous = session_base.set_default(session)
    yield session
    session_base.set_default(previous)


@pytest.fixture
def synapse_agent(synapse_emulator: EmulatorTenant) -> Iterator[RunningAgent]:
    """An agent of this test's tenant: a real process, which ends with the test."""
    from synapse.emulator.errors import EmulatorError
    from synapse.testing.agents import RunningAgent

    agent = RunningAgent(synapse_emulator.url, synapse_emulator.agent_token)
    try:
        agent.start()
    except EmulatorError as error:
        # The message says what to install; a traceback of the SDK doesn't help.
        pytest.fail(str(error), pytrace=False)
    yield agent
    agent.close()
