"""Compute a file's MD5 on one thread beside the transfer.

Blocks are hashed as they are sent or received. Blocks that an earlier process sent are read from
the file by the same thread, while the rest is sent.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from synapse.errors import SynapseError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Hasher"]

_BLOCK = 1024 * 1024
# Blocks that wait, at most: enough for neither side to wait for the other's hiccups.
_MOST_WAITING = 3
# Up to so many bytes, a thread costs more than it saves.
_INLINE = 1024 * 1024


class Hasher:
    """Hashes a file from start to end, each byte once.

    Args:
        read_at: Reads the file: takes an offset and a size.
        size: Size of the file, if known; a small file is hashed without a thread.
    """

    def __init__(self, read_at: Callable[[int, int], bytes], size: int | None = None) -> None:
        self._read_at = read_at
        self._digest = hashlib.md5(usedforsecurity=False)
        self._position = 0  # what is hashed
        self._end = 0  # what was handed over
        self._reads = False  # what isn't waiting, the thread reads for itself
        self._waiting: deque[bytes | memoryview] = deque()
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._is_closed = False
        self._is_inline = size is not None and size <= _INLINE
        self._thread: threading.Thread | None = None

    def add(self, offset: int, block: bytes) -> None:
        """Hand over a block. Waits while enough blocks are waiting.

        Args:
            offset: Position in the file. Bytes handed over before aren't hashed again.
            block: The bytes, which mustn't change afterwards.
        """
        end = offset + len(block)
        if self._is_inline and offset <= self._end:
            if end > self._end:
                self._digest.update(memoryview(block)[self._end - offset :])
                self._position = self._end = end
            return
        with self._changed:
            self._raise()
            if end <= self._end:
                return
            if self._reads or offset > self._end:
                self.skip_to(end)
                return
            self._changed.wait_for(lambda: len(self._waiting) < _MOST_WAITING or self._error)
            self._raise()
            self._waiting.append(memoryview(block)[self._end - offset :])
            self._end = end
            self._start()

    def skip_to(self, offset: int) -> None:
        """Announce that bytes up to an offset won't come: the thread reads them instead."""
        with self._changed:
            if offset > self._end:
                self._end = offset
                self._reads = True
                self._start()

    def hexdigest(self, size: int) -> str:
        """Return the MD5 of the file's first bytes, in hex; waits for the thread.

        Args:
            size: Number of bytes.

        Raises:
            SynapseError: The file couldn't be read.
        """
        self.skip_to(size)
        with self._changed:
            self._changed.wait_for(lambda: self._position >= self._end or self._error)
            self._raise()
        return self._digest.hexdigest()

    def close(self) -> None:
        """End the thread at once."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _start(self) -> None:
        self._is_inline = False
        self._changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="synapse-md5", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            while (block := self._next()) is not None:
                self._digest.update(block)
                with self._changed:
                    self._position += len(block)
                    self._changed.notify_all()
        except BaseException as error:  # raised where the blocks come from
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _next(self) -> bytes | memoryview | None:
        with self._changed:
            while True:
                if self._is_closed:
                    return None
                if self._waiting:
                    block = self._waiting.popleft()
                    self._changed.notify_all()
                    return block
                if self._position < self._end:
                    break
                self._reads = False  # from here on, blocks can be handed over again
                self._changed.wait()
            position, size = self._position, min(_BLOCK, self._end - self._position)
        content = self._read_at(position, size)
        if not content:
            raise SynapseError(f"The file became shorter: it ends at byte {position}.")
        return content
