"""Hold idle connections to a local backend, in a process of its own.

Prints a line when all are open, and ends with its standard input.

Usage: python idle_connections.py URL TOKEN COUNT
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from synapse._internal.open_files import allow_open_files

_AT_ONCE = 100


@contextlib.contextmanager
def hold(url: str, token: str, count: int) -> Iterator[None]:
    """Let so many connections be idle while the block runs, each after one request."""
    with subprocess.Popen(
        [sys.executable, __file__, url, token, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        if holder.stdout.readline().strip() != "open":
            raise RuntimeError(f"{count} connections could not be opened")
        yield
        holder.stdin.close()
        if (left := holder.stdout.readline().strip()) != str(count):
            raise RuntimeError(f"{left} of {count} connections were open at the end")


def find_processes(pid: int) -> list[int]:
    """Return a process and its children."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(int(child) for file in children for child in file.read_text().split())]


def read_memory(processes: list[int]) -> int:
    """Return the resident memory of processes in KiB."""
    lines = [
        line
        for pid in processes
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmRSS")
    ]
    return sum(int(line.split()[1]) for line in lines)


def main() -> None:
    """Open the connections, and hold them."""
    url, token, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    allow_open_files(count + 100)
    address = urlsplit(url).hostname or "", urlsplit(url).port or 80
    request = f"GET /health/ HTTP/1.1\r\nHost: a\r\nSYNAPSE-Access-Token: Token {token}\r\n\r\n"
    opened: list[socket.socket] = []
    while len(opened) < count:
        some = [socket.create_connection(address, timeout=60) for _ in range(_AT_ONCE)]
        for one in some:
            one.sendall(request.encode())
        for one in some:
            response = http.client.HTTPResponse(one)
            response.begin()
            response.read()
        opened += some
    print("open", flush=True)
    sys.stdin.read()
    print(sum(is_open(one) for one in opened), flush=True)


def is_open(connection: socket.socket) -> bool:
    """Return whether the server has neither closed the connection nor sent anything."""
    connection.setblocking(False)
    try:
        connection.recv(1)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


if __name__ == "__main__":
    main()
