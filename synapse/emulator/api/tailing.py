"""Following what a job prints.

Each follower keeps one of the server's threads, so there are few of them at a time. A follower
ends with the job, with its client and with the server.
"""

import threading
from collections.abc import Generator, Iterator

from django.apps import apps
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from synapse.emulator.models import ConsoleLine, Job

_PERIOD = 0.2
_LINES = 500
_KIND = "text/plain; charset=utf-8"

_places = threading.BoundedSemaphore(2)


def tail(job: Job, request: Request) -> HttpResponseBase:
    """Answer with the lines of a job, those that are there and those to come.

    Raises:
        Throttled: There are as many followers as there may be.
    """
    if request.method == "HEAD":
        return HttpResponse(content_type=_KIND)
    if not _places.acquire(blocking=False):
        raise Throttled(wait=1, detail="Too many logs are being followed.")
    return StreamingHttpResponse(_Follower(job, request), content_type=_KIND)


class _Follower:
    """The lines as bytes; whoever reads them closes it, be it read to its end or not at all."""

    def __init__(self, job: Job, request: Request) -> None:
        self._job = job
        self._is_gone = request.META.get("waitress.client_disconnected", lambda: False)
        self._lines = self._follow()
        self._has_place = True

    def __iter__(self) -> Iterator[bytes]:
        return self._lines

    def close(self) -> None:
        """Let another one in."""
        self._lines.close()
        if self._has_place:
            self._has_place = False
            _places.release()

    def _follow(self) -> Generator[bytes, None, None]:
        stopping: threading.Event = apps.get_app_config("emulator").stopping  # type: ignore[attr-defined] # ours
        last = 0
        while not self._is_gone():
            # Asked before the lines, so that those which came with the end are among them.
            ended = not Job.objects.filter(pk=self._job.pk).exclude(status__in=Job.FINAL).exists()
            lines = list(
                ConsoleLine.objects.filter(job=self._job.pk, pk__gt=last)
                .order_by("pk")
                .values_list("pk", "message")[:_LINES]
            )
            if lines:
                last = lines[-1][0]
                yield "".join(f"{message}\n" for _, message in lines).encode()
            elif ended or stopping.wait(_PERIOD):
                return
