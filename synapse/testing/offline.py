"""Objects and sessions for unit tests, without a server: whatever would send a request fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar
from urllib.parse import unquote

from synapse._internal.described import cut
from synapse._internal.hints import suggestion
from synapse._internal.json_values import to_json
from synapse._internal.redaction import redacted
from synapse.config import Settings
from synapse.errors import UsageError
from synapse.orm.fields import Field
from synapse.orm.resource import Resource
from synapse.session import Session
from synapse.testing import UnexpectedRequest
from synapse.transport import Transport
from synapse.transport.connection import Connection
from synapse.transport.external_hosts import ExternalHosts
from synapse.transport.options import Options
from synapse.transport.request_context import RequestContext

__all__ = ["OfflineTransport", "make", "make_session"]

R = TypeVar("R", bound=Resource)
S = TypeVar("S", bound=Session)

# The name is reserved, so that no server can have it.
_ADDRESS = "https://synapse.invalid/"
_LONGEST_BODY = 200


class _NoConnection(Connection):
    """A connection that refuses every request, by the request's name."""

    def __init__(self) -> None:
        # Nothing of the base class is set up: no request gets that far.
        pass

    def ensure_open(self) -> None:
        """Do nothing, as nothing is open."""

    def answering(self, context: RequestContext) -> NoReturn:
        """Refuse the request.

        Raises:
            UnexpectedRequest: Always.
        """
        request = context.request
        url = unquote(str(request.url).removeprefix(_ADDRESS))
        body = request.body if isinstance(request.body, bytes) else b""
        text = cut(body.decode("utf-8", "replace"), _LONGEST_BODY)
        sent = redacted(" ".join(filter(None, (request.method, url, text))))
        raise UnexpectedRequest(sent, context.resource)

    @property
    def trust(self) -> NoReturn:
        """Refuse to open a WebSocket.

        Raises:
            UnexpectedRequest: Always.
        """
        raise UnexpectedRequest("a WebSocket", None)

    def close(self) -> None:
        """Do nothing, as nothing is open."""

    def after_fork(self) -> None:
        """Do nothing, as nothing is open."""


class _NoHosts(ExternalHosts):
    """No connection to other hosts either."""

    def connection(self, url: str) -> Connection:  # noqa: ARG002 - the same for each URL
        """Return the connection that refuses every request."""
        return _NoConnection()


class OfflineTransport(Transport):
    """A transport that sends nothing: `UnexpectedRequest` says what would have been sent."""

    def __init__(self) -> None:
        super().__init__(Settings(_ADDRESS, {}), Options())
        self._connection = _NoConnection()
        self._external_hosts = _NoHosts(self.options)

    def for_other_server(self, settings: Settings) -> Transport:  # noqa: ARG002 - none is reached
        """Return a transport that sends nothing to an agent either."""
        return OfflineTransport()


def make_session(cls: type[S]) -> S:
    """Return a session without a server; see `synapse.testing.make_session`."""
    session = cls(transport=OfflineTransport())
    session.lazy = "allow"  # the refused request says more than a warning of a loop
    return session


def make(
    cls: type[R], session: Session | None, extra: Mapping[str, Any] | None, values: dict[str, Any]
) -> R:
    """Return an object without a server; see `synapse.testing.make`."""
    schema = getattr(cls, "__schema__", None)
    if not isinstance(cls, type) or not issubclass(cls, Resource) or schema is None:
        raise UsageError(f"{cls!r} is not a resource's class. Pass one, such as synapse.Task.")
    fields = _find_fields(cls, values)
    if schema.key not in fields:
        raise UsageError(f"{cls.__name__} has no {schema.key} here. Pass {schema.key}=1.")
    if session is None:
        session = _find_session(cls, values) or make_session(_session_class(cls))
    if not _is_offline(session):
        raise UsageError("session has a server. Pass one of synapse.testing.make_session().")
    row = {name: _to_plain(fields[name], value) for name, value in _pair(fields, values)}
    row[schema.key] = schema.to_key(row[schema.key])
    made = session.identity.load(cls, [{**to_json(dict(extra or {})), **row}])[0]
    for name, value in _pair(fields, values):
        field = fields[name]
        if isinstance(value, Resource) and value._session is not session:
            field.store(made, value)  # made with a session of its own
        elif not field.declared.may_be_remote:
            getattr(made, name)  # a value of a wrong type is an error now
    return made


def _pair(fields: Mapping[str, Field], values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the values by their fields' names, for names such as `project_id`, too."""
    return [
        (name if name in fields else name.removesuffix("_id"), value)
        for name, value in values.items()
    ]


def _find_fields(cls: type[Resource], values: Mapping[str, Any]) -> dict[str, Field]:
    """Return the fields of some keywords by name.

    Raises:
        UsageError: A keyword isn't a field.
    """
    known = cls.__schema__.fields
    found: dict[str, Field] = {}
    for name in values:
        field = known.get(name) or known.get(name.removesuffix("_id"))
        if field is None or (field.name != name and not field.is_relation):
            raise UsageError(
                f"{cls.__name__} has no field {name!r}{suggestion(name, known)} Pass other keys "
                "of the server's with extra=."
            )
        if field.name in found:
            raise UsageError(f"{field.name} and {field.name}_id are one value. Pass one of them.")
        found[field.name] = field
    return found


def _to_plain(field: Field, value: Any) -> Any:
    """Return a value as a server would send it.

    Raises:
        UsageError: The value is an object of another class, or not of the declared kind.
    """
    members = value if isinstance(value, (list, tuple)) else [value]
    reasons = [field.refuses(each) for each in members]
    if not field.is_relation:
        reasons.append(field.refuses_kind(value))
    for reason in filter(None, reasons):
        raise UsageError(reason)
    return to_json(value, field.name)


def _find_session(cls: type[Resource], values: Mapping[str, Any]) -> Session | None:
    """Return the session of a value without a server, if objects of the class fit there."""
    for value in values.values():
        for each in value if isinstance(value, (list, tuple)) else [value]:
            session = getattr(each, "_session", None) if isinstance(each, Resource) else None
            if not isinstance(session, Session):
                continue
            has_class = cls.__schema__.resource is cls or cls in type(session).resource_classes
            if has_class and _is_offline(session):
                return session
    return None


def _is_offline(session: Session) -> bool:
    """Return whether a session has no server, whatever options are in force."""
    original = session if session._original is None else session._original
    return isinstance(original._transport, OfflineTransport)


def _session_class(cls: type[Resource]) -> type[Session]:
    """Return a class of sessions whose objects may be of a class."""
    if cls.__schema__.resource is cls:
        return Session
    return type("Session", (Session,), {"resource_classes": (cls,)})
