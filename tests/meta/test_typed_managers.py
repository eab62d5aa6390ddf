"""The stub with the managers' keywords agrees with the declarations."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from typing import Any

import pytest
import typed_managers
from package_source import PACKAGE, ROOT

from synapse import Project, Task
from synapse.orm import registry

STUB = (ROOT / typed_managers.STUB).read_text(encoding="utf-8")
PACKAGED = [cls for cls in registry.declared() if cls.__module__.startswith("synapse.")]


def test_the_stub_is_as_generated() -> None:
    assert typed_managers.generate() == STUB, "python tools/typed_managers.py --write"


def test_every_manager_of_the_stub_is_used() -> None:
    names = re.findall(r"^class Typed(\w+)\(", STUB, re.MULTILINE)
    sources = "".join(path.read_text("utf-8") for path in (PACKAGE / "resources").glob("*.py"))

    assert len(names) == 17
    for name in names:
        # The one base for type checkers, and what stands for the base at run time.
        assert re.search(rf"^class {name}\(\s*Typed{name}\b", sources, re.MULTILINE), name
        assert re.search(rf"^    Typed{name} = \w+\[", sources, re.MULTILINE), name


def test_the_run_time_knows_no_stub() -> None:
    assert importlib.util.find_spec("synapse.resources._typed") is None
    for cls in PACKAGED:
        bases = cls.__schema__.declared_manager.__mro__
        assert [base.__name__ for base in bases if base.__name__.startswith("Typed")] == []


@pytest.mark.parametrize("cls", PACKAGED, ids=lambda cls: cls.__name__)
def test_a_path_of_the_stub_can_be_expanded(cls: Any) -> None:
    manager = cls.__schema__.manager(cls)
    if not hasattr(manager, "expand"):
        return

    for path in typed_managers.expansions(cls):
        manager.expand(path)
        assert path.count(".") <= 2


def test_values_have_the_types_that_callers_pass() -> None:
    types = typed_managers.filter_types(Task)

    assert types["id"] == "Task | int | Iterable[Task | int]"
    assert types["id__in"] == "Iterable[Task | int]"
    assert types["id__lt"] == "Task | int"
    assert types["status"] == "TaskStatus | TaskStatusWord | Iterable[TaskStatus | TaskStatusWord]"
    assert types["project"] == "Project | int | Iterable[Project | int]"
    assert types["assignee"] == "User | int | Iterable[User | int]"
    assert types["created_after"] == "datetime | str | date"
    assert types["is_discarded"] == "bool | Iterable[bool]"


def test_new_objects_need_the_required_fields() -> None:
    types = typed_managers.create_types(Project, set())

    assert types["title"] == "Required[str]"
    assert types["category"] == "Required[Category | CategoryWord | str]"
    assert types["settings"] == "Mapping[str, Any]"
    assert types["data_collection"] == "DataCollection | int | None"
    assert "Required" not in "".join(typed_managers.create_types(Project, None).values())
    assert typed_managers.create_types(Project, {("Project", "title")})["title"] == "str"


def test_words_have_every_spelling() -> None:
    (words,) = typed_managers.generate_words(PACKAGED, "JobStatusWord")

    assert "'SUCCEEDED', 'completed'" in words
    assert "'pending'" in words


def test_the_tool_prints_the_stub() -> None:
    command = [sys.executable, str(ROOT / "tools" / "typed_managers.py")]

    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout == STUB
