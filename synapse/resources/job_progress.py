"""Show the progress of jobs: one bar on a terminal or in a notebook."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from synapse._internal.deprecation import warn_deprecated
from synapse.resources.enums import JobStatus
from synapse.transfer.progress import Bar, FileProgress, Progress, ProgressArgument, progress_of

if TYPE_CHECKING:
    from synapse.resources.jobs import Job

__all__ = ["JobBar", "JobProgressDisplay", "in_notebook"]

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
            bar.refresh()


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
            states[str(state)] += 1
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

    def close(self) -> None:
        """End the display, unless the user owns the display."""
        if self._is_ours:
            self._progress.close()


def _create_progress(argument: ProgressArgument, jobs: Sequence[Job]) -> Progress:
    if argument is not True and argument is not None:
        return progress_of(argument)
    if not jobs or not (in_notebook() or _is_terminal()):
        return Progress()
    description = jobs[0]._label()[:12] if len(jobs) == 1 else f"{len(jobs)} jobs"
    try:
        return JobBar(description, len(jobs), delay=_DELAY)
    except ImportError:
        return Progress()


def in_notebook() -> bool:
    """Return whether this process is a notebook's kernel, which shows bars without a terminal.

    Makes no request.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return "IPKernelApp" in getattr(shell, "config", ())


def _is_terminal() -> bool:
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:  # it was closed
        return False
