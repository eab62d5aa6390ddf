"""Rows whose values are keys and attributes."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from synapse.clients.record import Record


def test_keys_and_attributes_are_the_same_values() -> None:
    record = Record({"id": 7, "configuration": {"bucket": "b"}, "parts": [{"number": 1}]})
    record.name = "media"

    assert (record.configuration.bucket, record.parts[0].number, record["name"]) == (
        "b",
        1,
        "media",
    )
    assert record == {**json.loads(json.dumps(record))}


def test_missing_attribute() -> None:
    with pytest.raises(AttributeError, match="has no 'nam'; did you mean 'name'"):
        _ = Record(name="media").nam


def test_model_forms() -> None:
    record = Record.model_validate({"id": 7, "file": None})

    assert record.model_dump() == {"id": 7, "file": None}
    assert record.model_dump(exclude_none=True) == {"id": 7}


def test_copies() -> None:
    record = Record({"a": {"b": 1}})

    assert [copy.deepcopy(record).a.b, pickle.loads(pickle.dumps(record)).a.b] == [1, 1]
