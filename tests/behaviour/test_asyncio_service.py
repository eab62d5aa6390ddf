"""The web service of the manual's page, called as ASGI servers call it."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from behaviour.conftest import Asked, Tables

import synapse

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "asyncio.md"


@pytest.fixture
def app(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("fastapi", reason="no dependency of this project")
    monkeypatch.setenv("SYNAPSE_BASE_URL", tables.url)
    monkeypatch.setenv("SYNAPSE_API_TOKEN", "some-token")
    tables.rows["projects"] = [{"id": 1, "title": "Streets"}]
    tables.rows["tasks"] = [{"id": 1, "project": 1}, {"id": 2, "project": 1}]
    found = re.search(r"```\{code-block\} python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {"__name__": __name__}
    # Annotations are evaluated where the block is: as a module of its own.
    exec(compile(found[1], str(PAGE), "exec", dont_inherit=True), names)
    return names["app"]


class Client:
    """Calls an application as an ASGI server does."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._incoming: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def __aenter__(self) -> Client:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        self._living = asyncio.ensure_future(
            self._app(scope, self._incoming.get, self._answers.put)
        )
        await self._incoming.put({"type": "lifespan.startup"})
        assert (await self._answers.get())["type"] == "lifespan.startup.complete"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._incoming.put({"type": "lifespan.shutdown"})
        await self._living

    async def get(self, path: str) -> tuple[int, Any]:
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [],
            "scheme": "http",
            "root_path": "",
            "state": {},
        }
        await self._app(scope, receive, send)
        return sent[0]["status"], json.loads(b"".join(each.get("body", b"") for each in sent))


def test_the_service_answers(app: Any) -> None:
    async def main() -> list[Any]:
        async with Client(app) as client:
            paths = ["/projects/1"] * 20 + ["/projects/9"]
            return await asyncio.gather(*map(client.get, paths))

    answers = asyncio.run(main())

    assert answers[:20] == [(200, {"title": "Streets", "pending": 2})] * 20
    assert answers[20] == (404, {"detail": "Project 9 does not exist."})
    with pytest.raises(synapse.errors.SessionClosed):
        asyncio.run(app.state.aio.projects.count())


def test_a_client_that_goes_away_stops_the_requests(app: Any, tables: Tables) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def before(_: Asked) -> None:
        arrived.set()
        go_on.wait()

    tables.before = before

    async def main() -> None:
        async with Client(app) as client:
            task = asyncio.ensure_future(client.get("/projects/1"))
            await asyncio.get_running_loop().run_in_executor(None, arrived.wait)
            task.cancel()
            await asyncio.wait((task,))

    asyncio.run(main())
    go_on.set()

    assert len(tables.asked) == 1
