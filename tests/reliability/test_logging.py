"""Every message of a run is one of the documented ones, and none has a secret."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from raw_server import Recorder, reply

import synapse
from synapse import errors
from synapse._internal.log_events import EVENTS
from synapse.emulator import Emulator
from synapse.transport.retry import Retry

FIRST, SECOND = "first-t0ken-of-the-file", "second-t0ken-of-the-file"
SIGNATURE = "s1gnature-of-the-link"


class Records(logging.Handler):
    """Keeps what comes, with the text that a file would have."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.found: list[logging.LogRecord] = []
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(record)
        fields = {name: str(value) for name, value in vars(record).items() if name != "exc_info"}
        self.text += f"{self.format(record)} {json.dumps(fields)}\n"


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The messages of the package, at every level."""
    handler, logger = Records(), logging.getLogger("synapse")
    monkeypatch.setattr(logger, "level", logging.DEBUG)
    logging.Logger.manager._clear_cache()  # type: ignore[attr-defined] # levels are cached
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    logging.Logger.manager._clear_cache()  # type: ignore[attr-defined] # as above


def work_with_objects(emulator: Emulator) -> None:
    """Do what scripts do."""
    with synapse.Session(emulator.url, emulator.api_token) as session:
        project = session.projects.create(title="Logged", category="image")
        project.description = "Changed"
        project.save()
        assert session.projects.filter(title="Logged").count() == 1
        with pytest.raises(errors.NotFound):
            session.projects.get(10**6)
        project.delete()


def work_with_faults(home: Recorder, token: Path) -> None:
    """Meet a refused token, an outage, failing hooks, and an answer that quotes the token."""

    def fail(event: object) -> None:
        if isinstance(event, Retry):
            token.write_text(SECOND)
        raise ValueError(FIRST)

    home.answers["/projects/1/"] = reply(503, {"detail": f"Not with {FIRST}"}, Retry_After="0")
    home.answers["/projects/2/"] = reply(401, {"detail": f"Not with {FIRST}"})
    options: Any = {"retries": 1, "on_response": fail, "on_retry": fail}
    with synapse.Session(home.url, api_token=token, **options) as session:
        with pytest.raises(errors.ServerError):
            session.projects.get(1)
        with pytest.raises(errors.AuthenticationError):
            session.projects.get(2)
        with session.transport.stream(f"{home.url}file?X-Amz-Signature={SIGNATURE}"):
            pass
    home.otherwise, home.closes = b"", True
    with (
        synapse.Session(home.url, api_token=token, retries=0) as session,
        pytest.raises(errors.ConnectionFailed),
    ):
        session.projects.count()


def test_each_message_is_a_documented_one(
    emulator: Emulator, home: Recorder, tmp_path: Path, records: Records
) -> None:
    token = tmp_path / "token"
    token.write_text(FIRST)
    work_with_objects(emulator)
    work_with_faults(home, token)
    seen: dict[str, set[str]] = {}
    for record in records.found:
        event = EVENTS[record.event]  # type: ignore[attr-defined] # its absence is a failure, too
        assert record.name == event.logger.name
        assert record.levelno in event.levels
        assert set(event.fields) <= set(vars(record))
        seen.setdefault(event.name, set()).add(record.levelname)
    assert seen == {
        "request.answered": {"DEBUG"},
        "request.failed": {"DEBUG"},
        "request.retried": {"INFO"},
        "token.renewed": {"INFO"},
        "hook.failed": {"ERROR"},
    }
    secrets = (FIRST, SECOND, SIGNATURE, emulator.api_token)
    assert [secret for secret in secrets if secret in records.text] == []
    assert "ValueError: ***" in records.text
