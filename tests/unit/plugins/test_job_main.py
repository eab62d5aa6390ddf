"""The process of a job: its exit codes and its output."""

from __future__ import annotations

import http.server
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from synapse.plugins.log_markers import split_level
from synapse.plugins.process_control import END

pytestmark = pytest.mark.skipif(os.name != "posix", reason="jobs run on POSIX systems only")

COMMAND = [sys.executable, "-m", "synapse.plugins.job_main"]


@attrs.frozen
class Ended:
    """The end of a process.

    Attributes:
        code: Its exit code.
        lines: What it printed, with the levels.
    """

    code: int
    lines: list[tuple[str, str | None]]

    @property
    def messages(self) -> list[str]:
        return [message for message, _ in self.lines]


class Started:
    """A job's process that runs code."""

    def __init__(self, folder: Path, spec: dict[str, Any] | bytes, arguments: Any = ()) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(Path(__file__).parents[3]),
            **{k: v for k, v in os.environ.items() if k.startswith("COV_")},
        }
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        content = spec if isinstance(spec, bytes) else json.dumps(spec).encode() + b"\n"
        self.process.stdin.write(content)
        self.process.stdin.flush()

    def wait_for(self, text: str) -> None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        assert split_level(line.rstrip("\n"))[0] == text

    def end(self) -> Ended:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        output = self.process.stdout.read().decode()
        code = self.process.wait(timeout=30)
        self.process.stdin.close()
        return Ended(
            code, [split_level(line) for line in output.removesuffix("\n").split("\n") if output]
        )

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


Start = Callable[..., Started]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a job's process with code in the module `code_`."""
    running: list[Started] = []

    def begin(
        source: str, entrypoint: str = "code_:run", arguments: Any = (), **changes: Any
    ) -> Started:
        (tmp_path / "code_.py").write_text(textwrap.dedent(source))
        spec = {
            "job_id": "4f1d3b9e-0000-4000-8000-000000000000",
            "code": "digits",
            "version": "1.0.0",
            "action": "train",
            "entrypoint": entrypoint,
            "params": {"epochs": 3},
            "base_url": "http://127.0.0.1:9",
            "credentials": {"api_token": "s3cret"},
            **changes,
        }
        running.append(Started(tmp_path, spec, arguments))
        return running[-1]

    yield begin
    for one in running:
        one.close()


def test_code_that_takes_nothing(start: Start) -> None:
    assert start("def run(): print('hello')").end() == Ended(0, [("hello", None)])


@pytest.mark.parametrize(
    "source",
    [
        "def run(context): print(context.params['epochs'])",
        "def run(context=None): print(context.params['epochs'])",
        "def run(context, more=1): print(context.params['epochs'])",
        "class Run:\n    def __call__(self, context): print(context.params['epochs'])\nrun = Run()",
        # A class whose call returns None: an object would be a result, and no backend is running.
        "class run:\n    def __new__(cls, context): print(context.params['epochs'])",
        "async def run(context): print(context.params['epochs'])",
        "from synapse.plugins import context\ndef run(): print(context().params['epochs'])",
        (
            "from synapse.plugins import context\n"
            "def run(*all, x=1): print(context().params['epochs'], *all)"
        ),
    ],
)
def test_how_code_gets_its_parameters(start: Start, source: str) -> None:
    ended = start(source).end()

    assert ended.messages[0] == "3"


@pytest.mark.parametrize(
    ("source", "code", "last"),
    [
        ("import os; print(os.environ['SYNAPSE_JOB_ID'])", 0, ("7", None)),
        ("import sys; sys.exit(7)", 7, ("", None)),
        ("raise RuntimeError('no data')", 1, ("RuntimeError: no data", "error")),
    ],
)
def test_action_of_the_platforms_package(
    start: Start, tmp_path: Path, source: str, code: int, last: tuple[str, str | None]
) -> None:
    package = tmp_path / "synapse_sdk" / "plugins"
    package.mkdir(parents=True)
    for place in (package, package.parent):
        (place / "__init__.py").touch()
    (package / "entrypoint.py").write_text(source)

    ended = start("", platform={"SYNAPSE_JOB_ID": "7"}).end()

    assert (ended.code, (ended.lines or [("", None)])[-1]) == (code, last)


@pytest.mark.parametrize(
    ("source", "code", "lines"),
    [
        ("def run(): print('done')", 0, ["done", END]),
        ("def run(): raise SystemExit(0)", 0, [END]),
        ("import os\ndef run():\n    if os.fork(): os.wait()", 0, [END]),
        ("import os\ndef run(): print('done', flush=True); os._exit(0)", 0, ["done"]),
    ],
)
def test_the_end_is_said_on_demand(start: Start, source: str, code: int, lines: list[str]) -> None:
    ended = start(source, says_end=True).end()

    assert (ended.code, ended.messages) == (code, lines)


def test_a_python_that_the_release_does_not_admit(start: Start) -> None:
    ended = start("def run(): ...", requires_python="<3").end()

    assert ended.code == 3
    assert ended.messages[-1].startswith("The release requires Python <3, but the runner has")


def test_what_the_context_knows(start: Start) -> None:
    source = """
        def run(context):
            print(context, context.action, context.plugin_code, context.version, context.debug)
    """

    assert start(source, debug=True).end().messages == [
        (
            "<Context digits@1.0.0 'train', job 4f1d3b9e-0000-4000-8000-000000000000> "
            "train digits 1.0.0 True"
        )
    ]


def test_an_attribute_of_a_class_is_an_entrypoint(start: Start) -> None:
    source = "class Trainer:\n    @staticmethod\n    def run(): print('hello')"

    assert start(source, "code_:Trainer.run").end().messages == ["hello"]


def test_the_release_comes_first_where_modules_are_looked_for(start: Start, tmp_path: Path) -> None:
    (tmp_path / "tabnanny.py").write_text("MINE = True")

    ended = start("import sys, tabnanny\ndef run(): print(tabnanny.MINE, sys.path[0])").end()

    assert ended.messages == [f"True {tmp_path}"]


def test_an_exception_is_shown_without_our_own_frames(start: Start, tmp_path: Path) -> None:
    source = """
        def run():
            inner()

        def inner():
            raise RuntimeError("boom")
    """
    ended = start(source).end()

    assert ended.code == 1
    assert {level for _, level in ended.lines} == {"error"}
    assert ended.messages[0] == "Traceback (most recent call last):"
    assert ended.messages[1] == f'  File "{tmp_path}/code_.py", line 3, in run'
    assert ended.messages[-1] == "RuntimeError: boom"
    assert "synapse" not in "".join(ended.messages)


def test_a_cause_is_shown_too(start: Start) -> None:
    source = """
        async def run():
            try:
                {}["x"]
            except KeyError as error:
                raise ValueError("no x") from error
    """
    messages = start(source).end().messages

    assert "KeyError: 'x'" in messages
    assert messages[-1] == "ValueError: no x"
    assert not [line for line in messages if "asyncio" in line]


@pytest.mark.parametrize(
    ("statement", "code", "messages"),
    [
        ("sys.exit()", 0, []),
        ("sys.exit(0)", 0, []),
        ("sys.exit(7)", 7, []),
        ("sys.exit(256)", 1, []),
        ("sys.exit(-1)", 255, []),
        ("sys.exit('not today')", 1, ["not today"]),
        ("os._exit(9)", 9, []),
        ("os.kill(os.getpid(), 9)", -9, []),
        ("raise KeyboardInterrupt", 1, None),
    ],
)
def test_code_that_ends_the_process(
    start: Start, statement: str, code: int, messages: list[str] | None
) -> None:
    ended = start(f"import os, sys\ndef run():\n    {statement}").end()

    assert ended.code == code
    if messages is not None:
        assert ended.messages == messages


@pytest.mark.parametrize(
    ("entrypoint", "reason"),
    [
        ("gone:run", "The release has no module 'gone' (for 'gone:run')."),
        ("gone.deep:run", "The release has no package 'gone' (for 'gone.deep:run')."),
        (
            "code_:rum",
            "The module 'code_' has no 'rum' (for 'code_:rum'); did you mean 'run'?",
        ),
        ("code_:run.x", "The function 'run' has no 'x' (for 'code_:run.x')."),
        ("code_:number", "'code_:number' is not callable, but of type int."),
        ("code_", "'code_' is not an entrypoint. Write module:callable."),
        (
            "code_:two",
            (
                "'code_:two' takes a, b. An entrypoint takes nothing, or the context as its only "
                "required argument, by position."
            ),
        ),
        (
            "code_:named",
            (
                "'code_:named' takes a. An entrypoint takes nothing, or the context as its only "
                "required argument, by position."
            ),
        ),
    ],
)
def test_an_entrypoint_that_is_not_there(start: Start, entrypoint: str, reason: str) -> None:
    source = "number = 1\ndef run(): ...\ndef two(a, b): ...\ndef named(*, a): ..."

    ended = start(source, entrypoint).end()

    assert ended == Ended(3, [(f"The action 'train' can't run: {reason}", "error")])


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "import no_such_package",
            (
                "needs 'no_such_package', which isn't installed. Name its package under "
                "`requirements` in the release's config.yaml, with `install: true`."
            ),
        ),
        ("import os.no_such_part", "needs 'os.no_such_part', which isn't installed"),
        ("1 / 0", "can't be imported: ZeroDivisionError: division by zero"),
        ("from os import no_such_name", "can't be imported: ImportError: cannot import name"),
        ("def run(:", "can't be imported: SyntaxError: "),
        ("raise SystemExit(0)", "ends the process when it is imported."),
    ],
)
def test_a_module_that_cannot_be_imported(start: Start, source: str, reason: str) -> None:
    ended = start(source).end()

    assert ended.code == 3
    assert reason in ended.messages[-1]
    assert "'code_'" in ended.messages[-1]


def test_the_traceback_of_an_import_is_shown(start: Start, tmp_path: Path) -> None:
    messages = start("\n\n1 / 0").end().messages

    assert f'  File "{tmp_path}/code_.py", line 3, in <module>' in messages


def test_a_result_that_json_cannot_hold(start: Start) -> None:
    ended = start("def run(): return {'model': object()}").end()

    assert ended.code == 4
    assert ended.messages == [
        (
            "The returned value can't be the result: result.model is a object, which JSON can't "
            "hold. Pass numbers, text, lists and mappings."
        )
    ]


@pytest.mark.parametrize(
    "spoil",
    [
        "sys.stdout.close()",
        "sys.stderr.close()",
        "sys.stdout.close(); sys.stderr.close()",
        "sys.stdout = sys.stderr = None",
        "sys.stdout = sys.stderr = io.StringIO()",
    ],
)
def test_why_it_failed_is_printed_though_the_code_spoilt_its_outputs(
    start: Start, spoil: str
) -> None:
    source = (
        f"import io, sys\ndef run():\n    print('before')\n    {spoil}\n    raise ValueError('x')"
    )
    ended = start(source).end()

    assert (ended.code, ended.messages[0]) == (1, "before")
    assert ended.lines[-1] == ("ValueError: x", "error")
    assert "driver.py" not in "".join(ended.messages)


def test_the_code_has_no_standard_input(start: Start) -> None:
    ended = start("import sys\ndef run(): print(repr(sys.stdin.read()), repr(input()))").end()

    assert ended.messages[-1] == "EOFError: EOF when reading a line"


def test_sigterm_runs_finally(start: Start) -> None:
    source = """
        import time
        def run():
            try:
                print("begun")
                time.sleep(600)
            finally:
                print("cleaned up")
    """
    running = start(source)
    running.wait_for("begun")
    running.process.terminate()

    assert running.end() == Ended(143, [("cleaned up", None)])


def test_sigterm_while_it_is_imported(start: Start) -> None:
    running = start("import time\nprint('begun')\ntime.sleep(600)")
    running.wait_for("begun")
    running.process.terminate()

    assert running.end() == Ended(143, [])


def test_a_second_sigterm_lets_finally_end(start: Start) -> None:
    source = """
        import os, signal, time
        def run():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(600)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                print("cleaned up")
    """
    assert start(source).end() == Ended(143, [("cleaned up", None)])


def test_it_ends_with_whoever_started_it(start: Start) -> None:
    source = """
        import subprocess, sys, time
        def run():
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            try:
                print(child.pid)
                time.sleep(600)
            finally:
                print("cleaned up")
    """
    running = start(source)
    assert running.process.stdin is not None
    assert running.process.stdout is not None
    running.process.stdout.readline()
    running.process.stdin.close()

    # The child holds the output too, which ends after both processes.
    assert running.end() == Ended(143, [("cleaned up", None)])


def test_code_that_will_not_end_is_ended(start: Start) -> None:
    source = """
        import signal, time
        def run():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print("begun")
            time.sleep(600)
    """
    running = start(source)
    running.wait_for("begun")
    assert running.process.stdin is not None
    running.process.stdin.close()

    assert running.end().code in (143, -signal.SIGKILL)


def test_unless_nobody_watches(start: Start) -> None:
    source = "import time\ndef run():\n    print('begun')\n    time.sleep(1)\n    print('ended')"
    running = start(source, watch=False)
    running.wait_for("begun")
    assert running.process.stdin is not None
    running.process.stdin.close()

    assert running.end() == Ended(0, [("ended", None)])


def test_what_it_cannot_encode_is_printed_all_the_same(start: Start) -> None:
    ended = start(r"def run(): print('\ud800 ünï')").end()

    assert ended == Ended(0, [("\\ud800 ünï", None)])


def test_lines_come_as_they_are_printed(start: Start) -> None:
    source = """
        import sys, time
        def run(context):
            print("one")
            context.log("two", level="warning")
            print("three", file=sys.stderr)
            time.sleep(600)
    """
    running = start(source)
    for text in ("one", "two", "three"):
        running.wait_for(text)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (b"\n", "not a line of JSON"),
        (b"{\n", "not a line of JSON"),
        (b"[]\n", "not a JSON object with params"),
        (b'{"params": {}}\n', "missing keys: job_id, code, version, action, entrypoint, base_url."),
    ],
)
def test_an_invalid_job_spec(tmp_path: Path, spec: bytes, reason: str) -> None:
    running = Started(tmp_path, spec)
    try:
        ended = running.end()
    finally:
        running.close()

    assert ended.code == 3
    assert reason in ended.messages[0]


def test_unknown_arguments(tmp_path: Path) -> None:
    running = Started(tmp_path, b"", ["--order", "x"])
    try:
        assert running.end().code == 3
    finally:
        running.close()


class Agent(http.server.BaseHTTPRequestHandler):
    """Serves one job spec, once."""

    spec: bytes = b""

    def do_GET(self) -> None:
        self.send_response(200 if type(self).spec else 404)
        self.end_headers()
        self.wfile.write(type(self).spec)
        type(self).spec = b""

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def agent() -> Iterator[str]:
    """The URL of an agent that serves its job spec once."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Agent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/_orders/t1cket/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_job_spec_from_a_url(tmp_path: Path, agent: str) -> None:
    (tmp_path / "code_.py").write_text("def run(context): print(context.params)")
    spec = {
        "job_id": "1",
        "code": "digits",
        "version": "1",
        "action": "train",
        "entrypoint": "code_:run",
        "params": {"epochs": 3},
        "base_url": "http://127.0.0.1:9",
        "credentials": {},
    }
    Agent.spec = json.dumps(spec).encode()
    first = Started(tmp_path, b"", ["--order-url", agent])
    ended = first.end()
    first.close()
    second = Started(tmp_path, b"", ["--order-url", agent])
    refused = second.end()
    second.close()

    assert ended == Ended(0, [("{'epochs': 3}", None)])
    assert refused.code == 3
    assert "the agent refused: Not Found" in refused.messages[0]
    assert "t1cket" not in str(refused)


def test_the_credentials_are_nowhere_to_be_seen(start: Start) -> None:
    source = """
        import os, sys
        def run(context):
            print(os.environ, sys.argv, open("/proc/self/cmdline").read(), context, vars(context))
            raise RuntimeError(repr(context))
    """
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("there is no /proc here")
    assert "s3cret" not in str(start(source, debug=True).end())
