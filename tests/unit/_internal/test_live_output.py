"""Outputs that change."""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any

import pytest

from synapse._internal import live_output
from synapse._internal.audience import Audience
from synapse._internal.described import Description
from synapse._internal.live_output import (
    CellOutput,
    ChangingView,
    LiveOutput,
    MinuteLines,
    open_output,
    write_line,
)
from unit.conftest import FakeNotebook


class View(ChangingView):
    """A view with a name."""

    def __init__(self, name: str = "cat.png", outcome: str = "running") -> None:
        self.name = name
        self.outcome = outcome

    def __str__(self) -> str:
        return f"{self.name}: {self.outcome}"

    def _describe(self) -> Description:
        return Description(self.name, status=self.outcome)


def finish(output: LiveOutput, name: str, outcome: str = "done") -> None:
    output.update(View(name))
    output.finish(View(name, outcome))


class TestMinuteLines:
    def test_one_line_a_minute(self) -> None:
        now, lines = [0.0], list[str]()
        output = MinuteLines(lambda: now[0], lines.append)
        for second in range(150):
            now[0] = float(second)
            output.update(View(str(second)))
        output.finish(View("150", "done"))

        assert lines == ["60: running", "120: running", "150: done"]

    def test_less_than_a_minute_is_silent(self) -> None:
        lines: list[str] = []
        finish(MinuteLines(lambda: 59.0, lines.append), "a")

        assert lines == []


class TestWriteLine:
    def test_goes_to_standard_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        write_line("Upload: 50 % done")

        assert capsys.readouterr() == ("", "Upload: 50 % done\n")

    def test_goes_to_the_log_where_info_is_logged(
        self, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "synapse.progress"):
            write_line("50 % done")

        assert caplog.messages == ["50 % done"]
        assert capsys.readouterr() == ("", "")

    @pytest.mark.parametrize("name", ["synapse", "synapse.progress"])
    def test_a_level_turns_the_lines_off(
        self, name: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING, name):
            write_line("50 % done")

        assert caplog.messages == []
        assert capsys.readouterr() == ("", "")

    @pytest.mark.parametrize("is_closed", [True, False])
    def test_without_standard_error(
        self, monkeypatch: pytest.MonkeyPatch, is_closed: bool, tmp_path: Any
    ) -> None:
        with (tmp_path / "closed").open("w") as closed:
            pass
        monkeypatch.setattr(sys, "stderr", closed if is_closed else None)

        write_line("50 % done")


class TestCell:
    def test_one_output_for_all_with_a_bounded_size(self, notebook: FakeNotebook) -> None:
        for number in range(500):
            finish(CellOutput(0), f"{number}.png", "failed" if number == 3 else "done")

        (bundle,) = notebook.outputs.values()
        assert bundle["text/plain"].splitlines() == [
            "… and 495 earlier: 494 done, 1 failed.",
            *(f"{number}.png: done" for number in range(495, 500)),
        ]
        assert len(bundle["text/html"]) < 5_000

    def test_each_cell_has_its_own(self, notebook: FakeNotebook) -> None:
        finish(CellOutput(0), "a")
        notebook.run_cell()
        finish(CellOutput(0), "b")

        assert notebook.texts == ["a: done", "b: done"]

    def test_running_ones_are_bounded_too(self, notebook: FakeNotebook) -> None:
        outputs = [CellOutput(0) for _ in range(12)]
        for number, output in enumerate(outputs):
            output.update(View(str(number)))

        (text,) = notebook.texts
        assert text.splitlines()[-2:] == ["7: running", "… and 4 more running."]
        for output in outputs:
            output.finish(View("a", "done"))
        assert notebook.texts[0].startswith("… and 7 earlier: 7 done.\na: done")

    def test_updates_are_at_most_four_a_second(self, notebook: FakeNotebook) -> None:
        now = [0.0]
        output = CellOutput(0.5, lambda: now[0])
        for tick in range(101):
            now[0] = tick / 100
            output.update(View())
        assert notebook.updates == 3

        output.finish(View(outcome="done"))
        assert notebook.texts == ["cat.png: done"]

    def test_what_is_short_is_not_shown(self, notebook: FakeNotebook) -> None:
        finish(CellOutput(0.5, lambda: 0.0), "a")

        assert notebook.outputs == {}

    def test_other_threads_update_the_same_output(self, notebook: FakeNotebook) -> None:
        output = CellOutput(0)
        thread = threading.Thread(target=output.update, args=(View(),))
        thread.start()
        thread.join()
        output.finish(View(outcome="done"))

        assert notebook.texts == ["cat.png: done"]

    def test_a_broken_frontend_does_not_end_the_work(
        self, notebook: FakeNotebook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise OSError("The frontend is gone")

        monkeypatch.setattr(sys.modules["IPython.display"], "publish_display_data", fail)

        finish(CellOutput(0), "a")

    def test_names_are_escaped(self, notebook: FakeNotebook) -> None:
        finish(CellOutput(0), "<script>")

        (bundle,) = notebook.outputs.values()
        assert "<script>" not in bundle["text/html"]


def test_the_audience_has_its_output(notebook: FakeNotebook) -> None:
    assert isinstance(open_output(), CellOutput)
    assert isinstance(open_output(audience=Audience.LOG), MinuteLines)
    assert open_output(audience=Audience.NOBODY) is None
    assert live_output.describe_seconds(59.6) == "1 min 0 s"
