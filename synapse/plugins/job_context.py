"""The context of a job's code: parameters, a session, and reports.

Example:
    >>> def run(context):
    ...     context.progress(1, 2)
    ...     return {"epochs": context.params["epochs"]}
    >>> with local_context(params={"epochs": 3}) as local:
    ...     run(local)
    {'epochs': 3}
    >>> local.reports.progress
    50.0
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from synapse._internal.hints import attribute_error, suggestion
from synapse._internal.short_traceback import shortened
from synapse._internal.yaml_values import write_as
from synapse.errors import SynapseError
from synapse.plugins.job_updates import JobUpdates, to_json
from synapse.plugins.log_markers import add_level, validate_level

if TYPE_CHECKING:
    from synapse.session import Job, Session

__all__ = ["Context", "LocalContext", "context", "local_context"]


_INSTEAD = ": the first argument of an entrypoint is the context. Read context.params."


class _ReadOnlyParams(dict[str, Any]):
    """Parameters that can't be changed by mistake; they are written as JSON and pickled as others.

    A mapping proxy can be neither.
    """

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise shortened(
            TypeError("A job's parameters can't be changed. Change a copy: dict(context.params).")
        )

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


write_as(_ReadOnlyParams, dict)


class Context:
    """A job as the code sees the job. Safe under threads.

    A thread sends reports to the backend, the newest values at most twice a second; no method waits
    for the backend. The last values are always sent before the process ends.

    Args:
        job_id: The job's id.
        plugin_code: The plugin's code.
        version: Version of the running release.
        action: Name of the action.
        params: The action's parameters.
        debug: Whether the job runs for debugging.
        connect: Makes the session.
        changed: Called after each report.

    Attributes:
        job_id: The job's id.
        plugin_code: The plugin's code.
        version: Version of the running release.
        action: Name of the action.
        params: The action's parameters, read-only.
        debug: Whether the job runs for debugging.
        reports: The reports so far.
    """

    def __init__(
        self,
        *,
        job_id: str,
        plugin_code: str,
        version: str,
        action: str,
        params: Mapping[str, Any],
        connect: Callable[[], Session],
        changed: Callable[[], None],
        debug: bool = False,
    ) -> None:
        self.job_id = job_id
        self.plugin_code = plugin_code
        self.version = version
        self.action = action
        self.params: Mapping[str, Any] = _ReadOnlyParams(params)
        self.debug = debug
        self.reports = JobUpdates()
        self._connect = connect
        self._changed = changed
        self._session: Session | None = None
        self._connecting = threading.RLock()
        self._process = os.getpid()

    @property
    def session(self) -> Session:
        """A session with the job's rights, made at first use. Makes no request.

        That session becomes the process's default session, unless one exists.
        """
        with self._connecting:
            if self._session is None:
                self._session = self._connect()
            return self._session

    @property
    def job(self) -> Job:
        """The job; reading a field loads the job, by one request."""
        job: Job = self.session.identity.related("Job", self.job_id, via="job")
        return job

    def progress(self, done: float, total: float, category: str | None = None) -> None:
        """Report the job's progress. Makes no request by itself.

        The job's overall progress is the mean over all categories.

        Args:
            done: Amount done, in any unit.
            total: Amount to do; 0 counts as done.
            category: Name of the counted amount, if the job counts several.

        Raises:
            UsageError: A number is negative, or not a number.
        """
        self._check_process()
        self.reports.set_progress(done, total, category)
        self._changed()

    def metrics(self, category: str | None = None, /, **values: Any) -> None:
        """Report measurements; they replace those of the same names. Makes no request by itself.

        NaN and infinity become `None`: JSON doesn't know them.

        Args:
            category: Name of the measured object, if the job measures several.
            **values: The measurements by name.

        Raises:
            UsageError: JSON can't hold a value, or the values are given as a mapping.
        """
        self._check_process()
        self.reports.add_metrics(category, values)
        self._changed()

    def result(self, value: Any) -> None:
        """Report the job's result. Makes no request by itself.

        A reported result beats the code's return value, and the last one counts.

        Args:
            value: A JSON value; NaN and infinity become `None`.

        Raises:
            UsageError: JSON can't hold the value.
        """
        self._check_process()
        self.reports.set_result(value)
        self._changed()

    def log(self, message: object, level: str = "info") -> None:
        """Print to the job's output with a level; plain `print` has none.

        Args:
            message: The text; each line becomes one line of output.
            level: `debug`, `info`, `success`, `warning`, `danger`, `error` or `critical`; or a
                `synapse.LogLevel`.

        Raises:
            UsageError: No such level exists.
        """
        # One call: other threads may be printing.
        sys.stdout.write(add_level(str(message), level) + "\n")
        sys.stdout.flush()

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise SynapseError(
                "Only the job's first process can report progress, metrics and results. Return the "
                "values to that process; context.log() works in every process."
            )

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):  # looked for by pickle and others
            raise AttributeError(name)
        # An entrypoint that takes its argument for the parameters calls `get()`, or reads a key.
        hint = _INSTEAD if hasattr(dict, name) else suggestion(name, _members(self))
        raise attribute_error(f"The job's context has no {name!r}{hint}", name)

    def __getitem__(self, key: object) -> NoReturn:
        raise TypeError(f"The job's context is not a mapping{_INSTEAD}")

    __iter__ = __contains__ = None  # otherwise `in` and `for` would count up keys

    def __repr__(self) -> str:
        release = f"{self.plugin_code}@{self.version}"
        return f"<{type(self).__name__} {release} {self.action!r}, job {self.job_id}>"


class LocalContext(Context):
    """A context without a job, made by `local_context()`: reports stay on this object.

    Attributes:
        printed: Logged messages, as pairs of message and level.
    """

    def __init__(
        self,
        params: Mapping[str, Any],
        *,
        session: Session | None,
        action: str,
        plugin_code: str,
        version: str,
        debug: bool = False,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(
            job_id="local",
            plugin_code=plugin_code,
            version=version,
            action=action,
            params=to_json(params, "params"),
            connect=_default_session,
            changed=changed,
            debug=debug,
        )
        self._session = session
        self.printed: list[tuple[str, str]] = []

    @property
    def job(self) -> Job:
        """Fail, as a local context has no job.

        Raises:
            SynapseError: Always.
        """
        raise SynapseError("A local context has no job. Run the plugin to get one.")

    def log(self, message: object, level: str = "info") -> None:
        """Print a message, and append the message to `printed`.

        Args:
            message: The text.
            level: Level, as for `Context.log`.

        Raises:
            UsageError: No such level exists.
        """
        self.printed.append((str(message), validate_level(level)))
        sys.stdout.write(f"{message}\n")


def _members(context_: Context) -> list[str]:
    return [name for name in {*dir(type(context_)), *vars(context_)} if not name.startswith("_")]


_current: list[Context] = []


def context() -> Context:
    """Return the context of the job in this process. Makes no request.

    Raises:
        SynapseError: This process runs no job.
    """
    if not _current:
        raise SynapseError(
            "This process runs no job, and so has no context. To try a plugin's code: "
            "with synapse.plugins.local_context(params={...}) as context: run(context)"
        )
    return _current[-1]


@contextmanager
def local_context(
    params: Mapping[str, Any] | None = None,
    *,
    session: Session | None = None,
    action: str = "run",
    plugin_code: str = "local",
    version: str = "0",
) -> Iterator[LocalContext]:
    """Run a plugin's code in this process, for trials and tests.

    Inside the block, `context()` returns the same context. Nothing is sent: progress, metrics and
    result are in `reports`, log lines in `printed`.

    Args:
        params: The action's parameters.
        session: The code's session; by default the default session.
        action: The action's name.
        plugin_code: The plugin's code.
        version: The release's version.

    Example:
        >>> with local_context({"epochs": 3}) as local:
        ...     local.metrics(loss=0.5)
        ...     local.log("done", level="success")
        done
        >>> local.reports.metrics_record, local.printed
        ({'loss': 0.5}, [('done', 'success')])
    """
    local = LocalContext(
        params or {}, session=session, action=action, plugin_code=plugin_code, version=version
    )
    with make_current(local):
        yield local


@contextmanager
def make_current(context_: Context) -> Iterator[None]:
    """Make `context()` return a context in the block, in every thread."""
    set_current(context_)
    try:
        yield
    finally:
        _current.remove(context_)


def set_current(context_: Context) -> None:
    """Make `context()` return this context, in every thread."""
    _current.append(context_)


def _default_session() -> Session:
    import synapse.session  # noqa: F401 # lets `default()` make one
    from synapse.orm import session_base as sessions

    session: Any = sessions.default()
    return session  # type: ignore[no-any-return]
