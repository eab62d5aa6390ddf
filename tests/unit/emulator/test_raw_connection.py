import socket
from typing import Any

import pytest

from synapse.emulator.raw_connection import RawConnection, RawConnectionChannel, RawConnectionTask


class Channel:
    """A stand-in for waitress's channel, over one end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.sent: list[bytes] = []

    def write_soon(self, content: bytes) -> None:
        self.sent.append(content)


def test_bytes_are_sent_as_they_are() -> None:
    channel: Any = Channel(socket.socket())
    with channel.socket:
        RawConnection(channel).write(b"HTTP/1.1 2")

    assert channel.sent == [b"HTTP/1.1 2"]


def test_a_reset_reaches_the_peer() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        connection, _ = server.accept()
        RawConnection(Channel(connection)).end_by_reset()
        connection.close()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_requests_know_their_connection() -> None:
    assert RawConnectionChannel.task_class is RawConnectionTask
