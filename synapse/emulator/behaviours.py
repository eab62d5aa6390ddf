"""Behaviours of older and stranger servers, for tests. Nothing here imports Django."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from typing_extensions import Self

from synapse.emulator.errors import EmulatorError


@dataclass(frozen=True)
class Behaviour:
    """Differences of a server from the usual one.

    Attributes:
        unordered_ties: Whether rows that an ordering leaves equal change places between pages.
        checksums: Kind of the checksums of files in rows: `md5` or `sha1`.
        max_query: Longest query of a URL in bytes; longer ones get a 520.
        max_page: Last numbered page that comes; later ones get a 504.
        row_delay: Seconds by which each row before a numbered page delays the page.
        file_url_lifetime: Seconds for which the URL of a file is good without a token, at least.
        multipart_above: Size in bytes above which a presigned upload has parts.
        part_size: Size in bytes of these parts.
        upload_lifetime: Seconds until presigned uploads expire, whatever is requested.
        storage_port: Port that presigned URLs name, such as that of a proxy.
        inline_limit: Size in bytes up to which `response_mode=inline` keeps documents.
    """

    unordered_ties: bool = False
    checksums: str = "md5"
    max_query: int | None = None
    max_page: int | None = None
    row_delay: float = 0.0
    file_url_lifetime: int = 3600
    multipart_above: int = 100 * 1024 * 1024
    part_size: int = 16 * 1024 * 1024
    upload_lifetime: int | None = None
    storage_port: int | None = None
    inline_limit: int = 64 * 1024

    def delay(self, page: int, page_size: int) -> float:
        """Return the seconds by which a numbered page is late."""
        return self.row_delay * page_size * (page - 1)


USUAL = Behaviour()
NAMES = tuple(field.name for field in fields(Behaviour))


def validate_behaviour(values: Mapping[str, Any]) -> None:
    """Check the names of behaviours.

    Raises:
        EmulatorError: No such behaviour exists.
    """
    for name in values:
        if name not in NAMES:
            raise EmulatorError(f"Behaviour {name!r} does not exist. Use {', '.join(NAMES)}.")


class BehaviourStore:
    """The behaviours of one server by tenant, shared by the threads."""

    #: Whether a behaviour is set, as a byte that processes can share.
    flag: bytearray | memoryview

    def __init__(self) -> None:
        self.flag = bytearray(1)
        self._lock = threading.Lock()
        self._by_tenant: dict[str | None, Behaviour] = {}

    def set(self, tenant: str | None, values: Mapping[str, Any]) -> None:
        """Change behaviours of a tenant, or of all tenants without their own."""
        with self._lock:
            present = self._by_tenant.get(tenant, USUAL)
            self._by_tenant[tenant] = replace(present, **values)
            self.flag[0] = True

    def clear(self, tenant: str | None) -> None:
        """Make a tenant, or all others, usual again."""
        with self._lock:
            self._by_tenant.pop(tenant, None)
            self.flag[0] = bool(self._by_tenant)

    def read(self) -> dict[str | None, Behaviour]:
        """Return the behaviours by tenant; those of all other tenants are at None."""
        with self._lock:
            return dict(self._by_tenant)

    def find(self, tenant_of: Callable[[], str | None]) -> Behaviour:
        """Return the behaviour towards a tenant, whose code is read only where that matters."""
        if not self.flag[0]:
            return USUAL
        by_tenant = self.read()
        return by_tenant.get(tenant_of(), by_tenant.get(None, USUAL))


class ChangedBehaviour:
    """Changed behaviours of the local backend; as a context manager, until the block's end."""

    def __init__(self, values: Mapping[str, Any], clear: Callable[[], None]) -> None:
        self.values = dict(values)
        self._clear = clear

    def clear(self) -> None:
        """Return to the usual behaviour (one request)."""
        self._clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.values}>"
