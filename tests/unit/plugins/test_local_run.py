"""Runs of a folder in this process."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import PluginConfigError, SynapseError, UsageError, ValidationError
from synapse.orm import session_base
from synapse.plugins import context as current_context
from synapse.plugins.local_run import run_local
from synapse.session import Session

CONFIG = """\
code: echo
name: Echo
version: 1.0.0
category: custom
env: {SIZE: 5, PATH_OF_TEST: x}
actions:
  say:
    entrypoint: "plugin.say:run"
    parameters: {properties: {text: {type: string}}, additionalProperties: false}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plugin's folder, without code."""
    folder = tmp_path / "echo"
    (folder / "plugin").mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG)
    return folder


def run(folder: Path, source: str, params: Any = None, **options: Any) -> Any:
    """Write the module, and run the action."""
    (folder / "plugin" / "say.py").write_text(source)
    return run_local(folder, params=params, **options)


def test_the_code_sees_a_job(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIZE", "4")
    source = """
import os, sys
from pathlib import Path
from synapse.plugins import context as current
def run(context):
    assert current() is context
    assert Path.cwd() == Path(__file__).parents[1] == Path(sys.path[0])
    assert (os.environ["SIZE"], os.environ["PATH_OF_TEST"]) == ("5", "x")
    names = context.action, context.plugin_code, context.version
    return [dict(context.params), *names, context.debug]
"""
    before = Path.cwd(), sys.path[:], set(sys.modules)

    result = run(folder, source, {"text": "a"}, debug=True)

    assert result == [{"text": "a"}, "say", "echo", "1.0.0", True]
    assert (Path.cwd(), sys.path[:]) == before[:2]
    assert not {name for name in set(sys.modules) - before[2] if name.startswith("plugin")}
    assert (os.environ["SIZE"], "PATH_OF_TEST" in os.environ) == ("4", False)
    with pytest.raises(SynapseError, match="runs no job"):
        current_context()


def test_each_run_takes_the_files_as_they_are(folder: Path) -> None:
    other = type(sys)("plugin")
    sys.modules["plugin"] = other
    try:
        assert run(folder, "def run(): return 1") == 1
        assert run(folder, "def run(): return 'second'") == "second"
        assert sys.modules["plugin"] is other
    finally:
        del sys.modules["plugin"]


def test_reports_are_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = """
def run(context):
    print("printed")
    context.log("logged")
    context.log("careful", level="warning")
    for number in range(1, 10_001):
        context.progress(number, 10_000, category="read")
        context.metrics(loss=1 / number)
    context.progress(1, 2)
    context.result({"done": True})
    return "less"
"""
    assert run(folder, source) == {"done": True}

    out, err = capsys.readouterr()
    assert out == "printed\nlogged\nwarning: careful\n"
    lines = err.splitlines()
    assert lines[-2:] == ["progress: 75 % (read 100 %, default 50 %)", "metrics: loss=0.0001"]
    assert lines[0] == "progress: 0.01 % (read 0.01 %)"
    assert len(lines) < 1000


def test_errors_of_the_code_arrive_as_they_are(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "def run(context):\n    context.progress(1, 2)\n    {}['key']\n"
    with pytest.raises(KeyError, match="key") as caught:
        run(folder, source)
    assert Path(str(caught.traceback[-1].path)).name == "say.py"
    assert capsys.readouterr().err == "progress: 50 %\n"


@pytest.mark.parametrize("code", ["0", "None", ""])
def test_sys_exit_without_an_error(folder: Path, code: str) -> None:
    source = f"import sys\ndef run(context):\n    context.result(3)\n    sys.exit({code})\n"
    assert run(folder, source) == 3


def test_sys_exit_with_an_error(folder: Path) -> None:
    with pytest.raises(SynapseError, match=r"called sys\.exit\(3\)"):
        run(folder, "import sys\ndef run(): sys.exit(3)")


def test_the_session_is_the_default_one_meanwhile(folder: Path) -> None:
    source = """
from synapse.orm import session_base
def run(context):
    return context.session is session_base.default()
"""
    with Session("http://127.0.0.1:1", "t") as session:
        previous = session_base.set_default(None)
        assert run(folder, source, session=session) is True
        assert session_base.set_default(previous) is None


def test_coroutines_run_inside_a_running_loop(folder: Path) -> None:
    source = "import asyncio\nasync def run():\n    await asyncio.sleep(0)\n    return 'done'\n"

    async def outside() -> Any:
        return run(folder, source)

    assert run(folder, source) == "done"
    assert asyncio.run(outside()) == "done"


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("def run(context): return context['text']", TypeError, r"Read context\.params\."),
        ("def run(context): return context.get('x')", AttributeError, r"Read context\.params\."),
        ("def run(context): return 'x' in context", TypeError, "not a container|not iterable"),
        ("def run(a, b): ...", UsageError, "The action 'say' can't run: .* takes a, b"),
        ("import absent_package", UsageError, "needs 'absent_package', which isn't installed"),
        ("1 / 0", UsageError, "ZeroDivisionError"),
        ("def run(): return object()", UsageError, "The returned value can't be the result"),
    ],
)
def test_mistakes_of_the_code(
    folder: Path, source: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(folder, source)


def test_mistakes_of_the_call(folder: Path, tmp_path: Path) -> None:
    (folder / "plugin" / "say.py").write_text("def run(): raise AssertionError('ran')")
    with pytest.raises(ValidationError, match="Unknown parameter; did you mean 'text'"):
        run_local(folder, "say", {"txt": "a"})
    with pytest.raises(UsageError, match="no action 'sya'; did you mean 'say'"):
        run_local(folder, "sya")
    with pytest.raises(UsageError, match="params="):
        run_local(folder, "say", ["a"])  # type: ignore[arg-type] # the mistake
    with pytest.raises(UsageError, match="is not a folder"):
        run_local(tmp_path / "none")
    with pytest.raises(PluginConfigError, match="Missing at the top"):
        run_local(folder / "plugin")


def test_code_of_another_runner(folder: Path) -> None:
    with pytest.raises(UsageError, match="The platform's package runs the action 'say'"):
        run(folder, "import synapse_sdk.plugins\ndef run(): ...")
    (folder / "config.yaml").write_text("requires: {python: '<3'}\n" + CONFIG)
    with pytest.raises(UsageError, match="requires Python <3, and this is 3"):
        run(folder, "def run(): ...")


def test_a_breakpoint_stops_the_code(folder: Path) -> None:
    (folder / "plugin" / "say.py").write_text(
        "def run(context):\n    size = 20\n    breakpoint()\n    return size\n"
    )
    code = f"from synapse.plugins import run_local; print('result', run_local({str(folder)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="p size + 1\n!size = 7\nc\n",
        env={**os.environ, "PYTHONPATH": str(Path(session_base.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    # Before Python 3.13, the debugger stops at the line behind.
    assert re.search(r"say\.py\([34]\)run\(\)", done.stdout)
    assert "(Pdb) 21" in done.stdout
    assert done.stdout.endswith("result 7\n")
