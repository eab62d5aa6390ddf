"""The stub of `session.aio` agrees with the classes of the ordinary objects."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import typed_aio
import typed_managers
from package_source import ROOT

from synapse import Session, Task
from synapse.aio import AsyncSession
from synapse.aio.member_kinds import LAZY, MemberKind, find_kind, is_viewed
from synapse.aio.views import view_class
from synapse.orm import registry

STUB = (ROOT / typed_aio.STUB).read_text(encoding="utf-8")
PACKAGED = [cls for cls in registry.declared() if cls.__module__.startswith("synapse.")]
MANAGERS = [cls.__schema__.declared_manager for cls in PACKAGED]
# Those that sessions use: their methods name the fields of the resource.
BOUND = [cls.__schema__.manager for cls in PACKAGED]
LAZY_CLASSES = [getattr(importlib.import_module(home), name) for name, home in LAZY.items()]
# Results whose loops send no request, or only those of a library that isn't for asyncio.
COMPLETE = {"ObjectPage", "PictureStream"}


CLASSES = {node.name: node for node in ast.parse(STUB).body if isinstance(node, ast.ClassDef)}


def find_names(name: str) -> set[str]:
    """Return the members of a class of the stub, with those of its bases."""
    node, names = CLASSES[name], set[str]()
    for each in node.body:
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(each.name)
        elif isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            names.add(each.target.id)
    for base in node.bases:
        base = base.value if isinstance(base, ast.Subscript) else base
        if isinstance(base, ast.Name) and base.id != "Generic":
            names |= find_names(base.id)
    return names


@pytest.mark.slow
def test_the_stub_is_as_generated() -> None:
    assert typed_aio.generate() == STUB, "python tools/typed_aio.py --write"


def test_the_run_time_knows_no_stub() -> None:
    assert importlib.util.find_spec("synapse.aio._typed") is None
    assert AsyncSession.__mro__ == (AsyncSession, object)


@pytest.mark.parametrize(
    "cls", [*PACKAGED, *MANAGERS, *BOUND, *LAZY_CLASSES], ids=lambda cls: cls.__name__
)
def test_the_stub_has_the_members_of_the_run_time(cls: Any) -> None:
    members = {n for n in dir(view_class(cls)) if n[:1] != "_" or n in ("__aiter__", "__getitem__")}

    assert find_names(typed_aio.view_name(cls)) == members


def test_the_stub_has_the_members_of_the_session() -> None:
    verbs = {name for name in dir(Session) if find_kind(Session, name)}
    roots = {cls.__schema__.plural for cls in PACKAGED}

    assert find_names("TypedAsyncSession") == {*verbs, *roots, "__call__", "__getitem__"}


@pytest.mark.parametrize("name", [name for name in dir(Session) if find_kind(Session, name)])
def test_values_of_the_session_are_as_they_are(name: str) -> None:
    nodes = [n for n in CLASSES["TypedAsyncSession"].body if getattr(n, "name", "") == name]
    is_value = find_kind(Session, name) is MemberKind.VALUE

    for node in nodes:
        assert ("Awaitable" in ast.unparse(node) or not is_property(node)) is not is_value


def is_property(node: Any) -> bool:
    return any(ast.unparse(each) == "property" for each in node.decorator_list)


def test_methods_are_coroutines_where_the_stub_says_so() -> None:
    for cls in [*PACKAGED, *MANAGERS, *BOUND, *LAZY_CLASSES]:
        for node in CLASSES[typed_aio.view_name(cls)].body:
            name = getattr(node, "name", "")
            if name and name[:2] != "__" and not is_property(node):
                member = getattr(view_class(cls), name)
                is_awaited = isinstance(node, ast.AsyncFunctionDef)
                assert inspect.iscoroutinefunction(member) is is_awaited, (cls, name)


@pytest.mark.parametrize(
    ("cls", "verb", "expected"),
    [
        (Task, "save", "async def save(self) -> R: ..."),
        (Task, "project", "def project(self) -> Awaitable[Project]: ..."),
        (Task, "assignments", "def assignments(self) -> AsyncAssignmentManager: ..."),
        (Task, "annotations", "def annotations(self) -> Awaitable[Annotations]: ..."),
    ],
)
def test_members_are_as_expected(cls: Any, verb: str, expected: str) -> None:
    owner = next(base for base in cls.__mro__ if verb in vars(base))

    (member,) = typed_aio.generate_members(owner, verb)

    assert member.text.removeprefix("@property\n    ") == expected


def find_loops(function: Any) -> Iterator[type]:
    """Yield the classes with loops in a function's return annotation."""
    homes = typed_aio.parse_imports(inspect.unwrap(function).__module__)
    annotation = inspect.unwrap(function).__annotations__["return"]
    for word in typed_managers.WORD.findall(str(annotation)):
        home = homes.get(word, function.__module__)
        found = getattr(importlib.import_module(home), word, None) if "synapse." in home else None
        if isinstance(found, type) and hasattr(found, "__iter__"):
            yield found


@pytest.mark.slow
def test_what_a_loop_reads_is_known() -> None:
    """A new result with a loop is either lazy, and so in the table, or named above."""
    loops = set()
    for cls in [*PACKAGED, *MANAGERS, *LAZY_CLASSES, Session]:
        for name in dir(cls):
            kind = find_kind(cls, name)
            member = inspect.getattr_static(cls, name, None)
            function = getattr(member, "fget", member)
            if kind and inspect.isfunction(function):
                loops.update(find_loops(function))

    assert {cls.__name__ for cls in loops if not is_viewed(cls)} == COMPLETE
