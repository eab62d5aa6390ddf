"""Releases made in the test, and somebody who listens to their jobs."""

from __future__ import annotations

import hashlib
import io
import json
import textwrap
import threading
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from synapse.jobs.local.engine import Engine
from synapse.jobs.spec import JobSpec, Limits, Outcome, OutputLine, ReleaseFile

SECONDS = 60.0


class Listener:
    """Keeps what it is told about a job, and checks that it is told in order."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.lines: list[OutputLine] = []
        self.outcome: Outcome | None = None
        self.has_started = threading.Event()
        self.has_ended = threading.Event()
        self._news = threading.Condition()

    def started(self) -> None:
        self._tell("started")
        self.has_started.set()

    def printed(self, lines: Sequence[OutputLine]) -> None:
        assert lines
        self.lines.extend(lines)
        self._tell("printed")

    def ended(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self._tell("ended")
        self.has_ended.set()

    @property
    def messages(self) -> list[str]:
        return [line.message for line in self.lines]

    def end(self) -> Outcome:
        """Wait for the end."""
        assert self.has_ended.wait(SECONDS), f"it goes on; so far: {self.told} {self.messages}"
        assert self.outcome is not None
        assert self.told[-1] == "ended"
        assert self.told.count("ended") == 1
        return self.outcome

    def line(self, message: str) -> None:
        """Wait for a line."""
        with self._news:
            assert self._news.wait_for(
                lambda: message in self.messages or self.has_ended.is_set(), SECONDS
            )
        assert message in self.messages, (self.messages, self.outcome)

    def _tell(self, what: str) -> None:
        with self._news:
            self.told.append(what)
            self._news.notify_all()


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            # Without a time of its own: the same files are the same bytes.
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def configured(**more: Any) -> str:
    return json.dumps(
        {
            "code": "tried",
            "name": "Tried",
            "version": "1.0.0",
            "category": "neural_net",
            "actions": {"train": {"entrypoint": "plugin:run"}},
            **more,
        }
    )


@pytest.fixture
def release(tmp_path: Path) -> Callable[..., ReleaseFile]:
    """Makes a release of the source of `plugin.py`, or of some bytes."""

    def release(source: str | bytes, files: Any = None, **config: Any) -> ReleaseFile:
        if isinstance(source, str):
            own = {"config.json": configured(**config), "plugin.py": textwrap.dedent(source)}
            source = zipped({**own, **(files or {})})
        checksum = hashlib.sha256(source).hexdigest()
        path = tmp_path / f"{checksum}.zip"
        # A job that runs may be reading it.
        if not path.exists():
            path.write_bytes(source)
        return ReleaseFile(code="tried", version="1.0.0", checksum=checksum, archive=path)

    return release


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path / "engine", grace=0.5)
    yield made
    made.close()


@pytest.fixture
def run(engine: Engine, release: Callable[..., ReleaseFile]) -> Callable[..., Listener]:
    """Submits a job of some source, or of a release, and gives who listens to it."""

    def run(
        source: str | bytes | ReleaseFile,
        *,
        limits: Mapping[str, float] | None = None,
        job_id: str | None = None,
        action: str = "train",
        params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Listener:
        listener = Listener()
        file = source if isinstance(source, ReleaseFile) else release(source, **options)
        order = JobSpec(
            job_id=job_id or str(uuid.uuid4()),
            release=file,
            action=action,
            params=params or {},
            base_url="http://127.0.0.1:9",
            credentials={"api_token": "the-jobs-own-token"},
            limits=Limits(**(limits or {})),
        )
        listener.job_id = order.job_id  # type: ignore[attr-defined]
        engine.submit(order, listener)
        return listener

    return run
