"""The guard of all tests fails each request without a timeout."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from raw_server import Recorder

from synapse import Session

pytest_plugins = ["pytester"]

WITHOUT = """
import threading
import requests

def test_none_at_all():
    requests.get({url!r})

def test_none_to_connect():
    requests.post({url!r}, json=1, timeout=(None, 5))

def test_none_to_read():
    requests.get({url!r}, timeout=(5, None))

def test_in_a_thread():
    thread = threading.Thread(target=requests.get, args=({url!r},))
    thread.start()
    thread.join()
"""


def test_requests_without_one_fail(pytester: pytest.Pytester, request: Any, home: Recorder) -> None:
    guard = request.config.rootpath / "tests" / "conftest.py"
    pytester.makeconftest(guard.read_text(encoding="utf-8"))
    pytester.makepyfile(WITHOUT.format(url=home.url))
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=4, errors=4)
    result.stdout.fnmatch_lines(["*These requests have no timeout.*"])


def test_requests_with_one_pass(home: Recorder) -> None:
    requests.get(home.url, timeout=5)
    with Session(home.url, "some-token") as session:
        session.projects.count()
