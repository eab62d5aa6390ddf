"""Compute the checksums of a file during the transfer.

Blocks are hashed as they are sent or received. Bytes that an earlier process has transferred are
read from the file by the same thread, while the rest is transferred.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterable

import attrs

from synapse._internal.closing import Closing
from synapse._internal.threads import start
from synapse.errors import SynapseError

__all__ = ["Checksums", "Hasher", "find_algorithm", "hash_blocks", "is_checksum_of"]

_SHA1_LENGTH = 40

_BLOCK_SIZE = 1024 * 1024
# A few blocks even out short delays on either side.
_MAX_WAITING = 3
# Seconds between two looks for signals.
_TICK = 0.25
# Up to this size, a thread costs more than it saves.
_INLINE_LIMIT = 1024 * 1024


@attrs.frozen
class Checksums:
    """Checksums of one file, in hex: servers give MD5, and some SHA-1.

    Example:
        >>> checksums = hash_blocks([b"ab", b"c"])
        >>> checksums.md5, checksums.matches("A9993E364706816ABA3E25717850C26C9CD0D89D")
        ('900150983cd24fb0d6963f7d28e17f72', True)
    """

    md5: str
    sha1: str

    def matches(self, checksum: object) -> bool:
        """Return whether a server's checksum is that of the file; the length tells the kind."""
        text = str(checksum).lower()
        return bool(text) and text == self.like(text)

    def like(self, checksum: object) -> str:
        """Return the checksum of the same kind as another one."""
        return str(getattr(self, find_algorithm(str(checksum))))


class Hasher(Closing):
    """Hash a file from start to end, each byte once.

    Args:
        read_at: Function that reads the file, given an offset and a size.
        size: Size of the file in bytes, if known; a small file is hashed without a thread.
        algorithm: `"md5"` or `"sha1"`; by default both, from the same read.
    """

    def __init__(
        self,
        read_at: Callable[[int, int], bytes],
        size: int | None = None,
        *,
        algorithm: str | None = None,
    ) -> None:
        self._read_at = read_at
        self._digest = _Digest(algorithm)
        self._position = 0  # bytes hashed
        self._end = 0  # bytes handed over
        self._reads_file = False  # the thread reads missing bytes from the file
        self._waiting: deque[bytes | memoryview] = deque()
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._is_closed = False
        self._is_inline = size is not None and size <= _INLINE_LIMIT
        self._thread: threading.Thread | None = None

    def add(self, offset: int, block: bytes) -> None:
        """Hand over a block. Waits while the queue of blocks is full.

        Args:
            offset: Offset of the block in the file; bytes handed over before are skipped.
            block: The bytes; they must not change afterwards.
        """
        end = offset + len(block)
        if self._is_inline and offset <= self._end:
            if end > self._end:
                self._digest.update(memoryview(block)[self._end - offset :])
                self._position = self._end = end
            return
        with self._changed:
            self._raise_error()
            if end <= self._end:
                return
            if self._reads_file or offset > self._end:
                self.skip_to(end)
                return
            self._wait_until(lambda: len(self._waiting) < _MAX_WAITING)
            self._raise_error()
            self._waiting.append(memoryview(block)[self._end - offset :])
            self._end = end
            self._start()

    def skip_to(self, offset: int) -> None:
        """Read the bytes up to an offset from the file."""
        with self._changed:
            if offset > self._end:
                self._end = offset
                self._reads_file = True
                self._start()

    def checksums(self, size: int) -> Checksums:
        """Wait for all bytes, and return their checksums; one that isn't computed is empty.

        Args:
            size: Number of bytes.

        Raises:
            SynapseError: The file couldn't be read.
        """
        self.skip_to(size)
        with self._changed:
            self._wait_until(lambda: self._position >= self._end)
            self._raise_error()
        return self._digest.checksums

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _wait_until(self, is_reached: Callable[[], bool]) -> None:
        # In short waits: a wait without an end can miss Ctrl-C, and on Windows always does.
        while not self._changed.wait_for(lambda: is_reached() or self._error, _TICK):
            pass

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _start(self) -> None:
        self._is_inline = False
        self._changed.notify_all()
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="synapse-md5", daemon=True)
            if start(thread):
                self._thread = thread
            else:
                self._hash_now()

    def _hash_now(self) -> None:
        """Hash everything that was handed over, in this thread."""
        while self._waiting or self._position < self._end:
            block = self._next_block()
            if block is None:
                break  # closed
            self._digest.update(block)
            self._position += len(block)
        self._reads_file = False

    def _run(self) -> None:
        try:
            while (block := self._next_block()) is not None:
                self._digest.update(block)
                with self._changed:
                    self._position += len(block)
                    self._changed.notify_all()
        except BaseException as error:  # raised again in the thread that hands over blocks
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _next_block(self) -> bytes | memoryview | None:
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
                self._reads_file = False
                self._changed.wait()
            position, size = self._position, min(_BLOCK_SIZE, self._end - self._position)
        content = self._read_at(position, size)
        if not content:
            raise SynapseError(
                f"The file became shorter: it ends at byte {position}. Start the transfer again "
                "when nothing writes to the file."
            )
        return content


def find_algorithm(checksum: str | None) -> str:
    """Return the algorithm of a checksum in hex: servers give MD5, and some SHA-1."""
    return "sha1" if checksum is not None and len(checksum) == _SHA1_LENGTH else "md5"


def hash_blocks(blocks: Iterable[bytes], *, algorithm: str | None = None) -> Checksums:
    """Return the checksums of some bytes.

    Args:
        blocks: The bytes, in order.
        algorithm: `"md5"` or `"sha1"`; by default both.
    """
    digest = _Digest(algorithm)
    for block in blocks:
        digest.update(block)
    return digest.checksums


def is_checksum_of(checksum: str, blocks: Iterable[bytes]) -> bool:
    """Return whether some bytes have a server's checksum, MD5 or SHA-1."""
    return hash_blocks(blocks, algorithm=find_algorithm(checksum)).matches(checksum)


class _Digest:
    """Digests of both kinds, or of one."""

    def __init__(self, algorithm: str | None) -> None:
        names = ("md5", "sha1") if algorithm is None else (algorithm,)
        self._digests = {name: hashlib.new(name, usedforsecurity=False) for name in names}

    def update(self, block: bytes | memoryview) -> None:
        for digest in self._digests.values():
            digest.update(block)

    @property
    def checksums(self) -> Checksums:
        values = {name: digest.hexdigest() for name, digest in self._digests.items()}
        return Checksums(values.get("md5", ""), values.get("sha1", ""))
