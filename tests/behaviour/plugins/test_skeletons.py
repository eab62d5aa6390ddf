"""Skeletons of plugins, from the empty folder to a finished job."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from synapse import Project, Session, plugins
from synapse.plugins.config import CATEGORIES

# Parameters of each skeleton's action, and the result for two tasks whose labels are " car ".
POINTS = {"points": [[20, 30], [40, 50]]}
BOX = {"type": "bbox", "coordinates": [15, 25, 30, 30], "label": "object"}
RESULTS: dict[str, Any] = {
    "neural_net": {"weights": {" car ": 1.0}},
    "export": {"tasks": 2},
    "upload": {"files": 1},
    "smart_tool": {"annotations": [BOX]},
    "pre_annotation": {"annotated": 0},
    "post_annotation": {"tasks": 2, "changed": 2},
    "data_validation": {"units": 1, "wrong": 0, "problems": {}},
    "converter": {"rows": 2},
    "custom": {"greeting": "Hello, world!", "times": 3},
}


def make_params(category: str, project: Project, files: Path) -> dict[str, Any]:
    """Return parameters for a skeleton's action."""
    if category == "upload":
        return {"collection": project.data_collection_id, "folder": str(files)}
    if category == "data_validation":
        return {"collection": project.data_collection_id}
    if category == "smart_tool":
        return POINTS
    return {} if category == "custom" else {"project": project.id}


@pytest.fixture
def annotated(project: Project) -> Project:
    """A project with two completed tasks."""
    for task in project.tasks:
        task.annotate({"annotations": [{"type": "class", "label": " car "}]})
    return project


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a text."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    return folder


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_skeleton_is_checked_run_here_and_released(
    session: Session, annotated: Project, files: Path, tmp_path: Path, category: str, capsys: Any
) -> None:
    folder = plugins.new(tmp_path / f"my {category}", category=category, name='My "first": one')

    report = plugins.check(folder)
    assert (report.problems, report.notes) == ((), ())
    assert report.config is not None
    assert (report.config.category, report.config.name) == (category, 'My "first": one')

    params = make_params(category, annotated, files)
    result = plugins.run_local(folder, params=params, session=session)
    assert {key: result[key] for key in RESULTS[category]} == RESULTS[category]
    if category != "pre_annotation":  # nothing is pending
        assert "progress: 100 %" in capsys.readouterr().err

    release = session.plugins.release(folder)
    assert (release.version, release.plugin.category) == ("0.1.0", category)
    assert release.readme is not None
    assert release.readme.startswith('# My "first": one')


@pytest.mark.slow
@pytest.mark.parametrize("category", CATEGORIES)
def test_a_skeleton_runs_as_a_job_and_passes_its_own_tests(
    session: Session, annotated: Project, files: Path, tmp_path: Path, category: str
) -> None:
    folder = plugins.new(tmp_path / category, category=category)

    job = session.plugins.release(folder).plugin.run(params=make_params(category, annotated, files))
    result = job.wait(timeout=60, progress=False).result
    assert {key: result[key] for key in RESULTS[category]} == RESULTS[category]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": _sdk()},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_pending_tasks_are_annotated_in_advance(
    session: Session, project: Project, tmp_path: Path
) -> None:
    folder = plugins.new(tmp_path / "guess", category="pre_annotation")

    params = {"project": project.id, "label": "tree"}
    assert plugins.run_local(folder, "annotate", params, session=session) == {"annotated": 2}

    assert [task.data["annotations"][0]["label"] for task in project.tasks.all()] == ["tree"] * 2
    assert project.tasks.filter(status="pending").count() == 0


def _sdk() -> str:
    return str(Path(plugins.__file__).parents[2])
