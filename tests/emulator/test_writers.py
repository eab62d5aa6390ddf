"""Concurrent writers on SQLite: each waits, and none fails."""

import threading
from concurrent.futures import ThreadPoolExecutor

from .client import connect


def test_writers_at_once_all_succeed(emulator, api):
    token = emulator.create_tenant().api_token
    local = threading.local()
    clients = []

    def client():
        if not hasattr(local, "api"):
            local.api = connect(emulator, token)
            clients.append(local.api)
        return local.api

    def write(n):
        own = client()
        project = own.project(title=str(n))["id"]
        task = own.task(project)["id"]
        own.ok("PUT", f"tasks/{task}/annotate_task_data/", {"n": n})
        own.file(b"same content for all")
        return own.get(f"tasks/{task}/").json()["data"]["n"]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write, range(80))) == list(range(80))
    for each in clients:
        each.http.close()


def test_changes_of_different_fields_at_once_are_all_kept(emulator, api):
    task = api.task(api.project()["id"])["id"]
    changes = [{"priority": "high"}, {"status": "completed"}, {"meta": {"a": 1}}, {"data": [1]}]
    headers = dict(api.http.headers)

    def patch(change):
        own = type(api)(emulator.url, headers)
        with own.http:
            own.ok("PATCH", f"tasks/{task}/", change)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(patch, changes))
    after = api.get(f"tasks/{task}/").json()
    assert all(after[key] == value for change in changes for key, value in change.items())
