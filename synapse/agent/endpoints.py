"""The agent's endpoints."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from synapse._internal import log_events
from synapse._version import __version__
from synapse.agent.gpus import list_gpus, summarize_gpus
from synapse.agent.http_errors import Refusal
from synapse.agent.job_service import Caller, JobService
from synapse.agent.log_streaming import (
    Followers,
    follow_by_websocket,
    stream_events,
    stream_text,
)
from synapse.agent.metrics import PANELS, panel
from synapse.agent.release_store import split_key
from synapse.agent.resources import ClusterResources
from synapse.agent.store import KeptJob, KeptRelease
from synapse.errors import MissingExtra
from synapse.jobs.protocols import MachinesUnavailable

try:
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.exceptions import HTTPException
    from starlette.requests import HTTPConnection, Request
    from starlette.responses import JSONResponse, PlainTextResponse, Response
    from starlette.routing import BaseRoute, Route, WebSocketRoute
    from starlette.types import ASGIApp, Receive, Scope, Send
    from starlette.websockets import WebSocket
except ModuleNotFoundError as error:
    raise MissingExtra("The agent", "agent") from error

__all__ = ["make_app"]


_MOST_ROWS = 1000
_MOST_BODY = 10 << 20
_MOST_ID = 1 << 63
_TOKEN = re.compile(r"(?:Token\s+)?(\S+)", re.IGNORECASE)
#: States whose names on the wire differ from the store's.
_WIRE_STATUS = {"queued": "PENDING", "completed": "SUCCEEDED"}
_STORED_STATUS = {word.lower(): status for status, word in _WIRE_STATUS.items()}
#: Paths of the platform's own hosts, and why this agent has none of them.
_FOREIGN = {
    "containers": "This agent runs jobs, not containers. Use the container host's own tools.",
    "builds": "This agent builds no images. Build the image elsewhere, for example with docker.",
    "system": "This agent doesn't manage its host. Update or restart the agent on its machine.",
}
_ANY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def make_app(work: JobService, token: str) -> ASGIApp:
    """Return the agent's service as an ASGI application.

    Args:
        work: The job service.
        token: Required value of the header `Authorization`, except for `health/` and for job specs,
            which have tickets.
    """
    endpoints = _Endpoints(work)
    by_path: dict[str, dict[str, _Endpoint]] = {}
    for method, path, endpoint in endpoints.table():
        by_path.setdefault(path, {})[method] = endpoint
    routes: list[BaseRoute] = [
        *(
            Route(path, _make_handler(found), methods=list(found))
            for path, found in by_path.items()
        ),
        Route("/jobs/{id}/logs/stream/", endpoints.events, methods=["GET"]),
        Route("/ray/jobs/{id}/logs/stream/", endpoints.text, methods=["GET"]),
        WebSocketRoute("/jobs/{id}/logs/", endpoints.websocket),
        WebSocketRoute("/ray/jobs/{id}/logs/ws/", endpoints.websocket),
        *(
            Route(path, _refusing(501, reason), methods=_ANY_METHOD)
            for name, reason in _FOREIGN.items()
            for path in (f"/{name}/", f"/{name}/{{rest:path}}")
        ),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={
            Refusal: _answer_refusal,
            MachinesUnavailable: _answer_unavailable,
            HTTPException: _answer_http_error,
            Exception: _answer_fault,
        },
    )
    app.router.redirect_slashes = False
    return _Guard(app, token)


class _Guard:
    """Admit requests with the agent's token only, with or without a slash at the path's end."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope.get("path", "/").endswith("/"):
            # A redirect would lose the body of a POST.
            scope = {**scope, "path": f"{scope['path']}/"}
        if scope["type"] not in ("http", "websocket") or self._is_allowed(scope):
            await self._app(scope, receive, send)
            return
        given = HTTPConnection(scope).headers.get("authorization")
        detail = "Invalid token." if given else "Authentication credentials were not provided."
        answer = JSONResponse({"detail": detail}, 401, {"WWW-Authenticate": "Token"})
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(answer)
        else:
            await answer(scope, receive, send)

    def _is_allowed(self, scope: Scope) -> bool:
        if scope["path"] == "/health/" or scope["path"].startswith("/_orders/"):
            return True
        given = HTTPConnection(scope).headers.get("authorization", "")
        # In constant time: the duration reveals nothing about a guess.
        return hmac.compare_digest(given.encode("latin-1"), self._token)


_Endpoint = Callable[[Request, Any], Any]


class _Endpoints:
    """The handler of each path. Handlers run on threads, except those that follow a log."""

    def __init__(self, work: JobService) -> None:
        self._work = work
        self._followers = Followers()
        self._resources = ClusterResources(work.store, work.cluster)

    def table(self) -> Sequence[tuple[str, str, _Endpoint]]:
        """Return method, path and function of each."""
        return [
            ("GET", "/health/", self.health),
            ("GET", "/metrics/{panel}/", self.metrics),
            ("GET", "/plugin_releases/", self.list_releases),
            ("POST", "/plugin_releases/", self.fetch_release),
            ("POST", "/plugin_releases/run_debug/", self.run_debug),
            ("GET", "/plugin_releases/{id}/", self.get_release),
            ("DELETE", "/plugin_releases/{id}/", self.drop_release),
            ("POST", "/plugin_releases/{id}/run/", self.run_release),
            ("GET", "/jobs/", self.list_jobs),
            ("GET", "/jobs/{id}/", self.get_job),
            ("GET", "/jobs/{id}/logs/", self.job_logs),
            ("POST", "/jobs/{id}/stop/", self.stop_job),
            ("GET", "/nodes/", self.list_nodes),
            ("GET", "/nodes/{id}/", self.get_node),
            ("GET", "/tasks/", self.list_tasks),
            ("GET", "/tasks/{id}/", self.get_task),
            ("GET", "/serve_applications/", self.list_applications),
            ("GET", "/serve_applications/{id}/", self.get_application),
            ("DELETE", "/serve_applications/{id}/", self.delete_application),
            ("GET", "/gpu_status/", self.gpu_status),
            ("GET", "/resources/cluster/", self.cluster_resources),
            ("POST", "/resources/feasibility/", self.check_feasibility),
            ("GET", "/resources/policy/", self.get_policy),
            ("PATCH", "/resources/policy/", self.update_policy),
            ("GET", "/_orders/{id}/", self.order),
        ]

    def health(self, request: Request, body: Any) -> Any:
        """Answer the agent's health, which contains no secret."""
        del request, body
        problem = self._work.cluster.problem()
        return {
            "status": "ok" if problem is None else "degraded",
            "version": __version__,
            "runner": self._work.cluster.kind,
            "connected": self._work.connected is not None,
            **({} if problem is None else {"detail": problem}),
        }

    def metrics(self, request: Request, body: Any) -> Any:
        """Answer the figures of a panel."""
        del body
        name = request.path_params["panel"]
        if name not in PANELS:
            raise Refusal(404, f"Panel {name!r} does not exist. Use one of {', '.join(PANELS)}.")
        return panel(name, self._work.store)

    def list_releases(self, request: Request, body: Any) -> Any:
        """Answer a page of the releases that are kept."""
        del body
        return _slice_page(request, [_release_row(one) for one in self._work.store.releases()])

    def fetch_release(self, request: Request, body: Any) -> Any:
        """Fetch a release to the disk; a second request fetches nothing."""
        del request
        code, version = body.get("plugin"), body.get("version")
        key = body.get("plugin_release", body.get("id"))
        if type(key) is int and abs(key) < _MOST_ID and code is None:
            kept, is_new = self._work.releases.fetch_by_id(key)
        elif isinstance(code, str) and isinstance(version, str):
            kept, is_new = self._work.releases.fetch(*split_key(f"{code}@{version}"))
        else:
            raise Refusal(
                400,
                {"plugin": ["Give the plugin's code and version, or the id as plugin_release."]},
            )
        return _release_row(kept), 201 if is_new else 200

    def get_release(self, request: Request, body: Any) -> Any:
        """Answer a release that is kept."""
        del body
        return _release_row(self._work.releases.find(request.path_params["id"]))

    def drop_release(self, request: Request, body: Any) -> Any:
        """Keep a release no longer."""
        del body
        self._work.releases.drop(request.path_params["id"])
        return None, 204

    def run_release(self, request: Request, body: Any) -> Any:
        """Run an action."""
        key = request.path_params["id"]
        if "@" not in key:
            key = self._work.releases.find(key).key
        done = self._work.run(key, body, _caller(request))
        if isinstance(done, str):
            return {"job_id": done, "id": done, "status": _WIRE_STATUS["queued"]}, 202
        return {"job_id": done.id, **_job_row(done)}, 201

    def run_debug(self, request: Request, body: Any) -> Any:
        """Run an action of code that isn't released."""
        job = self._work.run_debug(body, _caller(request))
        return {"job_id": job.id, **_job_row(job)}, 201

    def list_jobs(self, request: Request, body: Any) -> Any:
        """Answer the jobs in order of arrival."""
        del body
        words = [word.lower() for word in request.query_params.getlist("status")]
        statuses = [_STORED_STATUS.get(word, word) for word in words]
        store = self._work.store
        if not _asks_for_page(request):
            return [_job_row(one) for one in store.jobs(statuses)]
        number, size = _window(request)
        rows = store.jobs(statuses, start=(number - 1) * size, limit=size)
        return _build_page(
            request, [_job_row(one) for one in rows], store.count(statuses), number, size
        )

    def get_job(self, request: Request, body: Any) -> Any:
        """Answer a job."""
        del body
        return _job_row(self._work.job(request.path_params["id"]))

    def job_logs(self, request: Request, body: Any) -> Any:
        """Answer a job's output from a line on: text, or with the state of the log as JSON."""
        del body
        is_rich = _asks_for_json(request)
        start = _number(request, "from", 0, least=0)
        limit = _number(request, "limit", -1, least=1)
        job = self._work.job(request.path_params["id"])
        lines = self._work.store.lines(job.id, start, limit)
        text = "".join(f"{line.message}\n" for line in lines)
        if not is_rich:
            return PlainTextResponse(text)
        return {"logs": text, "from": start, "count": job.lines, "is_final": job.is_final}

    def stop_job(self, request: Request, body: Any) -> Any:
        """Ask for a job's end."""
        del body
        job_id = request.path_params["id"]
        was_final = self._work.job(job_id).is_final
        return {"stopped": not was_final, **_job_row(self._work.stop(job_id))}

    def list_nodes(self, request: Request, body: Any) -> Any:
        """Answer the machines."""
        del body
        return _list_rows(request, self._work.cluster.nodes())

    def get_node(self, request: Request, body: Any) -> Any:
        """Answer a machine."""
        del body
        return _find_row(self._work.cluster.nodes(), "node_id", request, "node")

    def list_tasks(self, request: Request, body: Any) -> Any:
        """Answer the running tasks."""
        del body
        return _list_rows(request, self._work.cluster.tasks())

    def get_task(self, request: Request, body: Any) -> Any:
        """Answer a running task."""
        del body
        return _find_row(self._work.cluster.tasks(), "task_id", request, "task")

    def list_applications(self, request: Request, body: Any) -> Any:
        """Answer the served applications."""
        del body
        return _list_rows(request, self._work.cluster.applications())

    def get_application(self, request: Request, body: Any) -> Any:
        """Answer an application."""
        del body
        return _find_row(self._work.cluster.applications(), "name", request, "served application")

    def delete_application(self, request: Request, body: Any) -> Any:
        """Serve an application no longer."""
        del body
        name = request.path_params["id"]
        if not self._work.cluster.delete_application(name):
            raise Refusal(404, f"No application {name} is served.")
        return None, 204

    def gpu_status(self, request: Request, body: Any) -> Any:
        """Answer the GPUs of the agent's machine."""
        del request, body
        gpus = list_gpus()
        return {**summarize_gpus(gpus), "gpus": gpus}

    def cluster_resources(self, request: Request, body: Any) -> Any:
        """Answer capacity and use of the machines."""
        del body
        use_cache = request.query_params.get("use_cache", "true").lower()
        if use_cache not in ("true", "false"):
            raise Refusal(400, {"use_cache": ["Give true or false."]})
        return self._resources.snapshot(use_cache=use_cache == "true")

    def check_feasibility(self, request: Request, body: Any) -> Any:
        """Answer whether the machines have room for work."""
        del request
        return self._resources.check(body)

    def get_policy(self, request: Request, body: Any) -> Any:
        """Answer the limits of feasibility checks."""
        del request, body
        return self._resources.policy()

    def update_policy(self, request: Request, body: Any) -> Any:
        """Change some of these limits."""
        del request
        return self._resources.update_policy(body)

    def order(self, request: Request, body: Any) -> Any:
        """Hand a job its spec, once."""
        del body
        order = self._work.orders.take(request.path_params["id"])
        if order is None:
            raise Refusal(404, "This ticket is unknown, or was used already.")
        return order

    async def events(self, request: Request) -> ASGIApp:
        """Stream a job's output as server-sent events until the job has ended."""
        job = await run_in_threadpool(self._work.job, request.path_params["id"])
        start = _number(request, "from", 0, least=0)
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        response = stream_events(self._work.store, job.id, start, self._work.stopping)
        return self._followers.limit(response)

    async def text(self, request: Request) -> ASGIApp:
        """Stream a job's output as text until the job has ended."""
        job = await run_in_threadpool(self._work.job, request.path_params["id"])
        if request.method == "HEAD":
            return Response(media_type="text/plain")
        response = stream_text(self._work.store, job.id, request, self._work.stopping)
        return self._followers.limit(response)

    async def websocket(self, socket: WebSocket) -> None:
        """The same, by WebSocket."""
        try:
            job = await run_in_threadpool(self._work.job, socket.path_params["id"])
            start = _number(socket, "from", 0, least=0)
            with self._followers.take_place():
                await follow_by_websocket(
                    self._work.store, job.id, socket, start, self._work.stopping
                )
        except Refusal as refusal:
            answer = JSONResponse(refusal.body, refusal.status, refusal.headers)
            await socket.send_denial_response(answer)


def _make_handler(by_method: Mapping[str, _Endpoint]) -> Callable[[Request], Any]:
    """Turn blocking functions into handlers of a path, with JSON responses."""

    async def answer(request: Request) -> Response:
        endpoint = by_method["GET" if request.method == "HEAD" else request.method]
        # Others are never read: GET health/ is open to strangers.
        body = await _body(request) if request.method in ("POST", "PATCH") else {}
        done = await run_in_threadpool(endpoint, request, body)
        if isinstance(done, Response):
            return done
        content, status = done if isinstance(done, tuple) else (done, 200)
        if status == 204:
            return Response(status_code=204)
        return JSONResponse(content, status)

    return answer


def _refusing(status: int, reason: str) -> Callable[[Request], Any]:
    """Return a handler that refuses each request for the same reason."""

    async def refuse(request: Request) -> Response:
        del request
        return JSONResponse({"detail": reason}, status)

    return refuse


async def _body(request: Request) -> dict[str, Any]:
    """Read a request's body, which is a JSON object or nothing."""
    content = b""
    async for piece in request.stream():
        content += piece
        if len(content) > _MOST_BODY:
            raise Refusal(413, f"The body is larger than {_MOST_BODY:,} bytes.")
    if not content:
        return {}
    try:
        found = json.loads(content)
        # Not all that Python reads can be answered: NaN, and halves of surrogate pairs.
        json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"JSON parse error - {error}") from None
    if not isinstance(found, dict):
        kind = type(found).__name__
        message = f"Invalid data. Expected a dictionary, but got {kind}."
        raise Refusal(400, {"non_field_errors": [message]})
    return found


def _answer_refusal(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, Refusal)  # noqa: S101 - for the type checker: it is registered so
    return JSONResponse(error.body, error.status, error.headers)


def _answer_unavailable(request: Request, error: Exception) -> Response:
    return _answer_refusal(request, Refusal(503, str(error)))


def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    detail = "Not found." if error.status_code == 404 else str(error.detail)
    if error.status_code == 405:
        detail = f'Method "{request.method}" not allowed.'
    return JSONResponse({"detail": detail}, error.status_code, dict(error.headers or {}))


def _answer_fault(request: Request, error: Exception) -> Response:
    log_events.AGENT_REQUEST_FAILED.log(
        "%s %s failed",
        request.method,
        request.url.path,
        exc_info=error,
        method=request.method,
        path=request.url.path,
    )
    return JSONResponse({"detail": "The agent failed; its log says why."}, 500)


def _caller(request: Request) -> Caller:
    def word(name: str) -> str | None:
        value = request.headers.get(name)
        if value is None:
            return None
        found = _TOKEN.fullmatch(value.strip())
        if found is None:
            raise Refusal(400, f"Invalid {name} header: give one word, with or without 'Token'.")
        return found[1]

    return Caller(word("SYNAPSE-User"), word("SYNAPSE-Tenant"))


def _job_row(job: KeptJob) -> dict[str, Any]:
    return {
        "id": job.id,
        "plugin": job.code,
        "version": job.version,
        "plugin_release": f"{job.code}@{job.version}",
        "action": job.action,
        "params": dict(job.params),
        "debug": job.debug,
        "status": _WIRE_STATUS.get(job.status, job.status.upper()),
        "message": job.reason,
        "lines": job.lines,
        "created": job.created,
        "started": job.started,
        "completed": job.completed,
    }


def _release_row(kept: KeptRelease) -> dict[str, Any]:
    return {
        "id": kept.id,
        "key": kept.key,
        "plugin": kept.code,
        "version": kept.version,
        "checksum": kept.checksum,
        "size": kept.size,
        "config": dict(kept.config),
        "created": kept.created,
    }


def _find_row(rows: Sequence[dict[str, Any]], name: str, request: Request, what: str) -> Any:
    key = request.path_params["id"]
    for row in rows:
        if row.get(name) == key:
            return row
    raise Refusal(404, f"No {what} {key} exists.")


def _number(request: HTTPConnection, name: str, default: int, *, least: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not re.fullmatch("[0-9]{1,15}", text) or int(text) < least:
        raise Refusal(400, {name: [f"Give a whole number from {least}."]})
    return int(text)


def _asks_for_json(request: Request) -> bool:
    """Return whether a log is asked for as JSON: by `format`, else by the preferred type."""
    form = request.query_params.get("format")
    if form is None:
        preferred = request.headers.get("accept", "").partition(",")[0].partition(";")[0]
        return preferred.strip().lower() == "application/json"
    if form not in ("text", "json"):
        raise Refusal(400, {"format": ["Give text or json."]})
    return form == "json"


def _asks_for_page(request: Request) -> bool:
    return not {"page", "page_size"}.isdisjoint(request.query_params)


def _list_rows(request: Request, rows: Sequence[dict[str, Any]]) -> Any:
    """Return all rows as a plain list, or the page that is asked for."""
    return _slice_page(request, rows) if _asks_for_page(request) else list(rows)


def _window(request: Request) -> tuple[int, int]:
    """Return number and size of the requested page."""
    size = min(_number(request, "page_size", 100, least=1), _MOST_ROWS)
    return _number(request, "page", 1, least=1), size


def _slice_page(request: Request, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    number, size = _window(request)
    chosen = rows[(number - 1) * size : number * size]
    return _build_page(request, chosen, len(rows), number, size)


def _build_page(
    request: Request, rows: Sequence[dict[str, Any]], count: int, number: int, size: int
) -> dict[str, Any]:
    if number > 1 and not rows:
        raise Refusal(404, "Invalid page.")
    others = [pair for pair in request.query_params.multi_items() if pair[0] != "page"]

    def link(to: int) -> str:
        return f"{request.url.replace(query=urlencode([*others, ('page', to)]))}"

    return {
        "count": count,
        "next": link(number + 1) if number * size < count else None,
        "previous": link(number - 1) if number > 1 else None,
        "results": list(rows),
    }
