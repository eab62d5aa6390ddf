"""Things that change, and errors, as a saved notebook keeps them. Needs no browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import nbformat
import pytest
from nbclient import NotebookClient

from synapse.emulator import Emulator

Execute: TypeAlias = Callable[..., list[nbformat.NotebookNode]]

START = """
import os, signal, threading, time
from pathlib import Path
import synapse
from synapse._internal import live_output
from synapse.resources import job_progress
from synapse.transfer import progress

# Show at once what a person would see after half a second.
job_progress._DELAY = progress._DELAY = 0.0
live_output.CellOutput.__init__.__defaults__ = (0.0, time.monotonic)
stop_at = []
stop = (os.kill, (os.getpid(), signal.SIGINT))

def interrupt(event):
    if event.method in stop_at:
        stop_at.clear()
        if event.method == "GET":  # then the SDK waits, and this function has returned
            threading.Timer(0.2, *stop).start()
        else:
            stop[0](*stop[1])

session = synapse.Session(on_response=interrupt)
plugin = session.plugins.create(name="Detector")

def play(job, *steps):
    def run():
        with synapse.Session() as other:
            for values in steps:
                other.jobs.get(job.id).update(**values)
                time.sleep(0.3)
    threading.Thread(target=run).start()
    return job
"""
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def execute(environment: dict[str, str], tmp_path: Path) -> Execute:
    """Runs cells in a kernel; returns the executed cells."""

    def run(*sources: str) -> list[nbformat.NotebookNode]:
        written = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in (START, *sources)]
        )
        with Emulator() as emulator:
            settings = {"SYNAPSE_BASE_URL": emulator.url, "SYNAPSE_API_TOKEN": emulator.api_token}
            client = NotebookClient(
                written,
                timeout=60,
                kernel_name="python3",
                allow_errors=True,
                resources={"metadata": {"path": str(tmp_path)}},
            )
            client.execute(env={**environment, **settings})
        first, *others = written.cells
        assert first.outputs == []
        return others

    return run


def read_text(output: Any) -> str:
    """Return the text of an output, as a viewer without HTML shows the output."""
    return str(output["data"]["text/plain"])


def read_traceback(output: Any) -> str:
    """Return the traceback of an error, without colours."""
    assert output.output_type == "error"
    return ANSI.sub("", "\n".join(output.traceback))


WAIT = """
job = play(plugin.run("train"), {"status": "running", "progress": 40}, {"status": "succeeded"})
_ = job.wait()
"""
FAIL = """
job = play(plugin.run("train"), {"status": "running"},
           {"status": "failed", "console_logs": ["No pictures."]})
job.wait()
"""
MANY = """
jobs = [play(plugin.run("train"), {"status": "running"}, {"status": "succeeded"}) for _ in range(9)]
for job in jobs:
    _ = job.wait()
"""
SILENT = """
os.environ["SYNAPSE_PROGRESS"] = "off"
_ = play(plugin.run("train"), {"status": "running"}, {"status": "succeeded"}).wait()
"""


def test_waiting_is_one_output_with_the_end(execute: Execute) -> None:
    waited, failed, many, silent = execute(WAIT, FAIL, MANY, SILENT)

    (output,) = waited.outputs
    assert re.fullmatch(
        r"Job \w{8} \(train\): succeeded, [\d.]+ s, session\.jobs\.get\('[-\w]+'\)\.result",
        read_text(output),
    )
    assert "succeeded" in output["data"]["text/html"]
    shown, error = failed.outputs
    assert re.search(r"failed, .*session\.jobs\.get\('[-\w]+'\)\.logs\(\)", read_text(shown))
    assert error.ename == "JobFailed"
    assert "No pictures." in error.evalue
    (all_jobs,) = many.outputs
    lines = read_text(all_jobs).splitlines()
    assert len(lines) <= 6
    assert all("succeeded" in line for line in lines)
    assert silent.outputs == []


FOLLOW = """
lines = [f"line {number}" for number in range(500)]
job = plugin.run("train").update(status="running", console_logs=lines)
play(job, {"console_logs": ["last"]}, {"status": "succeeded"})
job.follow()
"""
LOOP = """
count = 0
for line in job.follow():
    count += 1
print(count)
"""
BREAK = """
for line in job.follow():
    break
"""


def test_following_is_one_output_of_bounded_size(execute: Execute) -> None:
    followed, looped, left = execute(FOLLOW, LOOP, BREAK)

    (output,) = followed.outputs
    first, *lines = read_text(output).splitlines()
    assert re.match(r"Job .*: succeeded, 501 lines, followed for", first)
    assert lines == [f"line {number}" for number in range(481, 500)] + ["last"]
    assert "The last 20 of 501 lines. job.logs() has all." in output["data"]["text/html"]
    assert len(str(output)) < 6_000
    state, printed = looped.outputs
    assert re.fullmatch(r"Job .*: succeeded, 501 lines, .*", read_text(state))
    assert printed.text == "501\n"
    (state,) = left.outputs
    assert "not followed to the end, 1 line, " in read_text(state)


UPLOAD = """
for number in range(12):
    Path(f"{number}.bin").write_bytes(bytes([number]) * 3_000_000)
    file = session.data_files.upload(f"{number}.bin", chunked=True, chunk_size=1_000_000)
"""
MANY_FILES = """
collection = session.data_collections.create(
    name="All", category="image",
    file_specifications=[synapse.FileSpecification(name="file", file_type="data")])
Path("files").mkdir()
for number in range(30):
    Path(f"files/{number}.bin").write_bytes(bytes([number]) * 1000)
report = collection.upload("files")
copied = collection.download("copies")
"""
STOP_UPLOAD = """
Path("large.bin").write_bytes(b"x" * 5_000_000)
stop_at.append("PUT")
session.data_files.upload("large.bin", chunked=True, chunk_size=1_000_000)
"""
STOP_MANY = """
Path("more").mkdir()
for number in range(30):
    Path(f"more/{number}.bin").write_bytes(bytes([number]) * 999)
stop_at.append("POST")
collection.upload("more")
"""


def test_transfers_are_one_output_with_the_end(execute: Execute) -> None:
    single, many, stopped, stopped_many = execute(UPLOAD, MANY_FILES, STOP_UPLOAD, STOP_MANY)

    (output,) = single.outputs
    note, *texts = read_text(output).splitlines()
    assert note == "… and 7 earlier: 7 done."
    assert [text.partition(":")[0] for text in texts] == [f"{n}.bin" for n in range(7, 12)]
    assert all(re.match(r"\d+\.bin: done, 3.0 MB, [\d.]+ s \([\d.]+ MB/s\)", t) for t in texts)
    (output,) = many.outputs
    upload, download = read_text(output).splitlines()
    assert re.match(r"Upload: done, 30 of 30 files, 0.0 MB, [\d.]+ s", upload)
    assert re.match(r"Download: done, 30 of 30 files, ", download)
    shown, error = stopped.outputs
    assert read_text(shown).startswith("large.bin: stopped, ")
    assert error.ename == "KeyboardInterrupt"
    assert re.fullmatch(r"Stopped: [\d.]+ of 5.0 MB done\. The same call goes on\.", error.evalue)
    *_, error = stopped_many.outputs
    assert re.search(r"The same call goes on; the journal /\S+\.sqlite knows", error.evalue)


STOP_WAITING = """
job = plugin.run("train")
stop_at.append("GET")
job.wait()
"""
STOP_FOLLOWING = """
job.update(status="running", console_logs=["one"])
stop_at.append("GET")
for line in job.follow():
    pass
"""
WRONG = "session.projects.get(99_999)"
HELPER = """
def outer():
    try:
        int("x")
    except ValueError:
        session.projects.filter(titel=1)

outer()
"""
TYPO = "session.projets"
INDEX = "session.projects.all()[7]"
DETAILS = """
import sys, traceback
error = sys.last_value
print(len(traceback.extract_tb(error.__traceback__)) > 3)
print("synapse" in traceback.extract_tb(get_ipython().InteractiveTB.tb)[-1].filename)
"""
FULL = "os.environ['SYNAPSE_TRACEBACK'] = 'full'\nsession.projects.get(99_999)"


def test_interrupts_and_errors_end_at_the_users_line(execute: Execute) -> None:
    waiting, following, wrong, details, helper, typo, index, full = execute(
        STOP_WAITING, STOP_FOLLOWING, WRONG, DETAILS, HELPER, TYPO, INDEX, FULL
    )

    shown, error = waiting.outputs
    assert re.search(
        r"(queued|started), .*session\.jobs\.get\('[-\w]+'\)\.wait\(\)", read_text(shown)
    )
    assert re.match(
        r"Stopped waiting\. Job \S+ goes on: session\.jobs\.get\('[-\w]+'\)\.wait\(\) waits again",
        error.evalue,
    )
    assert is_cut(error, "----> 3 job.wait()")
    *_, error = following.outputs
    assert error.evalue.startswith("Stopped following. Job ")
    assert is_cut(error, "for line in job.follow():")
    (error,) = wrong.outputs
    assert error.ename == "NotFound"
    assert is_cut(error, "----> 1 session.projects.get(99_999)")
    assert details.outputs[0].text == "True\nTrue\n"
    (error,) = helper.outputs
    assert "invalid literal for int()" in read_traceback(error)
    assert is_cut(error, "session.projects.filter(titel=1)")
    (error,) = typo.outputs
    assert is_cut(error, "----> 1 session.projets")
    (error,) = index.outputs
    assert error.ename == "IndexError"
    assert is_cut(error, "----> 1 session.projects.all()[7]")
    (error,) = full.outputs
    assert "/synapse/" in read_traceback(error)


def is_cut(error: Any, line: str) -> bool:
    """Return whether a traceback has the user's line, and no frame of the package."""
    text = read_traceback(error)
    assert line in text, text
    return "/synapse/" not in text and "of the SDK hidden" in text
