import base64
import threading
import time
import uuid

import pytest
import requests
from worker_processes import runs_workers

from .client import connect, sha256


@pytest.fixture
def job(api):
    return api.job()


def patch(api, job, body):
    return api.request("PATCH", f"jobs/{job}/", json=body)


def console(api, job):
    return [line["message"] for line in api.get(f"jobs/{job}/console_logs/").json()["results"]]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("queued", "PENDING"),
        ("PENDING", "PENDING"),
        ("running", "RUNNING"),
        ("Running", "RUNNING"),
        ("completed", "SUCCEEDED"),
        ("SUCCEEDED", "SUCCEEDED"),
        ("FAILED", "FAILED"),
        ("stopped", "STOPPED"),
    ],
)
def test_states_in_every_spelling(api, job, sent, kept):
    changed = patch(api, job, {"status": sent}).json()
    assert changed["status"] == kept
    assert (changed["completed"] is not None) == (kept in ("SUCCEEDED", "FAILED", "STOPPED"))
    assert api.ids("jobs/", status=sent) == [job]
    assert api.ids("jobs/", status=kept) == [job]


def test_report(api, job):
    body = {
        "progress": 42.5,
        "progress_record": {"train": {"progress": 50}},
        "metrics_record": {"loss": 0.1},
        "result": [1, "a", None],
    }
    changed = patch(api, job, {**body, "params": {"x": 1}, "plugin": None, "action": "y"}).json()
    assert {name: changed[name] for name in body} == body
    assert (changed["params"], changed["action"]) == ({}, None)
    assert "console_logs" not in changed
    cleared = patch(api, job, dict.fromkeys(body)).json()
    assert {name: cleared[name] for name in body} == dict.fromkeys(body)


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "STOPPED"])
def test_a_job_that_has_ended_does_not_go_back(api, job, state):
    ended = patch(api, job, {"status": state}).json()
    for other in {"PENDING", "RUNNING", "SUCCEEDED", "FAILED", "STOPPED"} - {state}:
        response = patch(api, job, {"status": other})
        assert (response.status_code, response.json()) == (
            409,
            {"detail": f"The job has already ended: {state}."},
        )
    later = patch(api, job, {"status": state.lower(), "result": 5, "console_logs": "late"}).json()
    assert (later["completed"], later["result"]) == (ended["completed"], 5)
    assert console(api, job) == ["late"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"status": "done"}, "status"),
        ({"status": None}, "status"),
        ({"status": 5}, "status"),
        ({"progress": 100.5}, "progress"),
        ({"progress": -1}, "progress"),
        ({"progress": "NaN"}, "progress"),
        ({"progress": "x"}, "progress"),
        ({"progress_record": []}, "progress_record"),
        ({"metrics_record": "x"}, "metrics_record"),
        ({"console_logs": 5}, "console_logs"),
        ({"console_logs": None}, "console_logs"),
        ({"console_logs": [5]}, "console_logs"),
        ({"console_logs": ["a\x00b"]}, "console_logs"),
        ({"console_logs": [{"message": "a", "level": "loud"}]}, "console_logs"),
        ({"console_logs": [{"message": "a", "created": "0001-01-01T00:00+14:00"}]}, "console_logs"),
        ({"console_logs": [{"level": "info"}]}, "console_logs"),
        ([], "non_field_errors"),
    ],
)
def test_bad_reports(api, job, body, field):
    response = patch(api, job, body)
    assert (response.status_code, list(response.json())) == (400, [field])
    assert console(api, job) == []


def test_a_bad_line_is_told_in_its_place(api, job):
    errors = patch(api, job, {"console_logs": ["a", {"message": None}]}).json()
    assert errors == {"console_logs": [{}, {"message": ["This field may not be null."]}]}


def test_console(api, job):
    patch(api, job, {"console_logs": ["  one", {"message": "two", "level": "INFO"}]})
    patch(api, job, {"console_logs": "three\nfour\n"})
    moment = "2024-05-06T07:08:09.000001Z"
    patch(api, job, {"console_logs": [{"message": "five", "created": moment, "level": None}]})
    page = api.get(f"jobs/{job}/console_logs/").json()
    assert [page[key] for key in ("count", "next", "previous")] == [5, None, None]
    assert console(api, job) == ["  one", "two", "three", "four", "five"]
    assert [line["level"] for line in page["results"]] == [None, "info", None, None, None]
    assert page["results"][4] == {"message": "five", "level": None, "created": moment}
    assert page["results"][0]["created"].endswith("Z")


@pytest.mark.parametrize("key", [str(uuid.UUID(int=7)), "x", "5", "g" * 32, "-" * 36, "0" * 33])
def test_an_unknown_job_is_404_in_json(api, key):
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("GET", "console_logs/"),
        ("GET", "tail_console_logs/"),
    ):
        response = api.request(method, f"jobs/{key}/{path}", json={})
        assert response.status_code == 404
        assert "detail" in response.json()


def test_only_some_verbs(api, job):
    for method, path in (
        ("POST", "jobs/"),
        ("DELETE", f"jobs/{job}/"),
        ("PUT", f"jobs/{job}/"),
        ("GET", "logs/"),
    ):
        assert api.request(method, path, json={}).status_code == 405


def test_others_see_none_of_it(api, other, job):
    for path in ("", "console_logs/", "tail_console_logs/"):
        assert other.get(f"jobs/{job}/{path}").status_code == 404
    assert other.ids("jobs/") == []
    assert other.post("logs/", {"job": job, "message": "a"}).status_code == 400


def test_filters_order_and_expansion(api):
    plugin = api.plugin("Detector")["id"]
    jobs = [api.job(plugin, action=action) for action in ("train", "infer", "train")]
    assert api.ids("jobs/") == jobs
    assert api.ids("jobs/", ordering="-created") == jobs[::-1]
    assert api.ids("jobs/", action="train", plugin=plugin) == [jobs[0], jobs[2]]
    assert api.ids("jobs/", id=jobs[1:]) == jobs[1:]
    patch(api, jobs[1], {"progress": 50, "status": "running"})
    assert api.ids("jobs/", progress=50) == [jobs[1]]
    assert api.get("jobs/", progress="x").status_code == 400
    assert api.get("jobs/", id="x").status_code == 400
    row = api.get(f"jobs/{jobs[0]}/", expand="plugin,plugin_release,agent").json()
    assert (row["plugin"]["code"], row["plugin_release"]) == ("detector", None)


def test_a_console_log_in_pages(api, job):
    patch(api, job, {"console_logs": [str(n) for n in range(5)]})
    path = f"jobs/{job}/console_logs/"
    first = api.get(path, page_size=2).json()
    assert ([line["message"] for line in first["results"]], first["count"]) == (["0", "1"], 5)
    assert first["next"].endswith(f"{path}?page=2&page_size=2")
    last = api.get(path, page_size=2, page=3).json()
    assert ([line["message"] for line in last["results"]], last["next"]) == (["4"], None)
    assert set(last["results"][0]) == {"message", "level", "created"}
    assert api.get(path, page_size=2, page=4).status_code == 404


# Following


def follow(api, job, start=None):
    """Follow a job; whoever followed before may be noticed to have gone a moment later."""
    end = time.monotonic() + 60
    headers = {} if start is None else {"Range": f"lines={start}-"}
    while True:
        response = api.request(
            "GET", f"jobs/{job}/tail_console_logs/", stream=True, headers=headers
        )
        if response.status_code != 429 or time.monotonic() > end:
            assert response.status_code == (200 if start is None else 206), response.text
            return response
        response.close()
        time.sleep(0.05)


def test_a_log_is_followed_to_the_end_of_the_job(api, job):
    patch(api, job, {"console_logs": ["one", "two"]})
    with follow(api, job) as response:
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert response.headers["Transfer-Encoding"] == "chunked"
        lines = response.iter_lines(chunk_size=1, decode_unicode=True)
        assert [next(lines), next(lines)] == ["one", "two"]
        patch(api, job, {"console_logs": "drei ü"})
        assert next(lines) == "drei ü"
        patch(api, job, {"console_logs": ["last"] * 1200, "status": "failed"})
        assert list(lines) == ["last"] * 1200
    with follow(api, job) as response:
        assert len(response.text.splitlines()) == 1203
    head = api.request("HEAD", f"jobs/{job}/tail_console_logs/")
    assert (head.status_code, head.content) == (200, b"")


def test_a_log_that_any_accept_header_gets(api, job):
    patch(api, job, {"console_logs": "one", "status": "completed"})
    path = f"jobs/{job}/tail_console_logs/"
    assert api.request("GET", path, headers={"Accept": "text/plain"}).text == "one\n"


@pytest.mark.skipif(runs_workers(), reason="the limit holds for each worker")
def test_eight_may_follow_and_nobody_waits_for_them(api, job):
    patch(api, job, {"console_logs": "one"})
    followers = [follow(api, job) for _ in range(8)]
    try:
        refused = api.get(f"jobs/{job}/tail_console_logs/")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        assert api.get("jobs/").status_code == 200
    finally:
        for follower in followers:
            follower.close()


# What a row says may be several lines; then rows can't be counted.
LOGS = {
    "lines": [f"line {n}" for n in range(6)],
    "rows": ["line 0\nline 1", "line 2", "line 3\nline 4\nline 5"],
    "long": "".join(f"line {n}\n" for n in range(6)),
}


@pytest.mark.parametrize("printed", LOGS.values(), ids=LOGS)
@pytest.mark.parametrize("start", range(8))
def test_a_log_is_followed_from_a_line_on(api, job, printed, start):
    printed = [{"message": line} for line in printed] if isinstance(printed, list) else printed
    patch(api, job, {"console_logs": printed})
    more = {"console_logs": ["line 6", "line 7"], "status": "completed"}
    # By then it is followed, or it isn't: what is read is the same.
    meanwhile = threading.Timer(0.1, patch, [api, job, more])
    meanwhile.start()
    with follow(api, job, start) as response:
        assert response.headers["Content-Range"] == f"lines {start}-/*"
        assert response.text.splitlines() == [f"line {n}" for n in range(start, 8)]
    meanwhile.join()


def test_a_log_is_followed_from_beyond_its_end(api, job):
    patch(api, job, {"console_logs": ["one"], "status": "completed"})
    with follow(api, job, 10**15 - 1) as response:
        assert response.content == b""


@pytest.mark.parametrize("wanted", ["lines=", "lines=-1", "lines=1-2", "lines=x-", "lines"])
def test_a_range_of_lines_that_is_none(api, job, wanted):
    path = f"jobs/{job}/tail_console_logs/"
    response = api.request("GET", path, headers={"Range": wanted})
    assert response.status_code == 416
    assert response.json()["detail"].startswith("The range must be lines=N-")


def test_other_ranges_are_left_alone(api, job):
    patch(api, job, {"console_logs": ["one"], "status": "completed"})
    path = f"jobs/{job}/tail_console_logs/"
    response = api.request("GET", path, headers={"Range": "bytes=1-"})
    assert (response.status_code, response.text) == (200, "one\n")


def test_a_follower_who_goes_while_nothing_is_printed_makes_room(api, job):
    patch(api, job, {"console_logs": "one"})
    for _ in range(4):
        with follow(api, job) as response:
            assert response.raw.read(1) == b"o"


# Log entries


def test_log(api, job):
    uri = "data:image/png;name=night%20photo.png;base64," + base64.b64encode(b"pixels").decode()
    body = {"job": job, "level": "WARNING", "message": " a ", "data": {"n": 1}, "file": uri}
    created = api.ok("POST", "logs/", body)
    assert created == {
        "id": created["id"],
        "job": job,
        "level": "warning",
        "message": " a ",
        "event": None,
        "step": None,
        "datetime": None,
        "data": {"n": 1},
        "file": created["file"],
        "created": created["created"],
    }
    assert created["file"].startswith(f"{api.url}/files/{sha256(b'pixels')}/night%20photo.png?")
    assert api.get(created["file"]).content == b"pixels"


def test_logs_in_a_list(api, job):
    bodies = [{"message": str(n), "job": job if n % 2 else None} for n in range(20)]
    bodies[3]["file"] = "data:;base64,aGk="
    created = api.ok("POST", "logs/", bodies)
    assert [log["message"] for log in created] == [str(n) for n in range(20)]
    assert {log["level"] for log in created} == {"info"}
    assert created[3]["file"].split("?")[0].endswith("/file.bin")
    assert api.ok("POST", "logs/", []) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "message"),
        ({"message": "a", "level": "loud"}, "level"),
        ({"message": "a", "job": "x"}, "job"),
        ({"message": "a", "job": str(uuid.UUID(int=7))}, "job"),
        ({"message": "a", "job": True}, "job"),
        ({"message": "a", "job": 10**40}, "job"),
        ({"message": "a", "data": "\x00"}, "data"),
        ({"message": "a", "file": "aGk="}, "file"),
        ({"message": "a", "file": "http://127.0.0.1/a"}, "file"),
        ({"message": "a", "file": "data:text/plain,hi"}, "file"),
        ({"message": "a", "file": "data:text/plain;base64,a"}, "file"),
        ({"message": "a", "file": "data:text/plain;base64,ä"}, "file"),
        ({"message": "a", "file": "data:text/plain;base64,"}, "file"),
        ({"message": "a", "file": {"a": 1}}, "file"),
    ],
)
def test_bad_logs(api, body, field):
    response = api.post("logs/", body)
    assert (response.status_code, list(response.json())) == (400, [field])
    response = api.post("logs/", [{"message": "good"}, body])
    assert response.status_code == 400
    assert [list(errors) for errors in response.json()] == [[], [field]]


def test_the_server_stops_while_a_log_is_followed():
    from synapse.emulator import Emulator

    with Emulator() as emulator:
        api = connect(emulator, emulator.api_token)
        with api.http:
            job = api.job()
            patch(api, job, {"console_logs": "one"})
            response = follow(api, job)
            endings = []

            def read_all():
                try:
                    endings.append(response.content)
                except requests.RequestException as error:
                    endings.append(error)

            read = threading.Thread(target=read_all, daemon=True)
            read.start()
            emulator.stop()
            read.join(60)
            assert not read.is_alive()
            # Cut off, not ended: the job goes on.
            assert isinstance(endings[0], requests.exceptions.ChunkedEncodingError)
