"""Match requests with armed faults."""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(eq=False)
class ArmedFault:
    """A fault that waits for matching requests."""

    kind: str
    count: int = 1
    after: int = 0
    method: str | None = None
    path: str | None = None
    tenant: str | None = None
    seconds: float = 0
    retry_after: str | None = None
    status: int = 502
    served: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Return whether the fault matches a request's method and path."""
        return (self.method is None or self.method.upper() == method) and (
            self.path is None or fnmatchcase(path.strip("/"), self.path.strip("/"))
        )


class FaultSwitch:
    """The faults of one server, shared by the threads."""

    #: Whether a fault is armed, as a byte that processes can share.
    flag: bytearray | memoryview

    def __init__(self) -> None:
        self.flag = bytearray(1)
        self._lock = threading.Lock()
        self._armed: list[ArmedFault] = []
        self._by_key: dict[str, ArmedFault] = {}

    def arm(self, fault: ArmedFault) -> str:
        """Arm a fault; return the key."""
        key = secrets.token_hex(8)
        with self._lock:
            self._by_key[key] = fault
            self._set_armed([*self._armed, fault])
        return key

    def find(self, key: str) -> ArmedFault | None:
        """Return a fault by key, whether used up or not."""
        return self._by_key.get(key)

    def clear(self, *, key: str | None = None, tenant: str | None = None) -> None:
        """Remove one fault, those of a tenant, or all."""
        with self._lock:
            only = None if key is None else self._by_key.get(key)
            self._set_armed(
                [
                    fault
                    for fault in self._armed
                    if (key is not None and fault is not only)
                    or (tenant is not None and fault.tenant != tenant)
                ]
            )

    def take(
        self, method: str, path: str, tenant_of: Callable[[], str | None]
    ) -> ArmedFault | None:
        """Return the fault for a request; one request gets one, in the order of arming.

        Args:
            method: The request's method.
            path: The request's path.
            tenant_of: Finds the tenant's code; called only where that matters.
        """
        if not self.flag[0]:
            return None
        tenant = tenant_of() if self.depends_on_tenant(method, path) else None
        return self.take_for(method, path, tenant)

    def depends_on_tenant(self, method: str, path: str) -> bool:
        """Return whether a fault for this request is only for one tenant."""
        return any(
            fault.tenant is not None and fault.matches(method, path) for fault in self._armed
        )

    def take_for(self, method: str, path: str, tenant: str | None) -> ArmedFault | None:
        """Return the fault for a request of a tenant."""
        with self._lock:
            for fault in self._armed:
                if not fault.matches(method, path) or fault.tenant not in (None, tenant):
                    continue
                if fault.after:
                    fault.after -= 1
                    continue
                fault.served += 1
                if fault.served == fault.count:
                    self._set_armed([other for other in self._armed if other is not fault])
                return fault
        return None

    def _set_armed(self, faults: list[ArmedFault]) -> None:
        self._armed = faults
        self.flag[0] = bool(faults)
