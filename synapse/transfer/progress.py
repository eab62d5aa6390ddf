"""Progress of transfers: counted in one place, displayed in one of several ways.

One `Progress` may count many files that several threads send, not all of them known yet. A bar
appears on a terminal, if `tqdm` is installed; a function can be called instead.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "Bar",
    "Callback",
    "Calling",
    "FileProgress",
    "Progress",
    "ProgressArgument",
    "progress_of",
    "showing",
]

Callback: TypeAlias = Callable[[int, int], Any]
"""Called with the bytes that are done and the bytes that there are."""


# Seconds that pass before a bar is shown to somebody who hasn't asked for one.
_DELAY = 0.5


class Progress:
    """Counts a transfer's progress; this class displays nothing.

    Subclasses display by overriding `changed` and `close`. All methods may be used from several
    threads; one thread at a time calls `changed`.

    Attributes:
        size: Expected bytes, as far as known; may grow.
        done: Bytes done. The number falls when bytes have to be sent again.
        confirmed: Bytes that the other side certainly has.
        files: Expected files, as far as known; may grow.
        files_done: Files done.
        files_failed: Failed files.
        error: The display's error. That ends a transfer, also one that continues without failed
            files.

    Example:
        >>> progress = Progress()
        >>> progress.expect(300, files=2)
        >>> with progress.file("cat.png", 100) as one:
        ...     one.at(100)
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
        self._begun = 0
        self._expects = False
        self._resumed = 0
        self._started = time.monotonic()
        self._lock = threading.RLock()

    def expect(self, size: int = 0, *, files: int = 1) -> None:
        """Take note of files that will come. Those that come are then not counted again.

        Args:
            size: Bytes that they have together.
            files: How many they are.
        """
        with self._lock:
            self._expects = True
            self.size += size
            self.files += files
            self.tell(self.changed)

    def file(self, name: str, size: int) -> FileProgress:
        """Begin a file.

        Args:
            name: Name of the file.
            size: Size in bytes.

        Returns:
            The file's progress; a context manager, which ends the file.
        """
        with self._lock:
            self._begun += 1
            if not self._expects:
                self.files += 1
                self.size += size
            one = FileProgress(self, name, size)
            self.tell(self.began, one)
        return one

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._started

    @property
    def rate(self) -> float:
        """Bytes per second so far, without bytes that were done before."""
        return max(0, self.done - self._resumed) / max(self.elapsed, 1e-6)

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest will take at this rate; `None` where that can't be known."""
        rate = self.rate
        return max(0, self.size - self.done) / rate if rate > 0 else None

    def tell(self, show: Callable[..., None], *what: FileProgress) -> None:
        """Call the display's `began` or `changed`."""
        try:
            show(*what)
        except BaseException as error:
            self.error = error
            raise

    def began(self, file: FileProgress) -> None:
        """Hear that a file is begun. Shows nothing here."""

    def changed(self) -> None:
        """Hear that a number has changed. Shows nothing here."""

    def close(self) -> None:
        """End the display; does nothing here."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class FileProgress:
    """Progress of one file, made by `Progress.file`.

    Attributes:
        name: Name of the file.
        size: Size in bytes.
        done: Bytes done.
        confirmed: Bytes that the other side certainly has.
    """

    def __init__(self, whole: Progress, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self.done = 0
        self.confirmed = 0
        self._whole = whole
        self._is_over = False

    def at(self, offset: int, *, is_confirmed: bool = True, is_resumed: bool = False) -> None:
        """Set the position.

        Args:
            offset: Bytes done; fewer than before when some are sent again.
            is_confirmed: Whether the other side certainly has them.
            is_resumed: Whether they were done before, and took no time.
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
        """Set a size that was unknown at first.

        Args:
            size: Size in bytes.
        """
        whole = self._whole
        with whole._lock:
            if not self._is_over and size != self.size:
                whole.size += size - self.size
                self.size = size
                whole.tell(whole.changed)

    def finish(self, *, failed: bool = False) -> None:
        """End the file; a second call changes nothing.

        Args:
            failed: Whether the file failed. Its bytes then don't count.
        """
        whole = self._whole
        with whole._lock:
            if self._is_over:
                return
            self._is_over = True
            if failed:
                whole.files_failed += 1
                whole.done -= self.done
                whole.confirmed -= self.confirmed
                whole.size -= self.size
            else:
                whole.files_done += 1
            whole.tell(whole.changed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.finish(failed=error is not None)


class Calling(Progress):
    """Calls a function with the confirmed bytes and the expected bytes.

    Args:
        callback: Called after each change, by one thread at a time.
    """

    def __init__(self, callback: Callback) -> None:
        super().__init__()
        self._callback = callback
        self._told = 0

    def changed(self) -> None:
        """Call the function, if more bytes are confirmed than at the last call."""
        if self.confirmed > self._told:
            self._told = self.confirmed
            self._callback(self.confirmed, self.size)


class Bar(Progress):
    """A bar by `tqdm`, in a terminal or a notebook: bytes, files, rate and time left.

    Args:
        description: Text before the bar; by default the name of the first file.
        **options: Other options of `tqdm`.

    Raises:
        ImportError: `tqdm` isn't installed.
    """

    def __init__(self, description: str | None = None, **options: Any) -> None:
        super().__init__()
        from tqdm.auto import tqdm  # an extra

        given = {"total": 0, "unit": "B", "unit_scale": True, "unit_divisor": 1024, **options}
        self._bar = tqdm(desc=description, dynamic_ncols=True, **given)
        self._is_named = description is not None

    def began(self, file: FileProgress) -> None:
        """Name an unnamed bar after the first file."""
        if not self._is_named:
            self._is_named = True
            self._bar.set_description_str(_shown(file.name), refresh=False)

    def changed(self) -> None:
        """Move the bar. The library draws no more than ten times a second."""
        bar = self._bar
        bar.total = max(self.size, self.done)
        if self.files > 1:
            failed = f", {self.files_failed} failed" if self.files_failed else ""
            text = f"{self.files_done}/{self.files} files{failed}"
            bar.set_postfix_str(text, refresh=False)
        bar.update(self.done - bar.n)

    def close(self) -> None:
        """Leave the bar in its final state."""
        self._bar.close()


ProgressArgument: TypeAlias = "Progress | Callback | bool | None"
"""What methods take.

`None` for a bar on a terminal, if it takes more than half a second; `True` for one in any case;
`False` for nothing; a function; or a `Progress`, which goes on after the call.
"""


def progress_of(given: ProgressArgument, description: str | None = None) -> Progress:
    """Return the counter and display of a transfer. Makes no request.

    Args:
        given: The user's argument.
        description: Text before a bar.

    Returns:
        The user's own `Progress`, or a new one, which the caller closes.

    Raises:
        ImportError: `True` asks for a bar, and `tqdm` isn't installed.
    """
    if isinstance(given, Progress):
        return given
    if callable(given):
        return Calling(given)
    if given is True:
        return Bar(description)
    if given is None and _is_terminal():
        try:
            return Bar(description, delay=_DELAY)
        except ImportError:
            pass
    return Progress()


@contextmanager
def showing(given: ProgressArgument, description: str | None = None) -> Iterator[Progress]:
    """Display a transfer during the block. Makes no request.

    Args:
        given: The user's argument, see `progress_of`. A `Progress` isn't closed at the end.
        description: Text before a bar.
    """
    progress = progress_of(given, description)
    try:
        yield progress
    finally:
        if progress is not given:
            progress.close()


def _is_terminal() -> bool:
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:  # it was closed
        return False


def _shown(name: str) -> str:
    """Return a name for one line of a terminal."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in name)
    return plain if len(plain) <= 40 else f"{plain[:20]}…{plain[-19:]}"
