from collections.abc import Iterator

import pytest

from synapse.emulator import Emulator

from .client import Api, connect


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def api(emulator: Emulator) -> Iterator[Api]:
    """A user in a tenant that nobody else knows."""
    client = connect(emulator, emulator.create_tenant().api_token)
    with client.http:
        yield client


@pytest.fixture
def other(emulator: Emulator) -> Iterator[Api]:
    """A user in another tenant."""
    client = connect(emulator, emulator.create_tenant().api_token)
    with client.http:
        yield client


@pytest.fixture
def anonymous(emulator: Emulator) -> Iterator[Api]:
    client = Api(emulator.url, {})
    with client.http:
        yield client
