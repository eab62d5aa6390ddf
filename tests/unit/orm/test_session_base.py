"""Sessions for the object layer: options, the default, sessions by address, lazy loads."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import synapse
from synapse import Project, Session, Task
from synapse.errors import LazyLoadError, LazyLoadWarning
from synapse.orm import session_base

ADDRESS = "http://127.0.0.1:9/"


def other_session(**options: Any) -> Session:
    return Session(**{"base_url": ADDRESS, "api_token": "no-token", **options})


def describe(tenant: str | None = None) -> dict[str, str | None]:
    """Return what a pickle says about its session."""
    return {"base_url": ADDRESS, "tenant": tenant, "profile": None}


def load_task(session: Session, number: int = 1) -> Any:
    return session.identity.load(Task, [{"id": number, "project": 5}])[0]


def test_a_bad_page_size_is_refused() -> None:
    for bad in (0, True, "10"):
        with pytest.raises(synapse.errors.ConfigurationError, match="page_size"):
            other_session(page_size=bad)


def test_an_unknown_lazy_policy_is_refused() -> None:
    with pytest.raises(synapse.errors.ConfigurationError, match="'allow', 'warn' or 'raise'"):
        other_session(lazy="never")


def test_key_is_the_address_and_the_tenant() -> None:
    with other_session(tenant="vision") as session:
        assert session.key == (ADDRESS, "vision")


def test_new_default_returns_the_one_before(offline: Session) -> None:
    assert session_base.set_default(offline) is None
    assert session_base.default() is offline
    assert session_base.set_default(None) is offline


def test_open_session_is_found_by_its_address(offline: Session) -> None:
    assert session_base.find(describe()) is offline


def test_first_found_session_becomes_the_default(offline: Session) -> None:
    session_base.find(describe())

    assert session_base.default() is offline


def test_found_session_does_not_replace_the_default(offline: Session) -> None:
    with other_session(tenant="vision") as default:
        session_base.set_default(default)

        assert session_base.find(describe()) is offline
        assert session_base.default() is default


def test_default_is_preferred_to_an_equal_session(offline: Session) -> None:
    with other_session() as equal:
        for default in (offline, equal):
            session_base.set_default(default)

            assert session_base.find(describe()) is default


@pytest.mark.parametrize("is_default", [False, True])
def test_missing_session_is_connected(
    offline: Session, monkeypatch: pytest.MonkeyPatch, is_default: bool
) -> None:
    asked = []

    def connect(**where: Any) -> Session:
        asked.append(where)
        return other_session(tenant=where["tenant"])

    monkeypatch.setattr(session_base, "_connect", None)
    session_base.set_connector(connect)
    session_base.set_default(offline if is_default else None)
    with session_base.find(describe("vision")) as session:  # type: ignore[attr-defined]
        assert asked == [{"session_class": None, **describe("vision")}]
        assert (session_base.default() is session) is not is_default


def test_closed_session_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with other_session(tenant="closed") as closed:
        pass
    monkeypatch.setattr(session_base, "_connect", lambda **where: other_session(tenant="closed"))
    with session_base.find(describe("closed")) as session:  # type: ignore[attr-defined]
        assert session is not closed


@pytest.mark.parametrize(
    ("is_stub", "advice"),
    [(True, r'Load it before: \.expand\("project"\)'), (False, r"Task\.objects\.get\(1\)")],
)
def test_forbidden_load_names_the_remedy(is_stub: bool, advice: str) -> None:
    with other_session(lazy="raise") as session:
        task = load_task(session)
        with pytest.raises(LazyLoadError, match=advice):
            session.before_lazy_load(task.project if is_stub else task, "title")


def test_third_load_from_one_line_warns_once() -> None:
    with other_session(lazy="warn") as session, warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        project = load_task(session).project
        counts = []
        for _ in range(5):
            session.before_lazy_load(project, "title")
            counts.append(len(record))

    assert counts == [0, 0, 1, 1, 1]
    assert record[0].category is LazyLoadWarning
    assert record[0].filename == __file__
    assert 'put .expand("project") on the query' in str(record[0].message)


def test_loads_from_different_lines_do_not_warn(recwarn: pytest.WarningsRecorder) -> None:
    with other_session(lazy="warn") as session:
        project = load_task(session).project
        session.before_lazy_load(project, "title")
        session.before_lazy_load(project, "title")
        session.before_lazy_load(project, "title")

    assert len(recwarn) == 0


def test_allowed_loads_do_not_warn(recwarn: pytest.WarningsRecorder) -> None:
    with other_session(lazy="allow") as session:
        project: Project = load_task(session).project
        for _ in range(5):
            session.before_lazy_load(project, "title")

    assert len(recwarn) == 0


def test_one_object_has_one_lock_for_saving(offline: Session) -> None:
    task = load_task(offline)

    assert offline.saving(task) is offline.saving(task)
    assert offline.saving(task) is not offline.saving(load_task(offline, 2))
