"""Random sequences of operations on an object agree with a plain model."""

from __future__ import annotations

import copy
import gc
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from synapse import Project, Session
from synapse.errors import NotFound

ROW: dict[str, Any] = {
    "title": "a",
    "category": "image",
    "settings": {"n": 0, "list": []},
    "data_collection": None,
    "is_archived": False,
}
KEYS = (1, 2)
keys = st.sampled_from(KEYS)
edits = st.one_of(
    st.tuples(st.just("title"), st.sampled_from(["a", "b", "c"])),
    st.tuples(st.just("category"), st.sampled_from(["image", "text", "unheard-of"])),
    st.tuples(st.just("data_collection"), st.sampled_from([None, 7, 8])),
    st.tuples(st.just("is_archived"), st.booleans()),
    st.tuples(st.just("settings"), st.sampled_from([{}, {"n": 1}, {"n": True}, {"list": [1]}])),
)


class ObjectsAndAModel(RuleBasedStateMachine):
    """The server's rows, what this session was last told, and what was edited since."""

    tables: Any
    session: Session

    def __init__(self) -> None:
        super().__init__()
        self.server = {key: copy.deepcopy(ROW) for key in KEYS}
        self.tables.rows["projects"] = [{"id": key, **copy.deepcopy(ROW)} for key in KEYS]
        self.told = {key: copy.deepcopy(ROW) for key in KEYS}
        self.edits: dict[int, dict[str, Any]] = {key: {} for key in KEYS}
        self.held: dict[int, Project] = {}
        self.session.identity.__init__(self.session, cache_size=10, cache_ttl=60)  # type: ignore[misc]
        self.objects = {one.id: one for one in self.session.projects}

    def row(self, key: int) -> dict[str, Any]:
        (row,) = [row for row in self.tables.rows["projects"] if row["id"] == key]
        return row  # type: ignore[no-any-return]

    def alive(self, key: int) -> bool:
        return key in self.objects

    def hear(self, key: int) -> None:
        """The session is told of a row; an edit that says the same is no edit any more."""
        self.told[key] = copy.deepcopy(self.server[key])
        self.edits[key] = {
            n: v for n, v in self.edits[key].items() if differs(v, self.told[key][n])
        }

    def edit(self, key: int, name: str, value: Any) -> None:
        if differs(value, self.told[key][name]):
            self.edits[key][name] = value
        else:
            self.edits[key].pop(name, None)

    @rule(key=keys, edit=edits)
    def assign(self, key: int, edit: tuple[str, Any]) -> None:
        if self.alive(key):
            setattr(self.objects[key], edit[0], copy.deepcopy(edit[1]))
            self.edit(key, *copy.deepcopy(edit))

    @rule(key=keys, value=st.sampled_from([0, 1, True, None]))
    def edit_nested(self, key: int, value: Any) -> None:
        if self.alive(key):
            now = {**self.told[key], **self.edits[key]}["settings"]
            self.objects[key].settings["n"] = value
            self.edit(key, "settings", {**copy.deepcopy(now), "n": value})

    @rule(key=keys)
    def append_nested(self, key: int) -> None:
        if self.alive(key):
            now = copy.deepcopy({**self.told[key], **self.edits[key]}["settings"])
            now.setdefault("list", []).append(5)
            self.objects[key].settings.setdefault("list", []).append(5)
            self.edit(key, "settings", now)

    @rule(key=keys)
    def save(self, key: int) -> None:
        if self.alive(key):
            before = len(self.tables.asked)
            self.objects[key].save()
            sent = [asked.body for asked in self.tables.asked[before:]]
            assert len(sent) == bool(self.edits[key])
            if sent:
                assert not differs(sent[0], self.edits[key])
                self.server[key] |= copy.deepcopy(self.edits[key])
                self.edits[key] = {}
                self.hear(key)

    @rule(key=keys)
    def refresh(self, key: int) -> None:
        if self.alive(key):
            self.objects[key].refresh()
            self.hear(key)

    @rule(key=keys)
    def revert(self, key: int) -> None:
        if self.alive(key):
            self.objects[key].revert()
            self.edits[key] = {}

    @rule(key=keys)
    def get_fresh(self, key: int) -> None:
        if self.alive(key):
            assert self.session.projects.get(key, refresh=True) is self.objects[key]
            self.hear(key)
        else:
            with pytest.raises(NotFound):
                self.session.projects.get(key)

    @rule()
    def list_all(self) -> None:
        found = list(self.session.projects)
        assert [one.id for one in found] == sorted(self.objects)
        for one in found:
            assert one is self.objects[one.id]
            self.hear(one.id)

    @rule(key=keys, edit=edits)
    def somebody_else_saves(self, key: int, edit: tuple[str, Any]) -> None:
        if self.alive(key):
            self.server[key][edit[0]] = copy.deepcopy(edit[1])
            self.row(key)[edit[0]] = copy.deepcopy(edit[1])

    @rule(key=keys)
    def let_go_and_find_again(self, key: int) -> None:
        """The user drops the object; only its edits must be there when it is got again."""
        if self.alive(key):
            self.session.identity._fresh.clear()
            del self.objects[key]
            gc.collect(0)
            self.objects[key] = self.session.projects.get(key)
            self.hear(key)

    @precondition(lambda self: len(self.objects) == len(KEYS))
    @rule(key=keys)
    def delete(self, key: int) -> None:
        self.objects.pop(key).delete()
        assert all(row["id"] != key for row in self.tables.rows["projects"])

    @invariant()
    def objects_are_what_the_model_says(self) -> None:
        for key, one in self.objects.items():
            assert not differs(one.changes, self.edits[key])
            assert one.is_changed is bool(self.edits[key])
            expected = {"id": key, **self.told[key], **self.edits[key]}
            assert not differs(one.to_dict(), expected)
        changed = {key for key in self.objects if self.edits[key]}
        assert {one.id for one in self.session.identity.changed} == changed

    @invariant()
    def the_server_has_what_was_saved(self) -> None:
        for key in self.objects:
            assert not differs(self.row(key), {"id": key, **self.server[key]})


def differs(one: Any, other: Any) -> bool:
    """Compare with the types: `True` isn't 1."""
    return repr(normal(one)) != repr(normal(other))


def normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: normal(value[key]) for key in sorted(value)}
    return [normal(item) for item in value] if isinstance(value, list) else value


def test_objects_are_what_a_plain_model_says_whatever_is_done(
    connected: Session, tables: Any
) -> None:
    machine = type("Machine", (ObjectsAndAModel,), {"tables": tables, "session": connected})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
