"""A service that other systems call when a picture is ready: it creates the unit and the task."""

import hmac
import io
import os

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import synapse

session = synapse.connect()  # one session for all requests: it may be used in several threads


def add_picture(name: str, content: bytes) -> int:
    """Store a picture, unless the project has it, and return the id of its task."""
    project = session.projects.get(title="Streets")
    collection = session.data_collections.get(name="Streets")
    file = session.data_files.upload(io.BytesIO(content), name=name)
    unit = collection.data_units.create(
        files={"image": {"checksum": file.checksum, "path": name}}, meta={"from": "webhook"}
    )
    return project.tasks.create(data_unit=unit).id


async def receive(request: Request) -> JSONResponse:
    """Take the picture of a request."""
    secret = os.environ["WEBHOOK_SECRET"]
    if not hmac.compare_digest(request.headers.get("x-secret", "").encode(), secret.encode()):
        return JSONResponse({"error": "wrong secret"}, status_code=403)
    content = await request.body()
    try:
        # The session waits for its server, so it runs in a thread, apart from the event loop.
        task = await run_in_threadpool(add_picture, request.path_params["name"], content)
    except synapse.SynapseError as error:
        # The caller tries again later, unless its picture is at fault.
        return JSONResponse({"error": str(error)}, status_code=502)
    return JSONResponse({"task": task}, status_code=201)


app = Starlette(routes=[Route("/pictures/{name}", receive, methods=["POST"])])
