"""What the servers and proxies of the tests have in common: a thread for each connection."""

from __future__ import annotations

import abc
import contextlib
import socket
import threading


class ThreadedServer(abc.ABC):
    """Takes connections on loopback until it is closed; a subclass says what it does with them.

    Attributes:
        host: The address.
        port: The port, a free one.
        connections: How many connections came.
        closing: Set when it is to end: whoever waits in `serve` waits for this, too.
        failures: What `serve` raised besides an `OSError`, which is a connection that ended.
    """

    def __init__(self) -> None:
        self.connections = 0
        self.closing = threading.Event()
        self.failures: list[BaseException] = []
        self.opened: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._arrival = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()
        self._accepting = threading.Thread(target=self._accept)

    def start(self) -> None:
        """Begin to take connections."""
        self._accepting.start()

    @abc.abstractmethod
    def serve(self, connection: socket.socket) -> None:
        """Do what there is to do with a connection, in a thread of its own."""

    def wait_until_idle(self, connections: int = 1) -> None:
        """Wait until so many connections came, and all of them are closed."""
        with self._arrival:
            self._arrival.wait_for(lambda: self.connections >= connections)
        for thread in list(self._threads):
            thread.join()

    def close(self) -> None:
        """End, and raise what went wrong in the threads."""
        self.closing.set()
        with contextlib.suppress(OSError):  # wakes accept()
            socket.create_connection((self.host, self.port)).close()
        self._accepting.join()
        self._listener.close()
        for connection in list(self.opened):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self.closing.is_set():
                connection.close()
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            with self._arrival:
                # Counted before it answers, so that whoever has the answer finds it counted.
                self.connections += 1
                self._threads.append(thread)
                thread.start()
                self._arrival.notify_all()

    def _serve(self, connection: socket.socket) -> None:
        self.opened.add(connection)
        try:
            with connection:
                self.serve(connection)
        except OSError:
            pass  # the client went away
        except BaseException as error:
            self.failures.append(error)
        finally:
            self.opened.discard(connection)
