"""Every message that the package logs, with logger, level and fields.

Handlers get the fields as attributes of the record, beside `event`, the name of the message. The
table in the manual's reference has the same rows, which a test compares.
"""

from __future__ import annotations

import logging
from typing import Any

from synapse._internal.redaction import redacted

__all__ = ["EVENTS", "LogEvent"]

_DEBUG, _INFO, _WARNING = logging.DEBUG, logging.INFO, logging.WARNING
_ERROR, _CRITICAL = logging.ERROR, logging.CRITICAL

EVENTS: dict[str, LogEvent] = {}
"""All events by name."""


class _CleanTracebacks(logging.Filter):
    """Keep secrets out of a traceback's text, which may quote a server or a user's function."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info:
            record.exc_text = redacted(logging.Formatter().formatException(record.exc_info))
        return True


_clean_tracebacks = _CleanTracebacks()


class LogEvent:
    """A kind of message.

    Args:
        name: Name of the event, the field `event` of each record.
        logger: Name of the logger below `synapse`.
        levels: The level; a second one is for cases that a person should see.
        fields: Names of the fields.
        meaning: What happened, for the manual.
    """

    def __init__(
        self, name: str, logger: str, levels: tuple[int, ...], fields: str, meaning: str
    ) -> None:
        self.name = name
        self.logger = logging.getLogger(f"synapse.{logger}")
        self.levels = levels
        self.fields = tuple(fields.split())
        self.meaning = meaning
        self.logger.addFilter(_clean_tracebacks)
        EVENTS[name] = self

    @property
    def is_enabled(self) -> bool:
        """Whether anybody wants the message at the usual level."""
        return self.logger.isEnabledFor(self.levels[0])

    def log(
        self,
        message: str,
        *args: Any,
        is_urgent: bool = False,
        exc_info: bool | BaseException | None = None,
        **fields: Any,
    ) -> None:
        """Log a message, with `***` for secrets in texts.

        Args:
            message: The message, with `%` places.
            *args: Values for the places.
            is_urgent: Whether to use the second level.
            exc_info: Whether to add the traceback of the error being handled, or of this error.
            **fields: The event's fields.
        """
        level = self.levels[-1 if is_urgent else 0]
        if self.logger.isEnabledFor(level):
            extra = {name: _clean(value) for name, value in fields.items()}
            extra["event"] = self.name
            values = tuple(map(_clean, args))
            self.logger.log(level, message, *values, exc_info=exc_info, stacklevel=2, extra=extra)


def _clean(value: Any) -> Any:
    if isinstance(value, BaseException):
        value = str(value)
    return redacted(value) if isinstance(value, str) else value


# -- The transport -------------------------------------------------------------------------------

_REQUEST = "method url path request_id resource"

REQUEST_ANSWERED = LogEvent(
    "request.answered",
    "transport",
    (_DEBUG,),
    f"{_REQUEST} attempt status duration size",
    "An attempt was answered.",
)
REQUEST_FAILED = LogEvent(
    "request.failed",
    "transport",
    (_DEBUG,),
    f"{_REQUEST} attempt duration error",
    "An attempt got no answer.",
)
REQUEST_RETRIED = LogEvent(
    "request.retried",
    "transport",
    (_INFO, _WARNING),
    f"{_REQUEST} attempt attempts delay reason",
    "Another attempt follows after the pause `delay`; WARNING above five seconds.",
)
TOKEN_RENEWED = LogEvent(
    "token.renewed",
    "transport",
    (_INFO,),
    f"{_REQUEST} source",
    "The server refused the token, and the token's source has another one.",
)
HOOK_FAILED = LogEvent(
    "hook.failed",
    "transport",
    (_ERROR,),
    f"{_REQUEST} hook",
    "`on_response` or `on_retry` raised an exception, which changes nothing.",
)
STREAM_REOPENED = LogEvent(
    "stream.reopened",
    "transport",
    (_INFO, _WARNING),
    "resource line reason",
    "A followed log broke off, and is opened again; WARNING the second time.",
)
LOG_SHORTENED = LogEvent(
    "log.shortened",
    "transport",
    (_WARNING,),
    "resource lines expected",
    "A followed log has fewer lines than before.",
)

# -- Objects, jobs and files ---------------------------------------------------------------------

NULLS_SENT = LogEvent(
    "create.nulls",
    "orm",
    (_WARNING,),
    "resource counts",
    "Missing values of a frame were sent as null.",
)
ENTRY_POINT_BROKEN = LogEvent(
    "entry_point.broken",
    "orm",
    (_WARNING,),
    "entry_point value",
    "A resource that another package offers can't be loaded.",
)
JOB_STOP_REQUESTED = LogEvent(
    "job.stop_requested", "jobs", (_INFO,), "job_id", "`job.stop()` was accepted."
)
WAIT_DISTURBED = LogEvent(
    "wait.disturbed",
    "jobs",
    (_WARNING,),
    "status reason",
    "`wait()` goes on although the server can't be asked.",
)
WAIT_RESUMED = LogEvent("wait.resumed", "jobs", (_INFO,), "", "The server answers `wait()` again.")
JOB_LINES_MISSING = LogEvent(
    "job.lines_missing",
    "jobs",
    (_INFO,),
    "job_id reason",
    "The last lines of a failed job could not be fetched.",
)
UPLOAD_STATE_LOST = LogEvent(
    "upload.state_lost",
    "transfer",
    (_DEBUG,),
    "reason",
    "The progress of an upload could not be stored; the upload goes on.",
)
TABLE_RESUMED = LogEvent(
    "table.resumed",
    "orm",
    (_INFO,),
    "file",
    "`to_parquet()` goes on after the rows that a stopped call has stored.",
)
DOWNLOAD_RESUMED = LogEvent(
    "download.resumed",
    "transfer",
    (_INFO,),
    "file",
    "`download()` goes on after the lines that a stopped call has stored.",
)
EXPORT_RESUMED = LogEvent(
    "export.resumed",
    "transfer",
    (_INFO,),
    "count",
    "`export()` goes on after the tasks that a stopped call has stored.",
)
SAMPLE_SKIPPED = LogEvent(
    "sample.skipped",
    "training",
    (_WARNING,),
    "row_id reason",
    'A sample could not be read (`on_error="skip"`).',
)
PROGRESS = LogEvent("progress", "progress", (_INFO,), "", "A line of progress, instead of a bar.")
PROGRESS_HIDDEN = LogEvent(
    "progress.hidden", "progress", (_DEBUG,), "reason", "Progress can't be shown."
)

# -- Jobs that run here: agents and the local backend --------------------------------------------

JOB_NOT_RUN = LogEvent(
    "job.not_run", "jobs", (_ERROR,), "job_id runner", "A job could not be run, and failed."
)
JOB_REPORT_FAILED = LogEvent(
    "job.report_failed",
    "jobs",
    (_ERROR,),
    "job_id runner",
    "A job's outcome or output could not be reported.",
)
JOB_NOT_STOPPED = LogEvent(
    "job.not_stopped", "jobs", (_WARNING,), "job_id runner reason", "A job can't be stopped."
)
JOB_LOG_BROKEN = LogEvent(
    "job.log_broken", "jobs", (_INFO,), "job_id runner reason", "A job's log broke off."
)
AGENT_BACKEND_BACK = LogEvent(
    "agent.backend_back", "agent", (_WARNING,), "", "The backend can be reached again."
)
AGENT_BACKEND_AWAY = LogEvent(
    "agent.backend_away", "agent", (_WARNING,), "reason", "The backend can't be reached."
)
AGENT_REPORTS_DELAYED = LogEvent(
    "agent.reports_delayed",
    "agent",
    (_WARNING,),
    "failures reason",
    "The backend can't be told of the jobs; logged ever less often.",
)
AGENT_OUTPUT_LOST = LogEvent(
    "agent.output_lost", "agent", (_ERROR,), "job_id", "A job's last lines can't be stored."
)
AGENT_REPORT_REFUSED = LogEvent(
    "agent.report_refused",
    "agent",
    (_WARNING,),
    "job_id reason",
    "The backend refuses a status or a line, or doesn't have the job.",
)
AGENT_JOB_STOPPED = LogEvent(
    "agent.job_stopped",
    "agent",
    (_WARNING,),
    "job_id",
    "A job that the backend has ended was stopped.",
)
AGENT_REQUEST_FAILED = LogEvent(
    "agent.request_failed",
    "agent",
    (_ERROR,),
    "method path",
    "The agent answered 500, with this fault.",
)
EMULATOR_FAILED = LogEvent(
    "emulator.failed",
    "emulator",
    (_ERROR,),
    "reason",
    "The local backend could not store, start or end something, or one of its workers ended.",
)
EMULATOR_LIMITED = LogEvent(
    "emulator.limited",
    "emulator",
    (_WARNING,),
    "files",
    "The limit of open files leaves room for fewer connections to the local backend.",
)
EMULATOR_REPLACED = LogEvent(
    "emulator.replaced",
    "emulator",
    (_CRITICAL,),
    "",
    "Another server uses the local backend's database, so this one ends.",
)
