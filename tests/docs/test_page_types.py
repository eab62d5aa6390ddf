"""The Python of the documentation's pages, and the gallery, is clean under `mypy --strict`.

A page's blocks share their names, so they are one module, with the line numbers of the page.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_documentation import PAGES, ROOT, find_blocks

_ERROR = re.compile(r"^(\w+)\.py:(\d+): error: (.*?)(?:  \[([a-z-]+)\])?$", re.MULTILINE)
OPTIONS = ["--strict", "--allow-redefinition", "--no-error-summary", "--python-version", "3.11"]

GALLERY = sorted((ROOT / "examples" / "gallery").glob("*.py"))
# Libraries without types, and those that the tests do without.
UNTYPED = ["sklearn", "ray", "airflow", "dagster", "pendulum", "prefect", "streamlit"]

# Parts of the errors that stay: a page shows the run time's message for a mistake, say.
SHOWN = {
    "client_migration.py": ["Invalid index", '"values"'],
    # Decorators of absent libraries have no types.
    "airflow_dag.py": ["Untyped decorator"],
    "dagster_assets.py": ["Untyped decorator", "Untyped decorator"],
    "prefect_flow.py": ["Untyped decorator", "Returning Any"],
    # The lists of the clients return a page or, with `list_all=True`, rows: no type says which.
    "howto/clients/annotation.md": ["Invalid index", "Invalid index"],
    "howto/clients/backend.md": [
        "sorted",
        "Invalid index",
        "next",
        "Invalid index",
        "Invalid index",
    ],
    "howto/clients/hitl.md": ["Invalid index", "Invalid index"],
    "howto/clients/ml.md": ["Invalid index", "read_text"],
    "howto/contribute.md": ['"labels"'],  # a later step of the recipe
    "howto/errors.md": ["order_by"],
    "howto/language_models.md": ["Untyped decorator"],  # of the package mcp
    "howto/objects.md": ["titel"],
    "howto/plugins.md": ["plugin.count"],  # of a folder that the page makes
    "howto/queries.md": ["statsu", "statsu"],
    "howto/writing.md": ["titel"],
}


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
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The errors of each page, by one run of mypy over all."""
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


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "page",
    [
        *(get_name(page) for page in PAGES if find_source(page)),
        *(script.name for script in GALLERY),
    ],
)
def test_a_page_has_no_type_errors(page: str, errors: dict[str, list[str]]) -> None:
    rest = list(errors[page])
    for shown in SHOWN.get(page, []):
        rest.remove(next(error for error in rest if shown in error))

    assert rest == []
