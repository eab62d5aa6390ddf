"""The Python of the manual and of the gallery is clean under `mypy --strict` and strict pyright.

A page's blocks share their names, so they are one module, with the line numbers of the page.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from test_documentation import PAGES, ROOT, find_blocks

_ERROR = re.compile(r"^(\w+)\.py:(\d+): error: (.*?)(?:  \[([a-z-]+)\])?$", re.MULTILINE)
OPTIONS = ["--strict", "--allow-redefinition", "--no-error-summary", "--python-version", "3.11"]
PYRIGHT = {
    "typeCheckingMode": "strict",
    "pythonVersion": "3.11",
    "include": ["*.py"],
    "stubPath": str(ROOT / "tests" / "typing" / "stubs"),
    "extraPaths": [str(ROOT)],
    # The blocks of a page are pasted one by one: they import again, and show values.
    "reportDuplicateImport": False,
    "reportUnusedExpression": False,
    "reportMissingModuleSource": False,  # libraries that the tests do without
}

GALLERY = sorted((ROOT / "examples" / "gallery").glob("*.py"))
# Libraries without types, and those that the tests do without.
UNTYPED = ["sklearn", "ray", "airflow", "dagster", "pendulum", "prefect", "streamlit"]

# Parts of the errors that stay: a page shows the run time's message for a mistake, say.
SHOWN = {
    # Decorators of absent libraries have no types.
    "airflow_dag.py": ["Untyped decorator"],
    "dagster_assets.py": ["Untyped decorator", "Untyped decorator"],
    "prefect_flow.py": ["Untyped decorator", "Returning Any"],
    "howto/contribute.md": ['"labels"'],  # a later step of the recipe
    "howto/errors.md": ["order_by"],
    "howto/language_models.md": ["Untyped decorator"],  # of the package mcp
    "howto/objects.md": ["titel"],
    "howto/plugins.md": ["plugin.count"],  # of a folder that the page makes
    "howto/queries.md": ["statsu", "statsu"],
    "howto/writing.md": ["titel"],
}
# Lines with errors of pyright alone, by a part of the line.
SHOWN_BY_PYRIGHT = {
    # The platform's client has these names, and scripts call them.
    "howto/clients/base.md": ['client._get("health/")', 'client._list("health/")'],
    "howto/contribute.md": ["label.save()", "label.project"],
    # Other packages: without complete types, or not installed for lint.
    "ray_scores.py": [".map(score)", "ray.init"],
    "weekly_report.py": ["savefig"],
    "howto/plots.md": ["figure.savefig"],
    "howto/plugins.md": ["run("],
    "howto/ray.md": ["ray.init", ".filter(", "ray.data.from_items", "ray.shutdown"],
    "howto/training.md": ["samples = iter(stream)", "next(samples)"],
}


# Pages whose types are those of a library that isn't in every environment.
LIBRARIES = {"howto/ray.md": "ray", "ray_scores.py": "ray"}


def find_source(page: Path) -> str:
    """Return the Python of a page, each line at its number."""
    lines: list[str] = []
    for block in find_blocks(page.read_text(encoding="utf-8")):
        if block.language == "python":
            lines += [""] * (block.line - 1 - len(lines))
            lines += block.text.split("\n")
    return "\n".join(lines)


def get_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix().removeprefix("docs/")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder with a module for each page, and the pages by the names of the modules."""
    folder = tmp_path_factory.mktemp("pages")
    modules: dict[str, str] = {}
    for page in PAGES:
        if source := find_source(page):
            module = "page_" + re.sub(r"\W", "_", get_name(page).removesuffix(".md")).lower()
            modules[module] = get_name(page)
            (folder / f"{module}.py").write_text(source + "\n", encoding="utf-8")
    for script in GALLERY:
        modules[script.stem] = script.name
        (folder / script.name).symlink_to(script)
    (folder / "synapse_sdk").symlink_to(ROOT / "synapse" / "_synapse_sdk")
    sections = [
        f"[mypy-{name}.*]\nignore_missing_imports = True\nfollow_imports = skip\n"
        for name in UNTYPED
    ]
    (folder / "mypy.ini").write_text("[mypy]\n" + "".join(sections))
    (folder / "pyrightconfig.json").write_text(json.dumps(PYRIGHT))
    return folder, modules


@pytest.fixture(scope="module")
def errors(pages: tuple[Path, dict[str, str]]) -> dict[str, list[str]]:
    """The errors of each page, by one run of mypy over all."""
    folder, modules = pages
    command = [sys.executable, "-m", "mypy", *OPTIONS, "--config-file", "mypy.ini"]
    done = subprocess.run(
        [*command, *(f"{module}.py" for module in modules)],
        cwd=folder,
        env={**os.environ, "MYPYPATH": os.pathsep.join([str(folder), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found: dict[str, list[str]] = {name: [] for name in modules.values()}
    for module, line, text, _ in _ERROR.findall(done.stdout):
        found[modules[module]].append(f"{line}: {text}")
    return found


@pytest.fixture(scope="module")
def pyright_errors(pages: tuple[Path, dict[str, str]]) -> dict[str, list[tuple[int, str]]]:
    """The lines and errors of each page, by one run of pyright over all."""
    folder, modules = pages
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout)
    assert answer["summary"]["filesAnalyzed"] == len(modules), done.stdout
    found: dict[str, list[tuple[int, str]]] = {name: [] for name in modules.values()}
    for error in answer["generalDiagnostics"]:
        line = error["range"]["start"]["line"] + 1
        found[modules[Path(error["file"]).stem]].append((line, error["message"]))
    return found


NAMES = [
    *(get_name(page) for page in PAGES if find_source(page)),
    *(script.name for script in GALLERY),
]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", NAMES)
def test_a_page_has_no_type_errors(page: str, errors: dict[str, list[str]]) -> None:
    rest = list(errors[page])
    for shown in SHOWN.get(page, []):
        rest.remove(next(error for error in rest if shown in error))

    assert rest == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", NAMES)
def test_pyright_finds_no_errors_in_a_page(
    page: str,
    errors: dict[str, list[str]],
    pyright_errors: dict[str, list[tuple[int, str]]],
) -> None:
    if page in LIBRARIES and not list(distributions(name=LIBRARIES[page])):
        pytest.skip(f"needs {LIBRARIES[page]}: make test-ray")
    places = [ROOT / page, ROOT / "docs" / page, ROOT / "examples" / "gallery" / page]
    path = next(filter(Path.exists, places))
    lines = path.read_text(encoding="utf-8").splitlines()
    shown = {int(error.partition(":")[0]) for error in errors[page]}
    for part in SHOWN_BY_PYRIGHT.get(page, []):
        numbers = {number for number, _ in pyright_errors[page] if part in lines[number - 1]}
        assert numbers, f"pyright accepts {part!r}: take it out of the table"
        shown |= numbers

    assert [error for error in pyright_errors[page] if error[0] not in shown] == []
