"""The data folder: database, files and credentials of the local backend."""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from synapse._internal.private_files import make_file_private, make_folder_private, open_private
from synapse._internal.user_folders import expand_home
from synapse.emulator.errors import EmulatorError

#: The environment variable that tells the settings which folder to use.
DATA_VARIABLE = "SYNAPSE_EMULATOR_DATA"

#: The environment variable that names another database than SQLite in the folder.
DATABASE_VARIABLE = "SYNAPSE_EMULATOR_DATABASE_URL"

#: The environment variable that allows a database with tables of another project.
SHARE_VARIABLE = "SYNAPSE_EMULATOR_SHARE_DATABASE"


@dataclass(frozen=True)
class Credentials:
    """Credentials made once per data folder, and read at every later start."""

    secret_key: str
    tenant: str
    api_token: str
    agent_token: str

    @classmethod
    def generate(cls) -> "Credentials":
        """Make new, random credentials for the tenant ``default``."""
        return cls(
            secret_key=secrets.token_urlsafe(48),
            tenant="default",
            api_token=secrets.token_hex(20),
            agent_token=secrets.token_hex(20),
        )


class DataFolder:
    """One data folder on disk.

    Args:
        path: The folder, created by :meth:`prepare` if missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = expand_home(path).absolute()

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.path / "db.sqlite3"

    @property
    def files(self) -> Path:
        """The folder of uploaded content."""
        return self.path / "files"

    @property
    def incoming(self) -> Path:
        """Folder of incomplete files, on the same file system as :attr:`files`."""
        return self.path / "incoming"

    @property
    def engine(self) -> Path:
        """The folder for the code and the environments of local jobs."""
        return self.path / "engine"

    def prepare(self) -> None:
        """Create the folder, readable by the owner only, and check write access.

        Raises:
            EmulatorError: The path is not a folder, or cannot be created or written.
        """
        if self.path.exists() and not self.path.is_dir():
            raise EmulatorError(f"The data folder {self.path} is not a folder.")
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.files, self.incoming, self.engine):
                make_folder_private(folder)
            probe = self.path / f".probe-{secrets.token_hex(8)}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            reason = error.strerror or str(error)
            raise EmulatorError(
                f"The data folder {self.path} cannot be written to: {reason}."
            ) from error

    def credentials(self) -> Credentials:
        """Read the folder's credentials, or create them at the first start.

        Raises:
            EmulatorError: The file exists, but cannot be read as credentials.
        """
        path = self.path / "credentials.json"
        if not path.exists():
            draft = self.path / f".credentials-{secrets.token_hex(8)}"
            with open_private(draft, "x") as stream:
                json.dump(asdict(Credentials.generate()), stream, indent=2)
            draft.replace(path)
        try:
            make_file_private(path)
            return Credentials(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise EmulatorError(
                f"The credentials file {path} cannot be read. Remove the file: the next start "
                "creates new credentials."
            ) from error

    @contextlib.contextmanager
    def setup_lock(self) -> Iterator[None]:
        """Lock the folder for setting it up, where the system has file locks."""
        try:
            import fcntl
        except ImportError:  # no such locks on Windows, and no pre-forking servers either
            yield
            return
        with open_private(self.path / ".lock", "w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def server_lock(self) -> Iterator[None]:
        """Keep out a second server, which would end the first one's jobs.

        Raises:
            EmulatorError: Another server has the folder.
        """
        self.prepare()
        with hold_lock(self.path / ".server", f"The data folder {self.path}", "folder"):
            yield


@contextlib.contextmanager
def hold_lock(path: Path, subject: str, kind: str) -> Iterator[None]:
    """Lock a file, which has the process id, for the server's life.

    Without file locks, of the system or of the file system, nothing is excluded.

    Args:
        path: The file.
        subject: The locked thing, for the message.
        kind: The kind of thing, for the message.

    Raises:
        EmulatorError: Another server has the lock.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    with open_private(path, "a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            raise EmulatorError(
                f"{subject} is in use by another local backend (process "
                f"{stream.read().strip() or 'unknown'}): stop that one, or choose another {kind}."
            ) from None
        except OSError:  # a file system without locks
            yield
            return
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        yield
