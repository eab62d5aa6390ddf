"""Control over a WSGI request's connection, which faulty responses need."""

import socket
import struct
import sys
from typing import Any

from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.task import WSGITask

#: The key of the :class:`RawConnection` in a request's WSGI environment.
ENVIRON_KEY = "synapse.wire"

#: Raised in the application or the body to end the connection: written bytes go out, and
#: nothing else.
Hangup = ClientDisconnected


class RawConnection:
    """The connection that a request came over."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def write(self, content: bytes) -> None:
        """Send bytes as they are, where the server would send status and headers."""
        self._channel.write_soon(content)

    def end_by_reset(self) -> None:
        """Make the connection end with a reset."""
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        self._channel.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


class RawConnectionTask(WSGITask):  # type: ignore[misc] # the library has no types
    """A request that knows the connection."""

    def get_environment(self) -> dict[str, Any]:
        """Return the WSGI environment, with the connection."""
        environment: dict[str, Any] = super().get_environment()
        environment.setdefault(ENVIRON_KEY, RawConnection(self.channel))
        return environment


class RawConnectionChannel(HTTPChannel):  # type: ignore[misc] # the library has no types
    """A connection that the requests know."""

    task_class = RawConnectionTask
