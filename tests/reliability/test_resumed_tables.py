"""Tables written by programs that are killed, and over connections that break."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fault_proxy import FaultProxy
from killed_program import STORING, run_and_kill
from list_server import ListServer

import synapse
from synapse.errors import ClientError

parquet = pytest.importorskip("pyarrow.parquet")

KEYS = range(2, 8_001, 2)

CHILD = f"""{STORING}
connect().tasks.page_size(500).to_parquet(target)
"""


@pytest.fixture
def lists() -> Iterator[ListServer]:
    server = ListServer([{"id": key, "status": "pending"} for key in KEYS])
    server.is_sorted, server.default_order = True, "id"
    yield server
    server.close()


def run(lists: ListServer, target: Path, steps: int) -> bool:
    """Run a program, and kill it after so many steps; return whether it was killed."""
    return run_and_kill(CHILD, lists.url, str(target), steps=steps)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGKILL.")
def test_a_program_that_is_killed_again_and_again(lists: ListServer, tmp_path: Path) -> None:
    target, choice = tmp_path / "tasks.parquet", random.Random(1)
    kills = 0
    while run(lists, target, choice.randrange(10, 22)):
        assert not target.exists() or parquet.read_table(target).num_rows == len(KEYS)
        kills += 1

    assert parquet.read_table(target).column("id").to_pylist() == list(KEYS)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    assert kills > 0


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGKILL.")
def test_a_program_that_is_killed_at_the_end(lists: ListServer, tmp_path: Path) -> None:
    lists.rows = lists.rows[:1200]
    target = tmp_path / "tasks.parquet"
    begin = steps = 9
    while run(lists, target, steps):
        steps += 1
        content = target.read_bytes() if target.exists() else b""
        assert target.exists() is bool(content)
        with synapse.Session(lists.url, "some-token") as session:
            session.tasks.page_size(500).to_parquet(target)
        assert parquet.read_table(target).column("id").to_pylist() == list(KEYS[:1200])
        assert [path.name for path in tmp_path.iterdir()] == [target.name]
        target.unlink()
    assert steps > begin + 3


def test_a_connection_that_breaks(
    lists: ListServer, proxy_to: Callable[..., FaultProxy], tmp_path: Path
) -> None:
    target = tmp_path / "tasks.parquet"
    proxy = proxy_to(lists.url)
    with synapse.Session(proxy.url, "some-token", retries=0) as session:
        query = session.tasks.page_size(500)
        lists.before = lambda query: len(lists.queries) == 5 and proxy.refuse()
        with pytest.raises(ClientError):
            query.to_parquet(target)
        assert not target.exists()
        lists.before = lambda query: None
        proxy.listen()

        query.to_parquet(target)

    assert parquet.read_table(target).column("id").to_pylist() == list(KEYS)
    # The first page of the list came once.
    assert sum("id__gt" not in query for query in lists.queries) == 1
