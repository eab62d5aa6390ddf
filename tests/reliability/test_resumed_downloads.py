"""Downloads by programs that are killed go on in the middle of their list."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from killed_program import STORING, count_stored, run_and_kill
from list_server import FileServer

import synapse

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGKILL.")

KEYS = range(1, 201)
SIZE = 10

CHILD = f"""{STORING}
session = connect(page_size=10)
collection = session.identity.get_or_stub(synapse.DataCollection, 7)
assert not collection.download(target, progress=False).failed
"""


@pytest.fixture
def lists() -> Iterator[FileServer]:
    server = FileServer(KEYS)
    yield server
    server.close()


def run(lists: FileServer, dest: Path, steps: int) -> bool:
    """Run a program, and kill it after so many steps; return whether it was killed."""
    return run_and_kill(CHILD, lists.url, str(dest), steps=steps)


def find_present(dest: Path) -> set[int]:
    """Return the units whose files are complete."""
    return {int(path.stem) for path in dest.glob("*/[0-9]*.txt")}


def check_queries(lists: FileServer, stored: int, present: set[int]) -> None:
    """Check that a run listed pages behind the stored ones, and stored pages that miss a file."""
    assert len(lists.queries) <= (len(KEYS) - stored) / SIZE + 1 + stored / SIZE
    for query in lists.queries:
        begin = int(query.get("id__gt", ["0"])[0])
        if stored and begin < stored:
            assert set(range(begin + 1, int(query["id__lte"][0]) + 1)) - present


def check_result(dest: Path) -> None:
    lines = (dest / "units.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == list(KEYS)
    assert {int(path.read_text()) for path in dest.glob("*/*.txt")} == set(KEYS)
    assert [path.name for path in dest.glob(".*")] == []


def test_a_program_that_is_killed(lists: FileServer, tmp_path: Path) -> None:
    dest = tmp_path / "dest"
    assert run(lists, dest, 150)
    stored = count_stored(dest / "units.jsonl", dest.with_name("copy"))
    present = find_present(dest)
    assert 0 < stored < len(KEYS)
    lists.queries.clear()

    with synapse.Session(lists.url, "some-token", page_size=SIZE) as session:
        collection = session.identity.get_or_stub(synapse.DataCollection, 7)
        report = collection.download(dest, progress=False)

    assert (report.skipped, report.downloaded) == (len(present), len(KEYS) - len(present))
    check_queries(lists, stored, present)
    check_result(dest)


@pytest.mark.slow
def test_a_program_that_is_killed_again_and_again(lists: FileServer, tmp_path: Path) -> None:
    dest, choice = tmp_path / "dest", random.Random(1)
    stored, present, kills = 0, set[int](), 0
    while run(lists, dest, choice.randrange(40, 160)):
        kills += 1
        check_queries(lists, stored, present)
        assert not (dest / "units.jsonl").exists()
        stored, present = (
            count_stored(dest / "units.jsonl", dest.with_name("copy")),
            find_present(dest),
        )
        lists.queries.clear()

    check_queries(lists, stored, present)
    check_result(dest)
    assert kills > 1
