"""Every object once, also while changes take objects out of the query."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from synapse import Task
from synapse.display.browse import walk
from synapse.display.browse.walk import Walk
from synapse.errors import ConnectionFailed, NotFound
from synapse.orm.pages import ObjectPage, Slice
from synapse.orm.query_state import QueryState


@attrs.frozen
class Item:
    _key: int


class Query:
    """A query over a list that changes; counts the pages and the objects that are read."""

    _resource = Task
    _session = None

    def __init__(self, keys: list[int], window: Slice | None = None, log: Any = None) -> None:
        self.keys = keys
        self._state = QueryState(window=window or Slice())
        self.log: list[Any] = [] if log is None else log
        self.is_down = False

    def _with(self, **_: Any) -> Query:
        return self

    def expand(self, *_: str) -> Query:
        return self

    def page_size(self, _: int) -> Query:
        return self

    def __getitem__(self, part: slice) -> Query:
        query = Query(self.keys, self._state.window.sliced(part), self.log)
        query.is_down = self.is_down
        return query

    def pages(self, workers: int) -> Any:
        assert workers == 1
        if self.is_down:
            raise ConnectionFailed(503, "down")
        window = self._state.window
        self.log.append((window.start, window.stop))
        rows = self.keys[window.start : window.stop]
        if rows:
            yield ObjectPage([Item(key) for key in rows], len(self.keys))


def walk_of(query: Any) -> Walk:
    made = Walk(query)
    made.open()
    return made


def test_pages_are_read_as_they_are_reached() -> None:
    query = Query(list(range(100)))
    walked = walk_of(query)

    assert query.log == [(0, 20)]
    keys = [walked.key]
    while walked.step(1):
        keys.append(walked.key)
    assert keys == list(range(100))
    assert query.log == [(0, 20), (20, 40), (40, 60), (60, 80), (80, 100), (100, 120)]
    assert (walked.position, walked.total) == (99, 100)
    while walked.step(-1):
        pass
    assert walked.key == 0


@pytest.mark.parametrize("every", [1, 2, 7])
def test_objects_that_leave_the_query_hide_no_others(every: int) -> None:
    query = Query(list(range(90)))
    walked = walk_of(query)
    keys = [walked.key]
    while True:
        if walked.key % every == 0:
            query.keys.remove(walked.key)
            walked.note_change()
        if not walked.step(1):
            break
        keys.append(walked.key)

    assert keys == list(range(90))
    assert max(stop - start for start, stop in query.log) == 20
    assert len(query.log) <= 10


def test_objects_that_come_back_are_not_repeated() -> None:
    query = Query(list(range(60)))
    walked = walk_of(query)
    for key in range(10):
        query.keys.remove(key)
        walked.note_change()
    for _ in range(25):
        walked.step(1)
    query.keys[:0] = range(10)
    for _ in range(10):
        walked.note_change()
    keys = [walked.key]
    while walked.step(1):
        keys.append(walked.key)

    assert keys == list(range(25, 60))


def test_jump_reads_one_page_only() -> None:
    query = Query(list(range(10_000_000)))
    walked = walk_of(query)

    walked.jump(5_000_017)
    assert (walked.key, walked.position) == (5_000_017, 5_000_017)
    walked.jump(5_000_001)
    assert len(query.log) == 2
    for _ in range(3):
        walked.step(-1)
    assert walked.key == 4_999_998
    walked.jump(10**12)
    assert walked.key == 9_999_999
    walked.jump(-5)
    assert walked.key == 0


def test_jump_behind_a_list_that_became_shorter_ends_at_its_last_object() -> None:
    query = Query(list(range(100)))
    walked = walk_of(query)
    del query.keys[30:]

    walked.jump(90)
    assert walked.key == 29


def test_failed_reading_leaves_the_place() -> None:
    query = Query(list(range(100)))
    walked = walk_of(query)
    walked._query.is_down = True  # type: ignore[attr-defined] # the fake has the attribute

    with pytest.raises(ConnectionFailed):
        walked.jump(50)
    assert walked.key == 0
    for _ in range(19):
        walked.step(1)
    with pytest.raises(ConnectionFailed):
        walked.step(1)
    assert walked.key == 19
    walked._query.is_down = False  # type: ignore[attr-defined] # as above
    assert walked.step(1)
    assert walked.key == 20


def test_few_objects_and_ids_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "_MOST_KEYS", 50)
    query = Query(list(range(1000)))
    walked = walk_of(query)
    for _ in range(999):
        walked.step(1)
        assert len(walked._objects) <= 60
        assert len(walked._keys) <= 50

    assert (walked.key, walked.position) == (999, 999)
    for _ in range(999):
        walked.step(-1)
        assert len(walked._keys) <= 50
    assert (walked.key, walked.position) == (0, 0)
    for _ in range(999):
        walked.step(1)
    assert (walked.key, walked.position) == (999, 999)


def test_empty_query_has_no_object() -> None:
    walked = walk_of(Query([]))

    assert walked.find_current() is None
    assert not walked.step(1)
    assert not walked.step(-1)
    walked.jump(3)
    assert (walked.key, walked.position, walked.total) == (None, 0, 0)


def test_passed_object_is_found_again_by_id() -> None:
    walked = walk_of(Query(list(range(40, 0, -1))))
    walked.step(1)

    assert walked.move_to(40)
    assert walked.position == 0
    assert not walked.move_to(1)
    assert walked.key == 40


@pytest.mark.parametrize(("wanted", "read"), [(5, 5), (1000, 20), (None, 20)])
def test_page_size_of_the_query_is_bounded(wanted: int | None, read: int) -> None:
    query = Query(list(range(100)))
    query._state = QueryState(page_size=wanted)

    walk_of(query)
    assert query.log == [(0, read)]


def test_slice_bounds_the_total() -> None:
    walked = walk_of(Query(list(range(100)), Slice(10, 35)))

    assert (walked.key, walked.total) == (10, 25)
    while walked.step(1):
        pass
    assert (walked.key, walked.position) == (34, 24)


def test_object_that_left_the_memory_is_read_by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    walked = walk_of(Query(list(range(3))))
    walked._objects.clear()

    class Gone(Query):
        def __init__(self, *_: Any) -> None:
            super().__init__([])

        def get(self, key: int) -> Item:
            if key == 2:
                raise NotFound(404, "gone")
            return Item(key)

    monkeypatch.setattr(walked, "_query", Gone())
    assert walked.find(1) == Item(1)
    assert walked.find(1) is walked.find(1)
    with pytest.raises(NotFound):
        walked.find(2)
