"""Progress of a transfer: numbers, bar and callback."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import threading
from typing import Any

import pytest

from synapse.transfer import progress as module
from synapse.transfer.bulk.pipeline import PipelineStopped
from synapse.transfer.progress import Bar, CallbackProgress, Progress, progress_of, show_progress


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
        assert type(progress_of(None)) is Progress
        assert capsys.readouterr() == ("", "")

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
        assert type(progress_of(None)) is Progress
        with pytest.raises(ImportError, match="tqdm"):
            progress_of(True)

    @pytest.mark.parametrize("is_closed", [False, True])
    def test_no_standard_error(self, monkeypatch: pytest.MonkeyPatch, is_closed: bool) -> None:
        closed = io.StringIO()
        closed.close()
        monkeypatch.setattr(sys, "stderr", closed if is_closed else None)
        assert type(progress_of(None)) is Progress

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
