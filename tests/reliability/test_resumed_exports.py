"""Exports by programs that are killed go on in the middle of their list."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from killed_program import STORING, count_stored, run_and_kill
from list_server import ListServer
from picture_tasks import make_task

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGKILL.")

KEYS = range(2, 1602, 2)

CHILD = f"""{STORING}
session = connect(page_size=50)
row = {{"id": 1, "configuration": {{}}, "data_collection": None}}
(project,) = session.identity.load(synapse.Project, [row])
project.export(target, "coco", images="none", progress=False)
"""


@pytest.fixture
def lists() -> Iterator[ListServer]:
    server = ListServer(list(map(make_task, KEYS)))
    server.is_sorted, server.default_order = True, "id"
    yield server
    server.close()


def read_names(folder: Path) -> list[str]:
    (file,) = (folder / "annotations").glob("*.json")
    document = json.loads(file.read_text())
    assert len(document["annotations"]) == len(document["images"])
    return [row["file_name"] for row in document["images"]]


@pytest.mark.slow
def test_a_program_that_is_killed_again_and_again(lists: ListServer, tmp_path: Path) -> None:
    folder, choice, kills, stored = tmp_path / "out", random.Random(2), 0, [0]
    folder.mkdir()
    while run_and_kill(CHILD, lists.url, str(folder), steps=choice.randrange(16, 40)):
        kills += 1
        target = folder / ".synapse-export-1" / "out"
        stored.append(count_stored(target, tmp_path / "copy") if target.parent.exists() else 0)
        lists.queries.clear()

    assert read_names(folder) == [f"photo {key}.png" for key in KEYS]
    assert {path.name for path in folder.iterdir()} == {"annotations", ".synapse-files.jsonl"}
    assert kills > 1
    assert max(stored) > 0
    # The last run listed the rest only. (A program that is killed at its end has removed all.)
    if stored[-1]:
        assert len(lists.queries) <= (len(KEYS) - stored[-1]) / 50 + 2
        assert all("id__gt" in query for query in lists.queries)
