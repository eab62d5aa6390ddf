"""Start and stop a server in a child process."""

import contextlib
import json
import os
import subprocess
import threading
from typing import IO, Any

from synapse.emulator.errors import EmulatorError


def wait_until_ready(
    child: subprocess.Popen[bytes],
    log: IO[bytes],
    options: dict[str, Any],
    timeout: float,
    name: str = "The local backend",
) -> dict[str, str]:
    """Send a child its options, and wait for its reply.

    Args:
        child: The process, with pipes for input and output.
        log: File of the child's errors.
        options: The options.
        timeout: Longest wait in seconds.
        name: Name of the child, for messages.

    Raises:
        EmulatorError: The child ended, or wasn't ready in time; the message says why.
    """
    assert child.stdin is not None  # noqa: S101 # for the type checker: both are pipes
    assert child.stdout is not None  # noqa: S101
    with contextlib.suppress(BrokenPipeError):  # the child died at once; the log says why
        # The input stays open: the end of input tells the child that this process is gone.
        child.stdin.write(json.dumps(options).encode() + b"\n")
        child.stdin.flush()
    # Pipes have no read timeout on some systems; killing the child ends the pipe.
    late = threading.Timer(timeout, child.kill)
    late.start()
    try:
        line = child.stdout.readline()
    finally:
        late.cancel()
        late.join()
    answer: dict[str, str] = json.loads(line) if line.endswith(b"\n") else {}
    if "error" in answer:
        raise EmulatorError(answer["error"])
    if not answer:
        raise EmulatorError(_post_mortem(child, log, timeout, name))
    return answer


def _post_mortem(child: subprocess.Popen[bytes], log: IO[bytes], timeout: float, name: str) -> str:
    code = child.wait()
    tail = read_log(log).strip().splitlines()[-20:]
    reason = f"was not ready within {timeout:g} s" if code < 0 else f"ended with {code}"
    return "\n".join([f"{name} {reason}.", *tail])


def read_log(log: IO[bytes]) -> str:
    """Return a child's output so far."""
    # Not by seeking: the child shares the file position, and writes there.
    return os.pread(log.fileno(), os.fstat(log.fileno()).st_size, 0).decode(errors="replace")


def end_process(child: subprocess.Popen[bytes], timeout: float) -> None:
    """End a child: politely, and by force after ``timeout`` seconds."""
    if timeout:
        child.terminate()
    try:
        child.wait(timeout)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
