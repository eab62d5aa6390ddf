"""The stream of a job's output."""

import pytest


@pytest.fixture
def ended_job(api):
    """A job that has ended, with two rows of three lines in all."""
    job = api.job()
    api.ok("PATCH", f"jobs/{job}/", {"console_logs": [{"message": "one\ntwo"}, "three"]})
    api.ok("PATCH", f"jobs/{job}/", {"status": "completed"})
    return job


@pytest.mark.parametrize(
    ("start", "text"),
    [(0, "one\ntwo\nthree\n"), (1, "two\nthree\n"), (2, "three\n"), (3, ""), (9, "")],
)
def test_a_range_counts_lines_and_not_rows(api, ended_job, start, text):
    path = f"jobs/{ended_job}/tail_console_logs/"
    response = api.request("GET", path, headers={"Range": f"lines={start}-"})

    assert (response.status_code, response.text) == (206, text)
    assert response.headers["Content-Range"] == f"lines {start}-/*"


def test_a_malformed_range_is_416(api, ended_job):
    path = f"jobs/{ended_job}/tail_console_logs/"
    response = api.request("GET", path, headers={"Range": "lines=-1"})

    assert response.status_code == 416
    assert response.json()["detail"].startswith("The range must be lines=N-")
