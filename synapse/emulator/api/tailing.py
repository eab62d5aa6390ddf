"""Stream a job's output.

Each follower occupies one of the server's threads, so the number of followers is limited. A
follower ends with the job, and with the client. When the server stops, the stream is cut off, so
that clients don't take that for the end of the job.
"""

import re
import threading
from collections.abc import Generator, Iterator

from django.apps import apps
from django.db.models import Count, Max
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import APIException, Throttled
from rest_framework.request import Request

from synapse.emulator.models import ConsoleLine, Job
from synapse.emulator.raw_connection import Hangup

_PERIOD = 0.2
_LINES = 1000
_KIND = "text/plain; charset=utf-8"
_RANGE = re.compile(r"lines=([0-9]{1,15})-")

# Half of our own server's threads; another WSGI server may have few.
_OWN_SLOTS = threading.BoundedSemaphore(8)
_OTHER_SLOTS = threading.BoundedSemaphore(2)


class InvalidRange(APIException):
    """The requested range of lines is malformed."""

    status_code = 416
    default_detail = "The range must be lines=N-, with the number of the first line, from 0."
    default_code = "bad_range"


def tail(job: Job, request: Request) -> HttpResponseBase:
    """Answer with a job's past and future lines.

    ``Range: lines=N-`` asks for the lines from the N-th on, counted from 0.

    Raises:
        InvalidRange: The range is malformed.
        Throttled: The server has reached its limit of followers.
    """
    header = request.headers.get("Range", "")
    start = 0
    headers = {"Accept-Ranges": "lines", "X-Accel-Buffering": "no"}
    is_part = header.startswith("lines")  # HTTP: ignore other units
    if is_part:
        match = _RANGE.fullmatch(header.replace(" ", ""))
        if match is None:
            raise InvalidRange
        start = int(match[1])
        headers["Content-Range"] = f"lines {start}-/*"
    status = 206 if is_part else 200
    if request.method == "HEAD":
        return HttpResponse(content_type=_KIND, status=status, headers=headers)
    slots = _OWN_SLOTS if "waitress.client_disconnected" in request.META else _OTHER_SLOTS
    if not slots.acquire(blocking=False):
        raise Throttled(
            wait=1, detail="The server has reached its limit of followers. Try again in a second."
        )
    log_tail = _LogTail(job, request, start, slots)
    return StreamingHttpResponse(log_tail, content_type=_KIND, status=status, headers=headers)


class _LogTail:
    """The lines as bytes; the server closes the object at the end."""

    def __init__(
        self, job: Job, request: Request, start: int, slots: threading.BoundedSemaphore
    ) -> None:
        self._job = job
        self._is_gone = request.META.get("waitress.client_disconnected", lambda: False)
        self._slots = slots
        self._has_slot = True
        self._lines = self._follow(start)

    def __iter__(self) -> Iterator[bytes]:
        return self._lines

    def close(self) -> None:
        """Free the slot for another follower."""
        self._lines.close()
        if self._has_slot:
            self._has_slot = False
            self._slots.release()

    def _follow(self, start: int) -> Generator[bytes, None, None]:
        stopping: threading.Event = apps.get_app_config("emulator").stopping  # type: ignore[attr-defined] # ours
        printed = ConsoleLine.objects.filter(job=self._job.pk).order_by("pk")
        last, skipped = _find_position(self._job, start)
        while not self._is_gone():
            # Queried before the lines, so that the last lines are among them.
            ended = not Job.objects.filter(pk=self._job.pk).exclude(status__in=Job.FINAL).exists()
            rows = list(printed.filter(pk__gt=last).values_list("pk", "message")[:_LINES])
            if rows:
                last = rows[-1][0]
                text = "".join(f"{message}\n" for _, message in rows)
                if skipped:
                    text, skipped = _drop_lines(text, skipped)
                if text:
                    yield text.encode()
            elif ended:
                return
            elif stopping.wait(_PERIOD):
                raise Hangup


def _find_position(job: Job, start: int) -> tuple[int, int]:
    """Return the last row before a line, and the lines to skip.

    A job may report several lines in one row, so rows alone don't count lines.
    """
    if not start:
        return 0, 0
    printed = ConsoleLine.objects.filter(job=job.pk).order_by("pk")
    if not printed.filter(message__contains="\n").exists():
        for last in printed.values_list("pk", flat=True)[start - 1 : start]:
            return last, 0
        reached = printed.aggregate(last=Max("pk"), count=Count("pk"))
        return reached["last"] or 0, start - reached["count"]
    last = lines = 0
    for pk, message in printed.values_list("pk", "message").iterator(chunk_size=_LINES):
        more = message.count("\n") + 1
        if lines + more > start:
            break
        last, lines = pk, lines + more
    return last, start - lines


def _drop_lines(text: str, count: int) -> tuple[str, int]:
    """Drop a text's first lines; return the rest and the missing number."""
    lines = text.split("\n")[:-1]
    return "".join(f"{line}\n" for line in lines[count:]), max(0, count - len(lines))
