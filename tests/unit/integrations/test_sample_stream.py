"""The order of a stream, its shares, and how it resumes, against lists of several kinds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from list_server import ListServer

import synapse
from synapse.integrations.sample_stream import SampleStream, StreamPosition
from synapse.integrations.samples import SampleReader

# Ids in two heaps far apart.
IDS = [*range(1, 300), *range(10**9, 10**9 + 301, 3)]


@pytest.fixture
def lists() -> Iterator[ListServer]:
    server = ListServer([{"id": key, "status": f"s{key % 3}"} for key in IDS])
    server.default_order = "id"
    yield server
    server.close()


@pytest.fixture
def session(lists: ListServer) -> Iterator[synapse.Session]:
    with synapse.Session(lists.url, "some-token") as session:
        yield session


def make(session: synapse.Session, *ordering: str, seed: int | None = 7) -> SampleStream:
    return SampleStream(SampleReader(session.tasks.order_by(*ordering)), 50, seed)


def read(stream: SampleStream, epoch: int = 0, shard: int = 0, shards: int = 1) -> list[Any]:
    return [row["id"] for row in stream.rows(StreamPosition(epoch), shard, shards)]


@pytest.mark.parametrize("has_bounds", [True, False])
@pytest.mark.parametrize("ordering", ["id", "-id", "status"])
def test_everything_comes_once(
    lists: ListServer, session: synapse.Session, has_bounds: bool, ordering: str
) -> None:
    lists.has_bounds = has_bounds
    stream = make(session, ordering)

    shares = [read(stream, 3, shard, 4) for shard in range(4)]
    assert sorted(itertools.chain(*shares)) == IDS
    assert read(make(session, ordering), 3, 1, 4) == shares[1]
    assert read(stream, 4, 1, 4) != shares[1]
    in_order = read(make(session, ordering, seed=None))
    if ordering != "status":
        assert in_order == sorted(IDS, reverse=ordering == "-id")


def test_heap_of_ids_is_read_page_by_page(lists: ListServer, session: synapse.Session) -> None:
    stream = make(session)
    before = len(lists.queries)

    read(stream)
    sizes = [query.get("page_size") for query in lists.queries[before:]]
    assert set(map(str, sizes)) <= {"['50']"}
    assert 8 <= len(sizes) <= 8 + 8  # one for each page, and at most one for each part


@pytest.mark.parametrize("has_bounds", [True, False])
@pytest.mark.parametrize("seed", [None, 7])
@pytest.mark.parametrize("ordering", ["id", "-id"])
def test_stream_goes_on_anywhere(
    lists: ListServer, session: synapse.Session, has_bounds: bool, seed: int | None, ordering: str
) -> None:
    lists.has_bounds = has_bounds
    stream = make(session, ordering, seed=seed)
    whole = read(stream)
    for taken in (0, 1, 49, 50, 51, 170, 399, 400):
        position = StreamPosition()
        rows = stream.rows(position, 0, 1)
        begun = [row["id"] for row in itertools.islice(rows, taken)]
        other = make(session, ordering, seed=seed)
        other.restore(stream.state())
        copy = attrs.evolve(position)
        assert begun + [row["id"] for row in other.rows(copy, 0, 1)] == whole


@pytest.mark.parametrize("seed", [None, 7])
@pytest.mark.parametrize("ordering", ["id", "-id"])
def test_rows_that_are_gone_move_no_other(
    lists: ListServer, session: synapse.Session, seed: int | None, ordering: str
) -> None:
    stream = make(session, ordering, seed=seed)
    whole = read(stream)
    position = StreamPosition()
    rows = stream.rows(position, 0, 1)
    begun = [row["id"] for row in itertools.islice(rows, 20)]
    gone = {begun[0], begun[-1], whole[20], whole[200]}
    lists.rows[:] = [row for row in lists.rows if row["id"] not in gone]
    lists.rows.append({"id": 10**10, "status": "s1"})

    other = make(session, ordering, seed=seed)
    other.restore(stream.state())
    rest = [row["id"] for row in other.rows(position, 0, 1)]
    expected = [key for key in whole[20:] if key not in gone]
    assert (rest == expected) if seed is None else (sorted(rest) == sorted(expected))
