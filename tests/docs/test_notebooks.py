"""The notebooks of the documentation, as they are stored.

`make docs` runs them, and fails where a cell raises an error, warns or shows a machine's path.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"
NOTEBOOKS = sorted((DOCS / "tutorials").glob("*.ipynb"))


def read_cells(path: Path, kind: str) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == kind]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestStoredNotebook:
    def test_no_output_is_stored(self, path: Path) -> None:
        for cell in read_cells(path, "code"):
            assert (cell["outputs"], cell["execution_count"]) == ([], None)

    def test_any_python_3_runs_it(self, path: Path) -> None:
        stored = json.loads(path.read_text(encoding="utf-8"))
        assert stored["metadata"] == {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
        assert (stored["nbformat"], stored["nbformat_minor"]) == (4, 5)

    def test_names_are_stable_and_the_file_is_as_jupyter_writes_it(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        stored = json.loads(text)
        names = [cell["id"] for cell in stored["cells"]]
        assert len(set(names)) == len(names)
        assert text == json.dumps(stored, indent=1, ensure_ascii=False) + "\n"

    def test_it_starts_and_stops_its_own_server(self, path: Path) -> None:
        code = "\n".join("".join(cell["source"]) for cell in read_cells(path, "code"))
        assert "Emulator().start()" in code
        assert code.endswith("session.close()\nemulator.stop()")

    def test_it_says_what_to_install(self, path: Path) -> None:
        first = "".join(read_cells(path, "markdown")[0]["source"])
        assert first.startswith("# ")
        assert re.search(r"^\$ pip install '\.\[.+\]' jupyterlab$", first, re.MULTILINE)

    def test_the_manual_lists_it(self, path: Path) -> None:
        index = (DOCS / "tutorials" / "index.md").read_text(encoding="utf-8")
        assert f"\n{path.stem}\n" in index
        assert f"]({path.name}) |" in index


def test_each_subject_has_a_notebook() -> None:
    stems = [path.stem for path in NOTEBOOKS]
    assert stems == ["coco_to_yolo", "digits", "explore_and_clean", "plugins_and_jobs"]
