"""A tenant for one test."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.emulator.process import TenantCredentials
from synapse.errors import SessionClosed
from synapse.session import Session
from synapse.testing.tenants import EmulatorTenant


class FakeEmulator:
    """Records the calls."""

    url = "http://127.0.0.1:9"

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def create_tenant(self) -> TenantCredentials:
        return TenantCredentials("tenant-1", "an-api-token", "an-agent-token")

    def fault(self, kind: str | int, **options: Any) -> str:
        self.asked.append((kind, options))
        return "the fault"

    def clear_faults(self, **options: Any) -> None:
        self.asked.append(("clear", options))


@pytest.fixture
def fake() -> FakeEmulator:
    return FakeEmulator()


class OwnSession(Session):
    """A project's own class."""


def test_sessions_have_the_class_of_the_project(fake: Any) -> None:
    tenant = EmulatorTenant(fake, session_class=OwnSession)

    assert type(tenant.session(retries=0)) is OwnSession
    assert type(tenant.session(Session)) is Session
    assert type(EmulatorTenant(fake).session()) is Session


@pytest.fixture
def tenant(fake: Any) -> EmulatorTenant:
    return EmulatorTenant(fake)


def test_it_has_what_connects_to_it(tenant: EmulatorTenant, fake: FakeEmulator) -> None:
    assert (tenant.url, tenant.tenant) == ("http://127.0.0.1:9", "tenant-1")
    assert (tenant.api_token, tenant.agent_token) == ("an-api-token", "an-agent-token")
    assert tenant.emulator is fake


def test_its_faults_are_for_itself(tenant: EmulatorTenant, fake: FakeEmulator) -> None:
    assert tenant.fault(429, count=2, after=1) == "the fault"  # type: ignore[comparison-overlap]
    assert fake.asked == [(429, {"tenant": "tenant-1", "count": 2, "after": 1})]


def test_a_session_is_connected_to_it(tenant: EmulatorTenant) -> None:
    session = tenant.session(lazy="raise")

    assert session.transport.settings.base_url == "http://127.0.0.1:9/"
    assert session.lazy == "raise"


def test_each_session_is_another(tenant: EmulatorTenant) -> None:
    assert tenant.session() is not tenant.session()


def test_its_sessions_are_closed_with_it(tenant: EmulatorTenant) -> None:
    sessions = [tenant.session(), tenant.session()]

    tenant.close()

    for session in sessions:
        with pytest.raises(SessionClosed):
            session.health()


def test_its_faults_end_with_it(tenant: EmulatorTenant, fake: FakeEmulator) -> None:
    tenant.fault("cut")

    tenant.close()

    assert fake.asked[-1] == ("clear", {"tenant": "tenant-1"})


def test_without_faults_nothing_is_asked_at_the_end(
    tenant: EmulatorTenant, fake: FakeEmulator
) -> None:
    tenant.close()

    assert fake.asked == []


def test_it_shows_no_token(tenant: EmulatorTenant) -> None:
    assert repr(tenant) == "<EmulatorTenant tenant-1 of http://127.0.0.1:9>"
    assert "token" not in repr(tenant)
