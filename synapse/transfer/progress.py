"""Count the progress of a transfer, and display the numbers.

One `Progress` counts any number of files, sent by several threads, including files that are not
known at the start. `Bar` shows a bar on a terminal, if `tqdm` is installed; `LiveProgress` shows
the numbers in a notebook, or a line a minute where nobody looks; a callback can be called instead.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from synapse._internal.audience import Audience, find_audience, in_notebook
from synapse._internal.closing import Closing
from synapse._internal.described import Description, Meter
from synapse._internal.live_output import (
    CellOutput,
    ChangingView,
    LiveOutput,
    describe_seconds,
    open_output,
)

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "GOES_ON",
    "Bar",
    "Callback",
    "CallbackProgress",
    "FileProgress",
    "LiveProgress",
    "Progress",
    "ProgressArgument",
    "describe_stop",
    "progress_of",
    "show_progress",
]

Callback: TypeAlias = Callable[[int, int], Any]
"""Function called with the finished bytes and all bytes."""

GOES_ON = "The same call goes on."
"""Advice after Ctrl-C, where the next call does only the rest."""

# Seconds before a bar appears that the user hasn't requested.
_DELAY = 0.5


class Progress(Closing):
    """Count the progress of a transfer, without a display.

    A subclass displays the progress by overriding `began`, `changed` and `close`. All methods are
    thread-safe; `changed` is called by one thread at a time.

    Attributes:
        size: Expected bytes of all files, as far as known; may grow.
        done: Finished bytes; falls when bytes are sent again.
        confirmed: Bytes that the receiver has confirmed.
        files: Expected files, as far as known; may grow.
        files_done: Finished files.
        files_failed: Failed files.
        error: Exception of the display, which ends even a transfer that collects failures.

    Example:
        >>> progress = Progress()
        >>> progress.expect(300, files=2)
        >>> with progress.file("cat.png", 100) as file:
        ...     file.at(100)
        >>> progress.done, progress.size, progress.files_done, progress.files
        (100, 300, 1, 2)
    """

    def __init__(self) -> None:
        self.size = 0
        self.done = 0
        self.confirmed = 0
        self.files = 0
        self.files_done = 0
        self.files_failed = 0
        self.error: BaseException | None = None
        self._has_expectation = False
        self._resumed = 0
        self._started = time.monotonic()
        self._lock = threading.RLock()

    def expect(self, size: int = 0, *, files: int = 1) -> None:
        """Add expected files to the total, instead of `file`.

        Args:
            size: Bytes of the files together.
            files: Number of files.
        """
        with self._lock:
            self._has_expectation = True
            self.size += size
            self.files += files
            self.tell(self.changed)

    def file(self, name: str, size: int) -> FileProgress:
        """Begin a file.

        Args:
            name: Name of the file.
            size: Size of the file in bytes.

        Returns:
            A context manager with the progress of the file, which finishes the file at the end.
        """
        with self._lock:
            if not self._has_expectation:
                self.files += 1
                self.size += size
            file = FileProgress(self, name, size)
            self.tell(self.began, file)
        return file

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    @property
    def rate(self) -> float:
        """Bytes per second so far, without resumed bytes."""
        return max(0, self.done - self._resumed) / max(self.elapsed, 1e-6)

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest takes at this rate; `None` if unknown."""
        rate = self.rate
        return max(0, self.size - self.done) / rate if rate > 0 else None

    def tell(self, show: Callable[..., None], *files: FileProgress) -> None:
        """Call a method of the display, and store the exception."""
        try:
            show(*files)
        except BaseException as error:
            self.error = error
            raise

    def began(self, file: FileProgress) -> None:
        """Display that a file began; does nothing here."""

    def changed(self) -> None:
        """Display changed numbers; does nothing here."""

    def close(self) -> None:
        """End the display; does nothing here."""


class FileProgress:
    """Progress of one file, created by `Progress.file`.

    Attributes:
        name: Name of the file.
        size: Size of the file in bytes.
        done: Finished bytes.
        confirmed: Bytes that the receiver has confirmed.
    """

    def __init__(self, whole: Progress, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self.done = 0
        self.confirmed = 0
        self._whole = whole
        self._is_finished = False

    def at(self, offset: int, *, is_confirmed: bool = True, is_resumed: bool = False) -> None:
        """Set the number of finished bytes.

        Args:
            offset: Finished bytes; fewer than before when bytes are sent again.
            is_confirmed: Whether the receiver has confirmed the bytes.
            is_resumed: Whether an earlier run transferred the bytes.
        """
        whole = self._whole
        with whole._lock:
            whole.done += offset - self.done
            if is_resumed:
                whole._resumed += max(0, offset - self.done)
            self.done = offset
            if is_confirmed:
                whole.confirmed += offset - self.confirmed
                self.confirmed = offset
            whole.tell(whole.changed)

    def expect(self, size: int) -> None:
        """Set the size of a file whose size was unknown at first.

        Args:
            size: Size of the file in bytes.
        """
        whole = self._whole
        with whole._lock:
            if not self._is_finished and size != self.size:
                whole.size += size - self.size
                self.size = size
                whole.tell(whole.changed)

    def finish(self, *, failed: bool = False) -> None:
        """Finish the file; further calls change nothing.

        Args:
            failed: Whether the transfer failed; the finished bytes then don't count.
        """
        whole = self._whole
        with whole._lock:
            if self._is_finished:
                return
            self._is_finished = True
            if failed:
                whole.files_failed += 1
                whole.done -= self.done
                whole.confirmed -= self.confirmed
                whole.size -= self.size
            else:
                whole.files_done += 1
            whole.tell(whole.changed)

    def interrupt(self) -> None:
        """End the file without a result, as after Ctrl-C: neither finished nor failed."""
        with self._whole._lock:
            self._is_finished = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or issubclass(kind, Exception):
            self.finish(failed=kind is not None)
        else:
            self.interrupt()


class CallbackProgress(Progress):
    """Call a function with the confirmed bytes and all bytes.

    Args:
        callback: Function called after each change, by one thread at a time.
    """

    def __init__(self, callback: Callback) -> None:
        super().__init__()
        self._callback = callback
        self._reported = 0

    def changed(self) -> None:
        """Call the function if more bytes are confirmed than before."""
        if self.confirmed > self._reported:
            self._reported = self.confirmed
            self._callback(self.confirmed, self.size)


class Bar(Progress):
    """Show bytes, files, rate and time left in a `tqdm` bar.

    Args:
        description: Text before the bar; by default the name of the first file.
        **options: Further options of `tqdm`.

    Raises:
        ImportError: `tqdm` isn't installed.
    """

    def __init__(self, description: str | None = None, **options: Any) -> None:
        super().__init__()
        from tqdm.auto import tqdm  # an optional dependency

        settings = {"total": 0, "unit": "B", "unit_scale": True, "unit_divisor": 1024, **options}
        self._bar = tqdm(desc=description, dynamic_ncols=True, **settings)
        self._is_named = description is not None

    def began(self, file: FileProgress) -> None:
        """Name the bar after the first file, unless the bar has a name."""
        if not self._is_named:
            self._is_named = True
            self._bar.set_description_str(_shorten_name(file.name), refresh=False)

    def changed(self) -> None:
        """Move the bar; `tqdm` draws at most ten times a second."""
        bar = self._bar
        bar.total = max(self.size, self.done)
        if self.files > 1:
            failed = f", {self.files_failed} failed" if self.files_failed else ""
            text = f"{self.files_done}/{self.files} files{failed}"
            bar.set_postfix_str(text, refresh=False)
        bar.update(self.done - bar.n)

    def close(self) -> None:
        """Leave the bar on the screen."""
        self._bar.close()


class LiveProgress(ChangingView, Progress):
    """Show the numbers in one output of a notebook, or as one line a minute.

    Args:
        output: Place that shows the numbers.
        description: Text before the numbers; by default the name of the first file.
    """

    def __init__(self, output: LiveOutput, description: str | None = None) -> None:
        super().__init__()
        self._output = output
        self._description = description
        self._ended: float | None = None

    def began(self, file: FileProgress) -> None:
        """Name the display after the first file, unless the display has a name."""
        if self._description is None:
            self._description = _shorten_name(file.name)

    def changed(self) -> None:
        """Show the numbers."""
        self._output.update(self)

    def close(self) -> None:
        """Leave the last state."""
        if self._ended is None:
            self._ended = self.elapsed
            self._output.finish(self)

    def __str__(self) -> str:
        fields = ", ".join(text for _, text in self._read())
        return f"{self._description or 'Transfer'}: {self.outcome}, {fields}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"

    def _read(self) -> list[tuple[str, str]]:
        """Return the numbers as texts."""
        fields = []
        if self.files > 1:
            failed = f", {self.files_failed:,} failed" if self.files_failed else ""
            fields.append(("files", f"{self.files_done:,} of {self.files:,} files{failed}"))
        fields.append(("size", _describe_size(self.done, self.size)))
        seconds = self.elapsed if self._ended is None else self._ended
        rate = max(0, self.done - self._resumed) / max(seconds, 1e-6)
        fields.append(("time", f"{describe_seconds(seconds)} ({rate / 1e6:,.1f} MB/s)"))
        if self._ended is None and self.seconds_left is not None:
            fields.append(("left", f"about {describe_seconds(self.seconds_left)} left"))
        if self._ended is not None and self.files > 1 and self.files_failed:
            fields.append(("next", "the report names the failed files"))
        return fields

    def _describe(self) -> Description:
        share = min(self.done / self.size, 1.0) if self.size > 0 else 0.0
        meters = [] if self.outcome == "done" else [Meter("progress", share, f"{share:.0%}")]
        title = self._description or "Transfer"
        return Description(title, status=self.outcome, fields=self._read(), meters=meters)


ProgressArgument: TypeAlias = "Progress | Callback | bool | None"
"""Values that methods accept as `progress`.

`None` for a bar on a terminal or in a notebook after half a second, and a line a minute elsewhere;
`True` for a bar in any case; `False` for no display; a function; or a `Progress`, which stays open
after the call. The environment variable `SYNAPSE_PROGRESS` may be `lines` for lines everywhere, or
`off` for nothing; an argument other than `None` has precedence.
"""


def progress_of(progress: ProgressArgument, description: str | None = None) -> Progress:
    """Return the `Progress` for an argument. Makes no request.

    Args:
        progress: The user's argument.
        description: Text before a bar.

    Returns:
        The user's own `Progress`, or a new one, which the caller closes.

    Raises:
        ImportError: The argument is `True` outside a notebook, and `tqdm` isn't installed.
        ConfigurationError: The environment variable `SYNAPSE_PROGRESS` is malformed.
    """
    if isinstance(progress, Progress):
        return progress
    if callable(progress):
        return CallbackProgress(progress)
    if progress is True:
        return LiveProgress(CellOutput(0), description) if in_notebook() else Bar(description)
    if progress is None:
        audience = find_audience()
        if audience is Audience.TERMINAL:
            try:
                return Bar(description, delay=_DELAY)
            except ImportError:
                pass
        output = open_output(_DELAY, audience=audience)
        if output is not None:
            return LiveProgress(output, description)
    return Progress()


@contextmanager
def show_progress(argument: ProgressArgument, description: str | None = None) -> Iterator[Progress]:
    """Display a transfer while the block runs. Makes no request.

    Args:
        argument: The user's argument, see `progress_of`. A `Progress` isn't closed at the end.
        description: Text before a bar.
    """
    progress = progress_of(argument, description)
    outcome = "done"
    try:
        yield progress
    except Exception:
        outcome = "failed"
        raise
    except BaseException:
        outcome = "stopped"
        raise
    finally:
        if progress is not argument:
            if isinstance(progress, LiveProgress):
                progress.outcome = outcome
            progress.close()


def describe_stop(progress: Progress, advice: str) -> str:
    """Return the message after Ctrl-C: the numbers of a transfer, and how to go on.

    Example:
        >>> progress = Progress()
        >>> progress.expect(300, files=3)
        >>> progress.file("cat.png", 100).finish()
        >>> describe_stop(progress, "The same call goes on.")
        'Stopped: 1 of 3 done. The same call goes on.'
    """
    if progress.files > 1:
        done = f": {progress.files_done:,} of {progress.files:,} done"
    elif progress.size > 0:
        done = f": {_describe_size(progress.confirmed, progress.size)} done"
    else:
        done = ""
    return f"Stopped{done}. {advice}"


def _describe_size(done: int, size: int) -> str:
    if done == size:
        return f"{size / 1e6:,.1f} MB"
    return f"{done / 1e6:,.1f} of {size / 1e6:,.1f} MB"


def _shorten_name(name: str) -> str:
    """Return a name that fits into one line of a terminal."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in name)
    return printable if len(printable) <= 40 else f"{printable[:20]}…{printable[-19:]}"
