"""Progress of a transfer: numbers, bar and callback."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from typing import Any

import pytest

from synapse._internal import live_output
from synapse.transfer import progress as module
from synapse.transfer.bulk.pipeline import PipelineStopped
from synapse.transfer.progress import (
    Bar,
    CallbackProgress,
    LiveProgress,
    Progress,
    describe_stop,
    progress_of,
    show_progress,
)
from unit.conftest import FakeNotebook


class Terminal:
    """A standard error stream that claims to be a terminal."""

    def __init__(self, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def plug_in(self) -> None:
        self._monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    def getvalue(self) -> str:
        return str(self._capsys.readouterr().err)


@pytest.fixture
def terminal(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal as the standard error stream."""
    return Terminal(capsys, monkeypatch)


class TestNumbers:
    def numbers(self, progress: Progress) -> tuple[int, ...]:
        return progress.done, progress.confirmed, progress.size

    def test_one_file(self) -> None:
        progress = Progress()
        with progress.file("a", 100) as one:
            one.at(60, is_confirmed=False)
            assert self.numbers(progress) == (60, 0, 100)
            one.at(40, is_confirmed=False)  # a part is sent again
            assert self.numbers(progress) == (40, 0, 100)
            one.at(100)
        assert self.numbers(progress) == (100, 100, 100)
        assert (progress.files_done, progress.files_failed, progress.files) == (1, 0, 1)

    def test_total_that_grows(self) -> None:
        progress = Progress()
        progress.expect(100, files=2)
        progress.file("a", 30)
        progress.expect(50)
        progress.file("b", 70)
        assert (progress.files, progress.size) == (3, 150)

    def test_size_that_was_not_known(self) -> None:
        progress = Progress()
        one = progress.file("a", 0)
        one.expect(70)
        one.expect(80)
        assert progress.size == 80

    def test_file_that_fails(self) -> None:
        progress = Progress()
        other = progress.file("b", 10)
        other.at(10)
        with contextlib.suppress(RuntimeError), progress.file("a", 100) as one:
            one.at(60)
            raise RuntimeError
        one.finish()
        assert self.numbers(progress) == (10, 10, 10)
        assert (progress.files_done, progress.files_failed) == (0, 1)

    @pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, PipelineStopped])
    def test_file_that_is_interrupted_has_not_failed(self, kind: type[BaseException]) -> None:
        progress = Progress()
        progress.expect(110, files=2)
        with progress.file("b", 10) as other:
            other.at(10)
        one = progress.file("a", 100)

        def send() -> None:
            with one:
                one.at(60)
                raise kind

        with pytest.raises(kind):
            send()
        one.finish(failed=True)
        assert self.numbers(progress) == (70, 70, 110)
        assert (progress.files_done, progress.files_failed, progress.files) == (1, 0, 2)

    def test_rate(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [100.0]
        monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
        progress = Progress()
        one = progress.file("a", 1000)
        assert (progress.rate, progress.seconds_left) == (0, None)
        one.at(500, is_resumed=True)  # from an earlier run
        now[0] = 110.0
        one.at(600)
        assert (progress.elapsed, progress.rate, progress.seconds_left) == (10, 10, 40)

    def test_several_threads(self) -> None:
        progress = Progress()

        def work() -> None:
            for _ in range(200):
                with progress.file("a", 10) as one:
                    for offset in range(1, 11):
                        one.at(offset)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert self.numbers(progress) == (8000, 8000, 8000)
        assert progress.files_done == 800


class TestFunction:
    def test_is_told_what_is_confirmed(self) -> None:
        seen: list[tuple[int, int]] = []
        progress = CallbackProgress(lambda *numbers: seen.append(numbers))
        one = progress.file("a", 100)
        one.at(40, is_confirmed=False)
        one.at(40)
        one.at(0)  # started again
        one.at(40)
        one.at(100)
        one.finish()
        assert seen == [(40, 100), (100, 100)]


class TestBar:
    def test_one_file(self, terminal: Terminal) -> None:
        with show_progress(True) as progress, progress.file("cat.png", 2048) as one:
            one.at(2048)
        shown = terminal.getvalue()
        assert "cat.png: 100%" in shown
        assert "2.00k/2.00k" in shown
        assert "B/s" in shown
        assert shown.endswith("\n")

    def test_several_files(self, terminal: Terminal) -> None:
        with show_progress(True, "Uploading") as progress:
            progress.expect(30, files=3)
            with progress.file("a", 10) as one:
                one.at(10)
            progress.file("b", 10).finish(failed=True)
        shown = terminal.getvalue()
        assert "Uploading:" in shown
        assert "1/3 files, 1 failed" in shown

    def test_goes_back(self, terminal: Terminal) -> None:
        with show_progress(True) as progress:
            one = progress.file("a", 100)
            one.at(80)
            one.at(10)
            assert isinstance(progress, Bar)
            assert (progress._bar.n, progress._bar.total) == (10, 100)

    def test_name_is_one_line(self, terminal: Terminal) -> None:
        with show_progress(True) as progress:
            progress.file("two\nlines\x1b[31m", 1)
        assert "two?lines?[31m" in terminal.getvalue()


class TestChoice:
    def test_no_terminal(self, capsys: Any) -> None:
        with show_progress(None) as progress, progress.file("a", 10) as one:
            one.at(10)
        assert isinstance(progress, LiveProgress)
        assert capsys.readouterr() == ("", ""), "a line a minute"

    def test_nobody(self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal.plug_in()
        monkeypatch.setenv("SYNAPSE_PROGRESS", "off")
        assert type(progress_of(None)) is Progress

    def test_terminal(self, terminal: Terminal) -> None:
        terminal.plug_in()
        with show_progress(None) as progress:
            assert isinstance(progress, Bar)
            with progress.file("a", 10) as one:
                one.at(10)
        assert terminal.getvalue() == "", "what is over at once needs no bar"

    def test_terminal_after_a_while(
        self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        terminal.plug_in()
        monkeypatch.setattr(module, "_DELAY", 1e-9)
        with show_progress(None) as progress, progress.file("cat.png", 10) as one:
            one.at(10)
        assert "cat.png: 100%" in terminal.getvalue()

    def test_switched_off(self, terminal: Terminal) -> None:
        terminal.plug_in()
        assert type(progress_of(False)) is Progress
        assert terminal.getvalue() == ""

    def test_switched_on_without_terminal(self, capsys: Any) -> None:
        with show_progress(True) as progress:
            assert isinstance(progress, Bar)
        assert "0.00" in capsys.readouterr().err

    def test_not_installed(self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal.plug_in()
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
        assert isinstance(progress_of(None), LiveProgress), "lines, where no bar can be"
        with pytest.raises(ImportError, match="tqdm"):
            progress_of(True)

    @pytest.mark.parametrize("is_closed", [False, True])
    def test_no_standard_error(self, monkeypatch: pytest.MonkeyPatch, is_closed: bool) -> None:
        closed = io.StringIO()
        closed.close()
        monkeypatch.setattr(sys, "stderr", closed if is_closed else None)
        monkeypatch.setattr(live_output, "_MINUTE", 0.0)
        with show_progress(None) as progress, progress.file("a", 10) as one:
            one.at(10)
        assert progress.files_done == 1

    def test_ones_own_goes_on_after_the_call(self) -> None:
        class Own(Progress):
            is_closed = False

            def close(self) -> None:
                self.is_closed = True

        own = Own()
        with show_progress(own) as progress:
            assert progress is own
        assert not own.is_closed
        with own:
            pass
        assert own.is_closed


class TestRealTerminal:
    def test_is_one_line_that_is_written_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, 100, 0, 0))
        with os.fdopen(slave, "w", encoding="utf-8") as stderr:
            monkeypatch.setattr(sys, "stderr", stderr)
            monkeypatch.setattr(module, "_DELAY", 1e-9)
            with show_progress(None, "Upload") as progress:
                progress.expect(30, files=3)
                for name in "abc":
                    with progress.file(name, 10) as one:
                        one.at(10)
            stderr.flush()
            shown = os.read(master, 65536).decode()
        os.close(master)
        *_, last = shown.rstrip().split("\r")
        assert shown.count("\n") == 1
        assert re.match(r"Upload: 100%\|.*30\.0/30\.0 .*3/3 files\]", last)


class TestNotebook:
    def finish_all(self, argument: Any) -> None:
        with show_progress(argument, "Upload") as progress:
            progress.expect(3_000_000, files=3)
            for name in "abc":
                with progress.file(name, 1_000_000) as one:
                    one.at(1_000_000)

    def test_one_output_is_updated(
        self, notebook: FakeNotebook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_DELAY", 0.0)

        self.finish_all(None)

        assert len(notebook.outputs) == 1
        (text,) = notebook.texts
        assert re.fullmatch(r"Upload: done, 3 of 3 files, 3\.0 MB, [\d.]+ s \([\d,.]+ MB/s\)", text)

    def test_short_transfers_show_nothing_by_themselves(self, notebook: FakeNotebook) -> None:
        self.finish_all(None)
        assert notebook.outputs == {}

        self.finish_all(True)
        assert len(notebook.outputs) == 1

    def test_failures_stay(self, notebook: FakeNotebook) -> None:
        with show_progress(True, "Upload") as progress:
            progress.expect(20, files=2)
            progress.file("a", 10).finish()
            progress.file("b", 10).finish(failed=True)

        (text,) = notebook.texts
        assert "1 of 2 files, 1 failed" in text
        assert text.endswith("the report names the failed files")

    @pytest.mark.parametrize(
        ("kind", "outcome"), [(ValueError, "failed"), (KeyboardInterrupt, "stopped")]
    )
    def test_the_end_is_seen(
        self, notebook: FakeNotebook, kind: type[BaseException], outcome: str
    ) -> None:
        def send() -> None:
            with show_progress(True) as progress:
                progress.file("cat.png", 10).at(5)
                raise kind

        with pytest.raises(kind):
            send()

        assert notebook.texts[0].startswith(f"cat.png: {outcome}, 0.0 of 0.0 MB")

    def test_progress_off(self, notebook: FakeNotebook) -> None:
        self.finish_all(False)
        assert notebook.outputs == {}


class TestLines:
    def test_one_a_minute_and_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now, lines = [0.0], list[str]()
        monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
        output = live_output.MinuteLines(lambda: now[0], lines.append)
        progress = LiveProgress(output, "Upload")
        progress.expect(200_000_000, files=100)
        for number in range(100):
            now[0] += 2
            progress.file(f"{number}", 2_000_000).at(2_000_000)
        progress.outcome = "done"
        progress.close()
        progress.close()

        assert lines == [
            (
                "Upload: running, 0 of 100 files, 60.0 of 200.0 MB, 1 min 0 s (1.0 MB/s), "
                "about 2 min 20 s left"
            ),
            (
                "Upload: running, 0 of 100 files, 120.0 of 200.0 MB, 2 min 0 s (1.0 MB/s), "
                "about 1 min 20 s left"
            ),
            (
                "Upload: running, 0 of 100 files, 180.0 of 200.0 MB, 3 min 0 s (1.0 MB/s), "
                "about 20 s left"
            ),
            "Upload: done, 0 of 100 files, 200.0 MB, 3 min 20 s (1.0 MB/s)",
        ]


class TestStop:
    def test_says_what_is_done(self) -> None:
        progress = Progress()
        assert describe_stop(progress, "Again.") == "Stopped. Again."
        one = progress.file("a", 3_000_000)
        one.at(2_000_000)
        one.at(2_500_000, is_confirmed=False)
        assert describe_stop(progress, "Again.") == "Stopped: 2.0 of 3.0 MB done. Again."
        progress.file("b", 1).finish()
        assert describe_stop(progress, "Again.") == "Stopped: 1 of 2 done. Again."


def test_is_not_loaded_where_nothing_is_shown() -> None:
    script = (
        "import sys; from synapse.transfer.progress import show_progress\n"
        "with show_progress(None): pass\n"
        "print('tqdm' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout == "False\n"
