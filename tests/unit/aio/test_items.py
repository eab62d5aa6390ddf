"""Loops of coroutines read an iterator in threads, a chunk at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from synapse.aio.call_threads import CallThreads
from synapse.aio.items import AsyncItems


def test_items_come_one_by_one_in_order() -> None:
    items = AsyncItems(CallThreads(), lambda: iter([[1, 2], [], [3]]), "numbers")

    async def main() -> list[int]:
        return [item async for item in items]

    assert asyncio.run(main()) == [1, 2, 3]
    assert repr(items) == "<async items of numbers>"


def test_a_chunk_is_read_when_its_first_item_is_wanted() -> None:
    read: list[int] = []

    def chunks() -> Iterator[list[int]]:
        for number in range(3):
            read.append(number)
            yield [number] * 2

    async def main() -> None:
        items = AsyncItems(CallThreads(), chunks, "numbers")
        assert read == []
        for expected in ([0], [0], [0, 1]):
            await items.__anext__()
            assert read == expected

    asyncio.run(main())


def test_the_chunks_are_closed() -> None:
    closed = []

    def chunks() -> Iterator[list[int]]:
        try:
            yield [1, 2]
        finally:
            closed.append(threading.current_thread().name)

    async def main() -> None:
        items = AsyncItems(CallThreads(), chunks, "numbers")
        await items.aclose()
        assert [item async for item in items] == []
        items = AsyncItems(CallThreads(), chunks, "numbers")
        await items.__anext__()
        await items.aclose()
        assert [item async for item in items] == []

    asyncio.run(main())

    assert [name.startswith("synapse-aio") for name in closed] == [True]


def test_an_error_ends_the_loop() -> None:
    def chunks() -> Iterator[list[int]]:
        yield [1]
        raise KeyError("x")

    async def main() -> None:
        items = AsyncItems(CallThreads(), chunks, "numbers")
        await items.__anext__()
        with pytest.raises(KeyError):
            await items.__anext__()
        assert [item async for item in items] == []

    asyncio.run(main())


def test_two_tasks_cannot_read_the_same_chunk() -> None:
    go_on = threading.Event()

    def chunks() -> Iterator[list[int]]:
        go_on.wait()
        yield [1]

    async def main() -> None:
        items = AsyncItems(CallThreads(), chunks, "numbers")
        first = asyncio.ensure_future(items.__anext__())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task"):
            await items.__anext__()
        go_on.set()
        assert await first == 1
        assert [item async for item in items] == []

    asyncio.run(main())


def test_closing_while_a_cancelled_call_still_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synapse.aio.call_threads._GRACE", 0.001)
    begun, go_on = threading.Event(), threading.Event()

    def read() -> Iterator[list[int]]:
        begun.set()
        go_on.wait()
        yield [1]

    async def main() -> None:
        items = AsyncItems(CallThreads(), read, "numbers")
        async with aclosing(items):
            async for _ in items:
                pass

    async def cancel() -> None:
        task = asyncio.ensure_future(main())
        await asyncio.get_running_loop().run_in_executor(None, begun.wait)
        task.cancel()
        try:
            await task
        finally:
            go_on.set()

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())
