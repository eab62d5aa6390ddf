"""The methods for tables: on queries and their values, loaded when they are used."""

from __future__ import annotations

import subprocess
import sys

import synapse
from synapse.orm.frame_source import FrameSource


def test_queries_and_values_have_tables(offline: synapse.Session) -> None:
    for source in (offline.tasks, offline.tasks.filter(status="pending"), offline.tasks.values()):
        assert isinstance(source, FrameSource)
    assert [each.name for each in offline.tasks.values("id", "project_id")._columns()] == [
        *("id", "project_id")
    ]


def test_no_library_is_loaded_before() -> None:
    script = (
        "import sys, synapse\n"
        "synapse.Session('http://127.0.0.1:9', 't').tasks.values('id')\n"
        "print({'pyarrow', 'pandas', 'polars', 'synapse.orm.frames'} & {*sys.modules})"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.strip() == "set()"
