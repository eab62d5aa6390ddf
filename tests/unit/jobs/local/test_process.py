"""One process: read, watched and ended, with all that it started."""

from __future__ import annotations

import os
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import attrs
import psutil
import pytest

from synapse.jobs.local.output_splitter import Output
from synapse.jobs.local.process import StopRequest, run
from synapse.jobs.local.process_tree import MARK, ProcessTree
from synapse.jobs.spec import Limits, Outcome, OutputLine

# Ending a job's processes searches the whole machine for its mark: other test runs have others.
KEY = uuid.uuid4().hex


@attrs.define
class Ran:
    """A process that has ended."""

    code: int
    lines: list[OutputLine]
    outcome: Outcome | None

    @property
    def messages(self) -> list[str]:
        return [line.message for line in self.lines]


@pytest.fixture
def ran(tmp_path: Path) -> Callable[..., Ran]:
    def ran(script: str, **options: object) -> Ran:
        limits = Limits(**options.pop("limits", {}))  # type: ignore[arg-type]
        verdict = options.pop("verdict", None) or StopRequest(limits)
        assert isinstance(verdict, StopRequest)
        verdict.start()
        lines: list[OutputLine] = []
        output = Output(limits.output * 2**20, lines.extend)
        code = run(
            [sys.executable, "-c", script],
            folder=tmp_path,
            environment={"PATH": os.environ["PATH"], MARK: KEY, "PYTHONUNBUFFERED": "1"},
            mark=KEY,
            output=output,
            verdict=verdict,
            **{"grace": 0.3, **options},  # type: ignore[arg-type]
        )
        output.flush()
        return Ran(code, lines, verdict.outcome)

    return ran


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_both_outputs_are_one(ran: Callable[..., Ran], tmp_path: Path) -> None:
    done = ran("import os, sys; print('a'); print('b', file=sys.stderr); print(os.getcwd())")

    assert (done.code, done.messages, done.outcome) == (0, ["a", "b", str(tmp_path)], None)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("raise SystemExit(7)", 7),
        ("import os; os._exit(9)", 9),
        ("import os; os.kill(os.getpid(), 9)", -9),
        ("import os; os.abort()", -6),
    ],
)
def test_exit_codes(ran: Callable[..., Ran], script: str, code: int) -> None:
    assert ran(script).code == code


def test_it_reads_its_order_and_its_input_stays_open(ran: Callable[..., Ran]) -> None:
    order = b"x" * 1_000_000 + b"\n"
    script = """
import select, sys
print(len(sys.stdin.buffer.readline()))
print(select.select([0], [], [], 0.2)[0])
"""
    assert ran(script, order=order).messages == ["1000001", "[]"]


def test_an_order_that_nobody_reads(ran: Callable[..., Ran]) -> None:
    assert ran("print(1)", order=b"x" * 1_000_000).messages == ["1"]


def test_one_that_closed_its_output_is_waited_for(ran: Callable[..., Ran]) -> None:
    done = ran("import os, time; os.close(1); os.close(2); time.sleep(0.3); os._exit(5)")

    assert (done.code, done.lines) == (5, [])


def test_the_time_limit(ran: Callable[..., Ran]) -> None:
    done = ran("import time; time.sleep(600)", limits={"timeout": 0.5})

    assert done.outcome == Outcome("failed", "It ran for longer than 0.5 s.")
    assert done.code == -15


def test_one_that_ignores_the_polite_signal(ran: Callable[..., Ran]) -> None:
    script = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready")
time.sleep(600)
"""
    done = ran(script, limits={"timeout": 1})

    assert (done.code, done.messages) == (-9, ["ready"])


def test_the_end_can_be_prepared_for(ran: Callable[..., Ran]) -> None:
    script = """
import signal, sys, time
def end(*_):
    print("saved")
    sys.exit(3)
signal.signal(signal.SIGTERM, end)
time.sleep(600)
"""
    done = ran(script, limits={"timeout": 1}, grace=30)

    assert (done.code, done.messages) == (3, ["saved"])


def test_endless_output(ran: Callable[..., Ran]) -> None:
    done = ran("while True: print('x' * 99)", limits={"output": 0.5})

    assert done.outcome == Outcome("failed", "It printed more than 0.5 MiB.")
    assert sum(len(text) + 1 for text in done.messages) == 2**19 + 1  # the last line has no end


def test_endless_output_in_one_line(ran: Callable[..., Ran]) -> None:
    script = "import sys\nwhile True: sys.stdout.write('x' * 999)"
    done = ran(script, limits={"output": 0.25})

    assert done.outcome is not None
    assert done.outcome.reason == "It printed more than 0.25 MiB."
    assert "".join(done.messages) == "x" * 2**18


HOLD = "import time; hold = b'x' * (120 << 20); time.sleep(600)"


def test_the_memory_limit(ran: Callable[..., Ran]) -> None:
    done = ran(HOLD, limits={"memory": 64})

    assert done.outcome == Outcome("failed", "It used more than 64 MiB of memory.")
    assert done.code == -9


@pytest.mark.parametrize("session", [False, True])
def test_the_memory_of_children_counts(ran: Callable[..., Ran], session: bool) -> None:
    script = f"""
import subprocess, sys, time
for _ in range(3):
    subprocess.Popen([sys.executable, "-c", "import time; x = b'x' * (50 << 20); time.sleep(600)"],
                     start_new_session={session})
time.sleep(600)
"""
    done = ran(script, limits={"memory": 150})

    assert done.outcome == Outcome("failed", "It used more than 150 MiB of memory.")


def test_memory_that_several_share_counts_once(ran: Callable[..., Ran]) -> None:
    script = """
import os, time
hold = b'x' * (60 << 20)
children = [os.fork() or (time.sleep(1), os._exit(0)) for _ in range(4)]
for pid in children:
    os.waitpid(pid, 0)
"""
    done = ran(script, limits={"memory": 180})

    assert (done.outcome, done.code) == (None, 0)


@pytest.mark.parametrize("session", [False, True])
def test_nothing_is_left_behind(ran: Callable[..., Ran], session: bool) -> None:
    script = f"""
import subprocess, sys
child = subprocess.Popen(
    [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"],
    start_new_session={session}, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid)
"""
    done = ran(script)

    assert done.code == 0
    assert is_gone(int(done.messages[0]))


def test_one_left_behind_that_holds_the_output_is_not_waited_for(ran: Callable[..., Ran]) -> None:
    done = ran("import subprocess; print(subprocess.Popen(['sleep', '600']).pid)")

    assert is_gone(int(done.messages[0]))


def test_stopped(ran: Callable[..., Ran]) -> None:
    verdict = StopRequest(Limits())
    threading.Timer(0.5, verdict.reach, [Outcome("stopped", "Enough.")]).start()

    done = ran("import time; time.sleep(600)", verdict=verdict)

    assert (done.code, done.outcome) == (-15, Outcome("stopped", "Enough."))


def test_the_first_verdict_counts() -> None:
    verdict = StopRequest(Limits())
    assert verdict.reach(Outcome("stopped", "first"))
    assert verdict.reach(Outcome("failed", "second"))

    assert verdict.close() == Outcome("stopped", "first")


def test_nothing_changes_what_has_ended() -> None:
    verdict = StopRequest(Limits())
    assert verdict.close() is None

    assert not verdict.reach(Outcome("stopped", "late"))
    assert verdict.close() is None


# Each starts a process that hides from the session and the mark, prints its id, holds memory and
# makes a file.
HIDDEN = """
import os, time
print(os.getpid(), flush=True)
hold = b"x" * (int({size}) << 20)
open("hidden", "w").close()
time.sleep(600)
"""
CLEARED = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {hidden!r}], env={{}}, start_new_session=True)
"""
DAEMON = """
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve(sys.executable, [sys.executable, "-c", {hidden!r}], {{}})
    os._exit(0)
os.wait()
"""
NESTED = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {daemon!r}], env={{}}, start_new_session=True).wait()
"""
GROUP = """
import os, subprocess, sys
subprocess.Popen(["nohup", sys.executable, "-c", {hidden!r}], env={{}}, preexec_fn=os.setpgrp)
"""
AWAYS = ["cleared environment", "daemon", "daemon of a process away", "process group"]


def write_away(kind: str, then: str = "", size: int = 1) -> str:
    hidden = HIDDEN.format(size=size)
    daemon = DAEMON.format(hidden=hidden)
    sources = [CLEARED, DAEMON, NESTED, GROUP]
    source = sources[AWAYS.index(kind)].format(hidden=hidden, daemon=daemon)
    wait = "while not os.path.exists('hidden'):\n    time.sleep(0.02)\n"
    return f"import os, time\n{source}\n{wait}\n{then}"


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has child subreapers.")


@linux_only
@pytest.mark.parametrize("kind", AWAYS)
class TestHidden:
    """Processes without the job's session, environment and parent."""

    def test_end_with_the_program(self, ran: Callable[..., Ran], kind: str) -> None:
        done = ran(write_away(kind))

        assert (done.code, done.outcome) == (0, None)
        assert is_gone(int(done.messages[0]))

    def test_end_with_a_stop(self, ran: Callable[..., Ran], kind: str, tmp_path: Path) -> None:
        verdict = StopRequest(Limits())
        script = write_away(kind, "time.sleep(600)")
        seen: list[str] = []

        def stop(tree: ProcessTree) -> None:
            def wait() -> None:
                while len(tree.processes()) < 2 or not (tmp_path / "hidden").exists():
                    time.sleep(0.02)
                seen.append("two")
                verdict.reach(Outcome("stopped", "Enough."))

            threading.Thread(target=wait, daemon=True).start()

        done = ran(script, verdict=verdict, started=stop)

        assert seen == ["two"]
        assert done.outcome == Outcome("stopped", "Enough.")
        assert is_gone(int(done.messages[0]))

    def test_count_for_the_memory(self, ran: Callable[..., Ran], kind: str) -> None:
        done = ran(write_away(kind, "time.sleep(600)", size=150), limits={"memory": 120})

        assert done.outcome == Outcome("failed", "It used more than 120 MiB of memory.")
        assert is_gone(int(done.messages[0]))


@linux_only
def test_job_that_suspends_its_supervisor_is_ended(ran: Callable[..., Ran]) -> None:
    script = "import os, signal, time\nos.kill(os.getppid(), signal.SIGSTOP)\ntime.sleep(600)"
    done = ran(script, limits={"timeout": 0.5}, grace=0.1)
    assert done.outcome is not None
    assert done.outcome.status == "failed"


@linux_only
def test_fork_that_flees_is_caught(ran: Callable[..., Ran]) -> None:
    """Each process forks, leaves its session and ends: it is never where the last look saw it."""
    done = ran("""
import os, time
if os.fork() == 0:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(0.005)
        if os.fork():
            os._exit(0)
        os.setsid()
    os._exit(0)
time.sleep(0.2)
print(os.getpid())
""")

    assert done.code == 0
    assert not [each for each in psutil.process_iter() if reads_mark(each)]


def reads_mark(process: psutil.Process) -> bool:
    try:
        return process.environ().get(MARK) == KEY
    except psutil.Error:
        return False


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no-program"):
        run(
            [str(tmp_path / "no-program")],
            folder=tmp_path,
            environment={},
            mark=KEY,
            output=Output(1 << 20, lambda _: None),
            verdict=StopRequest(Limits()),
            grace=1,
        )


def test_a_reader_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(lines: object) -> None:
        raise OSError("no")

    trees: list[ProcessTree] = []
    output = Output(1 << 20, fail)
    with pytest.raises(OSError, match="no"):
        run(
            [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)"],
            folder=tmp_path,
            environment={MARK: KEY},
            mark=KEY,
            output=output,
            verdict=StopRequest(Limits()),
            grace=1,
            started=trees.append,
        )

    assert trees[0].processes() == []
