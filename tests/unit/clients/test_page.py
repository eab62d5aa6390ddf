"""A page reads as a dict and as a pair."""

from __future__ import annotations

import copy
import pickle

import pytest

from synapse.clients.page import Page


def test_page_reads_as_a_pair() -> None:
    page = Page({"count": 1, "next": None, "previous": None, "results": [{"id": 7}]})

    assert page[0] is page["results"]
    assert page[1] == page["count"] == 1


def test_other_keys_are_those_of_a_dict() -> None:
    page = Page({"count": 0, "results": []})

    for key in (2, -1, "other", None):
        with pytest.raises(KeyError):
            page[key]
    assert page.get("results") == []
    assert page == {"count": 0, "results": []}
    assert pickle.loads(pickle.dumps(page))[1] == 0
    assert copy.deepcopy(page)[0] == []
