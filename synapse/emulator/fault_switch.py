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

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[ArmedFault] = []
        self._by_key: dict[str, ArmedFault] = {}

    def arm(self, fault: ArmedFault) -> str:
        """Arm a fault; return the key."""
        key = secrets.token_hex(8)
        with self._lock:
            self._by_key[key] = fault
            self._armed.append(fault)
        return key

    def find(self, key: str) -> ArmedFault | None:
        """Return a fault by key, whether used up or not."""
        return self._by_key.get(key)

    def clear(self, *, only: ArmedFault | None = None, tenant: str | None = None) -> None:
        """Remove one fault, those of a tenant, or all."""
        with self._lock:
            self._armed = [
                fault
                for fault in self._armed
                if (only is not None and fault is not only)
                or (tenant is not None and fault.tenant != tenant)
            ]

    def take(
        self, method: str, path: str, tenant_of: Callable[[], str | None]
    ) -> ArmedFault | None:
        """Return the fault for a request; one request gets one, in the order of arming.

        Args:
            method: The request's method.
            path: The request's path.
            tenant_of: Finds the tenant's code; called only where that matters.
        """
        matching = [fault for fault in self._armed if fault.matches(method, path)]
        tenant = tenant_of() if any(fault.tenant is not None for fault in matching) else None
        with self._lock:
            for fault in matching:
                if fault not in self._armed or fault.tenant not in (None, tenant):
                    continue
                if fault.after:
                    fault.after -= 1
                    continue
                fault.served += 1
                if fault.served == fault.count:
                    self._armed = [other for other in self._armed if other is not fault]
                return fault
        return None
