"""The agent's store: jobs, their lines, deliveries and releases, over restarts."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.agent.store import Store
from synapse.errors import ConfigurationError
from synapse.jobs.spec import Outcome

from .conftest import NOW, add_job, make_lines


def test_a_job_is_added_once(store: Store) -> None:
    assert add_job(store, "j")
    assert not add_job(store, "j")
    job = store.job("j")
    assert job is not None
    assert (job.status, job.params, job.lines) == ("queued", {"x": 1}, 0)


def test_the_releases_of_another_backend_are_not_kept(store: Store) -> None:
    def keep() -> None:
        store.keep_release(code="p", version="1", key=1, checksum="c", size=1, config={})

    keep()
    store.belong_to("one")
    store.belong_to("one")
    assert len(store.releases()) == 1

    store.belong_to("another")
    assert store.releases() == []
    keep()
    store.belong_to("another")
    assert len(store.releases()) == 1


def test_only_the_first_end_counts(store: Store) -> None:
    add_job(store, "j")
    store.begin("j")

    store.end("j", Outcome("failed", "It broke."))
    store.end("j", Outcome("stopped", "It was stopped."))

    job = store.job("j")
    assert job is not None
    assert (job.status, job.reason) == ("failed", "It broke.")
    (last,) = store.lines("j")
    assert (last.message, last.level) == ("It broke.", "error")


def test_a_reason_that_the_job_printed_is_not_said_again(store: Store) -> None:
    add_job(store, "j")
    store.append("j", make_lines("It broke.", "It can't run."))

    store.end("j", Outcome("failed", "It can't run."))

    assert [line.message for line in store.lines("j")] == ["It broke.", "It can't run."]


def test_lines_in_order_and_in_part(store: Store) -> None:
    add_job(store, "j")
    store.append("j", make_lines("a", "b"))
    store.append("j", make_lines("c\x00\ud800"))

    assert [line.message for line in store.lines("j", 1)] == ["b", "c\ufffd?"]
    assert [line.message for line in store.lines("j", 0, 1)] == ["a"]
    assert store.lines("j")[0].created == NOW


def test_what_is_untold(store: Store) -> None:
    add_job(store, "j")
    assert store.list_unreported() == []
    store.append("j", make_lines("a"))
    assert [job.id for job in store.list_unreported()] == ["j"]
    store.record_sent("j", 1)
    assert store.list_unreported() == []
    store.begin("j")
    assert [job.id for job in store.list_unreported()] == ["j"]
    store.record_told("j", "running")
    assert store.list_unreported() == []
    store.append("j", make_lines("b"))
    store.give_up("j")
    assert store.list_unreported() == []


def test_old_jobs_are_forgotten_once_they_are_told_of(store: Store) -> None:
    for number in range(4):
        key = f"j{number}"
        add_job(store, key)
        store.end(key, Outcome("completed"))
    assert store.count() == 4  # of none of them the backend knows
    for number in range(4):
        store.record_told(f"j{number}", "completed")

    add_job(store, "last")
    store.end("last", Outcome("completed"))

    assert [job.id for job in store.jobs()] == ["j2", "j3", "last"]


def test_it_survives(store: Store, tmp_path: Path) -> None:
    add_job(store, "j")
    store.append("j", make_lines("a"))
    node = store.node_id()
    store.close()

    again = Store(tmp_path / "agent")

    assert again.node_id() == node
    assert [line.message for line in again.lines("j")] == ["a"]
    again.close()


def test_one_agent_for_one_folder(store: Store) -> None:
    with pytest.raises(ConfigurationError, match="Another agent uses"):
        Store(store.folder)


def test_a_folder_with_something_else_in_it(tmp_path: Path) -> None:
    (tmp_path / "agent.sqlite3").write_text("no database " * 100)

    with pytest.raises(ConfigurationError, match="can't be used: file is not a database"):
        Store(tmp_path)


def test_a_folder_that_cant_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="can't be used"):
        Store(tmp_path / "file")


def test_it_is_its_owners_alone(store: Store) -> None:
    assert store.folder.stat().st_mode & 0o077 == 0
