"""Views: an ordinary object whose methods are awaited. Generated from the object's class.

A view holds the object and nothing else; each of its methods calls the object's own in a thread.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from synapse._internal.hints import attribute_error, suggestion
from synapse._internal.short_traceback import shortened
from synapse.aio.items import AsyncItems
from synapse.aio.member_kinds import MemberKind, find_kind, find_result, is_offered, is_viewed
from synapse.orm.pages import Rows
from synapse.orm.query import Query
from synapse.orm.session_base import SessionBase

if TYPE_CHECKING:
    from synapse.aio.call_threads import CallThreads

__all__ = ["AsyncView", "AwaitableAttribute", "present", "set_session_maker", "view_class"]


class AsyncView:
    """An ordinary object whose methods are awaited.

    Args:
        threads: The threads.
        source: Returns the object; called in a thread, each time. A query whose filters are queries
            themselves must be made there, because that makes requests.
        target: The object, if known.
    """

    __slots__ = ("_source", "_target", "_threads")
    _VIEWED: type = object

    def __init__(
        self, threads: CallThreads, target: Any = None, source: Callable[[], Any] | None = None
    ) -> None:
        self._threads = threads
        self._target = target
        self._source = source

    def _find(self) -> Any:
        return self._target if self._source is None else self._source()

    def _invoke(self, name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Call a method of the object. Runs in a thread."""
        given = {key: _unwrap(value) for key, value in options.items()}
        return getattr(self._find(), name)(*map(_unwrap, args), **given)

    def _read(self, name: str) -> Any:
        """Read an attribute of the object, and present it. Runs in a thread."""
        return present(self._threads, getattr(self._find(), name))

    if not TYPE_CHECKING:
        # Hidden from type checkers, which would otherwise accept any misspelled name.
        def __getattr__(self, name: str) -> Any:
            if name[:1] == "_":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            if self._source is None and not hasattr(type(self._target), name):
                getattr(self._target, name)  # raises with the object's own advice
            names = [each for each in dir(type(self)) if not each.startswith("_")]
            raise attribute_error(
                f"{type(self).__name__} has no {name!r}{suggestion(name, names)}", name
            )

        def __setattr__(self, name: str, value: Any) -> None:
            if name[:1] == "_":
                object.__setattr__(self, name, value)
                return
            raise attribute_error(
                f"{type(self).__name__}.{name} can't be assigned. Assign to the object itself, "
                "which makes no request, then await save().",
                name,
            )

    def __repr__(self) -> str:
        if self._source is not None:
            return f"<aio {self._VIEWED.__name__}, not read yet>"
        text = repr(self._target)
        return f"<aio {text[1:-1] if text[:1] + text[-1:] == '<>' else text}>"


class AwaitableAttribute:
    """An attribute whose reading may need a request: `await` gives its value.

    Args:
        view: The view of the object.
        name: The attribute.
    """

    __slots__ = ("_name", "_view")

    def __init__(self, view: AsyncView, name: str) -> None:
        self._view = view
        self._name = name

    def __await__(self) -> Generator[Any, None, Any]:
        return self._view._threads.run(self._view._read, self._name).__await__()

    def __repr__(self) -> str:
        return f"<{self._name} of {self._view!r}: await reads it>"


_make_session: Callable[[CallThreads, Any], Any] = AsyncView


def set_session_maker(make: Callable[[CallThreads, Any], Any]) -> None:
    """Set the function that makes the async session of a session that a verb returned."""
    global _make_session
    _make_session = make


def present(threads: CallThreads, value: Any) -> Any:
    """Return a result as coroutines get it: objects as they are, managers and loops as views."""
    if isinstance(value, AsyncView):
        return value
    if is_viewed(type(value)):
        make = _make_session if isinstance(value, SessionBase) else view_class(type(value))
        return make(threads, value)
    if isinstance(value, Generator):
        return AsyncItems(threads, lambda: ((item,) for item in value), repr(value))
    return value


_classes: dict[type, type[AsyncView]] = {}


def view_class(cls: type) -> type[AsyncView]:
    """Return the class of the views of a class's objects."""
    if cls not in _classes:
        _classes[cls] = _make_class(cls)
    return _classes[cls]


def _make_class(cls: type) -> type[AsyncView]:
    members: dict[str, Any] = {"__slots__": (), "_VIEWED": cls, "__doc__": cls.__doc__}
    members["__module__"] = AsyncView.__module__
    for name in dir(cls):
        if is_offered(cls, name):
            members[name] = _Member(cls, name)
    if hasattr(cls, "__iter__"):
        members["__aiter__"] = _iterate
        members["__iter__"] = _refuse_iter
    if hasattr(cls, "__getitem__"):
        members["__getitem__"] = _get_item
    if hasattr(cls, "__len__"):
        members["__len__"] = _refuse_len
    if issubclass(cls, Query):
        members["__bool__"] = _refuse_bool
    return type(f"Async{cls.__name__}", (AsyncView,), members)


class _Member:
    """A member that is made when it is first looked up, as signatures take a while.

    Args:
        cls: The class of the ordinary objects.
        name: Name of the member.
    """

    def __init__(self, cls: type, name: str) -> None:
        self._cls = cls
        self._name = name

    def __get__(self, view: Any, owner: type) -> Any:
        kind = find_kind(self._cls, self._name)
        if kind is None:  # the class has changed since
            raise AttributeError(self._name)
        member = _MAKERS[kind](self._cls, self._name)
        setattr(view_class(self._cls), self._name, member)
        return member.__get__(view, owner)


# -- Members -------------------------------------------------------------------------------------


def _make_call(cls: type, name: str) -> Any:
    @functools.wraps(getattr(cls, name))
    async def call(self: AsyncView, *args: Any, **options: Any) -> Any:
        return await self._threads.run(_call, self, name, args, options)

    return call


def _call(view: AsyncView, name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    return present(view._threads, view._invoke(name, args, options))


def _make_stream(cls: type, name: str) -> Any:
    @functools.wraps(getattr(cls, name))
    def call(self: AsyncView, *args: Any, **options: Any) -> Any:
        # `iterate()` by pages: a thread for each object would take longer than the objects.
        is_paged = name == "iterate" and issubclass(cls, Query)

        def open_chunks() -> Iterator[Iterable[Any]]:
            if is_paged:
                return iter(self._invoke("pages", args, options))
            return ((item,) for item in self._invoke(name, args, options))

        return AsyncItems(self._threads, open_chunks, f"{name}() of {self!r}")

    return call


def _make_view(cls: type, name: str) -> Any:
    method = getattr(cls, name)

    @functools.wraps(method)
    def call(self: AsyncView, *args: Any, **options: Any) -> Any:
        if self._source is None and not any(map(_makes_requests, (*args, *options.values()))):
            return present(self._threads, self._invoke(name, args, options))
        result = find_result(cls, method) or object
        return view_class(result)(self._threads, source=lambda: self._invoke(name, args, options))

    return call


def _make_view_attribute(cls: type, name: str) -> Any:
    doc = getattr(getattr(cls, name, None), "__doc__", None)
    return property(lambda self: self._read(name), doc=doc)


def _make_attribute(cls: type, name: str) -> Any:
    doc = getattr(getattr(cls, name, None), "__doc__", None)
    return property(lambda self: AwaitableAttribute(self, name), doc=doc)


_MAKERS: dict[MemberKind, Callable[[type, str], Any]] = {
    MemberKind.CALL: _make_call,
    MemberKind.STREAM: _make_stream,
    MemberKind.VIEW: _make_view,
    MemberKind.VIEW_ATTRIBUTE: _make_view_attribute,
    MemberKind.ATTRIBUTE: _make_attribute,
    MemberKind.VALUE: _make_view_attribute,
}


def _iterate(self: AsyncView) -> AsyncItems[Any]:
    return AsyncItems(self._threads, lambda: _chunks_of(self._find()), repr(self))


def _chunks_of(target: Any) -> Iterator[Iterable[Any]]:
    """Return an object's items in the portions in which they come from the server."""
    if isinstance(target, Query):
        return target.pages()
    if isinstance(target, Rows):
        return (list(target.of(page)) for page in target._query._read_row_pages())
    if hasattr(target, "_plain_pages"):
        pages: Iterator[Iterable[Any]] = target._plain_pages()
        return pages
    return ((item,) for item in target)


def _get_item(self: AsyncView, key: Any) -> Any:
    if not (isinstance(key, slice) and issubclass(self._VIEWED, Query)):
        return self._threads.run(_call, self, "__getitem__", (key,), {})
    if self._source is not None:
        return type(self)(self._threads, source=lambda: self._find()[key])
    return present(self._threads, self._target[key])


def _refuse_iter(self: AsyncView) -> NoReturn:
    raise shortened(TypeError(f"{self!r} is read by `async for`, not by `for`."))


def _refuse_len(self: AsyncView) -> NoReturn:
    raise shortened(TypeError(f"{self!r} has no len(): use await ….count()."))


def _refuse_bool(self: AsyncView) -> NoReturn:
    raise shortened(TypeError(f"{self!r} has no truth without a request: use await ….exists()."))


def _makes_requests(value: Any) -> bool:
    return isinstance(value, Query) or (
        isinstance(value, AsyncView) and issubclass(value._VIEWED, Query)
    )


def _unwrap(value: Any) -> Any:
    return value._find() if isinstance(value, AsyncView) else value
