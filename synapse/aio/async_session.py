"""The session of coroutines: `session.aio`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import ParamSpec

from synapse._internal.short_traceback import shortened
from synapse.aio.call_threads import WORKERS, CallThreads
from synapse.aio.member_kinds import is_viewed
from synapse.aio.views import AsyncView, present, set_session_maker, view_class
from synapse.errors import UsageError
from synapse.orm.resource import Resource

if TYPE_CHECKING:
    from typing_extensions import Self

    from synapse.aio._typed import TypedAsyncSession
    from synapse.orm.session_base import SessionBase
else:
    TypedAsyncSession = object

__all__ = ["AsyncSession"]

P = ParamSpec("P")
R = TypeVar("R")


class AsyncSession(TypedAsyncSession):
    """A session whose managers and verbs are awaited.

    `session.aio` is one; another one has other threads. Objects are the session's ordinary ones.
    Calling the async session with an object gives the object's own verbs, relations and fields as
    awaitables. May be used from several event loops.

    Args:
        session: The session.
        workers: Largest number of calls at a time; each takes a thread. Further calls wait.
        threads: Threads to share, instead of `workers`.

    Example:
        >>> import asyncio
        >>> async def main():
        ...     project = await session.aio.projects.create(title="Streets", category="image")
        ...     return await session.aio(project).tasks.count()
        >>> asyncio.run(main())
        0
    """

    def __init__(
        self, session: SessionBase, *, workers: int = WORKERS, threads: CallThreads | None = None
    ) -> None:
        self._session = session
        self._threads = threads if threads is not None else CallThreads(workers)
        self._verbs = view_class(type(session))(self._threads, session)

    if not TYPE_CHECKING:
        # For type checkers, the overloads of the stub.
        def __call__(self, target: Any) -> Any:
            """Return a view of an object, with its verbs, relations and fields as awaitables.

            Makes no request.

            Args:
                target: An object of this session, or a manager, a query, or the like.

            Raises:
                UsageError: The object has no verbs to await.
            """
            return self._view(target)

    def _view(self, target: Any) -> Any:
        if isinstance(target, AsyncView):
            return target
        if isinstance(target, Resource):
            return view_class(type(target))(self._threads, target)
        if not is_viewed(type(target)):
            raise UsageError(
                f"aio({target!r}) is neither an object of the server nor a manager. Pass a Task, a "
                "query or the like."
            )
        return present(self._threads, target)

    def __getitem__(self, cls: Any) -> Any:
        return present(self._threads, self._session[cls])  # type: ignore[index] # every session has it, their base class has not

    async def run(self, function: Callable[P, R], /, *args: P.args, **options: P.kwargs) -> R:
        """Call a function in one of the threads, with the arguments' and the result's types.

        For verbs of your own, and for functions that use the ordinary session. Cancelling ends
        the function's requests and pauses, as for the verbs of the SDK: no further request is sent.
        As many requests as the function makes.

        Args:
            function: The function, such as `task.approve` or one that takes the session.
            *args: Its arguments.
            **options: Its named arguments.

        Example:
            >>> def count_pending(project):
            ...     return project.tasks.filter(status="pending").count()
            >>> import asyncio
            >>> asyncio.run(session.aio.run(count_pending, project))
            2
        """
        return await self._threads.run(functools.partial(function, *args, **options))

    def stop_threads(self) -> None:
        """End the threads after their current calls, as closing the session does."""
        self._threads.close()

    async def __aenter__(self) -> Self:
        self._session.__enter__()  # of a copy with other options: in this task
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session._original is None:
            await self._threads.run(self._session.close)
        else:
            self._session.__exit__()

    def __enter__(self) -> None:
        raise shortened(TypeError("session.aio is entered by `async with`, not by `with`."))

    def __exit__(self, *_: object) -> None: ...

    if not TYPE_CHECKING:
        # Hidden from type checkers, which would otherwise accept any misspelled name.
        def __getattr__(self, name: str) -> Any:
            if name[:1] == "_":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            if hasattr(type(self._verbs), name):
                return getattr(self._verbs, name)
            return present(self._threads, getattr(self._session, name))  # a root manager

    def __dir__(self) -> list[str]:
        roots = {name for name in dir(self._session) if not hasattr(type(self._session), name)}
        verbs = {*dir(type(self._verbs)), *(name for name in roots if name[:1] != "_")}
        return sorted({*dir(type(self)), *verbs})

    def __repr__(self) -> str:
        return f"<aio {self._session!r}>"


set_session_maker(lambda threads, session: AsyncSession(session, threads=threads))
