"""Follow a job's output: line by line, or shown until the job has ended."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from synapse._internal.audience import Audience, find_audience, in_notebook
from synapse._internal.described import Described, Description, cut
from synapse._internal.interrupts import explain_interrupt
from synapse._internal.live_output import (
    CellOutput,
    ChangingView,
    LiveOutput,
    describe_seconds,
)
from synapse.resources.job_progress import describe_next, describe_state
from synapse.transport.line_follower import follow
from synapse.transport.stream_limits import StreamLimits, StreamMeter

if TYPE_CHECKING:
    from synapse.resources.jobs import Job

__all__ = ["JobFollower"]

# Lines that a notebook keeps, and letters of a line.
_MOST_LINES = 20
_LONGEST_LINE = 300


class JobFollower(Described, Iterator[str]):
    """The output of a job, as an iterator of lines, made by `Job.follow`.

    As the last line of a notebook's cell, the object shows the last lines in one output until the
    job has ended.

    Args:
        job: The job.
        limits: Limits of the following; the defaults if `None`.
        patience: Seconds for which the server may be unreachable at a time.
        shows_state: Whether a notebook shows the state during an iteration.
    """

    def __init__(
        self,
        job: Job,
        limits: StreamLimits | None = None,
        patience: float = 60.0,
        *,
        shows_state: bool = True,
    ) -> None:
        self._view = _FollowedJob(job, has_output=shows_state)
        self._lines = _follow(self._view, limits or StreamLimits(), patience)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._lines)

    def close(self) -> None:
        """End the following; the job goes on."""
        self._lines.close()

    def show(self) -> None:
        """Show the output until the job has ended, and return nothing.

        A notebook shows the last twenty lines, and the state, in one output. Elsewhere, each line
        is printed. Makes the requests of an iteration.

        Raises:
            StreamLimitExceeded: The output passes the limits.
            NotFound: No such job exists.
            ClientError: The server refused, or couldn't be reached for too long.

        Example:
            >>> job = session.plugins.create(name="Detector").run("train")
            >>> job.update(status="succeeded", console_logs=["epoch 1"]).follow().show()
            epoch 1
        """
        if in_notebook():
            self._view.shows_lines = True
            for _ in self:
                pass
        else:
            for line in self:
                print(line, flush=True)  # noqa: T201 # the method prints

    def _ipython_display_(self) -> None:
        self.show()

    def _describe(self) -> Description:
        return self._view._describe()

    def __repr__(self) -> str:
        return f"<JobFollower of {self._view.job._label()}: {self._view.outcome}>"


class _FollowedJob(ChangingView):
    """State of a following. A notebook's cell keeps the view, and must not keep the connection."""

    def __init__(self, job: Job, *, has_output: bool) -> None:
        self.outcome = "not read yet"
        self.job = job
        self.has_output = has_output
        self.shows_lines = False
        self.count = 0
        self.last: deque[str] = deque(maxlen=_MOST_LINES)
        self.started = time.monotonic()
        self.ended: float | None = None

    def open_output(self) -> LiveOutput:
        """Return the notebook's output; one that shows nothing elsewhere."""
        if self.shows_lines:  # requested, so also for an end that comes at once
            return CellOutput(0)
        if self.has_output and find_audience() is Audience.NOTEBOOK:
            return CellOutput()
        # Between the lines of a script, a second voice would disturb.
        return LiveOutput()

    def describe_stop(self) -> str:
        """Return the message after Ctrl-C."""
        return (
            f"Stopped following. {self.job._label()} goes on: "
            f"session.jobs.get({self.job._key!r}).follow() begins with the first line again, "
            ".wait() waits for the end."
        )

    def _read(self) -> list[tuple[str, str]]:
        """Return the numbers as texts."""
        end = time.monotonic() if self.ended is None else self.ended
        fields = [
            ("lines", f"{self.count:,} line{'' if self.count == 1 else 's'}"),
            ("time", f"followed for {describe_seconds(end - self.started)}"),
        ]
        if self.ended is not None:
            fields.append(("next", describe_next([self.job])))
        return fields

    def _describe(self) -> Description:
        notes = []
        if self.shows_lines and self.count > len(self.last):
            notes.append(f"The last {len(self.last)} of {self.count:,} lines. job.logs() has all.")
        return Description(
            self.job._label(),
            status=self.outcome,
            fields=self._read(),
            output=list(self.last) if self.shows_lines else (),
            notes=notes,
        )

    def __str__(self) -> str:
        texts = [self.outcome, *(text for _, text in self._read())]
        text = f"{self.job._label()}: {', '.join(texts)}"
        return "\n".join([text, *self.last]) if self.shows_lines else text


def _follow(
    view: _FollowedJob, limits: StreamLimits, patience: float
) -> Generator[str, None, None]:
    """Yield the lines, and keep the view up to date."""
    job, output = view.job, view.open_output()
    label, transport = job._label(), job._session.transport
    path = type(job).__schema__.detail_path(job._key, "tail_console_logs/")
    view.outcome, view.started = "running", time.monotonic()
    lines = follow(
        lambda start: transport.lines_from(start, path, resource=label),
        lambda: job.refresh().is_finished,
        meter=StreamMeter(limits, label),
        patience=patience,
        resource=label,
    )
    try:
        while True:
            with explain_interrupt(view.describe_stop):
                line = next(lines, None)
            if line is None:
                break
            view.count += 1
            view.last.append(cut(line, _LONGEST_LINE))
            output.update(view)
            yield line
        view.outcome = describe_state(job)
    except GeneratorExit:
        view.outcome = "not followed to the end"
        raise
    except KeyboardInterrupt:
        view.outcome = "stopped following"
        raise
    except BaseException:
        view.outcome = "following failed"
        raise
    finally:
        view.ended = time.monotonic()
        output.finish(view)
