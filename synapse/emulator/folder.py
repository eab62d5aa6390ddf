"""The data folder: database, files and credentials of the local backend."""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from synapse._internal.user_folders import expand_home
from synapse.emulator.errors import EmulatorError

#: The environment variable that tells the settings which folder to use.
DATA_VARIABLE = "SYNAPSE_EMULATOR_DATA"


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
            for folder in (self.path, self.files, self.incoming):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
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
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump(asdict(Credentials.generate()), stream, indent=2)
            draft.replace(path)
        try:
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
        with (self.path / ".lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def server_lock(self) -> Iterator[None]:
        """Keep out a second server, which would end the first one's jobs.

        Without file locks, of the system or of the file system, nothing is excluded.

        Raises:
            EmulatorError: Another server has the folder.
        """
        try:
            import fcntl
        except ImportError:
            yield
            return
        self.prepare()
        with (self.path / ".server").open("a+") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                stream.seek(0)
                raise EmulatorError(
                    f"The data folder {self.path} is in use by another local backend (process "
                    f"{stream.read().strip() or 'unknown'}): stop that one, or choose another "
                    "folder."
                ) from None
            except OSError:  # a file system without locks
                yield
                return
            stream.truncate(0)
            stream.write(f"{os.getpid()}\n")
            stream.flush()
            yield
