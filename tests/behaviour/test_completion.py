"""IPython and jedi complete fields and keywords, without a request."""

from __future__ import annotations

import inspect
import pydoc
from collections.abc import Callable, Iterator
from typing import Any

import jedi
import pytest
from IPython.core.completer import IPCompleter, provisionalcompleter
from urllib3.connectionpool import HTTPConnectionPool

from synapse import Session

Complete = Callable[[str], set[str]]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep jedi's parsed files for this module, and out of the home folder."""
    folder = tmp_path_factory.getbasetemp() / "jedi"
    monkeypatch.setattr(jedi.settings, "cache_directory", str(folder))


@pytest.fixture
def on_the_wire(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests of this process to any server."""
    sent: list[str] = []
    urlopen = HTTPConnectionPool.urlopen

    def record(self: Any, method: str, url: str, *args: Any, **options: Any) -> Any:
        sent.append(f"{method} {url}")
        return urlopen(self, method, url, *args, **options)

    monkeypatch.setattr(HTTPConnectionPool, "urlopen", record)
    return sent


@pytest.fixture
def names(emulator: Any, project: Any) -> Iterator[dict[str, Any]]:
    """Variables of a notebook: among them objects of which only the id is known."""
    with Session(emulator.url, emulator.api_token) as session:
        task = session.tasks.only("project", "data_unit").first()
        assert task is not None
        yield {
            "session": session,
            "tasks": session.tasks,
            "project": session.projects.get(project.id),
            "task": task,
            "unit": task.data_unit,
        }


@pytest.fixture
def complete(names: dict[str, Any]) -> Complete:
    """Return the completions at the end of a text, as IPython shows them."""
    completer = IPCompleter(namespace=names, global_namespace=names)

    def run(text: str) -> set[str]:
        with provisionalcompleter():
            found = list(completer.completions(text, len(text)))
        return {each.text.lstrip(".").rpartition(".")[2] for each in found}

    return run


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("session.", {"projects", "tasks", "jobs", "me"}),
        ("session.proj", {"projects"}),
        ("session.projects.cre", {"create"}),
        ("tasks.", {"filter", "create", "update", "annotations", "to_pandas"}),
        ("project.", {"title", "tasks", "summary", "data_collection"}),
        ("project.tasks.upd", {"update", "update_from"}),
        ("task.sta", {"status"}),
        ("unit.", {"files", "tasks", "meta"}),
        ("session.projects.create(", {"title=", "category=", "extra="}),
        ("session.projects.create(title='x', cat", {"category="}),
        ("tasks.create(pri", {"priority="}),
        ("tasks.filter(sta", {"status=", "status__in="}),
        ("tasks.filter(status='pending', created__", {"created__gte=", "created__lt="}),
        ("project.tasks.update(", {"priority=", "assignee=", "meta="}),
        ("session.tasks.get(", {"refresh=", "status="}),
    ],
)
def test_names_and_keywords_are_completed_without_a_request(
    complete: Complete, on_the_wire: list[str], text: str, expected: set[str]
) -> None:
    assert expected <= complete(text)
    assert on_the_wire == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("task.project.ti", "title"),
        ("task.data_unit.fi", "files"),
        ("task.project.tasks.filter(sta", "status="),
        ("tasks.filter(status='pending').upd", "update"),
        ("tasks.all().order_by('id').upd", "update"),
        ("tasks[0].sta", "status"),
        ("for each in tasks.filter(id=1):\n    each.sta", "status"),
    ],
)
def test_jedi_follows_chains_without_a_request(
    names: dict[str, Any], on_the_wire: list[str], text: str, expected: str
) -> None:
    completions = jedi.Interpreter(text, [names]).complete()

    assert expected in {each.name for each in completions}
    assert [each.type for each in completions]  # which reads the attributes
    assert on_the_wire == []


def test_reading_after_a_completion_loads_the_object(
    names: dict[str, Any], on_the_wire: list[str]
) -> None:
    assert [each.type for each in jedi.Interpreter("task.status", [names]).complete()]

    assert names["task"].status == "pending"
    assert len(on_the_wire) == 1


def test_jedi_shows_the_fields_of_a_call(names: dict[str, Any], on_the_wire: list[str]) -> None:
    (signature,) = jedi.Interpreter("tasks.create(", [names]).get_signatures()

    shown = {each.name: each.to_string() for each in signature.params}
    assert shown["priority"] == "priority: 'Priority | str'=..."
    assert shown["data_unit"] == "data_unit: 'DataUnit | int'=..."
    assert "priority (Priority | str): Urgency of the task. One of 'low'" in signature.docstring()
    assert on_the_wire == []


def test_help_explains_the_fields(names: dict[str, Any], on_the_wire: list[str]) -> None:
    text = pydoc.plain(pydoc.render_doc(names["session"].task_tags.create))

    assert "color (str | None): Colour, as `#rrggbb`." in text
    assert "create(*, extra" in text
    for name, one in names.items():
        assert pydoc.render_doc(one), name
        assert inspect.getmembers(type(one)), name
    assert on_the_wire == []


def test_keys_of_a_document_are_completed(complete: Complete, names: dict[str, Any]) -> None:
    names["document"] = names["project"].configuration
    names["document"]["classification"] = {}

    assert any("classification" in each for each in complete("document['cl"))


def test_source_is_that_of_the_declared_method(names: dict[str, Any]) -> None:
    manager = names["session"].tasks

    assert type(manager).__module__ == "synapse.resources.tasks"
    assert "def create(self, *, extra: Values | None = None" in inspect.getsource(manager.create)
