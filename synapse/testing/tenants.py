"""A tenant of the local backend that a test has to itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from synapse._internal.lazy_import import load

if TYPE_CHECKING:
    from synapse.emulator import Emulator
    from synapse.emulator.behaviours import ChangedBehaviour
    from synapse.emulator.faults import Fault
    from synapse.session import Session

    S = TypeVar("S", bound=Session)

__all__ = ["EmulatorTenant"]


class EmulatorTenant:
    """A fresh, empty tenant of a local backend. Making one sends one request.

    Args:
        emulator: The running backend.
        session_class: Class of the sessions; by default `synapse.Session`.

    Attributes:
        emulator: The backend, which other tests use too.
        url: Base URL of the backend.
        tenant: The tenant's code.
        api_token: The API token of the tenant's user.
        agent_token: The token of the tenant's agent.
    """

    def __init__(self, emulator: Emulator, session_class: type[Session] | None = None) -> None:
        credentials = emulator.create_tenant()
        self.emulator = emulator
        self.url = emulator.url
        self.tenant = credentials.tenant
        self.api_token = credentials.api_token
        self.agent_token = credentials.agent_token
        self._session_class = session_class
        self._sessions: list[Session] = []
        self._is_faulty = False
        self._behaviour: ChangedBehaviour | None = None

    @overload
    def session(self, cls: None = None, /, **options: Any) -> Session: ...
    @overload
    def session(self, cls: type[S], /, **options: Any) -> S: ...
    def session(self, cls: type[Session] | None = None, /, **options: Any) -> Session:
        """Make a session in the tenant, closed with the test. Makes no request.

        Args:
            cls: The session's class; by default the one of the fixture `synapse_session_class`.
            **options: Options of the class, apart from address and token.

        Example:
            >>> tenant.session(retries=0).projects.count()
            0
        """
        made = (cls or self._session_class or load("synapse.session").Session)(
            self.url, self.api_token, **options
        )
        session: Session = made
        self._sessions.append(session)
        return session

    def fault(self, kind: str | int, **options: Any) -> Fault:
        """Make the next responses to the tenant's tokens faulty (one request).

        Args:
            kind: Kind of fault, as for `Emulator.fault`.
            **options: Options of the fault: `count`, `method`, `path`, `after`, `seconds`,
                `retry_after` and `status`.

        Raises:
            EmulatorError: No such kind of fault exists.

        Example:
            >>> with tenant.fault("429", retry_after=0, count=2) as fault:
            ...     print(tenant.session().projects.count(), fault.served)
            0 2
        """
        self._is_faulty = True
        return self.emulator.fault(kind, tenant=self.tenant, **options)

    def behave(self, **values: Any) -> ChangedBehaviour:
        """Make the backend behave like another server towards this tenant (one request).

        Args:
            **values: Behaviours, as for `Emulator.behave`.

        Raises:
            EmulatorError: No such behaviour exists, or the backend refused a value.

        Example:
            >>> with tenant.behave(max_query=8192):
            ...     print(tenant.session().projects.count())
            0
        """
        self._behaviour = self.emulator.behave(tenant=self.tenant, **values)
        return self._behaviour

    def clear_faults(self) -> None:
        """Remove the tenant's remaining faults (one request)."""
        self.emulator.clear_faults(tenant=self.tenant)

    def close(self) -> None:
        """Close the sessions, and remove faults and behaviours (one request each)."""
        for session in self._sessions:
            session.close()
        if self._is_faulty:
            self.clear_faults()
        if self._behaviour is not None:
            self._behaviour.clear()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.tenant} of {self.url}>"
