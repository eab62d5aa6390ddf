"""The source of the data sets of all libraries."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.annotations import LabelClass
from synapse.errors import UsageError
from synapse.integrations.sample_source import SampleSource, _check_classes
from synapse.session import Session


def test_classes_are_names_or_those_of_a_project() -> None:
    assert _check_classes(None) == ()
    assert _check_classes([LabelClass("car", ("bounding_box",)), "bus"]) == ("car", "bus")


@pytest.mark.parametrize("classes", ["car", [], ["car", "car"], [3], [None]])
def test_other_classes_are_refused(classes: Any) -> None:
    with (
        Session("http://127.0.0.1:9", "token") as session,
        pytest.raises(UsageError, match="distinct names"),
    ):
        SampleSource(session.tasks, target="detection", classes=classes)


def test_page_size_is_the_query_s() -> None:
    with Session("http://127.0.0.1:9", "token") as session:
        sizes = [
            SampleSource(query, target="detection", classes=["car"]).page_size
            for query in (session.tasks.all(), session.tasks.page_size(7))
        ]
    assert sizes == [1000, 7]
