"""What the code of a plugin has while it runs: its parameters, a session, and where to report.

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

from synapse.errors import SynapseError
from synapse.plugins.job_updates import JobUpdates, as_json
from synapse.plugins.log_markers import checked_level, marked

if TYPE_CHECKING:
    from synapse.resources.jobs import Job
    from synapse.session import Session

__all__ = ["Context", "LocalContext", "context", "local_context"]


class _Params(dict[str, Any]):
    """Parameters that can't be changed by mistake; they are written as JSON and pickled as others.

    A mapping proxy can be neither.
    """

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("A job's parameters can't be changed: copy them, dict(context.params).")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


class Context:
    """A job, as its code sees it. Safe under threads.

    Reports go to the backend from a thread of their own, the newest values at most twice a second;
    none of the methods waits for it. The last values are always sent before the process ends.

    Args:
        job_id: The job's id.
        plugin_code: The plugin's code.
        version: The version of the release that runs.
        action: Which of its actions.
        params: The action's parameters.
        debug: Whether it runs for debugging.
        connect: Makes the session.
        changed: Told that there is something to send.

    Attributes:
        job_id: The job's id.
        plugin_code: The plugin's code.
        version: The version of the release that runs.
        action: Which of its actions.
        params: The action's parameters; they can't be changed.
        debug: Whether it runs for debugging.
        reports: What was reported so far.
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
        self.params: Mapping[str, Any] = _Params(params)
        self.debug = debug
        self.reports = JobUpdates()
        self._connect = connect
        self._changed = changed
        self._session: Session | None = None
        self._connecting = threading.RLock()
        self._process = os.getpid()

    @property
    def session(self) -> Session:
        """A session with the job's rights, made when it is first asked for. Makes no request.

        It is the process's default session too, unless there is one.
        """
        with self._connecting:
            if self._session is None:
                self._session = self._connect()
            return self._session

    @property
    def job(self) -> Job:
        """The job; reading its fields loads it, by one request."""
        job: Job = self.session.identity.related("Job", self.job_id, via="job")
        return job

    def progress(self, done: float, total: float, category: str | None = None) -> None:
        """Say how far the job is. It makes no request by itself.

        The job's overall progress is the mean over all categories.

        Args:
            done: How much is done, in whatever is counted.
            total: How much there is to do; 0 counts as done.
            category: What is counted, if there is more than one thing.

        Raises:
            InvalidQuery: One of the numbers is negative, or none.
        """
        self._check_process()
        self.reports.set_progress(done, total, category)
        self._changed()

    def metrics(self, category: str | None = None, /, **values: Any) -> None:
        """Report measurements; those of the same names are replaced, others stay.

        It makes no request by itself. NaN and infinity become `None`: JSON doesn't know them.

        Args:
            category: What they are about, if there is more than one thing.
            **values: The measurements by name.

        Raises:
            InvalidQuery: JSON can't hold one, or they are given as a mapping.
        """
        self._check_process()
        self.reports.add_metrics(category, values)
        self._changed()

    def result(self, value: Any) -> None:
        """Say what came of the job. It makes no request by itself.

        It counts before what the code returns, and the last one counts.

        Args:
            value: What JSON can hold; NaN and infinity become `None`.

        Raises:
            InvalidQuery: JSON can't hold it.
        """
        self._check_process()
        self.reports.set_result(value)
        self._changed()

    def log(self, message: object, level: str = "info") -> None:
        """Print to the job's console log, with a level. What is just printed has none.

        Args:
            message: The text; each line of it becomes one of the log.
            level: `debug`, `info`, `success`, `warning`, `danger`, `error` or `critical`; or a
                `synapse.LogLevel`.

        Raises:
            InvalidQuery: There is no such level.
        """
        # In one piece: another thread may be printing.
        sys.stdout.write(marked(str(message), level) + "\n")
        sys.stdout.flush()

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise SynapseError(
                "Progress, metrics and results are reported by the job's own process: return them "
                "from this one that it started. context.log() works everywhere."
            )

    def __repr__(self) -> str:
        where = f"{self.plugin_code}@{self.version}"
        return f"<{type(self).__name__} {where} {self.action!r}, job {self.job_id}>"


class LocalContext(Context):
    """A job that isn't one: what is reported stays on the object. `local_context()` makes it.

    Attributes:
        printed: What was logged, as pairs of a message and its level.
    """

    def __init__(
        self,
        params: Mapping[str, Any],
        *,
        session: Session | None,
        action: str,
        plugin_code: str,
        version: str,
    ) -> None:
        super().__init__(
            job_id="local",
            plugin_code=plugin_code,
            version=version,
            action=action,
            params=as_json(params, "params"),
            connect=_default_session,
            changed=lambda: None,
        )
        self._session = session
        self.printed: list[tuple[str, str]] = []

    @property
    def job(self) -> Job:
        """There is none.

        Raises:
            SynapseError: Always.
        """
        raise SynapseError("This is a local context: there is no job. Run the plugin to have one.")

    def log(self, message: object, level: str = "info") -> None:
        """Print a message, and keep it in `printed`.

        Args:
            message: The text.
            level: Its level, as for `Context.log`.

        Raises:
            InvalidQuery: There is no such level.
        """
        self.printed.append((str(message), checked_level(level)))
        sys.stdout.write(f"{message}\n")


_current: list[Context] = []


def context() -> Context:
    """Return the context of the job that this process runs. Makes no request.

    Raises:
        SynapseError: It runs none.
    """
    if not _current:
        raise SynapseError(
            "This process runs no job, so there is no context. To try a plugin's code by itself: "
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
    """Run a plugin's code in this process, to try or to test it.

    Inside, `context()` gives the same as the `with` statement. Nothing is sent: progress, metrics
    and result are at `reports`, log lines at `printed`.

    Args:
        params: The action's parameters.
        session: The session that the code gets; by default the default session.
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
    made = LocalContext(
        params or {}, session=session, action=action, plugin_code=plugin_code, version=version
    )
    enter(made)
    try:
        yield made
    finally:
        _current.remove(made)


def enter(made: Context) -> None:
    """Let `context()` give a context, in every thread."""
    _current.append(made)


def _default_session() -> Session:
    import synapse.session  # noqa: F401 # says how to make one
    from synapse.orm import session_base as sessions

    session: Any = sessions.default()
    return session  # type: ignore[no-any-return]
