"""A session whose server answers as a test scripts it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import synapse


class ScriptedSession:
    """A session, and the script of its server."""

    def __init__(self, server: Any, token: str) -> None:
        self.session = synapse.Session(server.url, token, retries=0)
        self.url: str = server.url
        self._server = server

    def reply(self, body: Any, *, status: int = 200) -> None:
        """Script the next response, as JSON."""
        self._server.reply(status, body)

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Method and target of each request."""
        return [(request.method, request.target) for request in self._server.requests]

    @property
    def body(self) -> Any:
        """The last request's body."""
        return json.loads(self._server.last.body)


@pytest.fixture
def scripted(server: Any, token: str) -> Iterator[ScriptedSession]:
    """A session with the scripted server."""
    scripted = ScriptedSession(server, token)
    yield scripted
    scripted.session.close()
