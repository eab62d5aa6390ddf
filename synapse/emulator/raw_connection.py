"""Control over a WSGI request's connection, which faulty responses need."""

import socket
import struct
import sys
from typing import Any

from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.task import WSGITask

#: The key of the :class:`Wire` in a request's WSGI environment.
WIRE = "synapse.wire"

#: Raised in the application or its iterable to end the connection: written bytes go out, and
#: nothing else.
Hangup = ClientDisconnected


class Wire:
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


class WiredTask(WSGITask):  # type: ignore[misc] # the library has no types
    """A request that knows the connection."""

    def get_environment(self) -> dict[str, Any]:
        """Return the WSGI environment, with the connection."""
        environment: dict[str, Any] = super().get_environment()
        environment.setdefault(WIRE, Wire(self.channel))
        return environment


class WiredChannel(HTTPChannel):  # type: ignore[misc] # the library has no types
    """A connection that the requests know."""

    task_class = WiredTask
