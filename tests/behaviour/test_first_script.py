"""The first script of the manual runs as written, on a backend of its own."""

from __future__ import annotations

from pathlib import Path

import synapse
from synapse import Project, Task
from synapse.emulator import Emulator


def test_the_first_script(tmp_path: Path) -> None:
    (tmp_path / "street.txt").write_text("a street")
    with Emulator() as emulator:
        prepare(emulator, tmp_path / "street.txt")

        session = synapse.connect(emulator.url, api_token=emulator.api_token)

        project = session.projects.get(123)
        annotated: list[Task] = []
        for task in project.tasks.filter(status="pending").expand("data_unit"):
            box = {"type": "bbox", "coordinates": [10, 10, 100, 100], "label": "person"}
            task.annotate({"annotations": [box]})
            assert task.project is project
            annotated.append(task)

        project.title = "Street scenes"
        project.save()

        assert {task.status for task in Project.tasks.all()} == {"completed"}
        assert list(Project.tasks.all()) == annotated
        assert len(annotated) == 120
        assert Project.objects.get(123) is project
        assert session.projects.get(123, refresh=True).title == "Street scenes"
        session.close()


def prepare(emulator: Emulator, path: Path) -> None:
    """Make project 123, with more pending tasks than a page has."""
    with synapse.Session(emulator.url, emulator.api_token) as session:
        uploaded = session.data_files.upload(path)
        for number in range(122):
            session.projects.create(title=f"Project {number + 1}", category="text")
        project = session.projects.create(title="Project 123", category="text")
        assert project.id == 123
        unit = uploaded.data_unit_id
        project.tasks.bulk_create({"data_unit": unit} for _ in range(120))
