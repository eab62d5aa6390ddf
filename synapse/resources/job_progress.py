"""Show the progress of jobs: a bar on a terminal, an output of a notebook, or a line a minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from synapse._internal.audience import Audience, find_audience, in_notebook
from synapse._internal.deprecation import warn_deprecated
from synapse._internal.described import Description, Meter
from synapse._internal.live_output import LiveOutput, describe_seconds, open_output
from synapse.resources.enums import JobStatus
from synapse.transfer.progress import (
    Bar,
    FileProgress,
    LiveProgress,
    Progress,
    ProgressArgument,
    progress_of,
)

if TYPE_CHECKING:
    from synapse.resources.jobs import Job

__all__ = [
    "JobBar",
    "JobProgressDisplay",
    "LiveJobs",
    "describe_jobs",
    "describe_next",
    "describe_state",
    "in_notebook",
]

# Seconds before a bar appears that the user didn't ask for.
_DELAY = 0.5
_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}"


class JobBar(Bar):
    """A bar by `tqdm` for several jobs, each a hundred percent.

    Args:
        description: Text before the bar.
        jobs: Number of jobs, which a notebook's bar needs from the beginning.
        **options: Other options of `tqdm`.

    Raises:
        ImportError: `tqdm` isn't installed.
    """

    def __init__(self, description: str, jobs: int = 1, **options: Any) -> None:
        self._text = ""
        settings = {
            "total": 100 * jobs,
            "unit": "%",
            "unit_scale": False,
            "bar_format": _FORMAT,
            **options,
        }
        super().__init__(description, **settings)
        self._delay = float(options.get("delay", 0.0))

    def says(self, text: str) -> None:
        """Deprecated name of `show_states`."""
        warn_deprecated("JobBar.says", since="0.2", removed_in="1.0", instead="show_states")
        self.show_states(text)

    def show_states(self, text: str) -> None:
        """Show the jobs' states and the passing time.

        Args:
            text: Text behind the bar.
        """
        self._text = text
        self.changed()

    def changed(self) -> None:
        """Move the bar."""
        bar = self._bar
        bar.n = max(bar.n, self.done)  # a failed job doesn't move the bar back
        bar.set_postfix_str(self._text, refresh=False)
        if self.elapsed >= self._delay:
            # tqdm takes a bar with a delay for invisible, and ends its line only without one.
            bar.delay = 0
            bar.refresh()


class LiveJobs(LiveProgress):
    """Jobs that are waited for, in one output of a notebook or as one line a minute.

    Args:
        jobs: The jobs.
        output: Place that shows the jobs.
    """

    def __init__(self, jobs: Sequence[Job], output: LiveOutput) -> None:
        super().__init__(output)
        self._jobs = jobs

    def changed(self) -> None:
        """Show nothing: a display of jobs is updated after each poll."""

    def show_states(self) -> None:
        """Show the jobs' last known states. Makes no request."""
        self._output.update(self)

    def close(self) -> None:
        """Leave the last states."""
        states = [describe_state(job) for job in self._jobs]
        is_over = all(job.is_finished for job in self._jobs)
        self.outcome = states[0] if len(states) == 1 else "ended" if is_over else "running"
        super().close()

    def _read(self) -> list[tuple[str, str]]:
        """Return the states, the time and the next step as texts."""
        fields = []
        if len(self._jobs) == 1:
            (job,) = self._jobs
            if job._percent is not None and not job.is_finished:
                fields.append(("progress", f"{job._percent:.0f} % done"))
            fields.append(("time", f"{describe_seconds(_find_duration(job, self.elapsed))}"))
        else:
            counts = Counter(map(describe_state, self._jobs))
            texts = [f"{count:,} {state}" for state, count in counts.items()]
            fields.append(("jobs", ", ".join(texts)))
            fields.append(("time", f"waited for {describe_seconds(self.elapsed)}"))
        if self._ended is not None:
            fields.append(("next", describe_next(self._jobs)))
        return fields

    def _describe(self) -> Description:
        share = self.done / max(self.size, 1)
        meters = [Meter("progress", share, f"{share:.0%}")] if self._ended is None else []
        outcome = describe_state(self._jobs[0]) if len(self._jobs) == 1 else self.outcome
        return Description(self._title, status=outcome, fields=self._read(), meters=meters)

    def __str__(self) -> str:
        texts = [text for _, text in self._read()]
        if len(self._jobs) == 1:
            texts.insert(0, describe_state(self._jobs[0]))
        return f"{self._title}: {', '.join(texts)}"

    @property
    def _title(self) -> str:
        # The response that started the job may lack the action.
        action = self._jobs[0]._raw.get("action") if len(self._jobs) == 1 else None
        return describe_jobs(self._jobs) + (f" ({action})" if action else "")


class JobProgressDisplay:
    """The display for jobs that are waited for.

    Args:
        jobs: The jobs.
        argument: The user's `progress` argument, see `Job.wait`.
    """

    def __init__(self, jobs: Sequence[Job], argument: ProgressArgument) -> None:
        self._progress = _create_progress(argument, jobs)
        self._is_ours = self._progress is not argument
        self._progress.expect(100 * len(jobs), files=len(jobs))
        self._parts: list[tuple[Job, FileProgress]] = [
            (job, self._progress.file(job._label(), 100)) for job in jobs
        ]

    def update(self) -> None:
        """Show the jobs' last known states. Makes no request."""
        states: Counter[str] = Counter()
        for job, part in self._parts:
            state = job._state
            states[describe_state(job)] += 1
            if state is JobStatus.SUCCEEDED:
                part.at(100)
                part.finish()
            else:
                part.at(min(100, max(0, int(job._percent or 0))))
                if isinstance(state, JobStatus) and state.is_final:
                    part.finish(failed=True)
        if isinstance(self._progress, JobBar):
            is_single = len(self._parts) == 1
            texts = states if is_single else [f"{count} {state}" for state, count in states.items()]
            self._progress.show_states(", ".join(texts))
        elif isinstance(self._progress, LiveJobs):
            self._progress.show_states()

    def close(self) -> None:
        """End the display, unless the user owns the display."""
        if self._is_ours:
            self._progress.close()


def describe_jobs(jobs: Sequence[Job]) -> str:
    """Return a short name of one job, or the number of several. Makes no request."""
    return jobs[0]._label()[:12] if len(jobs) == 1 else f"{len(jobs):,} jobs"


def describe_state(job: Job) -> str:
    """Return the last known state in a word. Makes no request."""
    # The response that starts a job may lack the state.
    return "started" if job._raw.get("status") is None else str(job._state)


def describe_next(jobs: Sequence[Job]) -> str:
    """Return where to look, or what to call, after the waiting. Makes no request."""
    running = [job for job in jobs if not job.is_finished]
    failed = [job for job in jobs if job.is_finished and job._state is not JobStatus.SUCCEEDED]
    job = (running or failed or list(jobs))[0]
    call = f"session.jobs.get({job._key!r})"
    if running:
        return f"{call}.wait()" if len(jobs) == 1 else "session.jobs.wait(jobs)"
    return f"{call}.logs()" if failed else f"{call}.result"


def _find_duration(job: Job, elapsed: float) -> float:
    """Return the seconds from the job's start to its end, if known; else those of the waiting."""
    names = ("created", "completed")
    if not all(job._raw.get(name) for name in names):
        return elapsed
    start, end = (getattr(job, name) for name in names)
    try:
        return max(0.0, float((end - start).total_seconds()))
    except (AttributeError, TypeError):  # the server's spelling of a time is unknown
        return elapsed


def _create_progress(argument: ProgressArgument, jobs: Sequence[Job]) -> Progress:
    if argument is not True and argument is not None:
        return progress_of(argument)
    if not jobs:
        return Progress()
    audience = find_audience()
    if audience is Audience.TERMINAL:
        try:
            return JobBar(describe_jobs(jobs), len(jobs), delay=_DELAY)
        except ImportError:
            pass
    output = open_output(_DELAY, audience=audience)
    return Progress() if output is None else LiveJobs(jobs, output)
