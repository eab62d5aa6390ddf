"""Plugins whose jobs run, and waiting for what they do."""

import contextlib
import io
import json
import textwrap
import time
import zipfile

from .client import connect

SECONDS = 60.0
FINAL = ("SUCCEEDED", "FAILED", "STOPPED")


def zipped(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return stream.getvalue()


def archive(source, files=None, **config):
    described = {
        "code": "tried",
        "name": "Tried",
        "version": "1.0.0",
        "category": "neural_net",
        "actions": {"train": {"entrypoint": "plugin:run"}},
        **config,
    }
    own = {"config.json": json.dumps(described), "plugin.py": textwrap.dedent(source)}
    return zipped({**own, **(files or {})})


def released(api, source, version="1.0.0", **options):
    if not api.ids("plugins/", code="tried"):
        api.plugin("Tried", code="tried")
    response = api.request(
        "POST",
        "plugin_releases/",
        files={"file": ("tried.zip", archive(source, version=version, **options))},
        data={"plugin": "tried", "version": version},
    )
    assert response.status_code == 201, response.text


def started(api, source=None, body=None, **options):
    if source is not None:
        released(api, source, **options)
    return api.ok("POST", "plugins/tried/run/", body or {})["job_id"]


def until(api, job, *states, within=SECONDS):
    """Wait for a job to be in one of some states."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        row = api.get(f"jobs/{job}/").json()
        if row["status"] in states:
            return row
        assert row["status"] not in FINAL, (row, console(api, job))
        time.sleep(0.03)
    raise AssertionError(f"{row['status']} for {within} s: {console(api, job)}")


def ended(api, job):
    return until(api, job, *FINAL)


def printed(api, job, message, within=SECONDS):
    """Wait for a line."""
    end = time.monotonic() + within
    while message not in console(api, job):
        assert time.monotonic() < end
        time.sleep(0.03)


def lines(api, job):
    rows = api.get(f"jobs/{job}/console_logs/").json()["results"]
    return [(row["message"], row["level"]) for row in rows]


def console(api, job):
    return [message for message, _ in lines(api, job)]


SLEEP = """
    import time
    def run():
        print("up")
        time.sleep(60)
"""


@contextlib.contextmanager
def connected(emulator):
    """A client of a backend's first tenant."""
    client = connect(emulator, emulator.api_token)
    with client.http:
        yield client
