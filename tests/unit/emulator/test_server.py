import os
import signal
import socket
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError

from synapse._internal.installation import install_command
from synapse.emulator import server
from synapse.emulator.errors import EmulatorError


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("box", "http://box:80"),
    ],
)
def test_the_url_is_one_that_clients_can_use(host: str, url: str) -> None:
    assert server._url(host, 80) == url


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("127.0.0.1", 65536, "The port 65536 is out of range. Choose a port from 0 to 65535."),
        ("no host", 0, "Cannot listen on no host port 0: the address is invalid."),
    ],
)
def test_an_impossible_address(host: str, port: int, message: str) -> None:
    with pytest.raises(EmulatorError) as error, server._listen(host, port):
        pass

    assert str(error.value) == message


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(EmulatorError, match=r"in use\. Choose another port\.$"),
            server._listen("127.0.0.1", port),
        ):
            pass


def test_a_temporary_folder_is_removed_and_a_given_one_stays(tmp_path: Path) -> None:
    with server._open_folder(None) as temporary:
        assert temporary.path.is_dir()
    assert not temporary.path.exists()

    with server._open_folder(tmp_path) as given:
        assert given.path == tmp_path
    assert tmp_path.is_dir()


def test_a_signal_ends_the_wait_and_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with server._catch_signals() as wait:
        os.kill(os.getpid(), signal.SIGTERM)
        wait()

    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            ImproperlyConfigured("Error loading psycopg2 or psycopg module"),
            (
                "The database cannot be opened: Error loading psycopg2 or psycopg module. Install "
                f"the extra: {install_command('postgres')}."
            ),
        ),
        (
            OperationalError("connection failed: refused.\nIs the server running?"),
            "The database cannot be opened: connection failed: refused.",
        ),
        (PermissionError("denied"), "The database cannot be opened: denied."),
    ],
)
def test_a_database_that_cannot_be_opened_is_one_sentence(error: Exception, message: str) -> None:
    with pytest.raises(EmulatorError) as raised, server._translate_errors():
        raise error

    assert str(raised.value) == message
