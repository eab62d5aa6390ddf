"""Annotating many tasks: the report, and options that make no sense."""

from __future__ import annotations

from typing import Any

import pytest

import synapse
from synapse.errors import UsageError
from synapse.resources.bulk_annotation import AnnotationReport


def test_report_names_ten_failures() -> None:
    report = AnnotationReport([1], [2, 3], {n: ValueError(f"no {n}") for n in range(12)})
    lines = str(report).splitlines()
    assert lines[0] == "annotated: 1, unchanged: 2, failed: 12"
    assert lines[1:] == [f"Task {n}: no {n}" for n in range(10)]


@pytest.mark.parametrize("options", [{"action": "finish"}, {"workers": 0}, {"workers": "2"}])
def test_impossible_options_are_refused(options: Any) -> None:
    with synapse.Session("http://127.0.0.1:9", "token") as session:
        with pytest.raises(UsageError):
            session.tasks.bulk_annotate({}, **options)
        assert session.request_count == 0
