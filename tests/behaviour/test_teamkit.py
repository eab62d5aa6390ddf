"""The example of a library: public names only, clean types, tests that run in parallel."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEAMKIT = ROOT / "examples" / "teamkit"
FILES = sorted(TEAMKIT.rglob("*.py"))
REFERENCE = "\n".join(
    page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "reference").glob("*.md")
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the library, installed as pip would do that, apart from this repository."""
    folder = tmp_path / "project"
    shutil.copytree(TEAMKIT, folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    group, points = re.findall(r'entry-points\."(.+)"\]\n((?:\w+ = .*\n)+)', text)[0]
    installed = folder / "teamkit-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: teamkit\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(f"[{group}]\n{points.replace(chr(34), '')}")
    return folder


def run(folder: Path, *command: str, **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        },
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_only_public_names_are_used(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    nodes = list(ast.walk(ast.parse(text)))
    modules = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    ours = {module for module in modules if module.partition(".")[0] == "synapse"}
    private = [
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not (isinstance(node.value, ast.Name) and node.value.id == "self")
        and node.attr != "__init__"
    ]

    assert {module for module in ours - {"synapse"} if module not in REFERENCE} == set()
    assert private == []
    assert not re.search(r"type: ignore|pyright:|noqa|cast\(", text)


def test_sessions_find_the_resource_where_it_is_installed(copy: Path) -> None:
    script = (
        "import synapse, sys; session = synapse.Session('http://127.0.0.1:9', 'a-token');"
        "assert 'teamkit' not in sys.modules; print(session.labels)"
    )

    assert run(copy, "-c", script).strip() == "<LabelManager[Label]>"


@pytest.mark.slow
def test_its_tests_run_in_parallel(copy: Path) -> None:
    printed = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider")

    assert "bringing up nodes" in printed
    assert re.search(r"\d{2} passed", printed)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_types_are_clean_for_mypy(copy: Path, tmp_path: Path) -> None:
    # The SDK isn't installed in this folder, so its own files would be checked as well.
    options = ["--follow-imports=silent", f"--cache-dir={tmp_path / 'cache'}"]

    printed = run(copy, "-m", "mypy", *options, MYPYPATH=str(ROOT))

    assert printed.startswith("Success")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_types_are_clean_for_pyright(copy: Path) -> None:
    settings = {
        "include": ["teamkit", "tests"],
        "typeCheckingMode": "strict",
        "extraPaths": [str(ROOT), str(copy)],
    }
    (copy / "pyrightconfig.json").write_text(json.dumps(settings))

    assert "0 errors" in run(copy, "-m", "pyright", "--pythonpath", sys.executable)
