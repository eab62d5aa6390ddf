"""Types of the object layer, so that lower modules needn't import higher ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

__all__ = ["ArrowStream", "Entity", "LazyPolicy", "SessionLike"]

LazyPolicy: TypeAlias = Literal["allow", "warn", "raise"]


class ArrowStream(Protocol):
    """A table of pandas, polars, Arrow and others."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> object: ...


class Entity(Protocol):
    """A resource, as fields, the identity map and the session see one."""

    __schema__: ClassVar[Any]
    __set_context__: ClassVar[Any]
    __set_raw__: ClassVar[Any]
    _raw: dict[str, Any]
    _session: Any

    @property
    def _key(self) -> Any: ...

    @property
    def id(self) -> Any: ...

    @property
    def is_changed(self) -> bool: ...

    def _editable_fields(self) -> Iterable[Any]: ...

    def _label(self) -> str: ...

    def _load_for(self, field: str) -> None: ...

    def _reload(self) -> None: ...

    def _report_change(self) -> None: ...

    def _hides_changes(self) -> bool: ...

    def _set_via(self, relation: str) -> None: ...

    def _via(self) -> str | None: ...

    def _absorb(self, row: dict[str, Any], saved: Mapping[str, Any] | None = None) -> None: ...


class SessionLike(Protocol):
    """A session, as the identity map and value objects see one."""

    @property
    def lock(self) -> AbstractContextManager[Any]: ...
