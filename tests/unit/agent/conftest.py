"""A store in a temporary folder, a session with the scripted server, and sample objects."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from synapse.agent.store import KeptJob, Store
from synapse.jobs.spec import OutputLine
from synapse.session import Session

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store that keeps two ended jobs."""
    store = Store(tmp_path / "agent", keep=2)
    yield store
    store.close()


@pytest.fixture
def session(server: Any) -> Iterator[Session]:
    """A session with the scripted server, as the agent has one."""
    with Session(server.url, agent_token="token", retries=0) as session:
        yield session


def add_job(store: Store, job_id: str) -> bool:
    """Store a queued job; return whether the job is new."""
    return store.add(job_id, code="p", version="1", action="a", params={"x": 1}, debug=False)


def find_job(store: Store, job_id: str) -> KeptJob:
    """Return a stored job."""
    job = store.job(job_id)
    assert job is not None
    return job


def make_lines(*messages: str) -> list[OutputLine]:
    """Return output lines without a level."""
    return [OutputLine(message, None, NOW) for message in messages]


def make_zip(code: str = "p", version: str = "1.0.0", **files: str) -> bytes:
    """Return the zip of a release with the action `go`, which takes a number `count`."""
    config = {
        "code": code,
        "name": "P",
        "version": version,
        "category": "export",
        "actions": {
            "go": {
                "entrypoint": "main:go",
                "parameters": {
                    "type": "object",
                    "properties": {"count": {"type": "integer"}},
                    "additionalProperties": False,
                },
            },
            "halt": {"entrypoint": "main:halt"},
        },
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("main.py", "def go(): ...\ndef halt(): ...\n")
        for name, content in files.items():
            archive.writestr(f"{name}.py", content)
    return stream.getvalue()


def script_release(
    server: Any,
    content: bytes,
    *,
    code: str = "p",
    version: str = "1.0.0",
    key: int = 7,
    **fields: Any,
) -> None:
    """Script the responses to the requests that fetch a release."""
    server.reply(200, {"id": 1, "code": code})
    row = {"id": key, "plugin": 1, "version": version, "file": f"{server.url}files/{key}.zip"}
    row.update(fields)
    server.reply(200, {"results": [row], "count": 1, "next": None})
    server.reply(200, content, headers={"Content-Type": "application/zip"})
