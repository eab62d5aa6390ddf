from collections.abc import Iterator

import pytest

from synapse.emulator import Emulator

from .client import IMAGE, Api, connect
from .fake_agent import FakeAgent


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


class Truths:
    """A tenant with two units, three versions of two datasets."""

    def __init__(self, emulator, credentials, api):
        self.api = api
        collection = api.collection(IMAGE)["id"]
        self.units = [api.unit(collection, image=content) for content in (b"one", b"two")]
        one, two = (unit["id"] for unit in self.units)
        self.project = project = api.project()["id"]

        def add(items, **names):
            return emulator.add_ground_truths(credentials.api_token, items, **names)

        self.add = add
        self.first = add(
            [
                {"data_unit": one, "data": {"n": 1}, "category": "train", "meta": {"by": "me"}},
                {"data_unit": two, "data": {"n": 2}, "category": "test", "project": project},
            ]
        )
        self.second = add([{"data_unit": one, "data": None, "category": "train"}], version="2")
        self.third = add([{"data_unit": two, "data": {}, "category": "test"}], dataset="other")

    def units_of(self, path, **params):
        return [row["data_unit"] for row in self.api.get(path, **params).json()["results"]]


@pytest.fixture
def truths(emulator):
    credentials = emulator.create_tenant()
    client = connect(emulator, credentials.api_token)
    with client.http:
        yield Truths(emulator, credentials, client)


@pytest.fixture
def plugin(api):
    return api.plugin("Person detector")


@pytest.fixture
def agent():
    fake = FakeAgent()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()
