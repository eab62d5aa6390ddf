"""The tools for language models, by the client of the package `mcp`."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import anyio
import pytest
import requests
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

import synapse
from synapse.errors import UsageError
from synapse.integrations.mcp_server import PROMPTS, make_server, serve_http
from synapse.orm import registry

Talk: TypeAlias = Callable[[Client], Coroutine[Any, Any, Any]]


def talk(session: synapse.Session, what: Talk, *, write: bool = False) -> Any:
    """Return what a conversation with a server in this process gives."""

    async def run() -> Any:
        async with Client(make_server(session, write=write)) as client:
            return await what(client)

    return anyio.run(run)


def call(session: synapse.Session, name: str, *, write: bool = False, **arguments: Any) -> Any:
    """Return the answer of a tool, or the text of the refusal."""
    result = talk(session, lambda client: client.call_tool(name, arguments), write=write)
    return result.content[0].text if result.is_error else result.structured_content


def test_only_reading_is_offered_unless_writing_is_asked_for(session: synapse.Session) -> None:
    reading = talk(session, lambda client: client.list_tools()).tools
    writing = talk(session, lambda client: client.list_tools(), write=True).tools

    names = {"describe", "find", "count", "get", "summary", "logs"}
    assert {tool.name for tool in reading} == names
    assert {tool.name for tool in writing} - names == {"create", "update", "annotate", "run"}
    assert all(tool.annotations.read_only_hint for tool in reading)
    assert sum(len(tool.description) for tool in writing) < 4_000
    for tool in writing:
        assert "Args" in tool.description
        assert "Example" not in tool.description


def test_a_question_from_the_kinds_to_one_object(
    session: synapse.Session, project: synapse.Project
) -> None:
    kinds = call(session, "describe")["kinds"]
    assert {"projects", "tasks", "jobs"} <= set(kinds)
    described = call(session, "describe", kind="tasks")
    assert "status" in described["filters"]
    assert "pending" in described["fields"]["status"]["type"]
    found = call(
        session, "find", kind="tasks", filters={"status": "pending", "project": project.id}
    )
    assert found["more"] is False
    assert [row["status"] for row in found["rows"]] == ["pending", "pending"]
    uri = found["rows"][0]["uri"]

    read = talk(session, lambda client: client.read_resource(uri))

    assert json.loads(read.contents[0].text)["uri"] == uri
    assert call(session, "count", kind="tasks", filters={"project": project.id}) == {"count": 2}
    assert call(session, "summary", project=project.id)["by_status"] == {"pending": 2}


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("find", {"kind": "task"}, "did you mean 'tasks'?"),
        ("find", {"kind": "tasks", "filters": {"statsu": "x"}}, "did you mean 'status'?"),
        ("count", {"kind": "tasks", "filters": {"status": "pendin"}}, "did you mean 'pending'?"),
        ("find", {"kind": "tasks", "fields": ["titel"]}, "titel"),
        ("find", {"kind": "tasks", "limit": 201}, "from 1 to 200"),
        ("get", {"kind": "tasks", "object_id": 987654}, "987654"),
        ("logs", {"job": "none"}, "none"),
        (
            "update",
            {"kind": "tasks", "object_id": 1, "values": {"statsu": 1}},
            "did you mean 'status'?",
        ),
        ("create", {"kind": "users", "values": {}}, "can't create users"),
        ("find", {"kind": "tasks", "filters": {"params": {"page_size": 9}}}, "'params' is not a"),
    ],
)
def test_the_sdks_own_words_reach_the_model(
    session: synapse.Session, name: str, arguments: Any, message: str
) -> None:
    text = call(session, name, write=True, **arguments)
    assert isinstance(text, str)
    assert message in text
    assert "params={" not in text  # an argument that no tool has


def test_rows_are_bounded_and_say_so(session: synapse.Session, project: synapse.Project) -> None:
    task = project.tasks[0]
    task.meta = {"note": "x" * 5_000, "api_token": "abcdef", "url": "https://h/a?X-Amz-Signature=s"}
    task.save()

    found = call(session, "find", kind="tasks", fields=["meta"], limit=1)
    whole = call(session, "get", kind="tasks", object_id=str(task.id))

    assert found["more"] is True
    assert "cut: 5," in found["rows"][0]["meta"]
    assert len(found["rows"][0]["meta"]) < 1_100
    assert whole["meta"]["note"] == "x" * 5_000
    assert whole["meta"]["api_token"] == "***"
    assert whole["meta"]["url"].endswith("=***")


def test_what_writing_does_is_stored(session: synapse.Session, project: synapse.Project) -> None:
    made = call(
        session, "create", write=True, kind="projects", values={"title": "N", "category": "text"}
    )
    changed = call(
        session, "update", write=True, kind="projects", object_id=made["id"], values={"title": "M"}
    )
    task = project.tasks[0]
    document = {"annotations": {}, "annotationsData": {}}
    call(session, "annotate", write=True, task=task.id, document=document)

    assert changed["title"] == "M"
    assert session.projects.get(made["id"], refresh=True).title == "M"
    assert task.refresh().status == "completed"


def test_a_refused_edit_does_not_go_along_with_the_next(
    session: synapse.Session, project: synapse.Project
) -> None:
    task = project.tasks[0]
    refused = call(
        session,
        "update",
        write=True,
        kind="tasks",
        object_id=task.id,
        values={"status": "sleeping"},
    )
    assert "sleeping" in refused
    assert not session.tasks.get(task.id).changes


@pytest.mark.parametrize(("kind", "argument"), [("models", "file"), ("plugins", "folder")])
def test_creating_reads_no_files_of_this_machine(
    session: synapse.Session, tmp_path: Path, kind: str, argument: str
) -> None:
    (tmp_path / "id_rsa").write_text("private")
    (tmp_path / "config.yaml").write_text("{code: a, name: private, version: 1.0.0}")
    path = tmp_path / "id_rsa" if argument == "file" else tmp_path

    text = call(session, "create", write=True, kind=kind, values={"name": "a", argument: str(path)})

    assert f"can't set {argument!r}" in text
    assert call(session, "count", kind=kind) == {"count": 0}


def test_a_job_is_started_and_its_output_read(session: synapse.Session, tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text("def run(context): print('hello', context.params['name'])")
    config = "code: hello\nname: Hello\nversion: 1.0.0\ncategory: export\nactions:\n"
    (tmp_path / "config.yaml").write_text(config + "  greet: {entrypoint: 'hello:run'}\n")
    session.plugins.release(tmp_path)

    started = call(session, "run", write=True, plugin="hello", params={"name": "model"})
    session.jobs.get(started["id"]).wait()
    logs = call(session, "logs", job=started["id"], lines=5)

    assert logs["status"] == "succeeded"
    assert any("hello model" in line for line in logs["lines"])


def test_prompts_name_tools_and_their_arguments(session: synapse.Session) -> None:
    listed = talk(session, lambda client: client.list_prompts()).prompts
    assert {prompt.name for prompt in listed} == set(PROMPTS)
    got = talk(session, lambda client: client.get_prompt("explain_job", {"object_id": "12"}))
    assert "logs(job='12')" in got.messages[0].content.text


@pytest.mark.parametrize("cls", list(registry.declared()), ids=lambda cls: cls.__name__)
def test_every_kind_is_described_and_found(session: synapse.Session, cls: Any) -> None:
    kind = cls.__schema__.plural
    described = call(session, "describe", kind=kind)
    assert described["summary"]
    assert described["fields"]
    if cls.__schema__.list_path is not None:
        found = call(session, "find", kind=kind, limit=1)
        assert set(found) == {"rows", "more"}, found


def environment(session: synapse.Session, emulator: Any) -> dict[str, str]:
    """Return the environment of a command that reaches the backend."""
    values = {"SYNAPSE_BASE_URL": str(session.transport.base_url)}
    return {**os.environ, **values, "SYNAPSE_API_TOKEN": emulator.api_token}


def test_over_standard_input_and_output(
    session: synapse.Session, emulator: Any, project: synapse.Project
) -> None:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "synapse", "mcp"],
        env=environment(session, emulator),
    )

    async def run() -> Any:
        async with Client(server) as client:
            tools = await client.list_tools()
            found = await client.call_tool("count", {"kind": "tasks"})
            return [tool.name for tool in tools.tools], found.structured_content

    names, found = anyio.run(run)
    assert "update" not in names
    assert found == {"count": 2}


def test_over_http_on_a_secret_path_of_loopback(
    session: synapse.Session, emulator: Any, project: synapse.Project
) -> None:
    command = [sys.executable, "-m", "synapse", "mcp", "--http", "0"]
    with subprocess.Popen(
        command, env=environment(session, emulator), stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            url = next(
                found[0] for line in process.stderr if (found := re.search(r"http://\S+", line))
            )
            assert urlsplit(url).hostname == "127.0.0.1"

            async def run() -> Any:
                async with Client(url) as client:
                    return (await client.call_tool("count", {"kind": "tasks"})).structured_content

            assert anyio.run(run) == {"count": 2}
            plain = f"http://{urlsplit(url).netloc}/mcp"
            assert requests.post(plain, json={}, timeout=10).status_code == 404
            # A web page that makes its name point to this machine.
            other = requests.post(url, json={}, headers={"Host": "evil.example"}, timeout=10)
            assert other.status_code == 421
        finally:
            process.terminate()
            process.wait()


def test_a_port_that_is_taken(session: synapse.Session) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match=r"Port \d+ can't be used"):
            serve_http(session, taken.getsockname()[1], on_ready=print)
