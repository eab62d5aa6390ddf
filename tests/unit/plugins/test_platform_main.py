"""The process in which the platform's package runs, with a stand-in for the package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from synapse.plugins.process_control import END

pytestmark = pytest.mark.skipif(os.name != "posix", reason="jobs run on POSIX systems only")

START = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from synapse.plugins.platform_main import main; sys.path.pop(); main()"
)
ENTRYPOINT = """
import json, os, sys
assert __name__ == "__main__"
names = [name for name in os.environ if name.startswith("SYNAPSE_")]
print(json.dumps({
    "variables": {name: os.environ[name] for name in names},
    "first": sys.path[0],
    "modules": [name for name in sys.modules if name.partition(".")[0] == "synapse"],
    "arguments": sys.argv[1:],
    "input": sys.stdin.read(),
}))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with the stand-in."""
    package = tmp_path / "synapse_sdk" / "plugins"
    package.mkdir(parents=True)
    (package / "entrypoint.py").write_text(ENTRYPOINT)
    for place in (package, package.parent):
        (place / "__init__.py").touch()
    return tmp_path


def run(folder: Path, variables: dict[str, str]) -> dict[str, Any]:
    root = str(Path(__file__).parents[3])
    with subprocess.Popen(
        [sys.executable, "-S", "-c", START, root],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        # The input stays open: the end of the input ends the process.
        process.stdin.write(json.dumps(variables).encode() + b"\n")
        process.stdin.flush()
        seen: dict[str, Any] = json.loads(process.stdout.read())
    return seen


def test_the_package_sees_its_variables(folder: Path) -> None:
    variables = {"SYNAPSE_JOB_ID": "7", "SYNAPSE_ACTION_PARAMS": '{"word": "größer"}'}

    assert run(folder, variables) == {
        "variables": variables,
        "first": str(folder),
        "modules": [],
        "arguments": [],
        "input": "",
    }


def test_long_parameters_are_in_a_file(folder: Path) -> None:
    params = json.dumps({"ids": list(range(30_000))})

    variables = run(folder, {"SYNAPSE_ACTION_PARAMS": params})["variables"]

    assert list(variables) == ["SYNAPSE_ACTION_PARAMS_FILE"]
    assert Path(variables["SYNAPSE_ACTION_PARAMS_FILE"]).read_text() == params


@pytest.mark.parametrize(
    ("source", "code", "has_end"),
    [
        ("print(1)", 0, True),
        ("import sys; sys.exit(0)", 0, True),
        ("import sys; sys.exit()", 0, True),
        ("import os; os.closerange(0, 3)", 0, True),
        ("import os; os._exit(0)", 0, False),
        ("import os; os.fork() and os._exit(0)", 0, False),
        ("import sys; sys.exit(7)", 7, False),
    ],
)
def test_the_end_is_said_by_code_that_is_done(
    folder: Path, source: str, code: int, has_end: bool
) -> None:
    (folder / "synapse_sdk" / "plugins" / "entrypoint.py").write_text(source)
    with subprocess.Popen(
        [sys.executable, "-S", "-c", START, str(Path(__file__).parents[3])],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write("{}\n")
        process.stdin.flush()
        printed = process.stderr.read()

    assert process.returncode == code
    assert printed.endswith(f"{END}\n") == has_end
