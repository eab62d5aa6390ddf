"""Checks of the server: health, token, tenant, dialect, and the upload of one byte."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

from synapse.doctor.examination import Examination, as_mapping, explain
from synapse.doctor.report import Finding, ok, skipped, warning
from synapse.errors import AuthenticationError, ClientError, NotFound
from synapse.transfer.presigned_protocol import fetch_default_storage, has_presigned_uploads
from synapse.transfer.upload import upload
from synapse.transport.paging import get_page

__all__ = ["check_dialect", "check_health", "check_token", "check_upload"]

_USER_KINDS = ("api_token", "authorization_token")
_FILE_NAME = "synapse-doctor.txt"


def check_health(examination: Examination) -> Iterator[Finding]:
    """Yield the server's health report. One request, without retries of bad responses."""
    response = examination.transport.fetch("GET", "health/", repeatable=False, resource="health")
    examination.response, examination.received = response, time.time()
    try:
        details = as_mapping(response.json())
    except NotFound:
        yield ok("The server answers, without a report of its health.")
        return
    except AuthenticationError:  # the next check has the reason
        yield ok("The server answers; its health needs a valid token.")
        return
    status, version = details.get("status"), details.get("version")
    shown = f"status {status}" if status else "no status"
    found = f"{examination.transport.base_url} answers: {shown}, version {version or 'unknown'}."
    if status in (None, "ok", "healthy"):
        yield ok(found)
    else:
        yield warning(found, "Ask the server's administrators.")


def check_token(examination: Examination) -> Iterator[Finding]:
    """Yield the user and the tenant of the token. One request."""
    transport = examination.transport
    settings = transport.settings
    if not any(kind in settings.credentials for kind in _USER_KINDS):
        yield skipped(
            "The credentials belong to no user." if settings.credentials else "No credentials.",
            "Give api_token, or set SYNAPSE_API_TOKEN.",
        )
        return
    try:
        user = as_mapping(transport.request("GET", "users/me/", resource="users/me"))
    except ClientError as error:
        yield explain(error, "Copy the token again, or create a new one.")
        return
    yield ok(
        f"Valid, of {user.get('username') or 'a user'} (id {user.get('id')}), {settings.source}."
    )
    code: Any = user.get("tenant")
    if isinstance(code, dict):
        code = as_mapping(code).get("code")
    if settings.tenant and code is not None and str(code) != settings.tenant:
        yield warning(
            f"The server uses {code}, although {settings.tenant} was asked for.",
            "Check the tenant's code, and that the token is of that tenant.",
            check="tenant",
        )
    elif code is not None:
        yield ok(f"The server uses {code}.", check="tenant")


def check_dialect(examination: Examination) -> Iterator[Finding]:
    """Yield the ways of uploads and of long lists that the server offers. Two requests at most."""
    transport = examination.transport
    option = transport.options.uploads
    is_presigned = has_presigned_uploads(transport)
    storage = fetch_default_storage(transport) if is_presigned and option == "auto" else None
    provider = f" ({storage.get('provider')})" if storage else ""
    way = f"to the storage by presigned URLs{provider}" if is_presigned else "to the server"
    yield ok(f"Uploads go {way}{', by uploads=' if option != 'auto' else ''}.", check="uploads")
    # Ids begin with 1, so rows in the answer show that the server ignored the bound.
    page = get_page(
        transport, "projects/", [("id__lt", 1), ("page_size", 1)], resource="projects below id 1"
    )
    if page.rows:
        yield ok("Long lists are read by cursor or by page numbers.", check="lists")
    else:
        yield ok("Long lists are read by keys (bounds on the id).", check="lists")
    for path, missing in sorted(transport.missing_ways):
        yield ok(f"This session found no {missing} for {path}.", check="lists")


def check_upload(examination: Examination) -> Iterator[Finding]:
    """Yield the result of uploading one byte. One request to five, if it was asked for."""
    if not examination.upload:
        yield skipped(
            "Not requested: one byte would stay on the server; no client may delete data files.",
            "Run `synapse doctor --upload`, or session.doctor(upload=True).",
        )
        return
    transport = examination.transport
    row = upload(
        transport,
        "data_files/",
        io.BytesIO(b"\n"),
        name=_FILE_NAME,
        progress=False,
        state=False,
        is_presigned=None,
    )
    way = "the storage, by a presigned URL" if has_presigned_uploads(transport) else "the server"
    yield ok(
        f"One byte went to {way}. The data file {row.get('id')} ({_FILE_NAME}) stays there, "
        "without a data unit."
    )
