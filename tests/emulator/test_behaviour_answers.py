"""Behaviours of older and stranger servers."""

import pytest

from synapse.emulator.errors import EmulatorError

from .client import connect


@pytest.fixture
def behaving(emulator):
    credentials = emulator.create_tenant()
    client = connect(emulator, credentials.api_token)
    with client.http:
        yield client, lambda **values: emulator.behave(tenant=credentials.tenant, **values)


def test_long_queries_are_refused(behaving, other):
    api, behave = behaving
    with behave(max_query=20):
        refused = api.get("projects/", search="a" * 20)
        assert (refused.status_code, refused.content) == (520, b"")
        assert api.get("projects/", search="a").status_code == 200
        assert other.get("projects/", search="a" * 20).status_code == 200
    assert api.get("projects/", search="a" * 20).status_code == 200


def test_late_pages_never_come(behaving):
    api, behave = behaving
    for _ in range(3):
        api.project()
    with behave(max_page=2):
        statuses = [api.get("projects/", page_size=1, page=n).status_code for n in (1, 2, 3)]
        assert statuses == [200, 200, 504]


def test_ties_are_sorted_anew_for_each_page(behaving):
    api, behave = behaving
    ids = [api.project()["id"] for _ in range(4)]

    def walk(**params):
        return [
            key for page in (1, 2) for key in api.ids("projects/", page_size=2, page=page, **params)
        ]

    assert walk(ordering="title") == ids
    with behave(unordered_ties=True):
        assert walk(ordering="title") == [*ids[:2], *ids[1::-1]]
        assert walk(ordering="title,id") == ids


@pytest.mark.parametrize(
    "values", [{"max_page": 0}, {"checksums": "crc"}, {"row_delay": -1}, {"part_size": "x"}]
)
def test_wrong_values_are_refused(emulator, values):
    with pytest.raises(EmulatorError, match=next(iter(values))):
        emulator.behave(**values)
