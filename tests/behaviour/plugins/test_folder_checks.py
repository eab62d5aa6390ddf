"""Every kind of problem that a check of a folder finds, and the server's answer to a release."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import requests

from synapse import Session, plugins
from synapse.errors import UsageError
from synapse.plugins import PluginProblem, folder_check
from synapse.plugins.import_check import ImportOutcome
from synapse.plugins.packaging import pack
from synapse.testing.tenants import EmulatorTenant

pytestmark = pytest.mark.slow

CONFIG = """\
code: echo
name: Echo
version: 1.0.0
category: custom
actions:
  say:
    entrypoint: echo.say:run
    parameters: {type: object}
"""
SAY = "def run(context):\n    return context.params\n"


def edit(old: str, new: str) -> Callable[[Path], None]:
    """Return a change of the configuration."""

    def change(folder: Path) -> None:
        assert old in CONFIG
        (folder / "config.yaml").write_text(CONFIG.replace(old, new))

    return change


def write(name: str, text: str) -> Callable[[Path], None]:
    """Return a change that writes a file."""

    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    return change


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def rename(name: str, new: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).rename(folder / new)


def link(name: str, target: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).symlink_to(target)


@attrs.frozen
class Case:
    """A kind of problem.

    Attributes:
        change: Makes the problem in a folder that is in order.
        path: Beginning of the problem's path.
        reason: A part of the reason.
    """

    change: Callable[[Path], Any]
    path: str
    reason: str


# The server refuses the same files.
REFUSED = {
    "no configuration": Case(remove("config.yaml"), "config.yaml", "Missing at the top of"),
    "not YAML": Case(edit("code: echo", "code: [echo"), "config.yaml", "Can't be read:"),
    "not a mapping": Case(write("config.yaml", "- a"), "config.yaml", "Not a mapping."),
    "a NUL": Case(edit("name: Echo", 'name: "Ec\\0ho"'), "config.yaml", "a text has a NUL"),
    "another name": Case(
        rename("config.yaml", "config.yml"), "config.yaml", "Rename the file to config.yaml."
    ),
    "no code": Case(edit("code: echo\n", ""), "config.yaml: code", "Missing."),
    "code like an id": Case(edit("code: echo", 'code: "7"'), "config.yaml: code", "Add a letter."),
    "bad code": Case(edit("code: echo", "code: e/o"), "config.yaml: code", "Expected letters"),
    "no name": Case(edit("name: Echo\n", ""), "config.yaml: name", "Missing."),
    "long name": Case(edit("name: Echo", f"name: {'E' * 256}"), "config.yaml: name", "Longer than"),
    "number as version": Case(edit("1.0.0", "1.0"), "config.yaml: version", "Expected text"),
    "long version": Case(edit("1.0.0", f"1.0.{'1' * 61}"), "config.yaml: version", "Longer than"),
    "no category": Case(edit("custom", "costum"), "config.yaml: category", "did you mean 'custom'"),
    "misspelt key": Case(edit("name: Echo", "nmae: Echo"), "config.yaml: nmae", "did you mean"),
    "no actions": Case(
        edit("actions:\n  say:", "actions: {}\nextra:\n  say:"), "config.yaml: actions", "Empty."
    ),
    "no entrypoint": Case(
        edit("    entrypoint: echo.say:run\n", ""),
        "config.yaml: actions.say.entrypoint",
        "Missing.",
    ),
    "no such module": Case(
        edit("echo.say:run", "echo.sya:run"),
        "config.yaml: actions.say.entrypoint",
        "did you mean 'echo/say.py'?",
    ),
    "no such function": Case(
        edit("echo.say:run", "echo.say:rnu"),
        "config.yaml: actions.say.entrypoint",
        "echo/say.py has no 'rnu'; did you mean 'run'?",
    ),
    "bad schema": Case(
        edit("type: object", "type: objekt"),
        "config.yaml: actions.say.parameters.type",
        "did you mean 'object'?",
    ),
    "nothing to install": Case(
        edit("category:", "install: true\ncategory:"), "config.yaml: requirements", "Missing:"
    ),
    "bad specifier": Case(
        edit("category:", "requires: {python: three}\ncategory:"),
        "config.yaml: requires.python",
        "a version specifier",
    ),
    "names in case only": Case(write("echo/Say.py", ""), "", "differ in case only"),
    "long part of a name": Case(write("a\nb.txt", ""), "", "has a control character"),
}
# The SDK alone refuses the folder: the server sees only what was packed.
REFUSED_HERE = {
    "a link out": Case(link("hosts", "/etc/hosts"), "", "leads out of the folder"),
    "a link nowhere": Case(link("gone", "nowhere"), "", "leads nowhere"),
    "a link around itself": Case(link("echo/up", ".."), "", "is a link to a folder around"),
    "a pipe": Case(lambda folder: os.mkfifo(folder / "pipe"), "", "is neither a file nor a folder"),
    "credentials": Case(write(".env", "TOKEN=1"), ".env", "Looks like credentials."),
}
# A release is accepted; its jobs fail.
FAILING = {
    "syntax": Case(
        write("echo/say.py", SAY + "def f(:\n"), "echo/say.py:3", "Not valid in Python 3"
    ),
    "syntax elsewhere": Case(write("tools.py", "\n1 +\n"), "tools.py:2", "Not valid in Python 3"),
    "missing package": Case(
        write("echo/say.py", "import nothing_here.at_all\n" + SAY),
        "config.yaml: requirements",
        "Add the line 'nothing_here' to the requirements and set `install: true`",
    ),
    "missing own module": Case(
        write("echo/say.py", "import echo.other\n" + SAY),
        "config.yaml: actions.say.entrypoint",
        "needs 'echo.other', which the release doesn't have. (echo/say.py:1)",
    ),
    "import raises": Case(
        write("echo/say.py", SAY + "1 / 0\n"),
        "config.yaml: actions.say.entrypoint",
        "ZeroDivisionError: division by zero (echo/say.py:3)",
    ),
    "import exits": Case(
        write("echo/say.py", SAY + "import os; os._exit(5)\n"),
        "config.yaml: actions.say.entrypoint",
        "The import ended the process with exit code 5.",
    ),
    "no function": Case(
        write("echo/say.py", "run = 5\n"),
        "config.yaml: actions.say.entrypoint",
        "is not callable, but of type int.",
    ),
    "parameters first": Case(
        write("echo/say.py", "def run(params): ...\n"),
        "config.yaml: actions.say.entrypoint",
        "'params' gets the job's context, not the parameters.",
    ),
    "two arguments": Case(
        write("echo/say.py", "def run(session, params): ...\n"),
        "config.yaml: actions.say.entrypoint",
        "takes session, params.",
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in order."""
    folder = tmp_path / "echo plugin"
    folder.mkdir()
    for name, text in {"config.yaml": CONFIG, "echo/say.py": SAY}.items():
        write(name, text)(folder)
    return folder


@pytest.fixture
def without_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the child process, which the test doesn't need."""

    def accept(folder: Path, entrypoints: Any, **options: Any) -> dict[str, ImportOutcome]:
        return {entrypoint: ImportOutcome() for entrypoint in entrypoints}

    monkeypatch.setattr(folder_check, "try_imports", accept)


def zip_as_it_is(folder: Path) -> bytes:
    """Zip the folder's files without any check."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.writestr(path.relative_to(folder).as_posix(), path.read_bytes())
    return stream.getvalue()


def release_unchecked(emulator: EmulatorTenant, content: bytes) -> list[str] | None:
    """Send a zip as it is, and return the reasons of the server's refusal."""
    response = requests.post(
        f"{emulator.url}/plugin_releases/",
        files={"file": ("release.zip", content)},
        headers={"Authorization": f"Token {emulator.api_token}"},
        timeout=30,
    )
    if response.status_code == 201:
        return None
    assert response.status_code == 400, response.text
    return [reason for reasons in response.json().values() for reason in reasons]


def find(folder: Path, case: Case) -> PluginProblem:
    """Check a folder that has the case's problem, and return that."""
    problems = plugins.check(folder).problems
    found = [problem for problem in problems if case.reason in problem.reason]
    assert len(found) == 1, problems
    assert found[0].path.startswith(case.path)
    return found[0]


def test_a_folder_in_order(emulator: EmulatorTenant, folder: Path) -> None:
    report = plugins.check(folder)
    assert report.is_ok
    assert str(report) == "echo 1.0.0: 2 files, no problems"
    assert release_unchecked(emulator, zip_as_it_is(folder)) is None


@pytest.mark.usefixtures("without_imports")
@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_the_check_and_the_server_refuse_alike(
    emulator: EmulatorTenant, folder: Path, case: Case
) -> None:
    case.change(folder)

    problem = find(folder, case)
    reasons = release_unchecked(emulator, zip_as_it_is(folder))

    assert problem.is_refusal
    assert reasons is not None
    with pytest.raises(UsageError):
        pack(folder, folder.parent / "release.zip")


@pytest.mark.usefixtures("without_imports")
@pytest.mark.parametrize("case", REFUSED_HERE.values(), ids=REFUSED_HERE)
def test_the_check_and_the_sdk_refuse_alike(session: Session, folder: Path, case: Case) -> None:
    case.change(folder)

    assert find(folder, case).is_refusal
    with pytest.raises(UsageError):
        session.plugins.release(folder)


@pytest.mark.parametrize("case", FAILING.values(), ids=FAILING)
def test_code_that_fails_is_reported_although_a_release_is_accepted(
    emulator: EmulatorTenant, folder: Path, case: Case
) -> None:
    case.change(folder)

    assert not find(folder, case).is_refusal
    assert release_unchecked(emulator, zip_as_it_is(folder)) is None


def test_all_problems_are_reported_at_once(folder: Path) -> None:
    for case in (
        REFUSED["misspelt key"],
        REFUSED["names in case only"],
        REFUSED_HERE["a link nowhere"],
        REFUSED_HERE["a link out"],
        REFUSED_HERE["credentials"],
        FAILING["syntax elsewhere"],
        FAILING["parameters first"],
    ):
        case.change(folder)

    report = plugins.check(folder)

    assert len(report.problems) == 8, report  # the name is missing, too
    assert not report.is_ok
    assert report.config is None
