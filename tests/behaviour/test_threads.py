"""One session on many threads."""

from __future__ import annotations

import gc
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from synapse import Session
from synapse.orm import resource


@pytest.fixture(autouse=True)
def frequent_switches() -> Any:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def together(count: int, work: Callable[[int], None]) -> None:
    """Run some work on so many threads at once, and raise what one of them raised."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            barrier.wait(60)
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.fixture
def fifty(tables: Any) -> Any:
    tables.rows["tasks"] = [
        {"id": n, "project": n % 5, "meta": {}, "status": "pending"} for n in range(50)
    ]
    tables.rows["projects"] = [{"id": n, "title": f"p{n}"} for n in range(5)]
    return tables


def test_thirty_two_threads_get_and_iterate_one_object_per_id(
    connected: Session, fifty: Any
) -> None:
    found: dict[Any, set[int]] = defaultdict(set)
    kept: list[Any] = []
    lock = threading.Lock()

    def work(number: int) -> None:
        mine = list(connected.tasks.page_size(20))
        mine += [connected.tasks.get((number * 7 + n) % 50) for n in range(5)]
        mine += [task.project for task in mine]
        with lock:
            kept.extend(mine)
            for one in mine:
                found[type(one), one.id].add(id(one))

    together(32, work)
    assert len(found) == 55
    assert all(len(ids) == 1 for ids in found.values())
    assert len(set(kept)) == 55


def test_thirty_two_threads_reach_the_backend(session: Session, units: Any) -> None:
    tasks = units(20)

    def work(number: int) -> None:
        for task in session.tasks.page_size(7):
            assert task is tasks[[one.id for one in tasks].index(task.id)]
        task = tasks[number % 20]
        assert session.tasks.get(task.id, refresh=True) is task

    together(32, work)


def test_a_list_that_is_read_on_many_threads_is_one_list(connected: Session, fifty: Any) -> None:
    for _ in range(5):
        (task,) = connected.identity.load(
            type(connected.tasks[0]), [{"id": 999, "meta": {"n": []}}]
        )
        seen: list[Any] = []

        def work(number: int, task: Any = task, seen: list[Any] = seen) -> None:
            seen.append(task.meta)
            task.meta["n"].append(number)

        together(8, work)
        assert len(set(map(id, seen))) == 1
        assert sorted(task.meta["n"]) == list(range(8))
        task.revert()
        del task, seen, work
        gc.collect()


def test_an_edit_is_not_undone_by_a_read_on_another_thread(connected: Session, fifty: Any) -> None:
    task = connected.tasks[0]
    for _ in range(150):
        task.revert()

        def work(number: int) -> None:
            if number:
                assert task.status in {"pending", "skipped"}
            else:
                task.status = "skipped"

        together(3, work)
        assert task.status == "skipped"


def test_edits_that_are_made_while_it_is_saved_all_arrive(connected: Session, fifty: Any) -> None:
    task = connected.tasks[0]

    def work(number: int) -> None:
        for n in range(40):
            task.meta[f"{number}-{n}"] = n
            if n % 10 == 9:
                task.save()

    together(6, work)
    task.save()
    assert len(fifty.rows["tasks"][0]["meta"]) == 240
    assert task.changes == {}


def test_an_edit_between_two_comparisons_stays(
    connected: Session, fifty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another thread makes it while the server's answer is taken over."""
    task = connected.tasks[0]
    held, compare = task.meta, resource.same_json

    def compare_and_edit(one: Any, other: Any) -> bool:
        result = compare(one, other)
        if one == {"a": 1}:
            held["b"] = 2
        return result

    task.meta["a"] = 1
    monkeypatch.setattr(resource, "same_json", compare_and_edit)
    task.save()
    assert task.meta == {"a": 1, "b": 2}
    task.save()

    assert fifty.rows["tasks"][0]["meta"] == {"a": 1, "b": 2}


def test_saves_do_not_overtake_each_other(connected: Session, fifty: Any) -> None:
    """The server does the second one first, if it is sent before the first was answered."""
    task = connected.tasks[0]
    first, second = threading.Event(), threading.Event()

    def before(asked: Any) -> None:
        if asked.method == "PATCH":
            if first.is_set():
                fifty.rows["tasks"][0].update(asked.body)
                second.set()
            else:
                first.set()
                second.wait(0.3)

    fifty.before = before
    task.meta["a"] = 1
    saver = threading.Thread(target=task.save)
    saver.start()
    first.wait(60)
    task.meta["b"] = 2
    task.save()
    saver.join()

    assert fifty.rows["tasks"][0]["meta"] == {"a": 1, "b": 2}
    assert task.changes == {}


def test_loads_on_other_threads_overwrite_no_edit(connected: Session, fifty: Any) -> None:
    tasks = list(connected.tasks)

    def work(number: int) -> None:
        if number % 2:
            for task in tasks[number::8]:
                task.meta["k"] = number
                task.status = "skipped"
        else:
            for _ in range(3):
                list(connected.tasks)

    together(8, work)
    changed = [task for task in tasks if task.is_changed]
    assert {task.id % 8 for task in changed} == {1, 3, 5, 7}
    assert all(task.meta == {"k": task.id % 8} for task in changed)
