"""Integers beyond 64 bits, with orjson and without it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

import synapse
from synapse.transport import decoding


@pytest.fixture(params=["orjson", "standard library"], autouse=True)
def choose_decoder(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    decoding.decoder.cache_clear()
    if request.param == "orjson":
        pytest.importorskip("orjson")
    else:
        monkeypatch.setitem(sys.modules, "orjson", None)
    yield
    decoding.decoder.cache_clear()


def test_saving_another_key_keeps_a_large_integer(
    session: synapse.Session, project: synapse.Project
) -> None:
    numbers = {"seed": 2**64 + 1, "huge": 10**309, "negative": -(2**70)}
    project.settings = dict(numbers)
    project.save().refresh()

    project.settings["note"] = "x"
    project.save()

    stored = session.client.get_project(project.id)["settings"]
    assert stored == {**numbers, "note": "x"}
    assert {name: type(stored[name]) for name in numbers} == dict.fromkeys(numbers, int)
    assert [one.settings for one in session.projects.all()] == [stored]
